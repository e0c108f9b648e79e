package maketorrent

import (
	"errors"
	"testing"

	"bt/internal/metainfo"
)

func TestRules(t *testing.T) {
	const k, m = 1 << 10, 1 << 20
	refused := errors.New("refused")
	wants := func(n int64) Rules {
		return Rules{PieceLength: func(size int64) (int64, error) {
			if size != 10*m {
				t.Errorf("asked for %d bytes", size)
			}
			return n, nil
		}}
	}
	for _, tt := range []struct {
		name string
		o    Options
		want int64
		why  Choice
		err  error
	}{
		{"none", Options{}, 16 * k, ChoiceSize, nil},
		{"no length in particular", Options{Rules: wants(0)}, 16 * k, ChoiceSize, nil},
		{"a length", Options{Rules: wants(64 * k)}, 64 * k, ChoiceRule, nil},
		{"at the limit", Options{Rules: wants(64 * k), MaxPieceLength: 64 * k}, 64 * k, ChoiceRule, nil},
		{"over the limit", Options{Rules: wants(256 * k), MaxPieceLength: 100 * k}, 64 * k, ChoiceLimit, nil},
		{"an error", Options{Rules: Rules{PieceLength: func(int64) (int64, error) { return 0, refused }}}, 0, 0, refused},
		{"an option", Options{Rules: wants(64 * k), PieceLength: 32 * k}, 32 * k, ChoiceGiven, nil},
		{"a target", Options{Rules: wants(64 * k), TargetPieces: 320}, 32 * k, ChoiceTarget, nil},
		{"the previous torrent", Options{Rules: wants(64 * k), Previous: &Torrent{PieceLength: 32 * k}}, 32 * k, ChoicePrevious, nil},

		{"few pieces", Options{Rules: Rules{MaxPieces: 100}}, 128 * k, ChoiceRule, nil},
		{"few pieces, as there are", Options{Rules: Rules{MaxPieces: 640}}, 16 * k, ChoiceSize, nil},
		{"few pieces that the limit forbids", Options{Rules: Rules{MaxPieces: 100}, MaxPieceLength: 64 * k}, 64 * k, ChoiceRule, nil},
		{"few pieces, and an option", Options{Rules: Rules{MaxPieces: 100}, PieceLength: 16 * k}, 16 * k, ChoiceGiven, nil},
		{"few pieces, and a target", Options{Rules: Rules{MaxPieces: 100}, TargetPieces: 640}, 16 * k, ChoiceTarget, nil},
		{"many pieces", Options{Rules: Rules{MinPieces: 300, PieceLength: wants(m).PieceLength}}, 32 * k, ChoiceRule, nil},
		{"more than possible", Options{Rules: Rules{MinPieces: 3000, PieceLength: wants(m).PieceLength}}, 16 * k, ChoiceRule, nil},
		{"a small torrent", Options{Rules: Rules{MaxTorrentSize: 4000}}, 64 * k, ChoiceRule, nil},
		{"a torrent too small", Options{Rules: Rules{MaxTorrentSize: 1}, MaxPieceLength: m}, m, ChoiceRule, nil},
		{"a small torrent, and an option", Options{Rules: Rules{MaxTorrentSize: 1}, PieceLength: 16 * k}, 16 * k, ChoiceGiven, nil},
		{"a smaller one by an option", Options{Rules: Rules{MaxTorrentSize: 4000}, MaxTorrentSize: 2000}, 128 * k, ChoiceTorrentSize, nil},
	} {
		b := &metainfo.Builder{V1: true, Name: "x", PieceLength: tt.o.PieceLength, Files: []metainfo.BuildFile{{Path: []string{"a"}, Length: m}, {Path: []string{"b"}, Length: 9 * m}}}
		_, why, err := tt.o.chooseLayout(b)
		if b.PieceLength != tt.want || why != tt.why || err != tt.err {
			t.Errorf("%s: %d by choice %d, %v", tt.name, b.PieceLength, why, err)
		}
	}
}

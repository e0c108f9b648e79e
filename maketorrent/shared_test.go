package maketorrent

import (
	"bytes"
	"maps"
	"math/rand/v2"
	"testing"
)

// What a torrent shares with an earlier one.
func TestShared(t *testing.T) {
	const n = 16 << 10
	r := &releaser{Rand: rand.New(rand.NewPCG(1, 2)), pieceLength: n}
	old := releaseTree{"a": r.bytes(3*n + 100), "b": r.bytes(50), "c": r.bytes(3*n + 7), "d": r.bytes(20)}
	root := old.write(t)
	changed := maps.Clone(old)
	changed["c"] = append(bytes.Clone(old["c"][:2*n]), r.bytes(n+7)...)
	grown := maps.Clone(old)
	grown["c"] = append(bytes.Clone(old["c"]), 1)
	total := int64(3*n + 100 + 50 + 3*n + 7 + 20)
	for _, tt := range []struct {
		name     string
		old, new Options
		tree     releaseTree
		want     Sharing
	}{
		{"v1, unchanged", Options{}, Options{}, old, Sharing{4, 7, total}},
		// Pieces 0 to 2 are of a, 3 of a, b and c, 4 and 5 of c, and 6 of c and d.
		{"v1, c changed", Options{}, Options{}, changed, Sharing{2, 5, 3*n + 100 + 50 + 2*n - 150}},
		{"v1, c grown", Options{}, Options{}, grown, Sharing{2, 6, 6 * n}},
		{"v1, other pieces but the last, which is short", Options{}, Options{PieceLength: 2 * n}, old, Sharing{1, 1, 100 + 50 + 7 + 20}},
		{"aligned v1, c grown", Options{Align: true}, Options{Align: true}, grown, Sharing{3, 4 + 1 + 3 + 1, total - 7}},
		{"v2, unchanged", Options{Format: FormatV2}, Options{Format: FormatV2}, old, Sharing{4, 10, total}},
		{"v2, c changed", Options{Format: FormatV2}, Options{Format: FormatV2}, changed, Sharing{3, 4 + 1 + 2 + 1, total - n - 7}},
		{"v2, other pieces", Options{Format: FormatV2}, Options{Format: FormatV2, PieceLength: 2 * n}, old, Sharing{4, 2, total}},
		{"hybrid to v2", Options{Format: FormatHybrid}, Options{Format: FormatV2}, grown, Sharing{3, 4 + 1 + 3 + 1, total - 7}},
		{"hybrid to v1", Options{Format: FormatHybrid}, Options{Align: true}, grown, Sharing{3, 4 + 1 + 3 + 1, total - 7}},
		{"v1 to v2", Options{}, Options{Format: FormatV2}, old, Sharing{}},
	} {
		tt.old.Path, tt.old.PieceLength = root, n
		previous := mustMake(t, tt.old).Torrent
		tt.new.Path, tt.new.Previous = tt.tree.write(t), previous
		if got := Shared(previous, mustMake(t, tt.new).Torrent); got != tt.want {
			t.Errorf("%s: %+v, want %+v", tt.name, got, tt.want)
		}
	}
}

package metainfo

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

// A torrent that is put together from its parts is the same as that which Build makes.
func TestFromInfo(t *testing.T) {
	a, b := fill('a'), fill('b')
	builder := Builder{
		V2: true, Name: "x", PieceLength: 16384,
		Files: []BuildFile{{Path: []string{"a"}, Length: 20000}, {Path: []string{"b"}, Length: 5}, {Path: []string{"c"}, Length: 20000}, {Path: []string{"d"}, Length: 32768}},
		Hashes: Hashes{
			PiecesRoots: [][32]byte{hashOf(b, a), a, hashOf(b, a), hashOf(a, b)},
			PieceLayers: bytes.Join([][]byte{b[:], a[:], b[:], a[:], a[:], b[:]}, nil),
		},
		Outside: Outside{
			Trackers: [][]string{{"http://t.x/1"}, {"http://t.x/2"}}, WebSeeds: []string{"http://w/"}, Nodes: []Node{{"h", 1}},
			Comment: "c", CreatedBy: "me", Date: time.Unix(1, 0),
		},
	}
	raw, err := builder.Build()
	if err != nil {
		t.Fatal(err)
	}
	want, err := Parse(raw)
	if err != nil || len(want.Findings) > 0 {
		t.Fatal(err, want.Findings)
	}
	var layers []PieceLayer
	for _, f := range want.Files { // an entry twice, and not sorted
		if l := want.PieceLayer(f.PiecesRoot); l != nil {
			layers = append(layers, PieceLayer{*f.PiecesRoot, l})
		}
	}
	first := layers[0]
	got, err := FromInfo(want.InfoBytes(), layers, &builder.Outside)
	if err != nil || !bytes.Equal(got.Bytes(), raw) {
		t.Errorf("%v\n%q, want\n%q", err, got.Bytes(), raw)
	}
	if layers[0].Root != first.Root {
		t.Error("the layers are sorted in place")
	}

	got, err = FromInfo(want.InfoBytes(), nil, &Outside{})
	if err != nil || got.InfoHashV2 != want.InfoHashV2 || got.Bytes()[1] != '4' || bytes.Contains(got.Bytes(), []byte("piece layers")) {
		t.Errorf("%v: %q", err, got.Bytes())
	}

	got, err = FromInfo(want.InfoBytes(), []PieceLayer{}, &Outside{})
	if err != nil || !bytes.HasSuffix(got.Bytes(), []byte("12:piece layersdee")) {
		t.Errorf("%v: %q", err, got.Bytes())
	}

	layers[0].Hashes = bytes.Repeat([]byte{1}, 64)
	if got, err = FromInfo(want.InfoBytes(), layers, &Outside{}); err != nil {
		t.Fatal(err)
	}
	if _, err := got.Content(); err == nil {
		t.Error("a wrong layer is accepted")
	}
}

func TestFromInfoRefuses(t *testing.T) {
	info := "d6:lengthi5e4:name1:x12:piece lengthi16384e6:pieces20:" + strings.Repeat("h", 20) + "e"
	none := &Outside{}
	for name, test := range map[string]struct {
		info string
		o    *Outside
	}{
		"nothing":        {"", none},
		"a number":       {"i5e", none},
		"no end":         {info[:len(info)-1], none},
		"a key after":    {info + "8:url-list8:http://w", none},
		"an end after":   {info + "e", none},
		"a tier of none": {info, &Outside{Trackers: [][]string{{}}}},
	} {
		if tor, err := FromInfo([]byte(test.info), nil, test.o); err == nil {
			t.Errorf("%s: accepted as %q", name, tor.Bytes())
		}
	}
	if _, err := FromInfo([]byte(info), nil, none); err != nil {
		t.Error(err)
	}
}

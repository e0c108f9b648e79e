package maketorrent

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"bt/internal/metainfo"
)

// padsOf returns the lengths of the pad files of a torrent, and in a list of names where
// they are.
func padsOf(t *Torrent) (list []string) {
	for i := range t.Files {
		if f := &t.Files[i]; f.Pad {
			list = append(list, fmt.Sprint("pad ", f.Length))
		} else {
			list = append(list, display(f.Path()))
		}
	}
	return list
}

// Which pad files a release has, by the torrent before and the options.
func TestPreviousPads(t *testing.T) {
	const n = 16 << 10
	r := &releaser{Rand: rand.New(rand.NewPCG(1, 2)), pieceLength: n}
	old := releaseTree{"a": r.bytes(2*n + 100), "b": r.bytes(3*n + 50), "c": r.bytes(3*n + 7)}
	grown := maps.Clone(old)
	grown["a"] = r.bytes(2*n + 150)
	with := func(path string, size int) releaseTree {
		tree := maps.Clone(grown)
		tree[path] = r.bytes(size)
		return tree
	}
	without := maps.Clone(old)
	delete(without, "a")
	root := old.write(t)
	made := func(o Options) *Torrent {
		o.Path = root
		if o.PieceLength == 0 {
			o.PieceLength = n
		}
		return mustMake(t, o).Torrent
	}
	// As some other programs align files: nothing follows the last one.
	b := metainfo.Builder{V1: true, Name: "release", PieceLength: n, Offsets: []int64{0, 0, 0, metainfo.Anywhere}}
	for _, path := range []string{"a", "b", "c"} {
		b.Files = append(b.Files, metainfo.BuildFile{Path: []string{path}, Length: int64(len(old[path]))})
	}
	b.Pieces = make([]byte, 20*(3+4+4))
	out, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	open, err := metainfo.Parse(out)
	if err != nil {
		t.Fatal(err)
	}
	b.Pieces = naiveHashes(open, old)
	if out, err = b.Build(); err != nil {
		t.Fatal(err)
	}
	if open, err = metainfo.Parse(out); err != nil {
		t.Fatal(err)
	}
	size := func(tree releaseTree) int64 {
		return int64(len(mustMake(t, Options{Path: tree.write(t), PieceLength: n, Previous: made(Options{PieceLength: 2 * n})}).Torrent.Bytes()))
	}
	packed := made(Options{})
	for _, tt := range []struct {
		name    string
		tree    releaseTree
		options Options
		want    []string
	}{
		{"packed, unchanged", old, Options{Previous: packed}, []string{"a", "b", "c"}},
		{"packed, one changed", grown, Options{Previous: packed}, []string{"a", "pad 16334", "b", "c"}},
		{"packed, one changed, one added", with("bb", 20), Options{Previous: packed}, []string{"a", "pad 16334", "b", "bb", "pad 16364", "c"}},
		{"packed, one added at the end", with("d", 20), Options{Previous: packed}, []string{"a", "pad 16334", "b", "c", "d"}},
		{"packed, the first is gone", without, Options{Previous: packed}, []string{"pad 100", "b", "c"}},
		{"packed, nothing left", releaseTree{"x": r.bytes(3*n + 50), "y": r.bytes(n)}, Options{Previous: packed}, []string{"x", "y"}},
		{"packed, aligned by the user", grown, Options{Previous: packed, Align: true}, []string{"a", "pad 16234", "b", "pad 16334", "c", "pad 16377"}},
		{"packed, pieces of another length", grown, Options{Previous: packed, PieceLength: 2 * n}, []string{"a", "b", "c"}},
		{"packed, the same length given", grown, Options{Previous: packed, PieceLength: n}, []string{"a", "pad 16334", "b", "c"}},
		{"packed, no room for pad files", grown, Options{Previous: packed, MaxTorrentSize: size(grown)}, []string{"a", "b", "c"}},
		{"packed, to hybrid", old, Options{Previous: packed, Format: FormatHybrid}, []string{"a", "pad 16284", "b", "pad 16334", "c", "pad 16377"}},
		{"aligned", grown, Options{Previous: made(Options{Align: true})}, []string{"a", "pad 16234", "b", "pad 16334", "c", "pad 16377"}},
		{"aligned, added and pieces of another length", with("bb", 20), Options{Previous: made(Options{Align: true}), PieceLength: 2 * n},
			[]string{"a", "pad 32618", "b", "pad 16334", "bb", "pad 32748", "c", "pad 16377"}},
		{"hybrid", grown, Options{Previous: made(Options{Format: FormatHybrid})}, []string{"a", "pad 16234", "b", "pad 16334", "c", "pad 16377"}},
		{"v2", grown, Options{Previous: made(Options{Format: FormatV2})}, []string{"a", "pad 16234", "b", "pad 16334", "c", "pad 16377"}},
		{"aligned with an open end", grown, Options{Previous: open}, []string{"a", "pad 16234", "b", "pad 16334", "c"}},
		{"aligned with an open end, one added", with("d", 1), Options{Previous: open}, []string{"a", "pad 16234", "b", "pad 16334", "c", "pad 16377", "d", "pad 16383"}},
	} {
		tt.options.Path = tt.tree.write(t)
		result := mustMake(t, tt.options)
		if got := padsOf(result.Torrent); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
		if !bytes.Equal(result.Torrent.Pieces, naiveHashes(result.Torrent, tt.tree)) {
			t.Errorf("%s: other hashes than of the content", tt.name)
		}
	}
}

// One reading makes torrents with the pad files of each of them.
func TestPreviousOfSeveral(t *testing.T) {
	const n = 16 << 10
	r := &releaser{Rand: rand.New(rand.NewPCG(1, 2)), pieceLength: n}
	tree := releaseTree{"a": r.bytes(2*n + 100), "b": r.bytes(30*n + 50), "c": r.bytes(3*n + 7)}
	packed := mustMake(t, Options{Path: tree.write(t), PieceLength: n}).Torrent
	tree["a"] = r.bytes(2*n + 150)
	root := tree.write(t)
	var all []Options
	for _, format := range []Format{FormatHybrid, FormatV1, FormatV2, FormatV1} {
		all = append(all, Options{Path: root, Format: format, Previous: packed})
	}
	all[3].Source = "B"
	all = append(all, Options{Path: root, Align: true, Previous: packed})
	for i, made := range MakeAll(context.Background(), all) {
		if made.Err != nil {
			t.Fatal(made.Err)
		}
		want := mustMake(t, all[i]).Torrent
		got := made.Result.Torrent
		if !bytes.Equal(got.InfoBytes(), want.InfoBytes()) {
			t.Errorf("torrent %d is another one than alone", i)
		}
		if got.V1 && !bytes.Equal(got.Pieces, naiveHashes(got, tree)) {
			t.Errorf("torrent %d has other hashes than of the content", i)
		}
		v1 := all[i].Format == FormatV1 && !all[i].Align
		if v1 && !slices.Equal(padsOf(got), []string{"a", "pad 16334", "b", "c"}) {
			t.Errorf("torrent %d: %v", i, padsOf(got))
		}
		if reused := made.Result.Reused; v1 && reused < 25*n {
			t.Errorf("torrent %d: %d bytes reused", i, reused)
		}
	}
}

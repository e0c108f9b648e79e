package maketorrent

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// copyTree copies a directory, and returns the copy.
func copyTree(t *testing.T, root string) string {
	t.Helper()
	dst := filepath.Join(t.TempDir(), filepath.Base(root))
	if err := os.CopyFS(dst, os.DirFS(root)); err != nil {
		t.Fatal(err)
	}
	return dst
}

func mustMake(t *testing.T, o Options) *Result {
	t.Helper()
	o.Date = time.Unix(1, 0)
	r, err := Make(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Whatever torrent the hashes are taken from, the new torrent is that of its content.
func TestReuse(t *testing.T) {
	const mb = 1 << 20
	const all = 8*mb + 4*mb + 2*mb + 3*mb + 7 // of files with 16 whole pieces of 64 KiB
	root := writeFiles(t, 8*mb, 100, 4*mb, 0, 2*mb, 70_000, 3*mb+7, 16384)
	newer := copyTree(t, root)
	for _, tt := range []struct {
		name     string
		old, new Options
		reused   int64 // at least
	}{
		{"v1", Options{}, Options{}, all - 8*64<<10},
		{"v2", Options{Format: FormatV2}, Options{Format: FormatV2}, all},
		{"hybrid", Options{Format: FormatHybrid}, Options{Format: FormatHybrid}, all},
		{"hybrid to v2", Options{Format: FormatHybrid}, Options{Format: FormatV2}, all},
		{"v2 to hybrid", Options{Format: FormatV2}, Options{Format: FormatHybrid}, 0},
		{"hybrid to v1", Options{Format: FormatHybrid}, Options{}, 8 * mb},
		{"v1 to hybrid", Options{}, Options{Format: FormatHybrid}, 0},
		{"v2, longer pieces", Options{Format: FormatV2}, Options{Format: FormatV2, PieceLength: 256 << 10}, all},
		{"v2, much longer pieces", Options{Format: FormatV2}, Options{Format: FormatV2, PieceLength: 16 * mb}, all},
		{"v2, shorter pieces", Options{Format: FormatV2}, Options{Format: FormatV2, PieceLength: 16 << 10}, 0},
		{"v1, longer pieces", Options{}, Options{PieceLength: 128 << 10}, 0},
		{"another name", Options{Name: "old"}, Options{Name: "new"}, all - 8*64<<10},
		{"without some files", Options{Format: FormatV2, Exclude: []string{"f000"}}, Options{Format: FormatV2}, all - 8*mb},
	} {
		if tt.old.PieceLength = 64 << 10; tt.new.PieceLength == 0 {
			tt.new.PieceLength = 64 << 10
		}
		tt.old.Path, tt.new.Path = root, newer
		want := mustMake(t, tt.new)
		tt.new.Reuse = []*Torrent{mustMake(t, tt.old).Torrent}
		got := mustMake(t, tt.new)
		if !bytes.Equal(got.Torrent.Bytes(), want.Torrent.Bytes()) {
			t.Errorf("%s: another torrent", tt.name)
		}
		if got.Reused < tt.reused || tt.reused == 0 && got.Reused != 0 || len(got.Refuted) > 0 {
			t.Errorf("%s: %d bytes reused, want %d; refuted %v", tt.name, got.Reused, tt.reused, got.Refuted)
		}
	}
}

// Files that were renamed are found, and files with other content are not believed.
func TestReuseOfChangedFiles(t *testing.T) {
	const mb = 1 << 20
	for _, format := range []Format{FormatV1, FormatV2, FormatHybrid} {
		root := writeFiles(t, 8*mb, 4*mb, 2*mb, 3*mb)
		old := mustMake(t, Options{Path: root, Format: format, PieceLength: 64 << 10}).Torrent
		newer := copyTree(t, root)
		writeRandom(t, filepath.Join(newer, "d1", "f001"), 4*mb)
		if err := os.Rename(filepath.Join(newer, "d0", "f003"), filepath.Join(newer, "d0", "renamed")); err != nil {
			t.Fatal(err)
		}
		o := Options{Path: newer, Format: format, PieceLength: 64 << 10}
		want := mustMake(t, o)
		o.Reuse = []*Torrent{old}
		got := mustMake(t, o)
		if !bytes.Equal(got.Torrent.Bytes(), want.Torrent.Bytes()) {
			t.Errorf("%v: another torrent", format)
		}
		if want := []string{"d1/f001"}; !slices.Equal(got.Refuted, want) {
			t.Errorf("%v: refuted %v, want %v", format, got.Refuted, want)
		}
		if least := int64(8*mb + 2*mb + 3*mb - 8*64<<10); got.Reused < least {
			t.Errorf("%v: %d bytes reused, want %d", format, got.Reused, least)
		}
	}
}

// A series of releases keeps the hashes of the files that do not change.
func TestPrevious(t *testing.T) {
	const mb = 1 << 20
	root := writeFiles(t, 8*mb, 4*mb, 2*mb, 100)
	for _, format := range []Format{FormatV1, FormatV2, FormatHybrid} {
		old := mustMake(t, Options{Path: root, Format: format, PieceLength: 64 << 10, Name: "1.0"}).Torrent
		newer := copyTree(t, root)
		writeRandom(t, filepath.Join(newer, "z"), 1*mb)
		r := mustMake(t, Options{Path: newer, Format: format, Name: "1.1", Previous: old, Collections: []string{"series"}, UpdateURL: "http://u.example/"})
		if r.Torrent.PieceLength != old.PieceLength || r.Choice != ChoicePrevious || r.Reused < 13*mb {
			t.Errorf("%v: pieces of %d by choice %d, %d bytes reused", format, r.Torrent.PieceLength, r.Choice, r.Reused)
		}
		hash := old.ShortInfoHash()
		for _, want := range []string{"11:collectionsl6:seriese", "7:similarl20:" + string(hash[:]) + "e", "10:update-url17:http://u.example/"} {
			if !bytes.Contains(r.Torrent.InfoBytes(), []byte(want)) {
				t.Errorf("%v: the info dict has no %q", format, want)
			}
		}
		if len(r.Torrent.UnknownKeys) > 0 || len(r.Torrent.Findings) > 0 {
			t.Errorf("%v: unknown %v, findings %v", format, r.Torrent.UnknownKeys, r.Torrent.Findings)
		}
		if s := Shared(old, r.Torrent); s.Files < 3 || s.Bytes < 12*mb || s.Pieces < old.PieceCount()-1 {
			t.Errorf("%v: %+v shared of %d pieces", format, s, old.PieceCount())
		}
	}
	a := mustMake(t, Options{Path: root, Format: FormatV2}).Torrent
	b := mustMake(t, Options{Path: writeFiles(t, 8*mb, 4*mb), Format: FormatV2}).Torrent
	if s := Shared(a, b); s != (Sharing{}) {
		t.Errorf("%+v shared of other content", s)
	}
}

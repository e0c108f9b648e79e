//go:build unix

package inspect

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bt/internal/metainfo"
)

// newTree writes files of one byte, and returns a torrent of those that are marked with
// a "+". "a/" is an empty directory, "a -> b" a link to b.
func newTree(t *testing.T, entries ...string) (root string, torrent *Torrent) {
	t.Helper()
	root = filepath.Join(t.TempDir(), "content")
	b := metainfo.Builder{V1: true, Name: "content", PieceLength: 1 << 14, Hashes: metainfo.Hashes{Pieces: make([]byte, 20)}}
	for _, e := range entries {
		path, content := strings.CutPrefix(e, "+")
		path, target, link := strings.Cut(path, " -> ")
		if content {
			b.Files = append(b.Files, metainfo.BuildFile{Path: strings.Split(path, "/"), Length: 1})
		}
		full := filepath.Join(root, path)
		dir := filepath.Dir(full)
		if strings.HasSuffix(path, "/") {
			dir = full
		}
		err := os.MkdirAll(dir, 0o755)
		switch {
		case dir == full:
		case link:
			err = errors.Join(err, os.Symlink(target, full))
		default:
			err = errors.Join(err, os.WriteFile(full, []byte("x"), 0o644))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	out, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	if torrent, err = metainfo.Parse(out); err != nil {
		t.Fatal(err)
	}
	return root, torrent
}

func TestExtra(t *testing.T) {
	for _, tt := range []struct {
		name    string
		entries []string
		want    []string
	}{
		{"none", []string{"+a", "+b/c", "+b/d/e"}, nil},
		{"empty directories", []string{"+a", "b/", "c/d/e/"}, nil},
		{"beside, below and deep", []string{"+a", "+b/c", "d", "b/a", "b/d", "e/f/g"}, []string{"b/a", "b/d", "d", "e/f/g"}},
		{"by component", []string{"+a/b", "a/c", "a-", "a.b", "B"}, []string{"B", "a/c", "a-", "a.b"}},
		{"names that begin alike", []string{"+a", "+ab/c", "ab/cd", "abc", "aa/b"}, []string{"aa/b", "ab/cd", "abc"}},
		{"hidden files", []string{"+.a", ".b", ".c/d"}, []string{".b", ".c/d"}},
		{"a name that is no UTF-8", []string{"+a\xff", "b\xff"}, []string{"b\xff"}},
		{"links", []string{"+a", "b -> a", "c -> nowhere", "d -> ."}, []string{"b", "c", "d"}},
		{"a link for a file", []string{"real/a", "+a -> real/a"}, []string{"real/a"}},
		{"a link that leads back", []string{"+a/b", "a/up -> ..", "self -> self"}, []string{"a/up", "self"}},
		{"not in the order of the torrent", []string{"+z/a", "+b/a", "+z/b", "+b/b", "z/c", "b/c"}, []string{"b/c", "z/c"}},
	} {
		root, torrent := newTree(t, tt.entries...)
		if err := os.Symlink("content", filepath.Join(filepath.Dir(root), "link")); err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{filepath.Dir(root), root, root + "/", root + "/.", root + "/../link", root + "/../link/"} {
			v, err := Verify(context.Background(), torrent, path, VerifyOptions{Extra: true})
			if err != nil {
				t.Fatal(err)
			}
			if v.Extra == nil || !slices.Equal(v.Extra, tt.want) || len(v.ExtraErrs) > 0 {
				t.Errorf("%s: %s: %q, %v, want %q", tt.name, path, v.Extra, v.ExtraErrs, tt.want)
			}
		}
		if v, err := Verify(context.Background(), torrent, root, VerifyOptions{}); err != nil || v.Extra != nil {
			t.Errorf("%s: not asked for: %q, %v", tt.name, v.Extra, err)
		}
	}
}

// A file that differs from the torrent is damaged, and not extra unless the torrent has
// no file of that name.
func TestExtraDamaged(t *testing.T) {
	remove := func(path string) error { return os.RemoveAll(path) }
	elsewhere := func(path string) error {
		return errors.Join(os.Rename(path, path+"x"), os.Symlink(filepath.Base(path)+"x", path))
	}
	toLink := func(path string) error { return errors.Join(os.RemoveAll(path), os.Symlink("nowhere", path)) }
	toFile := func(path string) error { return errors.Join(os.RemoveAll(path), os.WriteFile(path, nil, 0o644)) }
	for _, tt := range []struct {
		name, path string
		do         func(path string) error
		want       []string
	}{
		{"a file missing", "a", remove, []string{"d/x"}},
		{"a directory missing", "d", remove, nil},
		{"all missing", "", remove, nil},
		{"all missing but what is extra", "", func(path string) error {
			return errors.Join(os.RemoveAll(filepath.Join(path, "a")), os.RemoveAll(filepath.Join(path, "d/b")), os.RemoveAll(filepath.Join(path, "d/c")))
		}, []string{"d/x"}},
		{"a directory for a file", "a", toDirectory, []string{"d/x"}},
		{"a file for a directory", "d", toFile, []string{"d"}},
		{"a link to nothing for a file", "a", toLink, []string{"d/x"}},
		{"a link to nothing for a directory", "d", toLink, []string{"d"}},
		{"a directory that is a link", "d", elsewhere, []string{"dx/b", "dx/c/b", "dx/x"}},
		{"a directory below that is a link", "d/c", elsewhere, []string{"d/cx/b", "d/x"}},
		{"all of it below a link", "", elsewhere, []string{"d/x"}},
	} {
		root, torrent := newTree(t, "+a", "+d/b", "+d/c/b", "d/x")
		if err := tt.do(filepath.Join(root, tt.path)); err != nil {
			t.Fatal(err)
		}
		v, err := Verify(context.Background(), torrent, filepath.Dir(root), VerifyOptions{Extra: true})
		if err != nil {
			t.Fatal(err)
		}
		if v.Extra == nil || !slices.Equal(v.Extra, tt.want) || len(v.ExtraErrs) > 0 {
			t.Errorf("%s: %q, %v, want %q", tt.name, v.Extra, v.ExtraErrs, tt.want)
		}
	}
}

// A directory that neither has the content's name nor contains any of its files may be
// any directory.
func TestExtraElsewhere(t *testing.T) {
	root, torrent := newTree(t, "+a", "+d/b", "c", "d/x")
	other := filepath.Join(filepath.Dir(root), "other")
	if err := os.Rename(root, other); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		remove string
		want   []string
	}{
		{"a", []string{"c", "d/x"}},
		{"d/b", nil},
	} {
		if err := os.Remove(filepath.Join(other, tt.remove)); err != nil {
			t.Fatal(err)
		}
		v, err := Verify(context.Background(), torrent, other, VerifyOptions{Extra: true})
		if err != nil {
			t.Fatal(err)
		}
		if v.Extra == nil || !slices.Equal(v.Extra, tt.want) {
			t.Errorf("without %s: %q, want %q", tt.remove, v.Extra, tt.want)
		}
	}
}

func TestExtraSingle(t *testing.T) {
	s := newSampleV2(t, promise{}, 20)
	content, err := s.t.Content()
	if err != nil {
		t.Fatal(err)
	}
	c, _ := newCheck(t, s)
	content.Single = true
	c.content = content
	if list, errs, err := c.extra(context.Background(), s.dir, nil); list == nil || len(list)+len(errs) > 0 || err != nil {
		t.Errorf("%q, %v, %v", list, errs, err)
	}
}

func TestExtraStopped(t *testing.T) {
	root, torrent := newTree(t, "+a", "b")
	content, err := torrent.Content()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	s := &sample{dir: root, t: torrent}
	c, _ := newCheck(t, s)
	c.content = content
	if _, _, err := c.extra(ctx, root, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: %v", err)
	}
}

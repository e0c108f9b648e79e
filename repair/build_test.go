package repair

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"bt/inspect"
	"bt/internal/testenv"
	"bt/maketorrent"
)

// scattered moves the files of a sample to other names, and returns them by index.
func (s *sample) scattered(t *testing.T) map[int]string {
	t.Helper()
	files := make(map[int]string)
	for i := range s.tor.Files {
		f := &s.tor.Files[i]
		if f.Pad || f.IsLink() || f.Length == 0 {
			continue
		}
		name := filepath.Join(s.dir, "found", string(rune('z'-i)))
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.Rename(s.path(pathIn(s.tor, i)), name)); err != nil {
			t.Fatal(err)
		}
		files[i] = name
	}
	return files
}

func TestBuild(t *testing.T) {
	links := map[string]Link{"hard": LinkHard, "sym": LinkSym, "copy": LinkCopy}
	for name, link := range links {
		for _, format := range []maketorrent.Format{maketorrent.FormatV1, maketorrent.FormatV2, maketorrent.FormatHybrid} {
			s := newSample(t, maketorrent.Options{Format: format})
			if err := os.WriteFile(s.path("sub/empty"), nil, 0o644); err != nil {
				t.Fatal(err)
			}
			s.tor = makeTorrent(t, s.dir, maketorrent.Options{Format: format})
			files := s.scattered(t)
			into := filepath.Join(t.TempDir(), "new")
			dry, err := Build(t.Context(), s.tor, files, into, BuildOptions{Link: link, DryRun: true})
			if _, missing := os.Stat(into); err != nil || !errors.Is(missing, fs.ErrNotExist) {
				t.Errorf("%s: a dry run: %+v (%v), and %v", name, dry, err, missing)
			}
			b, err := Build(t.Context(), s.tor, files, into, BuildOptions{Link: link})
			if err != nil || b.Made != 5 || b.Kept != 0 || b.Root != filepath.Join(into, "content") || b.Link != link || *b != *dry {
				t.Errorf("%s: %+v and before %+v (%v)", name, b, dry, err)
			}
			if want := map[Link]int64{LinkCopy: 75_100}[link]; b.Copied != want {
				t.Errorf("%s: %d bytes copied, want %d", name, b.Copied, want)
			}
			if v, _ := verify(t, s.tor, into); !v.OK {
				t.Errorf("%s: the tree does not verify: %v", name, v.Statuses)
			}
			wantKind(t, link, files[0], filepath.Join(into, "content", "a"))
			if link != LinkHard {
				wantNoPads(t, filepath.Join(into, "content"))
			}
			// Again: all is there, whatever the kind of link would be.
			for again, other := range links {
				if other != link && (link == LinkSym || other == LinkSym) {
					continue
				}
				b, err = Build(t.Context(), s.tor, files, into, BuildOptions{Link: other})
				if err != nil || b.Made != 0 || b.Kept != 5 {
					t.Errorf("%s, then %s: %+v (%v)", name, again, b, err)
				}
			}
		}
	}
}

func wantKind(t *testing.T, link Link, source, made string) {
	t.Helper()
	info, err := os.Lstat(made)
	if err != nil {
		t.Fatal(err)
	}
	from, err := os.Stat(source)
	if err != nil {
		t.Fatal(err)
	}
	switch link {
	case LinkHard:
		if !os.SameFile(info, from) {
			t.Error("it is no hard link")
		}
	case LinkSym:
		if target, err := os.Readlink(made); target != source {
			t.Errorf("the link leads to %q (%v)", target, err)
		}
	default:
		if os.SameFile(info, from) || !info.Mode().IsRegular() {
			t.Error("it is no copy")
		}
	}
}

func wantNoPads(t *testing.T, dir string) {
	t.Helper()
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 4 { // a, b, c, sub
		t.Errorf("%v (%v)", entries, err)
	}
}

// What exists and is something else is kept, and nothing is made.
func TestBuildRefuses(t *testing.T) {
	for name, put := range map[string]func(into, source string) error{
		"other bytes":          func(into, _ string) error { return os.WriteFile(filepath.Join(into, "b"), make([]byte, 30_000), 0o644) },
		"another size":         func(into, _ string) error { return os.WriteFile(filepath.Join(into, "b"), nil, 0o644) },
		"a directory":          func(into, _ string) error { return os.Mkdir(filepath.Join(into, "b"), 0o755) },
		"a link":               func(into, source string) error { return os.Symlink(source, filepath.Join(into, "b")) },
		"a link to nothing":    func(into, _ string) error { return os.Symlink("none", filepath.Join(into, "b")) },
		"a linked directory":   func(into, _ string) error { return os.Symlink(os.TempDir(), filepath.Join(into, "sub")) },
		"a file, no directory": func(into, _ string) error { return os.WriteFile(filepath.Join(into, "sub"), nil, 0o644) },
	} {
		s := newSample(t, maketorrent.Options{})
		files := s.scattered(t)
		dir := t.TempDir()
		into := filepath.Join(dir, "content")
		if err := errors.Join(os.Mkdir(into, 0o755), put(into, files[1])); err != nil {
			testenv.Missing(t, fmt.Sprint("symbolic links: ", err))
		}
		before, err := os.ReadDir(into)
		if err != nil {
			t.Fatal(err)
		}
		b, err := Build(t.Context(), s.tor, files, dir, BuildOptions{Link: LinkCopy})
		if err == nil {
			t.Errorf("%s: %+v", name, b)
		}
		exists, ok := errors.AsType[*ExistsError](err)
		if _, link := errors.AsType[*LinkError](err); !link && name != "a file, no directory" && (!ok || exists.Paths[0] != filepath.Join(into, "b")) {
			t.Errorf("%s: %v", name, err)
		}
		if after, err := os.ReadDir(into); err != nil || len(after) != len(before) {
			t.Errorf("%s: something was made: %v (%v)", name, after, err)
		}
	}
}

// The symbolic links of a torrent are built too.
func TestBuildLinksOfTheTorrent(t *testing.T) {
	s := newSample(t, maketorrent.Options{})
	if err := os.Symlink("../a", s.path("sub/link")); err != nil {
		testenv.Missing(t, fmt.Sprint("symbolic links: ", err))
	}
	s.tor = makeTorrent(t, s.dir, maketorrent.Options{Symlinks: maketorrent.SymlinksStore})
	files := s.scattered(t)
	into := t.TempDir()
	if _, err := Build(t.Context(), s.tor, files, into, BuildOptions{Link: LinkHard}); err != nil {
		t.Fatal(err)
	}
	if v, _ := verify(t, s.tor, into); !v.OK {
		t.Errorf("%v", v.Statuses)
	}
	if b, err := os.ReadFile(filepath.Join(into, "content", "sub", "link")); !bytes.Equal(b, s.original["a"]) {
		t.Error("the link does not lead to a", err)
	}
}

// Files that are not good are left out.
func TestBuildPart(t *testing.T) {
	s := newSample(t, maketorrent.Options{})
	files := s.scattered(t)
	delete(files, 1)
	into := t.TempDir()
	b, err := Build(t.Context(), s.tor, files, into, BuildOptions{Link: LinkSym})
	if err != nil || b.Made != 3 {
		t.Errorf("%+v (%v)", b, err)
	}
	if v, _ := verify(t, s.tor, into); v.Statuses[inspect.StatusMissing] != 1 {
		t.Errorf("%v", v.Statuses)
	}
}

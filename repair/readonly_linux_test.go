package repair

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"bt/internal/testenv"
	"bt/maketorrent"
)

// A dry run reports the files that can't be written, as the repair does, and makes
// nothing.
func TestDryRunReadOnly(t *testing.T) {
	if !testenv.IsUnprivileged(t) {
		return
	}
	for _, dry := range []bool{true, false} {
		s := newSample(t, maketorrent.Options{Format: maketorrent.FormatV2})
		flip(t, s.path("a"), 5)
		flip(t, s.path("sub/d"), 5)
		if err := os.Chmod(s.path("sub"), 0o555); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.Chmod(s.path("sub"), 0o755) }) // or it can't be removed
		r := s.repair(t, Options{DryRun: dry})
		if err := s.refusals(r)["sub/d"]; len(r.Refused) != 1 || !errors.Is(err, fs.ErrPermission) {
			t.Errorf("dry run %t refuses %v", dry, r.Refused)
		}
		if len(r.Files) != 1 || r.Pieces != 1 || filepath.Base(r.Files[0].Path) != "a" {
			t.Errorf("dry run %t: %+v", dry, r)
		}
	}
}

// The same for a tree to build, also where its directories are missing.
func TestBuildDryRunReadOnly(t *testing.T) {
	if !testenv.IsUnprivileged(t) {
		return
	}
	for _, link := range []Link{LinkHard, LinkSym, LinkCopy} {
		s := newSample(t, maketorrent.Options{})
		files, dir := s.scattered(t), t.TempDir()
		if err := os.Chmod(dir, 0o555); err != nil {
			t.Fatal(err)
		}
		for _, into := range []string{dir, filepath.Join(dir, "new")} {
			for _, dry := range []bool{true, false} {
				b, err := Build(t.Context(), s.tor, files, into, BuildOptions{Link: link, DryRun: dry})
				if !errors.Is(err, fs.ErrPermission) {
					t.Errorf("link %d into %s, dry run %t: %+v, %v", link, into, dry, b, err)
				}
			}
		}
		if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
			t.Errorf("made %v (%v)", entries, err)
		}
	}
}

package repair

import (
	"bytes"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"bt/internal/piece"
	"bt/internal/testenv"
	"bt/maketorrent"
)

// Between file systems, hard links and clones are impossible; copies and symbolic links
// are not. After an error nothing stays.
func TestBuildOnAnotherFileSystem(t *testing.T) {
	s := newSample(t, maketorrent.Options{})
	files := s.scattered(t)
	dir := testenv.Tmpfs(t)
	a, err := os.Stat(files[0])
	if b, err2 := os.Stat(dir); err != nil || err2 != nil || piece.Identify(a).Dev == piece.Identify(b).Dev {
		testenv.Missing(t, "a temporary directory that is not on tmpfs")
	}
	into := filepath.Join(dir, "new")
	for link, want := range map[Link]error{LinkHard: ErrOtherDevice, LinkReflink: ErrNoClone} {
		if _, err := Build(t.Context(), s.tor, files, into, BuildOptions{Link: link}); !errors.Is(err, want) {
			t.Errorf("the error is %v, want %v", err, want)
		}
		if _, err := os.Stat(into); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("something was made (%v)", err)
		}
	}
	if _, err := Build(t.Context(), s.tor, files, into, BuildOptions{Link: LinkCopy}); err != nil {
		t.Error(err)
	}
	if got := read(t, filepath.Join(into, "content")); !maps.EqualFunc(got, s.original, bytes.Equal) {
		t.Error("the copy differs")
	}
}

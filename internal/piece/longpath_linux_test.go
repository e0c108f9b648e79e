package piece

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A name that no file system allows is that of a missing file. A path that is too long
// for a system call may be that of a file: it is unreadable.
func TestLongPaths(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	deep := make([]string, 20)
	for i := range deep {
		deep[i] = strings.Repeat("d", 250)
		if err := os.Mkdir(deep[i], 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chdir(deep[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile("file", []byte("text"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chdir(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(strings.Repeat("n", 255), []byte("text"), 0o644); err != nil {
		t.Fatal(err)
	}
	deep = append(deep, "file")
	long := append(append([]string(nil), deep...), strings.Repeat("n", 256))
	for _, test := range []struct {
		name string
		path []string
		want Cause
	}{
		{"a name of 255 bytes", []string{strings.Repeat("n", 255)}, CauseFine},
		{"a name of 256 bytes", []string{strings.Repeat("n", 256)}, CauseMissing},
		{"a directory of 256 bytes", []string{strings.Repeat("d", 256), "file"}, CauseMissing},
		{"a long path", deep, CauseUnreadable},
		{"a long path with a name of 256 bytes", long, CauseMissing},
		{"a path that is just short enough", deep[:(4095-len(dir))/251], CauseNotAFile},
	} {
		path := filepath.Join(append([]string{dir}, test.path...)...)
		tree := &Tree{Files: make([]Source, 1), Path: func(int) string { return path }}
		if err := tree.Stat(t.Context(), 1); err != nil || tree.Files[0].Cause != test.want {
			t.Errorf("%s: %v, want %v (%v)", test.name, tree.Files[0].Cause, test.want, err)
		}
	}
}

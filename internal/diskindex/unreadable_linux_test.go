package diskindex

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"bt/internal/testenv"
)

// What can't be read is left out, and is an error.
func TestUnreadableDirectory(t *testing.T) {
	if !testenv.IsUnprivileged(t) {
		return
	}
	dir := tree(t, map[string]int64{"a": 1, "closed/b": 1, "open/c": 1})
	closed := filepath.Join(dir, "closed")
	must(t, os.Chmod(closed, 0))
	t.Cleanup(func() { must(t, os.Chmod(closed, 0o755)) })
	x, errs, err := Scan(t.Context(), []string{dir}, 0, nil)
	must(t, err)
	if len(errs) != 1 || !errors.Is(errs[0], fs.ErrPermission) || x.Len() != 2 {
		t.Errorf("%d files, %v", x.Len(), errs)
	}
}

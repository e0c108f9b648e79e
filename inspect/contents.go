package inspect

import (
	"context"
	"os"
	"path/filepath"

	"bt/internal/piece"
)

// Contents is a set of files on disk that are content of torrents, for several calls of
// [Verify] with VerifyOptions.Extra: a file of one torrent may be in the directory of
// another.
type Contents struct {
	inodes map[inode]struct{}
	paths  map[string]struct{} // on systems without inodes
}

type inode struct{ dev, ino uint64 }

// Add adds the files of a torrent that exist. path and o are those for Verify, and the
// error is as that of Verify.
func (s *Contents) Add(ctx context.Context, t *Torrent, path string, o VerifyOptions) error {
	c, err := locate(ctx, t, path, &o)
	if err != nil {
		return err
	}
	for i := range c.tree.Files {
		if f := &c.tree.Files[i]; !f.Pad && f.Cause == piece.CauseFine {
			s.add(c.tree.Path(i), c.tree.ID(i))
		}
	}
	return nil
}

func (s *Contents) add(path string, id piece.Identity) {
	if s.inodes == nil {
		s.inodes, s.paths = make(map[inode]struct{}), make(map[string]struct{})
	}
	if id.Ino != 0 {
		s.inodes[inode{id.Dev, id.Ino}] = struct{}{}
	} else if abs, err := filepath.Abs(path); err == nil {
		s.paths[abs] = struct{}{}
	}
}

// has reports whether a file, or what a link leads to, is in the set. A further hard link
// of a file counts as that file.
func (s *Contents) has(path string) bool {
	if s == nil {
		return false
	}
	info, err := os.Stat(path)
	if err != nil {
		return false
	}
	id := piece.Identify(info)
	if id.Ino != 0 {
		_, ok := s.inodes[inode{id.Dev, id.Ino}]
		return ok
	}
	abs, err := filepath.Abs(path)
	_, ok := s.paths[abs]
	return err == nil && ok
}

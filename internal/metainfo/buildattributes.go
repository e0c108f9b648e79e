package metainfo

import (
	"fmt"
	"strings"

	"bt/internal/bencode"
)

// The attributes of the files of a new torrent (BEP 47): a symlink has attr "l", its
// target in "symlink path", and the length 0; an executable file has attr "x".

// attr returns the attributes of a file, "" for most files.
func (f *BuildFile) attr() string {
	switch {
	case f.Symlink != nil:
		return "l"
	case f.Executable:
		return "x"
	}
	return ""
}

// symlinkPath writes the target of a symlink.
func (f *BuildFile) symlinkPath(e *bencode.Encoder) {
	if f.Symlink != nil {
		e.Key("symlink path")
		stringList(e, f.Symlink)
	}
}

func (f *BuildFile) checkSymlink() error {
	if f.Symlink == nil {
		return nil
	}
	if len(f.Symlink) == 0 || f.Length != 0 {
		return fmt.Errorf("the symlink %q has %d names and %d bytes", strings.Join(f.Path, "/"), len(f.Symlink), f.Length)
	}
	for _, c := range f.Symlink {
		if err := CheckComponent(c); err != nil {
			return fmt.Errorf("in the target of the symlink %q a name %w", strings.Join(f.Path, "/"), err)
		}
	}
	return nil
}

//go:build !unix

package placefile

import (
	"errors"
	"os"
)

// link makes a hard link at path, which is that of name in dir.
func link(file string, _ *os.Root, _, path string) error {
	err := os.Link(file, path)
	if linkErr, ok := errors.AsType[*os.LinkError](err); ok {
		return linkErr.Err
	}
	return err
}

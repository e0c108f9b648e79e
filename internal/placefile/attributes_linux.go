package placefile

import (
	"bytes"
	"errors"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// copyAttributes copies the extended attributes that users set and, with acl, the access
// control list.
func copyAttributes(to, from *os.File, acl bool) error {
	names, err := readAttribute(func(b []byte) (int, error) { return unix.Flistxattr(int(from.Fd()), b) })
	if err != nil {
		return noAttributes(err)
	}
	for name := range bytes.SplitSeq(names, []byte{0}) {
		name := string(name)
		if !strings.HasPrefix(name, "user.") && !(acl && name == "system.posix_acl_access") {
			continue
		}
		value, err := readAttribute(func(b []byte) (int, error) { return unix.Fgetxattr(int(from.Fd()), name, b) })
		if err == nil {
			err = unix.Fsetxattr(int(to.Fd()), name, value, 0)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// readAttribute calls read with a buffer that is large enough.
func readAttribute(read func([]byte) (int, error)) ([]byte, error) {
	for {
		n, err := read(nil)
		if err != nil || n == 0 {
			return nil, err
		}
		b := make([]byte, n)
		if n, err = read(b); !errors.Is(err, unix.ERANGE) { // it has grown
			return b[:max(n, 0)], err
		}
	}
}

// noAttributes returns nil for the error of a file system without extended attributes.
func noAttributes(err error) error {
	if errors.Is(err, unix.ENOTSUP) || errors.Is(err, unix.ENOSYS) {
		return nil
	}
	return err
}

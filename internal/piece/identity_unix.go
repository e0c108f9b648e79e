//go:build unix

package piece

import (
	"io/fs"
	"syscall"

	"golang.org/x/sys/unix"
)

// addInode adds what info has of the inode.
func (id *Identity) addInode(info fs.FileInfo) {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		id.Dev, id.Ino, id.ChangeTime = uint64(st.Dev), uint64(st.Ino), changeTime(st)
	}
}

// identityOf returns the identity in st.
func identityOf(st *unix.Stat_t) Identity {
	return Identity{Size: st.Size, ModTime: st.Mtim.Nano(), ChangeTime: st.Ctim.Nano(), Dev: uint64(st.Dev), Ino: st.Ino}
}

// IdentifyOpen returns the identity of an open file. Unlike os.File.Stat it allocates no
// memory.
func IdentifyOpen(fd int) (Identity, error) {
	var st unix.Stat_t
	for {
		switch err := unix.Fstat(fd, &st); err {
		case nil:
			return identityOf(&st), nil
		case unix.EINTR:
		default:
			return Identity{}, err
		}
	}
}

package seed

import (
	"io/fs"
	"syscall"
)

// changeTime returns when the inode last changed, in Unix nanoseconds. Unlike the
// modification time it can't be set back.
func changeTime(info fs.FileInfo) int64 {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return s.Ctim.Nano()
	}
	return 0
}

package seed

import (
	"io/fs"
	"syscall"
)

// changeTime is when the inode changed last, in nanoseconds since 1970: unlike
// the time of modification nobody can set it back.
func changeTime(info fs.FileInfo) int64 {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return s.Ctim.Nano()
	}
	return 0
}

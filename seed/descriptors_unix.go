//go:build unix

package seed

import "golang.org/x/sys/unix"

// allowedDescriptors returns the descriptor limit of the process.
func allowedDescriptors() int {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 1024
	}
	return int(min(uint64(limit.Cur), 1<<20))
}

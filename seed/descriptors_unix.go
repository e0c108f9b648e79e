//go:build unix

package seed

import "golang.org/x/sys/unix"

// allowedDescriptors is how many descriptors the process may have.
func allowedDescriptors() int {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 1024
	}
	return int(min(uint64(limit.Cur), 1<<20))
}

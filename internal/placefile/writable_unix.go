//go:build unix

package placefile

import "golang.org/x/sys/unix"

// writable returns an error if no file can be made in a directory.
func writable(dir string) error { return unix.Access(dir, unix.W_OK|unix.X_OK) }

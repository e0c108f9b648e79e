//go:build !linux

package piece

// ReadByPages prepares an open file for reading a range again that failed with EIO. On
// this system it does nothing.
func ReadByPages(int) {}

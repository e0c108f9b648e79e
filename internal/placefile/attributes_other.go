//go:build !linux

package placefile

import "os"

// copyAttributes copies nothing on this system.
func copyAttributes(_, _ *os.File, _ bool) error { return nil }

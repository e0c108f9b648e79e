//go:build !unix

package atomicfile

import "os"

// SyncDir does nothing: on these systems a rename is durable.
func SyncDir(func() (*os.File, error)) error { return nil }

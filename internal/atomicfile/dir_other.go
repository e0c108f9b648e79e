//go:build !unix

package atomicfile

import "os"

func umask() os.FileMode { return 0 }

// syncDir does nothing: these systems make a rename durable by themselves.
func syncDir(string) error { return nil }

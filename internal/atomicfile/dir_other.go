//go:build !unix

package atomicfile

// syncDir does nothing: these systems make a rename durable by themselves.
func syncDir(string) error { return nil }

//go:build !unix

package atomicfile

// syncDir does nothing: on these systems a rename is durable.
func syncDir(string) error { return nil }

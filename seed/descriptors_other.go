//go:build !unix

package seed

// allowedDescriptors is how many descriptors the process may have.
func allowedDescriptors() int { return 1 << 20 }

//go:build !amd64 || purego

package lanes

// The standard library uses the instructions of these machines.
var (
	sha1Paths   = []path{standard}
	sha256Paths = []path{standard}
)

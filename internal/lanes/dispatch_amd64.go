//go:build amd64 && !purego

package lanes

import "golang.org/x/sys/cpu"

// The implementations for this machine, the fastest first. There is no AVX2 kernel for
// SHA-256, as it would be slower than SHA-NI.
var sha1Paths, sha256Paths = func() (sha1, sha256 []path) {
	if cpu.X86.HasAVX512F && cpu.X86.HasAVX512BW {
		sha1 = append(sha1, path{"avx512", sha1x16, 16, 4})
		sha256 = append(sha256, path{"avx512", sha256x16, 16, 7})
	}
	if cpu.X86.HasAVX2 {
		sha1 = append(sha1, path{"avx2", sha1x8, 8, 5})
	}
	return append(sha1, standard), append(sha256, standard)
}()

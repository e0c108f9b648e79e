package testenv

import (
	"fmt"
	"os"
	"testing"

	"bt/internal/pool"
)

// Main runs the tests of a package that takes memory from pool.Blocks, as its TestMain. They
// fail if they leave some of it in use, which nothing would free.
func Main(m *testing.M) {
	code := m.Run()
	if n := pool.Blocks.InUse(); n > 0 && code == 0 {
		fmt.Fprintf(os.Stderr, "%d blocks of pool.Blocks were not put back\n", n)
		code = 1
	}
	os.Exit(code)
}

package testenv

import (
	"fmt"
	"os"
	"testing"
	"time"

	"bt/internal/pool"
)

// Main runs the tests of a package that takes memory from pool.Blocks, as its TestMain. They
// fail if they leave some of it in use, which nothing would free. What a test has stopped may
// end some time after the test.
func Main(m *testing.M) {
	code := m.Run()
	for end := time.Now().Add(time.Minute); pool.Blocks.InUse() > 0 && time.Now().Before(end); {
		time.Sleep(10 * time.Millisecond)
	}
	if n := pool.Blocks.InUse(); n > 0 && code == 0 {
		fmt.Fprintf(os.Stderr, "%d blocks of pool.Blocks were not put back\n", n)
		code = 1
	}
	os.Exit(code)
}

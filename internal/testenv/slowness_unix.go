//go:build unix

package testenv

import (
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Slowness returns by what factor a busy machine slows this process down, at least 1. Tests
// multiply times by it that would be too short on a busy machine.
func Slowness(t testing.TB) time.Duration {
	t.Helper()
	const took = 400 * time.Millisecond
	n := runtime.GOMAXPROCS(0)
	before := cpuTime(t)
	var wg sync.WaitGroup
	for end := time.Now().Add(took); n > 0; n-- {
		wg.Go(func() {
			for time.Now().Before(end) { // takes all of a CPU that it gets
			}
		})
	}
	wg.Wait()
	got, all := cpuTime(t)-before, took*time.Duration(runtime.GOMAXPROCS(0))
	if got > all*3/4 {
		return 1
	}
	slowness := 2 * all / max(got, 1) // and it may become busier
	t.Logf("the machine is busy: times are %d times as long", slowness)
	return slowness
}

// cpuTime returns the time for which this process had a CPU.
func cpuTime(t testing.TB) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

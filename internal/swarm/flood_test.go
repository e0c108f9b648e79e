package swarm

import (
	"testing"
	"testing/synctest"
	"time"
)

// A peer that sends long messages of no use is found out however few they are, and one that
// sends little is not.
func TestLongFlood(t *testing.T) {
	t.Parallel()
	for rate, want := range map[int]bool{400_000: true, 600_000: false} { // bytes per second
		synctest.Test(t, func(t *testing.T) {
			const length = 30_000
			var f Flood
			var err error
			for begun := time.Now(); err == nil && time.Since(begun) < 10*time.Minute; {
				err = f.Pay(CostLong(length))
				time.Sleep(time.Second * length / time.Duration(rate))
			}
			if (err == nil) != want {
				t.Errorf("%d bytes per second: %v", rate, err)
			}
		})
	}
}

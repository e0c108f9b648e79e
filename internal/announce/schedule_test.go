package announce

import (
	"math"
	"testing"
	"time"

	"bt/internal/tracker"
)

func TestBackoff(t *testing.T) {
	for failures, want := range map[int]time.Duration{1: 15 * time.Second, 2: 30 * time.Second, 4: 2 * time.Minute, 8: 30 * time.Minute, 1000: 30 * time.Minute} {
		if least, most := backoff(failures, 0), backoff(failures, 1); least != want/2 || most != want {
			t.Errorf("after %d failures %v to %v, want %v to %v", failures, least, most, want/2, want)
		}
	}
}

// Whatever interval a tracker gives, the delay is within bounds.
func TestUntilNext(t *testing.T) {
	const day = 24 * time.Hour
	for _, test := range []struct {
		interval, least, want time.Duration
	}{
		{0, 0, 30 * time.Minute},
		{time.Hour, 0, time.Hour},
		{time.Hour, 2 * time.Hour, 2 * time.Hour},
		{time.Second, 0, time.Minute},
		{0, time.Second, 30 * time.Minute},
		{-1, 0, 30 * time.Minute},
		{-time.Hour, -time.Hour, 30 * time.Minute},
		{math.MinInt64, math.MinInt64, 30 * time.Minute},
		{day, 0, day},
		{day + 1, 0, day},
		{time.Minute, 2 * day, day},
		{math.MaxInt64, math.MaxInt64, day},
	} {
		r := &tracker.AnnounceResponse{Interval: test.interval, MinInterval: test.least}
		if least, most := untilNext(r, 0), untilNext(r, 1); least != test.want || most != min(test.want+test.want/20, day) {
			t.Errorf("%v, %v: %v to %v, want from %v", test.interval, test.least, least, most, test.want)
		}
	}
}

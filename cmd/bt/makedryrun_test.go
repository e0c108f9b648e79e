package main

import (
	"testing"

	"bt/maketorrent"
)

func TestPlanTime(t *testing.T) {
	for _, test := range []struct {
		unread int64
		rate   float64
		want   string
	}{
		{0, 0, "none to hash: all was hashed before, and has not changed since"},
		{40_008, 100 << 20, "less than 1s to hash 39.1 KiB, at the 100.0 MiB/s of a first sample"},
		{100 << 20, 100 << 20, "about 1s to hash 100.0 MiB, at the 100.0 MiB/s of a first sample"},
		{1 << 30, 1 << 20, "about 17m04s to hash 1.0 GiB, at the 1.0 MiB/s of a first sample"},
	} {
		if got := planTime(&maketorrent.Plan{Unread: test.unread, Rate: test.rate}); got != test.want {
			t.Errorf("%d bytes at %v: %q, want %q", test.unread, test.rate, got, test.want)
		}
	}
}

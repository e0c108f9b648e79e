package announce

import (
	"fmt"
	"math"
	"net/netip"
	"strings"
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

// A tracker elsewhere can't name peers on our loopback, and host names are left out.
func TestAddresses(t *testing.T) {
	const all = "127.0.0.1:1 127.255.0.9:2 [::1]:3 [::ffff:127.0.0.1]:4 10.0.0.1:5 192.0.2.1:6 [2001:db8::1]:7"
	resp := tracker.AnnounceResponse{Peers: []tracker.Peer{{Host: "localhost"}}}
	for s := range strings.FieldsSeq(all) {
		resp.Peers = append(resp.Peers, tracker.Peer{Addr: netip.MustParseAddrPort(s)})
	}
	others := all[strings.Index(all, "10."):]
	for from, want := range map[string]string{
		"127.0.0.1": all, "127.0.0.53": all, "::1": all,
		"10.0.0.1": others, "192.0.2.9": others, "2001:db8::9": others, "": others, // by a proxy
	} {
		var addr netip.Addr
		if from != "" {
			addr = netip.MustParseAddr(from)
		}
		if got := strings.Trim(fmt.Sprint(addresses(&resp, addr)), "[]"); got != strings.Trim(want, "[]") {
			t.Errorf("of a tracker at %q: %s", from, got)
		}
	}
}

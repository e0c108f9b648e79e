package swarm

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"bt/internal/link"
)

// The order in which peers are evicted.
func TestRank(t *testing.T) {
	t.Parallel()
	now := time.Now()
	type candidate struct {
		name, addr       string
		n                int // of such
		joined           time.Duration
		idle             time.Duration // since it was active; 0: it never was
		needless, active bool
	}
	for _, test := range []struct {
		name       string
		candidates []candidate
		want       string // names in order, of each candidate once
	}{
		{"needless first", []candidate{
			{name: "old", addr: "10.0.0.1", joined: time.Hour, idle: 10 * time.Minute},
			{name: "deaf", addr: "10.1.0.1", joined: time.Minute, needless: true},
		}, "deaf old"},
		{"idle longest", []candidate{
			{name: "b", addr: "10.0.0.1", joined: time.Hour, idle: 5 * time.Minute},
			{name: "a", addr: "10.1.0.1", joined: time.Hour, idle: 6 * time.Minute},
			{name: "c", addr: "10.2.0.1", joined: 4 * time.Minute},
		}, "a b c"},
		{"active ones never", []candidate{
			{name: "active", addr: "10.0.0.1", joined: time.Hour, active: true},
			{name: "idle", addr: "10.0.0.3", joined: time.Hour},
		}, "idle"},
		{"a /24", []candidate{
			{name: "honest", addr: "10.0.0.1", joined: time.Hour},
			{name: "crowd", addr: "10.1.0.0", n: 100, joined: time.Second},
		}, "crowd honest"},
		{"a few of one network are no crowd", []candidate{
			{name: "honest", addr: "10.0.0.1", joined: time.Hour},
			{name: "family", addr: "10.1.0.0", n: 7, joined: time.Minute},
		}, "honest family"},
		{"a /64", []candidate{
			{name: "honest", addr: "2001:db8::1", joined: time.Hour},
			{name: "crowd", addr: "2001:db8:1::", n: 16, joined: time.Second},
		}, "crowd honest"},
		{"a /56", []candidate{
			{name: "honest", addr: "2001:db8::1", joined: time.Hour},
			{name: "crowd", addr: "2001:db8:1:0100::", n: 64, joined: time.Second},
		}, "crowd honest"},
		{"a /48", []candidate{
			{name: "honest", addr: "2001:db8::1", joined: time.Hour},
			{name: "crowd", addr: "2001:db8:1::", n: 256, joined: time.Second},
		}, "crowd honest"},
	} {
		peers := make(map[*Peer]bool)
		names := make(map[*Peer]string)
		for _, g := range test.candidates {
			for i := range max(1, g.n) {
				ip := netip.MustParseAddr(g.addr)
				if b := ip.As16(); ip.Is4() {
					b[15] += byte(i)
					ip = netip.AddrFrom16(b).Unmap()
				} else {
					switch { // another network each time
					case test.name == "a /64":
						b[15] += byte(i)
					case test.name == "a /56":
						b[7] += byte(i)
					default:
						b[6] += byte(i)
					}
					ip = netip.AddrFrom16(b)
				}
				u := Use{Active: g.active, Needless: g.needless}
				if g.idle > 0 {
					u.Since = now.Add(-g.idle)
				}
				p := &Peer{Link: &link.Link{Addr: netip.AddrPortFrom(ip, 1)}, Joined: now.Add(-g.joined), role: useRole{use: u}}
				peers[p], names[p] = true, g.name
			}
		}
		var order []string
		for _, p := range rank(peers, now) {
			order = append(order, names[p])
		}
		if got := strings.Join(slices.Compact(order), " "); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
}

// A useRole is a role of which only the use matters.
type useRole struct {
	Role
	use Use
}

func (r useRole) Use(time.Time) Use { return r.use }

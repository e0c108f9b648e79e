package announce

import (
	"context"
	"maps"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"bt/internal/tracker"
)

// A tracker is asked for peers over both address families, and the leechers of one say
// nothing about the peers of the other. It is asked for none when the announcer leaves.
func TestFound(t *testing.T) {
	peers := map[string]netip.AddrPort{"4": netip.MustParseAddrPort("192.0.2.1:1"), "6": netip.MustParseAddrPort("[2001:db8::1]:1")}
	leechers := map[string]int64{"4": 0, "6": 3}
	for _, wanted := range []int{0, 50} {
		bubble(t, func(t *testing.T, n *fakeNet) {
			n.set(func(_ context.Context, c call) (*tracker.AnnounceResponse, error) {
				return &tracker.AnnounceResponse{
					Interval: time.Hour, Counts: tracker.Counts{Seeders: 1, Leechers: leechers[c.family]},
					Peers: []tracker.Peer{{Addr: peers[c.family]}},
				}, nil
			})
			a, stop := n.run()
			s := &fakeSwarm{wanted: wanted}
			a.Add(hashNumber(0), [][]string{{one}}, s).Serve(true)
			time.Sleep(time.Minute)
			synctest.Wait()
			stop()
			for _, c := range n.all() {
				if stopped := c.Event == tracker.EventStopped; stopped && c.Want != 0 || !stopped && c.Want != wanted {
					t.Errorf("%d peers are wanted over IPv%s, event %v", c.Want, c.family, c.Event)
				}
			}
			if wanted == 0 {
				if s.founds > 0 {
					t.Errorf("peers are found that are not wanted: %v", s.found)
				}
				return
			}
			for family, p := range peers {
				if n, ok := s.found[p]; !ok || n != leechers[family] || s.foundAt[p] != one {
					t.Errorf("the peer over IPv%s: found %v by %s, with %d leechers", family, ok, s.foundAt[p], n)
				}
			}
			if s.founds != 2 {
				t.Errorf("peers were found %d times", s.founds)
			}
		})
	}
}

// A tracker's word about our own address is passed on, whether peers are wanted or not.
func TestExternal(t *testing.T) {
	bubble(t, func(t *testing.T, n *fakeNet) {
		own := map[string]netip.Addr{"4": netip.MustParseAddr("::ffff:203.0.113.5"), "6": netip.MustParseAddr("2001:db8::5")}
		n.set(func(_ context.Context, c call) (*tracker.AnnounceResponse, error) {
			return &tracker.AnnounceResponse{Interval: time.Hour, ExternalIP: own[c.family]}, nil
		})
		a, stop := n.run()
		var mu sync.Mutex
		got := make(map[netip.Addr]bool)
		a.options.External = func(ip netip.Addr) {
			mu.Lock()
			defer mu.Unlock()
			got[ip] = true
		}
		a.Add(hashNumber(0), [][]string{{one}}, &fakeSwarm{}).Serve(true)
		time.Sleep(time.Minute)
		synctest.Wait()
		stop()
		if want := map[netip.Addr]bool{own["4"].Unmap(): true, own["6"]: true}; !maps.Equal(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
	})
}

package dht

import (
	"context"
	"errors"
	"math"
	"net/netip"
	"testing"
	"time"

	"bt/internal/discover/krpc"
)

// A scrape estimates how many seeds and peers there are, and lists some.
func TestScrape(t *testing.T) {
	bubble(t, func(t *testing.T, net *fakeNet) {
		nodes := runMany(t, net, 120)
		const seeds, peers = 30, 70
		for i := range seeds + peers {
			nodes[i].Add(hashNumber(1), newSwarm(i < seeds, 0))
		}
		time.Sleep(2 * time.Minute)
		n := run(t, Options{Conns: []fakePacketConn{net.listen("10.1.0.1:6881")}, Bootstrap: []string{address(0, false)}})
		r, err := n.Scrape(t.Context(), hashNumber(1))
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%.1f seeds, %.1f peers, %d nodes answered, %d with filters, %d found", r.Seeds, r.Peers, r.Nodes, r.Filters, len(r.Found))
		if math.Abs(r.Seeds-seeds) > 4 || math.Abs(r.Peers-peers) > 8 || r.Nodes < k || r.Filters < k || len(r.Found) < (seeds+peers)/2 {
			t.Errorf("%+v", r)
		}
		if r, err = n.Scrape(t.Context(), hashNumber(2)); err != nil || r.Seeds != 0 || r.Peers != 0 || r.Nodes < k || r.Filters != 0 || len(r.Found) != 0 {
			t.Errorf("of an unknown swarm: %+v, %v", r, err)
		}

		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if _, err = n.Scrape(ctx, hashNumber(1)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the error is %v", err)
		}
		go n.stop()
		if _, err = n.Scrape(t.Context(), hashNumber(1)); !errors.Is(err, errStopped) {
			t.Errorf("the error is %v", err)
		}
		lonely := run(t, Options{Conns: []fakePacketConn{net.listen("10.1.0.2:6881")}})
		ctx, cancel = context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if r, err = lonely.Scrape(ctx, hashNumber(1)); !errors.Is(err, context.DeadlineExceeded) || r.Nodes != 0 {
			t.Errorf("%+v, %v", r, err)
		}
	})
}

// Peers from nodes without filters count as peers, except known seeds.
func TestScrapeWithoutFilters(t *testing.T) {
	var s scrape
	seeds := new(krpc.Filter)
	seeds.Insert(netip.MustParseAddr("192.0.2.1"))
	s.add(&krpc.Message{SeedFilter: seeds})
	s.add(&krpc.Message{Peers: []netip.AddrPort{
		netip.MustParseAddrPort("192.0.2.1:1"), netip.MustParseAddrPort("192.0.2.2:1"), netip.MustParseAddrPort("192.0.2.2:2"),
	}})
	r := s.result(new(lookup))
	if math.Round(r.Seeds) != 1 || math.Round(r.Peers) != 1 || r.Filters != 1 {
		t.Errorf("%+v", r)
	}
}

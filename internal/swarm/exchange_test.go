package swarm

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// An address of another network is preferred to more addresses of a crowded one, and
// an address without a running exchange goes first.
func TestExchangesAreFair(t *testing.T) {
	t.Parallel()
	synctest.Test(t, testExchangesAreFair) // none waits too long
}

func testExchangesAreFair(t *testing.T) {
	x := newExchanges()
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	var refused atomic.Int64
	do := func(ip string) {
		all.Go(func() {
			if x.do(ctx, netip.MustParseAddr(ip), func() {}) == errExchange {
				refused.Add(1)
			}
		})
	}
	wait := func(what string, ready func() bool) {
		t.Helper()
		for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
			x.mu.Lock()
			ok := ready()
			x.mu.Unlock()
			if ok {
				return
			}
			if time.Now().After(end) {
				t.Fatal("not in time: ", what)
			}
		}
	}
	for i := range maxExchanges {
		do(fmt.Sprintf("10.0.0.%d", i%100))
	}
	wait("the queue is full", func() bool { return len(x.waiting) == maxExchanges })
	do("10.0.0.200")
	wait("one more of the crowd is refused", func() bool { return refused.Load() == 1 })
	for i := range 3 {
		do(fmt.Sprintf("10.0.%d.1", i+1))
		wait("another is let in for one of the crowd", func() bool { return refused.Load() == int64(i+2) && len(x.waiting) == maxExchanges })
		if last := x.waiting[maxExchanges-1]; last.addr != netip.MustParseAddr(fmt.Sprintf("10.0.%d.1", i+1)) {
			t.Errorf("the last is %s", last.addr)
		}
	}
	first := x.next()
	computed := []*exchange{first}
	busy := map[netip.Addr]bool{first.addr: true}
	for range 50 {
		e := x.next()
		if busy[e.addr] {
			t.Fatalf("%s is computed twice at once", e.addr)
		}
		busy[e.addr] = true
		computed = append(computed, e)
	}
	for _, e := range computed {
		x.finish(e)
	}
	cancel()
	wait("those that wait leave", func() bool { return len(x.waiting) == 0 })
	all.Wait()
}

// An exchange that took long, because the program got no CPU, does not make others wait too
// long.
func TestExchangeAfterLongOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		x := newExchanges()
		ctx, cancel := context.WithCancel(t.Context())
		var workers sync.WaitGroup
		workers.Go(func() { x.run(ctx) })
		for i := range 10 {
			if err := x.do(ctx, netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}), func() { time.Sleep(time.Minute) }); err != nil {
				t.Errorf("exchange %d: %v", i, err)
			}
		}
		cancel()
		workers.Wait()
	})
}

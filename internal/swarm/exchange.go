package swarm

import (
	"context"
	"errors"
	"net/netip"
	"runtime"
	"sync"
	"time"
)

const (
	// maxExchanges is the maximum number of key exchanges that wait, and exchangeTime
	// the longest that one waits.
	maxExchanges = 256
	exchangeTime = 5 * time.Second

	// exchangeShare is how long a worker idles after an exchange, as a multiple of
	// the time it took. It leaves the CPU to peers that are served.
	exchangeShare = 3

	// maxExchangePause is the longest time for which a worker idles. An exchange takes
	// milliseconds, but seconds if this program gets no CPU meanwhile, and a pause of three
	// times that would be longer than the others may wait.
	maxExchangePause = 300 * time.Millisecond
)

// errExchange is returned when a key exchange is refused or has waited too long.
var errExchange = errors.New("too many key exchanges are waiting")

// exchanges computes the key exchanges of encrypted handshakes. It uses one worker
// for every four CPUs, with pauses, so that a flood of handshakes takes little from
// connected peers. Addresses without an exchange under way go first.
type exchanges struct {
	wake chan struct{}

	mu      sync.Mutex
	waiting []*exchange             // in the order of arrival
	crowd   crowd                   // of waiting and running exchanges
	busy    map[netip.Addr]struct{} // addresses of running exchanges
}

// An exchange is a computation to be done.
type exchange struct {
	addr    netip.Addr
	compute func()
	done    chan error // has a buffer of one
}

func newExchanges() *exchanges {
	return &exchanges{wake: make(chan struct{}, maxExchanges), crowd: make(crowd), busy: make(map[netip.Addr]struct{})}
}

// run starts the workers, and returns when ctx has ended.
func (x *exchanges) run(ctx context.Context) {
	var wg sync.WaitGroup
	for range max(1, runtime.GOMAXPROCS(0)/4) {
		wg.Go(func() {
			for {
				select {
				case <-ctx.Done():
					return
				case <-x.wake:
				}
				if e := x.next(); e != nil {
					began := time.Now()
					e.compute()
					took := time.Since(began)
					x.finish(e)
					time.Sleep(min(exchangeShare*took, maxExchangePause))
				}
			}
		})
	}
	wg.Wait()
}

// do runs compute on a worker for an address, and waits for it.
func (x *exchanges) do(ctx context.Context, addr netip.Addr, compute func()) error {
	e := &exchange{addr, compute, make(chan error, 1)}
	x.mu.Lock()
	if len(x.waiting) == maxExchanges && !x.makeRoom(addr) {
		x.mu.Unlock()
		return errExchange
	}
	x.waiting = append(x.waiting, e)
	x.crowd.add(addr, 1)
	x.mu.Unlock()
	select {
	case x.wake <- struct{}{}:
	default: // enough signals are pending
	}
	late := time.NewTimer(exchangeTime)
	defer late.Stop()
	select {
	case err := <-e.done:
		return err
	case <-ctx.Done():
	case <-late.C:
	}
	x.mu.Lock()
	taken := !x.remove(e)
	x.mu.Unlock()
	if taken { // compute may be running
		return <-e.done
	}
	return errExchange
}

// makeRoom refuses an exchange that waits, to make room for another address. It picks
// the latest of the network with the most, and returns false if that has no more than
// the new address's network would have. x.mu is locked.
func (x *exchanges) makeRoom(addr netip.Addr) bool {
	var last *exchange
	most := x.crowd.of(addr) + 1
	for _, e := range x.waiting {
		if n := x.crowd.of(e.addr); n > most || n == most && last != nil {
			last, most = e, n
		}
	}
	if last == nil {
		return false
	}
	x.remove(last)
	last.done <- errExchange
	return true
}

// remove removes an exchange, and reports whether it was still waiting. x.mu is
// locked.
func (x *exchanges) remove(e *exchange) bool {
	for i, other := range x.waiting {
		if other == e {
			x.waiting = append(x.waiting[:i], x.waiting[i+1:]...)
			x.crowd.add(e.addr, -1)
			return true
		}
	}
	return false
}

// next returns the next exchange to compute, or nil.
func (x *exchanges) next() *exchange {
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(x.waiting) == 0 {
		return nil
	}
	at := 0
	for i, e := range x.waiting {
		if _, busy := x.busy[e.addr]; !busy {
			at = i
			break
		}
	}
	e := x.waiting[at]
	x.waiting = append(x.waiting[:at], x.waiting[at+1:]...)
	x.busy[e.addr] = struct{}{}
	return e
}

// finish reports to do that an exchange is computed.
func (x *exchanges) finish(e *exchange) {
	x.mu.Lock()
	delete(x.busy, e.addr)
	x.crowd.add(e.addr, -1)
	x.mu.Unlock()
	e.done <- nil
}

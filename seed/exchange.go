package seed

import (
	"context"
	"errors"
	"net/netip"
	"runtime"
	"sync"
	"time"
)

const (
	// maxExchanges is how many computations of key exchanges may wait, and
	// exchangeTime how long one may.
	maxExchanges = 256
	exchangeTime = 5 * time.Second

	// exchangeShare is how much of their time the workers are idle, for each part
	// that they compute: peers that are served need the CPU too.
	exchangeShare = 3
)

// errExchange is for a peer that would have to wait too long for its key exchange.
var errExchange = errors.New("too many peers want to exchange keys")

// exchanges compute the key exchanges of encrypted handshakes, one at a time for
// every four CPUs and with pauses, so that a flood of them takes little from the
// peers that are there. An address that has none being computed goes first.
type exchanges struct {
	wake chan struct{}

	mu      sync.Mutex
	waiting []*exchange             // in the order of arrival
	crowd   crowd                   // of those that wait or are computed
	busy    map[netip.Addr]struct{} // whose exchanges are computed
}

// An exchange is one computation that waits.
type exchange struct {
	addr    netip.Addr
	compute func()
	done    chan error // has room for one
}

func newExchanges() *exchanges {
	return &exchanges{wake: make(chan struct{}, maxExchanges), crowd: make(crowd), busy: make(map[netip.Addr]struct{})}
}

// run computes until ctx ends.
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
					time.Sleep(exchangeShare * took)
				}
			}
		})
	}
	wg.Wait()
}

// do has a computation done for an address.
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
	default: // as many as there are
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

// makeRoom makes room for an address: the last one goes of whichever network has
// most, if that is more than this one's would have. x.mu is locked.
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

// remove takes an exchange back; false: it does not wait any more. x.mu is locked.
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

// next returns what to compute next; nil: nothing.
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

// finish tells that an exchange is computed.
func (x *exchanges) finish(e *exchange) {
	x.mu.Lock()
	delete(x.busy, e.addr)
	x.crowd.add(e.addr, -1)
	x.mu.Unlock()
	e.done <- nil
}

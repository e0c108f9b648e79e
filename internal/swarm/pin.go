package swarm

import (
	"container/heap"
	"errors"
	"net/netip"
	"time"
)

// A pinned address is called again after firstPinRetry, then after twice that and so on,
// up to maxPinRetry.
const (
	firstPinRetry = 2 * time.Second
	maxPinRetry   = 30 * time.Second
)

// Pin adds addresses of peers as [Hub.Offer] does, which the user has given. They are
// called before others, again at short intervals, and never forgotten before [Hub.Forget].
func (h *Hub) Pin(t Torrent, infoHash [20]byte, addrs []netip.AddrPort) {
	h.contacts.pin(t, infoHash, h.reachable(addrs))
	h.signal()
}

// pin adds addresses of peers of a torrent, or makes them pinned and due if they are
// known. Neither a limit nor a silent host keeps them from being called. One that is our
// own is not learned as such, since it costs little to call it again.
func (c *contacts) pin(t Torrent, infoHash [20]byte, addrs []netip.AddrPort) {
	c.mu.Lock()
	defer c.mu.Unlock()
	b := c.book(t)
	for _, addr := range addrs {
		addr = netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port())
		switch k := b.contacts[addr]; {
		case !IsCallable(addr):
		case k == nil:
			c.add(&contact{addr: addr, book: b, infoHash: infoHash, pinned: true, place: -1})
		case !k.pinned:
			c.makePinned(k)
		}
	}
}

// makePinned makes a contact pinned, and due unless it is busy.
func (c *contacts) makePinned(k *contact) {
	isDue, waits := k.isDue(), k.place >= 0
	if isDue {
		k.book.due.remove(k)
	}
	k.pinned, k.unwanted, k.failures = true, false, 0
	switch {
	case isDue:
		k.book.due.push(k)
	case waits:
		heap.Remove(&c.waiting, k.place)
		c.makeDue(k)
	}
}

// pinWait returns when to call a pinned address again after a call has ended with err,
// which may be nil. failures counts the calls in a row without use.
func pinWait(failures int, err error) time.Duration {
	if errors.Is(err, ErrNeedless) {
		return recall
	}
	return min(firstPinRetry<<min(max(failures-1, 0), 10), maxPinRetry)
}

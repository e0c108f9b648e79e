package swarm

import (
	"errors"
	"net/netip"
	"slices"
	"sync"
	"time"
)

const (
	// maxContacts is the maximum number of addresses kept for a torrent, or minContacts
	// where maxAllContacts are kept for all torrents together.
	maxContacts    = 200
	maxAllContacts = 20_000
	minContacts    = 5

	// An address that does not answer is called again after firstRetry, then after
	// twice that, and is forgotten after maxFailures.
	firstRetry  = time.Minute
	maxFailures = 5

	// recall is how long a peer that has been connected is not called again, and
	// recallNeedless one that needs nothing of us.
	recall         = 5 * time.Minute
	recallNeedless = 6 * time.Hour
)

// ErrNeedless is wrapped by the error of [Role.Run] if the peer needs nothing of us, and
// we nothing of it, so that it is not called again soon.
var ErrNeedless = errors.New("neither side needs the other")

// A contact is the address of a peer that may be called.
type contact struct {
	addr     netip.AddrPort
	infoHash [20]byte
	busy     bool // it is being called or connected
	failures int  // in a row
	next     time.Time
}

// A book holds the contacts of one torrent.
type book struct {
	torrent  Torrent
	contacts map[netip.AddrPort]*contact
	busy     int // contacts that are busy
}

// contacts hold the addresses that may be called, by torrent.
type contacts struct {
	mu    sync.Mutex
	books []*book // in turn: the next to call is first
	own   map[netip.AddrPort]bool
	n     int // of contacts
}

func (c *contacts) book(t Torrent) *book {
	i := slices.IndexFunc(c.books, func(b *book) bool { return b.torrent == t })
	if i < 0 {
		return nil
	}
	return c.books[i]
}

// offer adds addresses of peers of a torrent.
func (c *contacts) offer(t Torrent, infoHash [20]byte, addrs []netip.AddrPort) {
	c.mu.Lock()
	defer c.mu.Unlock()
	b := c.book(t)
	if b == nil {
		b = &book{torrent: t, contacts: make(map[netip.AddrPort]*contact)}
		c.books = append(c.books, b)
	}
	for _, addr := range addrs {
		addr = netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port())
		if b.contacts[addr] != nil || c.own[addr] || !isCallable(addr) {
			continue
		}
		if n := len(b.contacts); n >= maxContacts || n >= minContacts && c.n >= maxAllContacts {
			break
		}
		b.contacts[addr] = &contact{addr: addr, infoHash: infoHash}
		c.n++
	}
	c.drop(b)
}

// isCallable reports whether an address can be that of a peer.
func isCallable(addr netip.AddrPort) bool {
	ip := addr.Addr()
	return ip.IsValid() && addr.Port() != 0 && !ip.IsUnspecified() && !ip.IsMulticast() && ip != netip.AddrFrom4([4]byte{255, 255, 255, 255})
}

// drop removes a book without contacts.
func (c *contacts) drop(b *book) {
	if len(b.contacts) == 0 {
		c.books = slices.DeleteFunc(c.books, func(o *book) bool { return o == b })
	}
}

// remove removes a contact.
func (c *contacts) remove(b *book, k *contact) {
	if b.contacts[k.addr] == k {
		delete(b.contacts, k.addr)
		c.n--
	}
	c.drop(b)
}

// forget removes all contacts of a torrent.
func (c *contacts) forget(t Torrent) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if b := c.book(t); b != nil {
		c.n -= len(b.contacts)
		clear(b.contacts)
		c.drop(b)
	}
}

// next returns a contact to call now, which is then busy. Torrents take turns, and none
// has more than its share of most peers. If no contact is due, wait is the time until
// one may be; 0 if there is none at all.
func (c *contacts) next(now time.Time, most int) (b *book, k *contact, wait time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.books) == 0 {
		return nil, nil, 0
	}
	share := max(1, most/len(c.books))
	wait = time.Minute
	for i, b := range c.books {
		if b.busy >= share || !b.torrent.Needs() {
			continue
		}
		for _, k := range b.contacts {
			switch {
			case k.busy:
			case k.next.After(now):
				wait = min(wait, k.next.Sub(now))
			default:
				k.busy = true
				b.busy++
				// The torrent waits for its next turn behind all others.
				c.books = append(slices.Delete(c.books, i, i+1), b)
				return b, k, 0
			}
		}
	}
	return nil, nil, max(wait, time.Second)
}

// done records how a call has ended.
func (c *contacts) done(b *book, k *contact, now time.Time, err error, connected bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k.busy = false
	b.busy--
	switch {
	case errors.Is(err, errSelf):
		if c.own == nil {
			c.own = make(map[netip.AddrPort]bool)
		}
		c.own[k.addr] = true
		c.remove(b, k)
	case errors.Is(err, ErrNeedless):
		k.failures, k.next = 0, now.Add(recallNeedless)
	case connected:
		k.failures, k.next = 0, now.Add(recall)
	default:
		k.next = now.Add(firstRetry << k.failures)
		if k.failures++; k.failures == maxFailures {
			c.remove(b, k)
		}
	}
}

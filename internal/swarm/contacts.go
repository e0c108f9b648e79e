package swarm

import (
	"container/heap"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"time"
)

const (
	// A torrent has at most its share of maxAllContacts addresses, which is from
	// minContacts to maxContacts, and minContacts where there are maxAllContacts. Of one
	// host it has at most maxOfHost.
	maxContacts    = 2000
	maxAllContacts = 20_000
	minContacts    = 2
	maxOfHost      = 50

	// An address that does not answer is called again after firstRetry, or closedRetry if
	// it closed the connection in the handshake: it may have no room for now. Then after
	// twice that, and is forgotten after maxFailures.
	firstRetry  = time.Minute
	closedRetry = 10 * time.Second
	maxFailures = 5

	// recall is how long a peer that has been connected is not called again, twice that
	// if it was of no use, and so on up to recallNeedless. This is the time for a peer
	// that needs nothing of us. A peer that was of use is called again after recallUseful:
	// the connection may just have been interrupted.
	recall         = 5 * time.Minute
	recallUseful   = 30 * time.Second
	recallNeedless = 6 * time.Hour

	// ownTime is how long an address is taken for our own, and maxOwn how many are.
	ownTime = 24 * time.Hour
	maxOwn  = 100
)

// ErrNeedless is wrapped by the error of [Role.Run] if the peer needs nothing of us, and
// we nothing of it, so that it is not called again soon.
var ErrNeedless = errors.New("neither side needs the other")

// A contact is the address of a peer that may be called.
type contact struct {
	addr     netip.AddrPort
	book     *book
	infoHash [20]byte
	origin   Origin
	pinned   bool // given by the user; see contacts.pin
	answered bool // it has been connected
	busy     bool // it is being called or connected
	unwanted bool // it is to be removed when it is no longer busy
	failures int  // calls in a row without an answer, or without use
	next     time.Time
	place    int // in contacts.waiting; -1: not in it
}

// isDue reports whether the contact may be called now.
func (k *contact) isDue() bool { return !k.busy && k.place < 0 }

// A book holds the contacts of one torrent. Each is busy, due to be called, or in
// contacts.waiting.
type book struct {
	torrent  Torrent
	contacts map[netip.AddrPort]*contact
	due      dueContacts
	busy     int // number of contacts that are busy
}

// contacts hold the addresses that may be called, by torrent. The zero value is empty.
type contacts struct {
	mu      sync.Mutex
	books   map[Torrent]*book
	turns   []*book     // with contacts that are busy or due: the next to call is first
	waiting contactHeap // contacts that must not be called yet
	silent  silentHosts
	own     map[netip.AddrPort]time.Time // our own addresses, and until when they count as such
	n       int                          // of contacts
	by      [sources]int                 // contacts by their sources
}

// book returns the book of a torrent, or an empty one.
func (c *contacts) book(t Torrent) *book {
	if b := c.books[t]; b != nil {
		return b
	}
	return &book{torrent: t, contacts: make(map[netip.AddrPort]*contact)}
}

// IsCallable reports whether an address can be that of a peer.
func IsCallable(addr netip.AddrPort) bool {
	ip := addr.Addr()
	switch {
	case !ip.IsValid() || addr.Port() == 0 || ip.IsUnspecified() || ip.IsMulticast():
		return false
	case ip.Is4():
		first := ip.As4()[0]
		return first != 0 && first < 240 // "this network", and reserved ones with broadcast
	}
	return !ip.IsLinkLocalUnicast() || ip.Zone() != ""
}

func (c *contacts) isOwn(addr netip.AddrPort, now time.Time) bool { return c.own[addr].After(now) }

// add adds a contact, which is due.
func (c *contacts) add(k *contact) {
	b := k.book
	if c.books == nil {
		c.books, c.silent = make(map[Torrent]*book), make(silentHosts)
	}
	c.books[b.torrent] = b
	b.contacts[k.addr] = k
	c.n++
	c.by[k.origin.Source]++
	c.makeDue(k)
}

// remove removes a contact that is not busy, or whose call has ended.
func (c *contacts) remove(k *contact) {
	b := k.book
	if b.contacts[k.addr] != k {
		return // the torrent was forgotten
	}
	delete(b.contacts, k.addr)
	c.n--
	c.by[k.origin.Source]--
	if k.place >= 0 {
		heap.Remove(&c.waiting, k.place)
	} else {
		b.due.remove(k)
	}
	if len(b.contacts) == 0 {
		delete(c.books, b.torrent)
	}
}

// forget removes all contacts of a torrent.
func (c *contacts) forget(t Torrent) {
	c.mu.Lock()
	defer c.mu.Unlock()
	b := c.books[t]
	if b == nil {
		return
	}
	b.due = dueContacts{}
	for _, k := range b.contacts {
		c.remove(k)
	}
	c.rest(b)
}

// makeDue lets a contact be called now.
func (c *contacts) makeDue(k *contact) {
	b := k.book
	if b.due.len() == 0 && b.busy == 0 {
		c.turns = append(c.turns, b)
	}
	b.due.push(k)
}

// wait lets a contact be called again at a time.
func (c *contacts) wait(k *contact, next time.Time) {
	k.next = next
	heap.Push(&c.waiting, k)
}

// rest ends the turns of a torrent without contacts that are busy or due.
func (c *contacts) rest(b *book) {
	if b.due.len() == 0 && b.busy == 0 {
		c.turns = slices.DeleteFunc(c.turns, func(o *book) bool { return o == b })
	}
}

// next returns a contact to call now, which is then busy. Torrents take turns, and none
// has more than its share of most peers. If no contact is due, wait is the time until
// one may be; 0 if there is none at all.
func (c *contacts) next(now time.Time, most int) (k *contact, wait time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.books) == 0 {
		return nil, 0
	}
	for len(c.waiting) > 0 && !c.waiting[0].next.After(now) {
		c.makeDue(heap.Pop(&c.waiting).(*contact))
	}
	share := max(1, most/max(1, len(c.turns)))
	for i := 0; i < len(c.turns); {
		b := c.turns[i]
		if b.due.len() > 0 && b.busy < share && b.torrent.Needs() {
			if k := c.take(b, now); k != nil {
				// The torrent waits for its next turn behind all others.
				c.turns = append(slices.Delete(c.turns, i, i+1), b)
				return k, 0
			}
			c.rest(b)
		}
		if i < len(c.turns) && c.turns[i] == b {
			i++
		}
	}
	wait = time.Minute
	if len(c.waiting) > 0 {
		wait = min(wait, c.waiting[0].next.Sub(now))
	}
	return nil, max(wait, time.Second)
}

// take makes the first due contact of a torrent busy that may be called, and returns it,
// or nil if there is none.
func (c *contacts) take(b *book, now time.Time) *contact {
	for k := b.due.pop(); k != nil; k = b.due.pop() {
		switch next := c.silent[hostPrefix(k.addr.Addr())].next; {
		case !k.pinned && c.isOwn(k.addr, now):
			c.remove(k)
		case !k.pinned && next.After(now):
			c.wait(k, next)
		default:
			k.busy = true
			b.busy++
			return k
		}
	}
	return nil
}

// An outcome is how a call has ended.
type outcome struct {
	err       error
	connected bool // the peer was admitted
	useful    bool // blocks were sent or received
}

// done records how a call has ended.
func (c *contacts) done(k *contact, now time.Time, o outcome) {
	c.mu.Lock()
	defer c.mu.Unlock()
	b := k.book
	k.busy = false
	b.busy--
	defer c.rest(b)
	if b.contacts[k.addr] != k {
		return // the torrent was forgotten
	}
	if k.unwanted {
		c.remove(k)
		return
	}
	if k.pinned {
		k.failures++
		if o.useful {
			k.failures = 0
		}
		c.wait(k, now.Add(pinWait(k.failures, o.err)))
		return
	}
	switch {
	case errors.Is(o.err, errSelf):
		c.learnOwn(k.addr, now)
		c.remove(k)
		return
	case errors.Is(o.err, errBanned), errors.Is(o.err, errRoom):
		c.wait(k, now.Add(recall))
		return
	}
	c.schedule(k, now, o)
}

// schedule lets a contact be called again after a call, or removes it.
func (c *contacts) schedule(k *contact, now time.Time, o outcome) {
	answers := o.connected || errors.Is(o.err, errDuplicate)
	k.answered = k.answered || answers
	c.silent.called(k.addr.Addr(), answers, now)
	if o.useful || errors.Is(o.err, ErrNeedless) {
		k.failures = 0
	} else {
		k.failures++
	}
	switch {
	case errors.Is(o.err, ErrNeedless):
		c.wait(k, now.Add(recallNeedless))
	case o.useful:
		c.wait(k, now.Add(recallUseful))
	case answers:
		c.wait(k, now.Add(min(recall<<min(k.failures, 10), recallNeedless)))
	case k.failures >= maxFailures:
		c.remove(k)
	default:
		retry := firstRetry
		if !IsUnreachable(o.err) {
			retry = closedRetry
		}
		c.wait(k, now.Add(retry<<(k.failures-1)))
	}
}

// learnOwn records an address as our own.
func (c *contacts) learnOwn(addr netip.AddrPort, now time.Time) {
	if c.own == nil || len(c.own) >= maxOwn { // a peer can pass for us
		c.own = make(map[netip.AddrPort]time.Time)
	}
	c.own[addr] = now.Add(ownTime)
}

// A contactHeap is a heap of contacts by the time of their next call.
type contactHeap []*contact

func (h contactHeap) Len() int           { return len(h) }
func (h contactHeap) Less(i, k int) bool { return h[i].next.Before(h[k].next) }
func (h contactHeap) Swap(i, k int) {
	h[i], h[k] = h[k], h[i]
	h[i].place, h[k].place = i, k
}

func (h *contactHeap) Push(x any) {
	k := x.(*contact)
	k.place = len(*h)
	*h = append(*h, k)
}

func (h *contactHeap) Pop() any {
	last := len(*h) - 1
	k := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	k.place = -1
	return k
}

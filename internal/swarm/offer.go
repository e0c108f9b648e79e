package swarm

import (
	"net/netip"
	"time"
)

// offer adds addresses of peers of a torrent.
func (c *contacts) offer(t Torrent, infoHash [20]byte, o Origin, addrs []netip.AddrPort) {
	c.mu.Lock()
	defer c.mu.Unlock()
	b := c.book(t)
	n := b.count(o)
	for _, addr := range addrs {
		addr = netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port())
		if k := b.contacts[addr]; k != nil {
			if o.Source < k.origin.Source {
				c.setOrigin(k, o)
			}
			continue
		}
		host := hostPrefix(addr.Addr())
		if !IsCallable(addr) || c.isOwn(addr, time.Now()) || n.hosts[host] >= maxOfHost {
			continue
		}
		if c.hasEnough(o, n.given) || c.isFull(b) && !c.makeRoom(b, o.Source) {
			break
		}
		c.add(&contact{addr: addr, book: b, infoHash: infoHash, origin: o, place: -1})
		n.hosts[host]++
		n.given++
	}
}

// counts are numbers of contacts of a torrent.
type counts struct {
	hosts map[netip.Prefix]int // by their hosts
	given int                  // by PEX from one host, without those that have answered
}

// count counts the contacts of a torrent for new ones of an origin.
func (b *book) count(o Origin) counts {
	n := counts{hosts: make(map[netip.Prefix]int)}
	for addr, k := range b.contacts {
		n.hosts[hostPrefix(addr.Addr())]++
		if k.origin.Source == SourcePEX && !k.answered && hostPrefix(k.origin.Giver) == hostPrefix(o.Giver) {
			n.given++
		}
	}
	return n
}

// hasEnough reports whether there are as many contacts of an origin as there may be, of
// which given are those of the torrent that its giver has given.
func (c *contacts) hasEnough(o Origin, given int) bool {
	return o.Source != SourceTracker && c.by[o.Source] >= maxOfSource || o.Source == SourcePEX && given >= maxOfGiver
}

// setOrigin changes the origin of a contact.
func (c *contacts) setOrigin(k *contact, o Origin) {
	c.by[k.origin.Source]--
	c.by[o.Source]++
	isDue := k.isDue()
	if isDue {
		k.book.due.remove(k)
	}
	k.origin, k.unwanted = o, false
	if isDue {
		k.book.due.push(k)
	}
}

// isFull reports whether a torrent has as many contacts as it may.
func (c *contacts) isFull(b *book) bool {
	share := maxAllContacts / max(1, len(c.books))
	n := len(b.contacts)
	return n >= minContacts && (n >= min(share, maxContacts) || c.n >= maxAllContacts)
}

// makeRoom removes a contact of a torrent for a new one of a source, and reports whether
// it has. It is one of the source that has most contacts: the one that would be called
// last. One that is to be called now is only removed for a source that has fewer.
func (c *contacts) makeRoom(b *book, s Source) bool {
	var n [sources]int
	var last [sources]*contact // of those that wait
	for _, k := range b.contacts {
		if k.pinned || k.busy {
			continue
		}
		i := k.origin.Source
		n[i]++
		if k.place >= 0 && (last[i] == nil || k.next.After(last[i].next)) {
			last[i] = k
		}
	}
	most := s
	for i := range sources {
		if n[i] > n[most]+1 { // or the sources would take room from each other by turns
			most = i
		}
	}
	switch due := b.due.by[most]; {
	case last[most] != nil:
		c.remove(last[most])
	case most != s && len(due) > 0:
		c.remove(due[len(due)-1])
	default:
		return false
	}
	return true
}

// keep removes the contacts of a torrent that are neither of a source nor pinned.
func (c *contacts) keep(t Torrent, s Source) {
	c.mu.Lock()
	defer c.mu.Unlock()
	b := c.books[t]
	if b == nil {
		return
	}
	for _, k := range b.contacts {
		switch {
		case k.origin.Source == s || k.pinned:
		case k.busy:
			k.unwanted = true
		default:
			c.remove(k)
		}
	}
	c.rest(b)
}

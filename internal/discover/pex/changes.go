package pex

import (
	"cmp"
	"net/netip"
	"slices"

	"bt/internal/peer"
)

// changes are the changes of the list of peers, in order. Each has a number, and a peer
// that was sent those up to a number needs the ones after it.
type changes struct {
	last uint64 // number of the last change
	list []change
}

// A change is that a peer has joined or left.
type change struct {
	number uint64
	addr   netip.AddrPort // zero: it has joined and left since
	flags  peer.PEXFlags
	joined uint64 // it has left, and this is the number with which it joined; 0: it has joined
}

const (
	// Of the changes that peers have left, the last keptLeft are kept. The others are not
	// sent to the peers that were not sent them yet.
	keptLeft = 128

	// The list is compacted when it has maxVoid changes more than are kept.
	maxVoid = 256
)

// join adds the change that a peer has joined, and returns its number.
func (c *changes) join(addr netip.AddrPort, flags peer.PEXFlags) uint64 {
	c.last++
	c.list = append(c.list, change{number: c.last, addr: addr, flags: flags})
	return c.last
}

// leave adds the change that the peer has left that joined with a number. There are others
// left.
func (c *changes) leave(joined uint64, others int) {
	i, ok := c.find(joined)
	if !ok {
		return
	}
	addr := c.list[i].addr
	c.list[i] = change{number: joined}
	c.last++
	c.list = append(c.list, change{number: c.last, addr: addr, joined: joined})
	if len(c.list) > others+keptLeft+maxVoid {
		c.compact()
	}
}

// find returns the index of the change with a number, or of the next one.
func (c *changes) find(number uint64) (int, bool) {
	return slices.BinarySearchFunc(c.list, number, func(h change, n uint64) int { return cmp.Compare(h.number, n) })
}

// compact removes changes that nothing depends on.
func (c *changes) compact() {
	left := 0
	kept := make([]change, 0, len(c.list)/2)
	for _, h := range slices.Backward(c.list) {
		if h.joined != 0 {
			left++
		}
		if h.addr.IsValid() && (h.joined == 0 || left <= keptLeft) {
			kept = append(kept, h)
		}
	}
	slices.Reverse(kept)
	c.list = kept
}

// A mark is how far a peer has been sent the changes.
type mark struct {
	joined uint64 // it was sent the peers that had joined, up to this change
	left   uint64 // and those that had left, up to this one, which is not before joined
}

// since returns the changes after a mark that may be sent to a peer, and the mark after
// them. At most most peers that have joined are returned, so that the others follow later.
// Of those that have left, only such are returned that the peer was sent, up to maxDropped.
func (c *changes) since(m mark, most int, may func(netip.AddrPort) bool) (x peer.PEX, next mark) {
	next = mark{c.last, c.last}
	from, _ := c.find(m.joined + 1)
	for _, h := range c.list[from:] {
		switch {
		case !h.addr.IsValid() || !may(h.addr):
		case h.joined == 0 && len(x.Added) < most:
			x.Added = append(x.Added, peer.PEXPeer{Addr: h.addr, Flags: h.flags})
		case h.joined == 0:
			next.joined = min(next.joined, h.number-1)
		case h.number > m.left && h.joined <= m.joined && len(x.Dropped) < maxDropped:
			x.Dropped = append(x.Dropped, h.addr)
		}
	}
	return x, next
}

package dht

import (
	"net/netip"
	"slices"
	"time"

	"bt/internal/discover/krpc"
)

const (
	// quietTime is the time without a packet of a node after which it is questionable, and
	// a bucket that did not change is refreshed (BEP 5).
	quietTime = 15 * time.Minute

	// maxFails is the number of queries in a row that a node may leave unanswered before
	// it is bad. One may be lost on the way.
	maxFails = 2
)

// A contact is a node in a table.
type contact struct {
	krpc.Node
	heard time.Time // when it last answered or asked
	fails int       // queries in a row that it did not answer
}

func (c *contact) isBad() bool { return c.fails >= maxFails }

// A table is the routing table of one address family. It holds only nodes that have
// answered. A node is in the bucket that is numbered by the bits that its id has in common
// with ours. Bad nodes stay until others replace them, because it may be our own network
// that fails.
type table struct {
	own     krpc.ID
	buckets [len(krpc.ID{}) * 8]bucket
}

type bucket struct {
	nodes   []contact
	spare   []contact // replacements, the newest last
	changed time.Time // when a node last answered
}

func (t *table) bucket(id krpc.ID) *bucket {
	return &t.buckets[min(t.own.Common(id), len(t.buckets)-1)]
}

// insert adds a node that has answered, or notes that it did so again.
func (t *table) insert(node krpc.Node, now time.Time) {
	if node.ID == t.own || !node.ID.FitsAddr(node.Addr.Addr()) {
		return
	}
	b := t.bucket(node.ID)
	b.changed = now
	if i := indexID(b.nodes, node.ID); i >= 0 {
		c := &b.nodes[i]
		// Another address for the id of a good node may be an attempt to replace it.
		if c.Addr == node.Addr || c.isBad() && t.allows(node.Addr) {
			*c = contact{Node: node, heard: now}
		}
		return
	}
	t.remove(node.Addr) // it had another id
	if !t.allows(node.Addr) {
		return
	}
	c := contact{Node: node, heard: now}
	if len(b.nodes) < k {
		b.nodes = append(b.nodes, c)
		return
	}
	if i := slices.IndexFunc(b.nodes, func(c contact) bool { return c.isBad() }); i >= 0 {
		b.nodes[i] = c
		return
	}
	if i := indexID(b.spare, node.ID); i >= 0 {
		b.spare = slices.Delete(b.spare, i, i+1)
	} else if len(b.spare) == k {
		b.spare = slices.Delete(b.spare, 0, 1)
	}
	b.spare = append(b.spare, c)
}

func indexID(list []contact, id krpc.ID) int {
	return slices.IndexFunc(list, func(c contact) bool { return c.ID == id })
}

// all yields all contacts, those in use and spare ones.
func (t *table) all(yield func(c *contact, spare bool) bool) {
	for i := range t.buckets {
		b := &t.buckets[i]
		for j := range b.nodes {
			if !yield(&b.nodes[j], false) {
				return
			}
		}
		for j := range b.spare {
			if !yield(&b.spare[j], true) {
				return
			}
		}
	}
}

// allows reports whether the limits of a host and its network allow another node.
func (t *table) allows(a netip.AddrPort) bool {
	return isAllowed(a, func(yield func(netip.AddrPort) bool) {
		t.all(func(c *contact, _ bool) bool { return yield(c.Addr) })
	})
}

// remove removes the node at an address.
func (t *table) remove(a netip.AddrPort) {
	isIt := func(c contact) bool { return c.Addr == a }
	for i := range t.buckets {
		b := &t.buckets[i]
		b.nodes = slices.DeleteFunc(b.nodes, isIt)
		b.spare = slices.DeleteFunc(b.spare, isIt)
	}
}

// asked notes a query of a node. It reports whether a ping could bring the node into the
// table.
func (t *table) asked(node krpc.Node, now time.Time) bool {
	b := t.bucket(node.ID)
	if i := indexID(b.nodes, node.ID); i >= 0 {
		c := &b.nodes[i]
		if c.Addr == node.Addr {
			c.heard = now
			return c.isBad()
		}
		return c.isBad()
	}
	full := len(b.nodes) == k && !slices.ContainsFunc(b.nodes, func(c contact) bool { return c.isBad() })
	return !full && node.ID != t.own && node.ID.FitsAddr(node.Addr.Addr())
}

// fail notes that the node at an address did not answer.
func (t *table) fail(a netip.AddrPort) {
	for i := range t.buckets {
		b := &t.buckets[i]
		b.spare = slices.DeleteFunc(b.spare, func(c contact) bool { return c.Addr == a })
		j := slices.IndexFunc(b.nodes, func(c contact) bool { return c.Addr == a })
		if j < 0 {
			continue
		}
		b.nodes[j].fails++
		if last := len(b.spare) - 1; last >= 0 && b.nodes[j].isBad() {
			b.nodes[j] = b.spare[last]
			b.spare = b.spare[:last]
		}
	}
}

// closest returns up to n nodes that are not bad, nearest first.
func (t *table) closest(target krpc.ID, n int) []krpc.Node {
	list := []krpc.Node{}
	for c, spare := range t.all {
		if !spare && !c.isBad() {
			list = append(list, c.Node)
		}
	}
	slices.SortFunc(list, func(a, b krpc.Node) int { return target.CompareDistance(a.ID, b.ID) })
	return list[:min(n, len(list))]
}

// count returns the number of nodes that are not bad.
func (t *table) count() (n int) {
	for c, spare := range t.all {
		if !spare && !c.isBad() {
			n++
		}
	}
	return n
}

// questionable returns up to n nodes to ping: those that failed to answer, and those that
// have sent nothing for quietTime.
func (t *table) questionable(n int, now time.Time) (list []krpc.Node) {
	for c, spare := range t.all {
		if !spare && (c.fails > 0 && !c.isBad() || now.Sub(c.heard) > quietTime) {
			c.heard = now // it is pinged again if it does not answer, but not at once
			if list = append(list, c.Node); len(list) == n {
				break
			}
		}
	}
	return list
}

// stale returns the number of a bucket to refresh, or -1. Buckets beyond the last that
// has nodes would be empty after a refresh as well.
func (t *table) stale(now time.Time) int {
	last := 0
	for i := range t.buckets {
		if len(t.buckets[i].nodes) > 0 {
			last = i
		}
	}
	for i := range last + 1 {
		if now.Sub(t.buckets[i].changed) > quietTime {
			t.buckets[i].changed = now
			return i
		}
	}
	return -1
}

// rebase changes our id, and sorts all contacts into buckets again.
func (t *table) rebase(own krpc.ID) {
	old := *t
	*t = table{own: own}
	for c, spare := range old.all {
		b := t.bucket(c.ID)
		b.changed = c.heard
		switch {
		case c.ID == own:
		case !spare && len(b.nodes) < k:
			b.nodes = append(b.nodes, *c)
		case len(b.spare) < k:
			b.spare = append(b.spare, *c)
		}
	}
}

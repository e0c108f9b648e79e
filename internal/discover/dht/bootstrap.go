package dht

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"time"

	"bt/internal/discover/krpc"
)

const (
	// The times between bootstraps double up to a maximum, which is longer if there are
	// nodes of another family to work with.
	minBootstrapWait = 5 * time.Second
	maxBootstrapWait = 10 * time.Minute
	maxFamilyWait    = time.Hour

	resolveTimeout = 30 * time.Second

	maxBootstrapAddrs = 16 // of the names in Options.Bootstrap
	maxKnownSeeds     = 32 // contacts that a bootstrap asks again

	maxPings     = 128
	pingInterval = 200 * time.Millisecond
	// pingDelay is how long a read-only node waits before it pings. A peer that pings us
	// first proves that it can reach us.
	pingDelay = 10 * time.Second

	// checksPerMinute is the number of questionable contacts of a family that are pinged.
	checksPerMinute = 16
)

// A bootstrap finds nodes near our own ids while a table has none.
type bootstrap struct {
	saved   []krpc.Node // from the state file
	running bool
	done    bool  // one has found nodes
	failed  error // of the names, in the last one
	warned  bool  // that none has found nodes
	at      time.Time
	tries   int
}

// isReady reports whether lookups can begin.
func (n *Node) isReady() bool {
	return n.bootstrap.done && slices.ContainsFunc(n.families, func(f *family) bool { return f.table.count() > 0 })
}

// hasEmptyTable reports whether a family knows no node that works.
func (n *Node) hasEmptyTable() bool {
	return slices.ContainsFunc(n.families, func(f *family) bool { return f.table.count() == 0 })
}

// bootstrapNext starts a bootstrap if one is due, and returns when the next is.
func (n *Node) bootstrapNext(ctx context.Context, wg *sync.WaitGroup, now time.Time) time.Time {
	b := &n.bootstrap
	switch {
	case b.running, b.done && !n.hasEmptyTable():
		return now.Add(time.Hour)
	case b.at.After(now):
		return b.at
	}
	b.running = true
	wg.Go(func() {
		addrs, err := n.resolve(ctx)
		n.mu.Lock()
		defer n.unlock()
		if b.failed = err; !n.closed {
			n.startBootstrap(addrs)
		}
	})
	return now.Add(time.Hour)
}

func (n *Node) startBootstrap(addrs []netip.AddrPort) {
	left := len(n.families)
	answers := 0
	for _, f := range n.families {
		l := n.newLookup(f.id, krpc.FindNode)
		for _, s := range l.sides {
			s.seeds = s.family.seeds(addrs)
		}
		for _, node := range n.bootstrap.saved {
			for _, s := range l.sides {
				if s.family.v6() == node.Addr.Addr().Is6() {
					s.add(l.target, node, nil)
				}
			}
		}
		l.done = func() {
			answers += l.answers
			if left--; left == 0 {
				n.endBootstrap(answers)
			}
		}
		n.start(l)
	}
}

// seeds returns the addresses of a family to begin with: those given, and contacts that
// may work again.
func (f *family) seeds(addrs []netip.AddrPort) (list []netip.AddrPort) {
	for _, a := range addrs {
		if a.Addr().Is6() == f.v6() {
			list = append(list, a)
		}
	}
	var known []netip.AddrPort
	for c := range f.table.all {
		if c.isBad() {
			known = append(known, c.Addr)
		}
	}
	shuffle(known)
	return append(list, known[:min(maxKnownSeeds, len(known))]...)
}

func (n *Node) endBootstrap(answers int) {
	b := &n.bootstrap
	b.running = false
	b.done = b.done || answers > 0
	if !b.done && !b.warned && len(n.options.Bootstrap) > 0 {
		b.warned = true
		err := cmp.Or(b.failed, errNoAnswer)
		n.calls = append(n.calls, func() { n.warning(err) })
	}
	longest := maxBootstrapWait
	if n.isReady() {
		longest = maxFamilyWait
	}
	wait := min(minBootstrapWait<<min(b.tries, 10), longest)
	b.tries++
	if !n.hasEmptyTable() {
		b.saved, b.tries = nil, 0
	}
	b.at = time.Now().Add(wait)
	n.signal()
}

// errNoAnswer is the warning that the first nodes don't answer. One of several is no news.
var errNoAnswer = errors.New("no node of the DHT answers")

// resolve returns the addresses of Options.Bootstrap, and an error if it is that of a name.
func (n *Node) resolve(ctx context.Context) (addrs []netip.AddrPort, failed error) {
	ctx, cancel := context.WithTimeout(ctx, resolveTimeout)
	defer cancel()
	for _, s := range n.options.Bootstrap {
		found, err := resolve(ctx, s)
		if err != nil && failed == nil {
			failed = fmt.Errorf("%w: %s: %w", errNoAnswer, s, err)
		}
		addrs = append(addrs, found...)
	}
	return addrs[:min(maxBootstrapAddrs, len(addrs))], failed
}

func resolve(ctx context.Context, s string) (addrs []netip.AddrPort, err error) {
	host, portText, err := net.SplitHostPort(s)
	if err != nil {
		return nil, err
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return nil, err
	}
	ip, err := netip.ParseAddr(host)
	ips := []netip.Addr{ip}
	if err != nil {
		if ips, err = net.DefaultResolver.LookupNetIP(ctx, "ip", host); err != nil {
			return nil, err
		}
	}
	for _, ip := range ips {
		addrs = append(addrs, netip.AddrPortFrom(ip.Unmap(), uint16(port)))
	}
	return addrs, nil
}

// suggest queues an address to ping.
func (n *Node) suggest(a netip.AddrPort) {
	f := n.family(a.Addr())
	if f == nil || !isUnicast(a) || a == f.external || a == f.local || len(n.pings) >= maxPings ||
		slices.ContainsFunc(n.pings, func(p ping) bool { return p.addr == a }) {
		return
	}
	p := ping{a, time.Now()}
	if n.bootstrap.done && n.readOnly(f) {
		p.at = p.at.Add(pingDelay)
	}
	n.pings = append(n.pings, p)
	n.wakeBy(p.at)
}

// A ping waits to be sent.
type ping struct {
	addr netip.AddrPort
	at   time.Time // not before
}

// pingNext sends a ping if one may be sent now, and returns when the next may be.
func (n *Node) pingNext(now time.Time) time.Time {
	switch {
	case len(n.pings) == 0:
		return now.Add(time.Hour)
	case n.pingAt.After(now):
		return n.pingAt
	case n.pings[0].at.After(now):
		return n.pings[0].at
	}
	n.pingAt = now.Add(pingInterval)
	if !n.queries.Allow() {
		return n.pingAt
	}
	a := n.pings[0].addr
	n.pings = n.pings[1:]
	n.ask(n.family(a.Addr()), a, krpc.Message{Method: krpc.Ping}, func(m *krpc.Message) {
		if m != nil && !n.bootstrap.done {
			n.bootstrap.at = time.Now()
			n.signal()
		}
	})
	return n.pingAt
}

// maintain checks contacts, and refreshes a bucket, once a minute.
func (n *Node) maintain(now time.Time) {
	for _, f := range n.families {
		for _, node := range f.table.questionable(checksPerMinute, now) {
			n.suggest(node.Addr)
		}
		if f.table.count() < k {
			n.find(f.id)
		}
		if i := f.table.stale(now); i >= 0 {
			n.find(inBucket(f.id, i))
		}
	}
}

// inBucket returns a random id of a bucket.
func inBucket(own krpc.ID, bucket int) (id krpc.ID) {
	for i := range id {
		id[i] = byte(rand.Uint32())
	}
	for bit := range bucket + 1 {
		mask := byte(0x80) >> (bit % 8)
		id[bit/8] = id[bit/8]&^mask | own[bit/8]&mask
	}
	id[bucket/8] ^= 0x80 >> (bucket % 8)
	return id
}

package swarm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"bt/internal/peer"
)

// errRefused is the error of a call that no host has answered.
var errRefused = &net.OpError{Op: "dial", Err: errors.New("refused")}

// A fakeTorrent is a torrent by its address.
type fakeTorrent struct {
	name     string
	needless bool
}

func (t *fakeTorrent) Enter(context.Context, *Peer, peer.Handshake) (Role, peer.Handshake, error) {
	return nil, peer.Handshake{}, errors.New("not called")
}
func (t *fakeTorrent) Needs() bool                         { return !t.needless }
func (t *fakeTorrent) Greetings([20]byte) []peer.Handshake { return make([]peer.Handshake, 1) }
func (t *fakeTorrent) Has([20]byte) bool                   { return true }

// addrs returns n addresses.
func addrs(n int) (list []netip.AddrPort) {
	for i := range n {
		list = append(list, netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 6881))
	}
	return list
}

// Torrents take turns, none has more than its share, and torrents without need have none.
func TestContactsTakeTurns(t *testing.T) {
	var c contacts
	now := time.Now()
	a, b, idle := &fakeTorrent{name: "a"}, &fakeTorrent{name: "b"}, &fakeTorrent{name: "idle", needless: true}
	c.offer(a, [20]byte{}, Origin{}, addrs(50))
	c.offer(b, [20]byte{}, Origin{}, addrs(3))
	c.offer(idle, [20]byte{}, Origin{}, addrs(3))
	var order string
	for range 20 {
		k, _ := c.next(now, 12) // four for each
		if k == nil {
			break
		}
		order += k.book.torrent.(*fakeTorrent).name
	}
	if order != "abababa" {
		t.Errorf("called in the order %s", order)
	}
}

// An address that does not answer is called again later and later, and then forgotten.
func TestContactsBackOff(t *testing.T) {
	var c contacts
	now := time.Now()
	torrent := new(fakeTorrent)
	c.offer(torrent, [20]byte{}, Origin{}, addrs(1))
	var waits []time.Duration
	for begun := now; ; {
		k, wait := c.next(now, 100)
		if k != nil {
			waits = append(waits, now.Sub(begun).Round(time.Minute))
			begun = now
			c.done(k, now, outcome{err: errRefused})
			continue
		}
		if wait == 0 {
			break
		}
		now = now.Add(wait)
	}
	if got := fmt.Sprint(waits); got != "[0s 1m0s 2m0s 4m0s 8m0s]" {
		t.Errorf("called after %s", got)
	}
	if len(c.books) != 0 || c.n != 0 {
		t.Errorf("%d torrents with %d addresses are left", len(c.books), c.n)
	}
}

// What is known of an address decides when it is called again.
func TestContactsDone(t *testing.T) {
	for name, test := range map[string]struct {
		outcome outcome
		wait    time.Duration // 0: it is not called again
	}{
		"served":           {outcome{errors.New("closed"), true, true}, recallUseful},
		"of no use":        {outcome{errors.New("closed"), true, false}, 2 * recall},
		"a seed":           {outcome{fmt.Errorf("%w: a seed", ErrNeedless), true, false}, recallNeedless},
		"connected before": {outcome{err: errDuplicate}, 2 * recall},
		"banned":           {outcome{err: errBanned}, recall},
		"no room":          {outcome{err: errRoom}, recall},
		"ourselves":        {outcome{err: errSelf}, 0},
		"refused":          {outcome{err: errRefused}, firstRetry},
		"closed at once":   {outcome{err: io.EOF}, closedRetry},
	} {
		var c contacts
		torrent, now := new(fakeTorrent), time.Now()
		c.offer(torrent, [20]byte{}, Origin{}, addrs(1))
		k, _ := c.next(now, 100)
		c.done(k, now, test.outcome)
		for range 2 { // also when a tracker names it again
			c.offer(torrent, [20]byte{}, Origin{}, addrs(1))
			k, _ = c.next(now.Add(test.wait-time.Second), 100)
			if k != nil {
				t.Errorf("%s: it is called before %v", name, test.wait)
			}
		}
		if k, _ = c.next(now.Add(test.wait), 100); (k != nil) != (test.wait > 0) {
			t.Errorf("%s: called after %v: %v", name, test.wait, k != nil)
		}
	}
}

// Addresses that no peer can have are left out, and the number of others is bounded.
func TestContactsBounds(t *testing.T) {
	var c contacts
	torrent := new(fakeTorrent)
	var bad []netip.AddrPort
	for _, s := range []string{"0.0.0.0:1", "10.0.0.1:0", "224.0.0.1:1", "255.255.255.255:1", "[::]:1", "[ff02::1]:1", "[::ffff:0.0.0.0]:1",
		"0.1.2.3:1", "240.0.0.1:1", "[fe80::1]:1", "[::ffff:224.0.0.1]:1", "[2001:db8::1]:0",
	} {
		bad = append(bad, netip.MustParseAddrPort(s))
	}
	c.offer(torrent, [20]byte{}, Origin{}, append(bad, netip.AddrPort{}))
	if c.n != 0 || len(c.books) != 0 {
		t.Errorf("%d bad addresses are kept", c.n)
	}
	c.offer(torrent, [20]byte{}, Origin{}, append(addrs(1), netip.MustParseAddrPort("[::ffff:10.0.0.0]:6881")))
	if c.n != 1 {
		t.Errorf("%d contacts of one address", c.n)
	}
	for i := range 2000 {
		c.offer(&fakeTorrent{name: fmt.Sprint(i)}, [20]byte{}, Origin{}, addrs(1000))
	}
	if c.n > maxAllContacts+2000*minContacts {
		t.Errorf("%d contacts", c.n)
	}
	delete(c.books, torrent)
	for _, b := range c.books {
		if n := len(b.contacts); n < minContacts || n > maxContacts {
			t.Fatalf("%d contacts of a torrent", n)
		}
	}
}

// New addresses take the place of those that would be called last, and not of those that
// are busy or were not called yet.
func TestContactsMakeRoom(t *testing.T) {
	var c contacts
	now, torrent := time.Now(), new(fakeTorrent)
	all := addrs(4 * maxContacts)
	c.offer(torrent, [20]byte{}, Origin{}, all[:2*maxContacts])
	b := c.books[torrent]
	var busy *contact
	for i := range maxContacts {
		k, _ := c.next(now, 2*maxContacts)
		switch i {
		case 0:
			busy = k
		case 1:
			c.done(k, now, outcome{err: errRefused})
		default:
			c.done(k, now, outcome{err: ErrNeedless, connected: true})
		}
	}
	c.offer(torrent, [20]byte{}, Origin{}, all[2*maxContacts:3*maxContacts-2])
	if len(b.contacts) != maxContacts || b.contacts[busy.addr] != busy || b.contacts[all[1]] == nil {
		t.Errorf("%d contacts", len(b.contacts))
	}
	c.offer(torrent, [20]byte{}, Origin{}, all[3*maxContacts-2:])
	if b.contacts[all[1]] != nil || b.contacts[busy.addr] != busy {
		t.Error("one that does not answer is kept, or one that is busy is not")
	}
	for i := range maxContacts - 1 {
		if k, _ := c.next(now, 2*maxContacts); k == nil || k.addr != all[2*maxContacts+i] {
			t.Fatalf("call %d is not to an address that was not called before", i)
		}
	}
}

// A tracker that names a host again and again, at all of its ports and for many torrents,
// directs few calls to it. Other hosts are called meanwhile.
func TestContactsOfOneHost(t *testing.T) {
	var c contacts
	start := time.Now()
	victim := netip.MustParseAddr("192.0.2.1")
	var ports []netip.AddrPort
	for i := range 10_000 {
		ports = append(ports, netip.AddrPortFrom(victim, uint16(i+1)))
	}
	torrents := make([]*fakeTorrent, 500)
	for i := range torrents {
		torrents[i] = &fakeTorrent{name: fmt.Sprint(i)}
		c.offer(torrents[i], [20]byte{}, Origin{}, addrs(3))
		c.offer(torrents[i], [20]byte{}, Origin{}, ports)
		if n := len(c.books[torrents[i]].contacts); n > maxOfHost+3 {
			t.Fatalf("%d contacts at one host", n-3)
		}
	}
	calls, others := 0, 0
	for now := start; now.Sub(start) < time.Hour; {
		k, wait := c.next(now, 2000)
		if k == nil {
			now = now.Add(wait)
			continue
		}
		if k.addr.Addr() == victim {
			calls++
			c.done(k, now, outcome{err: errRefused})
		} else {
			others++
			c.done(k, now, outcome{err: errors.New("closed"), connected: true, useful: true})
		}
	}
	if calls > hostFailures+10 {
		t.Errorf("%d calls in an hour", calls)
	}
	if others < 3*len(torrents)*10 {
		t.Errorf("%d calls to others", others)
	}
}

// At a host that answers at some of its ports, the others are called as those of any host.
func TestContactsOfHostThatAnswers(t *testing.T) {
	var c contacts
	now, torrent := time.Now(), new(fakeTorrent)
	var ports []netip.AddrPort
	for i := range maxOfHost {
		ports = append(ports, netip.AddrPortFrom(netip.MustParseAddr("2001:db8::1"), uint16(i+1)))
	}
	called := make(map[netip.AddrPort]int)
	c.offer(torrent, [20]byte{}, Origin{}, ports)
	for end := now.Add(10 * time.Minute); now.Before(end); {
		k, wait := c.next(now, 2000)
		if k == nil {
			now = now.Add(wait)
			continue
		}
		called[k.addr]++
		o := outcome{err: errRefused}
		if k.addr.Port()%5 > 0 {
			o.connected = true
		}
		c.done(k, now, o)
	}
	for _, addr := range ports {
		if addr.Port()%5 == 0 && called[addr] != 4 {
			t.Errorf("%v was called %d times", addr, called[addr])
		}
	}
}

// Our own address is known for all torrents when one has called it, for a day. Peers that
// pass for us make only a limited number of addresses ours.
func TestContactsOwn(t *testing.T) {
	var c contacts
	now, own := time.Now(), addrs(1)
	a, b := &fakeTorrent{name: "a"}, &fakeTorrent{name: "b"}
	c.offer(a, [20]byte{}, Origin{}, own)
	c.offer(b, [20]byte{}, Origin{}, own)
	k, _ := c.next(now, 100)
	c.done(k, now, outcome{err: errSelf})
	if k, _ = c.next(now, 100); k != nil || c.n != 0 || len(c.turns) != 0 {
		t.Errorf("our address is a contact: %v, %d contacts, %d turns", k, c.n, len(c.turns))
	}
	if c.isOwn(own[0], now.Add(ownTime)) {
		t.Error("an address is ours for ever")
	}
	for _, addr := range addrs(10 * maxOwn) {
		c.offer(a, [20]byte{}, Origin{}, []netip.AddrPort{addr})
		if k, _ := c.next(now, 100); k != nil {
			c.done(k, now, outcome{err: errSelf})
		}
		if len(c.own) > maxOwn {
			t.Fatalf("%d addresses are ours", len(c.own))
		}
	}
}

// Whatever happens in whatever order, the counts agree with the contacts.
func TestContactsCounts(t *testing.T) {
	var c contacts
	rng := rand.New(rand.NewPCG(1, 2))
	now := time.Now()
	torrents := make([]*fakeTorrent, 20)
	for i := range torrents {
		torrents[i] = &fakeTorrent{name: fmt.Sprint(i)}
	}
	all := addrs(500)
	var calling []*contact
	outcomes := []outcome{
		{}, {connected: true}, {connected: true, useful: true}, {connected: true, err: ErrNeedless},
		{err: errSelf}, {err: errBanned}, {err: errRoom}, {err: errDuplicate},
	}
	for range 5000 {
		torrent := torrents[rng.IntN(len(torrents))]
		switch rng.IntN(8) {
		case 0:
			at := rng.IntN(len(all) - 10)
			o := Origin{Source: Source(rng.IntN(int(sources))), Giver: all[rng.IntN(3)].Addr()}
			c.offer(torrent, [20]byte{}, o, all[at:at+10])
		case 1:
			at := rng.IntN(len(all) - 2)
			if rng.IntN(20) == 0 {
				c.forget(torrent)
			} else if rng.IntN(20) == 0 {
				c.keep(torrent, SourceTracker)
			} else if rng.IntN(5) == 0 {
				c.pin(torrent, [20]byte{}, all[at:at+2])
			}
		case 2:
			torrent.needless = !torrent.needless
		case 3:
			now = now.Add(time.Duration(rng.Int64N(int64(time.Hour))))
		case 4, 5:
			if k, _ := c.next(now, 50); k != nil {
				calling = append(calling, k)
			}
		default:
			if len(calling) > 0 {
				i := rng.IntN(len(calling))
				c.done(calling[i], now, outcomes[rng.IntN(len(outcomes))])
				calling = slices.Delete(calling, i, i+1)
			}
		}
		c.check(t)
	}
	for _, k := range calling {
		c.done(k, now, outcome{})
	}
	for _, torrent := range torrents {
		c.forget(torrent)
	}
	c.check(t)
	if c.n != 0 || len(c.books) != 0 || len(c.turns) != 0 || len(c.waiting) != 0 {
		t.Errorf("something is left: %d, %d, %d, %d", c.n, len(c.books), len(c.turns), len(c.waiting))
	}
}

// check checks that what is counted agrees with the contacts.
func (c *contacts) check(t *testing.T) {
	t.Helper()
	n, waiting := 0, 0
	var by [sources]int
	for torrent, b := range c.books {
		busy, due := 0, 0
		for _, k := range b.contacts {
			by[k.origin.Source]++
			switch {
			case k.place >= 0 && c.waiting[k.place] == k && !k.busy:
				waiting++
			case k.busy:
				busy++
			case slices.Contains(*b.due.list(k), k):
				due++
			default:
				t.Fatalf("%v is lost", k.addr)
			}
		}
		n += len(b.contacts)
		if b.torrent != torrent || busy != b.busy || due != b.due.len() || len(b.contacts) == 0 {
			t.Fatalf("%d contacts: %d busy of %d, %d due of %d", len(b.contacts), busy, b.busy, due, b.due.len())
		}
		if has := slices.Contains(c.turns, b); has != (busy+due > 0) {
			t.Fatalf("%d busy and %d due: has a turn: %v", busy, due, has)
		}
	}
	if by != c.by {
		t.Fatalf("%v contacts of sources, not %v", by, c.by)
	}
	if n != c.n || waiting != len(c.waiting) {
		t.Fatalf("%d contacts of %d; %d waiting of %d", n, c.n, waiting, len(c.waiting))
	}
}

// However many hosts are silent, few are remembered, and those that must not be called
// longest.
func TestSilentHosts(t *testing.T) {
	s, now := make(silentHosts), time.Now()
	victim := netip.MustParseAddr("192.0.2.1")
	for range hostFailures {
		s.called(victim, false, now)
	}
	for _, addr := range addrs(3 * maxSilent) {
		if s.called(addr.Addr(), false, now); len(s) > maxSilent {
			t.Fatalf("%d hosts are remembered", len(s))
		}
	}
	if next := s[hostPrefix(victim)].next; !next.After(now) {
		t.Error("a host that must not be called is forgotten")
	}
	if s.called(victim, true, now); s[hostPrefix(victim)].calls != 0 {
		t.Error("a host that answers is silent")
	}
}

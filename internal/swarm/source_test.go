package swarm

import (
	"fmt"
	"net/netip"
	"testing"
	"time"
)

// other returns n addresses that addrs does not return.
func other(n int) []netip.AddrPort {
	list := addrs(n)
	for i, a := range list {
		b := a.Addr().As4()
		b[0] = 11
		list[i] = netip.AddrPortFrom(netip.AddrFrom4(b), a.Port())
	}
	return list
}

// flood offers n addresses of no peers by PEX, of many givers.
func flood(c *contacts, t Torrent, n int) {
	fake := addrs(n)
	for i := 0; i < n; i += maxOfGiver {
		giver := netip.AddrFrom4([4]byte{192, 0, 2, byte(i / maxOfGiver)})
		c.offer(t, [20]byte{}, Origin{SourcePEX, giver}, fake[i:min(i+maxOfGiver, n)])
	}
}

// A flood of addresses of one source neither keeps those of another from being contacts
// nor from being called soon.
func TestSourcesTakeTurns(t *testing.T) {
	var c contacts
	torrent, now := new(fakeTorrent), time.Now()
	flood(&c, torrent, 2*maxContacts)
	if n := len(c.books[torrent].contacts); n != maxContacts {
		t.Fatalf("%d contacts", n)
	}
	for _, s := range []Source{SourceTracker, SourceLSD, SourceDHT} {
		named := other(150)[50*int(s):][:50]
		c.offer(torrent, [20]byte{}, Origin{Source: s}, named)
		c.check(t)
		for _, a := range named {
			if c.books[torrent].contacts[a] == nil {
				t.Fatalf("an address of source %d is no contact", s)
			}
		}
	}
	var calls [sources]int
	for range 200 {
		k, _ := c.next(now, 1000)
		calls[k.origin.Source]++
		c.done(k, now, outcome{err: errRefused})
	}
	if calls != [sources]int{50, 50, 50, 50} {
		t.Errorf("of 200 calls %v were to addresses of the sources", calls)
	}
	flood(&c, torrent, 2*maxContacts)
	if n := c.by; n[SourceTracker] != 50 || n[SourceLSD] != 50 || n[SourceDHT] != 50 {
		t.Errorf("after another flood there are %v contacts", n)
	}
	c.check(t)
}

// Sources with as many contacts as each other take no room from each other.
func TestSourcesKeepShares(t *testing.T) {
	var c contacts
	torrent := new(fakeTorrent)
	all := addrs(4 * maxContacts)
	for i := range 4 * maxContacts / 50 {
		c.offer(torrent, [20]byte{}, Origin{Source: []Source{SourceTracker, SourceDHT}[i%2]}, all[50*i:][:50])
	}
	if c.by[SourceTracker] != maxContacts/2 || c.by[SourceDHT] != maxContacts/2 {
		t.Errorf("%v contacts", c.by)
	}
	c.check(t)
}

// A host gives few contacts by PEX, and more when they have answered.
func TestContactsOfGiver(t *testing.T) {
	var c contacts
	torrent, now := new(fakeTorrent), time.Now()
	o := Origin{SourcePEX, netip.MustParseAddr("2001:db8::1")}
	c.offer(torrent, [20]byte{}, o, addrs(2000))
	o.Giver = netip.MustParseAddr("2001:db8::2") // the same host
	c.offer(torrent, [20]byte{}, o, other(2000))
	if c.n != maxOfGiver {
		t.Errorf("%d contacts", c.n)
	}
	for range 10 {
		k, _ := c.next(now, 1000)
		c.done(k, now, outcome{connected: true})
	}
	if c.offer(torrent, [20]byte{}, o, other(2000)); c.n != maxOfGiver+10 {
		t.Errorf("%d contacts, of which 10 have answered", c.n)
	}
	o.Giver = netip.MustParseAddr("2001:db8:0:1::1")
	if c.offer(torrent, [20]byte{}, o, other(2000)[maxOfGiver:]); c.n != 2*maxOfGiver+10 {
		t.Errorf("%d contacts of two hosts", c.n)
	}
	c.check(t)
}

// An address that a tracker names too no longer counts as found by PEX.
func TestContactsOfSeveralSources(t *testing.T) {
	var c contacts
	torrent, now := new(fakeTorrent), time.Now()
	flood(&c, torrent, 1000)
	known := addrs(1000)[900:950]
	c.offer(torrent, [20]byte{}, Origin{}, known)
	c.check(t)
	c.offer(torrent, [20]byte{}, Origin{Source: SourcePEX}, known)
	if c.by[SourceTracker] != 50 || c.n != 1000 {
		t.Errorf("%v contacts", c.by)
	}
	for i := range 50 {
		if k, _ := c.next(now, 2000); k.addr != known[i] {
			t.Fatalf("%v is called", k.addr)
		}
		c.next(now, 2000)
	}
}

// Floods for many torrents leave room for what trackers name.
func TestContactsOfSource(t *testing.T) {
	var c contacts
	for i := range 300 {
		flood(&c, &fakeTorrent{name: fmt.Sprint(i)}, maxOfGiver)
	}
	if c.by[SourcePEX] != maxOfSource {
		t.Errorf("%d contacts of PEX", c.by[SourcePEX])
	}
	torrent := new(fakeTorrent)
	if c.offer(torrent, [20]byte{}, Origin{}, addrs(200)); len(c.books[torrent].contacts) < maxAllContacts/301-1 {
		t.Errorf("%d contacts of a tracker", len(c.books[torrent].contacts))
	}
	c.check(t)
}

// When a torrent turns out to be private, only what its trackers name is called.
func TestContactsKeep(t *testing.T) {
	var c contacts
	torrent, now := new(fakeTorrent), time.Now()
	flood(&c, torrent, 300)
	c.keep(new(fakeTorrent), SourceTracker)
	busy, _ := c.next(now, 1000)
	c.offer(torrent, [20]byte{}, Origin{}, other(10))
	c.pin(torrent, [20]byte{}, other(12)[10:])
	c.keep(torrent, SourceTracker)
	c.check(t)
	if c.n != 13 {
		t.Errorf("%d contacts are kept", c.n)
	}
	c.done(busy, now, outcome{connected: true, useful: true})
	c.check(t)
	if c.n != 12 || c.by[SourcePEX] != 0 {
		t.Errorf("%d contacts are kept", c.n)
	}
}

package swarm

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"bt/internal/link"
)

// A pinned address that does not answer is called again soon, and always.
func TestPinBackOff(t *testing.T) {
	for name, test := range map[string]struct {
		outcome outcome
		want    string
	}{
		"refused":       {outcome{err: errors.New("refused")}, "[0s 2s 4s 8s 16s 30s 30s]"},
		"of no use":     {outcome{errors.New("closed"), true, false}, "[0s 2s 4s 8s 16s 30s 30s]"},
		"connected":     {outcome{err: errDuplicate}, "[0s 2s 4s 8s 16s 30s 30s]"},
		"banned":        {outcome{err: errBanned}, "[0s 2s 4s 8s 16s 30s 30s]"},
		"ourselves":     {outcome{err: errSelf}, "[0s 2s 4s 8s 16s 30s 30s]"},
		"useful":        {outcome{errors.New("closed"), true, true}, "[0s 2s 2s 2s 2s 2s 2s]"},
		"needs nothing": {outcome{fmt.Errorf("%w: a seed", ErrNeedless), true, false}, "[0s 5m0s 5m0s 5m0s 5m0s 5m0s 5m0s]"},
	} {
		var c contacts
		now := time.Now()
		torrent := new(fakeTorrent)
		c.pin(torrent, [20]byte{}, addrs(1))
		var waits []time.Duration
		for begun := now; len(waits) < 7; {
			k, wait := c.next(now, 100)
			if k == nil {
				now = now.Add(wait)
				continue
			}
			waits = append(waits, now.Sub(begun).Round(time.Second))
			begun = now
			c.done(k, now, test.outcome)
		}
		if got := fmt.Sprint(waits); got != test.want {
			t.Errorf("%s: called after %s, want %s", name, got, test.want)
		}
		for range 100 {
			now = now.Add(time.Hour)
			k, _ := c.next(now, 100)
			if k == nil {
				t.Fatalf("%s: it is forgotten", name)
			}
			c.done(k, now, test.outcome)
		}
		if c.forget(torrent); c.n != 0 || len(c.books) != 0 || len(c.waiting) != 0 {
			t.Errorf("%s: %d contacts are left", name, c.n)
		}
	}
}

// A pinned address is called before others, also if it is known already and waits.
func TestPinGoesFirst(t *testing.T) {
	var c contacts
	now, torrent := time.Now(), new(fakeTorrent)
	list := addrs(maxContacts)
	c.offer(torrent, [20]byte{}, Origin{}, list[:100])
	known, _ := c.next(now, 1000)
	c.done(known, now, outcome{err: ErrNeedless, connected: true})
	c.pin(torrent, [20]byte{}, []netip.AddrPort{known.addr})
	if k, _ := c.next(now, 1000); k != known {
		t.Errorf("%v is called, want %v", k.addr, known.addr)
	}
	c.done(known, now, outcome{err: errors.New("refused")})
	if k, _ := c.next(now.Add(firstPinRetry), 1000); k != known {
		t.Errorf("%v is called again, want %v", k.addr, known.addr)
	}
	c.check(t)
}

// No limit keeps pinned addresses out: neither the number of contacts, nor that of a host,
// nor a host that does not answer, nor that an address was ours.
func TestPinLimits(t *testing.T) {
	var c contacts
	now, torrent := time.Now(), new(fakeTorrent)
	c.offer(torrent, [20]byte{}, Origin{}, addrs(2*maxContacts))
	host := netip.MustParseAddr("192.0.2.1")
	var pins []netip.AddrPort
	for i := range 2 * maxOfHost {
		pins = append(pins, netip.AddrPortFrom(host, uint16(i+1)))
	}
	for range hostFailures {
		c.silent.called(host, false, now)
	}
	c.learnOwn(pins[0], now)
	c.pin(torrent, [20]byte{}, append(pins, netip.MustParseAddrPort("192.0.2.2:0"), pins[1]))
	called := make(map[netip.AddrPort]bool)
	for range pins {
		k, _ := c.next(now, 10*maxContacts)
		called[k.addr] = true
		c.done(k, now, outcome{err: errors.New("refused")})
	}
	for _, p := range pins {
		if !called[p] {
			t.Errorf("%v is not called", p)
		}
	}
	for range 5 { // further addresses take the place of others
		c.offer(torrent, [20]byte{}, Origin{}, addrs(4 * maxContacts)[2*maxContacts:])
		c.check(t)
	}
	for _, p := range pins {
		if c.books[torrent].contacts[p] == nil {
			t.Fatalf("%v has lost its place", p)
		}
	}
}

// A peer that begins to listen later is connected soon, and connected again after it was
// away.
func TestPinnedPeerComesBack(t *testing.T) {
	t.Parallel()
	h := newHub(t, Options{Encryption: link.EncryptionOff})
	l := listenAt(t, "127.0.69.1:0", func(*net.TCPConn) {}) // no other test takes the port there
	addr := l.addr()
	l.end()
	h.Pin(h.torrents[0], h.torrents[0].hash, []netip.AddrPort{addr})
	h.serve(t)
	eventually(t, "the first call has failed", func() bool {
		h.contacts.mu.Lock()
		defer h.contacts.mu.Unlock()
		return len(h.contacts.waiting) == 1
	})
	back := listenAt(t, addr.String(), greets("-XX0001-pinned"))
	eventually(t, "it is connected", func() bool { return h.Peers() == 1 })
	if tries, _, _ := back.calls(); tries != 1 {
		t.Errorf("%d calls", tries)
	}
}

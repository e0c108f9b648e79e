package swarm

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"bt/internal/peer"
)

// A fakeTorrent is a torrent by its address.
type fakeTorrent struct {
	name     string
	needless bool
}

func (t *fakeTorrent) Enter(context.Context, *Peer, peer.Handshake) (Role, peer.Handshake, error) {
	return nil, peer.Handshake{}, errors.New("not called")
}
func (t *fakeTorrent) Needs() bool                      { return !t.needless }
func (t *fakeTorrent) Greeting([20]byte) peer.Handshake { return peer.Handshake{} }
func (t *fakeTorrent) Has([20]byte) bool                { return true }

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
	c.offer(a, [20]byte{}, addrs(50))
	c.offer(b, [20]byte{}, addrs(3))
	c.offer(idle, [20]byte{}, addrs(3))
	var order string
	for range 20 {
		book, k, _ := c.next(now, 12) // four for each
		if k == nil {
			break
		}
		order += book.torrent.(*fakeTorrent).name
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
	c.offer(torrent, [20]byte{}, addrs(1))
	var waits []time.Duration
	for begun := now; ; {
		b, k, wait := c.next(now, 100)
		if k != nil {
			waits = append(waits, now.Sub(begun).Round(time.Minute))
			begun = now
			c.done(b, k, now, errors.New("refused"), false)
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
		err       error
		connected bool
		wait      time.Duration // 0: it is not called again
	}{
		"served":    {errors.New("closed"), true, recall},
		"a seed":    {fmt.Errorf("%w: a seed", ErrNeedless), true, recallNeedless},
		"ourselves": {errSelf, false, 0},
		"refused":   {errors.New("refused"), false, firstRetry},
	} {
		var c contacts
		torrent, now := new(fakeTorrent), time.Now()
		c.offer(torrent, [20]byte{}, addrs(1))
		b, k, _ := c.next(now, 100)
		c.done(b, k, now, test.err, test.connected)
		for range 2 { // also when a tracker names it again
			c.offer(torrent, [20]byte{}, addrs(1))
			_, k, _ = c.next(now.Add(test.wait-time.Second), 100)
			if k != nil {
				t.Errorf("%s: it is called before %v", name, test.wait)
			}
		}
		if _, k, _ = c.next(now.Add(test.wait), 100); (k != nil) != (test.wait > 0) {
			t.Errorf("%s: called after %v: %v", name, test.wait, k != nil)
		}
	}
}

// Addresses that no peer can have are left out, and the number of others is bounded.
func TestContactsBounds(t *testing.T) {
	var c contacts
	torrent := new(fakeTorrent)
	var bad []netip.AddrPort
	for _, s := range []string{"0.0.0.0:1", "10.0.0.1:0", "224.0.0.1:1", "255.255.255.255:1", "[::]:1", "[ff02::1]:1", "[::ffff:0.0.0.0]:1"} {
		bad = append(bad, netip.MustParseAddrPort(s))
	}
	c.offer(torrent, [20]byte{}, append(bad, netip.AddrPort{}))
	if c.n != 0 || len(c.books) != 0 {
		t.Errorf("%d bad addresses are kept", c.n)
	}
	c.offer(torrent, [20]byte{}, append(addrs(1), netip.MustParseAddrPort("[::ffff:10.0.0.0]:6881")))
	if c.n != 1 {
		t.Errorf("%d contacts of one address", c.n)
	}
	for i := range 2000 {
		c.offer(&fakeTorrent{name: fmt.Sprint(i)}, [20]byte{}, addrs(1000))
	}
	if c.n > maxAllContacts+2000*minContacts {
		t.Errorf("%d contacts", c.n)
	}
	for _, b := range c.books[1:] {
		if n := len(b.contacts); n < minContacts || n > maxContacts {
			t.Fatalf("%d contacts of a torrent", n)
		}
	}
}

package seed

import (
	"context"
	"io"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"bt/internal/link"
	"bt/internal/peer"
	"bt/internal/peer/mse"
	"bt/internal/swarm"
	"bt/internal/tracker"
	"bt/maketorrent"
)

// A callee is a peer that listens.
type callee struct {
	t          testing.TB
	tt         *Torrent
	id         string
	encryption link.Encryption
	listener   net.Listener
	calls      chan *leecher // that were accepted, after the handshakes
	tries      chan bool     // of each connection, whether it is encrypted
}

func newCallee(t testing.TB, tt *Torrent, id string, e link.Encryption) *callee {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	t.Cleanup(func() { l.Close(); running.Wait() })
	c := &callee{t: t, tt: tt, id: id, encryption: e, listener: l, calls: make(chan *leecher, 100), tries: make(chan bool, 100)}
	running.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				// The handshake ends with the test.
				defer context.AfterFunc(t.Context(), func() { conn.Close() })()
				c.answer(conn)
			})
		}
	})
	return c
}

func (c *callee) addr() netip.AddrPort { return netip.MustParseAddrPort(c.listener.Addr().String()) }

// answer answers the handshake of a caller.
func (c *callee) answer(conn net.Conn) {
	conn.SetDeadline(time.Now().Add(hung))
	first := make([]byte, peer.GreetingLength)
	if _, err := io.ReadFull(conn, first); err != nil {
		conn.Close()
		return
	}
	plain := peer.IsHandshake(first)
	c.tries <- !plain
	if plain && c.encryption == link.EncryptionRequire || !plain && c.encryption == link.EncryptionOff {
		conn.Close()
		return
	}
	l := &leecher{t: c.t, conn: conn, pieces: c.tt.pieces}
	b := first
	if !plain {
		session, err := mse.Accept(conn, first, mse.Options{Lookup: func([20]byte) ([20]byte, bool) { return c.tt.swarms[0].hash, true }})
		if err != nil {
			conn.Close()
			return
		}
		b, l.conn = nil, &mseConn{conn, session}
	}
	rest := make([]byte, peer.HandshakeLength-len(b))
	_, err := io.ReadFull(l.conn, rest)
	if err != nil {
		conn.Close()
		return
	}
	b = append(b, rest...)
	if l.hello, err = peer.ParseHandshake(b); err != nil {
		c.t.Error(err)
	}
	h := peer.Handshake{InfoHash: l.hello.InfoHash}
	copy(h.PeerID[:], c.id)
	h.Set(allFeatures)
	if _, err := l.conn.Write(h.Append(nil)); err == nil {
		c.calls <- l
	}
}

// await returns the next call.
func (c *callee) await() *leecher {
	c.t.Helper()
	select {
	case l := <-c.calls:
		return l
	case <-time.After(hung):
		c.t.Fatal("no call")
		return nil
	}
}

// quiet checks that no call comes for a while.
func (c *callee) quiet(why string) {
	c.t.Helper()
	select {
	case <-c.tries:
		c.t.Error("called: ", why)
	case <-time.After(300 * time.Millisecond):
	}
}

// A peer that is called gets what it requests. Where encryption is preferred and not
// answered, the peer is called again without.
func TestCall(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		seed, peer Encryption
		tries      []bool // whether each is encrypted
		served     bool
	}{
		"prefer, prefer":   {EncryptionPrefer, EncryptionPrefer, []bool{true}, true},
		"prefer, off":      {EncryptionPrefer, EncryptionOff, []bool{true, false}, true},
		"prefer, require":  {EncryptionPrefer, EncryptionRequire, []bool{true}, true},
		"require, prefer":  {EncryptionRequire, EncryptionPrefer, []bool{true}, true},
		"require, off":     {EncryptionRequire, EncryptionOff, []bool{true}, false},
		"off, prefer":      {EncryptionOff, EncryptionPrefer, []bool{false}, true},
		"off, require":     {EncryptionOff, EncryptionRequire, []bool{false}, false},
		"require, require": {EncryptionRequire, EncryptionRequire, []bool{true}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, tt, root := one(t, Options{Encryption: test.seed}, maketorrent.FormatV1, 300_000)
			c := newCallee(t, tt, "-XX0001-callee......", test.peer)
			r.hub.Offer(entry{tt}, tt.swarms[0].hash, swarm.Origin{}, []netip.AddrPort{c.addr()})
			for i, want := range test.tries {
				select {
				case got := <-c.tries:
					if got != want {
						t.Errorf("try %d is encrypted: %v", i+1, got)
					}
				case <-time.After(hung):
					t.Fatalf("no try %d", i+1)
				}
			}
			c.quiet("no further try is due")
			if !test.served {
				return
			}
			l := c.await()
			l.send(peer.Message{ID: peer.IDInterested})
			l.await(peer.IDUnchoke)
			l.isServed(tt, root)
			awaitEvent(t, r, func(e EventPeer) bool { return e.Joined && e.Addr == c.addr() })
			if list := r.Status().Torrents[0].Peers; len(list) != 1 || !list[0].Called {
				t.Errorf("its status: %+v", list)
			}
		})
	}
}

// Both info-hashes of a hybrid torrent are called by, and the answer may be the v2 one.
func TestCallHybrid(t *testing.T) {
	t.Parallel()
	r, tt, root := one(t, Options{}, maketorrent.FormatHybrid, 300_000)
	for _, s := range tt.swarms {
		c := newCallee(t, tt, "-XX0001-"+string(s.hash[:12]), EncryptionOff)
		r.hub.Offer(entry{tt}, s.hash, swarm.Origin{}, []netip.AddrPort{c.addr()})
		l := c.await()
		if l.hello.InfoHash != s.hash {
			t.Errorf("called by %x, not %x", l.hello.InfoHash, s.hash)
		}
		l.send(peer.Message{ID: peer.IDInterested})
		l.await(peer.IDUnchoke)
		l.isServed(tt, root)
	}
}

// A seed that is called is let go, and not called again.
func TestCallSeed(t *testing.T) {
	t.Parallel()
	r, tt, _ := one(t, Options{}, maketorrent.FormatV1, 300_000)
	c := newCallee(t, tt, "-XX0001-seed........", EncryptionPrefer)
	r.hub.Offer(entry{tt}, tt.swarms[0].hash, swarm.Origin{}, []netip.AddrPort{c.addr()})
	l := c.await()
	l.send(peer.Message{ID: peer.IDHaveAll})
	l.ends()
	<-c.tries
	r.hub.Offer(entry{tt}, tt.swarms[0].hash, swarm.Origin{}, []netip.AddrPort{c.addr()})
	c.quiet("it is a seed")
}

// The seed's own address is recognized, and called only once.
func TestCallSelf(t *testing.T) {
	t.Parallel()
	r, tt, _ := one(t, Options{}, maketorrent.FormatV1, 300_000)
	self := netip.MustParseAddrPort(r.addr)
	for range 3 {
		r.hub.Offer(entry{tt}, tt.swarms[0].hash, swarm.Origin{}, []netip.AddrPort{self})
		time.Sleep(200 * time.Millisecond)
	}
	r.empty(t)
	if n := r.strikesOf("127.0.0.1"); n != 0 {
		t.Errorf("%d strikes for itself", n)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.events {
		if e, ok := e.event.(EventPeer); ok {
			t.Errorf("it is a peer: %+v", e)
		}
	}
}

// A peer that is connected already is not served twice.
func TestCallDuplicate(t *testing.T) {
	t.Parallel()
	r, tt, root := one(t, Options{}, maketorrent.FormatV1, 300_000)
	old := r.join(t, tt)
	if list := r.Status().Torrents[0].Peers; len(list) != 1 || list[0].Called {
		t.Errorf("the status of one that has connected: %+v", list)
	}
	c := newCallee(t, tt, "-XX0001-leecher.....", EncryptionOff) // the id of all that join
	r.hub.Offer(entry{tt}, tt.swarms[0].hash, swarm.Origin{}, []netip.AddrPort{c.addr()})
	l := c.await()
	eventually(t, "one of two is closed", func() bool { n, _ := r.hub.Connections(); return n == 1 })
	kept := old
	if string(r.options.PeerID[:]) > "-XX0001-leecher....." { // the greater id calls
		kept = l
		kept.send(peer.Message{ID: peer.IDInterested})
		kept.await(peer.IDUnchoke)
	}
	kept.isServed(tt, root)
}

// No peer is called where there is no room, and for torrents that are not served.
func TestCallNoNeed(t *testing.T) {
	t.Parallel()
	r, tt, root := one(t, Options{MaxPeers: 1}, maketorrent.FormatV1, 300_000)
	l := r.join(t, tt)
	c := newCallee(t, tt, "-XX0001-callee......", EncryptionPrefer)
	r.hub.Offer(entry{tt}, tt.swarms[0].hash, swarm.Origin{}, []netip.AddrPort{c.addr()})
	c.quiet("there is no room")
	l.isServed(tt, root)
	l.conn.Close()
	c.await().conn.Close() // now there is
	<-c.tries
	r.empty(t)
	other := newCallee(t, tt, "-XX0001-another.....", EncryptionPrefer)
	found := func(seeders, leechers int64) {
		announced{tt, tt.swarms[0]}.Found("", []netip.AddrPort{other.addr()}, seeders, leechers)
	}
	found(2, 0)
	other.quiet("the tracker says that all peers are seeds")
	found(tracker.Unknown, tracker.Unknown)
	other.await().conn.Close()
	<-other.tries
	r.empty(t)
	other = newCallee(t, tt, "-XX0001-another.....", EncryptionPrefer)
	found(0, 0)
	other.await().conn.Close()
	<-other.tries
	r.empty(t)
	r.Remove(tt)
	other = newCallee(t, tt, "-XX0001-another.....", EncryptionPrefer)
	found(1, 1)
	other.quiet("the torrent is removed")
}

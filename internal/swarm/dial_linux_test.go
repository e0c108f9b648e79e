package swarm

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"bt/internal/link"
	"bt/internal/peer"
)

// callees listens at n addresses of 127.0.x and answers with greets, or with answer.
func callees(t *testing.T, x, n int, answer func(*net.TCPConn)) (list []*testListener, addrs []netip.AddrPort) {
	t.Helper()
	for i := range n {
		do := answer
		if do == nil {
			do = greets(fmt.Sprintf("-XX0001-%d-%d", x, i), peer.Message{ID: peer.IDInterested})
		}
		l := listenAt(t, fmt.Sprintf("127.0.%d.%d:0", x, i+1), do)
		list, addrs = append(list, l), append(addrs, l.addr())
	}
	return list, addrs
}

// total returns the sums of what the listeners have counted.
func total(list []*testListener) (tries, open int) {
	for _, l := range list {
		t, o, _ := l.calls()
		tries, open = tries+t, open+o
	}
	return tries, open
}

// Peers that let calls hang take only a limited number of calls, and the calls are paced.
func TestCallsAreBounded(t *testing.T) {
	t.Parallel()
	h := newHub(t, Options{Encryption: link.EncryptionOff})
	const n = 3 * maxCalls
	list, addrs := callees(t, 60, n, func(conn *net.TCPConn) { io.Copy(io.Discard, conn) })
	h.Offer(h.torrents[0], h.torrents[0].hash, Origin{}, addrs)
	if tries, _ := total(list); tries > 0 {
		t.Error("called before the hub listens")
	}
	began := time.Now()
	stop := h.serve(t)
	eventually(t, "calls are under way", func() bool { _, open := total(list); return open == maxCalls })
	if took := time.Since(began); took < (maxCalls-1)*callPause {
		t.Errorf("%d calls in %v", maxCalls, took)
	}
	time.Sleep(5 * callPause)
	if tries, open := total(list); tries != maxCalls || open != maxCalls {
		t.Errorf("%d calls, %d under way", tries, open)
	}
	if open, halfOpen := h.Connections(); open != maxCalls || halfOpen != maxCalls {
		t.Errorf("%d connections, %d in their handshake", open, halfOpen)
	}
	stop()
	if open, _ := h.Connections(); open != 0 {
		t.Errorf("%d connections are left", open)
	}
}

// Calls that are refused at once, and news of all kinds, don't make the pace faster.
func TestCallsArePaced(t *testing.T) {
	t.Parallel()
	h := newHub(t, Options{Encryption: link.EncryptionOff})
	list, addrs := callees(t, 61, 40, func(*net.TCPConn) {})
	began := time.Now()
	h.serve(t)
	h.Offer(h.torrents[0], h.torrents[0].hash, Origin{}, addrs)
	for range 1000 {
		h.signal()
		time.Sleep(time.Millisecond)
	}
	tries, _ := total(list)
	if most := 1 + int(time.Since(began)/callPause); tries > most || tries == 0 {
		t.Errorf("%d calls in %v", tries, time.Since(began))
	}
}

// While nothing is due, the hub looks for calls only after news.
func TestCallsNotDue(t *testing.T) {
	for _, n := range []int{0, 1} { // contacts, which are called again later
		h := newHub(t, Options{})
		h.Offer(h.torrents[0], h.torrents[0].hash, Origin{}, addrs(n))
		if k, _ := h.contacts.next(time.Now(), 1); k != nil {
			h.contacts.done(k, time.Now(), outcome{err: errRoom})
		}
		select {
		case <-h.news:
		default:
			t.Error("an offer is no news")
		}
		wait := h.startCall(t.Context(), nil)
		if n == 0 && wait != 0 || n > 0 && wait < 30*time.Second {
			t.Errorf("with %d contacts it is tried again after %v", n, wait)
		}
		if len(h.news) > 0 || h.calls != 0 {
			t.Errorf("with %d contacts: %d news, %d calls", n, len(h.news), h.calls)
		}
	}
}

// Peers are called up to the limit of peers, and torrents have their shares of it.
func TestCallsUpToMaxPeers(t *testing.T) {
	t.Parallel()
	const most = 12
	h := newHub(t, Options{Encryption: link.EncryptionOff, MaxPeers: most})
	a, addrsA := callees(t, 62, 2*most, nil)
	b, addrsB := callees(t, 63, 2*most, nil)
	h.Offer(h.torrents[0], h.torrents[0].hash, Origin{}, addrsA)
	h.Offer(h.torrents[1], h.torrents[1].hash, Origin{}, addrsB)
	h.serve(t)
	eventually(t, "all room is used", func() bool { return h.Peers() == most })
	time.Sleep(5 * callPause)
	_, openA := total(a)
	_, openB := total(b)
	if openA != most/2 || openB != most/2 {
		t.Errorf("%d and %d peers of %d", openA, openB, most)
	}
	if h.HasRoom() {
		t.Error("there is room")
	}
	tries, _ := total(append(a, b...))
	if tries != most {
		t.Errorf("%d calls for %d peers", tries, most)
	}
}

// An address that waits to be called is not called once its host is banned.
func TestBannedWhileWaiting(t *testing.T) {
	t.Parallel()
	h := newHub(t, Options{Encryption: link.EncryptionOff})
	banned := listenAt(t, "127.0.64.2:0", sends(nil))
	good, more := callees(t, 71, 1, nil)
	h.Offer(h.torrents[0], h.torrents[0].hash, Origin{}, append([]netip.AddrPort{banned.addr()}, more...))
	h.limits.ban(banned.addr().Addr())
	h.serve(t)
	eventually(t, "the good peer is called", func() bool { _, open := total(good); return open == 1 })
	if tries, _ := total([]*testListener{banned}); tries > 0 {
		t.Errorf("%d calls to a banned host", tries)
	}
}

// A banned address is not called, and one that was called and misbehaves is banned.
func TestBannedAreNotCalled(t *testing.T) {
	t.Parallel()
	h := newHub(t, Options{Encryption: link.EncryptionOff})
	garbage := make([]*testListener, 2*maxStrikes)
	var addrs []netip.AddrPort
	for i := range garbage {
		garbage[i] = listenAt(t, "127.0.64.1:0", sends(noise(500)))
		addrs = append(addrs, garbage[i].addr())
	}
	h.serve(t)
	offer := func(addrs ...netip.AddrPort) { h.Offer(h.torrents[0], h.torrents[0].hash, Origin{}, addrs) }
	for i, addr := range addrs[:maxStrikes] { // one after the other, so that no other call is under way at the ban
		offer(addr)
		eventually(t, "it has another strike", func() bool { hosts := h.Hosts(); return len(hosts) == 1 && hosts[0].Strikes == i+1 })
	}
	good, more := callees(t, 65, 1, nil)
	offer(append(addrs[maxStrikes:], more...)...)
	eventually(t, "the good peer is called", func() bool { _, open := total(good); return open == 1 })
	if tries, _ := total(garbage); tries != maxStrikes {
		t.Errorf("%d calls to a host with %d strikes", tries, maxStrikes)
	}
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 64, 1)}}
	conn, err := d.Dial("tcp", h.options.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(80 * time.Second))
	if _, err := conn.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("a banned address may connect: %v", err)
	}
}

// Peers are called over the address families that the hub has, from its addresses.
func TestFamilies(t *testing.T) {
	t.Parallel()
	v4, v6 := netip.MustParseAddr("127.0.66.9"), netip.MustParseAddr("::1")
	for name, test := range map[string]struct {
		from   []netip.Addr
		want4  string // where the call comes from; "": it is not called
		want6  string
		mapped bool
	}{
		"both":         {[]netip.Addr{netip.IPv4Unspecified(), netip.IPv6Unspecified()}, "127.0.0.1", "::1", false},
		"IPv4":         {[]netip.Addr{netip.IPv4Unspecified()}, "127.0.0.1", "", false},
		"IPv4, mapped": {[]netip.Addr{netip.IPv4Unspecified()}, "127.0.0.1", "", true},
		"IPv6":         {[]netip.Addr{netip.IPv6Unspecified()}, "", "::1", false},
		"an address":   {[]netip.Addr{v4}, "127.0.66.9", "", false},
		"two":          {[]netip.Addr{v6, v4}, "127.0.66.9", "::1", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			from := make(chan string, 10)
			answer := func(conn *net.TCPConn) {
				from <- conn.RemoteAddr().(*net.TCPAddr).IP.String()
				greets("-XX0001-" + conn.LocalAddr().String())(conn)
			}
			l4 := listenAt(t, "127.0.0.1:0", answer)
			addrs, want := []netip.AddrPort{l4.addr()}, map[string]bool{}
			if test.mapped {
				addrs[0] = netip.AddrPortFrom(netip.AddrFrom16(addrs[0].Addr().As16()), addrs[0].Port())
			}
			if l, err := net.Listen("tcp", "[::1]:0"); err == nil {
				l.Close()
				addrs = append(addrs, listenAt(t, "[::1]:0", answer).addr())
			} else if test.want6 != "" {
				t.Logf("without IPv6: %v", err)
				test.want6 = ""
			}
			for _, s := range []string{test.want4, test.want6} {
				if s != "" {
					want[s] = true
				}
			}
			h := newHub(t, Options{Encryption: link.EncryptionOff, From: test.from})
			h.Offer(h.torrents[0], h.torrents[0].hash, Origin{}, addrs)
			h.serve(t)
			for range len(want) {
				select {
				case s := <-from:
					if !want[s] {
						t.Errorf("called from %s", s)
					}
					delete(want, s)
				case <-time.After(80 * time.Second):
					t.Fatalf("not called from %v", want)
				}
			}
			time.Sleep(3 * callPause)
			if len(from) > 0 {
				t.Errorf("called from %s too", <-from)
			}
		})
	}
}

// If two peers call each other, one connection stays, whichever came first and whenever
// the other came.
func TestDuplicates(t *testing.T) {
	t.Parallel()
	for _, greater := range []bool{false, true} { // whether the peer's id is greater than ours
		for _, calledFirst := range []bool{false, true} {
			for _, late := range []bool{false, true} {
				t.Run(fmt.Sprintf("greater %v, called first %v, late %v", greater, calledFirst, late), func(t *testing.T) {
					t.Parallel()
					id := "-AA0001-lesser......"
					if greater {
						id = "-ZZ0001-greater....."
					}
					h := newHub(t, Options{Encryption: link.EncryptionOff})
					h.serve(t)
					l := listenAt(t, "127.0.0.1:0", greets(id))
					call := func() {
						h.Offer(h.torrents[0], h.torrents[0].hash, Origin{}, []netip.AddrPort{l.addr()})
						eventually(t, "it is called", func() bool { tries, _, _ := l.calls(); return tries == 1 })
					}
					accepted := make(chan error, 1)
					accept := func() {
						conn, err := net.Dial("tcp", h.options.Listener.Addr().String())
						if err != nil {
							t.Fatal(err)
						}
						t.Cleanup(func() { conn.Close() })
						theirs := peer.Handshake{InfoHash: h.torrents[0].hash, PeerID: [20]byte([]byte(id))}
						conn.Write(theirs.Append(nil))
						go func() { _, err := io.Copy(io.Discard, conn); accepted <- err }()
					}
					steps := []func(){accept, call}
					if calledFirst {
						steps = []func(){call, accept}
					}
					steps[0]()
					eventually(t, "the first is a peer", func() bool { _, half := h.Connections(); return h.Peers() == 1 && half == 0 })
					if late {
						h.age()
					}
					steps[1]()
					// The side with the greater id calls.
					if greater {
						eventually(t, "the call is closed", func() bool { _, open, _ := l.calls(); return open == 0 })
					} else {
						<-accepted
					}
					eventually(t, "one stays", func() bool { open, half := h.Connections(); return h.Peers() == 1 && open == 1 && half == 0 })
					_, open, _ := l.calls()
					if kept := open == 1; kept == greater {
						t.Errorf("the call is kept: %v", kept)
					}
				})
			}
		}
	}
}

// Another address can't take the place of an old connection by the id of its peer.
func TestLateImpostor(t *testing.T) {
	t.Parallel()
	h := newHub(t, Options{Encryption: link.EncryptionOff})
	h.serve(t)
	const id = "-ZZ0001-greater....."
	l := listenAt(t, "127.0.67.1:0", greets(id))
	h.Offer(h.torrents[0], h.torrents[0].hash, Origin{}, []netip.AddrPort{l.addr()})
	eventually(t, "it is a peer", func() bool { _, half := h.Connections(); return h.Peers() == 1 && half == 0 })
	h.age()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 67, 2)}}
	conn, err := d.Dial("tcp", h.options.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	theirs := peer.Handshake{InfoHash: h.torrents[0].hash, PeerID: [20]byte([]byte(id))}
	conn.Write(theirs.Append(nil))
	conn.SetDeadline(time.Now().Add(80 * time.Second))
	io.Copy(io.Discard, conn)
	if _, open, _ := l.calls(); open != 1 {
		t.Error("the old connection is closed")
	}
}

// A peer that is called and has an id of zeros is not taken for one that has connected and
// not sent its id yet.
func TestIDOfZeros(t *testing.T) {
	t.Parallel()
	h := newHub(t, Options{Encryption: link.EncryptionOff})
	h.serve(t)
	conn, err := net.Dial("tcp", h.options.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(80 * time.Second))
	theirs := peer.Handshake{InfoHash: h.torrents[0].hash, PeerID: [20]byte([]byte("-XX0001-accepted...."))}
	b := theirs.Append(nil)
	conn.Write(b[:peer.OpeningLength])
	if _, err := io.ReadFull(conn, make([]byte, peer.HandshakeLength)); err != nil {
		t.Fatal(err)
	}
	l := listenAt(t, "127.0.68.1:0", greets(""))
	h.Offer(h.torrents[0], h.torrents[0].hash, Origin{}, []netip.AddrPort{l.addr()})
	eventually(t, "the other is a peer", func() bool { _, half := h.Connections(); return h.Peers() == 2 && half == 1 })
	conn.Write(b[peer.OpeningLength:])
	eventually(t, "both are peers", func() bool { _, half := h.Connections(); return half == 0 })
	if n := h.Peers(); n != 2 {
		t.Errorf("%d peers", n)
	}
}

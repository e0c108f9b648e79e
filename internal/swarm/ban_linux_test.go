package swarm

import (
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"bt/internal/link"
	"bt/internal/peer"
)

// dialFrom connects to the hub from an address.
func dialFrom(t *testing.T, h *testHub, from string) net.Conn {
	t.Helper()
	d := net.Dialer{LocalAddr: tcpAddr(from)}
	d.LocalAddr.(*net.TCPAddr).Port = 0
	conn, err := d.Dial("tcp", h.options.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(80 * time.Second))
	return conn
}

// A banned host loses its connections of all torrents, also those in their handshake, and
// is neither accepted nor called. Other hosts keep theirs.
func TestBan(t *testing.T) {
	t.Parallel()
	const bad, good = "127.0.66.1", "127.0.66.2"
	h := newHub(t, Options{Encryption: link.EncryptionOff})
	h.serve(t)
	var all []*testListener
	for i, host := range []string{bad, bad, good} {
		l := listenAt(t, host+":0", greets("-XX0001-called"+string(rune('0'+i)), peer.Message{ID: peer.IDInterested}))
		torrent := h.torrents[i%2]
		h.Offer(torrent, torrent.hash, Origin{}, []netip.AddrPort{l.addr()})
		all = append(all, l)
	}
	greeting := func(id string) []byte {
		hello := peer.Handshake{InfoHash: h.torrents[0].hash}
		copy(hello.PeerID[:], id)
		return hello.Append(nil)
	}
	accepted, kept := dialFrom(t, h, bad), dialFrom(t, h, good)
	for i, conn := range []net.Conn{accepted, kept} {
		conn.Write(greeting("-XX0001-accepted" + string(rune('0'+i))))
		if _, err := io.ReadFull(conn, make([]byte, peer.HandshakeLength)); err != nil {
			t.Fatal(err)
		}
	}
	half := dialFrom(t, h, bad)
	half.Write(greeting("-XX0001-half")[:20])
	eventually(t, "all are connected", func() bool {
		_, halfOpen := h.Connections()
		return h.Peers() == 5 && halfOpen == 1
	})

	h.Ban(netip.MustParseAddr("::ffff:" + bad))
	eventually(t, "the host is disconnected", func() bool { return h.Peers() == 2 })
	if n, err := accepted.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Errorf("an accepted connection: %d bytes, %v", n, err)
	}
	half.Write(greeting("-XX0001-half")[20:])
	if b, _ := io.ReadAll(half); len(b) > 0 {
		t.Errorf("a peer in its handshake gets %d bytes", len(b))
	}
	if b, _ := io.ReadAll(dialFrom(t, h, bad)); len(b) > 0 {
		t.Errorf("a banned host gets %d bytes", len(b))
	}
	later := []*testListener{listenAt(t, bad+":0", greets("-XX0001-later0")), listenAt(t, good+":0", greets("-XX0001-later1"))}
	h.Offer(h.torrents[0], h.torrents[0].hash, Origin{}, []netip.AddrPort{later[0].addr(), later[1].addr()})
	eventually(t, "another peer is called", func() bool { return h.Peers() == 3 })
	if tries, _ := total(later[:1]); tries > 0 {
		t.Error("a banned host is called")
	}
	if _, open := total(append(all[2:], later[1])); open != 2 {
		t.Errorf("%d connections to the other host", open)
	}
	for _, host := range h.Hosts() {
		if want := host.Prefix.Addr().String() == bad; host.Banned != want {
			t.Errorf("%v is banned: %v", host.Prefix, host.Banned)
		}
	}
}

// A peer whose host is banned while it is being called is not admitted.
func TestBanDuringCall(t *testing.T) {
	t.Parallel()
	h := newHub(t, Options{Encryption: link.EncryptionOff})
	p := &Peer{Link: &link.Link{Addr: netip.MustParseAddrPort("127.0.67.1:1")}}
	h.Ban(netip.MustParseAddr("127.0.67.1"))
	if err := h.admitCalled(p); err != errBanned {
		t.Errorf("called: %v", err)
	}
	if err := h.admit(p); err != errBanned {
		t.Errorf("accepted: %v", err)
	}
}

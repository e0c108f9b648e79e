package swarm

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
)

// A testTorrent is a torrent of ten pieces.
type testTorrent struct{ hash [20]byte }

func (t *testTorrent) Enter(_ context.Context, p *Peer, theirs peer.Handshake) (Role, peer.Handshake, error) {
	return &testRole{peer: p}, t.Greetings(theirs.InfoHash)[0], nil
}
func (t *testTorrent) Needs() bool                { return true }
func (t *testTorrent) Has(infoHash [20]byte) bool { return infoHash == t.hash }
func (t *testTorrent) Greetings(infoHash [20]byte) []peer.Handshake {
	h := peer.Handshake{InfoHash: infoHash, PeerID: testID}
	h.Set(peer.FeatureFast)
	return []peer.Handshake{h}
}

var testID = [20]byte([]byte("-XX0001-the hub....."))

// A testRole reads messages, and lets seeds go.
type testRole struct {
	peer *Peer
	used bool
}

func (r *testRole) Run(ctx context.Context, _ peer.Handshake, early []byte) error {
	return r.peer.Link.Run(ctx, 10, early, r)
}
func (r *testRole) End() {}
func (r *testRole) Use(now time.Time) (u Use) {
	if r.used {
		u.Since = now
	}
	return u
}
func (r *testRole) Prepare()                                 {}
func (r *testRole) Send() (until time.Time, err error)       { return r.peer.Idle(), nil }
func (r *testRole) Midway() bool                             { return false }
func (r *testRole) Owes() int                                { return 0 }
func (r *testRole) Begun(peer.ID, []byte, int) (bool, error) { return false, nil }
func (r *testRole) Handled() error                           { return nil }
func (r *testRole) Rest()                                    {}
func (r *testRole) Handle(m peer.Message) error {
	switch m.ID {
	case peer.IDHaveAll:
		return ErrNeedless
	case peer.IDInterested:
		r.used = true
	}
	return nil
}

// A testHub is a hub with torrents.
type testHub struct {
	*Hub
	torrents []*testTorrent
}

func (h *testHub) Find(infoHash [20]byte) Torrent {
	for _, t := range h.torrents {
		if t.Has(infoHash) {
			return t
		}
	}
	return nil
}
func (h *testHub) FindReq2([20]byte) (infoHash [20]byte, ok bool) { return h.torrents[0].hash, true }

// newHub returns a hub with two torrents on loopback.
func newHub(t *testing.T, o Options) *testHub {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := &testHub{torrents: []*testTorrent{{hash: [20]byte{1}}, {hash: [20]byte{2}}}}
	o.Listener, o.PeerID, o.Torrents, o.MaxHandshakes, o.Warn = l, testID, h, MaxHalfOpen, func(err error) { t.Error(err) }
	if o.MaxPeers == 0 {
		o.MaxPeers = 1000
	}
	if o.Timeouts == nil {
		timeouts := link.DefaultTimeouts
		timeouts.Handshake = 2 * time.Minute // a busy machine may need longer than the default
		o.Timeouts = &timeouts
	}
	if o.From == nil {
		o.From = []netip.Addr{netip.IPv4Unspecified(), netip.IPv6Unspecified()}
	}
	h.Hub = New(o)
	return h
}

// age makes the connections older than any handshake may take.
func (h *testHub) age() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for p := range h.peers.all {
		p.Joined = p.Joined.Add(-2 * h.options.Timeouts.Handshake)
	}
}

// serve runs the hub until the test or stop ends it.
func (h *testHub) serve(t *testing.T) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); h.Serve(ctx) }()
	stop = sync.OnceFunc(func() { cancel(); <-done })
	t.Cleanup(stop)
	return stop
}

// A testListener is where peers are called. answer gets each connection, which is closed
// when it returns.
type testListener struct {
	net.Listener
	wg sync.WaitGroup

	mu             sync.Mutex
	tries          int
	open, mostOpen int
}

func listenAt(t *testing.T, addr string, answer func(conn *net.TCPConn)) *testListener {
	t.Helper()
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	tl := &testListener{Listener: l}
	tl.wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			tl.count(1)
			tl.wg.Go(func() {
				answer(conn.(*net.TCPConn))
				conn.Close()
				tl.count(-1)
			})
		}
	})
	t.Cleanup(tl.end)
	return tl
}

func (l *testListener) end() {
	l.Close()
	l.wg.Wait()
}

func (l *testListener) count(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tries += max(n, 0)
	l.open += n
	l.mostOpen = max(l.mostOpen, l.open)
}

// calls returns how often the listener was called, and how many connections it has and
// had at most at once.
func (l *testListener) calls() (tries, open, most int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.tries, l.open, l.mostOpen
}

func (l *testListener) addr() netip.AddrPort { return netip.MustParseAddrPort(l.Addr().String()) }

// greets answers a handshake in plaintext, if it is one, and keeps the connection.
func greets(id string, messages ...peer.Message) func(conn *net.TCPConn) {
	return func(conn *net.TCPConn) {
		theirs := make([]byte, peer.HandshakeLength)
		if _, err := io.ReadFull(conn, theirs); err != nil || !peer.IsHandshake(theirs) {
			return
		}
		h, err := peer.ParseHandshake(theirs)
		if err != nil {
			return
		}
		h.PeerID = [20]byte{}
		copy(h.PeerID[:], id)
		b := h.Append(nil)
		for _, m := range messages {
			b = m.Append(b)
		}
		conn.Write(b)
		io.Copy(io.Discard, conn)
	}
}

// eventually waits until a condition holds.
func eventually(t *testing.T, what string, ready func() bool) {
	t.Helper()
	for end := time.Now().Add(80 * time.Second); !ready(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it does not happen that ", what)
		}
	}
}

package get

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"bt/internal/peer"
	"bt/maketorrent"
	"bt/seed"
)

// A badPeer is the connection of a peer that misbehaves.
type badPeer struct {
	net.Conn
	meta *Metainfo
	data []byte // the content, if it is one file; may be nil
}

// greet exchanges handshakes. The answer is ours with another peer id, or with what change
// changes.
func (b *badPeer) greet(change func(h *peer.Handshake)) bool {
	theirs := make([]byte, peer.HandshakeLength)
	if _, err := io.ReadFull(b, theirs); err != nil {
		return false
	}
	h, err := peer.ParseHandshake(theirs)
	if err != nil {
		return false
	}
	if change != nil {
		change(&h)
	} else {
		binary.BigEndian.PutUint64(h.PeerID[12:], uint64(time.Now().UnixNano()))
	}
	_, err = b.Write(h.Append(nil))
	return err == nil
}

// wait reads until the connection ends.
func (b *badPeer) wait() { io.Copy(io.Discard, b) }

// flood sends without end.
func (b *badPeer) flood(next func(i uint32) []byte) {
	go b.wait() // or both sides would wait for each other
	for i := uint32(0); ; {
		var out []byte
		for ; len(out) < 4<<10; i++ {
			out = append(out, next(i)...)
		}
		if _, err := b.Write(out); err != nil {
			return
		}
	}
}

// slowly sends bytes one by one.
func (b *badPeer) slowly(out []byte, pause time.Duration) bool {
	for _, c := range out {
		if _, err := b.Write([]byte{c}); err != nil {
			return false
		}
		time.Sleep(pause)
	}
	return true
}

func (b *badPeer) send(messages ...peer.Message) {
	var out []byte
	for _, m := range messages {
		out = m.Append(out)
	}
	b.Write(out)
}

// each calls handle for each message that is received.
func (b *badPeer) each(handle func(m peer.Message) bool) {
	var in []byte
	buf := make([]byte, 64<<10)
	for {
		n, err := b.Read(buf)
		if err != nil {
			return
		}
		in = append(in, buf[:n]...)
		for {
			m, n, err := peer.Next(in, b.meta.PieceCount())
			if err != nil || n > len(in) {
				break
			}
			if !handle(m) {
				return
			}
			in = in[n:]
		}
	}
}

// unchoked says that it has all pieces, and unchokes.
func (b *badPeer) unchoked() {
	b.send(peer.Message{ID: peer.IDHaveAll}, peer.Message{ID: peer.IDUnchoke})
}

// requests calls answer for each request.
func (b *badPeer) requests(answer func(m peer.Message) bool) {
	b.unchoked()
	b.each(func(m peer.Message) bool { return m.ID != peer.IDRequest || answer(m) })
}

func block(m peer.Message, n int) peer.Message {
	return peer.Message{ID: peer.IDPiece, Index: m.Index, Begin: m.Begin, Payload: make([]byte, n)}
}

// right returns the block that is requested.
func (b *badPeer) right(m peer.Message) peer.Message {
	at := int64(m.Index)*b.meta.PieceLength + int64(m.Begin)
	return peer.Message{ID: peer.IDPiece, Index: m.Index, Begin: m.Begin, Payload: b.data[at:][:m.Length]}
}

// isLast reports whether a request is for the last block of a piece.
func (b *badPeer) isLast(m peer.Message) bool {
	end := int64(m.Begin) + int64(m.Length)
	return end == b.meta.PieceLength || int64(m.Index)*b.meta.PieceLength+end == int64(len(b.data))
}

// startBad runs a peer that misbehaves after the handshake, until the test ends.
func startBad(t testing.TB, meta *Metainfo, ip string, behave func(b *badPeer)) netip.AddrPort {
	t.Helper()
	return startRaw(t, meta, ip, func(b *badPeer) {
		if b.greet(nil) {
			behave(b)
		}
	})
}

// startRaw runs a peer that misbehaves, until the test ends.
func startRaw(t testing.TB, meta *Metainfo, ip string, behave func(b *badPeer)) netip.AddrPort {
	t.Helper()
	l := listen(t, ip)
	var running sync.WaitGroup
	t.Cleanup(running.Wait)
	t.Cleanup(func() { l.Close() })
	running.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer conn.Close()
				behave(&badPeer{Conn: conn, meta: meta})
			})
		}
	})
	return netip.MustParseAddrPort(l.Addr().String())
}

// An outcome is what a behavior leads to.
type outcome int

const (
	tolerated outcome = iota // the peer stays, or leaves on its own
	dropped                  // the connection ends because of a violation of the protocol
	banned                   // the peer's host is banned because of wrong data
)

// A behavior is what a peer does that misbehaves.
type behavior struct {
	name   string
	want   outcome
	behave func(b *badPeer)
}

// Beside an honest seed, a peer that misbehaves neither spoils a download nor stops it, and it
// is sent away if it should be.
func TestHostilePeers(t *testing.T) {
	t.Parallel()
	meta, root := makeContent(t, maketorrent.FormatV1, 20*pieceLength+1)
	data, err := os.ReadFile(root)
	if err != nil {
		t.Fatal(err)
	}
	good := startSeed(t, meta, root, seed.Options{})
	test := func(b behavior, o Options, start func(testing.TB, *Metainfo, string, func(*badPeer)) netip.AddrPort) {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			bad := start(t, meta, "127.0.0.2", func(p *badPeer) {
				p.data = data
				b.behave(p)
			})
			o.Torrent, o.MaxDownloadRate = meta, 4<<20
			if b.want != tolerated {
				testOutcome(t, b.want, bad, o)
			}
			testBeside(t, b.want, bad, good, root, o)
		})
	}
	seen := make(map[string]bool)
	for _, list := range [][]behavior{badBlocks, badStates, badFloods, badExtensions} {
		for _, b := range list {
			test(b, Options{Encryption: EncryptionOff}, startBad)
			seen[b.name] = true
		}
	}
	for _, b := range badHandshakes {
		test(b, Options{Encryption: EncryptionOff}, startRaw)
		seen[b.name] = true
	}
	for _, b := range badEncryption {
		test(b, Options{Encryption: EncryptionRequire}, startRaw)
		seen[b.name] = true
	}
	if n := len(seen); n < 60 {
		t.Errorf("%d behaviors", n)
	}
}

// testOutcome downloads from a peer that misbehaves alone until it is sent away.
func testOutcome(t *testing.T, want outcome, bad netip.AddrPort, o Options) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	o.Dir, o.Peers = t.TempDir(), []netip.AddrPort{bad}
	var got error
	o.Event = func(_ time.Time, e Event) {
		if e, ok := e.(EventPeer); ok && e.Err != nil {
			got = e.Err
			cancel()
		}
	}
	runWith(t, ctx, o)
	if got == nil || errors.Is(got, errLie) != (want == banned) {
		t.Errorf("the peer is sent away because of %v", got)
	}
}

// testBeside downloads from a peer that misbehaves and from an honest one.
func testBeside(t *testing.T, want outcome, bad, good netip.AddrPort, root string, o Options) {
	t.Helper()
	o.Dir, o.Peers = t.TempDir(), []netip.AddrPort{bad, good}
	r := run(t, o)
	if r.err != nil {
		t.Fatal(r.err)
	}
	sameTree(t, filepath.Join(o.Dir, "content"), root)
	for _, e := range of[EventPeer](r) {
		if e.Err != nil && (want == tolerated || e.Addr.Addr() == good.Addr()) {
			t.Errorf("%v was sent away: %v", e.Addr, e.Err)
		}
	}
	size := o.Torrent.Size()
	if got := of[EventStopped](r)[0].Downloaded; got > 3*size {
		t.Errorf("%d bytes were received, of %d", got, size)
	}
}

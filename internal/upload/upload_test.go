package upload

import (
	"bytes"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"bt/internal/link"
	"bt/internal/peer"
	"bt/internal/piece"
	"bt/internal/store"
	"bt/internal/swarm"
	"bt/maketorrent"
)

const pieceLength = 16 << 10

// A leech is the role of a peer that gains pieces while others are connected.
type leech struct {
	limits  *Limits
	torrent *Torrent
	content *store.Content
	data    []byte
	have    atomic.Pointer[peer.Bitfield] // replaced, never modified
	sent    atomic.Int64
}

// OtherSeeds, Leeches and PieceLength describe it to the choker.
func (r *leech) OtherSeeds() int64  { return 0 }
func (r *leech) Leeches() bool      { return true }
func (r *leech) PieceLength() int64 { return pieceLength }

// newLeech returns a leech of a torrent whose pieces have 16 KiB. It has none.
func newLeech(t *testing.T, pieces int) *leech {
	t.Helper()
	r := &leech{data: make([]byte, pieces*pieceLength-100)}
	for i := range r.data {
		r.data[i] = byte(i>>14 + i)
	}
	path := filepath.Join(t.TempDir(), "content")
	if err := os.WriteFile(path, r.data, 0o644); err != nil {
		t.Fatal(err)
	}
	made, err := maketorrent.Make(t.Context(), maketorrent.Options{Path: path, Format: maketorrent.FormatV1, PieceLength: pieceLength})
	if err != nil {
		t.Fatal(err)
	}
	content, err := made.Torrent.Content()
	if err != nil {
		t.Fatal(err)
	}
	tree, err := piece.At(t.Context(), content, path, 1)
	if err != nil {
		t.Fatal(err)
	}
	r.content = store.NewCache(16, 16).Content(content.Layout, tree)
	t.Cleanup(r.content.Close)
	r.limits = NewLimits(swarm.NewChoker(0), nil, 4)
	r.torrent = r.limits.Torrent(nil)
	r.gain()
	return r
}

// gain adds pieces.
func (r *leech) gain(pieces ...int) {
	next := peer.NewBitfield(r.content.Pieces())
	if old := r.have.Load(); old != nil {
		copy(next, *old)
	}
	for _, i := range pieces {
		next.Set(i)
	}
	r.have.Store(&next)
}

// A served is the side of the leech of a connection.
type served struct {
	*leech
	up  Peer
	has peer.Bitfield
}

func (c *served) Content() *store.Content                  { return c.content }
func (c *served) Length(i int) int64                       { return min(pieceLength, int64(len(c.data)-i*pieceLength)) }
func (c *served) Sent(n int64)                             { c.sent.Add(n) }
func (c *served) Unread(...store.Block)                    {}
func (c *served) Send() (time.Time, error)                 { return c.up.Send() }
func (c *served) Midway() bool                             { return c.up.Midway() }
func (c *served) Handled() error                           { return nil }
func (c *served) Rest()                                    { c.up.Rest() }
func (c *served) Owes() int                                { return 0 }
func (c *served) Begun(peer.ID, []byte, int) (bool, error) { return false, nil }

func (c *served) Prepare() {
	c.up.ApplyChoke()
	if c.up.News.Swap(false) {
		c.up.Advertise(*c.have.Load(), c.has)
	}
}

func (c *served) Handle(m peer.Message) error {
	if m.ID == peer.IDHave {
		if c.has == nil {
			c.has = peer.NewBitfield(c.content.Pieces())
		}
		c.has.Set(int(m.Index))
		return nil
	}
	return c.up.Handle(m)
}

// connect runs the leech's side of a connection until the test ends. The other side is
// a socket.
func (r *leech) connect(t *testing.T, fast bool) (*served, *client) {
	t.Helper()
	c := &served{leech: r}
	other := r.run(t, c, c, r.content.Pieces(), func() {
		c.up.Join(fast)
		c.up.Introduce(*r.have.Load())
	})
	return c, other
}

// run runs a handler that serves c from a source, after start, until the test ends.
func (r *leech) run(t *testing.T, c *served, h interface {
	link.Handler
	Source
}, pieces int, start func()) *client {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	theirs, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	theirs.SetDeadline(time.Now().Add(30 * time.Second))
	ours, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	timeouts := link.DefaultTimeouts
	conn, err := link.New(ours.(*net.TCPConn), nil, &timeouts)
	if err != nil {
		t.Fatal(err)
	}
	p := &swarm.Peer{Link: conn, Joined: time.Now()}
	c.up = Peer{Link: conn, Slot: swarm.NewSlot(r, p.Number, p.Joined, p.Wake), Torrent: r.torrent, Source: h}
	start()
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer ours.Close()
		defer c.up.Leave()
		conn.Run(t.Context(), pieces, nil, h)
	}()
	t.Cleanup(func() { theirs.Close(); <-done })
	return &client{t: t, conn: theirs, pieces: r.content.Pieces()}
}

// A client is the other side of a connection.
type client struct {
	t      *testing.T
	conn   net.Conn
	pieces int
}

func (c *client) send(messages ...peer.Message) {
	c.t.Helper()
	for _, m := range messages {
		if _, err := c.conn.Write(m.Append(nil)); err != nil {
			c.t.Fatal(err)
		}
	}
}

// next returns the next message, which must have an id.
func (c *client) next(id peer.ID) peer.Message {
	c.t.Helper()
	b := make([]byte, 4)
	_, err := io.ReadFull(c.conn, b)
	if err == nil {
		b = append(b, make([]byte, int(b[1])<<16|int(b[2])<<8|int(b[3]))...)
		_, err = io.ReadFull(c.conn, b[4:])
	}
	if err != nil {
		c.t.Fatalf("no %v: %v", id, err)
	}
	m, _, err := peer.Next(b, c.pieces)
	if err != nil || m.ID != id {
		c.t.Fatalf("%v: %v, want %v", err, m.ID, id)
	}
	return m
}

func request(i int) peer.Message {
	return peer.Message{ID: peer.IDRequest, Index: uint32(i), Length: 1000}
}

// A peer that downloads advertises the pieces that it gains, but not of those that
// they have, and serves what it has advertised.
func TestGains(t *testing.T) {
	t.Parallel()
	r := newLeech(t, 20)
	r.gain(3)
	c, other := r.connect(t, true)
	if m := other.next(peer.IDBitfield); peer.Bitfield(m.Payload).Count() != 1 || !peer.Bitfield(m.Payload).Has(3) {
		t.Errorf("bitfield %x", m.Payload)
	}
	other.send(peer.Message{ID: peer.IDInterested}, peer.Message{ID: peer.IDHave, Index: 9})
	other.next(peer.IDUnchoke)
	other.send(request(8))
	if m := other.next(peer.IDReject); m.Index != 8 {
		t.Errorf("reject of piece %d", m.Index)
	}
	r.gain(8, 9, 19)
	c.up.Notify()
	for _, want := range []uint32{8, 19} {
		if m := other.next(peer.IDHave); m.Index != want {
			t.Errorf("have %d, want %d", m.Index, want)
		}
	}
	for _, i := range []int{8, 9, 3} {
		other.send(request(i))
		if m := other.next(peer.IDPiece); !bytes.Equal(m.Payload, r.data[i*pieceLength:][:1000]) {
			t.Errorf("piece %d has wrong bytes", m.Index)
		}
	}
	for end := time.Now().Add(time.Minute); r.sent.Load() != 3000; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d bytes were counted", r.sent.Load())
		}
	}
	c.up.Notify() // for nothing
	r.gain(0)
	c.up.Notify()
	if m := other.next(peer.IDHave); m.Index != 0 {
		t.Errorf("have %d, want 0", m.Index)
	}
	other.send(peer.Message{ID: peer.IDNotInterested})
	other.next(peer.IDChoke)
}

// A newcomer is the side of the leech of a connection that begins before the number of
// pieces is known.
type newcomer struct {
	served
	t     *testing.T
	known atomic.Bool
}

func (c *newcomer) Content() *store.Content {
	if !c.known.Load() {
		c.t.Error("the content is used before the number of pieces is known")
	}
	return c.served.Content()
}

func (c *newcomer) Prepare() {
	if c.known.Load() && c.up.Advertised() == nil {
		c.up.Link.SetPieces(c.content.Pieces())
		c.up.Begin(c.content.Pieces())
	}
	if c.up.Advertised() == nil {
		c.up.ApplyChoke()
		return
	}
	c.served.Prepare()
}

// A peer that joins before the number of pieces is known may be unchoked, but not request.
// Afterwards it is as any other.
func TestBegin(t *testing.T) {
	t.Parallel()
	for name, fast := range map[string]bool{"fast": true, "not fast": false} {
		t.Run(name, func(t *testing.T) {
			r := newLeech(t, 20)
			c := &newcomer{served: served{leech: r}, t: t}
			other := r.run(t, &c.served, c, peer.UnknownPieces, func() { c.up.Join(fast) })
			other.send(peer.Message{ID: peer.IDInterested})
			other.next(peer.IDUnchoke)
			other.send(request(0), peer.Message{ID: peer.IDCancel, Length: 1000})
			if fast {
				other.next(peer.IDReject)
				other.send(request(1 << 20)) // no such piece, which is not known yet
				other.next(peer.IDReject)
			}
			r.gain(3, 7)
			c.known.Store(true)
			c.up.Notify()
			for _, want := range []uint32{3, 7} {
				if m := other.next(peer.IDHave); m.Index != want {
					t.Errorf("have %d, want %d", m.Index, want)
				}
			}
			other.send(request(7))
			if m := other.next(peer.IDPiece); !bytes.Equal(m.Payload, r.data[7*pieceLength:][:1000]) {
				t.Errorf("piece %d has wrong bytes", m.Index)
			}
			other.send(request(20))
			if _, err := io.ReadAll(other.conn); err != nil {
				t.Errorf("a request of a piece that does not exist: %v", err)
			}
		})
	}
}

// Each of many pieces is advertised once, also where more are gained meanwhile.
func TestManyGains(t *testing.T) {
	t.Parallel()
	const pieces = 5*maxHaves + 5
	for name, atOnce := range map[string]int{"at once": pieces, "some later": 3 * maxHaves, "one by one": 0} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newLeech(t, pieces)
			c, other := r.connect(t, false)
			order := rand.Perm(pieces)
			r.gain(order[:atOnce]...)
			c.up.Notify()
			for _, i := range order[atOnce:] {
				r.gain(i)
				c.up.Notify()
			}
			seen := peer.NewBitfield(pieces)
			for range pieces {
				m := other.next(peer.IDHave)
				if seen.Has(int(m.Index)) {
					t.Fatalf("piece %d is advertised twice", m.Index)
				}
				seen.Set(int(m.Index))
			}
		})
	}
}

// Many pieces are advertised by a bounded number of messages at a time.
func TestTellIsBounded(t *testing.T) {
	t.Parallel()
	const pieces = 100_000
	p := &Peer{Link: new(link.Link), advertised: peer.NewBitfield(pieces)}
	have := peer.FullBitfield(pieces)
	for before := 0; before < pieces; {
		p.News.Store(false)
		p.Advertise(have, nil)
		now := p.advertised.Count()
		if now <= before || now > before+maxHaves+512 || p.News.Load() != (now < pieces) {
			t.Fatalf("%d pieces are advertised, then %d; more to come: %v", before, now, p.News.Load())
		}
		before = now
	}
}

// What peers are introduced with depends on what both sides support.
func TestIntroduce(t *testing.T) {
	t.Parallel()
	const pieces = 9
	for name, test := range map[string]struct {
		have, want int // pieces, and the id of the message; -1: none
		fast       bool
	}{
		"nothing, fast": {0, int(peer.IDHaveNone), true},
		"some, fast":    {4, int(peer.IDBitfield), true},
		"all, fast":     {pieces, int(peer.IDHaveAll), true},
		"nothing":       {0, -1, false},
		"some":          {4, int(peer.IDBitfield), false},
		"all":           {pieces, int(peer.IDBitfield), false},
	} {
		t.Run(name, func(t *testing.T) {
			r := newLeech(t, pieces)
			for i := range test.have {
				r.gain(i)
			}
			_, other := r.connect(t, test.fast)
			if test.want >= 0 {
				other.next(peer.ID(test.want))
			}
			other.send(peer.Message{ID: peer.IDInterested})
			other.next(peer.IDUnchoke)
		})
	}
}

// A piece that is gained, advertised to one of many peers of a large torrent.
func BenchmarkTell(b *testing.B) {
	const pieces = 100_000
	p := &Peer{Link: new(link.Link), advertised: peer.NewBitfield(pieces)}
	have, has := peer.FullBitfield(pieces), peer.NewBitfield(pieces)
	copy(p.advertised, have)
	before := p.advertised
	before.Clear(pieces - 1)
	b.ReportAllocs()
	for b.Loop() {
		p.advertised = before
		has.Set(pieces - 1) // nothing is queued, for there is no connection
		p.Advertise(have, has)
	}
}

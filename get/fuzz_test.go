package get

import (
	"context"
	"crypto/sha256"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"bt/internal/layerfetch"
	"bt/internal/link"
	"bt/internal/metainfo"
	"bt/internal/partial"
	"bt/internal/peer"
	"bt/internal/swarm"
	"bt/maketorrent"
)

// A recorder is a connection that records the start of what is written.
type recorder struct {
	net.Conn
	out []byte
}

func (r *recorder) Read([]byte) (int, error) { return 0, io.EOF }
func (r *recorder) Close() error             { return nil }

func (r *recorder) Write(b []byte) (int, error) {
	if len(b) == 1 || len(r.out) > 1<<10 { // it is sent slowly, or without end
		return 0, io.ErrClosedPipe
	}
	r.out = append(r.out, b...)
	return len(b), nil
}

// A checkedSink fails the test at blocks that do not exist, or come twice.
type checkedSink struct {
	t      *testing.T
	pieces *pieces
	got    map[[2]int64]bool
}

func (s *checkedSink) Take(list ...partial.Block) error {
	for _, b := range list {
		id := [2]int64{int64(b.Piece), b.Begin}
		if b.Piece < 0 || b.Piece >= s.pieces.count || b.Begin%peer.BlockLength != 0 || b.Len() == 0 || b.Begin+int64(b.Len()) > s.pieces.length(b.Piece) || s.got[id] {
			s.t.Errorf("a block of %d bytes at %d of piece %d", b.Len(), b.Begin, b.Piece)
		}
		s.got[id] = true
		b.Free()
	}
	return nil
}

func (s *checkedSink) Drop(int)             {}
func (s *checkedSink) DropBlock(int, int64) {}
func (s *checkedSink) MaxOpen() int         { return 10 }

// Bits of the state in which FuzzHandle begins.
const (
	fuzzKnown   = 1 << iota // the torrent is known, else its info dict is fetched
	fuzzLayers              // the info dict is known, and the piece layers are fetched
	fuzzFast                // the peer supports BEP 6
	fuzzPrepare             // messages are queued after each message, else after all
	fuzzStates
)

// FuzzHandle handles what a peer sends after the handshakes. Whatever that is, the peer gets no
// more than its share of memory, and only blocks that exist are written, each once.
func FuzzHandle(f *testing.F) {
	path := filepath.Join(f.TempDir(), "content")
	if err := os.WriteFile(path, make([]byte, 5*pieceLength+10), 0o666); err != nil {
		f.Fatal(err)
	}
	made, err := maketorrent.Make(f.Context(), maketorrent.Options{Path: path, Format: maketorrent.FormatHybrid, PieceLength: pieceLength})
	if err != nil {
		f.Fatal(err)
	}
	meta := made.Torrent
	addSeeds(f, meta)
	l := listen(f, "127.0.0.1")
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.Close()
		}
	}()
	dial := func(t testing.TB) *net.TCPConn {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		return c.(*net.TCPConn)
	}
	socket := dial(f)
	f.Fuzz(func(t *testing.T, state byte, b []byte) {
		c := fuzzConn(t, meta, socket, state%fuzzStates)
		c.feed(b, state&fuzzPrepare != 0)
		if c.pieces == nil {
			c.getter.know(t, meta)
			c.Prepare()
		}
		c.end(t)
		if c.lied.Load() { // which has closed the socket
			socket = dial(t)
		}
	})
}

// addSeeds adds what hostile peers send, and some of what honest ones do.
func addSeeds(f *testing.F, meta *Metainfo) {
	add := func(b []byte) {
		for state := range byte(fuzzStates) {
			f.Add(state, b)
		}
	}
	for _, list := range [][]behavior{badStates, badFloods, badExtensions} {
		for _, b := range list {
			var r recorder
			b.behave(&badPeer{Conn: &r, meta: meta})
			add(r.out)
		}
	}
	var out []byte
	for _, m := range []peer.Message{
		{ID: peer.IDHaveAll}, {ID: peer.IDUnchoke}, {ID: peer.IDPiece, Index: 5, Payload: make([]byte, 10)}, {ID: peer.IDChoke},
		{ID: peer.IDReject, Index: 0, Begin: 0, Length: peer.BlockLength},
	} {
		out = m.Append(out)
		add(out)
	}
	h := peer.ExtendedHandshake{Extensions: map[string]uint8{peer.MetadataName: 3}, MetadataSize: len(meta.InfoBytes())}
	out = h.Append(nil)
	add(out)
	m := peer.Metadata{Kind: peer.MetadataData, TotalSize: h.MetadataSize, Data: meta.InfoBytes()}
	add(m.Append(out, extensions.IDs()[peer.MetadataName]))
	c, err := meta.Content()
	if err != nil {
		f.Fatal(err)
	}
	root := c.Files[0].PiecesRoot
	r := peer.HashRequest{PiecesRoot: *root, BaseLayer: 2, Length: 8, ProofLayers: 2}
	add(r.AppendReject(nil))
	long := peer.Message{ID: peer.IDExtended, Extension: extensions.IDs()[peer.PEXName], Payload: make([]byte, 2*maxIn)}.Append(nil)
	add(long[:100])
	wrong := hashes(r, -1)
	add(wrong)
	right := append(wrong[:len(r.AppendHashesHeader(nil)):len(r.AppendHashesHeader(nil))], meta.PieceLayer(root)...)
	var pad [32]byte // of two blocks, and of four
	for range 2 {
		pad = sha256.Sum256(append(pad[:], pad[:]...))
	}
	add(append(append(right, pad[:]...), pad[:]...))
}

// fuzzConn returns a connection in a state.
func fuzzConn(t *testing.T, meta *Metainfo, socket *net.TCPConn, state byte) *conn {
	t.Helper()
	g, err := New(Options{Magnet: meta.Magnet(), Listener: addressOnly{socket.LocalAddr()}})
	if err != nil {
		t.Fatal(err)
	}
	_, g.fail = context.WithCancelCause(t.Context())
	switch {
	case state&fuzzKnown != 0:
		g.know(t, meta)
	case state&fuzzLayers != 0:
		bare, err := metainfo.FromInfo(meta.InfoBytes(), nil, new(metainfo.Outside))
		if err != nil {
			t.Fatal(err)
		}
		if g.layers, err = layerfetch.New[*conn](bare); err != nil {
			t.Fatal(err)
		}
		g.info = nil
	}
	l, err := link.New(socket, nil, &g.timeouts)
	if err != nil {
		t.Fatal(err)
	}
	c := newConn(g, &swarm.Peer{Link: l, Number: 1, Joined: time.Now()}, g.swarms[0])
	c.hello = peer.Handshake{InfoHash: [20]byte(meta.InfoHashV2[:])}
	c.hello.Set(peer.FeatureExtensions | peer.FeatureV2)
	if state&fuzzFast != 0 {
		c.hello.Set(peer.FeatureFast)
	}
	c.up.Join(state&fuzzFast != 0)
	c.joinExchange()
	g.add(c)
	c.introduce()
	return c
}

// know makes the torrent known.
func (g *Getter) know(t *testing.T, meta *Metainfo) {
	t.Helper()
	p, err := g.newPieces(meta, nil)
	if err != nil {
		t.Fatal(err)
	}
	p.begin(peer.NewBitfield(p.count), &checkedSink{t, p, make(map[[2]int64]bool)}, 0)
	g.info, g.layers, g.pieces = nil, nil, p
	g.learn(meta)
}

// An addressOnly is a listener that accepts nothing.
type addressOnly struct{ addr net.Addr }

func (a addressOnly) Accept() (net.Conn, error) { return nil, net.ErrClosed }
func (a addressOnly) Close() error              { return nil }
func (a addressOnly) Addr() net.Addr            { return a.addr }

// feed handles messages as the link does, until the connection would end.
func (c *conn) feed(b []byte, prepare bool) {
	for len(b) > 0 && c.fault == nil {
		count := peer.UnknownPieces
		if c.pieces != nil {
			count = c.pieces.count
		}
		m, n, err := peer.Next(b, count)
		if err != nil {
			break
		}
		if n > len(b) {
			c.Begun(m.ID, b, n)
			break
		}
		if c.Handle(m) != nil {
			break
		}
		if prepare {
			if c.Handled() != nil {
				break
			}
			c.Prepare()
		}
		b = b[n:]
	}
	c.Handled()
	c.Prepare()
}

// end ends the connection.
func (c *conn) end(t *testing.T) {
	t.Helper()
	if c.remote != nil && c.requests.owed != c.remote.Owes() || c.requests.owed > maxQueue {
		t.Errorf("it owes %d blocks", c.requests.owed)
	}
	if n := len(c.early.haves) + len(c.early.allowed); n > maxEarly {
		t.Errorf("%d pieces are kept", n)
	}
	c.leaveExchange()
	c.getter.remove(c)
	c.requests.budget.End()
	c.up.Leave()
	c.End()
	if len(c.getter.conns) > 0 || c.remote != nil && c.remote.Owes() > 0 {
		t.Error("it has left, and owes blocks")
	}
}

package seed

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"bt/internal/metainfo"
	"bt/internal/peer"
	"bt/maketorrent"
)

// An edition is a torrent of one file, which tests put where they want it.
type edition struct {
	*Metainfo
	data []byte
}

// newEdition makes a torrent of random bytes; number makes them others.
func newEdition(t testing.TB, name string, number, size int, trackers ...[]string) *edition {
	t.Helper()
	e := &edition{data: make([]byte, size)}
	rng := rand.NewChaCha8([32]byte{byte(number), byte(number >> 8), 'e'})
	rng.Read(e.data)
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, e.data, 0o644); err != nil {
		t.Fatal(err)
	}
	r, err := maketorrent.Make(t.Context(), maketorrent.Options{Path: path, Format: maketorrent.FormatV1, PieceLength: 32 << 10, Trackers: trackers})
	if err != nil {
		t.Fatal(err)
	}
	e.Metainfo = r.Torrent
	return e
}

// reissue returns it with another tracker, which is no other torrent.
func (e *edition) reissue(t testing.TB, tracker string) *edition {
	t.Helper()
	info := bytes.Index(e.Bytes(), []byte("4:info"))
	b := fmt.Appendf(nil, "d8:announce%d:%s%se", len(tracker), tracker, e.infoDict(info))
	meta, err := metainfo.Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	if meta.InfoHashV1 != e.InfoHashV1 {
		t.Fatal("it is another torrent")
	}
	return &edition{meta, e.data}
}

// infoDict is the key and the value, which are the last there.
func (e *edition) infoDict(at int) []byte { return e.Bytes()[at : len(e.Bytes())-1] }

func (e *edition) length(i int) int64 {
	return min(e.PieceLength, int64(len(e.data))-int64(i)*e.PieceLength)
}

// A guest is a peer for goroutines, which may not end a test: it returns errors.
// It counts the bytes of blocks, and compares them with what they should be.
type guest struct {
	leecher
	of  *edition
	got int64
	sum *atomic.Int64 // of all guests; nil: not counted
}

// visit connects from an address of this host and shakes hands.
func visit(addr, from string, of *edition, sum *atomic.Int64) (*guest, error) {
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: 10 * time.Second}
	conn, err := d.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	conn.SetDeadline(time.Now().Add(30 * time.Second))
	g := &guest{leecher: leecher{conn: conn, pieces: of.PieceCount()}, of: of, sum: sum}
	h := peer.Handshake{InfoHash: of.InfoHashV1}
	copy(h.PeerID[:], "-XX0001-guest.......")
	h.Set(peer.FeatureFast)
	if _, err := conn.Write(peer.Message{ID: peer.IDInterested}.Append(h.Append(nil))); err != nil {
		conn.Close()
		return nil, err
	}
	b := make([]byte, peer.HandshakeLength)
	if _, err := io.ReadFull(conn, b); err != nil {
		conn.Close()
		return nil, err
	}
	if g.hello, err = peer.ParseHandshake(b); err != nil {
		conn.Close()
		return nil, err
	}
	return g, nil
}

// errWrong reports a block that differs from what was published.
type errWrong struct{ m peer.Message }

func (e errWrong) Error() string {
	return fmt.Sprintf("%d bytes at %d of piece %d are wrong", len(e.m.Payload), e.m.Begin, e.m.Index)
}

// next reads up to a message of that id, and takes the blocks before it.
func (g *guest) next(id peer.ID) (peer.Message, error) {
	for {
		m, err := g.read()
		if err != nil {
			return m, err
		}
		if m.ID == peer.IDPiece {
			g.got += int64(len(m.Payload))
			if g.sum != nil {
				g.sum.Add(int64(len(m.Payload)))
			}
			at := int64(m.Index)*g.of.PieceLength + int64(m.Begin)
			if at+int64(len(m.Payload)) > int64(len(g.of.data)) || !bytes.Equal(m.Payload, g.of.data[at:][:len(m.Payload)]) {
				return m, errWrong{m}
			}
		}
		if m.ID == id {
			return m, nil
		}
	}
}

// ask asks for pieces, in blocks, and returns how many blocks these are.
func (g *guest) ask(pieces ...int) (blocks int, err error) {
	var b []byte
	for _, p := range pieces {
		for at, n := int64(0), g.of.length(p); at < n; at += peer.BlockLength {
			b = request(uint32(p), uint32(at), uint32(min(n-at, peer.BlockLength))).Append(b)
			blocks++
		}
	}
	_, err = g.conn.Write(b)
	return blocks, err
}

// take downloads pieces, and nothing but them.
func (g *guest) take(pieces ...int) error {
	blocks, err := g.ask(pieces...)
	for ; err == nil && blocks > 0; blocks-- {
		_, err = g.next(peer.IDPiece)
	}
	return err
}

// leave says goodbye: what was sent until then is read, and counts.
func (g *guest) leave() error {
	defer g.conn.Close()
	if err := g.conn.(*net.TCPConn).CloseWrite(); err != nil {
		return err
	}
	for {
		if _, err := g.next(peer.IDKeepAlive); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// download downloads all of it.
func download(addr, from string, e *edition) error {
	g, err := visit(addr, from, e, nil)
	if err != nil {
		return err
	}
	defer g.conn.Close()
	if _, err := g.next(peer.IDUnchoke); err != nil {
		return err
	}
	for i := range e.PieceCount() {
		if err := g.take(i); err != nil {
			return err
		}
	}
	return nil
}

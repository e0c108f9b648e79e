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

// A testTorrent is a torrent of one file and its data.
type testTorrent struct {
	*Metainfo
	data []byte
}

// newTestTorrent makes a torrent of random bytes, which depend on number.
func newTestTorrent(t testing.TB, name string, number, size int, trackers ...[]string) *testTorrent {
	t.Helper()
	e := &testTorrent{data: make([]byte, size)}
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
func (e *testTorrent) withTracker(t testing.TB, tracker string) *testTorrent {
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
	return &testTorrent{meta, e.data}
}

// infoDict is the key and the value, which are the last there.
func (e *testTorrent) infoDict(at int) []byte { return e.Bytes()[at : len(e.Bytes())-1] }

func (e *testTorrent) length(i int) int64 {
	return min(e.PieceLength, int64(len(e.data))-int64(i)*e.PieceLength)
}

// A downloader is a peer that counts the bytes of blocks and compares them with the
// data. Unlike a leecher it returns errors, for goroutines, which can't end a test.
type downloader struct {
	leecher
	of  *testTorrent
	got int64
	sum *atomic.Int64 // of all downloaders; nil: not counted
}

// newDownloader connects from a local address, and exchanges handshakes.
func newDownloader(addr, from string, of *testTorrent, sum *atomic.Int64) (*downloader, error) {
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: hung}
	conn, err := d.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	conn.SetDeadline(time.Now().Add(hung))
	g := &downloader{leecher: leecher{conn: conn, pieces: of.PieceCount()}, of: of, sum: sum}
	h := peer.Handshake{InfoHash: of.InfoHashV1}
	copy(h.PeerID[:], "-XX0001-downloader..")
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

// next reads up to a message of an id, and counts the blocks before it.
func (g *downloader) next(id peer.ID) (peer.Message, error) {
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

// ask requests pieces, and returns the number of blocks.
func (g *downloader) ask(pieces ...int) (blocks int, err error) {
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

// take downloads pieces.
func (g *downloader) take(pieces ...int) error {
	blocks, err := g.ask(pieces...)
	for ; err == nil && blocks > 0; blocks-- {
		_, err = g.next(peer.IDPiece)
	}
	return err
}

// leave closes the connection for writing, and reads what the seed has sent.
func (g *downloader) leave() error {
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

// download downloads a torrent.
func download(addr, from string, e *testTorrent) error {
	g, err := newDownloader(addr, from, e, nil)
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

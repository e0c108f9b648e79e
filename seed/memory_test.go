//go:build linux

package seed

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"bt/internal/peer"
	"bt/internal/upload"
	"bt/maketorrent"
)

// A rawPeer is a peer that consists of a descriptor, so that all memory is used by the
// seed. It never blocks.
type rawPeer struct {
	fd    int
	rest  []byte // to be sent
	again []byte // sent repeatedly after rest
}

// pump sends as much as the socket accepts.
func (b *rawPeer) pump() {
	for range 4 {
		if len(b.rest) == 0 {
			b.rest = b.again
		}
		if len(b.rest) == 0 {
			return
		}
		n, err := unix.Write(b.fd, b.rest)
		if err != nil {
			return // the socket buffer is full, or the peer was disconnected
		}
		b.rest = b.rest[n:]
	}
}

// Peers that send the most expensive messages and never read use only bounded memory,
// and an honest peer gets its data.
func TestMemoryOfHostilePeers(t *testing.T) {
	const (
		each = 30 // peers of a kind

		// What a peer may hold while it waits: a message that is not whole or what was
		// read and not answered (8 KiB), answers up to 4 KiB and one more, requests, what
		// is known of it, and a stack.
		most = maxIn + 8<<10 + 4<<10 + peer.BlockLength + upload.MaxRequests*12 + 20<<10

		// The peer that behaves, and what does not grow with peers.
		rest = 16 << 20
	)
	meta, root := makeContent(t, maketorrent.FormatHybrid, 24<<20)
	r := startWith(t, Options{}, func(s *Seeder) {
		s.timeouts.Stall, s.timeouts.Handshake = 5*time.Minute, 5*time.Minute
		smallBuffers(t, s, 64<<10)
	}, Input{Torrent: meta, Path: root})
	tt := r.find(meta.InfoHashV1)
	m := loadedOf(t, tt)
	q := peer.HashRequest{PiecesRoot: *m.content.Files[0].PiecesRoot, BaseLayer: 2, Length: 512}
	kinds := costlyPeers(tt, &q)
	l := r.join(t, tt)
	peers := make([]*rawPeer, 0, each*len(kinds))
	before := memoryInUse()
	defer func() {
		for _, b := range peers {
			unix.Close(b.fd)
		}
		l.conn.Close()
		r.empty(t)
	}()
	for i, kind := range kinds {
		for range each {
			b := dialRaw(t, [4]byte{127, 0, 11, byte(i) + 1}, int(r.port))
			b.rest, b.again = kind.once, kind.again
			peers = append(peers, b)
		}
	}
	highest := int64(0)
	for i := range tt.pieces {
		for _, b := range peers {
			b.pump()
		}
		l.conn.SetDeadline(time.Now().Add(hung)) // for each piece
		for _, got := range l.download(m.lengthOf, i) {
			if !bytes.Equal(got, expected(t, meta, root, i)) {
				t.Errorf("piece %d is not what is in the files", i)
			}
		}
		if i%20 == 0 || i == tt.pieces-1 {
			highest = max(highest, memoryInUse()-before)
		}
	}
	for i := range kinds {
		if n := r.openOf(fmt.Sprintf("127.0.11.%d", i+1)); n != each {
			t.Errorf("only %d of %d peers of kind %d are there", n, each, i)
		}
	}
	n := int64(len(peers))
	t.Logf("%d KiB a peer, of %d", highest/n>>10, most>>10)
	if highest > n*most+rest {
		t.Errorf("%d KiB are in use by %d peers, more than %d KiB each", highest>>10, n, most>>10)
	}
}

// A costlyPeer sends once, and then again repeatedly.
type costlyPeer struct{ once, again []byte }

// costlyPeers returns peers with the messages that use most memory. Peers that send
// something repeatedly don't read the answers.
func costlyPeers(tt *Torrent, q *peer.HashRequest) []costlyPeer {
	long := extended(0, string(bytes.Repeat([]byte("d"), maxIn-6))).Append(nil)
	incomplete := long[:len(long)-1]
	longer := extended(1, string(make([]byte, peer.MaxExtended-2))).Append(nil)
	interested := peer.Message{ID: peer.IDInterested}.Append(nil)
	metadata := extended(1, "d8:msg_typei0e5:piecei0ee").Append(nil)
	names := []byte("d1:md")
	for i := range 100 {
		names = fmt.Appendf(names, "5:%05di1e", i)
	}
	names = extended(0, string(append(names, "ee"...))).Append(nil)
	bits := peer.NewBitfield(tt.pieces)
	bits.Set(0)
	bitfield := peer.Message{ID: peer.IDBitfield, Payload: bits}.Append(nil)
	kinds := []costlyPeer{
		{once: incomplete},
		{once: longer[:len(longer)-1]},
		{once: append(make([]byte, 4000), incomplete...)},        // after keep-alives
		{once: bytes.Repeat(request(1, 0, 1).Append(nil), 9000)}, // rejected
		{once: interested, again: bytes.Repeat(request(1, 0, 16<<10).Append(nil), 2*upload.MaxRequests)},     // not read
		{once: interested, again: bytes.Repeat(request(1, 0, 1).Append(nil), 2*upload.MaxRequests)},          // not read
		{once: append(bytes.Repeat(names, 900), incomplete...)},                                              // the longest lists
		{once: append(bytes.Repeat(bitfield, 900), incomplete...)},                                           // all of its pieces
		{once: append(extended(0, "d1:md11:ut_metadatai3eee").Append(nil), bytes.Repeat(metadata, 2300)...)}, // not read
		{once: bytes.Repeat(q.Append(nil), 950)},                                                             // not read
	}
	h := peer.Handshake{InfoHash: tt.swarms[0].hash}
	h.Set(allFeatures)
	for i := range kinds {
		kinds[i].once = append(h.Append(nil), kinds[i].once...)
	}
	return kinds
}

// dialRaw connects from a local address to a local port.
func dialRaw(t *testing.T, from [4]byte, port int) *rawPeer {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []func() error{
		func() error { return unix.Bind(fd, &unix.SockaddrInet4{Addr: from}) },
		func() error { return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 4<<10) },
		func() error { return unix.Connect(fd, &unix.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}}) },
		func() error { return unix.SetNonblock(fd, true) },
	} {
		if err := step(); err != nil {
			unix.Close(fd)
			t.Fatal(err)
		}
	}
	return &rawPeer{fd: fd}
}

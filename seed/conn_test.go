package seed

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"bt/internal/link"
	"bt/internal/peer"
	"bt/internal/peer/mse"
	"bt/internal/upload"
	"bt/maketorrent"
)

const allFeatures = peer.FeatureFast | peer.FeatureExtensions

// one starts a Seeder with one torrent.
func one(t testing.TB, o Options, format maketorrent.Format, sizes ...int64) (r *running, tt *Torrent, root string) {
	t.Helper()
	meta, root := makeContent(t, format, sizes...)
	r = start(t, o, Input{Torrent: meta, Path: root})
	return r, r.find(swarmsOf(meta)[0].hash), root
}

// join connects and waits to be served.
func (r *running) join(t testing.TB, tt *Torrent) *leecher {
	t.Helper()
	l := r.dial(t, tt.swarms[0].hash, tt.pieces, allFeatures)
	l.send(peer.Message{ID: peer.IDInterested})
	l.await(peer.IDUnchoke)
	return l
}

// ends waits for the end of the connection.
func (l *leecher) ends() {
	l.t.Helper()
	for {
		if _, err := l.read(); err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				l.t.Error("the connection goes on")
			}
			return
		}
	}
}

func request(piece, begin, length uint32) peer.Message {
	return peer.Message{ID: peer.IDRequest, Index: piece, Begin: begin, Length: length}
}

// check compares a piece message with the files.
func check(t testing.TB, tt *Torrent, root string, m peer.Message) {
	t.Helper()
	want := expected(t, loadedOf(t, tt).meta, root, int(m.Index))
	if !bytes.Equal(m.Payload, want[m.Begin:][:len(m.Payload)]) {
		t.Errorf("%d bytes at %d of piece %d are not what is in the files", len(m.Payload), m.Begin, m.Index)
	}
}

func TestChoked(t *testing.T) {
	t.Parallel()
	r, tt, root := one(t, Options{}, maketorrent.FormatV1, 300_000)
	l := r.dial(t, tt.swarms[0].hash, tt.pieces, allFeatures)
	want := request(1, 16<<10, 16<<10)
	l.send(want)
	got := l.await(peer.IDReject)
	if got.ID = want.ID; got.Index != want.Index || got.Begin != want.Begin || got.Length != want.Length {
		t.Errorf("reject of %+v", got)
	}
	l.send(peer.Message{ID: peer.IDInterested})
	l.await(peer.IDUnchoke)
	l.send(want)
	check(t, tt, root, l.await(peer.IDPiece))
	l.send(peer.Message{ID: peer.IDNotInterested})
	l.await(peer.IDChoke)
	l.send(want)
	l.await(peer.IDReject)

	// Without BEP 6 there are no rejects, and the request is ignored.
	l = r.dial(t, tt.swarms[0].hash, tt.pieces, 0)
	if m, err := l.read(); err != nil || m.ID != peer.IDBitfield || !peer.Bitfield(m.Payload).All(tt.pieces) {
		t.Errorf("first message %v, %v; want a bitfield", m.ID, err)
	}
	l.send(want, peer.Message{ID: peer.IDInterested})
	if m, err := l.read(); err != nil || m.ID != peer.IDUnchoke {
		t.Errorf("%v, %v; want an unchoke", m.ID, err)
	}
	l.send(request(0, 0, 100))
	if m, err := l.read(); err != nil || m.ID != peer.IDPiece || len(m.Payload) != 100 {
		t.Errorf("%v, %v; want the block", m.ID, err)
	}
}

func TestBadRequests(t *testing.T) {
	t.Parallel()
	_, tt, _ := one(t, Options{}, maketorrent.FormatV1, 300_000)
	last := uint32(tt.pieces - 1)
	for name, m := range map[string]peer.Message{
		"no such piece":   request(uint32(tt.pieces), 0, 1),
		"huge piece":      request(1<<32-1, 0, 16<<10),
		"negative":        request(1<<31, 0, 16<<10),
		"nothing":         request(0, 0, 0),
		"behind the end":  request(last, uint32(loadedOf(t, tt).lengthOf(int(last))), 1),
		"past the end":    request(last, uint32(loadedOf(t, tt).lengthOf(int(last)))-1, 2),
		"wraps":           request(0, 1<<32-1, 16<<10),
		"over 128 KiB":    request(0, 0, 128<<10+1),
		"a huge length":   request(0, 0, 1<<32-1),
		"a piece, to us":  {ID: peer.IDPiece, Payload: make([]byte, 16<<10)},
		"have nothing":    {ID: peer.IDHave, Index: uint32(tt.pieces)},
		"bad bitfield":    {ID: peer.IDBitfield, Payload: []byte{1, 2, 3, 4, 5, 6}},
		"spare bits":      {ID: peer.IDBitfield, Payload: []byte{0x01}},
		"a seed's":        {ID: peer.IDBitfield, Payload: peer.FullBitfield(tt.pieces)},
		"have all":        {ID: peer.IDHaveAll},
		"hostile bencode": {ID: peer.IDExtended, Extension: peer.ExtHandshake, Payload: bytes.Repeat([]byte("l"), 60_000)},
		"hostile request": {ID: peer.IDExtended, Extension: extensions.IDs()[peer.MetadataName], Payload: []byte("d8:msg_typei99999999999999999999e")},
	} {
		t.Run(name, func(t *testing.T) {
			r, tt, _ := one(t, Options{}, maketorrent.FormatV1, 300_000) // one without bans
			l := r.dial(t, tt.swarms[0].hash, tt.pieces, allFeatures)
			l.send(m)
			l.ends()
			r.empty(t)
		})
	}
}

// A peer that gets the remaining pieces from other peers becomes a seed and is
// disconnected.
func TestBecomesSeed(t *testing.T) {
	t.Parallel()
	r, tt, root := one(t, Options{}, maketorrent.FormatV1, 300_000)
	l := r.join(t, tt)
	for i := range tt.pieces - 1 {
		l.send(peer.Message{ID: peer.IDHave, Index: uint32(i)}, peer.Message{ID: peer.IDHave, Index: uint32(i)})
	}
	l.send(request(0, 0, 16<<10))
	check(t, tt, root, l.await(peer.IDPiece))
	l.send(peer.Message{ID: peer.IDHave, Index: uint32(tt.pieces - 1)})
	l.ends()
	r.empty(t)
}

// empty waits until all peers have left.
func (r *running) empty(t testing.TB) {
	t.Helper()
	for end := time.Now().Add(80 * time.Second); ; time.Sleep(time.Millisecond) {
		n, _ := r.hub.Connections()
		if n == 0 {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%d peers are still here", n)
		}
	}
}

// Requests beyond reqq are rejected, and so are cancelled ones. Every request gets
// exactly one answer.
func TestQueueAnswers(t *testing.T) {
	t.Parallel()
	// On a busy machine the requests need longer to arrive than the blocks before them.
	for blocks := uint32(8); queueAnswers(t, blocks) < queueRequests-upload.MaxRequests; blocks *= 4 {
		if blocks > 200 {
			t.Fatal("too few requests were rejected")
		}
	}
}

// queueRequests is more than the queue of a peer has room for.
const queueRequests = 2500

// queueAnswers sends queueRequests that are cancelled, after blocks that the rate delays,
// checks that each has one answer, and returns how many were rejected.
func queueAnswers(t *testing.T, blocks uint32) (rejects int) {
	r, tt, root := one(t, Options{MaxUploadRate: 64 << 10}, maketorrent.FormatV1, 300_000)
	l := r.join(t, tt)
	l.conn.SetDeadline(time.Now().Add(2 * hung)) // the most blocks take half a minute
	for i := range blocks {
		l.send(request(i/4%2, i%4<<14, 16<<10))
	}
	var b []byte
	const n = queueRequests
	for i := range n {
		b = request(2, uint32(i), 16).Append(b)
	}
	for i := range n {
		b = peer.Message{ID: peer.IDCancel, Index: 2, Begin: uint32(i), Length: 16}.Append(b)
	}
	if _, err := l.conn.Write(b); err != nil {
		t.Fatal(err)
	}
	answers := make(map[uint32]int)
	for len(answers) < n {
		m, err := l.read()
		if err != nil {
			t.Fatalf("%d answers: %v", len(answers), err)
		}
		switch {
		case m.ID == peer.IDPiece:
			check(t, tt, root, m)
			if m.Index == 2 {
				answers[m.Begin]++
			}
		case m.ID == peer.IDReject:
			answers[m.Begin]++
			rejects++
		}
	}
	for begin, k := range answers {
		if k != 1 {
			t.Errorf("%d answers for the request at %d", k, begin)
		}
	}
	r.stop()
	return rejects
}

func TestExtendedHandshake(t *testing.T) {
	t.Parallel()
	r, tt, _ := one(t, Options{Client: "test 1"}, maketorrent.FormatV1, 30<<20) // several pieces of metadata would need more
	l := r.dial(t, tt.swarms[0].hash, tt.pieces, allFeatures)
	m := l.await(peer.IDExtended)
	h, err := peer.ParseExtendedHandshake(m.Payload)
	if err != nil {
		t.Fatal(err)
	}
	if h.Queue != upload.MaxRequests || h.Client != "test 1" || !h.UploadOnly || h.MetadataSize != len(loadedOf(t, tt).info) ||
		h.YourIP != netip.MustParseAddr("127.0.0.1") || h.Port != r.port || h.Extensions["ut_metadata"] != extensions.IDs()[peer.MetadataName] {
		t.Errorf("%+v", h)
	}
}

func TestMetadata(t *testing.T) {
	t.Parallel()
	meta, root := makeContent(t, maketorrent.FormatV1, 60<<20) // 960 pieces of 20 bytes: two pieces of metadata
	r := start(t, Options{}, Input{Torrent: meta, Path: root, Hashed: true})
	tt := r.find(meta.InfoHashV1)
	info := loadedOf(t, tt).info
	if len(info) <= peer.BlockLength {
		t.Fatalf("%d bytes are not enough to try", len(info))
	}
	l := r.dial(t, meta.InfoHashV1, tt.pieces, allFeatures)
	l.await(peer.IDExtended)
	ask := func(piece int) peer.Message {
		m := peer.Metadata{Kind: peer.MetadataRequest, Piece: piece}
		b := m.Append(nil, extensions.IDs()[peer.MetadataName])
		return peer.Message{ID: peer.IDExtended, Extension: extensions.IDs()[peer.MetadataName], Payload: b[6:]}
	}
	l.send(ask(0)) // before the handshake: the seed does not know the id for an answer
	hello := peer.ExtendedHandshake{Extensions: map[string]uint8{"ut_metadata": 77}}
	l.send(peer.Message{ID: peer.IDExtended, Payload: hello.Append(nil)[6:]})
	var got []byte
	for i := range (len(info) + peer.BlockLength - 1) / peer.BlockLength {
		l.send(ask(i))
		m := l.await(peer.IDExtended)
		d, err := peer.ParseMetadata(m.Payload)
		if err != nil || m.Extension != 77 || d.Kind != peer.MetadataData || d.Piece != i || d.TotalSize != len(info) {
			t.Fatalf("%v, extension %d: %+v", err, m.Extension, d)
		}
		got = append(got, d.Data...)
	}
	if !bytes.Equal(got, info) {
		t.Error("that is not the info dict")
	}
	l.send(ask(1000))
	d, err := peer.ParseMetadata(l.await(peer.IDExtended).Payload)
	if err != nil || d.Kind != peer.MetadataReject || d.Piece != 1000 {
		t.Errorf("%v, %+v; want a reject", err, d)
	}
}

func TestKeepAliveAndSilence(t *testing.T) {
	t.Parallel()
	if p := link.DefaultTimeouts; p.KeepAlive >= 2*time.Minute || p.Drop != 5*time.Minute || p.Handshake != 10*time.Second {
		t.Errorf("%+v", p)
	}
	meta, root := makeContent(t, maketorrent.FormatV1, 300_000)
	const keepAlive = 100 * time.Millisecond
	r := startWith(t, Options{}, func(s *Seeder) {
		s.timeouts.KeepAlive, s.timeouts.Drop = keepAlive, time.Second
	}, Input{Torrent: meta, Path: root})
	begin := time.Now()
	l := r.dial(t, meta.InfoHashV1, r.find(meta.InfoHashV1).pieces, allFeatures)
	alive := 0
	for {
		m, err := l.read()
		if err != nil {
			break
		}
		if m.ID == peer.IDKeepAlive {
			alive++
		}
	}
	if d := time.Since(begin); d < 900*time.Millisecond || alive < 1 || alive > int(d/keepAlive) {
		t.Errorf("%d keep-alives within %v", alive, d)
	}
}

// A connection ends that sends only a part of a handshake. What is as long as a NAT check is
// answered.
func TestSlowHandshake(t *testing.T) {
	t.Parallel()
	meta, root := makeContent(t, maketorrent.FormatV1, 1000)
	for n, answer := range map[int]int{40: 0, 50: peer.HandshakeLength} {
		var got []byte
		var took time.Duration
		ok := false
		// On a busy machine the part may arrive after a short time, and the end come late. It must
		// not come only with the default timeout, of 10 s.
		for wait := 300 * time.Millisecond; wait < 5*time.Second && !ok; wait *= 4 {
			began := time.Now()
			r := startWith(t, Options{}, func(s *Seeder) { s.timeouts.Handshake = wait }, Input{Torrent: meta, Path: root})
			conn, err := net.Dial("tcp", r.addr)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			h := peer.Handshake{InfoHash: meta.InfoHashV1}
			conn.Write(h.Append(nil)[:n])
			conn.SetDeadline(time.Now().Add(hung))
			if got, err = io.ReadAll(conn); errors.Is(err, os.ErrDeadlineExceeded) {
				t.Fatalf("%d bytes of a handshake: the connection goes on", n)
			}
			took = time.Since(began)
			ok = len(got) == answer && took < wait+5*time.Second
		}
		if !ok {
			t.Errorf("%d bytes of a handshake: %d bytes after %v", n, len(got), took)
		}
	}
}

func TestUpgrade(t *testing.T) {
	t.Parallel()
	r, tt, _ := one(t, Options{}, maketorrent.FormatHybrid, 300_000)
	v2 := [20]byte(tt.hashV2[:])
	for _, c := range []struct {
		ask      [20]byte
		features peer.Feature
		want     [20]byte
	}{
		{tt.hashV1, 0, tt.hashV1},
		{tt.hashV1, peer.FeatureV2, v2},
		{v2, 0, v2},
		{v2, peer.FeatureV2, v2},
	} {
		if l := r.dial(t, c.ask, tt.pieces, c.features); l.hello.InfoHash != c.want || !l.hello.Has(peer.FeatureV2) {
			t.Errorf("%x with %v: answer %x", c.ask, c.features, l.hello.InfoHash)
		}
	}
}

// An mseConn is a net.Conn with MSE.
type mseConn struct {
	net.Conn
	s *mse.Session
}

func (c *mseConn) Read(b []byte) (int, error) {
	if len(c.s.Initial) > 0 {
		n := copy(b, c.s.Initial)
		c.s.Initial = c.s.Initial[n:]
		return n, nil
	}
	n, err := c.Conn.Read(b)
	c.s.Decrypt(b[:n])
	return n, err
}

func (c *mseConn) Write(b []byte) (int, error) {
	b = slices.Clone(b)
	c.s.Encrypt(b)
	return c.Conn.Write(b)
}

// seal connects with MSE, and sends a handshake and first messages. The first split bytes
// of these are the initial payload.
func (r *running) seal(t testing.TB, tt *Torrent, methods mse.Method, split int, early []byte) (*leecher, error) {
	t.Helper()
	conn, err := net.Dial("tcp", r.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(hung))
	h := peer.Handshake{InfoHash: tt.swarms[0].hash}
	h.Set(allFeatures)
	first := append(h.Append(nil), early...)
	split = min(split, len(first))
	s, err := mse.Initiate(conn, tt.swarms[0].hash, mse.Options{Methods: methods}, first[:split])
	if err != nil {
		return nil, err
	}
	l := &leecher{t: t, conn: &mseConn{conn, s}, pieces: tt.pieces}
	if _, err := l.conn.Write(first[split:]); err != nil {
		return nil, err
	}
	b := make([]byte, peer.HandshakeLength)
	if _, err := io.ReadFull(l.conn, b); err != nil {
		return nil, err
	}
	l.hello, err = peer.ParseHandshake(b)
	return l, err
}

func TestEncryption(t *testing.T) {
	t.Parallel()
	early := peer.Message{ID: peer.IDInterested}.Append(nil)
	for _, encryption := range []Encryption{EncryptionPrefer, EncryptionRequire, EncryptionOff} {
		r, tt, root := one(t, Options{Encryption: encryption}, maketorrent.FormatV1, 700_001)
		for _, methods := range []mse.Method{mse.MethodPlaintext, mse.MethodRC4, mse.MethodPlaintext | mse.MethodRC4} {
			for _, split := range []int{0, 30, 68, 1000} {
				l, err := r.seal(t, tt, methods, split, early)
				refused := encryption == EncryptionOff || encryption == EncryptionRequire && methods == mse.MethodPlaintext
				if refused != (err != nil) {
					t.Errorf("encryption %d, methods %v, split %d: %v", encryption, methods, split, err)
				}
				if err != nil {
					continue
				}
				l.await(peer.IDUnchoke)
				all := make([]int, tt.pieces)
				for i := range all {
					all[i] = i
				}
				for i, got := range l.download(loadedOf(t, tt).lengthOf, all...) {
					if !bytes.Equal(got, expected(t, loadedOf(t, tt).meta, root, i)) {
						t.Errorf("encryption %d, methods %v, split %d: piece %d is not what is in the files", encryption, methods, split, i)
					}
				}
			}
		}
		conn, err := net.Dial("tcp", r.addr)
		if err != nil {
			t.Fatal(err)
		}
		h := peer.Handshake{InfoHash: tt.swarms[0].hash}
		conn.Write(h.Append(nil))
		conn.SetDeadline(time.Now().Add(hung))
		if _, err := io.ReadFull(conn, make([]byte, peer.HandshakeLength)); (err != nil) != (encryption == EncryptionRequire) {
			t.Errorf("encryption %d, plaintext: %v", encryption, err)
		}
		conn.Close()
	}
}

// When data has changed since it was checked, the peer is disconnected and receives
// none of it, not even the zeros that a map has after the end of a shrunk file.
func TestDamaged(t *testing.T) {
	t.Parallel()
	const size = 1<<20 - 100
	for name, damage := range map[string]func(path string) error{
		"truncated":         func(path string) error { return os.Truncate(path, 100) },
		"truncated by ten":  func(path string) error { return os.Truncate(path, size-10) },
		"overwritten":       func(path string) error { return os.WriteFile(path, make([]byte, size), 0o644) },
		"overwritten a bit": func(path string) error { return writeAt(path, size-10, "x") },
	} {
		for _, encrypted := range []bool{false, true} {
			meta, root := makeContent(t, maketorrent.FormatV1, size)
			r := start(t, Options{}, Input{Torrent: meta, Path: root})
			tt := r.find(meta.InfoHashV1)
			var l *leecher
			var err error
			if encrypted {
				if l, err = r.seal(t, tt, mse.MethodRC4, 68, nil); err != nil {
					t.Fatal(err)
				}
				l.send(peer.Message{ID: peer.IDInterested})
				l.await(peer.IDUnchoke)
			} else {
				l = r.join(t, tt)
			}
			last := request(15, 48<<10, 16<<10-100)
			l.send(last) // it is mapped now
			l.await(peer.IDPiece)
			if err := damage(filepath.Join(root, "a")); err != nil {
				t.Fatal(err)
			}
			l.send(last)
			for {
				m, err := l.read()
				if err != nil {
					break
				}
				if m.ID == peer.IDPiece {
					t.Errorf("%s, encrypted %v: a block was sent", name, encrypted)
				}
			}
			await[EventFailed](t, r)
			if r.find(meta.InfoHashV1).isServed() {
				t.Error("peers are still let in")
			}
		}
	}
}

func writeAt(path string, offset int64, s string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteAt([]byte(s), offset)
	return errors.Join(err, f.Close())
}

// stopTime is how long a busy machine may take to stop.
const stopTime = 20 * time.Second

// Stopping does not wait for peers that do not read.
func TestStopWhileSending(t *testing.T) {
	t.Parallel()
	r, tt, _ := one(t, Options{}, maketorrent.FormatV1, 4<<20)
	l := r.join(t, tt)
	var b []byte
	for i := range 2000 {
		b = request(uint32(i%64), uint32(i%4)<<14, 16<<10).Append(b)
	}
	if _, err := l.conn.Write(b); err != nil {
		t.Fatal(err)
	}
	for last := int64(-1); last != r.Uploaded() || last == 0; time.Sleep(200 * time.Millisecond) {
		last = r.Uploaded()
	}
	begin := time.Now()
	r.stop()
	if d := time.Since(begin); d > stopTime { // and not the minute that a slow peer has
		t.Errorf("it took %v", d)
	}
}

// A block that covers thousands of files does not keep a descriptor for each.
func TestTinyFiles(t *testing.T) {
	t.Parallel()
	sizes := make([]int64, 3000)
	for i := range sizes {
		sizes[i] = 11
	}
	r, tt, root := one(t, Options{}, maketorrent.FormatV1, sizes...)
	l := r.join(t, tt)
	for _, m := range []peer.Message{request(0, 0, 16<<10), request(0, 16<<10, 16<<10), request(0, 32<<10, 11*3000-(32<<10))} {
		l.send(m)
		check(t, tt, root, l.await(peer.IDPiece))
	}
	if n, _ := r.cache.InUse(); n > needs(r.options.MaxPeers, allowedDescriptors()).small {
		t.Errorf("%d files are open", n)
	}
}

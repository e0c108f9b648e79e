package seed

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"bt/internal/metainfo"
	"bt/internal/peer"
	"bt/maketorrent"
)

// makeContent writes a directory with files of random bytes and returns a torrent
// of it, and the path of the directory.
func makeContent(t testing.TB, format maketorrent.Format, sizes ...int64) (*Metainfo, string) {
	t.Helper()
	root := filepath.Join(t.TempDir(), "content")
	if err := os.Mkdir(root, 0o755); err != nil {
		t.Fatal(err)
	}
	rng := rand.NewChaCha8([32]byte{byte(len(sizes))})
	for i, n := range sizes {
		b := make([]byte, n)
		rng.Read(b)
		if err := os.WriteFile(filepath.Join(root, string(rune('a'+i))), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	r, err := maketorrent.Make(t.Context(), maketorrent.Options{Path: root, Format: format, PieceLength: 64 << 10})
	if err != nil {
		t.Fatal(err)
	}
	return r.Torrent, root
}

// A datedEvent is an event with the time at which it occurred.
type datedEvent struct {
	time  time.Time
	event Event
}

// A running is a Seeder that runs, and the events that it emitted.
type running struct {
	*Seeder
	addr string
	stop func() // stops the Seeder and waits for it

	mu     sync.Mutex
	events []datedEvent
	read   int // by awaitEvent
	kinds  int // read by await
}

// start seeds until the test ends.
func start(t testing.TB, o Options, inputs ...Input) *running {
	t.Helper()
	return startWith(t, o, func(*Seeder) {}, inputs...)
}

// startWith seeds with a Seeder that tune has changed.
func startWith(t testing.TB, o Options, tune func(*Seeder), inputs ...Input) *running {
	t.Helper()
	if o.Listener == nil {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		o.Listener = l
	}
	r := &running{addr: o.Listener.Addr().String()}
	o.Event = func(at time.Time, e Event) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.events = append(r.events, datedEvent{at, e})
	}
	r.Seeder = New(o)
	tune(r.Seeder)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.Serve(ctx)
	}()
	r.stop = sync.OnceFunc(func() { cancel(); <-done })
	t.Cleanup(r.stop)
	for _, in := range inputs {
		if _, err := r.Add(in); err != nil {
			t.Fatal(err)
		}
		await[EventSeeding](t, r)
	}
	return r
}

// emitted returns the events so far.
func (r *running) emitted() []datedEvent {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.events)
}

// loadedOf returns the loaded metainfo of a torrent.
func loadedOf(t testing.TB, tt *Torrent) *loadedMetainfo {
	t.Helper()
	m, err := tt.load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// await waits for an event of a type.
func await[E Event](t testing.TB, r *running) {
	t.Helper()
	next(t, r, &r.kinds, func(E) bool { return true })
}

// awaitEvent waits for an event that no earlier call has returned.
func awaitEvent[E Event](t testing.TB, r *running, is func(E) bool) E {
	t.Helper()
	return next(t, r, &r.read, is)
}

func next[E Event](t testing.TB, r *running, read *int, is func(E) bool) E {
	t.Helper()
	for end := time.Now().Add(80 * time.Second); ; time.Sleep(time.Millisecond) {
		r.mu.Lock()
		for *read < len(r.events) {
			e, ok := r.events[*read].event.(E)
			if *read++; ok && is(e) {
				r.mu.Unlock()
				return e
			}
		}
		if time.Now().After(end) {
			defer r.mu.Unlock()
			t.Fatalf("no such %T: %s", *new(E), story(r.events))
		}
		r.mu.Unlock()
	}
}

// about returns what an event is about.
func about(e Event) (t *Torrent, err error) {
	switch e := e.(type) {
	case EventChecking:
		return e.Torrent, nil
	case EventSeeding:
		return e.Torrent, nil
	case EventAnnounce:
		return e.Torrent, e.Err
	case EventPeer:
		return e.Torrent, e.Err
	case EventWarning:
		return e.Torrent, e.Err
	case EventFailed:
		return e.Torrent, e.Err
	case EventStopped:
		return e.Torrent, e.Why
	}
	return nil, nil
}

// hung is the time after which a connection counts as hung. The tests that read for long on
// a busy machine need a minute.
const hung = 2 * time.Minute

// A leecher is a peer of the Seeder. Its methods fail the test on errors.
type leecher struct {
	t      testing.TB
	conn   net.Conn
	in     []byte
	pieces int
	hello  peer.Handshake
}

// dial connects and exchanges handshakes.
func (r *running) dial(t testing.TB, infoHash [20]byte, pieces int, features peer.Feature) *leecher {
	t.Helper()
	conn, err := net.Dial("tcp", r.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(hung))
	h := peer.Handshake{InfoHash: infoHash}
	copy(h.PeerID[:], "-XX0001-leecher.....")
	h.Set(features)
	if _, err := conn.Write(h.Append(nil)); err != nil {
		t.Fatal(err)
	}
	l := &leecher{t: t, conn: conn, pieces: pieces}
	b := make([]byte, peer.HandshakeLength)
	if _, err := io.ReadFull(conn, b); err != nil {
		t.Fatal(err)
	}
	if l.hello, err = peer.ParseHandshake(b); err != nil {
		t.Fatal(err)
	}
	return l
}

func (l *leecher) send(messages ...peer.Message) {
	l.t.Helper()
	var b []byte
	for _, m := range messages {
		b = m.Append(b)
	}
	if _, err := l.conn.Write(b); err != nil {
		l.t.Fatal(err)
	}
}

// read returns the next message; its payload is good until the one after it.
func (l *leecher) read() (peer.Message, error) {
	for {
		m, n, err := peer.Next(l.in, l.pieces)
		if err != nil {
			return m, err
		}
		if n <= len(l.in) {
			l.in = l.in[n:]
			return m, nil
		}
		b := make([]byte, 256<<10)
		k, err := l.conn.Read(b)
		if err != nil {
			return m, err
		}
		l.in = append(l.in[:len(l.in):len(l.in)], b[:k]...)
	}
}

// await reads messages up to one of that id.
func (l *leecher) await(id peer.ID) peer.Message {
	l.t.Helper()
	for {
		m, err := l.read()
		if err != nil {
			l.t.Fatalf("no %v: %v", id, err)
		}
		if m.ID == id {
			return m
		}
	}
}

// download asks for pieces in blocks and returns them.
func (l *leecher) download(length func(int) int64, pieces ...int) map[int][]byte {
	l.t.Helper()
	got := make(map[int][]byte)
	var requests []peer.Message
	for _, p := range pieces {
		n := length(p)
		got[p] = make([]byte, n)
		for at := int64(0); at < n; at += peer.BlockLength {
			requests = append(requests, peer.Message{ID: peer.IDRequest, Index: uint32(p), Begin: uint32(at), Length: uint32(min(n-at, peer.BlockLength))})
		}
	}
	for len(requests) > 0 {
		some := requests[:min(len(requests), 500)]
		l.send(some...)
		for range some {
			m := l.await(peer.IDPiece)
			copy(got[int(m.Index)][m.Begin:], m.Payload)
		}
		requests = requests[len(some):]
	}
	return got
}

// expected reads a piece from the files.
func expected(t testing.TB, meta *Metainfo, root string, i int) []byte {
	t.Helper()
	content, err := meta.Content()
	if err != nil {
		t.Fatal(err)
	}
	var want []byte
	for _, span := range content.Layout.Spans(i, i) {
		b := make([]byte, span.Length)
		if span.File != metainfo.Gap && !content.Files[span.File].Pad {
			f, err := os.Open(filepath.Join(append([]string{root}, content.Files[span.File].Path()...)...))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := f.ReadAt(b, span.Offset); err != nil {
				t.Fatal(err)
			}
			f.Close()
		}
		want = append(want, b...)
	}
	return want
}

func TestDownload(t *testing.T) {
	t.Parallel()
	for name, format := range map[string]maketorrent.Format{"v1": maketorrent.FormatV1, "v2": maketorrent.FormatV2, "hybrid": maketorrent.FormatHybrid} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			meta, root := makeContent(t, format, 300_001, 0, 5, 64<<10, 1_000_000)
			r := start(t, Options{}, Input{Torrent: meta, Path: root})
			tt := r.find(swarmsOf(meta)[0].hash)
			for _, s := range tt.swarms {
				l := r.dial(t, s.hash, tt.pieces, peer.FeatureFast)
				l.await(peer.IDHaveAll)
				l.send(peer.Message{ID: peer.IDHaveNone}, peer.Message{ID: peer.IDInterested})
				l.await(peer.IDUnchoke)
				all := make([]int, tt.pieces)
				for i := range all {
					all[i] = i
				}
				for i, got := range l.download(loadedOf(t, tt).lengthOf, all...) {
					if !bytes.Equal(got, expected(t, meta, root, i)) {
						t.Errorf("piece %d is not what is in the files", i)
					}
				}
			}
		})
	}
}

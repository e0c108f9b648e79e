package get

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"bt/maketorrent"
	"bt/seed"
)

const pieceLength = 64 << 10

// formats are the formats of torrents, with sizes of files that are not multiples of
// anything.
var formats = map[string]maketorrent.Format{"v1": maketorrent.FormatV1, "v2": maketorrent.FormatV2, "hybrid": maketorrent.FormatHybrid}

// makeContent makes a torrent of files with the given sizes, one of which makes a single
// file, and returns the path of the content.
func makeContent(t testing.TB, format maketorrent.Format, sizes ...int) (*Metainfo, string) {
	t.Helper()
	root := filepath.Join(t.TempDir(), "content")
	random := rand.NewChaCha8([32]byte{1})
	write := func(path string, size int) {
		b := make([]byte, size)
		random.Read(b)
		if err := os.WriteFile(path, b, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if len(sizes) == 1 {
		write(root, sizes[0])
	} else if err := os.Mkdir(root, 0o777); err != nil {
		t.Fatal(err)
	} else {
		for i, size := range sizes {
			write(filepath.Join(root, string(rune('a'+i))), size)
		}
	}
	made, err := maketorrent.Make(t.Context(), maketorrent.Options{Path: root, Format: format, PieceLength: pieceLength})
	if err != nil {
		t.Fatal(err)
	}
	return made.Torrent, root
}

// sameTree fails unless two files or directories have the same content.
func sameTree(t testing.TB, got, want string) {
	t.Helper()
	tree := func(root string) map[string]string {
		files := make(map[string]string)
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			b, err := os.ReadFile(path)
			name, _ := filepath.Rel(root, path)
			files[name] = string(b)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return files
	}
	g, w := tree(got), tree(want)
	for name := range w {
		if b, ok := g[name]; !ok || b != w[name] {
			t.Errorf("%s: there is a file: %t; its content is right: %t", filepath.Join(got, name), ok, b == w[name])
		}
	}
	for name := range g {
		if _, ok := w[name]; !ok {
			t.Errorf("%s should not be there", filepath.Join(got, name))
		}
	}
}

// listen listens on an address of the loopback interface until the test ends.
func listen(t testing.TB, ip string) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", net.JoinHostPort(ip, "0"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// startSeed seeds a torrent until the test ends.
func startSeed(t testing.TB, meta *Metainfo, root string, o seed.Options) netip.AddrPort {
	t.Helper()
	if o.Listener == nil {
		o.Listener = listen(t, "127.0.0.1")
	}
	s := seed.New(o)
	if _, err := s.Add(seed.Input{Torrent: meta, Path: root, Hashed: true}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.Serve(ctx)
	}()
	t.Cleanup(func() { cancel(); <-done })
	return netip.MustParseAddrPort(o.Listener.Addr().String())
}

// A lateListener accepts nobody until it is opened.
type lateListener struct {
	net.Listener
	opened chan struct{}
	open   func()
}

func listenLate(t testing.TB, ip string) *lateListener {
	l := &lateListener{Listener: listen(t, ip), opened: make(chan struct{})}
	l.open = sync.OnceFunc(func() { close(l.opened) })
	return l
}

func (l *lateListener) Close() error {
	l.open()
	return l.Listener.Close()
}

func (l *lateListener) Accept() (net.Conn, error) {
	<-l.opened
	return l.Listener.Accept()
}

// A result is what a Getter has emitted and returned.
type result struct {
	events []Event
	err    error
}

// run downloads until the end, but not longer than some minutes.
func run(t testing.TB, o Options) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	return runWith(t, ctx, o)
}

func runWith(t testing.TB, ctx context.Context, o Options) (r result) {
	t.Helper()
	if o.Listener == nil {
		o.Listener = listen(t, "127.0.0.1")
	}
	handle := o.Event
	o.Event = func(at time.Time, e Event) {
		r.events = append(r.events, e)
		if handle != nil {
			handle(at, e)
		}
	}
	g, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	r.err = g.Run(ctx)
	return r
}

// of returns the events of a type.
func of[E Event](r result) (list []E) {
	for _, e := range r.events {
		if e, ok := e.(E); ok {
			list = append(list, e)
		}
	}
	return list
}

// One file and several files arrive from a seed, for a torrent and for its magnet link.
func TestGet(t *testing.T) {
	t.Parallel()
	for name, format := range formats {
		for kind, sizes := range map[string][]int{"one file": {3*pieceLength + 5}, "small file": {10}, "files": {200_000, 0, 7, pieceLength, 2*pieceLength + 1}} {
			for _, magnet := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, %s, magnet %t", name, kind, magnet), func(t *testing.T) {
					t.Parallel()
					meta, root := makeContent(t, format, sizes...)
					addr := startSeed(t, meta, root, seed.Options{})
					dir := t.TempDir()
					o := Options{Torrent: meta, Dir: dir, Peers: []netip.AddrPort{addr}}
					if magnet {
						o.Torrent, o.Magnet = nil, meta.Magnet()
					}
					r := run(t, o)
					if r.err != nil {
						t.Fatalf("%v; %+v", r.err, r.events)
					}
					sameTree(t, filepath.Join(dir, "content"), root)
					if entries, _ := os.ReadDir(dir); len(entries) != 1 {
						t.Errorf("the directory has %v", entries)
					}
					if n := len(of[EventComplete](r)); n != 1 {
						t.Errorf("it is complete %d times", n)
					}
					if files := of[EventFile](r); len(files) < 1 || len(files) > len(sizes) {
						t.Errorf("%d files of %d", len(files), len(sizes))
					}
				})
			}
		}
	}
}

type writerFunc func(b []byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

// A stream has the bytes of a file in order, also where the reader is slow.
func TestStream(t *testing.T) {
	t.Parallel()
	for name, format := range formats {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			meta, root := makeContent(t, format, 100_000, 3_000_001, 5)
			addr := startSeed(t, meta, root, seed.Options{})
			var out bytes.Buffer
			slow := writerFunc(func(b []byte) (int, error) {
				if out.Len() < 300_000 {
					time.Sleep(10 * time.Millisecond)
				}
				return out.Write(b)
			})
			r := run(t, Options{Torrent: meta, Stream: slow, memory: 5 * pieceLength, Peers: []netip.AddrPort{addr}, Choose: func(*Metainfo) (func(int) bool, error) {
				return func(i int) bool { return filepath.Base(meta.Files[i].Base()) == "b" }, nil
			}})
			if r.err != nil {
				t.Fatal(r.err)
			}
			want, err := os.ReadFile(filepath.Join(root, "b"))
			if err != nil || !bytes.Equal(out.Bytes(), want) {
				t.Errorf("%d bytes of %d are other ones", out.Len(), len(want))
			}
		})
	}
}

// Getters that begin with nothing share what one slow seed gives.
func TestSwarm(t *testing.T) {
	t.Parallel()
	meta, root := makeContent(t, maketorrent.FormatV1, 8_000_000)
	peers := []netip.AddrPort{startSeed(t, meta, root, seed.Options{MaxUploadRate: 4 << 20})}
	const n = 6
	var listeners []net.Listener
	for range n {
		l := listen(t, "127.0.0.1")
		listeners = append(listeners, l)
		peers = append(peers, netip.MustParseAddrPort(l.Addr().String()))
	}
	var wg sync.WaitGroup
	done := make(chan struct{})
	var left sync.WaitGroup
	left.Add(n)
	go func() { left.Wait(); close(done) }()
	var mu sync.Mutex
	var uploaded int64
	for _, l := range listeners {
		wg.Go(func() {
			dir := t.TempDir()
			defer left.Done()
			r := run(t, Options{Torrent: meta, Dir: dir, Peers: peers, Listener: l})
			if r.err != nil {
				t.Error(r.err)
				return
			}
			sameTree(t, filepath.Join(dir, "content"), root)
			mu.Lock()
			defer mu.Unlock()
			uploaded += of[EventStopped](r)[0].Uploaded
		})
	}
	wg.Wait()
	if least := 2 * meta.Size(); uploaded < least {
		t.Errorf("they have given each other %d bytes, want at least %d", uploaded, least)
	}
}

// Without data the download ends after the timeout.
func TestTimeout(t *testing.T) {
	t.Parallel()
	meta, _ := makeContent(t, maketorrent.FormatV1, 100_000)
	silent := listen(t, "127.0.0.1")
	for _, o := range []Options{{Torrent: meta}, {Magnet: meta.Magnet()}} {
		o.Dir, o.Timeout = t.TempDir(), 2*time.Second
		o.Peers = []netip.AddrPort{netip.MustParseAddrPort(silent.Addr().String())}
		if r := run(t, o); !errors.Is(r.err, ErrTimeout) {
			t.Errorf("the error is %v", r.err)
		}
	}
}

// A torrent without tracker and peer can't be found, unless all of it is there.
func TestNoSource(t *testing.T) {
	t.Parallel()
	meta, root := makeContent(t, maketorrent.FormatV1, 100)
	for _, o := range []Options{{Torrent: meta, Dir: t.TempDir()}, {Magnet: meta.Magnet(), Dir: t.TempDir()}} {
		if r := run(t, o); !errors.Is(r.err, ErrNoSource) {
			t.Errorf("the error is %v", r.err)
		}
	}
	if r := run(t, Options{Torrent: meta, Dir: filepath.Dir(root)}); r.err != nil || len(of[EventComplete](r)) != 1 {
		t.Errorf("%v: %+v", r.err, r.events)
	}
}

// A download to a stream that nothing reads ends with its context.
func TestStalledStream(t *testing.T) {
	t.Parallel()
	meta, root := makeContent(t, maketorrent.FormatV1, 200_000)
	addr := startSeed(t, meta, root, seed.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	never := make(chan struct{})
	defer close(never)
	r := runWith(t, ctx, Options{Torrent: meta, Peers: []netip.AddrPort{addr}, Stream: writerFunc(func(b []byte) (int, error) {
		cancel()
		<-never
		return 0, io.ErrClosedPipe
	})})
	if !errors.Is(r.err, context.Canceled) {
		t.Errorf("the error is %v", r.err)
	}
}

// A peer that sends wrong data is banned, and the others finish the download.
func TestWrongData(t *testing.T) {
	t.Parallel()
	for name, format := range formats {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			meta, root := makeContent(t, format, 20*pieceLength)
			// A slow seed gives blocks of the same pieces. The other one begins when the peer is
			// banned, or the download could be over before.
			slow, late := startSeed(t, meta, root, seed.Options{MaxUploadRate: 32 << 10}), listenLate(t, "127.0.0.3")
			good := startSeed(t, meta, root, seed.Options{Listener: late})
			wrong := filepath.Join(t.TempDir(), "content")
			if err := os.WriteFile(wrong, make([]byte, 20*pieceLength), 0o666); err != nil {
				t.Fatal(err)
			}
			bad := startSeed(t, meta, wrong, seed.Options{Listener: listen(t, "127.0.0.2")})
			dir := t.TempDir()
			r := run(t, Options{Torrent: meta, Dir: dir, Peers: []netip.AddrPort{bad, slow, good}, Event: func(_ time.Time, e Event) {
				if e, ok := e.(EventPeer); ok && errors.Is(e.Err, errLie) {
					late.open()
				}
			}})
			if r.err != nil {
				t.Fatal(r.err)
			}
			sameTree(t, filepath.Join(dir, "content"), root)
			banned := 0
			for _, e := range of[EventPeer](r) {
				if errors.Is(e.Err, errLie) {
					banned++
					if e.Addr.Addr() != bad.Addr() {
						t.Errorf("%v is banned", e.Addr)
					}
				}
			}
			if banned != 1 {
				t.Errorf("%d peers are banned", banned)
			}
		})
	}
}

// A download that was interrupted goes on where it stopped, also with the magnet link, for
// which the torrent was stored.
func TestResume(t *testing.T) {
	t.Parallel()
	for name, format := range formats {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			meta, root := makeContent(t, format, 30*pieceLength, 10*pieceLength+1)
			addr := startSeed(t, meta, root, seed.Options{MaxUploadRate: 3 << 20})
			dir := t.TempDir()
			o := Options{Torrent: meta, Dir: dir, Peers: []netip.AddrPort{addr}}
			var all int64
			runs := 0
			for {
				runs++
				if runs == 2 {
					o.Torrent, o.Magnet = nil, meta.Magnet()
				}
				ctx, cancel := context.WithCancel(t.Context())
				begun := int64(-1)
				o.Event = func(_ time.Time, e Event) {
					if e, ok := e.(EventProgress); ok {
						if begun < 0 {
							begun = e.Done
						} else if e.Done > begun && runs < 3 {
							cancel()
						}
					}
				}
				r := runWith(t, ctx, o)
				cancel()
				all += of[EventStopped](r)[0].Downloaded
				if runs == 2 {
					// Without a peer's help the torrent is known before the first peer.
					if _, ok := r.events[1].(EventMetadata); !ok {
						t.Errorf("the torrent was not stored: %+v", r.events)
					}
				}
				if r.err == nil {
					break
				}
				if !errors.Is(r.err, context.Canceled) {
					t.Fatal(r.err)
				}
			}
			sameTree(t, filepath.Join(dir, "content"), root)
			if most := meta.Size() * 3 / 2; all > most {
				t.Errorf("%d runs have downloaded %d bytes, want at most %d", runs, all, most)
			}
		})
	}
}

// A limit of the rate holds.
func TestRate(t *testing.T) {
	t.Parallel()
	meta, root := makeContent(t, maketorrent.FormatV1, 3_000_000)
	peers := []netip.AddrPort{startSeed(t, meta, root, seed.Options{}), startSeed(t, meta, root, seed.Options{})}
	begun := time.Now()
	r := run(t, Options{Torrent: meta, Dir: t.TempDir(), Peers: peers, MaxDownloadRate: 1 << 20})
	if r.err != nil {
		t.Fatal(r.err)
	}
	if took := time.Since(begun); took < 2*time.Second {
		t.Errorf("3 MB at 1 MiB a second took %v", took)
	}
}

// A tracker of a magnet link at a private address is asked only if its path is /announce or
// Options say so; one of Options is.
func TestPrivateTracker(t *testing.T) {
	t.Parallel()
	meta, _ := makeContent(t, maketorrent.FormatV1, 100)
	for name, test := range map[string]struct {
		of, path   string // where the tracker is from (link or options), and its path
		allowLocal bool
		want       bool // it is asked
	}{
		"of the link":            {"link", "/key/announce", false, false},
		"of the link, /announce": {"link", "/announce", false, true},
		"of the link, allowed":   {"link", "/key/announce", true, true},
		"of the options":         {"options", "/key/announce", false, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var asked atomic.Int64
			tracker := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				asked.Add(1)
				io.WriteString(w, "d8:intervali1800e5:peers0:e")
			}))
			defer tracker.Close()
			o := Options{Magnet: meta.Magnet(), Dir: t.TempDir(), AllowLocal: test.allowLocal, From: []netip.Addr{netip.MustParseAddr("127.0.0.1")}}
			if test.of == "link" {
				o.Magnet.Trackers = []string{tracker.URL + test.path}
			}
			if test.of == "options" {
				o.Trackers = [][]string{{tracker.URL + test.path}}
			}
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			o.Event = func(_ time.Time, e Event) {
				if _, ok := e.(EventAnnounce); ok {
					cancel()
				}
			}
			runWith(t, ctx, o)
			if got := asked.Load() > 0; got != test.want {
				t.Errorf("it was asked: %t, want %t", got, test.want)
			}
		})
	}
}

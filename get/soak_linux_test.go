package get

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"bt/maketorrent"
	"bt/seed"
)

// A soak is the time for which downloads with faults go on, and what the process used
// meanwhile.
type soak struct {
	t       *testing.T
	end     time.Time
	hostile []behavior
	used    []usage
}

// A usage is what the process uses, in bytes and numbers.
type usage struct{ heap, resident, goroutines, descriptors float64 }

// Downloads with faults follow each other, and one goes on, for 2 seconds or for the time in
// BT_SOAK, such as 30m. They have hostile peers, connections that are cut, web seeds and
// trackers that fail at times, and some are interrupted. Neither memory nor descriptors grow.
func TestSoak(t *testing.T) {
	duration, err := 2*time.Second, error(nil)
	text := os.Getenv("BT_SOAK")
	if text != "" {
		if duration, err = time.ParseDuration(text); err != nil {
			t.Fatalf("BT_SOAK: %v", err)
		}
	}
	s := &soak{t: t, end: time.Now().Add(duration)}
	for _, list := range [][]behavior{badBlocks, badStates, badFloods, badExtensions} {
		s.hostile = append(s.hostile, list...)
	}
	var long sync.WaitGroup
	long.Go(func() { s.long(duration) })
	rounds, reported := 0, time.Now()
	for ; (rounds == 0 || time.Now().Before(s.end)) && !t.Failed(); rounds++ {
		format := []string{"v1", "v2", "hybrid"}[rounds%3]
		t.Run(fmt.Sprintf("%d, %s", rounds, format), func(t *testing.T) { s.round(t, format) })
		s.used = append(s.used, use(t))
		if time.Since(reported) > time.Minute {
			reported = time.Now()
			t.Logf("%v: %d downloads, %v", time.Until(s.end).Round(time.Second), rounds, s.used[rounds])
		}
	}
	long.Wait()
	if rounds == 0 {
		t.Error("nothing was downloaded")
	}
	if text != "" {
		s.compare()
	}
}

// use returns what the process uses.
func use(t testing.TB) (u usage) {
	t.Helper()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, anonymous, _ := strings.Cut(string(status), "RssAnon:") // the seeds map files, whose pages are the system's
	var kib float64
	if _, err := fmt.Sscan(anonymous, &kib); err != nil {
		t.Fatal(err)
	}
	return usage{float64(m.HeapAlloc), kib * 1024, float64(runtime.NumGoroutine()), float64(len(files))}
}

func (u usage) String() string {
	return fmt.Sprintf("heap %.1f MB, resident %.1f MB, %.0f goroutines, %.0f descriptors", u.heap/1e6, u.resident/1e6, u.goroutines, u.descriptors)
}

// compare compares the means of the second and the last third of the time.
func (s *soak) compare() {
	third := len(s.used) / 3
	mean := func(list []usage) (m usage) {
		n := float64(len(list))
		for _, u := range list {
			m.heap += u.heap / n
			m.resident += u.resident / n
			m.goroutines += u.goroutines / n
			m.descriptors += u.descriptors / n
		}
		return m
	}
	second, last := mean(s.used[third:2*third]), mean(s.used[2*third:])
	s.t.Logf("%d downloads; second third: %v; last third: %v", len(s.used), second, last)
	if last.heap > 1.1*second.heap+2e6 || last.resident > 1.1*second.resident+8e6 ||
		last.goroutines > second.goroutines+10 || last.descriptors > second.descriptors+5 {
		s.t.Error("the process grows")
	}
}

// sources starts seeds behind links that are cut, hostile peers, a web seed and a tracker, which fail at
// times, and returns the options to download from them.
func (s *soak) sources(t *testing.T, meta *Metainfo, root string, data []byte, network, hostile int) Options {
	t.Helper()
	cut := cutLink(t, startSeed(t, meta, root, seed.Options{}))
	peers := []netip.AddrPort{cut}
	for i := range hostile {
		b := s.hostile[rand.IntN(len(s.hostile))]
		peers = append(peers, startBad(t, meta, fmt.Sprintf("127.0.%d.%d", network, 1+i), func(p *badPeer) {
			p.data = data
			b.behave(p)
		}))
	}
	web := &webServer{root: root, handle: func(w http.ResponseWriter, _ *http.Request, _ int) bool { return fails(w) }}
	copied := *meta
	copied.WebSeeds = []string{web.start(t)}
	tracker := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if !fails(w) {
			io.WriteString(w, "d8:intervali1e12:min intervali1e5:peers6:"+string(compact(cut))+"e")
		}
	}))
	t.Cleanup(tracker.Close)
	return Options{
		Torrent: &copied, Peers: peers, Trackers: [][]string{{tracker.URL + "/announce"}}, AllowLocal: true,
		Encryption: EncryptionOff, haste: haste,
	}
}

// compact returns an address as trackers send it.
func compact(a netip.AddrPort) []byte {
	ip := a.Addr().As4()
	return append(ip[:], byte(a.Port()>>8), byte(a.Port()))
}

// fails answers every third request, at random, with an error.
func fails(w http.ResponseWriter) bool {
	is := rand.IntN(3) == 0
	if is {
		http.Error(w, "busy", http.StatusServiceUnavailable)
	}
	return is
}

// cutLink forwards connections to an address, and cuts each after some time.
func cutLink(t testing.TB, to netip.AddrPort) netip.AddrPort {
	t.Helper()
	l := listen(t, "127.0.0.1")
	var running sync.WaitGroup
	t.Cleanup(running.Wait)
	t.Cleanup(func() { l.Close() })
	forward := func(near net.Conn) {
		far, err := net.Dial("tcp", to.String())
		if err != nil {
			near.Close()
			return
		}
		stop := time.AfterFunc(time.Duration(rand.Int64N(int64(4*time.Second))), func() { near.Close(); far.Close() })
		defer stop.Stop()
		var up sync.WaitGroup
		up.Go(func() { io.Copy(far, near); far.Close() })
		io.Copy(near, far)
		near.Close()
		up.Wait()
	}
	running.Go(func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() { forward(near) })
		}
	})
	return netip.MustParseAddrPort(l.Addr().String())
}

// round downloads a torrent, in several runs if it is interrupted.
func (s *soak) round(t *testing.T, format string) {
	meta, root := makeContent(t, formats[format], 20*pieceLength+1)
	data, err := os.ReadFile(root)
	if err != nil {
		t.Fatal(err)
	}
	o := s.sources(t, meta, root, data, 2, 4)
	o.Dir = t.TempDir()
	o.MaxDownloadRate = int64(rand.IntN(2)) * 2 << 20
	if rand.IntN(2) == 0 {
		o.Magnet, o.Torrent = o.Torrent.Magnet(), nil
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	for rand.IntN(2) == 0 { // as if the process was killed
		short, stop := context.WithTimeout(ctx, time.Duration(rand.Int64N(int64(time.Second))))
		r := runWith(t, short, o)
		stop()
		if r.err == nil {
			break
		}
		if !errors.Is(r.err, context.DeadlineExceeded) {
			t.Fatal(r.err)
		}
	}
	if r := runWith(t, ctx, o); r.err != nil {
		t.Fatalf("%v: %+v", r.err, r.events)
	}
	sameTree(t, filepath.Join(o.Dir, "content"), root)
}

// long downloads at a limited rate until the end.
func (s *soak) long(duration time.Duration) {
	const rate = 256 << 10
	size := int64(duration.Seconds()+20) * rate * 5 / 4
	root := filepath.Join(s.t.TempDir(), "content")
	if err := os.WriteFile(root, nil, 0o666); err != nil {
		s.t.Error(err)
		return
	}
	if err := os.Truncate(root, size); err != nil {
		s.t.Error(err)
		return
	}
	made, err := maketorrent.Make(s.t.Context(), maketorrent.Options{Path: root, Format: maketorrent.FormatV1, PieceLength: pieceLength})
	if err != nil {
		s.t.Error(err)
		return
	}
	zeros, err := unix.Mmap(-1, 0, int(size), unix.PROT_READ, unix.MAP_ANON|unix.MAP_PRIVATE) // takes no memory
	if err != nil {
		s.t.Error(err)
		return
	}
	s.t.Cleanup(func() { unix.Munmap(zeros) })
	o := s.sources(s.t, made.Torrent, root, zeros, 3, 20)
	o.Dir, o.MaxDownloadRate = s.t.TempDir(), rate
	var done atomic.Int64
	ctx, cancel := context.WithDeadline(s.t.Context(), s.end)
	defer cancel()
	o.Listener, o.Event = listen(s.t, "127.0.0.1"), func(_ time.Time, e Event) {
		if e, ok := e.(EventProgress); ok {
			done.Store(e.Done)
		}
	}
	g, err := New(o)
	if err != nil {
		s.t.Error(err)
		return
	}
	if err := g.Run(ctx); !errors.Is(err, context.DeadlineExceeded) {
		s.t.Errorf("the long download ended: %v", err)
	}
	least := int64(duration.Seconds()) * rate / 2
	if s.t.Logf("the long download got %d bytes of %d", done.Load(), size); duration > time.Minute && done.Load() < least {
		s.t.Errorf("the long download got %d bytes, want %d", done.Load(), least)
	}
}

//go:build linux

package seed

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"bt/internal/link"
	"bt/internal/peer"
)

// A soak runs peers that connect and disconnect, and compares what both ends report.
type soak struct {
	t        *testing.T
	dir      string
	torrents []*testTorrent
	ledger   *Ledger
	seeder   *Seeder
	addr     string
	end      time.Time
	gate     sync.RWMutex // locked to measure while there are no peers

	connections, garbage atomic.Int64
	received             atomic.Int64 // bytes of blocks of all downloads
	aborted              atomic.Int64 // bytes of blocks of aborted downloads

	mu      sync.Mutex
	reports map[netip.AddrPort]peerReport // of peers whose end the seed has not reported
	left    map[netip.AddrPort]int64      // uploaded bytes that the seed reports, of peers that have not reported
	total   int64                         // sum of the bytes that the seed reports
	inexact int64                         // bytes sent to peers that did not read them
}

// A peerReport is a peer's account of its connection.
type peerReport struct {
	got     int64
	asked   int64 // bytes requested and not received, if aborted
	aborted bool
}

// event compares what the seed reports about a peer with what the peer reports.
func (s *soak) event(_ time.Time, e Event) {
	switch e := e.(type) {
	case EventFailed, EventWarning:
		s.t.Errorf("%+v", e)
	case EventPeer:
		if e.Joined {
			return
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.total += e.Uploaded
		s.left[e.Addr] = e.Uploaded
		s.settle(e.Addr)
	}
}

// settle is called when one end has reported. s.mu is locked.
func (s *soak) settle(addr netip.AddrPort) {
	said, ok := s.left[addr]
	g, ok2 := s.reports[addr]
	if !ok || !ok2 {
		return
	}
	delete(s.left, addr)
	delete(s.reports, addr)
	if g.aborted {
		// What is in a batch that breaks off is not counted; what the kernel has taken
		// is, though the peer never read it.
		s.inexact += said - g.got
		if said > g.got+g.asked || g.got > said+link.MaxWrite {
			s.t.Errorf("%v says that it got %d bytes and left with %d to come, the seed %d", addr, g.got, g.asked, said)
		}
		return
	}
	if said != g.got {
		s.t.Errorf("%v says that it got %d bytes, the seed %d", addr, g.got, said)
	}
}

// download connects as an honest peer, and downloads pieces.
func (s *soak) download(rng *rand.Rand, from string) error {
	e := s.torrents[rng.IntN(len(s.torrents))]
	g, err := newDownloader(s.addr, from, e, &s.received)
	if err != nil {
		return err
	}
	defer g.conn.Close()
	var a peerReport
	defer func() {
		a.got = g.got
		s.mu.Lock()
		defer s.mu.Unlock()
		addr := g.conn.LocalAddr().(*net.TCPAddr).AddrPort()
		s.reports[addr] = a
		s.settle(addr)
	}()
	if _, err := g.next(peer.IDUnchoke); err != nil {
		return err
	}
	pieces := rng.Perm(e.PieceCount())
	pieces = pieces[:1+rng.IntN(len(pieces))]
	switch rng.IntN(5) {
	case 0, 1: // takes some and says goodbye
		if err := g.take(pieces...); err != nil {
			return err
		}
		return g.leave()
	case 2: // asks and says goodbye before it has come
		if _, err := g.ask(pieces...); err != nil {
			return err
		}
		return g.leave()
	case 3: // a reset when all is there
		if err := g.take(pieces...); err != nil {
			return err
		}
	case 4: // a reset in the middle
		blocks, err := g.ask(pieces...)
		if err != nil {
			return err
		}
		for range rng.IntN(blocks) {
			if _, err := g.next(peer.IDPiece); err != nil {
				return err
			}
		}
		a.aborted = true
		for _, p := range pieces {
			a.asked += e.length(p)
		}
		a.asked -= g.got
		s.aborted.Add(g.got)
	}
	return g.conn.(*net.TCPConn).SetLinger(0)
}

// sendGarbage connects as a peer that sends garbage.
func (s *soak) sendGarbage(rng *rand.Rand) {
	n := s.garbage.Add(1)
	from := &net.TCPAddr{IP: net.IPv4(127, 30+byte(n>>16&63), byte(n>>8), byte(n))}
	conn, err := (&net.Dialer{LocalAddr: from, Timeout: 10 * time.Second}).Dial("tcp", s.addr)
	if err != nil {
		s.t.Error(err)
		return
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	h := peer.Handshake{InfoHash: s.torrents[rng.IntN(len(s.torrents))].InfoHashV1}
	b := h.Append(nil)
	switch rng.IntN(5) {
	case 0:
		b = noise(rng.IntN(3000))
	case 1:
		b = b[:rng.IntN(len(b))]
	case 2:
		b = append(b, noise(100)...)
	case 3:
		b[40]++ // no such torrent
	case 4:
		b = request(1<<30, 0, 1<<30).Append(b)
	}
	conn.Write(b)
	if rng.IntN(2) == 0 {
		conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		io.Copy(io.Discard, conn)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	addr := conn.LocalAddr().(*net.TCPAddr).AddrPort()
	s.reports[addr] = peerReport{}
	if _, ok := s.left[addr]; !ok {
		// The seed may have reported the peer or not, depending on how far it came.
		time.AfterFunc(5*time.Second, func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			delete(s.reports, addr)
		})
	}
	s.settle(addr)
}

// metrics are the measurements of the process that must not grow.
type metrics struct {
	memory, resident int64 // bytes
	left             [3]int
}

func (v metrics) String() string {
	return fmt.Sprintf("%.1f MiB in use, %.1f MiB resident, %d goroutines, %d descriptors, %d maps",
		float64(v.memory)/(1<<20), float64(v.resident)/(1<<20), v.left[0], v.left[1], v.left[2])
}

func readMetrics(t *testing.T, dir string) metrics {
	t.Helper()
	v := metrics{memory: memoryInUse(), left: leftovers(t, dir)}
	debug.FreeOSMemory()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rss, _ := strings.Cut(string(status), "VmRSS:")
	if _, err := fmt.Sscan(rss, &v.resident); err != nil {
		t.Fatal(err)
	}
	v.resident <<= 10
	return v
}

// compare reports the metrics that have grown between two measurements.
func (s *soak) compare(first, last metrics) {
	s.t.Helper()
	// Addresses that have sent garbage are remembered, up to maxHosts.
	if most := first.memory + 4<<20; last.memory > most {
		s.t.Errorf("%d bytes of memory were in use, and now %d", first.memory, last.memory)
	}
	if most := first.resident + 24<<20; last.resident > most {
		s.t.Errorf("%d bytes were resident, and now %d", first.resident, last.resident)
	}
	for i, what := range []string{"goroutines", "descriptors", "maps"} {
		if first.left[i]+5 < last.left[i] {
			s.t.Errorf("%d %s, and now %d", first.left[i], what, last.left[i])
		}
	}
}

// serve serves the torrents until the function that it returns is called.
func (s *soak) serve() (stop func()) {
	s.t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.t.Fatal(err)
	}
	s.addr = listener.Addr().String()
	s.seeder = New(Options{Listener: listener, Event: s.event})
	d := &Directory{Seeder: s.seeder, Path: s.dir, Ledger: s.ledger}
	if err := d.Scan(); err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var serving sync.WaitGroup
	serving.Go(func() { d.Run(ctx) })
	serving.Go(func() { _ = s.seeder.Serve(ctx) }) // the end of ctx
	eventually(s.t, "all are served", func() bool {
		n := 0
		for _, tt := range s.seeder.all() {
			if tt.isServed() {
				n++
			}
		}
		return n == len(s.torrents)
	})
	return func() { cancel(); serving.Wait() }
}

// connect connects peers one after the other until the end.
func (s *soak) connect(worker int) {
	rng := rand.New(rand.NewPCG(uint64(worker), uint64(time.Now().UnixNano())))
	for time.Now().Before(s.end) {
		s.gate.RLock()
		if rng.IntN(5) == 0 {
			s.sendGarbage(rng)
		} else if err := s.download(rng, fmt.Sprintf("127.0.21.%d", worker+1)); err != nil {
			s.t.Errorf("a download: %v", err)
		}
		s.connections.Add(1)
		s.gate.RUnlock()
		time.Sleep(time.Duration(rng.IntN(200)) * time.Millisecond)
	}
}

// measure waits until there are no peers, compares the totals of both ends, and
// measures the process.
func (s *soak) measure() metrics {
	s.t.Helper()
	s.gate.Lock()
	defer s.gate.Unlock()
	eventually(s.t, "all have left", func() bool {
		open, _ := s.seeder.hub.Connections()
		return open == 0
	})
	if err := s.ledger.Save(s.seeder); err != nil {
		s.t.Error(err)
	}
	status := s.seeder.Status()
	var sum, saved int64
	for i := range status.Torrents {
		sum += status.Torrents[i].Uploaded
	}
	for _, e := range s.torrents {
		saved += recalled(s.ledger, e.Metainfo).Uploaded
	}
	s.mu.Lock()
	total, inexact, unsettled := s.total, s.inexact, len(s.left)
	s.mu.Unlock()
	if received := s.received.Load(); status.Uploaded != received+inexact || sum != status.Uploaded || total != status.Uploaded || saved != status.Uploaded {
		s.t.Errorf("uploaded %d, of all torrents %d, in events of peers %d, in the ledger %d; the peers got %d and did not read %d", status.Uploaded, sum, total, saved, received, inexact)
	}
	if unsettled > 0 {
		s.t.Errorf("the seed reports %d peers that were not there", unsettled)
	}
	v := readMetrics(s.t, s.dir)
	s.t.Logf("%v: %d connections, %d with garbage, %.1f MB received, of it %.1f MB by aborted downloads (%d bytes unread); %v",
		time.Until(s.end).Round(time.Second), s.connections.Load(), s.garbage.Load(), float64(s.received.Load())/1e6, float64(s.aborted.Load())/1e6, inexact, v)
	return v
}

// Peers connect and disconnect for 3 seconds, or for the time in BT_SOAK, such as
// 30m: no metric grows, and both ends report the same totals.
func TestSoak(t *testing.T) {
	const torrents, workers = 50, 8
	duration := 3 * time.Second
	if text := os.Getenv("BT_SOAK"); text != "" {
		var err error
		if duration, err = time.ParseDuration(text); err != nil {
			t.Fatalf("BT_SOAK: %v", err)
		}
	}
	s := &soak{t: t, dir: t.TempDir(), reports: make(map[netip.AddrPort]peerReport), left: make(map[netip.AddrPort]int64)}
	for i := range torrents {
		e := newTestTorrent(t, fmt.Sprintf("e%d", i), 1000+i, 20_000+i*10_000)
		whole(t, filepath.Join(s.dir, e.Name), e.data)
		whole(t, filepath.Join(s.dir, e.Name+".torrent"), e.Bytes())
		s.torrents = append(s.torrents, e)
	}
	s.ledger = openLedger(t, filepath.Join(t.TempDir(), "ledger.json"))
	defer s.ledger.Close()
	defer s.serve()()
	s.end = time.Now().Add(duration)
	var peers sync.WaitGroup
	for worker := range workers {
		peers.Go(func() { s.connect(worker) })
	}
	time.Sleep(min(duration/3, 2*time.Minute)) // until caches are filled
	first := s.measure()
	last := first
	for time.Now().Before(s.end) {
		time.Sleep(min(time.Until(s.end), time.Minute))
		last = s.measure()
	}
	peers.Wait()
	s.compare(first, last)
	if s.received.Load() == 0 || s.aborted.Load() == 0 {
		t.Error("nothing was downloaded")
	}
}

//go:build linux

package seed

import (
	"context"
	"errors"
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

	"bt/internal/peer"
)

// A soak runs peers that connect and disconnect, and compares what both ends report.
type soak struct {
	t        *testing.T
	addr     string
	editions []*edition
	gate     sync.RWMutex // closed to measure while nobody is there

	visits, garbage atomic.Int64
	received        atomic.Int64 // bytes of blocks, by all
	torn            atomic.Int64 // the same, by those who left in the middle

	mu      sync.Mutex
	guests  map[netip.AddrPort]testimony // that the seed has not said goodbye to
	left    map[netip.AddrPort]int64     // that went, and what the seed says that they got
	told    int64                        // the sum of what it said
	inexact int64
}

// A testimony is what a guest reports.
type testimony struct {
	got    int64
	asked  int64 // and not got, if it left in the middle
	isTorn bool
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
		s.told += e.Uploaded
		s.left[e.Addr] = e.Uploaded
		s.settle(e.Addr)
	}
}

// settle is called when one end has reported. s.mu is locked.
func (s *soak) settle(addr netip.AddrPort) {
	said, ok := s.left[addr]
	g, ok2 := s.guests[addr]
	if !ok || !ok2 {
		return
	}
	delete(s.left, addr)
	delete(s.guests, addr)
	if g.isTorn {
		// What is in a batch that breaks off is not counted; what the kernel has taken
		// is, though the peer never read it.
		s.inexact += said - g.got
		if said > g.got+g.asked || g.got > said+maxBatch {
			s.t.Errorf("%v says that it got %d bytes and left with %d to come, the seed %d", addr, g.got, g.asked, said)
		}
		return
	}
	if said != g.got {
		s.t.Errorf("%v says that it got %d bytes, the seed %d", addr, g.got, said)
	}
}

// visit is one visit of an honest peer.
func (s *soak) visit(rng *rand.Rand, from string) error {
	e := s.editions[rng.IntN(len(s.editions))]
	g, err := visit(s.addr, from, e, &s.received)
	if err != nil {
		return err
	}
	defer g.conn.Close()
	var a testimony
	defer func() {
		a.got = g.got
		s.mu.Lock()
		defer s.mu.Unlock()
		addr := g.conn.LocalAddr().(*net.TCPAddr).AddrPort()
		s.guests[addr] = a
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
		a.isTorn = true
		for _, p := range pieces {
			a.asked += e.length(p)
		}
		a.asked -= g.got
		s.torn.Add(g.got)
	}
	return g.conn.(*net.TCPConn).SetLinger(0)
}

// annoy is one visit of a peer that sends garbage.
func (s *soak) annoy(rng *rand.Rand) {
	n := s.garbage.Add(1)
	from := &net.TCPAddr{IP: net.IPv4(127, 30+byte(n>>16&63), byte(n>>8), byte(n))}
	conn, err := (&net.Dialer{LocalAddr: from, Timeout: 10 * time.Second}).Dial("tcp", s.addr)
	if err != nil {
		s.t.Error(err)
		return
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	h := peer.Handshake{InfoHash: s.editions[rng.IntN(len(s.editions))].InfoHashV1}
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
	s.guests[addr] = testimony{}
	if _, ok := s.left[addr]; !ok {
		// It may have come too far to be told of, or not.
		time.AfterFunc(5*time.Second, func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			delete(s.guests, addr)
		})
	}
	s.settle(addr)
}

// A vital is a metric of the process that must not grow.
type vital struct {
	memory, resident int64 // bytes
	left             [3]int
}

func (v vital) String() string {
	return fmt.Sprintf("%.1f MiB in use, %.1f MiB resident, %d goroutines, %d descriptors, %d maps",
		float64(v.memory)/(1<<20), float64(v.resident)/(1<<20), v.left[0], v.left[1], v.left[2])
}

func vitals(t *testing.T, dir string) vital {
	t.Helper()
	v := vital{memory: memoryInUse(), left: leftovers(t, dir)}
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
	dir := t.TempDir()
	s := &soak{t: t, guests: make(map[netip.AddrPort]testimony), left: make(map[netip.AddrPort]int64)}
	for i := range torrents {
		e := newEdition(t, fmt.Sprintf("e%d", i), 1000+i, 20_000+i*10_000)
		whole(t, filepath.Join(dir, e.Name), e.data)
		whole(t, filepath.Join(dir, e.Name+".torrent"), e.Bytes())
		s.editions = append(s.editions, e)
	}
	ledger, _, err := OpenLedger(filepath.Join(t.TempDir(), "ledger.json"))
	if err != nil {
		t.Fatal(err)
	}
	defer ledger.Close()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr = listener.Addr().String()
	seeder := New(Options{Listener: listener, Event: s.event})
	d := &Directory{Seeder: seeder, Path: dir, Ledger: ledger}
	if err := d.Scan(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var serving sync.WaitGroup
	serving.Go(func() { d.Run(ctx) })
	serving.Go(func() { _ = seeder.Serve(ctx) }) // the end of ctx
	stop := func() { cancel(); serving.Wait() }
	defer stop()
	eventually(t, "all are served", func() bool {
		n := 0
		for _, tt := range seeder.all() {
			if tt.isServed() {
				n++
			}
		}
		return n == torrents
	})

	end := time.Now().Add(duration)
	var peers sync.WaitGroup
	for w := range workers {
		peers.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(w), uint64(time.Now().UnixNano())))
			for time.Now().Before(end) {
				s.gate.RLock()
				if rng.IntN(5) == 0 {
					s.annoy(rng)
				} else if err := s.visit(rng, fmt.Sprintf("127.0.21.%d", w+1)); err != nil {
					t.Errorf("a visit: %v", err)
				}
				s.visits.Add(1)
				s.gate.RUnlock()
				time.Sleep(time.Duration(rng.IntN(200)) * time.Millisecond)
			}
		})
	}

	// measure waits until nobody is there, compares the figures, and looks for what
	// is left.
	measure := func() vital {
		t.Helper()
		s.gate.Lock()
		defer s.gate.Unlock()
		eventually(t, "all have left", func() bool {
			seeder.limits.mu.Lock()
			defer seeder.limits.mu.Unlock()
			return seeder.limits.open == 0
		})
		if err := ledger.Save(seeder); err != nil {
			t.Error(err)
		}
		status := seeder.Status()
		var sum, remembered int64
		for i := range status.Torrents {
			sum += status.Torrents[i].Uploaded
		}
		for _, e := range s.editions {
			uploaded := recalled(ledger, e.Metainfo).Uploaded
			remembered += uploaded
		}
		s.mu.Lock()
		told, inexact, unsettled := s.told, s.inexact, len(s.left)
		s.mu.Unlock()
		if received := s.received.Load(); status.Uploaded != received+inexact || sum != status.Uploaded || told != status.Uploaded || remembered != status.Uploaded {
			t.Errorf("uploaded %d, of all torrents %d, told of peers %d, remembered %d; the peers got %d and %d was not read", status.Uploaded, sum, told, remembered, received, inexact)
		}
		if unsettled > 0 {
			t.Errorf("the seed speaks of %d peers that were not there", unsettled)
		}
		v := vitals(t, dir)
		t.Logf("%v: %d visits, %d with garbage, %.1f MB received, of it %.1f MB by those who left in the middle (%d bytes unread); %v",
			time.Until(end).Round(time.Second), s.visits.Load(), s.garbage.Load(), float64(s.received.Load())/1e6, float64(s.torn.Load())/1e6, inexact, v)
		return v
	}
	time.Sleep(min(duration/3, 2*time.Minute)) // until what is kept is there
	first := measure()
	last := first
	for time.Now().Before(end) {
		time.Sleep(min(time.Until(end), time.Minute))
		last = measure()
	}
	peers.Wait()
	// Addresses that have sent garbage are remembered, up to maxHosts.
	if most := first.memory + 4<<20; last.memory > most {
		t.Errorf("%d bytes of memory were in use, and now %d", first.memory, last.memory)
	}
	if most := first.resident + 24<<20; last.resident > most {
		t.Errorf("%d bytes were resident, and now %d", first.resident, last.resident)
	}
	for i, what := range []string{"goroutines", "descriptors", "maps"} {
		if first.left[i]+5 < last.left[i] {
			t.Errorf("%d %s, and now %d", first.left[i], what, last.left[i])
		}
	}
	if s.received.Load() == 0 || s.torn.Load() == 0 {
		t.Error(errors.New("nothing was downloaded"))
	}
	stop()
}

package dht

import (
	"net"
	"net/netip"
	"os"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"bt/internal/discover/krpc"
	"bt/internal/testenv"
)

// announces notes when a node announced each info-hash.
type announces struct {
	mu    sync.Mutex
	times map[krpc.ID][]time.Time
}

// tapAnnounces notes the first announce of each lookup from an address.
func tapAnnounces(net *fakeNet, from string) *announces {
	a := &announces{times: map[krpc.ID][]time.Time{}}
	net.mu.Lock()
	defer net.mu.Unlock()
	net.tap = func(src, _ netip.AddrPort, b []byte) {
		if src.String() != from {
			return
		}
		m, err := krpc.Parse(b)
		if err != nil || m.Kind != krpc.Query || m.Method != krpc.AnnouncePeer {
			return
		}
		a.mu.Lock()
		defer a.mu.Unlock()
		times := a.times[m.Target]
		if len(times) == 0 || time.Since(times[len(times)-1]) > time.Minute {
			a.times[m.Target] = append(times, time.Now())
		}
	}
	return a
}

// hashes returns how many info-hashes were announced.
func (a *announces) hashes() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.times)
}

// gaps returns the shortest and longest times between announces of one info-hash, and
// from the last one until now.
func (a *announces) gaps() (shortest, longest time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	shortest = 1 << 62
	now := time.Now()
	for _, times := range a.times {
		for i := 1; i < len(times); i++ {
			shortest = min(shortest, times[i].Sub(times[i-1]))
			longest = max(longest, times[i].Sub(times[i-1]))
		}
		longest = max(longest, now.Sub(times[len(times)-1]))
	}
	return shortest, longest
}

// Each hash is announced every 15 to 60 minutes, however many there are, and the packets
// are spread over time. BT_SCALE=1 tests 10,000 hashes, else the numbers are smaller.
func TestSchedule(t *testing.T) {
	testenv.Large(t)
	many, rate := 500, 10.0
	if os.Getenv("BT_SCALE") != "" {
		many, rate = 10_000, defaultRate
	}
	bubble(t, func(t *testing.T, net *fakeNet) { testSchedule(t, net, 10, defaultRate, 2*time.Hour) })
	bubble(t, func(t *testing.T, net *fakeNet) { testSchedule(t, net, many, rate, 150*time.Minute) })
}

func testSchedule(t *testing.T, net *fakeNet, hashes int, rate float64, duration time.Duration) {
	runMany(t, net, 100)
	n := run(t, Options{Conns: []fakePacketConn{net.listen("10.1.0.1:6881")}, Port: 1, Rate: rate, Bootstrap: []string{address(0, false)}})
	seen := tapAnnounces(net, "10.1.0.1:6881")
	begin := time.Now()
	swarm := newSwarm(true, 0)
	for i := range hashes {
		n.Add(hashNumber(i), swarm)
	}
	first := n.Status()
	peak, last := int64(0), first.PacketsSent
	for time.Since(begin) < duration {
		time.Sleep(time.Minute)
		sent := n.Status().PacketsSent
		peak = max(peak, sent-last)
		last = sent
	}
	s := n.Status()
	shortest, longest := seen.gaps()
	average := float64(s.PacketsSent-first.PacketsSent) / duration.Seconds()
	t.Logf("%d hashes in %s: gaps of %s to %s, %.1f packets sent a second, %.1f in the busiest minute, %.1f packets per announce",
		hashes, duration, shortest.Round(time.Second), longest.Round(time.Second), average, float64(peak)/60, float64(s.PacketsSent)/float64(s.Announces))
	if n := seen.hashes(); n != hashes {
		t.Errorf("%d of %d hashes were announced", n, hashes)
	}
	if shortest < 15*time.Minute || longest > time.Hour {
		t.Errorf("gaps of %s to %s", shortest, longest)
	}
	if average > 1.5*rate || float64(peak) > 1.5*rate*60 {
		t.Errorf("%.1f packets a second on average, %d in the busiest minute", average, peak)
	}
}

// A hash that waits costs little memory.
func TestMemory(t *testing.T) {
	const hashes = 10_000
	n := New(Options{})
	swarm := newSwarm(true, 0)
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	for i := range hashes {
		n.Add(hashNumber(i), swarm)
	}
	per := int64(heap()-before) / hashes
	runtime.KeepAlive(n)
	t.Logf("%d bytes per hash", per)
	if per > 400 {
		t.Errorf("%d bytes per hash", per)
	}
}

// If there are too many hashes for the limit, they are announced less often, and then
// by smaller lookups.
func TestInterval(t *testing.T) {
	for _, tt := range []struct {
		hashes, families int
		cost             float64
		mean             time.Duration
		budget           int
	}{
		{1, 1, 40, 28 * time.Minute, maxAsked},
		{5000, 1, 40, 28 * time.Minute, maxAsked},
		{10_000, 1, 40, 2500 * time.Second, 40},
		{10_000, 1, 60, 50 * time.Minute, 40},
		{10_000, 2, 48, 50 * time.Minute, 16},
		{100_000, 2, 48, 50 * time.Minute, 16},
	} {
		n := New(Options{})
		n.families = make([]*family, tt.families)
		n.schedule.count, n.schedule.cost = tt.hashes, tt.cost
		sum, shortest, longest := time.Duration(0), time.Duration(1<<62), time.Duration(0)
		for range 10_000 {
			d := n.interval()
			sum += d
			shortest, longest = min(shortest, d), max(longest, d)
		}
		if mean := sum / 10_000; (mean-tt.mean).Abs() > 10*time.Second || shortest < tt.mean-jitter || longest > tt.mean+jitter {
			t.Errorf("%d hashes: %s, from %s to %s", tt.hashes, mean, shortest, longest)
		}
		if got := n.budget(); got != tt.budget {
			t.Errorf("%d hashes, %d families: lookups of %d nodes", tt.hashes, tt.families, got)
		}
	}
}

// The first few are announced at once, the others are spread by what lookups cost, and one
// that is added to many does not wait for them.
func TestFresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(Options{Conns: []net.PacketConn{newFakeNet().listen("10.0.0.1:1")}})
		const many = 10_000
		for i := range many {
			n.Add(hashNumber(i), newSwarm(true, 0))
		}
		take := func() *entry { return n.takeFresh(time.Now()) }
		for i := range burst {
			if take() == nil {
				t.Errorf("entry %d waits", i)
			}
		}
		if take() != nil {
			t.Error("too many begin at once")
		}
		begin, taken := time.Now(), burst
		for ; time.Since(begin) < time.Minute; time.Sleep(10 * time.Millisecond) {
			if take() != nil {
				taken++
			}
		}
		if want := burst + int(60*load*defaultRate/typicalCost); taken < want-2 || taken > want+2 {
			t.Errorf("%d in a minute, want %d", taken, want)
		}
		n.schedule.cost = 16 // it is known now
		time.Sleep(time.Second)
		for take() != nil {
			taken++
		}
		n.Add(hashNumber(many), newSwarm(true, 0))
		time.Sleep(time.Second)
		if e := take(); e == nil || e.hash != hashNumber(many) {
			t.Error("a new one waits for others")
		}
		for begin = time.Now(); len(n.schedule.fresh) > 0; time.Sleep(10 * time.Millisecond) {
			if take() != nil {
				taken++
			}
		}
		if took := time.Since(begin); took < 15*time.Minute || took > 20*time.Minute || taken != many {
			t.Errorf("%d entries are spread over %s", taken, took)
		}
		time.Sleep(time.Hour)
		if n.Add(hashNumber(1), newSwarm(true, 0)); take() == nil {
			t.Error("a later entry waits")
		}
	})
}

// Hurry searches again soon, but less and less often, and announces as often as without.
func TestHurry(t *testing.T) {
	bubble(t, func(t *testing.T, net *fakeNet) {
		runMany(t, net, 20)
		n := run(t, Options{Conns: []fakePacketConn{net.listen("10.1.0.1:6881")}, Port: 1, Bootstrap: []string{address(0, false)}})
		seen := tapAnnounces(net, "10.1.0.1:6881")
		e := n.Add(hashNumber(0), newSwarm(false, 50))
		until(t, "it is announced", time.Minute, func() bool { return n.Status().Announces == 1 })
		var gaps []time.Duration
		begin, lookups := time.Now(), n.Status().Lookups
		for last := begin; time.Since(begin) < 4*time.Hour; time.Sleep(time.Second) {
			e.Hurry()
			if now := n.Status().Lookups; now != lookups {
				gaps = append(gaps, time.Since(last).Round(time.Minute))
				last, lookups = time.Now(), now
			}
		}
		shortest, longest := seen.gaps()
		t.Logf("searches after %v, announces after %s to %s", gaps, shortest, longest)
		if shortest < 15*time.Minute || longest > time.Hour {
			t.Errorf("announces after %s to %s", shortest, longest)
		}
		if len(gaps) < 14 || len(gaps) > 45 || gaps[0] != 2*time.Minute || gaps[1] != 4*time.Minute {
			t.Errorf("searches after %v", gaps)
		}
	})
}

// After Remove, a hash is not announced and Found is not called, also if a lookup was running.
func TestRemove(t *testing.T) {
	bubble(t, func(t *testing.T, net *fakeNet) {
		nodes := runMany(t, net, 20)
		nodes[3].Add(hashNumber(0), newSwarm(true, 0))
		time.Sleep(time.Minute)
		swarm := newSwarm(false, 50)
		e := nodes[5].Add(hashNumber(0), swarm)
		synctest.Wait() // the first queries are sent
		e.Remove()
		e.Remove()
		e.Hurry()
		time.Sleep(time.Hour)
		if found := swarm.found(); len(found) != 0 {
			t.Errorf("found %v", found)
		}
		if s := nodes[5].Status(); s.Hashes != 0 || s.Announces != 0 || nodes[5].schedule.active != 0 {
			t.Errorf("%+v, %d active", s, nodes[5].schedule.active)
		}
	})
}

// A lookup without answers is repeated soon, and then less often.
func TestRetry(t *testing.T) {
	bubble(t, func(t *testing.T, net *fakeNet) {
		nodes := runMany(t, net, 20)
		n := nodes[7]
		nodes[7].Add(hashNumber(0), newSwarm(true, 0))
		until(t, "it is announced", time.Minute, func() bool { return n.Status().Announces == 1 })
		net.setLoss(1)
		time.Sleep(time.Hour)
		offline := n.Status()
		if offline.Announces != 1 {
			t.Errorf("%d announces", offline.Announces)
		}
		net.setLoss(0)
		until(t, "it is announced again", maxBootstrapWait+10*time.Minute, func() bool { return n.Status().Announces == 2 })
		t.Logf("%d packets in an hour without answers", offline.PacketsSent)
	})
}

// A node that may not announce does not.
func TestSearchOnly(t *testing.T) {
	bubble(t, func(t *testing.T, net *fakeNet) {
		nodes := runMany(t, net, 20)
		nodes[3].Add(hashNumber(0), newSwarm(true, 0))
		time.Sleep(time.Minute)
		n := run(t, Options{Conns: []fakePacketConn{net.listen("10.1.0.1:6881")}, Bootstrap: []string{address(0, false)}})
		seen := tapAnnounces(net, "10.1.0.1:6881")
		swarm := newSwarm(false, 50)
		n.Add(hashNumber(0), swarm)
		until(t, "the peer is found", time.Minute, func() bool { return swarm.has("10.0.0.4:1003") })
		time.Sleep(2 * time.Hour)
		if seen.hashes() != 0 {
			t.Error("it was announced")
		}
	})
}

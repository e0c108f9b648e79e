package main

import (
	"bytes"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"bt/internal/testenv"
)

// The limits for ten thousand torrents in the DHT.
const (
	manyPackets = 300 // sent per second, on average
	manyEarly   = 15 * time.Minute
	manyLate    = time.Hour
)

// A manyTraffic is what a host has sent to the DHT.
type manyTraffic struct {
	mu        sync.Mutex
	packets   int
	bytes     int64
	second    int // packets since began
	began     time.Time
	most      int                          // packets in a second
	announced map[[20]byte]time.Time       // when the last announce of each hash began
	gaps      map[[20]byte][]time.Duration // between announces
}

// TestProcessDHTMany runs a seed with ten thousand torrents for 10 minutes, or for the time in
// BT_SCALE, such as 65m: the packets that it sends are bounded, and it announces each torrent
// every 15 to 60 minutes.
func TestProcessDHTMany(t *testing.T) {
	if os.Getenv("BT_SCALE") == "" {
		t.Skip("needs BT_SCALE, and 10 minutes, or the time in it")
	}
	duration, err := time.ParseDuration(os.Getenv("BT_SCALE"))
	if err != nil {
		duration = 10 * time.Minute
	}
	d := startDHT(t)
	h, dir := d.hosts[dhtHosts], t.TempDir()
	torrents, data := filepath.Join(dir, "torrents"), filepath.Join(dir, "data")
	for _, d := range []string{torrents, data} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	manyFiles(t, torrents, data)
	traffic := &manyTraffic{announced: make(map[[20]byte]time.Time), gaps: make(map[[20]byte][]time.Duration)}
	h.Capture(t, func(p testenv.Packet) { traffic.add(p, time.Now()) })
	s := startManySeed(t, h.Command(processPlain(t)), swarmEnv(t), torrents, "--data", data, "--dht-node", d.begin[0], "--no-lsd")
	s.eventually("all torrents are seeded", func() bool { return len(s.known) == manyTorrents })
	pid := s.cmd.Process.Pid
	_, cpu := processStat(t, pid)
	idle := processMemory(t, pid, "VmRSS")
	begin := time.Now()
	before := traffic.sum()
	for time.Since(begin) < duration {
		time.Sleep(min(time.Minute, duration-time.Since(begin)))
		_, now := processStat(t, pid)
		n := traffic.sum()
		t.Logf("after %v: %d packets, %.0f a second, %d torrents announced, %v of CPU, %d MiB", time.Since(begin).Round(time.Second),
			n.packets-before.packets, float64(n.packets-before.packets)/time.Since(begin).Seconds(), n.announced, now-cpu, processMemory(t, pid, "VmRSS")>>20)
	}
	after := traffic.sum()
	_, end := processStat(t, pid)
	seconds := time.Since(begin).Seconds()
	rate := float64(after.packets-before.packets) / seconds
	t.Logf("%.0f packets and %.1f KiB a second, at most %d in a second; %.1f %% of a CPU; %d MiB, at most %d, after the check %d",
		rate, float64(after.bytes-before.bytes)/seconds/1024, after.most, 100*(end-cpu).Seconds()/seconds,
		processMemory(t, pid, "VmRSS")>>20, processHighWater(t, pid)>>20, idle>>20)
	if rate > manyPackets {
		t.Errorf("%.0f packets a second, want at most %d", rate, manyPackets)
	}
	if pace := time.Duration(manyTorrents / float64(after.announced) * float64(time.Since(begin))); after.announced == 0 || pace > manyLate {
		t.Errorf("%d torrents were announced: all would take %v", after.announced, pace)
	}
	traffic.check(t, begin, time.Now())
	s.hasNoErrors()
	s.stops()
}

// add counts a packet.
func (m *manyTraffic) add(p testenv.Packet, now time.Time) {
	if !p.Sent || p.TCP {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.packets++
	m.bytes += int64(len(p.Data))
	if now.Sub(m.began) >= time.Second {
		m.began, m.second = now, 0
	}
	m.second++
	m.most = max(m.most, m.second)
	const key = "9:info_hash20:"
	at := bytes.Index(p.Data, []byte(key))
	if at < 0 || len(p.Data) < at+len(key)+20 || !bytes.Contains(p.Data, []byte("13:announce_peer")) {
		return
	}
	hash := [20]byte(p.Data[at+len(key):])
	last, ok := m.announced[hash]
	if ok && now.Sub(last) < time.Minute {
		return // the same announce, at another node
	}
	if ok {
		m.gaps[hash] = append(m.gaps[hash], now.Sub(last))
	}
	m.announced[hash] = now
}

// A manySum is a sum of a manyTraffic.
type manySum struct {
	packets, most, announced int
	bytes                    int64
}

func (m *manyTraffic) sum() manySum {
	m.mu.Lock()
	defer m.mu.Unlock()
	return manySum{m.packets, m.most, len(m.announced), m.bytes}
}

// check checks the times between announces. After less than an hour, torrents may not have
// been announced yet.
func (m *manyTraffic) check(t *testing.T, begin, end time.Time) {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	least, most, n := time.Duration(0), time.Duration(0), 0
	for hash, gaps := range m.gaps {
		for _, gap := range gaps {
			if gap < manyEarly || gap > manyLate {
				t.Errorf("%x was announced again after %v", hash, gap)
			}
			if least == 0 || gap < least {
				least = gap
			}
			most = max(most, gap)
			n++
		}
	}
	t.Logf("%d torrents were announced, %d times again, after %v to %v", len(m.announced), n, least, most)
	if end.Sub(begin) < manyLate {
		return
	}
	if len(m.announced) != manyTorrents {
		t.Errorf("%d torrents were announced after %v", len(m.announced), end.Sub(begin))
	}
	for hash, last := range m.announced {
		if end.Sub(last) > manyLate {
			t.Errorf("%x was last announced %v ago", hash, end.Sub(last))
		}
	}
}

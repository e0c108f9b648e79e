package main

import (
	"fmt"
	"os"
	"testing"
	"time"
)

// A soakValue is what a process uses.
type soakValue struct {
	memory      int64
	descriptors int
}

func (p *swarmProcess) soakValue() soakValue {
	p.t.Helper()
	pid := p.cmd.Process.Pid
	files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		p.t.Fatal(err)
	}
	return soakValue{processMemory(p.t, pid, "VmRSS"), len(files)}
}

// TestProcessSoak runs a seed with the DHT, local discovery and the exchange, and clients
// that find it by one of them and leave, for the time in BT_SOAK, such as 30m. Neither memory
// nor descriptors grow.
func TestProcessSoak(t *testing.T) {
	if os.Getenv("BT_SOAK") == "" {
		t.Skip("needs BT_SOAK, the time that it takes")
	}
	duration, err := time.ParseDuration(os.Getenv("BT_SOAK"))
	if err != nil {
		t.Fatalf("BT_SOAK: %v", err)
	}
	d := startDHT(t)
	s := d.swarm(1, "v1", 700_001, 5, 64<<10)
	seed := swarmSeed{swarmBt{s.run(s.a, processPlain(t), "seed", s.torrent, s.root, "--json", "--port", fmt.Sprint(swarmSeedPort), "--dht-node", d.begin[0])}}
	seed.await("seeding", 1)

	var first, last soakValue
	begin, reported := time.Now(), time.Now()
	for round := 1; time.Since(begin) < duration && !t.Failed(); round++ {
		t.Run(fmt.Sprint(round), func(t *testing.T) { d.soakRound(s.in(t)) })
		last = seed.soakValue()
		if first.memory == 0 && time.Since(begin) > duration/3 { // caches are filled
			first = last
		}
		if time.Since(reported) > time.Minute {
			reported = time.Now()
			t.Logf("%v: %d KiB, %d descriptors, %d rounds", time.Since(begin).Round(time.Second), last.memory>>10, last.descriptors, round)
		}
	}
	if last.memory > first.memory*5/4+4<<20 || last.descriptors > first.descriptors+8 {
		t.Errorf("it used %+v, and then %+v", first, last)
	}
	seed.hasNoErrors()
}

// soakRound runs a few clients, each of which downloads all and leaves.
func (d *processDHT) soakRound(s *processSwarm) {
	s.env = append(s.env, multicastVariable+"=yes")
	port := func() int { return int(d.port.Add(1)) } // a client that comes again is another one
	var dirs []string
	dir := func() string {
		dirs = append(dirs, s.t.TempDir())
		return dirs[len(dirs)-1]
	}
	bts := []swarmGet{
		s.getTo(dir(), s.magnet, "--port", fmt.Sprint(port()), "--dht-node", d.begin[0], "--no-lsd", "--no-pex"),
		s.getTo(dir(), s.torrent, "--port", fmt.Sprint(port()), "--no-dht"),
	}
	libtorrents := []*swarmProcess{
		s.finder(s.b, port(), s.magnet, dir(), "dht="+d.begin[0], "pex"),
		s.finder(s.b, port(), s.torrent, dir(), "lsd", "pex"),
	}
	for _, p := range bts {
		p.exits(exitOK)
	}
	for _, p := range libtorrents {
		p.until("libtorrent has all", func() bool { return p.counts().pieces == s.pieces })
		p.kill()
	}
	for _, dir := range dirs {
		s.arrived(dir)
	}
}

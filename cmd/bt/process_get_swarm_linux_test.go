package main

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"bt/internal/testenv"
)

// getAddrs gives the client's host so many more addresses, so that each peer of a swarm has
// its own.
func (s *processSwarm) getAddrs(n int) []string {
	s.t.Helper()
	s.ip(s.b, "route", "add", "local", "10.77.1.0/24", "dev", "lo")
	s.ip(s.a, "route", "add", "10.77.1.0/24", "via", s.b.Addr.String())
	var addrs []string
	for i := range n {
		addrs = append(addrs, netip.AddrFrom4([4]byte{10, 77, 1, byte(i + 1)}).String())
	}
	return addrs
}

// ip runs ip on a host.
func (s *processSwarm) ip(h *testenv.Host, args ...string) {
	s.t.Helper()
	line := h.Command("ip", args...)
	processStart(s.t, processCommand(s.t, line[0], line[1:]...))().exits(exitOK)
}

// partOf copies the data into dir/content, with only every nth piece from the ith on.
func (s *processSwarm) partOf(dir string, i, n, piece int) {
	s.t.Helper()
	root := filepath.Join(dir, "content")
	if err := os.CopyFS(root, os.DirFS(s.root)); err != nil {
		s.t.Fatal(err)
	}
	// There is one file.
	for p := range s.pieces {
		if p%n != i {
			begin := p * piece
			processOverwrite(s.t, filepath.Join(root, "a"), int64(begin), make([]byte, min(piece, int(s.size)-begin)))
		}
	}
}

// Ten bt and ten libtorrent clients, of which each has another part, get all from each
// other.
func TestProcessGetSwarm(t *testing.T) {
	t.Parallel()
	const n, piece = 20, 32 << 10
	for _, format := range []string{"v1", "hybrid"} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			s := swarmPlan{format: format, piece: piece}.of(t, 5_000_000)
			var bts []swarmGet
			var others []*swarmProcess
			var dirs []string
			for i, addr := range s.getAddrs(n) {
				have, dir := t.TempDir(), t.TempDir()
				if i%2 == 1 {
					s.partOf(dir, i, n, piece)
					others = append(others, s.peer(s.b, addr, swarmSeedPort, s.torrent, dir))
				} else {
					s.partOf(have, i, n, piece)
					bts = append(bts, s.getTo(dir, s.torrent, "--from", have, "--seed", "--bind", addr, "--port", fmt.Sprint(swarmSeedPort)))
				}
				dirs = append(dirs, dir)
			}
			for _, p := range bts {
				p.await("complete", 1)
			}
			for _, p := range others {
				p.until("libtorrent has all", func() bool { return p.counts().pieces == s.pieces })
			}
			for _, p := range bts {
				p.signal(syscall.SIGINT)
				p.exits(exitInterrupted)
				p.hasNoErrors()
			}
			for _, dir := range dirs {
				s.arrived(dir)
			}
		})
	}
}

// peerCounts is what a peer of peer.py prints.
type peerCounts struct {
	pieces         int
	sent, received int64
}

func (p *swarmProcess) counts() (c peerCounts) {
	p.t.Helper()
	if lines := p.output(); len(lines) > 0 {
		if _, err := fmt.Sscan(lines[len(lines)-1], &c.pieces, &c.sent, &c.received); err != nil {
			p.t.Fatal(err)
		}
	}
	return c
}

// Four peers share what a slow seed sends, bt with three libtorrent clients that give as
// they get. No peer gets much later than the others, and bt sends its share.
func TestProcessGetShares(t *testing.T) {
	t.Parallel()
	const rate, size = 512 << 10, 8 << 20
	s := swarmOf(t, size)
	addrs := s.getAddrs(4)
	var others []*swarmProcess
	for _, addr := range addrs[1:] {
		others = append(others, s.peer(s.b, addr, swarmSeedPort, s.torrent, t.TempDir(), fmt.Sprintf("rate=%d", rate)))
	}
	ours := s.get(s.torrent, "--seed", "--bind", addrs[0], "--port", fmt.Sprint(swarmSeedPort), "--max-upload-rate", fmt.Sprint(rate))
	s.eventually("the tracker knows all", func() bool { return s.leechers() == "4" })
	s.seed("--max-upload-rate", fmt.Sprint(rate))

	// When the first one of them has all, the others have most, because what each one has
	// it has sent to the others.
	all := func() []int64 {
		got := []int64{ours.done()}
		for _, p := range others {
			got = append(got, int64(p.counts().pieces)*size/int64(s.pieces))
		}
		return got
	}
	s.eventually("the first one has all", func() bool { return slices.Max(all()) == size })
	atFirst := all()
	ours.await("complete", 1)
	sent := []int64{}
	for _, p := range others {
		p.until("libtorrent has all", func() bool { return p.counts().pieces == s.pieces })
		sent = append(sent, p.counts().sent)
	}
	own := int64(0)
	for _, e := range ours.events("") {
		own = max(own, e.Uploaded)
	}
	t.Logf("when the first has all, bt and the others have %d; bt sent %d, the others %d", atFirst, own, sent)
	if least := slices.Min(atFirst); least < size*2/3 {
		t.Errorf("one has only %d of %d bytes when another has all", least, size)
	}
	slices.Sort(sent)
	if median := sent[1]; own < median/3 || own > median*3 {
		t.Errorf("bt sent %d bytes, the others %d", own, sent)
	}
}

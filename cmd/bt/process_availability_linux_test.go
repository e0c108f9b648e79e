package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"bt/internal/testenv"
)

// An availabilityDocument holds the fields of bt scrape --availability --json that the
// test uses.
type availabilityDocument struct {
	Torrents []struct {
		Swarms []struct {
			Kind         string
			Availability struct {
				Peers, Asked, Answered, Unreachable, Seeds, Pieces int
				PartialSeeds                                       int `json:"partial_seeds"`
				Copies                                             float64
				Rarest                                             struct{ Piece, Copies, Pieces int }
			}
		}
	}
}

// A swarm of bt, transmission, aria2 and libtorrent has as many distributed copies as
// libtorrent counts. All upload so slowly that no peer gets a piece meanwhile.
func TestProcessAvailability(t *testing.T) {
	t.Parallel()
	const piece, slow = 1 << 20, "rate=1000"
	for _, format := range []string{"v1", "hybrid"} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			s := swarmPlan{format: format, piece: piece}.of(t, 20*piece-1)
			addrs := s.getAddrs(6) // libtorrent has one peer at an address
			copied := func() string {
				dir := t.TempDir()
				if err := os.CopyFS(filepath.Join(dir, "content"), os.DirFS(s.root)); err != nil {
					t.Fatal(err)
				}
				return dir
			}
			seeds := 1
			s.run(s.b, "bt", "seed", s.torrent, s.root, "--json", "--bind", addrs[0], "--port", fmt.Sprint(swarmSeedPort), "--max-upload-rate", "1K")
			if format == "v1" { // these don't know v2, and hybrids have files that they lack
				_, ask := s.transmissionIn(s.b, copied(), 51413, 0)
				if _, err := ask("--uplimit", "1"); err != nil {
					t.Fatal(err)
				}
				s.run(s.b, testenv.Program(t, "aria2c"), "--no-conf", "--seed-ratio=0", "--check-integrity=true", "--enable-dht=false",
					"--enable-dht6=false", "--enable-peer-exchange=false", "--bt-enable-lpd=false", "--interface="+addrs[5],
					fmt.Sprintf("--listen-port=%d", swarmSeedPort), "--max-overall-upload-limit=1K", "--file-allocation=none", "-d", copied(), s.torrent)
				seeds += 2
			}
			s.seedsAre(fmt.Sprint(seeds))
			// Two have the pieces 0, 3, 6, ..., and one has 1, 4, 7, ...
			for i, part := range []int{0, 0, 1} {
				dir := t.TempDir()
				s.partOf(dir, part, 3, piece)
				p := s.peer(s.b, addrs[1+i], swarmSeedPort, s.torrent, dir, "upload", slow)
				p.until("libtorrent has its part", func() bool { return p.counts().pieces == 7 })
			}
			script, err := filepath.Abs("testdata/interop/copies.py")
			if err != nil {
				t.Fatal(err)
			}
			leech := s.run(s.b, testenv.Python(t, "libtorrent"), script, s.torrent, t.TempDir(), addrs[4])
			const want = 0.7 // 14 of 20 pieces have more copies than the seeds
			libtorrent := fmt.Sprintf("%d %d", seeds+3, 1000*seeds+700)
			leech.until("libtorrent counts "+libtorrent, func() bool { return slices.Contains(leech.output(), libtorrent) })

			for _, source := range []string{s.torrent, s.magnet} {
				s.eventually("bt finds all peers of "+source, func() bool {
					// The seed's host has no other peer: libtorrent accepts one connection from an address.
					line := s.a.Command("bt", "scrape", source, "--availability", "--json")
					cmd := processCommand(t, line[0], line[1:]...)
					var doc availabilityDocument
					processStart(t, cmd)().exits(exitOK).document(&doc)
					a := doc.Torrents[0].Swarms[0].Availability
					if a.Answered < seeds+4 {
						return false // a tracker does not always name all peers
					}
					rarest := struct{ Piece, Copies, Pieces int }{2, seeds, 6}
					if a.Peers != seeds+4 || a.Seeds != seeds || a.Pieces != s.pieces || a.Copies != float64(seeds)+want || a.Rarest != rarest || a.Unreachable != 0 {
						t.Errorf("%s: %+v", source, a)
					}
					return true
				})
			}
		})
	}
}

package client

import (
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"

	"bt/internal/tracker"
)

// BenchmarkScrape scrapes 10,000 torrents, of which half are registered, from a
// tracker without a network.
func BenchmarkScrape(b *testing.B) {
	hashes := make([][20]byte, 10_000)
	known := make(map[[20]byte]bool)
	for i := range hashes {
		hashes[i] = scrapeHash(i)
		known[hashes[i]] = i%2 == 0
	}
	u := &tracker.URL{Scheme: "http", Host: "x", Port: 80, Rest: "/announce"}
	for _, test := range []struct {
		name string
		cut  scrapeCut
	}{{"all", nil}, {"first known 10", scrapeFirstKnown(10)}} {
		b.Run(test.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				c := &Client{Retries: -1}
				c.http().RegisterProtocol("http", &scrapeTracker{known: known, cut: test.cut, rng: rand.New(rand.NewPCG(1, 1))})
				n := 0
				c.Scrape(b.Context(), u, hashes, func(int, Answer) { n++ })
				if n != len(hashes) {
					b.Fatalf("%d answers", n)
				}
			}
		})
	}
}

// udpBench serves a tracker on a socket of its own until the benchmark ends.
func udpBench(b *testing.B) *tracker.URL {
	return udpServe(b, "127.0.0.1", func(r *tracker.UDPRequest, p udpPeer) {
		p.answer(&tracker.UDPResponse{Action: r.Action, Transaction: r.Transaction, Counts: make([]tracker.Counts, len(r.Hashes))})
	})
}

// BenchmarkUDPScrape scrapes 10,000 torrents over loopback.
func BenchmarkUDPScrape(b *testing.B) {
	u := udpBench(b)
	hashes := udpHashes(10_000)
	b.ReportAllocs()
	for b.Loop() {
		var c Client
		udpScrape(b, &c, u, hashes)
		c.Close()
	}
}

// BenchmarkUDPAnnounce announces over loopback, many torrents at once.
func BenchmarkUDPAnnounce(b *testing.B) {
	for _, trackers := range []int{1, 16} {
		b.Run(fmt.Sprintf("%d trackers", trackers), func(b *testing.B) {
			urls := make([]*tracker.URL, trackers)
			for i := range urls {
				urls[i] = udpBench(b)
			}
			var c Client
			defer c.Close()
			var turn atomic.Int64
			b.SetParallelism(16)
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if _, err := udpAnnounce(&c, urls[int(turn.Add(1))%trackers]); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}

// BenchmarkUDPFirst makes the first announce of a client: a socket, a connection id and
// an announce.
func BenchmarkUDPFirst(b *testing.B) {
	u := udpBench(b)
	b.ReportAllocs()
	for b.Loop() {
		var c Client
		if _, err := udpAnnounce(&c, u); err != nil {
			b.Fatal(err)
		}
		c.Close()
	}
}

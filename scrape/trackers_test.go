package scrape_test

import (
	"context"
	"crypto/sha1"
	"encoding/binary"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"bt/internal/testenv"
	"bt/internal/tracker"
	"bt/internal/tracker/client"
	"bt/scrape"
)

func hashes(n int) [][20]byte {
	list := make([][20]byte, n)
	for i := range list {
		list[i] = sha1.Sum(binary.BigEndian.AppendUint32(nil, uint32(i)))
	}
	return list
}

// announce makes peers known to a tracker, each at a port of its own.
func announce(t testing.TB, c *client.Client, url string, hash [20]byte, seeders, leechers int) {
	t.Helper()
	u, err := tracker.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	for i := range seeders + leechers {
		r := tracker.AnnounceRequest{InfoHash: hash, Port: uint16(2000 + i), Event: tracker.EventStarted, Want: 50, Key: uint32(i)}
		copy(r.PeerID[:], fmt.Sprintf("-bQ0001-%012d", i))
		if i >= seeders {
			r.Left = 1
		}
		if _, err := c.Announce(t.Context(), u, r); err != nil {
			t.Fatalf("%s: %v", url, err)
		}
	}
}

// stay announces a seeder over WebSocket, and keeps the connection, and so the seeder,
// until the end of the test.
func stay(t *testing.T, url string, hash [20]byte) {
	t.Helper()
	conn, _, err := websocket.Dial(t.Context(), url, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.CloseNow() })
	r := tracker.WSRequest{Action: tracker.ActionAnnounce, Announce: tracker.AnnounceRequest{InfoHash: hash, Event: tracker.EventStarted}}
	copy(r.Announce.PeerID[:], "-bQ0001-abcdefghijkl")
	if err := conn.Write(t.Context(), websocket.MessageText, r.Append(nil)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := conn.Read(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func target(trackers []string, list ...[20]byte) scrape.Target {
	t := scrape.Target{Trackers: [][]string{trackers}}
	for _, h := range list {
		t.Hashes = append(t.Hashes, scrape.Hash{InfoHash: h, Kind: scrape.KindV1})
	}
	return t
}

// Peers that were announced over one protocol are counted by a scrape over each of them.
func TestNodeTracker(t *testing.T) {
	t.Parallel()
	urls := testenv.NodeTracker(t)
	all := []string{urls.HTTP, urls.UDP, urls.WS, urls.HTTP6, urls.UDP6, urls.WS6}
	list := hashes(120) // more than fit into one request
	var c client.Client
	defer c.Close()
	announce(t, &c, urls.HTTP, list[0], 2, 1)
	announce(t, &c, urls.UDP6, list[1], 1, 3)
	announce(t, &c, urls.UDP, list[2], 1, 0)
	announce(t, &c, urls.HTTP6, list[119], 0, 2)
	stay(t, urls.WS, list[3])
	want := map[[20]byte]scrape.Counts{
		list[3]: {Seeders: 1, Completed: 1},
		list[0]: {Seeders: 2, Leechers: 1, Completed: 2}, list[1]: {Seeders: 1, Leechers: 3, Completed: 1},
		list[2]: {Seeders: 1, Completed: 1}, list[119]: {Leechers: 2},
	}
	table := scrape.Run(t.Context(), []scrape.Target{target(all, list...)}, scrape.Options{Client: &c})
	for _, s := range table.Torrents[0].Swarms {
		for _, r := range s.Rows {
			// This one knows every torrent, and has completed for complete.
			if r.Status != scrape.StatusOK || r.Counts != want[s.InfoHash] {
				t.Errorf("%x at %s: %s %s %+v, want %+v", s.InfoHash, r.URL, r.Status, r.Err, r.Counts, want[s.InfoHash])
			}
		}
	}
	// With AnnounceFallback, the peer is announced and removed again.
	for _, url := range append(all, all...) {
		o := scrape.Options{Client: &c, Peers: true}
		table = scrape.Run(t.Context(), []scrape.Target{target([]string{url}, list[0])}, o)
		for _, r := range table.Torrents[0].Swarms[0].Rows {
			if r.Status != scrape.StatusOK || r.Counts != want[list[0]] {
				t.Errorf("peers %v: %s: %s %s %+v", o.Peers, r.URL, r.Status, r.Err, r.Counts)
			}
			// Over WebSocket peers have no addresses. Over IPv6 this tracker also
			// returns IPv4 peers, in a form that can't be told from IPv6 peers.
			if (r.URL == urls.HTTP || r.URL == urls.HTTP6 || r.URL == urls.UDP) && len(r.Peers) != 3 {
				t.Errorf("%s: peers %v", r.URL, r.Peers)
			}
		}
	}
}

func TestOpentracker(t *testing.T) {
	t.Parallel()
	list := hashes(1000)
	addr := testenv.Opentracker(t, list)
	http, udp := "http://"+addr.String()+"/announce", "udp://"+addr.String()+"/announce"
	var c client.Client
	defer c.Close()
	known := func(i int) bool { return i%3 == 0 }
	var wg sync.WaitGroup
	for k := range 8 {
		wg.Go(func() {
			for i := k; i < len(list); i += 8 {
				if known(i) {
					announce(t, &c, []string{udp, http}[i%2], list[i], i%4, 1)
				}
			}
		})
	}
	wg.Wait()
	// Over HTTP it answers for at most 64 torrents, without an error.
	for _, batch := range []int{0, 64, 65, 100} {
		t.Run(fmt.Sprint(batch), func(t *testing.T) {
			c := client.Client{Batch: batch}
			defer c.Close()
			table := scrape.Run(t.Context(), []scrape.Target{target([]string{http, udp}, list...)}, scrape.Options{Client: &c})
			for i, s := range table.Torrents[0].Swarms {
				want := scrape.Counts{Seeders: int64(i % 4), Leechers: 1}
				for _, r := range s.Rows {
					switch {
					case known(i):
						if r.Status != scrape.StatusOK || r.Counts != want {
							t.Errorf("%d at %s: %s %s %+v, want %+v", i, r.URL, r.Status, r.Err, r.Counts, want)
						}
					case r.URL == udp: // it sends zeros for unknown numbers
						if r.Status != scrape.StatusOK || r.Counts != (scrape.Counts{}) {
							t.Errorf("%d at %s: %s %s %+v, want zeros", i, r.URL, r.Status, r.Err, r.Counts)
						}
					case r.Status != scrape.StatusNotRegistered:
						t.Errorf("%d at %s: %s %s, want not-registered", i, r.URL, r.Status, r.Err)
					}
				}
			}
		})
	}
	// Options.Peers returns the peers, and the scraper is not left among them.
	for i := range 4 {
		table := scrape.Run(t.Context(), []scrape.Target{target([]string{http, udp}[i%2:i%2+1], list[3])}, scrape.Options{Client: &c, Peers: true})
		for _, r := range table.Torrents[0].Swarms[0].Rows {
			if want := (scrape.Counts{Seeders: 3, Leechers: 1}); r.Status != scrape.StatusOK || r.Counts != want || len(r.Peers) != 4 {
				t.Errorf("%s: %s %s %+v, want %+v; peers %v", r.URL, r.Status, r.Err, r.Counts, want, r.Peers)
			}
		}
	}
}

// BenchmarkOpentracker scrapes ten thousand registered torrents.
func BenchmarkOpentracker(b *testing.B) {
	list := hashes(10_000)
	addr := testenv.Opentracker(b, list)
	var c client.Client
	defer c.Close()
	var wg sync.WaitGroup
	for k := range 16 {
		wg.Go(func() {
			for i := k; i < len(list); i += 16 {
				announce(b, &c, "udp://"+addr.String(), list[i], 1, 0)
			}
		})
	}
	wg.Wait()
	for _, scheme := range []string{"udp", "http"} {
		b.Run(scheme, func(b *testing.B) {
			for b.Loop() {
				var c client.Client
				ctx, cancel := context.WithTimeout(b.Context(), time.Minute)
				table := scrape.Run(ctx, []scrape.Target{target([]string{scheme + "://" + addr.String() + "/announce"}, list...)}, scrape.Options{Client: &c})
				cancel()
				c.Close()
				if ok, all := table.Answered(); ok != all {
					b.Fatalf("%d of %d answered", ok, all)
				}
			}
		})
	}
}

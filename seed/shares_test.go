package seed

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"bt/internal/peer"
)

// leechers are peers that download torrents repeatedly.
type leechers struct {
	t    testing.TB
	stop chan struct{}
	work sync.WaitGroup
}

func newLeechers(t testing.TB) *leechers {
	c := &leechers{t: t, stop: make(chan struct{})}
	t.Cleanup(c.end)
	return c
}

func (c *leechers) end() {
	select {
	case <-c.stop:
	default:
		close(c.stop)
	}
	c.work.Wait()
}

// add adds peers of a torrent.
func (c *leechers) add(r *running, e *testTorrent, peers int) {
	for i := range peers {
		c.work.Go(func() {
			g, err := newDownloader(r.addr, fmt.Sprintf("127.0.20.%d", i+1), e, nil)
			if err != nil {
				c.t.Error(err)
				return
			}
			defer g.conn.Close()
			defer upon(c.stop, func() { g.conn.Close() })()
			_, err = g.next(peer.IDUnchoke)
			// Something is always asked for, as real peers do.
			waiting := 0
			for p := 0; err == nil; p = (p + 1) % e.PieceCount() {
				n := 0
				n, err = g.ask(p)
				for waiting += n; err == nil && waiting > 64; waiting-- {
					_, err = g.next(peer.IDPiece)
				}
			}
			select {
			case <-c.stop:
			default:
				c.t.Error(err)
			}
		})
	}
}

// upon calls f when stop is closed, unless the function returned is called before.
func upon(stop <-chan struct{}, f func()) (cancel func()) {
	done := make(chan struct{})
	go func() {
		select {
		case <-stop:
			f()
		case <-done:
		}
	}()
	return sync.OnceFunc(func() { close(done) })
}

// uploads returns the bytes uploaded of each torrent.
func uploads(list []*Torrent) []int64 {
	var n []int64
	for _, t := range list {
		n = append(n, t.Uploaded())
	}
	return n
}

// measured returns what was uploaded of each torrent in a second, over some.
func measured(list []*Torrent, d time.Duration) []float64 {
	before, began := uploads(list), time.Now()
	time.Sleep(d)
	after, took := uploads(list), time.Since(began).Seconds()
	rates := make([]float64, len(list))
	for i := range rates {
		rates[i] = float64(after[i]-before[i]) / took
	}
	return rates
}

// serveTorrents seeds torrents of some MB.
func serveTorrents(t *testing.T, o Options, n int) (*running, []*testTorrent, []*Torrent) {
	t.Helper()
	dir := t.TempDir()
	var inputs []Input
	var torrents []*testTorrent
	for i := range n {
		e := newTestTorrent(t, fmt.Sprintf("e%d", i), 100+i, 2<<20)
		if err := os.WriteFile(filepath.Join(dir, e.Name), e.data, 0o644); err != nil {
			t.Fatal(err)
		}
		torrents = append(torrents, e)
		inputs = append(inputs, Input{Torrent: e.Metainfo, Path: dir})
	}
	r := start(t, o, inputs...)
	var list []*Torrent
	for _, e := range torrents {
		list = append(list, r.find(e.InfoHashV1))
	}
	return r, torrents, list
}

// However many peers want one torrent, the others get their shares of the rate.
func TestShares(t *testing.T) {
	if testing.Short() {
		t.Skip("measures for seconds")
	}
	const limit = 10_000_000
	for _, test := range []struct {
		name  string
		o     Options
		peers []int
	}{
		{"equal", Options{MaxUploadRate: limit}, []int{3, 3, 3, 3, 3}},
		{"uneven", Options{MaxUploadRate: limit}, []int{30, 1, 1, 1, 1}},
	} {
		t.Run(test.name, func(t *testing.T) {
			r, torrents, list := serveTorrents(t, test.o, len(test.peers))
			began := time.Now()
			c := newLeechers(t)
			for i, e := range torrents {
				c.add(r, e, test.peers[i])
			}
			defer c.end()
			time.Sleep(time.Second / 2)
			// A machine that is busy with other things may not reach the rate. But since the
			// first peer came, no more is uploaded than the limit and one grant.
			for tries := 20; ; tries-- {
				rates := measured(list, 5*time.Second/2)
				total := 0.0
				for _, n := range rates {
					total += n
				}
				t.Logf("%.1f MB/s: %.0f", total/1e6, rates)
				uploaded := int64(0)
				for _, n := range uploads(list) {
					uploaded += n
				}
				if most := 1.02*limit*time.Since(began).Seconds() + limit/20; float64(uploaded) > most {
					t.Errorf("%d bytes, the limit allows %.0f", uploaded, most)
				}
				least := slices.Index(rates, slices.Min(rates))
				share := total / float64(len(rates))
				if rates[least] >= share/2 {
					break
				}
				if tries == 1 {
					t.Fatalf("torrent %d with %d peers got %.0f bytes a second, its share is %.0f", least, test.peers[least], rates[least], share)
				}
			}
		})
	}
}

// A torrent keeps its own limit with any number of peers.
func TestTorrentRate(t *testing.T) {
	if testing.Short() {
		t.Skip("measures for seconds")
	}
	const limit = 1_000_000
	r, torrents, list := serveTorrents(t, Options{MaxTorrentRate: limit, MaxUploadRate: 20 * limit}, 3)
	began := time.Now()
	c := newLeechers(t)
	for i, e := range torrents {
		c.add(r, e, []int{1, 3, 10}[i])
	}
	time.Sleep(time.Second)
	// On a busy machine a window may have bytes that belong to another one, and each torrent
	// may reach its limit in a window of its own. But since the first peer came, a torrent
	// never uploads more than its limit and one grant.
	best := make([]float64, len(list))
	for range 20 {
		rates := measured(list, 2*time.Second)
		t.Logf("%.0f", rates)
		uploaded := uploads(list)
		most := limit*time.Since(began).Seconds() + peer.MaxBlock
		exact := true
		for i, n := range rates {
			if float64(uploaded[i]) > most {
				t.Errorf("torrent %d: %d bytes, the limit allows %.0f", i, uploaded[i], most)
			}
			if n <= 1.05*limit {
				best[i] = max(best[i], n)
			}
			exact = exact && best[i] >= 0.95*limit
		}
		if exact {
			return
		}
	}
	t.Errorf("%.0f bytes a second at best, the limit is %d", best, limit)
}

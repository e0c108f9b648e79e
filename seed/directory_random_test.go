//go:build linux

package seed

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"bt/internal/peer"
	"bt/internal/tracker"
)

// A randomDirectory is a testDirectory that is changed at random, with its expected
// contents.
type randomDirectory struct {
	*testDirectory
	rng       *rand.Rand
	torrents  []*testTorrent
	files     map[string]string // torrent files by path below the directory: the name of the torrent; empty: broken
	dirs      []string          // below the directory
	whole     map[string]bool   // names of the torrents whose data exists
	log       []string          // what was done
	revisions map[string]int    // by name
}

// step makes one random change.
func (c *randomDirectory) step() {
	c.t.Helper()
	e := c.torrents[c.rng.IntN(len(c.torrents))]
	data, away := filepath.Join(c.data, e.Name), filepath.Join(c.data, "."+e.Name)
	dir := c.dirs[c.rng.IntN(len(c.dirs))]
	path := filepath.Join(dir, fmt.Sprintf("%d.torrent", c.rng.IntN(6)))
	var paths []string
	for p := range c.files {
		paths = append(paths, p)
	}
	slices.Sort(paths) // the same steps for the same seed
	some := ""
	if len(paths) > 0 {
		some = paths[c.rng.IntN(len(paths))]
	}
	note := func(format string, args ...any) { c.log = append(c.log, fmt.Sprintf(format, args...)) }
	switch k := c.rng.IntN(16); {
	case k < 4 || some == "":
		note("%s is written to %s", e.Name, path)
		c.put(path, e)
		c.files[path] = e.Name
	case k < 6:
		note("%s is removed", some)
		c.must(os.Remove(filepath.Join(c.dir, some)))
		delete(c.files, some)
	case k < 7:
		note("%s becomes %s", some, path)
		c.must(os.MkdirAll(filepath.Join(c.dir, dir), 0o755))
		c.must(os.Rename(filepath.Join(c.dir, some), filepath.Join(c.dir, path)))
		name := c.files[some]
		delete(c.files, some)
		c.files[path] = name
	case k < 8:
		note("%s is broken off", some)
		c.must(os.Truncate(filepath.Join(c.dir, some), 50))
		c.files[some] = ""
	case k < 9:
		note("%s gets a query into its tracker's URL, in %s", e.Name, path)
		c.revisions[e.Name]++
		c.put(path, e.withTracker(c.t, fmt.Sprintf("%s?again=%d", c.tracker.url, c.revisions[e.Name])))
		c.files[path] = e.Name
	case k < 11:
		if c.whole[e.Name] {
			note("the data of %s moves away", e.Name)
			c.must(os.Rename(data, away))
		} else {
			note("the data of %s is back", e.Name)
			if err := os.Rename(away, data); err != nil {
				whole(c.t, data, e.data) // it was damaged
			}
		}
		c.whole[e.Name] = !c.whole[e.Name]
	case k < 12:
		note("the data of %s is replaced by other data", e.Name)
		whole(c.t, data, make([]byte, len(e.data)))
		_ = os.Remove(away)
		c.whole[e.Name] = false
	case k < 13:
		note("the data of %s is cut off", e.Name)
		whole(c.t, data, e.data[:10])
		_ = os.Remove(away)
		c.whole[e.Name] = false
	case k < 14:
		note("the data of %s is written anew", e.Name)
		whole(c.t, data, e.data)
		c.whole[e.Name] = true
	default:
		if dir == "" || dir == "deep" {
			break
		}
		to := dir + "x"
		note("the directory %s becomes %s", dir, to)
		if err := os.Rename(filepath.Join(c.dir, dir), filepath.Join(c.dir, to)); errors.Is(err, os.ErrNotExist) {
			break
		} else {
			c.must(err)
		}
		c.dirs[slices.Index(c.dirs, dir)] = to
		for _, p := range paths {
			if strings.HasPrefix(p, dir+"/") {
				c.files[to+strings.TrimPrefix(p, dir)] = c.files[p]
				delete(c.files, p)
			}
		}
	}
}

// wanted returns the names of the torrents that should be served.
func (c *randomDirectory) wanted() map[string]bool {
	names := make(map[string]bool)
	for _, name := range c.files {
		if name != "" && c.whole[name] {
			names[name] = true
		}
	}
	return names
}

// served returns the names of the torrents that are served.
func (c *randomDirectory) served() map[string]bool {
	names := make(map[string]bool)
	for _, s := range c.Status().Torrents {
		if s.State.serves() {
			names[s.Name] = true
		}
	}
	return names
}

// changes returns the log of changes.
func (c *randomDirectory) changes() string { return strings.Join(c.log, "\n") }

// Random changes of the directory are followed while peers download, and nothing
// leaks.
func TestDirectoryRandom(t *testing.T) {
	const steps, torrents, peers = 120, 10, 4
	seed := randomSeed(t)
	data := t.TempDir()
	c := &randomDirectory{rng: rand.New(rand.NewPCG(seed, 1)), dirs: []string{"", "a", "b", "b/c"}, files: make(map[string]string), whole: make(map[string]bool), revisions: make(map[string]int)}
	var before [3]int
	c.testDirectory = openTestDirectory(t, Directory{Data: data, Recursive: true}, Options{recheckEvery: 100 * time.Millisecond}, func(l *testDirectory) {
		for i := range torrents {
			e := l.newTorrent(fmt.Sprintf("e%d", i), 200+i, 40_000*(i+1))
			c.torrents = append(c.torrents, e)
			whole(t, filepath.Join(data, e.Name), e.data)
			c.whole[e.Name] = true
		}
		before = leftovers(t, data)
	})
	stopPeers := c.startPeers(seed, peers)
	defer stopPeers()
	for range steps {
		c.step()
		// Sometimes at once, sometimes when the directory has settled.
		time.Sleep(time.Duration(c.rng.IntN(c.rng.IntN(2*100)+1)) * time.Millisecond)
	}
	want := c.wanted()
	c.awaitServed(want)
	if stopPeers() == 0 {
		t.Error("nothing was downloaded")
	}
	for _, e := range c.torrents {
		if want[e.Name] {
			// A change that is not noticed yet may interrupt a download.
			becomes(t, e.Name+" is served", func() bool {
				err := download(c.addr, "127.0.0.1", e)
				if _, ok := errors.AsType[errWrong](err); ok {
					t.Fatalf("%s: %v", e.Name, err)
				}
				return err == nil
			})
			c.expectEvent(c.tracker, e, tracker.EventStarted)
		} else {
			c.lacks(e)
			if _, n := c.tracker.lastEvent(e); n > 0 {
				c.expectEvent(c.tracker, e, tracker.EventStopped)
			}
		}
	}
	c.close()
	c.checkEvents(want)
	for _, e := range c.torrents {
		if last, n := c.tracker.lastEvent(e); n > 0 && last != tracker.EventStopped {
			t.Errorf("%s: the last event sent to the tracker is %v", e.Name, last)
		}
	}
	c.checkIndex()
	awaitLeftovers(t, data, before)
	if t.Failed() {
		t.Logf("what was done:\n%s", c.changes())
	}
}

// startPeers starts peers that download random torrents. The function that it returns
// stops them, and returns the number of bytes that they received.
func (c *randomDirectory) startPeers(seed uint64, n int) (stop func() int64) {
	var stopped atomic.Bool
	var received atomic.Int64
	var peers sync.WaitGroup
	for i := range n {
		peers.Go(func() {
			rng := rand.New(rand.NewPCG(seed, uint64(100+i)))
			for !stopped.Load() {
				e := c.torrents[rng.IntN(len(c.torrents))]
				g, err := newDownloader(c.addr, fmt.Sprintf("127.0.22.%d", i+1), e, &received)
				if err != nil {
					time.Sleep(5 * time.Millisecond) // it is not served now
					continue
				}
				_, err = g.next(peer.IDUnchoke)
				for err == nil && !stopped.Load() && rng.IntN(20) > 0 {
					err = g.take(rng.IntN(e.PieceCount()))
				}
				if _, ok := errors.AsType[errWrong](err); ok {
					c.t.Errorf("%s: %v", e.Name, err)
				}
				g.conn.Close()
			}
		})
	}
	return func() int64 {
		stopped.Store(true)
		peers.Wait()
		return received.Load()
	}
}

// awaitServed waits until the torrents of these names are served.
func (c *randomDirectory) awaitServed(want map[string]bool) {
	c.t.Helper()
	for end := time.Now().Add(rescanEvery * 3 / 4); ; time.Sleep(20 * time.Millisecond) {
		got := c.served()
		if maps.Equal(got, want) {
			return
		}
		if time.Now().After(end) {
			c.testDirectory.mu.Lock()
			defer c.testDirectory.mu.Unlock()
			c.t.Fatalf("%v are served, want %v; what was done:\n%s\n%s", got, want, c.changes(), story(c.events))
		}
	}
}

// checkIndex scans the last changes and checks that the index of the Directory has no
// entries of removed files.
func (c *randomDirectory) checkIndex() {
	c.t.Helper()
	c.d.watcher = nil
	c.d.scan(c.t.Context())
	if len(c.d.found) > len(c.files) {
		c.t.Errorf("%d files are in the index, of %d", len(c.d.found), len(c.files))
	}
	n := 0
	for _, list := range c.d.content {
		n += len(list)
	}
	if all := len(c.all()); n != all {
		c.t.Errorf("%d torrents have content of %d", n, all)
	}
}

// awaitLeftovers waits until no more goroutines and descriptors are left than before,
// and no maps.
func awaitLeftovers(t *testing.T, path string, before [3]int) {
	t.Helper()
	for end := time.Now().Add(80 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		after := leftovers(t, path)
		if after[0] <= before[0] && after[1] <= before[1] && after[2] == 0 {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("goroutines, descriptors and maps were %d and are %d", before, after)
		}
	}
}

// checkEvents checks that the events of each torrent are consistent.
func (c *randomDirectory) checkEvents(want map[string]bool) {
	c.t.Helper()
	served := make(map[string]bool)
	for t, state := range followed(c.t, c.events) {
		if state.serves() {
			served[t.name] = true
		}
	}
	if fmt.Sprint(served) != fmt.Sprint(want) {
		c.t.Errorf("by the events %v are served, want %v", served, want)
	}
}

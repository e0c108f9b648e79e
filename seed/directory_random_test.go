//go:build linux

package seed

import (
	"errors"
	"fmt"
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

// A chaos is a library that things happen to at random, and what should be in it.
type chaos struct {
	*library
	rng      *rand.Rand
	editions []*edition
	files    map[string]string // torrents below the directory: whose they are by name; empty: broken
	dirs     []string          // below the directory
	whole    map[string]bool   // names of those whose data is there
	log      []string          // what was done
	reissues map[string]int    // by name
}

// step does one thing.
func (c *chaos) step() {
	c.t.Helper()
	e := c.editions[c.rng.IntN(len(c.editions))]
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
		c.reissues[e.Name]++
		c.put(path, e.reissue(c.t, fmt.Sprintf("%s?again=%d", c.tracker.url, c.reissues[e.Name])))
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

// wanted are the names of the torrents that should be served.
func (c *chaos) wanted() map[string]bool {
	names := make(map[string]bool)
	for _, name := range c.files {
		if name != "" && c.whole[name] {
			names[name] = true
		}
	}
	return names
}

// served are those that are.
func (c *chaos) served() map[string]bool {
	names := make(map[string]bool)
	for _, s := range c.Status().Torrents {
		if s.State.serves() {
			names[s.Name] = true
		}
	}
	return names
}

// tell shows what was done.
func (c *chaos) tell() string { return strings.Join(c.log, "\n") }

// Random changes of the directory are followed while peers download, and nothing
// leaks.
func TestDirectoryRandom(t *testing.T) {
	const steps, editions, peers = 120, 10, 4
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("BT_SEED"); text != "" {
		if _, err := fmt.Sscan(text, &seed); err != nil {
			t.Fatalf("BT_SEED: %v", err)
		}
	}
	t.Logf("BT_SEED=%d does the same again", seed)
	data := t.TempDir()
	c := &chaos{rng: rand.New(rand.NewPCG(seed, 1)), dirs: []string{"", "a", "b", "b/c"}, files: make(map[string]string), whole: make(map[string]bool), reissues: make(map[string]int)}
	var before [3]int
	c.library = openLibrary(t, Directory{Data: data, Recursive: true}, Options{recheckEvery: 100 * time.Millisecond}, func(l *library) {
		for i := range editions {
			e := l.edition(fmt.Sprintf("e%d", i), 200+i, 40_000*(i+1))
			c.editions = append(c.editions, e)
			whole(t, filepath.Join(data, e.Name), e.data)
			c.whole[e.Name] = true
		}
		before = leftovers(t, data)
	})
	var stop atomic.Bool
	var sum atomic.Int64
	var load sync.WaitGroup
	for w := range peers {
		load.Go(func() {
			rng := rand.New(rand.NewPCG(seed, uint64(100+w)))
			for !stop.Load() {
				e := c.editions[rng.IntN(editions)]
				g, err := visit(c.addr, fmt.Sprintf("127.0.22.%d", w+1), e, &sum)
				if err != nil {
					time.Sleep(5 * time.Millisecond) // it is not here now
					continue
				}
				_, err = g.next(peer.IDUnchoke)
				for err == nil && !stop.Load() && rng.IntN(20) > 0 {
					err = g.take(rng.IntN(e.PieceCount()))
				}
				if _, ok := errors.AsType[errWrong](err); ok {
					t.Errorf("%s: %v", e.Name, err)
				}
				g.conn.Close()
			}
		})
	}
	defer load.Wait()
	defer stop.Store(true)
	for range steps {
		c.step()
		// Sometimes at once, sometimes when it has settled.
		time.Sleep(time.Duration(c.rng.IntN(c.rng.IntN(2*100)+1)) * time.Millisecond)
	}
	want := c.wanted()
	for end := time.Now().Add(rescanEvery * 3 / 4); ; time.Sleep(20 * time.Millisecond) {
		got := c.served()
		if fmt.Sprint(got) == fmt.Sprint(want) {
			break
		}
		if time.Now().After(end) {
			c.library.mu.Lock()
			t.Fatalf("%v are served, want %v; what was done:\n%s\n%s", got, want, c.tell(), story(c.events))
		}
	}
	stop.Store(true)
	load.Wait()
	for _, e := range c.editions {
		if want[e.Name] {
			c.serves(e)
			c.isTold(c.tracker, e, tracker.EventStarted)
		} else {
			c.lacks(e)
			if _, n := c.tracker.told(e); n > 0 {
				c.isTold(c.tracker, e, tracker.EventStopped)
			}
		}
	}
	if sum.Load() == 0 {
		t.Error("nobody downloaded anything")
	}
	c.close()
	c.checkEvents(want)
	for _, e := range c.editions {
		if last, n := c.tracker.told(e); n > 0 && last != tracker.EventStopped {
			t.Errorf("%s: at the end the tracker was told %v", e.Name, last)
		}
	}
	c.d.watcher = nil
	c.d.scan(t.Context()) // what was done last
	if len(c.d.found) > len(c.files) {
		t.Errorf("%d files are known of %d", len(c.d.found), len(c.files))
	}
	n := 0
	for _, list := range c.d.content {
		n += len(list)
	}
	if all := len(c.all()); n != all {
		t.Errorf("%d torrents have content of %d", n, all)
	}
	after := leftovers(t, data)
	for end := time.Now().Add(10 * time.Second); after[0] > before[0] || after[1] > before[1] || after[2] > 0; after = leftovers(t, data) {
		if time.Now().After(end) {
			t.Fatalf("goroutines, descriptors and maps were %d and are %d", before, after)
		}
		time.Sleep(20 * time.Millisecond)
	}
	if t.Failed() {
		t.Logf("what was done:\n%s", c.tell())
	}
}

// checkEvents demands of each torrent that its events make sense.
func (c *chaos) checkEvents(want map[string]bool) {
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

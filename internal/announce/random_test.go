package announce

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"bt/internal/tracker"
	"bt/internal/tracker/client"
)

var seedFlag = flag.Uint64("announce.seed", 0, "replay the random history of this `number`; 0 means several")

// A fakeTracker keeps what a tracker knows of swarms, each as one address family sees
// it, and how it answers now.
type fakeTracker struct {
	mode  string
	peers map[[20]byte]*fakePeer
}

type fakePeer struct {
	present  bool
	uploaded int64
	seen     time.Time
}

// isThere reports whether a tracker believes that a peer is there: it forgets one that
// has missed an announce.
func (p *fakePeer) isThere() bool {
	return p != nil && p.present && time.Since(p.seen) < 90*time.Minute
}

// Random histories: swarms are served, stopped, removed and added again, and trackers
// fail and recover. In each, a session starts with a started event and 0 bytes
// uploaded, uploaded never decreases, no tracker is asked too often, and at the end
// no tracker that responds still lists us.
func TestRandomHistories(t *testing.T) {
	first, last := uint64(1), uint64(100)
	if *seedFlag != 0 {
		first, last = *seedFlag, *seedFlag
	}
	for number := first; number <= last; number++ {
		synctest.Test(t, func(t *testing.T) {
			if err := randomHistory(rand.New(rand.NewPCG(number, 0))); err != "" {
				t.Fatalf("-announce.seed=%d: %s", number, err)
			}
		})
		if t.Failed() {
			return
		}
	}
}

func randomHistory(rng *rand.Rand) (failure string) {
	var mu sync.Mutex
	fail := func(format string, args ...any) {
		if failure == "" {
			failure = fmt.Sprintf(format, args...)
		}
	}
	n := new(fakeNet)
	trackers := make(map[string]*fakeTracker)
	trackerOf := func(family, url string) *fakeTracker {
		key := family + " " + url
		if trackers[key] == nil {
			trackers[key] = &fakeTracker{mode: "ok", peers: make(map[[20]byte]*fakePeer)}
		}
		return trackers[key]
	}
	n.set(func(ctx context.Context, c call) (*tracker.AnnounceResponse, error) {
		mu.Lock()
		tr := trackerOf(c.family, c.url)
		mode := tr.mode
		mu.Unlock()
		switch mode {
		case "refused", "no-route":
			return nil, failed(client.Status(mode))
		case "hangs":
			return hang(ctx)
		case "no":
			return nil, &client.Error{Status: client.StatusFailed, Msg: "no", Sent: true}
		}
		mu.Lock()
		defer mu.Unlock()
		p := tr.peers[c.InfoHash]
		if p == nil {
			p = new(fakePeer)
			tr.peers[c.InfoHash] = p
		}
		if c.Uploaded < 0 || p.present && c.Uploaded < p.uploaded && c.Event == tracker.EventNone {
			fail("%s over IPv%s: %d bytes after %d", c.url, c.family, c.Uploaded, p.uploaded)
		}
		other := trackerOf(map[string]string{"4": "6", "6": "4"}[c.family], c.url).peers[c.InfoHash]
		if c.Event == tracker.EventStarted && c.Uploaded > 0 && (other == nil || !other.present) {
			fail("%s over IPv%s: started with %d bytes", c.url, c.family, c.Uploaded)
		}
		if c.Event == tracker.EventCompleted && !p.present {
			fail("%s over IPv%s: a completed event without a registration", c.url, c.family)
		}
		p.present, p.uploaded, p.seen = c.Event != tracker.EventStopped, c.Uploaded, time.Now()
		return hour, nil
	})
	a, stop := n.run()
	const swarms = 5
	tiers := [][]string{{one, two}, {three}}
	entries := make([]*Entry, swarms)
	all := make([]*fakeSwarm, swarms)
	add := func(i int) {
		all[i] = new(fakeSwarm)
		entries[i] = a.Add(hashNumber(i), tiers, all[i])
	}
	for i := range swarms {
		add(i)
	}
	modes := []string{"ok", "ok", "ok", "refused", "no-route", "hangs", "no"}
	set := func(pick func() string) {
		mu.Lock()
		defer mu.Unlock()
		for _, family := range []string{"4", "6"} {
			for _, url := range []string{one, two, three} {
				trackerOf(family, url).mode = pick()
			}
		}
	}
	well := true
	var completed []<-chan struct{}
	for range 100 {
		i := rng.IntN(swarms)
		switch rng.IntN(7) {
		case 0, 1:
			entries[i].Serve(rng.IntN(3) > 0)
		case 2:
			if !well { // a removed entry sends a tracker one stopped event
				continue
			}
			entries[i].Remove()
			add(i)
			entries[i].Serve(true)
		case 3:
			all[i].uploaded.Add(int64(rng.IntN(100_000)))
		case 4:
			well = rng.IntN(2) == 0
			set(func() string {
				if well {
					return "ok"
				}
				return modes[rng.IntN(len(modes))]
			})
		case 5:
			completed = append(completed, entries[i].Complete())
		case 6:
			time.Sleep(time.Duration(rng.IntN(3)) * time.Duration(rng.IntN(40)) * time.Minute)
		}
		if rng.IntN(3) > 0 {
			time.Sleep(time.Duration(rng.IntN(20_000)) * time.Millisecond)
		}
	}
	// All is well again for long enough.
	set(func() string { return "ok" })
	for _, e := range entries {
		e.Serve(true)
	}
	time.Sleep(2 * time.Hour)
	mu.Lock()
	for i := range swarms {
		for _, family := range []string{"4", "6"} {
			known := 0
			for _, url := range tiers[0] {
				if trackerOf(family, url).peers[hashNumber(i)].isThere() {
					known++
				}
			}
			if known != 1 || !trackerOf(family, three).peers[hashNumber(i)].isThere() {
				fail("swarm %d over IPv%s: %d trackers of the first tier know it", i, family, known)
			}
		}
		if status := entries[i].Status(); status[0].Failed || status[1].Failed {
			fail("swarm %d: %+v", i, status)
		}
	}
	mu.Unlock()
	if d := stop(); d > time.Second {
		fail("the end took %v", d)
	}
	for _, done := range completed {
		if !isClosed(done) {
			fail("a completion has no end")
		}
	}
	for key, tr := range trackers {
		for hash, p := range tr.peers {
			if p.isThere() {
				fail("%s believes that swarm %x is there", key, hash[:2])
			}
		}
	}
	perHour := make(map[string]int)
	for _, c := range n.all() {
		perHour[fmt.Sprint(c.family, c.url, c.InfoHash, c.after/time.Hour)]++
	}
	for key, count := range perHour {
		if count > 200 {
			fail("%s was asked %d times in an hour", strings.ToValidUTF8(key, ""), count)
		}
	}
	return failure
}

package seed

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"bt/internal/store"
	"bt/maketorrent"
)

// followed checks that the events of each torrent follow one another as the states
// do, and returns the final states.
func followed(t testing.TB, events []datedEvent) map[*Torrent]State {
	t.Helper()
	// Events that may follow the last one; "" is the start.
	next := map[State][]State{
		"":            {StateChecking, StateSeeding, StateWaiting, StateRemoved},
		StateChecking: {StateChecking, StateSeeding, StateWaiting, StateRemoved},
		StateSeeding:  {StateWaiting, StateRemoved},
		StateWaiting:  {StateChecking, StateSeeding, StateWaiting, StateRemoved},
	}
	states := make(map[*Torrent]State)
	for i, d := range events {
		tt, _ := about(d.event)
		if tt == nil {
			continue
		}
		was := states[tt]
		var is State
		switch e := d.event.(type) {
		case EventPeer:
			if was == StateRemoved || e.Joined && was != StateSeeding {
				t.Errorf("after %q: %s", was, storyOf(d))
			}
			continue
		case EventChecking:
			is = StateChecking
		case EventSeeding:
			is = StateSeeding
		case EventFailed:
			is = StateWaiting
		case EventStopped:
			is = StateRemoved
		default:
			if was == StateRemoved {
				t.Errorf("after stopped: %s", storyOf(d))
			}
			continue
		}
		if states[tt] = is; !slices.Contains(next[was], is) {
			t.Errorf("after %q: %s%s", was, storyOf(d), story(slices.DeleteFunc(slices.Clone(events[:i]), func(d datedEvent) bool { other, _ := about(d.event); return other != tt })))
		}
	}
	return states
}

// A torrent changes its state only as the table of transitions allows, and only in
// the epoch that was passed.
func TestTransitions(t *testing.T) {
	states := []State{StateQueued, StateChecking, StateSeeding, StateWaiting, StateDone, StateRemoved}
	meta, root := makeContent(t, maketorrent.FormatV1, 1000)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	const now = epoch(7)
	current, old := now, now-1
	for _, from := range states {
		for _, to := range states {
			for when, seen := range map[string]*epoch{"in its epoch": &current, "too late": &old, "in any epoch": nil} {
				s := New(Options{Listener: l})
				tt, err := s.Add(Input{Torrent: meta, Path: root})
				if err != nil {
					t.Fatal(err)
				}
				tt.state, tt.epoch = from, now
				current = now
				legal := slices.Contains(transitions[from], to) && seen != &old
				if err := checkTransition(tt, seen, to, legal); err != nil {
					t.Errorf("%s to %s %s: %v", from, to, when, err)
				}
			}
		}
	}
}

// checkTransition sets a state, and returns an error if the result is not that of a
// legal or an illegal transition.
func checkTransition(tt *Torrent, seen *epoch, to State, legal bool) error {
	from, was := tt.now()
	called := false
	if got := tt.setState(seen, to, EventFailed{Torrent: tt}, func() { called = true }); got != legal || called != legal {
		return fmt.Errorf("%v, called %v", got, called)
	}
	want, next := from, was
	if legal {
		want, next = to, was+1
	}
	if state, now := tt.now(); state != want || now != next || legal && seen != nil && *seen != next {
		return fmt.Errorf("it is %s in epoch %d", state, now)
	}
	if emitted := tt.seeder.events.Len() > 0; emitted != (legal && !from.isOver()) {
		return fmt.Errorf("event emitted: %v", emitted)
	}
	return nil
}

// A peer that connects while its torrent is stopping emits no event.
func TestEmitJoined(t *testing.T) {
	meta, root := makeContent(t, maketorrent.FormatV1, 1000)
	r := start(t, Options{recheckEvery: time.Hour}, Input{Torrent: meta, Path: root})
	tt := r.all()[0]
	m, err := tt.enter(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !tt.emitJoined(m, EventPeer{Torrent: tt, Joined: true}) {
		t.Error("a peer of what is served has not joined")
	}
	_, seen := tt.now()
	tt.fail(store.ErrChanged, m, &seen)
	if tt.emitJoined(m, EventPeer{Torrent: tt, Joined: true}) {
		t.Error("a peer of what is not served has joined")
	}
	tt.leave(m)
	r.stop()
	followed(t, r.events)
}

// A lifeTest changes torrents and their data at random, and checks their states.
type lifeTest struct {
	t   *testing.T
	rng *rand.Rand
	*running
	torrents []*lifeTorrent
	log      []string
	writes   int64
}

// A lifeTorrent is a torrent that is added and removed at random.
type lifeTorrent struct {
	name    string
	meta    *Metainfo
	root    string
	path    string   // its data, below the root
	data    []byte   // as it should be
	whole   bool     // it is
	torrent *Torrent // nil: it was removed
}

func (h *lifeTest) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

// begin starts a Seeder that waits a little at each change of a state.
func (h *lifeTest) begin() {
	var n atomic.Uint64
	first := h.rng.Uint64()
	h.running = start(h.t, Options{recheckEvery: 3 * time.Millisecond, delay: func() {
		rng := rand.New(rand.NewPCG(first, n.Add(1)))
		if rng.IntN(2) == 0 {
			time.Sleep(time.Duration(rng.IntN(500)) * time.Microsecond)
		}
	}})
}

func (h *lifeTest) add(b *lifeTorrent) {
	var err error
	b.torrent, err = h.Add(Input{Torrent: b.meta, Path: b.root})
	h.must(err)
}

// step makes one random change.
func (h *lifeTest) step() {
	h.t.Helper()
	b := h.torrents[h.rng.IntN(len(h.torrents))]
	note := func(what string) { h.log = append(h.log, b.name+" "+what) }
	away := b.path + ".away"
	switch k := h.rng.IntN(12); {
	case k < 3 && b.torrent == nil:
		note("is added")
		h.add(b)
	case k < 2:
		note("is removed")
		h.Remove(b.torrent)
		b.torrent = nil
	case k < 3:
		note("is replaced")
		h.Remove(b.torrent)
		h.add(b)
	case k < 5 && b.whole:
		note("loses its data")
		h.must(os.Rename(b.path, away))
		b.whole = false
	case k < 8 && !b.whole:
		note("has its data again")
		if os.Rename(away, b.path) != nil || !same(b) { // it was changed
			h.write(b.path+".new", b.data)
			h.must(os.Rename(b.path+".new", b.path))
		}
		b.whole = true
	case k < 9:
		note("gets other data")
		h.write(b.path, make([]byte, len(b.data)))
		b.whole = false
	case k < 10:
		note("is cut off")
		h.write(b.path, b.data[:len(b.data)/2])
		b.whole = false
	default:
		if b.torrent != nil {
			note("is suspected")
			b.torrent.suspect()
		}
	}
}

// write writes a file with a time of its own: two changes within a tick of the
// clock look like one.
func (h *lifeTest) write(path string, b []byte) {
	h.t.Helper()
	h.must(os.WriteFile(path, b, 0o644))
	h.writes++
	at := time.Now().Add(-time.Hour + time.Duration(h.writes)*time.Second/100)
	h.must(os.Chtimes(path, at, at))
}

func same(b *lifeTorrent) bool {
	got, err := os.ReadFile(b.path)
	return err == nil && string(got) == string(b.data)
}

// settle waits until each torrent is in the state that fits its data, and the events
// say so.
func (h *lifeTest) settle() {
	h.t.Helper()
	want := make(map[*Torrent]State)
	for _, b := range h.torrents {
		if b.torrent != nil {
			want[b.torrent] = StateWaiting
			if b.whole {
				want[b.torrent] = StateSeeding
			}
		}
	}
	for end := time.Now().Add(80 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		for _, tt := range h.all() {
			tt.suspect()
		}
		wrong := ""
		h.mu.Lock()
		reported := followed(h.t, h.events)
		for tt, want := range want {
			if is, _ := tt.now(); is != want || reported[tt] != want {
				wrong += fmt.Sprintf("\n%s is %s, and the events report %q, want %s", tt.name, is, reported[tt], want)
			}
		}
		h.mu.Unlock()
		if wrong == "" || h.t.Failed() {
			return
		}
		if time.Now().After(end) {
			h.t.Fatalf("%s\nwhat was done:\n%s", wrong, strings.Join(h.log[max(0, len(h.log)-100):], "\n"))
		}
	}
}

// finish stops the Seeder while it works, and checks that the last event of each
// torrent fits its state.
func (h *lifeTest) finish() {
	h.t.Helper()
	h.stop()
	reported := followed(h.t, h.events)
	for tt, state := range reported {
		if is, _ := tt.now(); (state == StateRemoved) != is.isOver() {
			h.t.Errorf("%s is %s, and the events report %s", tt.name, is, state)
		}
	}
	if _, ok := h.events[len(h.events)-1].event.(EventStopped); !ok {
		h.t.Errorf("the last event is %+v", h.events[len(h.events)-1])
	}
	for _, b := range h.torrents {
		b.torrent = nil
	}
}

// randomSeed returns the seed of a random test, which BT_SEED sets.
func randomSeed(t *testing.T) uint64 {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("BT_SEED"); text != "" {
		if _, err := fmt.Sscan(text, &seed); err != nil {
			t.Fatalf("BT_SEED: %v", err)
		}
	}
	t.Logf("BT_SEED=%d repeats this test", seed)
	return seed
}

// Whatever happens to data and torrents, the events of a torrent report its states,
// in order.
func TestLifeRandom(t *testing.T) {
	const steps, torrents = 10_000, 8
	seed := randomSeed(t)
	h := &lifeTest{t: t, rng: rand.New(rand.NewPCG(seed, 1))}
	for i := range torrents {
		meta, root := makeContent(t, maketorrent.FormatV1, 20_000+int64(i))
		path := filepath.Join(root, "a")
		data, err := os.ReadFile(path)
		h.must(err)
		h.torrents = append(h.torrents, &lifeTorrent{name: fmt.Sprint("lifeTorrent ", i), meta: meta, root: root, path: path, data: data, whole: true})
	}
	h.begin()
	for i := range steps {
		h.step()
		if h.rng.IntN(4) == 0 {
			time.Sleep(time.Duration(h.rng.IntN(1000)) * time.Microsecond)
		}
		switch {
		case i%1000 == 999:
			h.finish()
			h.begin()
		case i%200 == 199:
			h.settle()
		}
		if t.Failed() {
			t.Fatalf("what was done:\n%s", strings.Join(h.log[max(0, len(h.log)-100):], "\n"))
		}
	}
	h.settle()
	h.finish()
}

package layerfetch

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"bt/internal/inflight"
	"bt/internal/peer"
)

// A member is a peer of the model.
type member struct {
	delay   time.Duration // from a request, or from the previous answer, to the answer
	behave  func(m *member, w *world, r *peer.HashRequest)
	found   bool      // to be a liar
	busy    time.Time // when its latest answer arrives
	pending []pendingAnswer
}

type pendingAnswer struct {
	r  peer.HashRequest
	at time.Time
}

// A world is a Fetch with peers, most of which do harm, on a clock of its own.
type world struct {
	*publication
	test     testing.TB
	f        *Fetch[*member]
	rng      *rand.Rand
	members  []*member
	now      time.Time
	requests int
	joins    int
	right    map[peer.HashRequest][]byte // the answers to all requests that are to be made
}

func newWorld(t testing.TB, rng *rand.Rand, p *publication) *world {
	f, err := New[*member](p.t)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{publication: p, test: t, f: f, rng: rng, now: start, right: make(map[peer.HashRequest][]byte)}
	for span := range f.spans {
		r := f.request(span)
		w.right[r] = p.trees[r.PiecesRoot].answer(&r)
	}
	return w
}

func (w *world) join(m *member) {
	w.f.Join(m)
	w.joins++
}

// give sends an answer.
func (w *world) give(m *member, r *peer.HashRequest, hashes []byte) {
	w.test.Helper()
	right := bytes.Equal(hashes, w.right[*r])
	if err := w.f.Hashes(m, r, hashes, w.now); errors.Is(err, ErrWrong) {
		if right {
			w.test.Fatal("a right answer is called wrong")
		}
		m.found = true
	}
}

// check checks what holds at any time.
func (w *world) check() {
	w.test.Helper()
	for _, s := range w.f.order {
		hashes := 0
		for span := range s.All() {
			hashes += w.f.spanLength(span)
		}
		if s.InFlight() > maxRequests || hashes >= maxHashes+spanPieces || len(s.reject) > maxRejects+maxRequests || s.liar {
			w.test.Fatalf("%d requests and %d hashes from one peer, %d rejects, liar %v", s.InFlight(), hashes, len(s.reject), s.liar)
		}
	}
	if missing := w.f.spans - w.f.has.Count(); missing != w.f.missing {
		w.test.Fatalf("%d spans are missing, %d counted", missing, w.f.missing)
	}
}

// run moves the clock until all layers are there, and fails if that takes too long.
func (w *world) run(most time.Duration) {
	w.test.Helper()
	const step = 250 * time.Millisecond
	for end := w.now.Add(most); !w.f.Done(); w.now = w.now.Add(step) {
		if w.now.After(end) {
			w.test.Fatalf("%d spans are missing after %v and %d requests", w.f.missing, most, w.requests)
		}
		for _, r := range w.f.Requests(w.now) {
			m := r.Peer
			if m.found {
				w.test.Fatal("a liar is asked")
			}
			if m.busy.Before(w.now) {
				m.busy = w.now
			}
			m.busy = m.busy.Add(m.delay)
			m.pending = append(m.pending, pendingAnswer{r.HashRequest, m.busy})
			w.requests++
		}
		w.check()
		for _, m := range w.members {
			for len(m.pending) > 0 && !m.pending[0].at.After(w.now) {
				p := m.pending[0]
				m.pending = m.pending[1:]
				m.behave(m, w, &p.r)
				w.check()
			}
		}
	}
	w.compare(w.test, w.f.Layers())
}

func giveRight(m *member, w *world, r *peer.HashRequest) {
	w.give(m, r, w.right[*r])
}

func giveWrong(m *member, w *world, r *peer.HashRequest) {
	hashes := bytes.Clone(w.right[*r])
	hashes[w.rng.IntN(len(hashes))]++
	w.give(m, r, hashes)
}

func reject(m *member, w *world, r *peer.HashRequest) { _ = w.f.Reject(m, r, w.now) }

// The ways in which peers do harm, or are of little use.
var harms = []func(m *member, w *world, r *peer.HashRequest){
	func(*member, *world, *peer.HashRequest) {}, // is silent
	reject,
	giveWrong,
	func(m *member, w *world, r *peer.HashRequest) { // one of the three
		harms := []func(*member, *world, *peer.HashRequest){giveRight, giveWrong, reject}
		harms[w.rng.IntN(3)](m, w, r)
	},
	func(m *member, w *world, r *peer.HashRequest) { // has the layers of a part of the files
		if r.PiecesRoot[0] < 128 {
			giveRight(m, w, r)
			return
		}
		reject(m, w, r)
	},
	func(m *member, w *world, r *peer.HashRequest) { // answers what nobody asked, and twice
		o := *r
		o.Index += o.Length
		w.give(m, &o, make([]byte, 32))
		reject(m, w, &o)
		giveRight(m, w, r)
		giveRight(m, w, r)
		reject(m, w, r)
	},
	func(m *member, w *world, r *peer.HashRequest) { // leaves and comes back
		w.f.Leave(m)
		m.pending, m.found = nil, false
		w.join(m)
	},
}

// One honest peer is enough, whatever the others do. There are 30 swarms, or 2000 where
// BT_SOAK is set.
func TestLiars(t *testing.T) {
	swarms := uint64(30)
	if os.Getenv("BT_SOAK") != "" {
		swarms = 2000
	}
	var longest time.Duration
	most := 0.0
	for seed := range swarms {
		rng := rand.New(rand.NewPCG(seed, 22))
		pieces := make([]int, 1+rng.IntN(30))
		for i := range pieces {
			pieces[i] = 2 + rng.IntN([]int{10, 600, 3000}[rng.IntN(3)])
		}
		w := newWorld(t, rng, publish(t, 16<<10, pieces...))
		n := rng.IntN(30)
		place := rng.IntN(n + 1)
		for i := range n + 1 {
			m := &member{behave: harms[rng.IntN(len(harms))], delay: []time.Duration{0, time.Second, 9900 * time.Millisecond}[rng.IntN(3)]}
			if i == place {
				m = &member{behave: giveRight, delay: time.Duration(rng.IntN(1000)) * time.Millisecond}
			}
			w.members = append(w.members, m)
			w.join(m)
		}
		w.run(time.Hour)
		took := w.now.Sub(start)
		longest = max(longest, took)

		// Each span is requested twice at most, but for what peers fail to send. A peer
		// that fails to send has its requests in flight once, and then few.
		limit := 2*w.f.spans + w.joins*(maxRequests+maxRejects) + (n+1)*(int(took/inflight.Timeout)+maxRejects*int(took/rejectTime))
		most = max(most, float64(w.requests)/float64(limit))
		if w.requests > limit {
			t.Errorf("seed %d: %d requests for %d spans to %d peers in %v, limit %d", seed, w.requests, w.f.spans, n+1, took, limit)
		}
	}
	t.Logf("%v at most; %.2f of the limit of requests", longest, most)
}

// FuzzFetch does what the input says, with peers that may lie, and then lets an honest
// peer join.
func FuzzFetch(f *testing.F) {
	p := publish(f, 16<<10, 2, 5, 700, 1025)
	f.Add([]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19})
	f.Add([]byte{0, 0, 7, 0, 2, 0, 2, 1, 3, 2, 0, 1, 6, 255, 7, 0, 4, 1, 5, 3, 1, 0})
	f.Fuzz(func(t *testing.T, ops []byte) {
		w := newWorld(t, rand.New(rand.NewPCG(1, 2)), p)
		var peers []*member
		for range 8 {
			peers = append(peers, &member{behave: func(*member, *world, *peer.HashRequest) {}})
		}
		var all []peer.HashRequest
		for span := range w.f.spans {
			all = append(all, w.f.request(span))
		}
		for len(ops) >= 2 && !w.f.Done() {
			op, arg := ops[0], int(ops[1])
			ops = ops[2:]
			m := peers[arg%len(peers)]
			r := all[arg/len(peers)%len(all)]
			switch op % 8 {
			case 0:
				w.f.Join(m)
			case 1:
				w.f.Leave(m)
				m.found = false
			case 2:
				giveRight(m, w, &r)
			case 3:
				giveWrong(m, w, &r)
			case 4:
				r.Index, r.Length, r.ProofLayers = r.Index+uint32(op)*16, r.Length<<(op>>6), uint32(op>>4)
				w.give(m, &r, make([]byte, 32*arg))
			case 5:
				reject(m, w, &r)
			case 6:
				w.now = w.now.Add(time.Duration(arg) * time.Second)
			case 7:
				w.requests += len(w.f.Requests(w.now))
			}
			w.check()
		}
		if w.f.Done() {
			w.compare(t, w.f.Layers())
			return
		}
		honest := &member{behave: giveRight, delay: time.Second}
		w.members = append(peers, honest)
		w.join(honest)
		w.run(2 * time.Minute)
	})
}

package infofetch

import (
	"bytes"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"bt/internal/inflight"
)

// A member is a peer of the model. A lie is something that proves it a liar, or would if
// it were compared.
type member struct {
	size    int           // that it names
	delay   time.Duration // from a request, or from the previous answer, to the answer
	honest  bool
	lied    bool
	behave  func(m *member, rng *rand.Rand, w *world, piece int)
	busy    time.Time // when its latest answer arrives
	pending []pendingAnswer
}

type pendingAnswer struct {
	piece int
	at    time.Time
}

// A world is a Fetch with peers, most of which lie, on a clock of its own.
type world struct {
	t        *testing.T
	f        *Fetch[*member]
	info     []byte
	maxSize  int
	members  []*member
	now      time.Time
	requests int
	joins    int
}

func (w *world) add(m *member) {
	w.members = append(w.members, m)
	w.join(m)
}

func (w *world) join(m *member) {
	w.f.Join(m, m.size)
	w.joins++
}

// check checks what holds at any time.
func (w *world) check() {
	w.t.Helper()
	held := 0
	for _, a := range w.f.attempts {
		n := 0
		for _, g := range a.got {
			n += len(g.data)
		}
		if n != a.held {
			w.t.Fatalf("an attempt holds %d bytes, and counts %d", n, a.held)
		}
		held += n
	}
	if held > w.maxSize+len(w.f.attempts)*thinWindow*pieceLength {
		w.t.Fatalf("the attempts hold %d bytes", held)
	}
	for _, got := range w.f.mixed {
		for _, g := range got {
			if g.data != nil {
				w.t.Fatal("a failed attempt holds data")
			}
		}
	}
	for _, s := range w.f.order {
		if s.InFlight() > maxRequests || s.attempt == nil {
			w.t.Fatalf("%d requests to one peer", s.InFlight())
		}
		if !slices.Contains(w.f.attempts, s.attempt) {
			w.t.Fatal("an attempt is lost")
		}
	}
}

// found checks the peers that are found to be liars.
func (w *world) found(liars []*member) {
	w.t.Helper()
	for _, m := range liars {
		if m.honest || !m.lied {
			w.t.Fatalf("a peer that has not lied is found to be a liar: %+v", m)
		}
	}
}

// give sends a piece from a peer.
func (w *world) give(m *member, piece, total int, data []byte) {
	w.t.Helper()
	if !m.lied { // judged by what the peer should have sent
		right := m.size == len(w.info) && piece*pieceLength < len(w.info) && bytes.Equal(data, pieceOf(w.info, piece))
		m.lied = !right || total != 0 && total != m.size
	}
	liars, _ := w.f.Data(m, piece, total, data, w.now)
	w.found(liars)
}

// run moves the clock until the info dict is there, and fails if it takes too long.
func (w *world) run(rng *rand.Rand, most time.Duration) {
	w.t.Helper()
	const step = 250 * time.Millisecond
	for end := w.now.Add(most); w.f.Info() == nil; w.now = w.now.Add(step) {
		if w.now.After(end) {
			w.t.Fatalf("nothing after %v and %d requests", most, w.requests)
		}
		for _, r := range w.f.Requests(w.now) {
			m := r.Peer
			if m.busy.Before(w.now) {
				m.busy = w.now
			}
			m.busy = m.busy.Add(m.delay)
			m.pending = append(m.pending, pendingAnswer{r.Piece, m.busy})
			w.requests++
		}
		w.check()
		for _, m := range w.members {
			for len(m.pending) > 0 && !m.pending[0].at.After(w.now) && w.f.Info() == nil {
				p := m.pending[0]
				m.pending = m.pending[1:]
				m.behave(m, rng, w, p.piece)
				w.check()
			}
		}
	}
	if !bytes.Equal(w.f.Info(), w.info) {
		w.t.Fatal("another info dict")
	}
}

func giveRight(m *member, _ *rand.Rand, w *world, piece int) {
	w.give(m, piece, len(w.info), pieceOf(w.info, piece))
}

// length returns the length of a piece by the size that the peer names.
func (m *member) length(piece int) int {
	return min(m.size-piece*pieceLength, pieceLength)
}

// garbage returns a piece that fits the size that the peer names, and is always the same.
func (m *member) garbage(piece int) []byte { return make([]byte, m.length(piece)) }

// The ways in which peers do harm. Those that name the right size send some right pieces
// too.
var harms = []func(m *member, rng *rand.Rand, w *world, piece int){
	func(*member, *rand.Rand, *world, int) {}, // is silent
	func(m *member, _ *rand.Rand, w *world, piece int) { _ = w.f.Reject(m, piece, w.now) },
	func(m *member, _ *rand.Rand, w *world, piece int) { w.give(m, piece, m.size, m.garbage(piece)) },
	func(m *member, rng *rand.Rand, w *world, piece int) { // one wrong piece in a few
		if rng.IntN(4) == 0 || m.size != len(w.info) {
			w.give(m, piece, 0, m.garbage(piece))
			return
		}
		giveRight(m, rng, w, piece)
	},
	func(m *member, rng *rand.Rand, w *world, piece int) { // stops in the middle
		if piece < m.size/pieceLength/2 {
			w.give(m, piece, 0, m.garbage(piece))
		}
	},
	func(m *member, _ *rand.Rand, w *world, piece int) { w.give(m, piece, m.size+1, m.garbage(piece)) },
	func(m *member, _ *rand.Rand, w *world, piece int) { w.give(m, piece, 0, m.garbage(piece)[1:]) },
	func(m *member, rng *rand.Rand, w *world, piece int) { // and what nobody asked for, twice
		for range 2 {
			w.give(m, piece, 0, m.garbage(piece))
			w.give(m, rng.IntN(100), 0, m.garbage(0))
		}
	},
	func(m *member, rng *rand.Rand, w *world, piece int) { // leaves and comes back
		w.f.Leave(m)
		m.pending = nil
		w.join(m)
	},
	func(m *member, rng *rand.Rand, w *world, piece int) { // comes back with another size
		w.f.Leave(m)
		m.pending = nil
		m.size = 1 + rng.IntN(w.maxSize)
		w.join(m)
	},
}

// One honest peer is enough, whatever the others do. There are 60 swarms, or 2000 where
// BT_SOAK is set.
func TestLiars(t *testing.T) {
	swarms := uint64(60)
	if os.Getenv("BT_SOAK") != "" {
		swarms = 2000
	}
	var longest time.Duration
	most := 0.0
	for seed := range swarms {
		rng := rand.New(rand.NewPCG(seed, 21))
		w := &world{t: t, maxSize: (20 + rng.IntN(40)) * pieceLength, now: start}
		w.info = randomInfo(1 + rng.IntN(w.maxSize))
		w.f = New[*member](Options{V1: v1Of(w.info), MaxSize: w.maxSize})
		n := rng.IntN(40)
		honest := &member{size: len(w.info), delay: time.Duration(rng.IntN(3000)) * time.Millisecond, honest: true, behave: giveRight}
		place := rng.IntN(n + 1)
		for i := range n + 1 {
			if i == place {
				w.add(honest)
				continue
			}
			m := &member{size: len(w.info), behave: harms[rng.IntN(len(harms))]}
			if rng.IntN(2) == 0 {
				m.size = 1 + rng.IntN(w.maxSize)
			}
			m.delay = []time.Duration{0, time.Second, 9900 * time.Millisecond}[rng.IntN(3)]
			w.add(m)
		}
		w.run(rng, time.Hour)
		took := w.now.Sub(start)
		longest = max(longest, took)

		// An attempt requests each piece twice at most, and there is one attempt a peer,
		// and one more for each size and for the end. What peers fail to send is requested
		// again, but seldom from those that failed.
		pieces := (w.maxSize-1)/pieceLength + 1
		limit := 2*pieces*(w.joins+1) + w.joins*maxRequests + (n+1)*int(took/inflight.Timeout)
		most = max(most, float64(w.requests)/float64(limit))
		if w.requests > limit {
			t.Errorf("seed %d: %d requests to %d peers in %v, limit %d", seed, w.requests, n+1, took, limit)
		}
	}
	t.Logf("%v at most; %.2f of the limit of requests", longest, most)
}

// Liars that send much and slowly do not hold up an honest peer, which is slow too.
func TestSlowLiars(t *testing.T) {
	info := randomInfo(20 * pieceLength)
	w := &world{t: t, maxSize: 20 * pieceLength, now: start, info: info}
	w.f = New[*member](Options{V1: v1Of(info), MaxSize: w.maxSize})
	for i := range 40 { // they never send the last piece, and let no request lapse
		drips := func(m *member, _ *rand.Rand, w *world, piece int) {
			if piece < 18 {
				w.give(m, piece, 0, m.garbage(piece))
			}
		}
		w.add(&member{size: len(info) - 1 - i, delay: 8 * time.Second, behave: drips})
	}
	honest := &member{size: len(info), delay: 7 * time.Second, honest: true, behave: giveRight}
	w.add(honest)
	w.run(rand.New(rand.NewPCG(1, 2)), 40/maxYoung*youth+2*25*honest.delay)
	t.Logf("%v, %d requests", w.now.Sub(start), w.requests)
}

// FuzzFetch does what the input says, with peers that may lie, and then lets an honest
// peer join.
func FuzzFetch(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19})
	f.Add(bytes.Repeat([]byte{0x00, 0x11, 0x07, 0x27, 0x31}, 40))
	f.Fuzz(func(t *testing.T, ops []byte) {
		const maxSize = 4 * pieceLength
		info := randomInfo(2*pieceLength + 100)
		w := &world{t: t, maxSize: maxSize, now: start, info: info}
		w.f = New[*member](Options{V2: v2Of(info), MaxSize: maxSize})
		sizes := []int{len(info), len(info), len(info) + 1, 1, pieceLength, maxSize}
		var peers []*member
		for i := range 12 {
			peers = append(peers, &member{size: sizes[i%len(sizes)], behave: func(*member, *rand.Rand, *world, int) {}})
		}
		for len(ops) >= 2 && w.f.Info() == nil {
			op, arg := ops[0], int(ops[1])
			ops = ops[2:]
			m, piece := peers[arg%len(peers)], arg/len(peers)%5
			switch op % 8 {
			case 0:
				w.f.Join(m, m.size)
			case 1:
				w.f.Leave(m)
			case 2:
				if piece < 3 {
					giveRight(m, nil, w, piece)
				}
			case 3:
				w.give(m, piece, m.size, make([]byte, max(0, m.length(piece))))
			case 4:
				w.give(m, piece, arg*1000, make([]byte, arg*100))
			case 5:
				_ = w.f.Reject(m, piece, w.now)
			case 6:
				w.now = w.now.Add(time.Duration(arg) * time.Second)
			case 7:
				w.requests += len(w.f.Requests(w.now))
			}
			w.check()
		}
		if w.f.Info() == nil {
			w.members = peers
			w.add(&member{size: len(info), delay: time.Second, honest: true, behave: giveRight})
			w.run(nil, 10*time.Minute)
		}
	})
}

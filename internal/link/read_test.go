package link

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"bt/internal/peer"
	"bt/internal/pool"
)

// A reader is a handler that records messages, and changes its mind about what it expects.
type reader struct {
	player
	rng     *rand.Rand
	ignores int // messages longer than this are ignored; 0: none
	got     []string
	handled int // length of got when Handled was called
	kept    []peer.Message
	as      []string // what kept was when it was handled
	blocks  []*pool.Block
}

func (r *reader) Handled() error {
	r.handled = len(r.got)
	return nil
}

// describe returns what a reader records of a message.
func describe(m peer.Message) string {
	sum := uint32(len(m.Payload))
	for _, b := range m.Payload {
		sum = sum*31 + uint32(b)
	}
	return fmt.Sprint(m.ID, m.Index, m.Begin, m.Length, m.Extension, sum)
}

func (r *reader) Owes() int {
	if r.rng.IntN(20) == 0 {
		r.expects = !r.expects
	}
	return r.player.Owes()
}

func (r *reader) Begun(id peer.ID, b []byte, n int) (ignore bool, err error) {
	if len(b) >= n {
		r.t.Errorf("a message of %d bytes has begun with %d", n, len(b))
	}
	return id != peer.IDKeepAlive && r.ignored(n), nil // else n is not known yet
}

func (r *reader) ignored(n int) bool { return r.ignores > 0 && n > r.ignores }

func (r *reader) Handle(m peer.Message) error {
	if n := len(m.Append(nil)); !r.ignored(n) { // or it has arrived at once
		r.got = append(r.got, describe(m))
	}
	if r.rng.IntN(2) == 0 {
		if b := r.Keep(); b != nil {
			r.kept, r.as, r.blocks = append(r.kept, m), append(r.as, describe(m)), append(r.blocks, b)
		}
	}
	switch r.rng.IntN(30) {
	case 0:
		r.Pause(time.Now().Add(time.Hour))
	case 1:
		r.QueueBytes(func(b []byte) []byte { return append(b, make([]byte, maxOut)...) })
	}
	return nil
}

// randomMessage returns a message of any kind and length, for a torrent of 10,000 pieces.
func randomMessage(rng *rand.Rand) peer.Message {
	payload := func(least, most int) []byte {
		b := make([]byte, least+rng.IntN(most-least+1))
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		return b
	}
	switch rng.IntN(15) {
	case 0:
		return peer.Message{ID: peer.IDKeepAlive}
	case 1:
		return peer.Message{ID: peer.IDHave, Index: rng.Uint32()}
	case 2:
		return peer.Message{ID: peer.IDRequest, Index: rng.Uint32(), Begin: rng.Uint32(), Length: rng.Uint32()}
	case 3:
		return peer.Message{ID: peer.IDBitfield, Payload: payload(1250, 1250)}
	case 4:
		return peer.Message{ID: peer.IDExtended, Extension: 7, Payload: payload(0, peer.MaxExtended-2)}
	case 5:
		return peer.Message{ID: peer.IDHashes, Payload: payload(81, 40_000)}
	case 6:
		return peer.Message{ID: peer.IDPiece, Index: rng.Uint32(), Begin: rng.Uint32(), Payload: payload(0, peer.BlockLength)}
	default:
		return peer.Message{ID: peer.IDPiece, Index: rng.Uint32(), Begin: rng.Uint32(), Payload: payload(peer.BlockLength, peer.BlockLength)}
	}
}

// However a stream is cut into reads, and whatever is expected meanwhile, ignored or made
// to wait, each message is handled once and in order, and no more is kept than is needed.
func TestTake(t *testing.T) {
	kept := 0
	for seed := range uint64(50) {
		rng := rand.New(rand.NewPCG(seed, 1))
		l := new(Link)
		l.pieces = 10_000
		r := &reader{player: player{Link: l, t: t}, rng: rng, ignores: []int{0, 20_000, 100}[rng.IntN(3)]}
		var stream []byte
		var want []string
		for range 1 + rng.IntN(40) {
			m := randomMessage(rng)
			b := m.Append(nil)
			stream = append(stream, b...)
			if !r.ignored(len(b)) {
				want = append(want, describe(m))
			}
		}
		most := 1 << (6 + rng.IntN(12))
		for len(stream) > 0 || l.more {
			if l.more {
				l.out, l.resume = nil, time.Time{}
				if err := l.parse(nil, r); err != nil {
					t.Fatal(err)
				}
				continue
			}
			in := &l.inbox
			l.choose(r.Owes() > 0)
			in.take()
			n := 0
			for _, p := range in.parts {
				n += copy(p[:min(len(p), most-n)], stream[n:])
			}
			n = min(n, 1+rng.IntN(most))
			stream = stream[n:]
			if err := l.take(n, r); err != nil {
				t.Fatal(err)
			}
			if r.handled != len(r.got) {
				t.Fatalf("seed %d: %d messages of a read are followed by no Handled", seed, len(r.got)-r.handled)
			}
			discard(in) // take must keep only what is in the first slot
			in.give()
			if in.got == 0 && in.block != nil {
				t.Fatalf("seed %d: a block is kept without need", seed)
			}
			if len(l.in) > blockMessage && cap(l.in) > 2*len(l.in)+blockMessage {
				t.Fatalf("seed %d: %d bytes are kept in %d", seed, len(l.in), cap(l.in))
			}
		}
		if !slices.Equal(r.got, want) {
			t.Fatalf("seed %d: %d messages of %d are right", seed, commonPrefix(r.got, want), len(want))
		}
		for i, m := range r.kept {
			if describe(m) != r.as[i] {
				t.Fatalf("seed %d: a block that was kept has changed", seed)
			}
		}
		kept += len(r.kept)
		pool.Blocks.Put(r.blocks...)
		r.expects = false
		if l.shrink(r); len(l.in) != 0 || l.in != nil {
			t.Errorf("seed %d: %d bytes in %d are left", seed, len(l.in), cap(l.in))
		}
	}
	if kept == 0 {
		t.Error("no block was kept")
	}
}

// discard overwrites the memory that an inbox does not keep.
func discard(in *inbox) {
	if in.buffer != nil {
		clear(in.buffer[:])
	}
	if in.run == nil {
		return
	}
	clear(in.run.heads[:])
	for _, b := range in.run.blocks {
		if b != nil {
			clear(b[:])
		}
	}
}

func commonPrefix(a, b []string) (n int) {
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}

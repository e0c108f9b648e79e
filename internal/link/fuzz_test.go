package link

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"bt/internal/peer"
	"bt/internal/pool"
)

// A recorder is a handler that records messages.
type recorder struct {
	player
	got  []string
	kept []*pool.Block
}

func (r *recorder) Handle(m peer.Message) error {
	r.got = append(r.got, describe(m))
	if len(r.got)%2 == 0 {
		r.kept = append(r.kept, r.Keep())
	}
	return nil
}

func (r *recorder) Begun(peer.ID, []byte, int) (ignore bool, err error) { return false, nil }

// record returns the messages of a stream that is cut into reads at random, and the error at
// which it ends.
func record(t *testing.T, stream []byte, expects bool, seed uint64) (got []string, err error) {
	rng := rand.New(rand.NewPCG(seed, 1))
	l := new(Link)
	l.pieces = 10_000
	r := &recorder{player: player{Link: l, t: t, expects: expects}}
	defer l.inbox.drop()
	defer func() { pool.Blocks.Put(r.kept...) }()
	for len(stream) > 0 && err == nil {
		in := &l.inbox
		l.choose(expects)
		in.take()
		n := 0
		for _, p := range in.parts {
			n += copy(p, stream[n:])
		}
		n = min(n, 1+rng.IntN(1<<rng.IntN(18)))
		stream = stream[n:]
		err = l.take(n, r)
		in.give()
	}
	return r.got, err
}

// What a peer sends means the same whether it is read into slots for blocks or into a buffer.
func FuzzTake(f *testing.F) {
	rng := rand.New(rand.NewPCG(1, 1))
	for range 20 {
		var stream []byte
		for range 1 + rng.IntN(6) {
			stream = randomMessage(rng).Append(stream)
		}
		f.Add(stream, rng.Uint64())
	}
	block := peer.Message{ID: peer.IDPiece, Payload: make([]byte, peer.BlockLength)}.Append(nil)
	for _, bad := range [][]byte{
		{0, 0, 0, 1, byte(peer.IDPiece)},
		{0, 0, 0, 8, byte(peer.IDPiece), 0, 0, 0, 0, 0, 0, 0},
		{0, 0, 0, 9, byte(peer.IDPiece), 0, 0, 0, 0, 0, 0, 0, 0},
		{0, 0, 0x40, 10, byte(peer.IDPiece)},
		{0x7f, 0xff, 0xff, 0xff, byte(peer.IDPiece)},
		{0, 0, 0, 0, 0, 0, 0, 0},
		{0, 0, 0, 5, byte(peer.IDHave), 0, 0, 0, 1},
		{0, 0},
	} {
		f.Add(slices.Concat(block, bad, block), uint64(len(bad)))
		f.Add(slices.Concat(bad, block, block), uint64(len(bad)))
	}
	f.Fuzz(func(t *testing.T, stream []byte, seed uint64) {
		want, wantErr := record(t, stream, false, seed)
		got, err := record(t, stream, true, seed)
		if !slices.Equal(got, want) || fmt.Sprint(err) != fmt.Sprint(wantErr) {
			t.Fatalf("in slots: %d messages, %v; in a buffer: %d messages, %v", len(got), err, len(want), wantErr)
		}
	})
}

package infofetch

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"hash"
	"slices"
	"time"
)

// thinWindow is how many pieces a thin attempt may be ahead of the first that it lacks.
const thinWindow = 8

// An attempt collects the pieces of an info dict of one size, from one peer or from
// several. It hashes them in their order. A thin attempt does not keep their data after
// that: it finds out whether the peers are honest, and the pieces must be fetched again.
type attempt[P comparable] struct {
	size  int
	joint bool // all peers that name the size take part
	thin  bool
	began time.Time // zero: it waits

	next   int   // the number of pieces that were picked in order; see pick
	again  []int // pieces that are to be picked again; they may have arrived since
	got    map[int]gift[P]
	held   int // bytes of data in got
	hashed int // the number of pieces that are hashed
	v1, v2 hash.Hash
}

// A gift is a piece that has arrived.
type gift[P comparable] struct {
	from *source[P]
	data []byte   // nil in a thin attempt
	sum  [32]byte // SHA-256 of data
}

func (a *attempt[P]) pieces() int { return (a.size-1)/pieceLength + 1 }

// length returns the length of a piece.
func (a *attempt[P]) length(piece int) int {
	return min(a.size-piece*pieceLength, pieceLength)
}

// start makes an attempt run, without any pieces. It may run already.
func (a *attempt[P]) start(now time.Time) {
	*a = attempt[P]{
		size: a.size, joint: a.joint, began: now,
		got: make(map[int]gift[P]), v1: sha1.New(), v2: sha256.New(),
	}
}

func (a *attempt[P]) runs() bool { return !a.began.IsZero() }

// minPicks is how many requests are made at least before they are repeated: where there are
// few pieces, several silent peers would hold up the others one after another.
const minPicks = 8

// pick returns a piece to request from a peer. When all are requested, it picks those
// that have not arrived once more, so that one slow peer does not hold up the others.
func (a *attempt[P]) pick(s *source[P]) (piece int, ok bool) {
	a.again = slices.DeleteFunc(a.again, func(piece int) bool { return piece >= a.next || !a.lacks(piece) })
	for i, piece := range a.again {
		if !s.Has(piece) {
			a.again = slices.Delete(a.again, i, i+1)
			return piece, true
		}
	}
	for ; a.next < max(2*a.pieces(), minPicks); a.next++ {
		piece = a.next % a.pieces()
		if !a.lacks(piece) {
			continue
		}
		if a.beyond(piece) || s.Has(piece) { // it is for another peer then
			break
		}
		a.next++
		return piece, true
	}
	return 0, false
}

// giveBack notes pieces that are to be picked again.
func (a *attempt[P]) giveBack(pieces ...int) {
	for _, piece := range pieces {
		if !slices.Contains(a.again, piece) {
			a.again = append(a.again, piece)
		}
	}
}

func (a *attempt[P]) lacks(piece int) bool {
	_, arrived := a.got[piece]
	return !arrived
}

// beyond reports whether a piece must wait until others before it have arrived.
func (a *attempt[P]) beyond(piece int) bool { return a.thin && piece >= a.hashed+thinWindow }

// add adds a piece that it lacks, and hashes as many as there are in order.
func (a *attempt[P]) add(piece int, g gift[P]) {
	g.data = bytes.Clone(g.data)
	a.got[piece] = g
	a.held += len(g.data)
	for ; a.hashed < a.pieces() && !a.lacks(a.hashed); a.hashed++ {
		g := a.got[a.hashed]
		a.v1.Write(g.data)
		a.v2.Write(g.data)
		if a.thin {
			a.drop(a.hashed)
		}
	}
}

// drop drops the data of a piece.
func (a *attempt[P]) drop(piece int) {
	g := a.got[piece]
	a.held -= len(g.data)
	g.data = nil
	a.got[piece] = g
}

// makeThin drops the data that are hashed, and the pieces after them, which are picked
// again.
func (a *attempt[P]) makeThin() {
	a.thin, a.next, a.again = true, a.hashed, nil
	for piece := range a.got {
		a.drop(piece)
		if piece >= a.hashed {
			delete(a.got, piece)
		}
	}
}

// proves reports whether the pieces, which are all hashed, make the info dict.
func (a *attempt[P]) proves(o *Options) bool {
	sum1, sum2 := [20]byte(a.v1.Sum(nil)), [32]byte(a.v2.Sum(nil))
	switch {
	case o.V2 == nil:
		return o.V1 != nil && (sum1 == *o.V1 || [20]byte(sum2[:]) == *o.V1)
	case sum2 != *o.V2:
		return false
	}
	return o.V1 == nil || sum1 == *o.V1
}

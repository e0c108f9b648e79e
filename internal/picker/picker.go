// Package picker decides which blocks a peer that downloads requests from which peer.
//
// Pieces are chosen at random until a few are there, then those that the fewest peers have
// (rarest first, BEP 3), or the lowest. A peer that is fast enough gives whole pieces, so
// that a piece that fails its hash came from one peer; slower peers share pieces. If all
// blocks are requested, some are requested from several peers (endgame, BEP 3). Suggested
// and allowed fast pieces are taken into account (BEP 6).
//
// The package has no connections, no clock and no goroutines. It does not count what peers
// send, and it knows neither files nor hashes: its caller sends the requests, proves the
// pieces, decides how many requests a peer may owe and when it is snubbed, and bans.
package picker

import (
	"encoding/binary"
	"math/bits"
	"math/rand/v2"

	"bt/internal/peer"
)

const (
	// defaultMemory is the number of bytes in the pieces that may be open by default.
	defaultMemory = 32 << 20

	// At least minOpen and at most maxOpen pieces may be open by default.
	minOpen = 4
	maxOpen = 1024
)

// Options describe a torrent, and how its pieces are chosen.
type Options struct {
	Pieces int
	Length func(piece int) int64 // in bytes, less than 4 GiB

	Have   peer.Bitfield // nil: none
	Wanted peer.Bitfield // nil: all

	// Sequential chooses the lowest piece first.
	Sequential bool

	// Window, if positive, implies Sequential: no piece is requested that is more than
	// Window pieces after the first that is missing.
	Window int

	// MaxOpen is how many pieces may be incomplete or unproven at once. 0: what fits in
	// 32 MiB, but at least 4 and at most 1024.
	MaxOpen int

	// Drop, if non-nil, is called when the blocks of a piece that is not proven are given
	// up, because it is no longer wanted, or no peer has continued it and others need its
	// place. It must not call the Picker.
	Drop func(piece int)

	// Rand is the source of randomness; nil: a random seed.
	Rand *rand.Rand
}

// A Block is a part of a piece, as in a request.
type Block struct {
	Piece, Begin, Length uint32
}

// A Request is a block that a peer owes.
type Request struct {
	Peer  *Peer
	Block Block
}

// A Picker has the state of one download: the pieces of each peer, and the blocks that are
// requested and received. Its methods must not be called concurrently. Results that are
// slices are valid until the next call. Pieces and blocks that do not exist are ignored.
type Picker struct {
	options Options
	random  *rand.Rand

	have    peer.Bitfield // whole words, like lack
	lack    peer.Bitfield // wanted, and not in have
	had     int           // pieces in have
	lacking int           // pieces in lack
	first   int           // no piece before it is in lack

	rarity rarity // of the pieces in lack that are not open
	peers  []*Peer
	seeds  int // peers that have all pieces

	open     []*openPiece
	byPiece  map[int]*openPiece // the open pieces
	unfilled []*openPiece       // the open pieces with free blocks
	spare    *openPiece         // for reuse

	failures map[int]*failure // pieces that failed and are not proven yet
	evidence evidence

	cancels []Request // returned by the last call
}

// New returns a Picker without peers.
func New(o Options) *Picker {
	if o.Window > 0 {
		o.Sequential = true
	}
	if o.MaxOpen <= 0 {
		o.MaxOpen = minOpen
		if o.Pieces > 0 {
			o.MaxOpen = int(min(max(defaultMemory/max(o.Length(0), 1), minOpen), maxOpen))
		}
	}
	k := &Picker{
		options:  o,
		random:   o.Rand,
		have:     padded(o.Pieces),
		lack:     padded(o.Pieces),
		rarity:   newRarity(o.Pieces),
		byPiece:  make(map[int]*openPiece),
		failures: make(map[int]*failure),
	}
	if k.random == nil {
		k.random = rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	}
	copy(k.have, o.Have)
	k.had = k.have.Count()
	k.SetWanted(o.Wanted)
	return k
}

// padded returns an empty bitfield of whole words.
func padded(pieces int) peer.Bitfield { return make(peer.Bitfield, (pieces+63)/64*8) }

// word returns the 64 pieces from 64*i on. The highest bit is the first.
func word(f peer.Bitfield, i int) uint64 { return binary.BigEndian.Uint64(f[8*i:]) }

// exists reports whether the torrent has a piece.
func (k *Picker) exists(piece int) bool { return uint(piece) < uint(k.options.Pieces) }

// IsOpen reports whether blocks of a piece are requested or received, and it is not proven.
func (k *Picker) IsOpen(piece int) bool { return k.byPiece[piece] != nil }

// Missing returns the number of wanted pieces that are not proven.
func (k *Picker) Missing() int { return k.lacking }

// SetWanted replaces the pieces that are wanted; nil: all. Other pieces that are open are
// dropped. It returns the requests to cancel.
func (k *Picker) SetWanted(wanted peer.Bitfield) (cancels []Request) {
	if wanted == nil {
		wanted = peer.FullBitfield(k.options.Pieces)
	}
	clear(k.lack)
	copy(k.lack, wanted)
	for i, b := range k.have {
		k.lack[i] &^= b
	}
	k.lacking, k.first = k.lack.Count(), 0
	k.cancels = k.cancels[:0]
	for i := len(k.open) - 1; i >= 0; i-- {
		if o := k.open[i]; !k.lack.Has(o.piece) {
			k.drop(o)
		}
	}
	k.rank()
	for _, p := range k.peers {
		k.count(p)
	}
	return k.cancels
}

// rank fills k.rarity with the pieces in k.lack that are not open.
func (k *Picker) rank() {
	r := &k.rarity
	r.order = r.order[:0]
	for piece := range k.options.Pieces {
		r.place[piece] = absent
		if k.lack.Has(piece) && k.byPiece[piece] == nil {
			r.place[piece] = uint32(len(r.order))
			r.order = append(r.order, uint32(piece))
		}
	}
	r.stale = true
}

// drop closes an open piece whose blocks are not to be kept.
func (k *Picker) drop(o *openPiece) {
	piece := o.piece
	k.close(o)
	if k.options.Drop != nil {
		k.options.Drop(piece)
	}
}

// Done records that a piece is proven, whether its blocks were requested or not. It returns
// the requests to cancel.
func (k *Picker) Done(piece int) (cancels []Request) {
	k.cancels = k.cancels[:0]
	if !k.exists(piece) || k.have.Has(piece) {
		return nil
	}
	if o := k.byPiece[piece]; o != nil {
		k.close(o)
	}
	if k.failures[piece] != nil {
		delete(k.failures, piece)
		k.evidence.forget(piece)
	}
	k.have.Set(piece)
	k.had++
	if !k.lack.Has(piece) {
		return k.cancels
	}
	k.rarity.remove(piece)
	k.lack.Clear(piece)
	k.lacking--
	for _, p := range k.peers {
		if p.has != nil && p.has.Has(piece) {
			p.useful--
		}
	}
	return k.cancels
}

// firstMissing returns the lowest wanted piece that is not proven, or the number of pieces.
func (k *Picker) firstMissing() int {
	for k.first < k.options.Pieces {
		if left := word(k.lack, k.first/64) << (k.first % 64); left != 0 {
			return k.first + bits.LeadingZeros64(left)
		}
		k.first = k.first/64*64 + 64
	}
	return k.options.Pieces
}

// Package infofetch fetches the info dict of a torrent from its peers (BEP 9), for a
// magnet link, and proves it by the info-hash.
//
// The info dict has no hashes of its parts: only the whole can be proven, and peers may
// lie about its size too. So peers that name the same size supply the pieces of one
// attempt jointly. If that fails and one peer supplied all, that peer lied. If several
// did, each peer of that size makes an attempt alone, so that each attempt finds the
// info dict or a liar. One honest peer is enough, and others hardly hold it up.
//
// All attempts together hold about the maximum size in bytes, and no memory is allocated
// for a size before its data arrive. Attempts that would hold more only hash what they
// receive. If one of those is proven, the hashes of its pieces are too, and the pieces are
// fetched again from all peers.
//
// The package sends nothing and reads no clock. It does not parse the info dict.
package infofetch

import (
	"crypto/sha256"
	"errors"
	"slices"
	"time"

	"bt/internal/inflight"
	"bt/internal/peer"
)

// DefaultMaxSize is the default of Options.MaxSize.
const DefaultMaxSize = 32 << 20

// maxRequests is how many requests to one peer may be in flight. Clients reject or ignore
// more than a few.
const maxRequests = 3

// Options say what to fetch.
type Options struct {
	// V1 and V2 are the info-hashes; nil if one is unknown. The info dict must have
	// both if both are known. V1 alone may also be a v2 info-hash of which only the
	// first 20 bytes are known, as trackers and peers use them (BEP 52).
	V1 *[20]byte
	V2 *[32]byte

	MaxSize int // bytes; 0 means DefaultMaxSize
}

// A Fetch fetches one info dict. P identifies a peer. Its owner calls the methods one at
// a time, and then sends what Requests returns, also about once a second without another
// call.
type Fetch[P comparable] struct {
	options  Options
	peers    map[P]*source[P]
	order    []*source[P]  // those that may be asked, in the order of joining
	attempts []*attempt[P] // in the order in which they start

	// mixed has the pieces of joint attempts that failed with several givers, without
	// the data, by size and piece, as long as there are peers of that size.
	mixed map[int]map[int]gift[P]

	sums [][32]byte // the SHA-256 hashes of all pieces, once they are proven
	info []byte
}

// A source is a peer.
type source[P comparable] struct {
	inflight.Peer[int]
	id      P
	size    int
	attempt *attempt[P] // nil: it has lied
}

// A Request asks a peer for a piece of the info dict.
type Request[P comparable] struct {
	Peer  P
	Piece int
}

// New returns a Fetch without peers.
func New[P comparable](o Options) *Fetch[P] {
	if o.MaxSize == 0 {
		o.MaxSize = DefaultMaxSize
	}
	return &Fetch[P]{options: o, peers: make(map[P]*source[P]), mixed: make(map[int]map[int]gift[P])}
}

// Join adds a peer that has named the size of the info dict in bytes. It returns false
// if the size is not valid, and the peer is then not asked. Only the first size that a
// peer names counts.
func (f *Fetch[P]) Join(p P, size int) bool {
	if size <= 0 || size > f.options.MaxSize || f.info != nil {
		return false
	}
	if s := f.peers[p]; s != nil {
		return s.size == size && s.attempt != nil
	}
	if f.sums != nil && size != f.attempts[0].size {
		return false
	}
	s := &source[P]{id: p, size: size}
	f.peers[p] = s
	f.order = append(f.order, s)
	f.assign(s)
	return true
}

// Leave removes a peer that has disconnected.
func (f *Fetch[P]) Leave(p P) {
	s := f.peers[p]
	if s == nil {
		return
	}
	f.exclude(s)
	delete(f.peers, p)
}

// Owes reports whether the peer may send a piece: without that, a long message need not
// be received.
func (f *Fetch[P]) Owes(p P) bool {
	s := f.peers[p]
	return s != nil && s.Peer.Owes()
}

// Info returns the info dict, or nil until it is there and proven.
func (f *Fetch[P]) Info() []byte { return f.info }

// ErrUnrequested is returned for an answer without a request. That is no proof of a lie,
// as the request may have been made so long ago that it was forgotten.
var ErrUnrequested = errors.New("a piece of the info dict that was not requested")

// Data adds a piece of the info dict that a peer has sent. total is the size that the
// message names, 0 if it names none. Data copies the piece. It returns the peers that
// are proven to be liars, which may have left before.
func (f *Fetch[P]) Data(p P, piece, total int, data []byte, now time.Time) (liars []P, err error) {
	s := f.peers[p]
	if s == nil || !s.Answer(piece, now) {
		return nil, ErrUnrequested
	}
	a := s.attempt
	if a == nil || !a.runs() { // the answer is late
		return nil, nil
	}
	sum := sha256.Sum256(data)
	wrong := total != 0 && total != s.size || len(data) != a.length(piece) || f.sums != nil && sum != f.sums[piece]
	switch {
	case wrong:
		a.giveBack(piece)
		return f.convict([]*source[P]{s}), nil
	case a.lacks(piece) && !a.beyond(piece):
		a.add(piece, gift[P]{s, data, sum})
	}
	if len(a.got) == a.pieces() {
		return f.finish(a, now), nil
	}
	f.trim()
	return nil, nil
}

// Reject notes that a peer has rejected a request. It is asked again later, because
// clients also reject when they are asked for much.
func (f *Fetch[P]) Reject(p P, piece int, now time.Time) error {
	s := f.peers[p]
	if s == nil || !s.Peer.Reject(piece) {
		return ErrUnrequested
	}
	if s.attempt != nil {
		s.BackOff(now)
		s.attempt.giveBack(piece)
	}
	return nil
}

// Requests returns the requests to make now. It gives up those that peers did not answer
// in time.
func (f *Fetch[P]) Requests(now time.Time) []Request[P] {
	if f.info != nil {
		return nil
	}
	for _, s := range f.order {
		s.attempt.giveBack(s.Expire(now)...)
	}
	f.schedule(now)
	var requests []Request[P]
	for more := true; more; { // one to each peer at a time, so that all take part
		more = false
		for _, s := range f.order {
			if !s.attempt.runs() || s.Room(maxRequests, now) == 0 {
				continue
			}
			if piece, ok := s.attempt.pick(s); ok {
				if s.Add(piece, now); s.Failed() {
					s.attempt.giveBack(piece)
				}
				requests = append(requests, Request[P]{s.id, piece})
				more = true
			}
		}
	}
	return requests
}

// exclude stops asking a peer, and forgets what its attempt no longer needs.
func (f *Fetch[P]) exclude(s *source[P]) {
	a := s.attempt
	if a == nil {
		return
	}
	a.giveBack(s.Lapse()...)
	s.attempt = nil
	f.order = slices.DeleteFunc(f.order, func(o *source[P]) bool { return o == s })
	if f.sums == nil && !slices.ContainsFunc(f.order, func(o *source[P]) bool { return o.attempt == a }) {
		f.remove(a)
	}
	if !slices.ContainsFunc(f.order, func(o *source[P]) bool { return o.size == s.size }) {
		delete(f.mixed, s.size)
	}
}

// pieceLength is the length of all pieces but the last.
const pieceLength = peer.BlockLength

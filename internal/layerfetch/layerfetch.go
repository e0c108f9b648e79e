// Package layerfetch fetches the piece layers of a v2 torrent from its peers by hash
// requests (BEP 52). A client that starts from a magnet link has none, as they are
// outside the info dict.
//
// The layers are divided into spans, of 512 hashes or what is left of a file. Each answer
// has the hashes that prove the span by the pieces root of its file, which is in the info
// dict. So a wrong answer is found at once, and no peer needs to have all layers.
//
// The package sends nothing and reads no clock. It does not fetch hashes of blocks, which
// are below the piece layer.
package layerfetch

import (
	"errors"
	"slices"
	"time"

	"bt/internal/inflight"
	"bt/internal/metainfo"
	"bt/internal/peer"
)

const (
	// maxRequests is how many requests to one peer may be in flight: many if the files
	// are small.
	maxRequests = 64

	// maxHashes is how many hashes may be in flight from one peer.
	maxHashes = 8 * peer.MaxHashCount

	// maxRejects is how many requests a peer may reject before it gets none for a time.
	maxRejects = 64

	// rejectTime is how long rejects are remembered. A peer that downloads may have more
	// layers later.
	rejectTime = time.Minute
)

// A Fetch fetches the piece layers of one torrent. P identifies a peer. Its owner calls
// the methods one at a time, and then sends what Requests returns, also about once a
// second without another call.
type Fetch[P comparable] struct {
	layers
	peers map[P]*source[P]
	order []*source[P] // those that may be asked, in the order of joining

	next  int   // the number of spans that were picked in order; see pick
	again []int // spans that are to be picked again; they may have arrived since
}

// A source is a peer.
type source[P comparable] struct {
	inflight.Peer[int]
	id     P
	liar   bool
	reject map[int]bool // the spans that the peer has rejected
	forget time.Time    // when reject is emptied
}

// A Request asks a peer for hashes.
type Request[P comparable] struct {
	Peer P
	peer.HashRequest
}

// New returns a Fetch for a torrent, without peers. It fails if the torrent can't be
// used.
func New[P comparable](t *metainfo.Torrent) (*Fetch[P], error) {
	l, err := newLayers(t)
	if err != nil {
		return nil, err
	}
	return &Fetch[P]{layers: l, peers: make(map[P]*source[P])}, nil
}

// Join adds a peer. Both handshakes must name the v2 info-hash, or have FeatureV2: without
// that, libtorrent (2.0.8) closes the connection at a hash request. The peer needs no
// pieces.
func (f *Fetch[P]) Join(p P) {
	if f.peers[p] == nil {
		s := &source[P]{id: p}
		f.peers[p] = s
		f.order = append(f.order, s)
	}
}

// Leave removes a peer that has disconnected.
func (f *Fetch[P]) Leave(p P) {
	if s := f.peers[p]; s != nil {
		f.exclude(s)
		delete(f.peers, p)
	}
}

// giveBack notes spans that are to be picked again.
func (f *Fetch[P]) giveBack(spans ...int) {
	for _, span := range spans {
		if !slices.Contains(f.again, span) {
			f.again = append(f.again, span)
		}
	}
}

// exclude stops asking a peer.
func (f *Fetch[P]) exclude(s *source[P]) {
	f.giveBack(s.Lapse()...)
	f.order = slices.DeleteFunc(f.order, func(o *source[P]) bool { return o == s })
}

// Owes reports whether the peer may send hashes: without that, a long message need not be
// received.
func (f *Fetch[P]) Owes(p P) bool {
	s := f.peers[p]
	return s != nil && s.Peer.Owes()
}

// Errors of answers.
var (
	// ErrUnrequested is returned for an answer without a request. That is no proof of a
	// lie, as the request may have been made so long ago that it was forgotten.
	ErrUnrequested = errors.New("hashes that were not requested")

	// ErrWrong is returned for hashes that do not match the pieces root. The peer gets no
	// requests any more.
	ErrWrong = errors.New("hashes that do not match the pieces root")
)

// Hashes adds the hashes of a hashes message, as ParseHashes returns them. It copies
// them.
func (f *Fetch[P]) Hashes(p P, r *peer.HashRequest, hashes []byte, now time.Time) error {
	s := f.peers[p]
	span, ok := f.spanOf(r)
	if s == nil || !ok || !s.Answer(span, now) {
		return ErrUnrequested
	}
	if s.liar || f.has.Has(span) {
		return nil
	}
	if !f.proves(r, hashes) {
		s.liar = true
		f.giveBack(span)
		f.exclude(s)
		return ErrWrong
	}
	f.add(span, hashes)
	return nil
}

// Reject notes that a peer has rejected a request. The request is made to others, and to
// this peer only after rejectTime.
func (f *Fetch[P]) Reject(p P, r *peer.HashRequest, now time.Time) error {
	s := f.peers[p]
	span, ok := f.spanOf(r)
	if s == nil || !ok || !s.Peer.Reject(span) {
		return ErrUnrequested
	}
	if s.liar {
		return nil
	}
	if s.reject == nil {
		s.reject, s.forget = make(map[int]bool), now.Add(rejectTime)
	}
	s.reject[span] = true
	f.giveBack(span)
	return nil
}

// Requests returns the requests to make now. It gives up those that peers did not answer
// in time.
func (f *Fetch[P]) Requests(now time.Time) []Request[P] {
	if f.Done() {
		return nil
	}
	for _, s := range f.order {
		f.giveBack(s.Expire(now)...)
		if !now.Before(s.forget) {
			s.reject = nil
		}
	}
	var requests []Request[P]
	for more := true; more; { // one to each peer at a time, so that all take part
		more = false
		for _, s := range f.order {
			if !f.hasRoom(s, now) {
				continue
			}
			if span, ok := f.pick(s); ok {
				if s.Add(span, now); s.Failed() {
					f.giveBack(span)
				}
				requests = append(requests, Request[P]{s.id, f.request(span)})
				more = true
			}
		}
	}
	return requests
}

func (f *Fetch[P]) hasRoom(s *source[P], now time.Time) bool {
	if s.Room(maxRequests, now) == 0 || len(s.reject) >= maxRejects {
		return false
	}
	hashes := 0
	for span := range s.All() {
		hashes += f.spanLength(span)
	}
	return hashes < maxHashes
}

// minPicks is how many requests are made at least before they are repeated: where there are
// few spans, several silent peers would hold up the others one after another.
const minPicks = 8

// pick returns a span to request from a peer. It looks at few more spans of again than
// the peer has rejected. When all are requested, it picks those that have not arrived once
// more, so that one slow peer does not hold up the others.
func (f *Fetch[P]) pick(s *source[P]) (span int, ok bool) {
	f.again = slices.DeleteFunc(f.again, func(span int) bool { return f.has.Has(span) })
	for i, span := range f.again {
		if !s.reject[span] && !s.Has(span) {
			f.again = slices.Delete(f.again, i, i+1)
			return span, true
		}
	}
	for ; f.next < max(2*f.spans, minPicks); f.next++ {
		span = f.next % f.spans
		if f.has.Has(span) {
			continue
		}
		if s.Has(span) || s.reject[span] { // it is for another peer then
			break
		}
		f.next++
		return span, true
	}
	return 0, false
}

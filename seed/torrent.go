package seed

import (
	"errors"
	"slices"
	"sync/atomic"

	"bt/internal/bencode"
	"bt/internal/metainfo"
	"bt/internal/peer"
	"bt/internal/piece"
)

// A torrent is one that is seeded, or will be again when its data is back.
type torrent struct {
	seeder   *Seeder
	meta     *metainfo.Torrent
	content  *metainfo.Content
	info     []byte // the info dict
	root     string // where the content is
	hashed   bool   // and not looked at since
	pieces   int
	trackers [][]string
	trees    *trees   // of v2
	swarms   []*swarm // by info-hash: two of a hybrid

	data  atomic.Pointer[content]       // nil: not served now
	field atomic.Pointer[peer.Bitfield] // what there is; never changed in place
	left  atomic.Int64                  // bytes that are not there

	suspected chan error // why the data should be looked at again
}

func newTorrent(s *Seeder, in Input) (*torrent, error) {
	c, err := in.Torrent.Content()
	if err != nil {
		return nil, err
	}
	doc, err := bencode.Parse(in.Torrent.Bytes())
	if err != nil {
		return nil, err
	}
	t := &torrent{
		seeder:    s,
		meta:      in.Torrent,
		content:   c,
		info:      doc.Root().Get("info").Raw(),
		root:      piece.FindContent(c, in.Path),
		pieces:    c.Layout.Pieces(),
		trackers:  append(in.Torrent.Trackers(), in.Trackers...),
		suspected: make(chan error, 1),
	}
	if t.hashed = in.Hashed; t.hashed {
		t.root = in.Path
	}
	t.swarms = swarmsOf(in.Torrent)
	t.trees = newTrees(in.Torrent, c)
	t.setHave(peer.NewBitfield(t.pieces))
	return t, nil
}

// A swarm is the peers and trackers that know a torrent by one info-hash. Of v2
// that is its first 20 bytes (BEP 52).
type swarm struct {
	hash     [20]byte
	uploaded atomic.Int64 // bytes of blocks
}

func swarmsOf(t *Torrent) []*swarm {
	var list []*swarm
	if t.V1 {
		list = append(list, &swarm{hash: t.InfoHashV1})
	}
	if t.V2 {
		list = append(list, &swarm{hash: [20]byte(t.InfoHashV2[:])})
	}
	return list
}

// swarm is the one of that info-hash, which the torrent has.
func (t *torrent) swarm(hash [20]byte) *swarm {
	return t.swarms[slices.IndexFunc(t.swarms, func(s *swarm) bool { return s.hash == hash })]
}

func (t *torrent) have() peer.Bitfield { return *t.field.Load() }

// setHave notes what there is.
func (t *torrent) setHave(have peer.Bitfield) {
	t.field.Store(&have)
	var left int64
	for i := range t.pieces {
		if !have.Has(i) {
			left += t.pieceLength(i)
		}
	}
	t.left.Store(left)
}

// pieceLength is the length of a piece in bytes.
func (t *torrent) pieceLength(i int) int64 {
	l := t.content.Layout
	if t.meta.V1 || i == t.pieces-1 {
		return min(l.PieceLength(), l.Total()-int64(i)*l.PieceLength())
	}
	// In v2 the last piece of every file may be short.
	var n int64
	c := l.Cursor(i)
	for s, ok := c.Next(); ok; s, ok = c.Next() {
		n += s.Length
	}
	return n
}

// paddedLength is how much of a piece may be asked for. Behind the end of a file
// of v2 are zeros, in no piece, but libtorrent (2.0.8) asks for whole blocks, also
// at the end of the torrent.
func (t *torrent) paddedLength(i int) int64 {
	if !t.meta.V1 {
		return t.content.Layout.PieceLength()
	}
	return t.pieceLength(i)
}

// suspect has the data looked at again: err is why.
func (t *torrent) suspect(err error) {
	select {
	case t.suspected <- err:
	default: // it will be
	}
}

var errNoData = errors.New("none of the data is there")

package seed

import (
	"context"
	"encoding/hex"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"bt/internal/announce"
	"bt/internal/metainfo"
	"bt/internal/peer"
	"bt/internal/piece"
)

// A Torrent is one that a Seeder has. What it needs only while it has peers it
// does not keep: there may be ten thousand of them.
type Torrent struct {
	seeder      *Seeder
	read        func() (*Metainfo, error)
	path        string // where the user says the content is, or the directory it is in
	exact       bool   // it is path itself
	name        string
	v1, v2      bool
	hashV1      [20]byte
	hashV2      [32]byte
	size        int64
	pieces      int
	pieceLength int64
	swarms      []*swarm   // by info-hash: two of a hybrid
	before      int64      // bytes uploaded in earlier runs
	begun       time.Time  // when it was added first, in an earlier run perhaps
	rate        *rateLimit // nil: none of its own

	entries []*announce.Entry // of swarms

	super   atomic.Pointer[super]         // nil: it is not super-seeded
	field   atomic.Pointer[peer.Bitfield] // what there is; never changed in place
	left    atomic.Int64                  // bytes that are not there
	wanting atomic.Int64                  // peers that wait for blocks
	seeds   atomic.Int64                  // of others, as a tracker told last

	turn turnQueue // under Seeder.turns.mu

	loading sync.Mutex // held while loaded is filled; locked before life.mu
	life
}

// A swarm is the peers and trackers that know a torrent by one info-hash. Of v2
// that is its first 20 bytes (BEP 52).
type swarm struct {
	hash     [20]byte
	uploaded atomic.Int64 // bytes of blocks
}

func swarmsOf(t *Metainfo) []*swarm {
	var list []*swarm
	if t.V1 {
		list = append(list, &swarm{hash: t.InfoHashV1})
	}
	if t.V2 {
		list = append(list, &swarm{hash: [20]byte(t.InfoHashV2[:])})
	}
	return list
}

// newTorrent returns a torrent that nothing is known of but its metainfo.
func newTorrent(s *Seeder, in *Input) (*Torrent, error) {
	meta := in.Torrent
	c, err := meta.Content()
	if err != nil {
		return nil, err
	}
	t := &Torrent{
		seeder:      s,
		read:        in.Read,
		path:        in.Path,
		exact:       in.Hashed,
		name:        meta.Name,
		v1:          meta.V1,
		v2:          meta.V2,
		hashV1:      meta.InfoHashV1,
		hashV2:      meta.InfoHashV2,
		size:        meta.Size(),
		pieces:      c.Layout.Pieces(),
		pieceLength: meta.PieceLength,
		swarms:      swarmsOf(meta),
		before:      in.Uploaded,
		begun:       in.Since,
		rate:        newRateLimit(s.options.MaxTorrentRate),
		life:        life{state: StateQueued, made: in.Hashed, served: in.Served, speed: speed{last: in.Uploaded}},
	}
	t.torrent = t
	if t.read == nil {
		t.read = func() (*Metainfo, error) { return meta, nil }
	}
	if t.begun.IsZero() {
		t.begun = time.Now()
	}
	t.setHave(peer.NewBitfield(t.pieces), c)
	return t, nil
}

// Name is its name, as the torrent has it.
func (t *Torrent) Name() string { return t.name }

// Size is the size of the content in bytes.
func (t *Torrent) Size() int64 { return t.size }

// Pieces is how many pieces it has.
func (t *Torrent) Pieces() int { return t.pieces }

// HexV1 is its info-hash of v1 in hex; empty if it has none.
func (t *Torrent) HexV1() string {
	if !t.v1 {
		return ""
	}
	return hex.EncodeToString(t.hashV1[:])
}

// HexV2 is its info-hash of v2 in hex; empty if it has none.
func (t *Torrent) HexV2() string {
	if !t.v2 {
		return ""
	}
	return hex.EncodeToString(t.hashV2[:])
}

// Uploaded is how many bytes of blocks were sent, as far as is known in all runs.
func (t *Torrent) Uploaded() int64 {
	n := t.before
	for _, s := range t.swarms {
		n += s.uploaded.Load()
	}
	return n
}

// Since is when it was added first, in an earlier run perhaps.
func (t *Torrent) Since() time.Time { return t.begun }

// swarm is the one of that info-hash, which the torrent has.
func (t *Torrent) swarm(hash [20]byte) *swarm {
	for _, s := range t.swarms[1:] {
		if s.hash == hash {
			return s
		}
	}
	return t.swarms[0]
}

func (t *Torrent) have() peer.Bitfield { return *t.field.Load() }

// setHave notes what there is.
func (t *Torrent) setHave(have peer.Bitfield, content *metainfo.Content) {
	t.field.Store(&have)
	var left int64
	for i := range t.pieces {
		if have.Has(i) {
			continue
		}
		c := content.Layout.Cursor(i)
		for s, ok := c.Next(); ok; s, ok = c.Next() {
			if s.File != metainfo.Gap && !content.Files[s.File].Pad {
				left += s.Length
			}
		}
	}
	t.left.Store(left)
}

// lengthOf is the length of a piece in bytes.
func (t *Torrent) lengthOf(i int, l *metainfo.Layout) int64 {
	if t.v1 || i == t.pieces-1 {
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

// A loadedMetainfo holds what a torrent needs while it has peers or is checked.
type loadedMetainfo struct {
	torrent *Torrent
	meta    *Metainfo
	content *metainfo.Content
	info    []byte // the info dict
	root    string // where the content is
	data    *content
	trees   *trees // of v2
	first   string // what identityOf told of the files before they were checked
	recent  bool   // they had just been changed: another change may not show
}

// identify notes what the files are before they are read: they may be others by the
// time that they were.
func (m *loadedMetainfo) identify() {
	var newest time.Time
	m.first, newest = identityOf(m.data.tree) // with the times of change: permissions count too
	m.recent = time.Since(newest).Abs() < racy
}

// errOther is inside the error for a torrent that was replaced by another.
var errOther = errors.New("it is another torrent now")

// An unreadError is that a torrent can't be read again.
type unreadError struct{ error }

func (e *unreadError) Unwrap() error { return e.error }

// load reads the torrent again and looks at its files.
func (t *Torrent) load(ctx context.Context) (*loadedMetainfo, error) {
	meta, err := t.read()
	if err != nil {
		return nil, &unreadError{err}
	}
	if meta.V1 != t.v1 || meta.V2 != t.v2 || meta.InfoHashV1 != t.hashV1 || meta.InfoHashV2 != t.hashV2 {
		return nil, &unreadError{errOther}
	}
	c, err := meta.Content()
	if err != nil {
		return nil, err
	}
	m := &loadedMetainfo{torrent: t, meta: meta, content: c, info: meta.InfoBytes(), trees: newTrees(meta, c)}
	find := piece.Find
	if t.exact {
		find = piece.At
	}
	tree, err := find(ctx, c, t.path, t.seeder.options.Jobs)
	if err == nil {
		err = stated(tree)
	}
	if err != nil {
		return nil, err
	}
	m.root = tree.Root
	m.data = &content{layout: c.Layout, tree: tree, mappings: &t.seeder.mappings}
	return m, nil
}

// lengthOf is the length of a piece in bytes.
func (m *loadedMetainfo) lengthOf(i int) int64 { return m.torrent.lengthOf(i, m.content.Layout) }

// paddedLength is how much of a piece may be asked for. Behind the end of a file
// of v2 are zeros, in no piece, but libtorrent (2.0.8) asks for whole blocks, also
// at the end of the torrent.
func (m *loadedMetainfo) paddedLength(i int) int64 {
	if !m.torrent.v1 {
		return m.torrent.pieceLength
	}
	return m.lengthOf(i)
}

// enter returns what a peer needs, until it calls leave. A peer that comes to a
// torrent whose files have changed is not let in.
func (t *Torrent) enter(ctx context.Context) (*loadedMetainfo, error) {
	t.loading.Lock()
	defer t.loading.Unlock()
	m, seen, ok := t.join()
	if m != nil {
		return m, nil
	}
	if !ok {
		return nil, errNoTorrent
	}
	_, identity := t.supplies()
	m, err := t.load(ctx)
	if err == nil && digestOf(m.data.tree) != identity {
		err = errChanged
	}
	if err != nil {
		t.suspect()
		return nil, err
	}
	if !t.supply(seen, m) {
		return nil, errNoTorrent
	}
	return m, nil
}

// Metainfo returns the torrent as it was read.
func (t *Torrent) Metainfo() (*Metainfo, error) {
	if m, _ := t.supplies(); m != nil {
		return m.meta, nil
	}
	return t.read()
}

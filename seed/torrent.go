package seed

import (
	"encoding/hex"
	"sync"
	"sync/atomic"
	"time"

	"bt/internal/announce"
	"bt/internal/discover/finders"
	"bt/internal/discover/pex"
	"bt/internal/metainfo"
	"bt/internal/peer"
	"bt/internal/swarm"
	"bt/internal/upload"
)

// A Torrent is a torrent of a Seeder. Seeder.Add returns it.
type Torrent struct {
	// A Seeder may have ten thousand torrents. What a torrent needs only while it has
	// peers is in loadedMetainfo.

	seeder      *Seeder
	read        func() (*Metainfo, error)
	path        string // the content, or the directory that contains it
	exact       bool   // path is the content itself
	places      map[int]string
	name        string
	v1, v2      bool
	private     bool // peers are found by trackers only (BEP 27)
	hashV1      [20]byte
	hashV2      [32]byte
	size        int64
	pieces      int
	pieceLength int64
	swarms      []*swarmStats // one per info-hash; a hybrid torrent has two
	before      int64         // bytes uploaded in earlier runs
	begun       time.Time     // when it was first added

	entries  []*announce.Entry // one per swarm
	searches []finders.Entry   // one per swarm while the torrent is served, and not private; guarded by life.mu

	super atomic.Pointer[super]         // nil: not super-seeding
	field atomic.Pointer[peer.Bitfield] // pieces that are available; replaced, never modified
	left  atomic.Int64                  // bytes that are missing
	seeds atomic.Int64                  // other seeds, according to the last response of a tracker

	uploads  *upload.Torrent
	exchange pex.Swarm // unused if the torrent is private

	loading sync.Mutex // held while loaded is filled; locked before life.mu
	life
}

// swarmStats counts for a swarm: the set of peers and trackers that know a torrent by one
// info-hash. For v2 that is the truncated info-hash (BEP 52).
type swarmStats struct {
	hash     [20]byte
	uploaded atomic.Int64 // bytes of blocks
}

func swarmsOf(t *Metainfo) []*swarmStats {
	var list []*swarmStats
	if t.V1 {
		list = append(list, &swarmStats{hash: t.InfoHashV1})
	}
	if t.V2 {
		list = append(list, &swarmStats{hash: [20]byte(t.InfoHashV2[:])})
	}
	return list
}

// newTorrent returns a queued torrent.
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
		places:      in.Places,
		name:        meta.Name,
		v1:          meta.V1,
		v2:          meta.V2,
		private:     meta.Private,
		hashV1:      meta.InfoHashV1,
		hashV2:      meta.InfoHashV2,
		size:        meta.Size(),
		pieces:      c.Layout.Pieces(),
		pieceLength: meta.PieceLength,
		swarms:      swarmsOf(meta),
		before:      in.Uploaded,
		begun:       in.Since,
		exchange:    pex.Swarm{Seed: true},
		uploads:     s.uploads.Torrent(swarm.NewRate(s.options.MaxTorrentRate)),
		life:        life{state: StateQueued, made: in.Hashed, served: stopwatch{before: in.Served}, speed: swarm.Speed{Last: in.Uploaded}},
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

// Name returns the name in the metainfo. It is untrusted.
func (t *Torrent) Name() string { return t.name }

// Size returns the size of the content in bytes.
func (t *Torrent) Size() int64 { return t.size }

// Pieces returns the number of pieces.
func (t *Torrent) Pieces() int { return t.pieces }

// HexV1 returns the v1 info-hash in hex, or "" if the torrent has none.
func (t *Torrent) HexV1() string {
	if !t.v1 {
		return ""
	}
	return hex.EncodeToString(t.hashV1[:])
}

// HexV2 returns the v2 info-hash in hex, or "" if the torrent has none.
func (t *Torrent) HexV2() string {
	if !t.v2 {
		return ""
	}
	return hex.EncodeToString(t.hashV2[:])
}

// Uploaded returns the number of bytes of blocks that were sent, in this run and in
// the earlier runs that Input.Uploaded counts.
func (t *Torrent) Uploaded() int64 {
	n := t.before
	for _, s := range t.swarms {
		n += s.uploaded.Load()
	}
	return n
}

// Since returns the time at which the torrent was first added, in this run or an
// earlier one.
func (t *Torrent) Since() time.Time { return t.begun }

// swarm returns the swarm of an info-hash that the torrent has.
func (t *Torrent) swarm(hash [20]byte) *swarmStats {
	for _, s := range t.swarms[1:] {
		if s.hash == hash {
			return s
		}
	}
	return t.swarms[0]
}

func (t *Torrent) have() peer.Bitfield { return *t.field.Load() }

// setHave sets the pieces that are available.
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

// lengthOf returns the length of piece i in bytes.
func (t *Torrent) lengthOf(i int, l *metainfo.Layout) int64 {
	if t.v1 || i == t.pieces-1 {
		return min(l.PieceLength(), l.Total()-int64(i)*l.PieceLength())
	}
	// In v2 the last piece of each file may be short.
	var n int64
	c := l.Cursor(i)
	for s, ok := c.Next(); ok; s, ok = c.Next() {
		n += s.Length
	}
	return n
}

// Metainfo returns the torrent as it was read.
func (t *Torrent) Metainfo() (*Metainfo, error) {
	if m, _ := t.supplies(); m != nil {
		return m.meta, nil
	}
	return t.read()
}

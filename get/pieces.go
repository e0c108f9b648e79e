package get

import (
	"errors"
	"net/netip"
	"sync/atomic"
	"time"

	"bt/internal/metainfo"
	"bt/internal/partial"
	"bt/internal/peer"
	"bt/internal/picker"
	"bt/internal/store"
	"bt/internal/upload"
)

// A sink takes the blocks of pieces, verifies the pieces and keeps them. Its methods may be
// called by several goroutines.
type sink interface {
	// Take takes blocks, and does not wait for the disk.
	Take(list ...partial.Block) error

	// Drop forgets the blocks of a piece that is not complete.
	Drop(piece int)

	// DropBlock forgets a block of a piece that is not complete.
	DropBlock(piece int, begin int64)

	// MaxOpen returns how many pieces may be incomplete or not verified at once.
	MaxOpen() int
}

// pieces are the pieces of a torrent that is known: which are there, and which are
// requested from which peer.
type pieces struct {
	getter  *Getter
	torrent *Metainfo
	content *metainfo.Content
	count   int
	wanted  func(file int) bool
	trees   *upload.HashTrees
	sink    sink
	stream  *partial.Stream // the sink; nil: it is a directory
	done    <-chan struct{} // closed when all that is wanted is written
	close   func() error    // of the sink
	streams int             // the file of the stream
	next    int             // the piece that the stream writes next; only its events change it
	path    string          // of the content; "" for a stream

	files *store.Content                // what peers are served from; nil: they are not served
	field atomic.Pointer[peer.Bitfield] // pieces that peers may be served; replaced, never modified

	// Guarded by getter.mu.
	picker *picker.Picker
	needed peer.Bitfield // pieces that are wanted
	own    peer.Bitfield // pieces that are there
	size   int64         // bytes that are wanted
	there  int64         // those that are there
	left   int64         // bytes that are missing, of all files
	timer  *time.Timer   // publishes own; nil: it is published
}

// newPieces returns the pieces of a torrent, none of which is there.
func (g *Getter) newPieces(t *Metainfo, wanted func(file int) bool) (*pieces, error) {
	c, err := t.Content()
	if err != nil {
		return nil, err
	}
	p := &pieces{getter: g, torrent: t, content: c, count: c.Layout.Pieces(), wanted: wanted, trees: upload.NewHashTrees(t, c)}
	if p.wanted == nil {
		p.wanted = func(int) bool { return true }
	}
	for i := range c.Files {
		f := &c.Files[i]
		if f.Pad {
			continue
		}
		p.left += f.Length
		if p.wanted(i) {
			p.size += f.Length
		}
	}
	return p, nil
}

// begin sets the pieces that are there, and the sink. window is that of the picker.
func (p *pieces) begin(have peer.Bitfield, s sink, window int) {
	p.sink, p.own = s, append(peer.Bitfield(nil), have...)
	p.needed = peer.NewBitfield(p.count)
	for i := range p.count {
		all, of := p.bytes(i)
		if of > 0 {
			p.needed.Set(i)
		}
		if have.Has(i) {
			p.left -= all
			p.there += of
		}
	}
	published := peer.NewBitfield(p.count)
	if p.files != nil {
		copy(published, have)
	}
	p.field.Store(&published)
	p.picker = picker.New(picker.Options{
		Pieces: p.count, Length: p.length, Have: have, Wanted: p.needed, Sequential: p.getter.options.Sequential,
		Window: window, MaxOpen: s.MaxOpen(), Drop: s.Drop,
	})
}

// have returns the pieces that peers may be served. It must not be modified.
func (p *pieces) have() peer.Bitfield { return *p.field.Load() }

// length returns the length of a piece without the padding at its end, which the sink takes
// from no peer.
func (p *pieces) length(i int) int64 {
	var n, data int64
	c := p.content.Layout.Cursor(i)
	for s, ok := c.Next(); ok; s, ok = c.Next() {
		if n += s.Length; s.File != metainfo.Gap && !p.content.Files[s.File].Pad {
			data = n
		}
	}
	return data
}

// paddedLength returns the length up to which peers may request blocks of a piece. A v2
// file is followed by zeros that belong to no piece, and libtorrent (2.0.8) requests whole
// blocks there.
func (p *pieces) paddedLength(i int) int64 {
	l := p.content.Layout
	if !p.torrent.V1 {
		return l.PieceLength()
	}
	return min(l.PieceLength(), l.Total()-int64(i)*l.PieceLength())
}

// bytes returns how many bytes of files a piece has, and how many of them are wanted.
func (p *pieces) bytes(i int) (all, wanted int64) {
	c := p.content.Layout.Cursor(i)
	for s, ok := c.Next(); ok; s, ok = c.Next() {
		if s.File == metainfo.Gap || p.content.Files[s.File].Pad {
			continue
		}
		all += s.Length
		if p.wanted(s.File) {
			wanted += s.Length
		}
	}
	return all, wanted
}

// take gives blocks to the sink.
func (p *pieces) take(list ...partial.Block) error {
	err := p.sink.Take(list...)
	if errors.Is(err, partial.ErrFull) || errors.Is(err, partial.ErrBlock) {
		p.getter.fail(err) // the picker counts them as received
	}
	return err
}

// hashed records whether a piece that was complete is right, and bans the peers that are
// found to have sent wrong blocks of it.
func (p *pieces) hashed(e partial.EventPiece) {
	p.getter.mu.Lock()
	defer p.getter.mu.Unlock()
	switch {
	case p.own == nil:
		return // it was found before begin, which gets all that is there
	case !e.Proven:
		p.ban(e.Piece, p.picker.Failed(e.Piece, e.Blocks, time.Now()))
		p.wakeIdle()
		return
	case e.Blocks != nil:
		p.ban(e.Piece, p.picker.Convict(e.Piece, e.Blocks))
	}
	if p.stream == nil {
		p.verified(e.Piece)
	}
}

// ban bans peers, and drops web seeds, that have sent wrong blocks of a piece. Getter.mu is
// locked.
func (p *pieces) ban(piece int, liars []*picker.Peer) {
	for _, q := range liars {
		switch data := q.Data.(type) {
		case *conn:
			p.getter.ban(data)
		case netip.Addr: // it has left
			p.getter.hub.Ban(data)
		case *webConn:
			data.convict(piece)
		}
	}
}

// revoke drops the blocks of a banned peer, which must not send any more. Getter.mu is
// locked.
func (p *pieces) revoke(q *picker.Peer) {
	for _, b := range p.picker.Revoke(q) {
		p.sink.DropBlock(int(b.Piece), int64(b.Begin))
	}
}

// verified records that a piece is there. Getter.mu is locked.
func (p *pieces) verified(i int) {
	if !p.own.Has(i) {
		cancelRequests(p.picker.Done(i))
		p.own.Set(i)
		all, wanted := p.bytes(i)
		p.left -= all
		p.there += wanted
		if p.timer == nil && p.files != nil {
			p.timer = time.AfterFunc(publishPause, p.publish)
		}
		if p.picker.Missing() == 0 {
			p.getter.signal()
		}
	}
	p.wakeIdle()
}

// streamed records the pieces that the stream has written as there: only then is there room
// for others.
func (p *pieces) streamed() {
	p.getter.mu.Lock()
	defer p.getter.mu.Unlock()
	for next, _ := p.stream.Window(); p.next < next; p.next++ {
		p.verified(p.next)
	}
}

// publishPause is how long pieces may be there before peers learn of them, so that not each
// piece costs a copy of the bitfield.
const publishPause = 20 * time.Millisecond

// publish offers the pieces that are there to peers.
func (p *pieces) publish() {
	p.getter.mu.Lock()
	defer p.getter.mu.Unlock()
	p.timer = nil
	next := append(peer.Bitfield(nil), p.own...)
	p.field.Store(&next)
	for c := range p.getter.conns {
		c.up.Notify()
	}
}

// wakeIdle makes the connections request blocks for which there were none before. Getter.mu
// is locked.
func (p *pieces) wakeIdle() {
	for c := range p.getter.conns {
		if c.idle {
			c.idle = false
			c.Wake()
		}
	}
	p.getter.wakeWebSeeds()
}

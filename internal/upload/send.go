package upload

import (
	"errors"
	"syscall"
	"time"

	"bt/internal/pool"
	"bt/internal/store"
)

// batches are in proportion to CPUs, not to peers: a peer holds none while it is waited
// for.
var batches pool.Pool[batch]

// Send sends as many requested blocks as the socket accepts at once, as Send of
// [link.Handler].
func (p *Peer) Send() (until time.Time, err error) {
	forever := p.Link.Idle()
	if p.News.Load() {
		forever = time.Time{}
	}
	wants := p.queue.len() > 0
	p.budget.Want(wants)
	if !wants {
		return forever, nil
	}
	limit, after := p.budget.Allowance(int64(p.queue.first().Length))
	if !after.IsZero() {
		return after, nil
	}
	err = p.sendBatch(limit)
	if errors.Is(err, syscall.EFAULT) || errors.Is(err, store.ErrChanged) {
		// A mapped file has shrunk, or the disk has failed, while plain bytes were sent.
		// The message may have been sent in part.
		p.Source.Unread(p.queue.waiting()...)
	}
	return time.Time{}, err
}

// sendBatch sends as many bytes of blocks as the socket accepts, up to limit.
func (p *Peer) sendBatch(limit int64) error {
	p.Torrent.Take()
	defer p.Torrent.Give()
	b := batches.Get()
	defer batches.Put(b)
	defer b.release()
	b.CopyAll = p.Link.Encrypts()
	begun := p.queue.begun
	content := p.Source.Content()
	for _, want := range p.queue.waiting() {
		if !b.fits(want, min(limit, p.Link.Room())) {
			break
		}
		if err := b.add(content, want, begun); err != nil {
			p.Source.Unread(want)
			return err
		}
		begun = 0
	}
	err := b.Check()
	if err != nil {
		return err
	}
	var n int64
	if b.CopyAll {
		n, err = p.Link.WriteEncrypted(b.Copied())
	} else {
		n, err = p.Link.Write(b.Parts())
	}
	if done := p.queue.advance(n); done > 0 {
		p.sent(done)
	}
	return err
}

// sent counts n bytes of blocks as sent.
func (p *Peer) sent(n int64) {
	p.budget.Spend(n)
	p.Flood.Useful()
	p.Link.Alive() // a peer that receives blocks is not silent
	p.Slot.Sent(n)
	p.Source.Sent(n)
}

// Midway reports whether a block has been sent in part.
func (p *Peer) Midway() bool { return p.queue.begun != 0 }

// Rest frees the queue.
func (p *Peer) Rest() { p.queue.shrink() }

package seed

import (
	"errors"
	"time"

	"bt/internal/piece"
	"bt/internal/store"
)

const (
	// maxProbes is the maximum number of unreadable blocks remembered per torrent.
	maxProbes = 128

	// minProbePause and maxProbePause bound the delay before unreadable blocks are
	// read again. It doubles each time.
	minProbePause = 5 * time.Second
	maxProbePause = 10 * time.Minute
)

// A failedRead is an error of reading with the blocks that must be readable before the
// torrent is served again.
type failedRead struct {
	*store.ReadError
	blocks []store.Block
}

func (e *failedRead) Unwrap() error { return e.ReadError }

// seeding is what rechecks compare the files of a seeded torrent with.
type seeding struct {
	identity        piece.Digest  // of the files when they were checked
	unreadableSince time.Time     // since when the torrent file can't be read; zero: it can
	unreadBlocks    []store.Block // blocks that could not be read for peers
}

// A settling tracks whether data that has changed or failed is stable again.
type settling struct {
	retry bool         // check again even if the files are the same as when the torrent failed
	first piece.Digest // identities of the files when the torrent failed
	last  piece.Digest // identities of the files at the last recheck
	since time.Time    // when last was first seen

	probe []store.Block // blocks to read successfully first
	wait  time.Duration // before the next probe
	next  time.Time     // time of the next probe
}

// suspect schedules a recheck.
func (l *life) suspect() {
	if l.suspected.CompareAndSwap(false, true) {
		l.torrent.seeder.suspects.put(l.torrent)
	}
}

// suspectRead records blocks that could not be read, and schedules a recheck.
func (l *life) suspectRead(blocks ...store.Block) {
	l.mu.Lock()
	if l.state.serves() && len(l.seeding.unreadBlocks) < maxProbes {
		l.seeding.unreadBlocks = append(l.seeding.unreadBlocks, blocks[:min(len(blocks), maxProbes-len(l.seeding.unreadBlocks))]...)
	}
	l.mu.Unlock()
	l.suspect()
}

// takeUnreadBlocks returns the blocks that could not be read, and clears the list.
func (l *life) takeUnreadBlocks() []store.Block {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := l.seeding.unreadBlocks
	l.seeding.unreadBlocks = nil
	return list
}

// probes returns the blocks that must be readable before the torrent is checked
// again. due reports whether it is time to try.
func (l *life) probes() (blocks []store.Block, due bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.settling.probe, !time.Now().Before(l.settling.next)
}

// probeLater schedules the next probe, after twice the last wait.
func (l *life) probeLater() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.settling.wait = min(max(2*l.settling.wait, l.torrent.seeder.options.recheckEvery), maxProbePause)
	l.settling.next = time.Now().Add(l.settling.wait)
	l.recheckIn(l.settling.wait)
}

// recheckLater schedules a recheck for when the data may have settled. l.mu is
// locked.
func (l *life) recheckLater() { l.recheckIn(l.torrent.seeder.options.recheckEvery) }

// recheckIn schedules a recheck after wait. l.mu is locked.
func (l *life) recheckIn(wait time.Duration) {
	if l.later == nil {
		l.later = time.AfterFunc(wait, l.suspect)
	} else {
		l.later.Reset(wait)
	}
}

// waitOut reports whether to ignore err for now and recheck later. It does so when
// resources are scarce, and for a short time when the torrent file can't be read: it
// may just have been removed, or is being written.
func (l *life) waitOut(err error) bool {
	_, unread := errors.AsType[*unreadError](err)
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case store.IsScarcity(err):
	case !unread:
		l.seeding.unreadableSince = time.Time{}
		return false
	case l.seeding.unreadableSince.IsZero():
		l.seeding.unreadableSince = time.Now()
	case time.Since(l.seeding.unreadableSince) >= l.torrent.seeder.options.recheckEvery*9/10:
		l.seeding.unreadableSince = time.Time{}
		return false
	}
	l.recheckLater()
	return true
}

// hasSettled reports whether two rechecks in a row have seen the identities now, and
// whether they differ from those at the failure, unless retry is set.
func (l *life) hasSettled(now piece.Digest) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := &l.settling
	if now != r.last {
		r.last, r.since = now, time.Now()
		l.recheckLater()
		return false
	}
	return (r.retry || now != r.first) && time.Since(r.since) >= l.torrent.seeder.options.recheckEvery*9/10
}

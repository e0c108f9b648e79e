package seed

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"bt/internal/peer"
	"bt/internal/store"
)

const (
	// openers is the number of goroutines that find data and look it up in the cache.
	// hashers is the number of goroutines that hash data, each with all CPUs.
	openers = 4
	hashers = 2
)

var errNoData = errors.New("none of the data is there")

// A backlog is a queue of torrents.
type backlog struct {
	mu    sync.Mutex
	list  []*Torrent
	ready chan struct{} // signals a torrent; has a buffer of one
}

func newBacklog() *backlog { return &backlog{ready: make(chan struct{}, 1)} }

func (b *backlog) put(t *Torrent) {
	b.mu.Lock()
	b.list = append(b.list, t)
	b.mu.Unlock()
	b.signal()
}

func (b *backlog) signal() {
	select {
	case b.ready <- struct{}{}:
	default:
	}
}

// take waits for the next torrent. It returns nil when ctx has ended.
func (b *backlog) take(ctx context.Context) *Torrent {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-b.ready:
		}
		if t := b.pop(); t != nil {
			return t
		}
	}
}

// pop returns the next torrent, or nil if there is none.
func (b *backlog) pop() *Torrent {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.list) == 0 {
		return nil
	}
	t := b.list[0]
	b.list[0] = nil
	if b.list = b.list[1:]; len(b.list) > 0 {
		b.signal()
	}
	return t
}

// manage checks torrents, starts to serve them, and rechecks their data, until ctx
// ends.
func (s *Seeder) manage(ctx context.Context) {
	var wg sync.WaitGroup
	work := func(b *backlog, do func(t *Torrent, ctx context.Context)) {
		wg.Go(func() {
			for t := b.take(ctx); t != nil; t = b.take(ctx) {
				do(t, ctx)
			}
		})
	}
	for range openers {
		work(s.toOpen, (*Torrent).open)
	}
	for range hashers {
		work(s.toHash, (*Torrent).check)
	}
	wg.Go(func() { s.recheckAll(ctx) })
	wg.Wait()
}

// open starts to serve a torrent if its data need not be hashed. Otherwise it queues
// the torrent for a check.
func (t *Torrent) open(ctx context.Context) {
	t.step(ctx, func(ctx context.Context, m *loadedMetainfo, seen *epoch) error {
		if have, ok := t.recall(m); ok {
			return t.begin(m, have, true, seen)
		}
		t.seeder.toHash.put(t)
		return nil
	})
}

// check hashes the data of a torrent and starts to serve the pieces that are
// available.
func (t *Torrent) check(ctx context.Context) {
	t.step(ctx, func(ctx context.Context, m *loadedMetainfo, seen *epoch) error {
		all := m.content.Layout.Bytes()
		if !t.setState(seen, StateChecking, EventChecking{t, 0, all}, func() { t.checking = checking{total: all} }) {
			return nil
		}
		c, err := t.hash(ctx, m, t.showCheck())
		if err == nil {
			err = t.readFailure(c)
		}
		if err != nil {
			return err
		}
		if c.unread == nil { // not with unreadable files, which may be readable next time, by another user perhaps
			t.remember(m, c.have)
		}
		return t.begin(m, c.have, false, seen)
	})
}

// step runs do, a step toward seeding, until the torrent leaves that path. If do
// fails, the torrent does.
func (t *Torrent) step(ctx context.Context, do func(context.Context, *loadedMetainfo, *epoch) error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	seen, ok := t.work(cancel)
	if !ok {
		return
	}
	m, err := t.load(ctx)
	if err == nil {
		err = do(ctx, m, &seen)
	}
	if err != nil && ctx.Err() == nil {
		t.fail(err, m, &seen)
	}
}

// showCheck returns a progress function that emits at most one event per second.
func (t *Torrent) showCheck() func(done, total int64) {
	last := time.Now()
	return func(done, total int64) {
		if now := time.Now(); now.Sub(last) >= time.Second {
			last = now
			t.progress(done, total)
		}
	}
}

// begin starts to serve a torrent.
func (t *Torrent) begin(m *loadedMetainfo, have peer.Bitfield, known bool, seen *epoch) error {
	count := have.Count()
	if count == 0 && t.pieces > 0 {
		return errNoData
	}
	if t.reached() != nil {
		return nil // measure ends the torrent within a second
	}
	t.setHave(have, m.content)
	if t.seeder.options.SuperSeed {
		t.super.Store(newSuper(have, t.pieces))
	}
	t.warnRenamed(m)
	t.setState(seen, StateSeeding, EventSeeding{t, count, known}, func() { t.seeding = seeding{identity: m.data.Tree().Digest()} })
	return nil
}

// fail stops serving a torrent until its data changes or settles. m is what was
// checked; nil: the files could not be found.
func (t *Torrent) fail(err error, m *loadedMetainfo, seen *epoch) {
	r := settling{retry: errors.Is(err, store.ErrChanged) || store.IsScarcity(err), since: time.Now()}
	if m != nil {
		r.retry = r.retry || m.isRecent()
		r.first = m.data.Tree().StrictDigest()
		r.last = r.first
	}
	wait := t.seeder.options.recheckEvery
	if _, ok := errors.AsType[*store.ReadError](err); ok {
		r.retry, r.wait = true, min(wait, minProbePause)
		r.next = time.Now().Add(r.wait)
	}
	if unread, ok := errors.AsType[*failedRead](err); ok {
		r.probe = unread.blocks
	}
	t.setState(seen, StateWaiting, EventFailed{t, err}, func() {
		t.settling, t.cause = r, err
		t.recheckIn(wait)
	})
}

// all returns the torrents in no particular order.
func (s *Seeder) all() []*Torrent {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.Clone(s.list)
}

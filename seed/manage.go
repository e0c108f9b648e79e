package seed

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"syscall"
	"time"

	"bt/internal/peer"
)

const (
	// defaultRecheckEvery is the interval at which the files of torrents with peers
	// are rechecked. It is the minimum for a round through all others.
	defaultRecheckEvery = 5 * time.Second

	// recheckPause is the pause between rechecks, as a multiple of the time that a
	// recheck took. With it, rechecking ten thousand torrents takes a third of a
	// percent of a CPU, and a slow disk is not kept busy.
	recheckPause = 300

	// maxRecheckPause is the longest pause, because a disk that failed slowly may
	// recover.
	maxRecheckPause = time.Minute

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
		if !t.setState(seen, StateChecking, EventChecking{t, 0, all}, func() { t.checked, t.toCheck = 0, all }) {
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
	t.setState(seen, StateSeeding, EventSeeding{t, count, known}, func() { t.identity = m.data.tree.Digest() })
	return nil
}

// fail stops serving a torrent until its data changes or settles. m is what was
// checked; nil: the files could not be found.
func (t *Torrent) fail(err error, m *loadedMetainfo, seen *epoch) {
	r := settling{retry: errors.Is(err, errChanged) || isScarcity(err), since: time.Now()}
	if m != nil {
		r.retry = r.retry || m.isRecent()
		r.first = m.data.tree.StrictDigest()
		r.last = r.first
	}
	wait := t.seeder.options.recheckEvery
	if unread, ok := errors.AsType[*readError](err); ok {
		r.retry, r.probe, r.wait = true, unread.blocks, min(wait, minProbePause)
		r.next = time.Now().Add(r.wait)
	}
	t.setState(seen, StateWaiting, EventFailed{t, err}, func() {
		t.settling, t.cause = r, err
		t.recheckIn(wait)
	})
}

// recheckAll rechecks the files of all torrents until ctx ends: suspects at once,
// those with peers often, the others in turn.
func (s *Seeder) recheckAll(ctx context.Context) {
	every := s.options.recheckEvery
	busy, idle := time.NewTimer(every), time.NewTimer(every)
	var round []*Torrent
	began := time.Now() // start of the round
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.suspects.ready:
			if t := s.suspects.pop(); t != nil {
				t.suspected.Store(false) // before the recheck, so that a later suspicion is not lost
				t.recheck(ctx)
			}
		case <-busy.C:
			now := time.Now()
			for _, t := range s.all() {
				if t.hasPeers() {
					t.recheck(ctx)
				}
			}
			busy.Reset(max(every, min(recheckPause/10*time.Since(now), maxRecheckPause)))
		case now := <-idle.C:
			if len(round) == 0 {
				if wait := time.Until(began.Add(every)); wait > 0 {
					idle.Reset(wait)
					continue
				}
				round, began = s.all(), now
			}
			if len(round) == 0 {
				idle.Reset(every)
				continue
			}
			t := round[0]
			round[0] = nil // don't keep it in memory if it is removed during the round
			round = round[1:]
			if !t.hasPeers() {
				t.recheck(ctx)
			}
			idle.Reset(min(recheckPause*time.Since(now), maxRecheckPause))
		}
	}
}

// recheck compares the files with those that were checked, and stops or restarts the
// torrent if needed.
func (t *Torrent) recheck(ctx context.Context) {
	switch state, seen := t.now(); {
	case state.serves():
		t.recheckServed(ctx, &seen)
	case state == StateWaiting:
		t.recheckWaiting(ctx, &seen)
	}
}

// recheckServed stops the torrent if its files have changed or can't be read.
func (t *Torrent) recheckServed(ctx context.Context, seen *epoch) {
	m, err := t.look(ctx)
	if ctx.Err() != nil || t.waitOut(err) {
		return
	}
	if err == nil {
		err = t.reread(m)
	}
	if err != nil {
		t.fail(err, m, seen)
	}
}

// recheckWaiting queues the torrent for a check if its files have settled and the
// blocks that could not be read are readable again.
func (t *Torrent) recheckWaiting(ctx context.Context, seen *epoch) {
	m, err := t.load(ctx)
	if ctx.Err() != nil {
		return
	}
	blocks, due := t.probes()
	if err == nil && len(blocks) > 0 {
		if !due {
			return
		}
		err = m.readAgain(blocks)
	}
	if _, unread := errors.AsType[*readError](err); unread && due {
		t.probeLater()
	}
	if err == nil && t.hasSettled(m.data.tree.StrictDigest()) && t.setState(seen, StateQueued, nil, nil) {
		t.seeder.toOpen.put(t)
	}
}

// look returns an error if the files have changed since they were checked. If the
// metainfo is loaded and all files are unchanged, look only stats them. Otherwise it
// finds the files again. m is what it found, nil if that failed.
func (t *Torrent) look(ctx context.Context) (m *loadedMetainfo, err error) {
	served, identity := t.supplies()
	find := t.load // the paths are only in the metainfo
	if served != nil {
		if same, err := served.isUnchanged(ctx); same || err != nil {
			return served, err
		}
		find = served.find
	}
	if m, err = find(ctx); err == nil && m.data.tree.Digest() != identity {
		err = changedFile(served, m)
	}
	return m, err
}

// reread reads blocks again that could not be read for a peer, since the error may
// have been temporary.
func (t *Torrent) reread(m *loadedMetainfo) error {
	blocks := t.takeUnreadBlocks()
	err := m.readAgain(blocks)
	if isScarcity(err) {
		return nil
	}
	if unread, ok := errors.AsType[*readError](err); ok {
		unread.blocks = blocks
	}
	return err
}

// isScarcity reports whether an error is a lack of resources, which says nothing
// about the torrent or its data.
func isScarcity(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) || errors.Is(err, syscall.ENOMEM)
}

// changedFile returns errChanged with the path of the first file that differs in m, or
// of the content if served is nil.
func changedFile(served, m *loadedMetainfo) error {
	if served != nil {
		was, is := served.data.tree, m.data.tree
		for i := range was.Files {
			if !was.Files[i].ID.Equal(is.Files[i].ID) {
				return fmt.Errorf("%s: %w", is.Path(i), errChanged)
			}
		}
	}
	return fmt.Errorf("%s: %w", m.root, errChanged)
}

// all returns the torrents in no particular order.
func (s *Seeder) all() []*Torrent {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.Clone(s.list)
}

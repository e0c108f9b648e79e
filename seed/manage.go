package seed

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"slices"
	"sync"
	"syscall"
	"time"

	"bt/internal/peer"
	"bt/internal/piece"
)

const (
	// defaultLook is how often the files of a torrent are looked at, while it has
	// peers; the others come round no faster than that.
	defaultLook = 5 * time.Second

	// So many times as long as a look at the files of a torrent has taken is the
	// pause until the next: ten thousand torrents are looked at with a third of a
	// percent of a processor, and a slow disk is not kept busy.
	lookPause = 300

	// openers look for data and for what is known of it; hashers read all of it,
	// each with all processors.
	openers = 4
	hashers = 2
)

// serves tells whether peers are let in.
func (s State) serves() bool { return s == IsSeeding || s == SuperSeeding }

// A rest tells when data that has changed is at rest.
type rest struct {
	retry bool      // even if it is what it was when it failed
	first string    // when it failed, as identityOf tells
	last  string    // when it was looked at last
	since time.Time // of last
}

var errNoData = errors.New("none of the data is there")

// A backlog is torrents that wait for something to be done.
type backlog struct {
	mu    sync.Mutex
	list  []*Torrent
	ready chan struct{} // room for one
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

// take waits for the first; nil: ctx has ended.
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

// pop takes the first; nil: there is none.
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

// manage checks torrents, begins to serve them, and looks after their data, until
// ctx ends.
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
	wg.Go(func() { s.lookAround(ctx) })
	wg.Wait()
}

// open serves a torrent if its data is known to be good, or else has it checked.
func (t *Torrent) open(ctx context.Context) {
	t.resume(ctx, func(ctx context.Context, m *material) error {
		if have, ok := t.recall(m); ok {
			return t.begin(m, have, true)
		}
		t.seeder.toHash.put(t)
		return nil
	})
}

// check hashes the data of a torrent and serves what there is.
func (t *Torrent) check(ctx context.Context) {
	t.resume(ctx, func(ctx context.Context, m *material) error {
		if !t.proceed(InCheck) {
			return nil
		}
		have, err := t.hash(ctx, m, t.showCheck())
		if err != nil {
			return err
		}
		t.remember(m, have)
		return t.begin(m, have, false)
	})
}

// resume does a step on the way to be seeded, which ends when the torrent is
// removed. It fails if the step does.
func (t *Torrent) resume(ctx context.Context, step func(context.Context, *material) error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	t.mu.Lock()
	t.cancel = cancel
	over := t.isOver()
	t.mu.Unlock()
	if over {
		return
	}
	m, err := t.load(ctx)
	if err == nil {
		err = step(ctx, m)
	}
	if err != nil && ctx.Err() == nil {
		t.fail(err, m)
	}
}

// isOver tells whether nothing more is to be done for it. t.mu is locked.
func (t *Torrent) isOver() bool { return t.gone || t.state == Done }

// proceed sets the next state, unless it is over.
func (t *Torrent) proceed(s State) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.isOver() {
		return false
	}
	t.state = s
	return true
}

// showCheck returns what tells how far a check is, once a second.
func (t *Torrent) showCheck() func(done, total int64) {
	last := time.Now()
	return func(done, total int64) {
		if now := time.Now(); now.Sub(last) >= time.Second {
			last = now
			t.mu.Lock()
			t.done = done
			t.mu.Unlock()
			t.seeder.emit(Event{Kind: Checking, Torrent: t, Done: done, Total: total})
		}
	}
}

// begin lets peers in and tells trackers.
func (t *Torrent) begin(m *material, have peer.Bitfield, known bool) error {
	count := have.Count()
	if count == 0 && t.pieces > 0 {
		return errNoData
	}
	if t.reached(time.Now()) != nil {
		return nil // by what earlier runs did; it is told within a second
	}
	t.setHave(have, m.content)
	if t.seeder.options.SuperSeed {
		t.super.Store(newSuper(have, t.pieces))
	}
	t.mu.Lock()
	if t.isOver() {
		t.mu.Unlock()
		return nil
	}
	t.state, t.cause, t.identity = IsSeeding, nil, digestOf(m.data.tree)
	t.mu.Unlock()
	t.sayRenamed(m)
	t.seeder.emit(Event{Kind: Seeding, Torrent: t, Pieces: count, Known: known})
	t.seeder.announcer.poke(t)
	return nil
}

// fail stops serving until the data has changed, or is at rest. m has what was
// seen of it; nil: nothing.
func (t *Torrent) fail(err error, m *material) {
	r := rest{retry: errors.Is(err, errChanged), since: time.Now()}
	if m != nil {
		r.first, _ = identityOf(m.data.tree) // with the times of change: permissions count too
		r.last = r.first
	}
	t.mu.Lock()
	if t.isOver() {
		t.mu.Unlock()
		return
	}
	t.rest, t.cause = r, err
	t.mu.Unlock()
	t.stop(Waiting)
	t.seeder.emit(Event{Kind: Failed, Torrent: t, Err: err})
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lookLater()
}

// stop sends the peers away and tells the trackers.
func (t *Torrent) stop(s State) {
	t.mu.Lock()
	if t.state == Done && s != Done { // it was done in the meantime
		t.mu.Unlock()
		return
	}
	if t.cancel != nil {
		t.cancel()
	}
	m := t.material
	t.state, t.material, t.users = s, nil, 0
	t.mu.Unlock()
	t.seeder.slots.dismiss(t)
	if m != nil {
		t.seeder.views.forget(m.data)
	}
	t.seeder.announcer.poke(t)
}

// suspect has the data looked at soon.
func (t *Torrent) suspect() {
	if t.suspected.CompareAndSwap(false, true) {
		t.seeder.suspects.put(t)
	}
}

// lookLater has the data looked at when it may have come to rest. t.mu is locked.
func (t *Torrent) lookLater() {
	if t.later == nil {
		t.later = time.AfterFunc(t.seeder.options.lookEvery, t.suspect)
	} else {
		t.later.Reset(t.seeder.options.lookEvery)
	}
}

// lookAround looks at the files of all torrents until ctx ends: of those that have
// peers often, of the others in turn.
func (s *Seeder) lookAround(ctx context.Context) {
	every := s.options.lookEvery
	busy, idle := time.NewTimer(every), time.NewTimer(every)
	var round []*Torrent
	began := time.Now() // the round
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.suspects.ready:
			if t := s.suspects.pop(); t != nil {
				t.suspected.Store(false) // before it looks, or news would be lost
				t.look(ctx)
			}
		case <-busy.C:
			now := time.Now()
			for _, t := range s.all() {
				if t.hasPeers() {
					t.look(ctx)
				}
			}
			busy.Reset(max(every, lookPause/10*time.Since(now)))
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
			round[0] = nil // it may be removed before the round is over
			round = round[1:]
			if !t.hasPeers() {
				t.look(ctx)
			}
			idle.Reset(lookPause * time.Since(now))
		}
	}
}

func (t *Torrent) hasPeers() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.users > 0
}

// look looks at the files, and does what they ask for.
func (t *Torrent) look(ctx context.Context) {
	t.mu.Lock()
	state, over := t.state, t.isOver()
	t.mu.Unlock()
	if over || !state.serves() && state != Waiting {
		return
	}
	m, err := t.load(ctx)
	if ctx.Err() != nil {
		return
	}
	if state == Waiting {
		if err != nil {
			return
		}
		if now, _ := identityOf(m.data.tree); t.atRest(now) && t.proceed(Queued) {
			t.seeder.toOpen.put(t)
		}
		return
	}
	if t.doubts(err) {
		return
	}
	if err == nil {
		err = t.compare(m)
	}
	if err != nil {
		t.fail(err, m)
	}
}

// doubts tells whether to wait and see what becomes of a torrent that can't be read
// again: it may have been removed just now, or is being written.
func (t *Torrent) doubts(err error) bool {
	_, unread := errors.AsType[*unreadError](err)
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case isScarcity(err):
	case !unread:
		t.doubt = time.Time{}
		return false
	case t.doubt.IsZero():
		t.doubt = time.Now()
	case time.Since(t.doubt) >= t.seeder.options.lookEvery*9/10:
		t.doubt = time.Time{}
		return false
	}
	t.lookLater()
	return true
}

// isScarcity tells errors that say nothing about a torrent or its data.
func isScarcity(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) || errors.Is(err, syscall.ENOMEM)
}

// compare tells which of the files is not what it was, if that is known.
func (t *Torrent) compare(m *material) error {
	t.mu.Lock()
	same, served := digestOf(m.data.tree) == t.identity, t.material
	t.mu.Unlock()
	if same {
		return nil
	}
	if served != nil {
		was, is := served.data.tree, m.data.tree
		for i := range was.Files {
			if was.Files[i].ID != is.Files[i].ID {
				return fmt.Errorf("%s: %w", is.Path(i), errChanged)
			}
		}
	}
	return fmt.Errorf("%s: %w", m.root, errChanged)
}

// atRest tells whether two looks have seen the same, and something else than when
// it failed, if that matters.
func (t *Torrent) atRest(now string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := &t.rest
	if now != r.last {
		r.last, r.since = now, time.Now()
		t.lookLater()
		return false
	}
	return (r.retry || now != r.first) && time.Since(r.since) >= t.seeder.options.lookEvery*9/10
}

// A digest sums up the identities of all files of a torrent.
type digest [sha256.Size]byte

func digestOf(tree *piece.Tree) (d digest) {
	h := sha256.New()
	for i := range tree.Files {
		if f := &tree.Files[i]; !f.Pad && !f.Link {
			writeIdentity(h, i, f.ID, 0)
		}
	}
	h.Sum(d[:0])
	return d
}

func writeIdentity(h hash.Hash, file int, id piece.Identity, change int64) {
	var line [6 * 8]byte
	for k, n := range []uint64{uint64(file), uint64(id.Size), uint64(id.ModTime), uint64(change), id.Dev, id.Ino} {
		binary.LittleEndian.PutUint64(line[8*k:], n)
	}
	h.Write(line[:])
}

// all are the torrents in no order.
func (s *Seeder) all() []*Torrent {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.Clone(s.list)
}

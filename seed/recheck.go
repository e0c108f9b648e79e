package seed

import (
	"context"
	"errors"
	"fmt"
	"time"

	"bt/internal/store"
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
)

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
	if _, unread := errors.AsType[*store.ReadError](err); unread && due {
		t.probeLater()
	}
	if err == nil && t.hasSettled(m.data.Tree().StrictDigest()) && t.setState(seen, StateQueued, nil, nil) {
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
	if m, err = find(ctx); err == nil && m.data.Tree().Digest() != identity {
		err = changedFile(served, m)
	}
	return m, err
}

// changedFile returns store.ErrChanged with the path of the first file that differs in m, or
// of the content if served is nil.
func changedFile(served, m *loadedMetainfo) error {
	if served != nil {
		was, is := served.data.Tree(), m.data.Tree()
		for i := range was.Files {
			if !was.ID(i).Equal(is.ID(i)) {
				return fmt.Errorf("%s: %w", is.Path(i), store.ErrChanged)
			}
		}
	}
	return fmt.Errorf("%s: %w", m.root, store.ErrChanged)
}

// reread reads blocks again that could not be read for a peer, since the error may
// have been temporary.
func (t *Torrent) reread(m *loadedMetainfo) error {
	blocks := t.takeUnreadBlocks()
	err := m.readAgain(blocks)
	if store.IsScarcity(err) {
		return nil
	}
	if unread, ok := errors.AsType[*store.ReadError](err); ok {
		return &failedRead{unread, blocks}
	}
	return err
}

// readAgain reads blocks, and returns the first error.
func (m *loadedMetainfo) readAgain(blocks []store.Block) error {
	buf := buffers.Get()
	defer buffers.Put(buf)
	for _, b := range blocks {
		if err := m.data.Probe(b, buf[:]); err != nil {
			return err
		}
	}
	return nil
}

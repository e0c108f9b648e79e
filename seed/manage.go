package seed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"bt/internal/piece"
)

// defaultLook is how often the files of a torrent are looked at, while it is
// served and while its data is waited for.
const defaultLook = 5 * time.Second

// manage checks a torrent and serves it until ctx ends. When its data is not what
// it was it stops, and begins again once the data is at rest.
func (t *torrent) manage(ctx context.Context) {
	for {
		have, tree, known, err := t.check(ctx, t.showCheck())
		if err == nil && have.Count() == 0 && t.pieces > 0 {
			err = errNoData
		}
		if err == nil {
			t.setHave(have)
			err = t.serve(ctx, tree, known)
		}
		if ctx.Err() != nil {
			return
		}
		t.seeder.emit(Event{Kind: Failed, Torrent: t.meta, Err: err})
		if !t.awaitData(ctx, !errors.Is(err, errChanged)) {
			return
		}
	}
}

// showCheck returns what tells how far a check is, once a second.
func (t *torrent) showCheck() func(done, total int64) {
	last := time.Now()
	return func(done, total int64) {
		if now := time.Now(); now.Sub(last) >= time.Second {
			last = now
			t.seeder.emit(Event{Kind: Checking, Torrent: t.meta, Done: done, Total: total})
		}
	}
}

// serve lets peers in and tells trackers until ctx ends, or the data is not what
// it was, which is the error.
func (t *torrent) serve(ctx context.Context, tree *piece.Tree, known bool) error {
	s := t.seeder
	ctx, cancel := context.WithCancel(ctx)
	data := &content{layout: t.content.Layout, tree: tree, views: &s.views}
	var wg sync.WaitGroup
	// Trackers are told last, for that may take its time.
	defer wg.Wait()
	defer cancel()
	t.data.Store(data)
	defer func() {
		s.remove(t)
		t.data.Store(nil)
		s.slots.dismiss(t)
		s.views.forget(data)
	}()
	s.add(t)
	s.emit(Event{Kind: Seeding, Torrent: t.meta, Pieces: t.have().Count(), Known: known})
	t.announceAll(ctx, wg.Go)
	tick := time.NewTicker(t.seeder.options.lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-t.suspected:
		}
		for i := range tree.Files {
			if f := &tree.Files[i]; !f.Pad && !f.Link && identify(tree.Path(i)) != f.ID {
				return fmt.Errorf("%s: %w", tree.Path(i), errChanged)
			}
		}
	}
}

// awaitData waits until two looks at the files see the same, and, if other is
// set, not what the first saw. It returns false when ctx ends.
func (t *torrent) awaitData(ctx context.Context, other bool) bool {
	tree := piece.ContentTree(t.content, t.root)
	look := func() []piece.Identity {
		ids := make([]piece.Identity, len(tree.Files))
		for i := range ids {
			ids[i] = identify(tree.Path(i))
		}
		return ids
	}
	tick := time.NewTicker(t.seeder.options.lookEvery)
	defer tick.Stop()
	first := look()
	for last := first; ; {
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
		now := look()
		if slices.Equal(now, last) && !(other && slices.Equal(now, first)) {
			return true
		}
		last = now
	}
}

// identify is the identity of a file; zero if there is none.
func identify(path string) piece.Identity {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return piece.Identity{}
	}
	return piece.Identify(info)
}

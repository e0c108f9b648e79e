package placefile

import (
	"errors"
	"sync"
)

// maxSyncing is the number of files and directories that are synced at once. A file
// system with a journal writes many of them together.
const maxSyncing = 64

// syncing are running syncs. Its zero value has none.
type syncing struct {
	running sync.WaitGroup
	slots   chan struct{}
	mu      sync.Mutex
	errs    []error
}

// start calls sync in the background, and first waits if many others run.
func (s *syncing) start(sync func() error) {
	if s.slots == nil {
		s.slots = make(chan struct{}, maxSyncing)
	}
	s.slots <- struct{}{}
	s.running.Go(func() {
		defer func() { <-s.slots }()
		if err := sync(); err != nil {
			s.mu.Lock()
			s.errs = append(s.errs, err)
			s.mu.Unlock()
		}
	})
}

// wait waits for all, and returns their errors.
func (s *syncing) wait() error {
	s.running.Wait()
	return errors.Join(s.errs...)
}

package partial

import (
	"errors"
	"io/fs"
	"maps"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"bt/internal/peer"
)

const (
	// saveBytes and saveEvery are how much is written, and how much time passes, before
	// the files are synced and the state is written.
	saveBytes = 64 << 20
	saveEvery = 5 * time.Second

	// maxSyncs is the number of files that are synced at once. A file system with a
	// journal writes many of them together.
	maxSyncs = 32
)

// saveSoon wakes the goroutine that saves.
func (c *Content) saveSoon() {
	select {
	case c.wake <- struct{}{}:
	default: // it is awake
	}
}

// keepSaving saves until Close.
func (c *Content) keepSaving() {
	timer := time.NewTimer(saveEvery)
	defer timer.Stop()
	for {
		due := false
		select {
		case <-c.stop:
			return
		case <-timer.C:
			timer.Reset(saveEvery)
			due = true
		case <-c.wake:
		}
		if c.Err() != nil {
			continue
		}
		if err := c.save(due); err != nil {
			c.fail(err)
		}
	}
}

// A snapshot is what is saved at a time.
type snapshot struct {
	have  peer.Bitfield // nil unless the state is written
	dirty []int
	ready []int
}

// take returns what to save. With all it is everything. Without, it is the files that are
// complete or, if enough was written, everything too.
func (c *Content) take(all bool) (s snapshot) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s.ready, c.ready = c.ready, nil
	if all = all || c.dirtyBytes >= c.options.saveBytes; !all {
		for _, i := range s.ready {
			delete(c.dirty, i)
		}
		s.dirty = s.ready
		return s
	}
	if len(c.dirty) == 0 && len(c.synced) == 0 && len(s.ready) == 0 && c.saved {
		return s
	}
	s.have = append(s.have, c.have...)
	s.dirty = slices.Sorted(maps.Keys(c.dirty))
	clear(c.dirty)
	c.dirtyBytes = 0
	return s
}

// save syncs files, gives complete ones their names and, with all, writes the state. It is
// called by one goroutine at a time.
func (c *Content) save(all bool) error {
	if c.unsure {
		return nil
	}
	s := c.take(all)
	if err := c.syncFiles(s.dirty); err != nil {
		c.unsure = true
		return err
	}
	for _, i := range s.dirty {
		c.synced[i] = true
	}
	named, err := c.completeAll(s.ready)
	if err := c.disk.syncDirs(); err != nil {
		c.unsure = true
		return c.ownError(err)
	}
	c.completed(named, false)
	if s.have != nil {
		err = errors.Join(err, c.saveState(s.have))
	}
	return err
}

// completeAll gives files their names. It returns those that have got them.
func (c *Content) completeAll(files []int) (named []int, err error) {
	for k, i := range files {
		if err := c.files.complete(i, c.replace[i]); err != nil {
			c.mu.Lock()
			c.ready = append(c.ready, files[k:]...)
			c.mu.Unlock()
			return files[:k], c.diskError(i, err)
		}
	}
	return files, nil
}

// syncFiles makes the bytes of files durable.
func (c *Content) syncFiles(files []int) error {
	var group errgroup.Group
	group.SetLimit(maxSyncs)
	for _, i := range files {
		group.Go(func() error {
			f, err := c.files.acquire(i)
			if err == nil {
				err = c.disk.sync(f.File, c.files.path(i))
				c.files.release(f)
			}
			return c.diskError(i, err)
		})
	}
	return group.Wait()
}

// saveState writes the state, or removes it if all files are complete.
func (c *Content) saveState(have peer.Bitfield) error {
	if c.isWhole() {
		return c.ownError(c.removeState())
	}
	for i := range c.synced {
		id, err := c.files.identify(i)
		if err != nil {
			return c.diskError(i, err)
		}
		c.ids[i] = id
	}
	if err := c.writeState(have); err != nil {
		return c.ownError(err)
	}
	clear(c.synced)
	c.saved = true
	return nil
}

// ownError returns an error about a file of this package, or about a directory.
func (c *Content) ownError(err error) error {
	if err == nil {
		return nil
	}
	path := c.disk.path([]string{c.ownName(stateSuffix)})
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		path = pathErr.Path
	}
	return &DiskError{path, err}
}

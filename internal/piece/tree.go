package piece

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
)

// A Tree is the files on disk for the files of a layout.
type Tree struct {
	Root  string // the directory of the files, or the one file
	As    string // the name of Root, if Find found it by another than the torrent's
	Files []Source
	Path  func(i int) string // where file i is; not kept, for there may be millions

	at map[int]string // below Root, of files that were found by another name

	mu     sync.Mutex
	errors map[int]error
}

// At returns the path below Root of a file that Find found by another name than
// that of the torrent; of a single file, its name. ok is false for all others.
func (t *Tree) At(i int) (path string, ok bool) {
	path, ok = t.at[i]
	return path, ok
}

// Renamed returns the first of the files that At knows, and their number.
func (t *Tree) Renamed() (first int, at string, n int) {
	first = -1
	for i := range t.at {
		if first < 0 || i < first {
			first = i
		}
	}
	return first, t.at[first], len(t.at)
}

// Join is filepath.Join for a path whose components were checked: there is
// nothing in it to clean, which takes its time for millions of files.
func Join(root string, path []string) string {
	n := len(root)
	for _, c := range path {
		n += 1 + len(c)
	}
	b := make([]byte, 0, n)
	b = append(b, root...)
	for _, c := range path {
		if len(b) == 0 || !os.IsPathSeparator(b[len(b)-1]) { // root may be a root
			b = append(b, filepath.Separator)
		}
		b = append(b, c...)
	}
	return string(b)
}

// Stat fills in the identity of each file, or the cause why there is none.
// Links are followed: whoever put them there is the user.
func (t *Tree) Stat(ctx context.Context, jobs int) error {
	return t.each(ctx, jobs, func(i int, d *directory) { t.restat(i, d) })
}

// Err is what the system said to the cause of a file; nil if there is no more to
// say.
func (t *Tree) Err(i int) error {
	if t.Files[i].Cause == CauseFine {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.errors[i]
}

func (t *Tree) note(i int, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.errors == nil {
		t.errors = make(map[int]error)
	}
	t.errors[i] = err
}

// Restat is Stat for one file, whatever was known of it.
func (t *Tree) Restat(i int) {
	var d directory
	defer d.close()
	t.restat(i, &d)
}

func (t *Tree) restat(i int, d *directory) {
	s := &t.Files[i]
	id, regular, err := d.stat(t.Path(i), !s.Link)
	s.ID, s.Cause = Identity{}, CauseFine
	switch {
	case err != nil:
		if s.Cause = causeOf(err); s.Cause != CauseMissing { // "missing" says it all, a million times perhaps
			t.note(i, err)
		}
	case s.Link: // its being there is all that is asked
	case !regular:
		s.Cause = CauseNotAFile
	default:
		s.ID = id
	}
}

// CheckReadable tries to open each file that is not public, and sets the cause
// of those that can't be read.
func (t *Tree) CheckReadable(ctx context.Context, jobs int) error {
	return t.each(ctx, jobs, func(i int, d *directory) {
		s := &t.Files[i]
		if s.Link || s.Public {
			return
		}
		var f openFile
		if err := f.open(d, t.Path(i)); err != nil {
			s.Cause = causeOf(err)
			t.note(i, err)
		}
		f.close()
	})
}

// Faults lists the files that have a cause.
func (t *Tree) Faults() []*Fault {
	var faults []*Fault
	for i := range t.Files {
		if t.Files[i].Cause != CauseFine {
			faults = append(faults, t.fault(i))
		}
	}
	return faults
}

func (t *Tree) fault(i int) *Fault {
	return &Fault{i, t.Path(i), t.Files[i].Cause, t.Err(i)}
}

// recheck returns the files that are no longer what they were.
func (t *Tree) recheck(ctx context.Context, jobs int) ([]*Fault, error) {
	changed := make([]bool, len(t.Files)) // each written by one goroutine
	err := t.each(ctx, jobs, func(i int, d *directory) {
		s := &t.Files[i]
		if s.Link {
			return
		}
		id, _, err := d.stat(t.Path(i), true)
		changed[i] = err != nil || id != s.ID
	})
	if err != nil {
		return nil, err
	}
	var faults []*Fault
	for i, c := range changed {
		if c {
			faults = append(faults, &Fault{File: i, Path: t.Path(i), Cause: CauseChanged})
		}
	}
	return faults, nil
}

// each calls f for every file that is on disk, as far as is known, from several
// goroutines, and waits for them. Each goroutine has a directory.
func (t *Tree) each(ctx context.Context, jobs int, f func(i int, d *directory)) error {
	const stride = 64 // few enough to share the work, enough not to fight over next
	n := len(t.Files)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(workers(jobs), (n+stride-1)/stride) {
		wg.Go(func() {
			var d directory
			defer d.close()
			for ctx.Err() == nil {
				first := int(next.Add(stride)) - stride
				if first >= n {
					return
				}
				for i := first; i < min(first+stride, n); i++ {
					if s := &t.Files[i]; !s.Pad && s.Cause == CauseFine {
						f(i, &d)
					}
				}
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

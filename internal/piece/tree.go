package piece

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
)

// A Tree lists the files on disk for the files of a layout.
type Tree struct {
	Root  string // the directory of the files, or the one file
	As    string // the name of Root, if Find found it by an equivalent name
	Files []Source
	Path  func(i int) string // returns the path of file i

	at map[int]string // paths below Root of files that were found by an equivalent name

	mu     sync.Mutex
	errors map[int]error
	ids    atomic.Pointer[[]Identity] // nil if none is set: perhaps millions of files are missing
}

// ID returns the identity of file i when Stat examined it: the zero Identity if it is no
// regular file.
func (t *Tree) ID(i int) Identity {
	if ids := t.ids.Load(); ids != nil {
		return (*ids)[i]
	}
	return Identity{}
}

// SetID sets the identity of a file that is known without Stat.
func (t *Tree) SetID(i int, id Identity) {
	ids := t.ids.Load()
	if ids == nil {
		if id == (Identity{}) {
			return
		}
		ids = t.makeIDs()
	}
	(*ids)[i] = id
}

// SetIDs sets the identities of all files. The tree keeps the slice.
func (t *Tree) SetIDs(ids []Identity) { t.ids.Store(&ids) }

// makeIDs makes the list of identities, once.
func (t *Tree) makeIDs() *[]Identity {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ids.Load() == nil {
		t.SetIDs(make([]Identity, len(t.Files)))
	}
	return t.ids.Load()
}

// At returns the path below Root of a file that Find found by an equivalent name, or of
// a single file its name. ok is false for all other files.
func (t *Tree) At(i int) (path string, ok bool) {
	path, ok = t.at[i]
	return path, ok
}

// Renamed returns the first file that was found by an equivalent name, and the number of
// such files.
func (t *Tree) Renamed() (first int, at string, n int) {
	first = -1
	for i := range t.at {
		if first < 0 || i < first {
			first = i
		}
	}
	return first, t.at[first], len(t.at)
}

// Place sets the paths of some files, which may be anywhere, and identifies them again.
func (t *Tree) Place(paths map[int]string) {
	if len(paths) == 0 {
		return
	}
	path := t.Path
	t.Path = func(i int) string {
		if placed, ok := paths[i]; ok {
			return placed
		}
		return path(i)
	}
	for i := range paths {
		delete(t.at, i)
		t.Restat(i)
	}
}

// Join is filepath.Join without Clean, for a path whose components were checked. It is
// much faster, which matters for millions of files.
func Join(root string, path []string) string {
	n := len(root)
	for _, c := range path {
		n += 1 + len(c)
	}
	var b strings.Builder
	b.Grow(n)
	b.WriteString(root)
	for _, c := range path {
		if at := b.String(); at == "" || !os.IsPathSeparator(at[len(at)-1]) { // root may be "/"
			b.WriteByte(filepath.Separator)
		}
		b.WriteString(c)
	}
	return b.String()
}

// Stat sets the identity of each file, or its Cause. It follows symbolic links, which the user
// made. The error is the cause of ctx.
func (t *Tree) Stat(ctx context.Context, jobs int) error {
	return t.each(ctx, jobs, func(i int, d *directory) { t.restat(i, d) })
}

// Err returns the operating system's error for a file with a Cause, or nil.
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

// Restat is Stat for one file, whose identity and Cause it replaces.
func (t *Tree) Restat(i int) {
	var d directory
	defer d.close()
	t.restat(i, &d)
}

func (t *Tree) restat(i int, d *directory) {
	s := &t.Files[i]
	id, regular, err := d.stat(t.Path(i), !s.Link)
	s.Cause = CauseFine
	switch {
	case err != nil:
		if s.Cause = causeOf(err); s.Cause != CauseMissing { // the cause is enough, for perhaps millions of files
			t.note(i, err)
		}
	case s.Link: // it exists, and has no content
	case !regular:
		s.Cause = CauseNotAFile
	}
	if err != nil || s.Link || !regular {
		id = Identity{}
	}
	t.SetID(i, id)
}

// CheckReadable opens each file that is not Public, and sets the Cause of those that
// can't be opened.
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

// Faults returns a Fault for each file with a Cause.
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

// HasChanged reports whether a file, of those without a Cause, has changed since Stat.
// The error is the cause of ctx.
func (t *Tree) HasChanged(ctx context.Context, jobs int) (bool, error) {
	var changed atomic.Bool
	err := t.each(ctx, jobs, func(i int, d *directory) {
		if !changed.Load() && t.hasChanged(i, d) {
			changed.Store(true)
		}
	})
	return changed.Load(), err
}

func (t *Tree) hasChanged(i int, d *directory) bool {
	s := &t.Files[i]
	if s.Link {
		return false
	}
	id, _, err := d.stat(t.Path(i), true)
	return err != nil || !id.Equal(t.ID(i))
}

// recheck returns the files that have changed since Stat.
func (t *Tree) recheck(ctx context.Context, jobs int) ([]*Fault, error) {
	changed := make([]bool, len(t.Files)) // each element is written by one goroutine
	if err := t.each(ctx, jobs, func(i int, d *directory) { changed[i] = t.hasChanged(i, d) }); err != nil {
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

// each calls f for every file without a Cause, except pad files, from several
// goroutines, and waits for them. Each goroutine has its own directory.
func (t *Tree) each(ctx context.Context, jobs int, f func(i int, d *directory)) error {
	const stride = 64 // small enough to share the work, large enough to avoid contention on next
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

package piece

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"bt/internal/metainfo"
)

// A Tree is the files on disk for the files of a layout.
type Tree struct {
	Files []Source
	Path  func(i int) string // where file i is; not kept, for there may be millions

	mu     sync.Mutex
	errors map[int]error
}

// FindContent decides where the content of a torrent is, given where the user
// says to look: path/name if that exists, else path itself. What is no
// directory is not the content of a torrent of a directory; a directory is
// never a single file, which is missing in it then.
func FindContent(c *metainfo.Content, path string) string {
	inside := Join(path, []string{c.Name}) // and not cleaned: .. may stand behind a link
	if c.Single {
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			return inside
		}
		return path
	}
	if info, err := os.Stat(inside); err == nil && info.IsDir() {
		return inside
	}
	return path
}

// ContentTree returns the files of the content that stands at root. Content was
// checked, so no name leads out of root.
func ContentTree(c *metainfo.Content, root string) *Tree {
	t := &Tree{
		Files: make([]Source, len(c.Files)),
		Path: func(i int) string {
			if c.Single {
				return root
			}
			return Join(root, c.Files[i].Path)
		},
	}
	for i := range c.Files {
		s := &t.Files[i]
		s.Pad, s.Link = c.Files[i].Pad, c.Files[i].IsLink()
		// Windows has names for devices and streams that other systems take for files.
		if !s.Pad && !c.Single && !filepath.IsLocal(filepath.Join(c.Files[i].Path...)) {
			s.Cause = Missing
		}
	}
	return t
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
	return t.each(ctx, jobs, func(i int, _ *Source) { t.Restat(i) })
}

// Err is what the system said to the cause of a file; nil if there is no more to
// say.
func (t *Tree) Err(i int) error {
	if t.Files[i].Cause == Fine {
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
	s := &t.Files[i]
	id, regular, err := stat(t.Path(i), !s.Link)
	s.ID, s.Cause = Identity{}, Fine
	switch {
	case err != nil:
		if s.Cause = causeOf(err); s.Cause != Missing { // "missing" says it all, a million times perhaps
			t.note(i, err)
		}
	case s.Link: // its being there is all that is asked
	case !regular:
		s.Cause = NotAFile
	default:
		s.ID = id
	}
}

// CheckReadable tries to open each file that is not public, and sets the cause
// of those that can't be read.
func (t *Tree) CheckReadable(ctx context.Context, jobs int) error {
	return t.each(ctx, jobs, func(i int, s *Source) {
		if s.Link || s.Public {
			return
		}
		var f openFile
		if err := f.open(t.Path(i)); err != nil {
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
		if t.Files[i].Cause != Fine {
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
	err := t.each(ctx, jobs, func(i int, s *Source) {
		if s.Link {
			return
		}
		id, _, err := stat(t.Path(i), true)
		changed[i] = err != nil || id != s.ID
	})
	if err != nil {
		return nil, err
	}
	var faults []*Fault
	for i, c := range changed {
		if c {
			faults = append(faults, &Fault{File: i, Path: t.Path(i), Cause: Changed})
		}
	}
	return faults, nil
}

// each calls f for every file that is on disk, as far as is known, from several
// goroutines, and waits for them.
func (t *Tree) each(ctx context.Context, jobs int, f func(i int, s *Source)) error {
	const stride = 64 // few enough to share the work, enough not to fight over next
	n := len(t.Files)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(workers(jobs), (n+stride-1)/stride) {
		wg.Go(func() {
			for ctx.Err() == nil {
				first := int(next.Add(stride)) - stride
				if first >= n {
					return
				}
				for i := first; i < min(first+stride, n); i++ {
					if s := &t.Files[i]; !s.Pad && s.Cause == Fine {
						f(i, s)
					}
				}
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

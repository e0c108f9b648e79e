package piece

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"bt/internal/metainfo"
)

// FindContent decides where the content of a torrent is, given where the user
// says to look: path/name if that exists, else path itself. A single file that
// is not in a directory is missing there; it is never that directory.
func FindContent(c *metainfo.Content, path string) string {
	inside := filepath.Join(path, c.Name)
	if _, err := os.Lstat(inside); err == nil {
		return inside
	}
	if info, err := os.Stat(path); c.Single && err == nil && info.IsDir() {
		return inside
	}
	return path
}

// Sources names the file on disk for each file of the content that stands at
// root. Content was checked, so no name leads out of root.
func Sources(c *metainfo.Content, root string) []Source {
	sources := make([]Source, len(c.Files))
	for i := range c.Files {
		f := &c.Files[i]
		s := Source{Path: root, Pad: f.Pad, Link: f.Symlink != nil}
		if !c.Single {
			s.Path = filepath.Join(root, filepath.Join(f.Path...))
		}
		sources[i] = s
	}
	return sources
}

// Stat fills in the identity of each source, or the cause why there is none.
// Links are followed: whoever put them there is the user.
func Stat(ctx context.Context, sources []Source, jobs int) error {
	return forEach(ctx, len(sources), jobs, func(i int) { sources[i].stat() })
}

func (s *Source) stat() {
	if s.Pad {
		return
	}
	stat := os.Stat
	if s.Link {
		stat = os.Lstat
	}
	info, err := stat(s.Path)
	switch {
	case err != nil:
		s.Cause, s.Err = causeOf(err), err
	case s.Link:
		s.ID = Identity{} // its being there is all that was asked
	case !info.Mode().IsRegular():
		s.Cause = NotAFile
	default:
		s.ID = Identify(info)
	}
}

// CheckReadable tries to open each source, and sets the cause of those that
// can't be read.
func CheckReadable(ctx context.Context, sources []Source, jobs int) error {
	return forEach(ctx, len(sources), jobs, func(i int) {
		s := &sources[i]
		if s.Pad || s.Link || s.Cause != Fine {
			return
		}
		f, err := os.Open(s.Path)
		if err != nil {
			s.Cause, s.Err = causeOf(err), err
			return
		}
		f.Close()
	})
}

// recheck returns the sources that are no longer what they were.
func recheck(ctx context.Context, sources []Source, jobs int) ([]*Fault, error) {
	changed := make([]atomic.Bool, len(sources))
	err := forEach(ctx, len(sources), jobs, func(i int) {
		s := &sources[i]
		if s.Pad || s.Link || s.Cause != Fine {
			return
		}
		info, err := os.Stat(s.Path)
		if err != nil || Identify(info) != s.ID {
			changed[i].Store(true)
		}
	})
	if err != nil {
		return nil, err
	}
	var faults []*Fault
	for i := range changed {
		if changed[i].Load() {
			faults = append(faults, &Fault{File: i, Path: sources[i].Path, Cause: Changed})
		}
	}
	return faults, nil
}

// forEach calls f for 0 to n-1 from several goroutines, and waits for them.
func forEach(ctx context.Context, n, jobs int, f func(i int)) error {
	const stride = 64 // few enough to share the work, enough not to fight over next
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
					f(i)
				}
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

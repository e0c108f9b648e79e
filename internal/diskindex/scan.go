package diskindex

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"
)

const (
	// defaultJobs hides the latency of network file systems and of SSDs, and is few
	// enough for spinning disks.
	defaultJobs = 8

	// chunk is the number of entries of a directory that are read at once.
	chunk = 4096

	foundInterval = 100 * time.Millisecond
)

// A scan is a running Scan. mu guards all fields.
type scan struct {
	ctx     context.Context
	mu      sync.Mutex
	more    sync.Cond // signalled when todo gets longer or busy becomes 0
	todo    []todo
	busy    int // goroutines that read a directory
	visited map[any]bool
	index   Index
	errs    []error
}

// A todo is a directory to read.
type todo struct {
	path   string
	parent int32
	name   string
}

// An entry is what a directory holds: a regular file, or a directory.
type entry struct {
	name string
	dir  bool
	size int64
}

func newScan(ctx context.Context) *scan {
	s := &scan{ctx: ctx, visited: make(map[any]bool)}
	s.more.L = &s.mu
	return s
}

// addRoot adds a directory that the caller named, which may be a link to one.
func (s *scan) addRoot(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return &fs.PathError{Op: "scan", Path: path, Err: errors.New("not a directory")}
	}
	if f, err := os.Open(path); err != nil {
		return err
	} else if err := f.Close(); err != nil {
		return err
	}
	abs, err := filepath.Abs(path)
	if err == nil {
		s.todo = append(s.todo, todo{abs, -1, abs})
	}
	return err
}

// run reads all directories.
func (s *scan) run(jobs int, found func(files int)) {
	if jobs <= 0 {
		jobs = defaultJobs
	}
	done := make(chan struct{})
	var wg sync.WaitGroup
	for range jobs {
		wg.Go(s.work)
	}
	go func() {
		wg.Wait()
		close(done)
	}()
	tick := time.NewTicker(foundInterval)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return
		case <-tick.C:
			if found != nil {
				s.mu.Lock()
				n := len(s.index.files)
				s.mu.Unlock()
				found(n)
			}
		}
	}
}

// work reads directories until none is left.
func (s *scan) work() {
	for {
		d, ok := s.next()
		if !ok {
			return
		}
		if s.ctx.Err() == nil {
			s.read(d)
		}
		s.mu.Lock()
		if s.busy--; s.busy == 0 {
			s.more.Broadcast()
		}
		s.mu.Unlock()
	}
}

// next returns a directory to read. It waits while other goroutines may find some.
func (s *scan) next() (todo, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.todo) == 0 {
		if s.busy == 0 {
			return todo{}, false
		}
		s.more.Wait()
	}
	last := len(s.todo) - 1 // the deepest, so that few wait
	d := s.todo[last]
	s.todo = s.todo[:last]
	s.busy++
	return d, true
}

func (s *scan) read(d todo) {
	f, err := os.Open(d.path)
	if err != nil {
		s.fail(err)
		return
	}
	defer f.Close()
	if !s.visit(f) {
		return
	}
	for s.ctx.Err() == nil {
		entries, err := f.ReadDir(chunk)
		list := make([]entry, 0, len(entries))
		for _, e := range entries {
			if e, ok, err := examine(f, e); err != nil {
				s.fail(err)
			} else if ok {
				list = append(list, e)
			}
		}
		s.add(d, list)
		if err != nil {
			if err != io.EOF {
				s.fail(err)
			}
			return
		}
	}
}

// visit reports whether the directory was not read before.
func (s *scan) visit(f *os.File) bool {
	key := directoryKey(f)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.visited[key] {
		return false
	}
	s.visited[key] = true
	return true
}

// add adds the entries of a part of a directory.
func (s *scan) add(d todo, entries []entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	x := &s.index
	number := int32(len(x.dirs))
	name := x.addName(d.name)
	first := int64(len(x.names))
	x.dirs = append(x.dirs, directory{d.parent, name, first})
	for _, e := range entries {
		if e.dir {
			s.todo = append(s.todo, todo{filepath.Join(d.path, e.name), number, e.name})
			continue
		}
		x.files = append(x.files, file{e.size, number, uint32(x.addName(e.name) - first)})
	}
	s.more.Broadcast()
}

// fail records an error, unless it is that something was deleted in the meantime.
func (s *scan) fail(err error) {
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.errs = append(s.errs, err)
}

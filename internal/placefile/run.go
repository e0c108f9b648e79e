package placefile

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"

	"github.com/gofrs/flock"

	"bt/internal/atomicfile"
)

// A run is what the temporary files of one Root have in common, so that a later Root
// removes them if this process is killed. It has a directory in that of the Root:
//
//	.bt-RUN.tmp/       RUN is a random number of 20 digits
//	.bt-RUN.tmp/lock   locked as long as the process lives; the directories, below that of
//	                   the Root, that may have temporary files, each with a zero byte after it
//	.bt-RUN.tmp/...    the files of Scratch
//	.bt-RUNn.tmp       the temporary file number n, in one of these directories
//
// A directory without the file lock is removed only if it is empty. Where a file system has
// no locks, the file is called unlocked.
type run struct {
	prefix string       // of the names of temporary files
	dir    string       // "" if it could not be made
	err    error        // why
	lock   *flock.Flock // nil if there is none
	list   *os.File
	listed map[string]bool
	files  int
}

const (
	lockName     = "lock"
	unlockedName = "unlocked"
	suffix       = ".tmp"
)

// isRun reports whether a name is that of the directory of a run.
func isRun(name string) bool {
	return atomicfile.IsTemp(name) && len(name) == len(".bt-")+20+len(suffix)
}

// openRun returns the run of the Root. The first call removes what killed processes left.
func (r *Root) openRun() *run {
	if r.run == nil {
		r.RemoveDead()
		r.run = newRun(r.path)
	}
	return r.run
}

// Scratch returns a directory for files that Close removes.
func (r *Root) Scratch() (string, error) {
	run := r.openRun()
	return run.dir, run.err
}

func newRun(in string) *run {
	run := &run{listed: make(map[string]bool)}
	for {
		run.prefix = fmt.Sprintf(".bt-%020d", rand.Uint64())
		dir := filepath.Join(in, run.prefix+suffix)
		if run.err = os.Mkdir(dir, 0o700); errors.Is(run.err, fs.ErrExist) {
			continue
		}
		if run.err != nil {
			return run // temporary files may still be made in the directories below
		}
		name := filepath.Join(dir, lockName)
		run.list, run.err = os.OpenFile(name, os.O_WRONLY|os.O_APPEND|os.O_CREATE|os.O_EXCL, 0o600)
		if errors.Is(run.err, fs.ErrNotExist) {
			continue // another process has taken the directory for that of a killed one
		}
		if run.err != nil {
			os.Remove(dir)
			return run
		}
		run.dir = dir
		lock := flock.New(name, flock.SetFlag(os.O_RDWR))
		switch ok, err := lock.TryLock(); {
		case err != nil: // the file system has no locks
			lock.Close()
			run.err = os.Rename(name, filepath.Join(dir, unlockedName))
			return run
		case ok && run.isThere(name):
			run.lock = lock
			return run
		}
		lock.Close() // as above
		run.list.Close()
	}
}

// isThere reports whether the lock is still at its path.
func (run *run) isThere(name string) bool {
	own, err := run.list.Stat()
	there, err2 := os.Lstat(name)
	return err == nil && err2 == nil && os.SameFile(own, there)
}

// tempName returns a name for a temporary file in a directory below that of the Root.
func (run *run) tempName(dir []string) string {
	if path := strings.Join(dir, "/"); run.lock != nil && !run.listed[path] {
		run.listed[path] = true
		_, _ = run.list.WriteString(path + "\x00") // without it, the file may stay if the process is killed
	}
	run.files++
	return fmt.Sprintf("%s%d%s", run.prefix, run.files, suffix)
}

// remove removes the directory.
func (run *run) remove() error {
	if run == nil || run.dir == "" {
		return nil
	}
	run.list.Close()
	if run.lock != nil {
		run.lock.Close() // some systems remove no open files
	}
	return removeRunDir(run.dir)
}

// removeRunDir removes the directory of a run. If the process is killed meanwhile, the next
// one goes on: the lock is removed last.
func removeRunDir(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, e := range entries {
		if e.Name() != lockName {
			if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
				return err
			}
		}
	}
	if err := os.Remove(filepath.Join(dir, lockName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Remove(dir); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// RemoveDead removes the temporary files of killed processes. The first Create, Replace or
// Scratch does so too. Errors are ignored: the files are only in the way.
func (r *Root) RemoveDead() {
	if r.cleaned {
		return
	}
	r.cleaned = true
	dir, err := os.Open(r.path)
	if err != nil {
		return
	}
	defer dir.Close()
	for {
		names, err := dir.Readdirnames(1024)
		for _, name := range names {
			if isRun(name) {
				r.removeRun(name)
			}
		}
		if err != nil || len(names) == 0 {
			return
		}
	}
}

// removeRun removes the temporary files of a run, if its process does not live.
func (r *Root) removeRun(name string) {
	dir := filepath.Join(r.path, name)
	lockPath := filepath.Join(dir, lockName)
	if info, err := os.Lstat(dir); err != nil || !info.IsDir() {
		return
	}
	info, err := os.Lstat(lockPath)
	if errors.Is(err, fs.ErrNotExist) {
		_ = os.Remove(dir) // if it is empty
	}
	if err != nil || !info.Mode().IsRegular() {
		return
	}
	lock := flock.New(lockPath, flock.SetFlag(os.O_RDWR))
	defer lock.Close()
	if ok, err := lock.TryLock(); !ok || err != nil {
		return
	}
	list, err := os.ReadFile(lockPath)
	if err != nil {
		return
	}
	for path := range strings.SplitSeq(strings.TrimSuffix(string(list), "\x00"), "\x00") {
		r.removeTemps(path, strings.TrimSuffix(name, suffix))
	}
	lock.Close()
	_ = removeRunDir(dir)
}

// removeTemps removes the temporary files with a prefix from a directory, which it
// reaches as files are placed there: through no link.
func (r *Root) removeTemps(path, prefix string) {
	var names []string
	if path != "" {
		names = strings.Split(path, "/")
	}
	d, err := r.enter(append(names, prefix), false)
	if err != nil {
		return
	}
	f, err := d.root.Open(".")
	if err != nil {
		return
	}
	defer f.Close()
	entries, _ := f.ReadDir(-1)
	for _, e := range entries {
		if e.Type().IsRegular() && strings.HasPrefix(e.Name(), prefix) && e.Name() != prefix+suffix && strings.HasSuffix(e.Name(), suffix) {
			_ = d.root.Remove(e.Name())
		}
	}
}

package seed

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/fsnotify/fsnotify"
	"golang.org/x/text/unicode/norm"

	"bt/internal/atomicfile"
	"bt/internal/metainfo"
	"bt/internal/piece"
)

const (
	// rescanEvery is how often a directory is read though nothing is heard of it:
	// file systems of networks tell nothing.
	rescanEvery = time.Minute

	// settle is how long a directory is left alone after something has happened
	// there, for more will. A torrent younger than young may not be whole yet.
	settle = 300 * time.Millisecond
	young  = 2 * time.Second
)

// A Directory keeps a Seeder in step with the torrents in a directory: a torrent that
// is added there is seeded, and one that is removed is not any more. Seeder and Path
// are required.
type Directory struct {
	Seeder    *Seeder
	Path      string
	Recursive bool       // also what is below it; links are not followed
	Data      string     // where the content is; "" means beside each torrent
	Trackers  [][]string // more tiers, after those of each torrent
	MaxSize   int64      // of a torrent file, in bytes; 0 means 256 MiB
	Ledger    *Ledger    // what was uploaded in earlier runs; nil means that nothing is known

	// Rescan, if non-nil, makes Run read the directory whenever it receives a value.
	Rescan <-chan struct{}

	found      map[string]*found     // by path
	content    map[string][]*Torrent // by where it should be, in NFC
	freed      bool                  // a torrent was removed, so a duplicate of it may be seeded
	noData     bool                  // Data is not there
	foreign    bool                  // it was warned of a private torrent's ForeignTrackers
	warnings   map[string]bool       // warned of, and not over
	watcher    *fsnotify.Watcher     // nil: the system can't tell
	broken     *brokenTorrents
	fileEvents *fileEvents
}

// A found is a file that is, or should be, a torrent.
type found struct {
	identity  piece.Identity // the zero Identity: it is to be read again
	torrent   *Torrent       // nil: it can't be seeded
	content   string         // where its content should be, in NFC
	failure   string         // why it can't be seeded
	duplicate bool           // because the same torrent is seeded already
}

// brokenTorrents are those of now, by path.
type brokenTorrents struct {
	mu   sync.Mutex
	errs map[string]error
}

func (b *brokenTorrents) set(path string, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.errs[path] = err
}

func (b *brokenTorrents) forget(path string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.errs, path)
}

// Status is that of the Seeder, with the files that should be torrents and can't be
// seeded, in StateError. Any goroutine may call it after Scan.
func (d *Directory) Status() Status {
	s := d.Seeder.Status()
	d.broken.mu.Lock()
	defer d.broken.mu.Unlock()
	for _, path := range slices.Sorted(maps.Keys(d.broken.errs)) {
		s.Torrents = append(s.Torrents, TorrentStatus{Name: filepath.Base(path), State: StateError, Message: d.broken.errs[path].Error()})
	}
	return s
}

// fileEvents is what the system tells between two looks at it. It is taken from the
// watcher at once: a watcher that nobody listens to may lock those out who add to it.
type fileEvents struct {
	mu    sync.Mutex
	names map[string]fsnotify.Op
	err   error         // not nil: more has happened than names says
	news  chan struct{} // room for one
	ended chan struct{} // the watcher has
}

// maxNames is how many names of what has changed are kept.
const maxNames = 10_000

// collect collects events until the watcher is closed.
func (f *fileEvents) collect(w *fsnotify.Watcher) {
	defer close(f.ended)
	events, errs := w.Events, w.Errors
	for events != nil || errs != nil {
		var e fsnotify.Event
		var err error
		var ok bool
		select {
		case e, ok = <-events:
			if !ok {
				events = nil
				continue
			}
		case err, ok = <-errs:
			if !ok {
				errs = nil
				continue
			}
			if errors.Is(err, syscall.EINVAL) {
				continue // a directory went twice: it was moved and then removed
			}
		}
		f.mu.Lock()
		switch {
		case err != nil:
			f.err = err
		case len(f.names) < maxNames:
			f.names[filepath.Clean(e.Name)] |= e.Op
		default:
			f.err = fsnotify.ErrEventOverflow
		}
		f.mu.Unlock()
		select {
		case f.news <- struct{}{}:
		default:
		}
	}
}

func (f *fileEvents) take() (names map[string]fsnotify.Op, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	names, err = f.names, f.err
	f.names, f.err = make(map[string]fsnotify.Op), nil
	return names, err
}

// Scan reads the directory and adds what is there. It is called once, before Run.
func (d *Directory) Scan() error {
	if _, err := os.ReadDir(d.Path); err != nil {
		return err
	}
	d.found = make(map[string]*found)
	d.content = make(map[string][]*Torrent)
	d.broken = &brokenTorrents{errs: make(map[string]error)}
	d.fileEvents = &fileEvents{names: make(map[string]fsnotify.Op), news: make(chan struct{}, 1), ended: make(chan struct{})}
	var err error
	if d.watcher, err = fsnotify.NewWatcher(); err != nil {
		d.warn(fmt.Errorf("what happens in directories is noticed only once a minute: %w", err))
	} else {
		go d.fileEvents.collect(d.watcher)
	}
	d.scan(context.Background())
	return nil
}

// Run follows what happens in the directory until ctx ends.
func (d *Directory) Run(ctx context.Context) {
	if d.watcher != nil {
		defer func() {
			d.watcher.Close()
			<-d.fileEvents.ended
		}()
	}
	timer := time.NewTimer(young) // what Scan found may not have been whole
	defer timer.Stop()
	next := time.Now().Add(young)
	soon := func(wait time.Duration) {
		if at := time.Now().Add(wait); at.Before(next) {
			next = at
			timer.Reset(wait)
		}
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-d.fileEvents.news:
			if d.handleFileEvents() {
				soon(settle)
			}
		case <-d.Rescan:
			d.suspectAll()
			soon(0)
		case <-timer.C:
			wait := rescanEvery
			if d.scan(ctx) {
				wait = young
			}
			next = time.Now().Add(wait)
			timer.Reset(wait)
		}
	}
}

// handleFileEvents has the data looked at that has changed. It returns true if torrents may
// have come or gone.
func (d *Directory) handleFileEvents() (torrents bool) {
	names, err := d.fileEvents.take()
	if err != nil {
		d.warn(fmt.Errorf("watching %s: %w", d.Path, err))
		d.suspectAll()
		torrents = true
	}
	for name, op := range names {
		goes := op.Has(fsnotify.Rename | fsnotify.Remove)
		// Of content that is a directory what is below it may be watched too.
		for at := name; ; at = filepath.Dir(at) {
			for _, t := range d.content[norm.NFC.String(at)] {
				t.suspect()
			}
			if at == filepath.Dir(at) {
				break
			}
		}
		switch {
		case name == filepath.Clean(d.Path) && goes:
			torrents = true
		case d.Data != "" && name == filepath.Clean(d.Data):
			if goes {
				d.suspectAll()
				torrents = true
			}
		case d.isTorrent(name) || d.Recursive && (goes || op.Has(fsnotify.Create)):
			torrents = true
		}
	}
	return torrents
}

func (d *Directory) suspectAll() {
	for _, t := range d.Seeder.all() {
		t.suspect()
	}
}

func (d *Directory) warn(err error) { d.Seeder.events.put(EventWarning{Err: err}) }

func (d *Directory) isTorrent(path string) bool {
	name := filepath.Base(path)
	return strings.EqualFold(filepath.Ext(name), ".torrent") && !strings.HasPrefix(name, ".")
}

// A walk is what was found in one.
type walk struct {
	torrents   []string
	watched    map[string]bool // directories, and whether the system tells of them
	warnings   map[string]bool
	unreadable []string // what couldn't be read
}

func (d *Directory) walk(ctx context.Context) *walk {
	w := &walk{watched: make(map[string]bool), warnings: make(map[string]bool)}
	if d.Data != "" {
		data := filepath.Clean(d.Data)
		if d.watcher != nil && len(d.found) > 0 && !slices.Contains(d.watcher.WatchList(), data) {
			d.noData = true // it may be another one, of which nothing was heard
		}
		d.watch(w, data)
	}
	root := filepath.Clean(d.Path)
	// The separator makes a link to a directory the directory.
	_ = filepath.WalkDir(d.Path+string(filepath.Separator), func(path string, e fs.DirEntry, err error) error {
		path = filepath.Clean(path)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil && path != root && errors.Is(err, fs.ErrNotExist):
			// It went just now.
		case err != nil:
			// What can't be read now is not gone.
			w.unreadable = append(w.unreadable, path)
			d.warnOnce(w, err)
		case e.IsDir():
			if path != root && !d.Recursive {
				return fs.SkipDir
			}
			d.watch(w, path) // before it is read
		case d.isTorrent(path):
			w.torrents = append(w.torrents, path)
		}
		return nil
	})
	return w
}

// warnOnce warns of what wasn't so before.
func (d *Directory) warnOnce(w *walk, err error) {
	text := err.Error()
	if !w.warnings[text] && !d.warnings[text] {
		d.warn(err)
	}
	w.warnings[text] = true
}

// watch has the system tell what happens in a directory. It is called in each walk:
// another one may stand there now.
func (d *Directory) watch(w *walk, dir string) {
	if d.watcher == nil {
		return
	}
	err := d.watcher.Add(dir)
	w.watched[dir] = err == nil
	if err != nil {
		d.warnOnce(w, fmt.Errorf("what happens in %s is noticed only once a minute: %w", dir, err))
	}
}

// pruneWatches ends the watches of directories that are not there any more. It returns
// false if one kept another from being watched, by its new name.
func (d *Directory) pruneWatches(w *walk) bool {
	if d.watcher == nil {
		return true
	}
	has := make(map[string]bool)
	for _, dir := range d.watcher.WatchList() {
		if has[dir] = true; !w.watched[dir] {
			_ = d.watcher.Remove(dir) // the system may have forgotten it
		}
	}
	for dir, watched := range w.watched {
		if watched && !has[dir] {
			return false
		}
	}
	return true
}

// scan compares the directory with what is known of it. It returns true if it
// should be looked at again soon.
func (d *Directory) scan(ctx context.Context) (again bool) {
	w := d.walk(ctx)
	for range 3 {
		if d.pruneWatches(w) {
			break
		}
		again = true
		d.warnings = w.warnings
		w = d.walk(ctx)
	}
	if ctx.Err() != nil {
		return false
	}
	d.warnings = w.warnings
	seen := make(map[string]bool, len(w.torrents))
	for _, path := range w.torrents {
		seen[path] = true
	}
	// First those that are gone: another file may be the same torrent.
	for path, f := range d.found {
		if !seen[path] && !w.mayContain(path, filepath.Clean(d.Path)) {
			d.remove(path, f)
		}
	}
	for _, path := range w.torrents {
		if ctx.Err() != nil {
			return false
		}
		again = d.update(path) || again
	}
	if d.freed {
		d.freed = false
		for _, path := range w.torrents {
			if f := d.found[path]; f != nil && f.duplicate {
				f.identity = piece.Identity{}
				again = d.update(path) || again
			}
		}
	}
	noData := false
	if d.Data != "" {
		_, err := os.Stat(d.Data)
		noData = err != nil
	}
	if d.noData && !noData {
		d.suspectAll()
	}
	d.noData = noData
	return again || noData || slices.Contains(w.unreadable, filepath.Clean(d.Path))
}

// mayContain reports whether a path may be there, though it was not found.
func (w *walk) mayContain(path, root string) bool {
	return slices.ContainsFunc(w.unreadable, func(dir string) bool {
		return dir == root || path == dir || strings.HasPrefix(path, dir+string(filepath.Separator))
	})
}

// update takes note of a torrent file. It returns true if that may not be whole yet.
func (d *Directory) update(path string) (again bool) {
	f := d.found[path]
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() || errors.Is(err, fs.ErrNotExist) && isGone(path) {
		if f != nil {
			d.remove(path, f)
		}
		return false
	}
	var id piece.Identity
	if err == nil {
		id = piece.Identify(info)
		if f != nil && f.identity == id {
			return false
		}
	}
	var meta *Metainfo
	if err == nil {
		meta, err = readTorrent(path, d.MaxSize)
	}
	// The clock of another computer may be ahead.
	if err != nil && time.Since(time.Unix(0, id.ModTime)).Abs() < young {
		return true
	}
	failure := ""
	if f != nil {
		failure = f.failure
		d.remove(path, f)
	}
	next := &found{identity: id}
	d.found[path] = next
	if err == nil {
		err = d.add(path, meta, next)
	}
	if err == nil {
		return false
	}
	next.failure, next.duplicate = err.Error(), errors.Is(err, ErrDuplicate)
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		next.identity = piece.Identity{} // it may be readable next time, and be the same
		if err = pathErr.Err; errors.Is(err, fs.ErrNotExist) {
			err = errDangling
		}
	}
	told := fmt.Errorf("%s: %w", path, err)
	var e Event = EventFailed{Err: told}
	if not, ok := errors.AsType[*metainfo.NotTorrentError](err); ok && not.Form.FoundBesideTorrents() {
		e = EventWarning{Err: told}
	} else if !next.duplicate {
		d.broken.set(path, err)
	}
	if next.failure != failure {
		d.Seeder.events.put(e)
	}
	return false
}

var errDangling = errors.New("a symbolic link that leads nowhere")

func isGone(path string) bool {
	_, err := os.Lstat(path)
	return errors.Is(err, fs.ErrNotExist)
}

func (d *Directory) add(path string, meta *Metainfo, f *found) error {
	in := Input{
		Torrent: meta, Path: d.Data, Trackers: d.Trackers,
		Read: func() (*Metainfo, error) { return readTorrent(path, d.MaxSize) },
	}
	if in.Path == "" {
		in.Path = filepath.Dir(path)
	}
	if err := meta.CheckName(); err != nil {
		return err // its content could be anywhere
	}
	if d.Ledger != nil {
		d.Ledger.recall(&in)
	}
	t, err := d.Seeder.Add(in)
	if err != nil {
		return err
	}
	if foreign := ForeignTrackers(meta, d.Trackers); len(foreign) > 0 && !d.foreign {
		d.foreign = true
		d.warn(fmt.Errorf("%s: it is private, and announced to trackers that are not its own, as others may be: %s", path, strings.Join(foreign, " ")))
	}
	f.torrent, f.content = t, norm.NFC.String(filepath.Join(in.Path, meta.Name))
	d.content[f.content] = append(d.content[f.content], t)
	return nil
}

func (d *Directory) remove(path string, f *found) {
	delete(d.found, path)
	d.broken.forget(path)
	if f.torrent == nil {
		return
	}
	d.freed = true
	d.Seeder.Remove(f.torrent)
	if d.Ledger != nil {
		d.Ledger.note(f.torrent)
	}
	list := d.content[f.content]
	if i := slices.Index(list, f.torrent); i >= 0 {
		list = slices.Delete(list, i, i+1)
	}
	if d.content[f.content] = list; len(list) == 0 {
		delete(d.content, f.content)
	}
}

// readTorrent reads a torrent file of up to most bytes; 0: the default.
func readTorrent(path string, most int64) (*Metainfo, error) {
	f, err := atomicfile.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	b, err := metainfo.Read(f, info.Size(), cmp.Or(most, metainfo.DefaultMaxSize), nil)
	if err != nil {
		return nil, err
	}
	return metainfo.Parse(b)
}

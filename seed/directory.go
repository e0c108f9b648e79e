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
	// rescanEvery is the interval at which a directory is read even without file
	// system events. Network file systems report none.
	rescanEvery = time.Minute

	// settle is the delay between a file system event and the scan, because further
	// events usually follow. A torrent file that changed less than young ago may
	// still be incomplete.
	settle = 300 * time.Millisecond
	young  = 2 * time.Second
)

// A Directory keeps a Seeder in step with a directory of torrents: torrents added
// later are picked up, removed ones are dropped. Seeder and Path are required. Call
// Scan once, then Run.
type Directory struct {
	Seeder    *Seeder
	Path      string
	Recursive bool       // include subdirectories; links to directories are not followed
	Data      string     // directory that contains the content; "" means the directory of each torrent
	Trackers  [][]string // further tiers, after those of each torrent
	MaxSize   int64      // maximum size of a torrent file in bytes; 0 means 256 MiB
	Ledger    *Ledger    // upload totals of earlier runs; nil means there are none

	// Rescan, if non-nil, makes Run read the directory for each value received.
	Rescan <-chan struct{}

	found      map[string]*found     // by path
	content    map[string][]*Torrent // by expected path of the content, in NFC
	freed      bool                  // a torrent was removed, so a duplicate of it may be seeded now
	noData     bool                  // Data does not exist
	foreign    bool                  // the warning about ForeignTrackers was emitted
	warnings   map[string]bool       // texts of warnings that are emitted and still apply
	watcher    *fsnotify.Watcher     // nil: not available
	broken     *brokenTorrents
	fileEvents *fileEvents
}

// A found is a torrent file that was found in the directory.
type found struct {
	identity  piece.Identity // of the file as it was read; zero: read it again
	torrent   *Torrent       // nil: it can't be seeded
	content   string         // expected path of the content, in NFC
	failure   string         // why it can't be seeded
	duplicate bool           // the same torrent is already seeded
}

// brokenTorrents holds the errors of the torrent files that can't be seeded, by path.
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

// Status returns the status of the Seeder. Torrent files that can't be seeded are
// included in StateError. Status may be called by any goroutine after Scan.
func (d *Directory) Status() Status {
	s := d.Seeder.Status()
	d.broken.mu.Lock()
	defer d.broken.mu.Unlock()
	for _, path := range slices.Sorted(maps.Keys(d.broken.errs)) {
		s.Torrents = append(s.Torrents, TorrentStatus{Name: filepath.Base(path), State: StateError, Message: d.broken.errs[path].Error()})
	}
	return s
}

// fileEvents collects file system events between two scans. A goroutine of its own
// receives them from the watcher, because a watcher whose events are not received may
// block calls of its Add.
type fileEvents struct {
	mu    sync.Mutex
	names map[string]fsnotify.Op
	err   error         // non-nil: events were lost
	news  chan struct{} // signals new events; has a buffer of one
	ended chan struct{} // closed when collect returns
}

// maxNames is the maximum number of names in fileEvents.
const maxNames = 10_000

// collect receives events until the watcher is closed.
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
				continue // fsnotify: a watched directory was moved and then removed
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

// Scan reads the directory and adds the torrents in it. It must be called once,
// before Run.
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
		d.warn(fmt.Errorf("changes in directories are noticed only once a minute: %w", err))
	} else {
		go d.fileEvents.collect(d.watcher)
	}
	d.scan(context.Background())
	return nil
}

// Run follows the changes of the directory until ctx ends.
func (d *Directory) Run(ctx context.Context) {
	if d.watcher != nil {
		defer func() {
			d.watcher.Close()
			<-d.fileEvents.ended
		}()
	}
	timer := time.NewTimer(young) // some files that Scan found may have been incomplete
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

// handleFileEvents schedules rechecks of the data that events name. It reports
// whether torrents may have been added or removed.
func (d *Directory) handleFileEvents() (torrents bool) {
	names, err := d.fileEvents.take()
	if err != nil {
		d.warn(fmt.Errorf("watching %s: %w", d.Path, err))
		d.suspectAll()
		torrents = true
	}
	for name, op := range names {
		gone := op.Has(fsnotify.Rename | fsnotify.Remove)
		// Where the content is a directory, its subdirectories may be watched too.
		for at := name; ; at = filepath.Dir(at) {
			for _, t := range d.content[norm.NFC.String(at)] {
				t.suspect()
			}
			if at == filepath.Dir(at) {
				break
			}
		}
		switch {
		case name == filepath.Clean(d.Path) && gone:
			torrents = true
		case d.Data != "" && name == filepath.Clean(d.Data):
			if gone {
				d.suspectAll()
				torrents = true
			}
		case d.isTorrent(name) || d.Recursive && (gone || op.Has(fsnotify.Create)):
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

// A walk is the result of walking the directory once.
type walk struct {
	torrents   []string
	watched    map[string]bool // directories, and whether they could be watched
	warnings   map[string]bool
	unreadable []string // paths that could not be read
}

func (d *Directory) walk(ctx context.Context) *walk {
	w := &walk{watched: make(map[string]bool), warnings: make(map[string]bool)}
	if d.Data != "" {
		data := filepath.Clean(d.Data)
		if d.watcher != nil && len(d.found) > 0 && !slices.Contains(d.watcher.WatchList(), data) {
			d.noData = true // it may have been replaced, and rechecks are needed
		}
		d.watch(w, data)
	}
	root := filepath.Clean(d.Path)
	// The separator makes WalkDir follow Path if that is a link.
	_ = filepath.WalkDir(d.Path+string(filepath.Separator), func(path string, e fs.DirEntry, err error) error {
		path = filepath.Clean(path)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil && path != root && errors.Is(err, fs.ErrNotExist):
			// It was removed during the walk.
		case err != nil:
			// An unreadable directory does not mean that its torrents are gone.
			w.unreadable = append(w.unreadable, path)
			d.warnOnce(w, err)
		case e.IsDir():
			if path != root && !d.Recursive {
				return fs.SkipDir
			}
			d.watch(w, path) // before it is read, so that no event is missed
		case d.isTorrent(path):
			w.torrents = append(w.torrents, path)
		}
		return nil
	})
	return w
}

// warnOnce emits a warning unless the last walk had the same.
func (d *Directory) warnOnce(w *walk, err error) {
	text := err.Error()
	if !w.warnings[text] && !d.warnings[text] {
		d.warn(err)
	}
	w.warnings[text] = true
}

// watch adds a directory to the watcher. Each walk calls it again, because the
// directory may have been replaced.
func (d *Directory) watch(w *walk, dir string) {
	if d.watcher == nil {
		return
	}
	err := d.watcher.Add(dir)
	w.watched[dir] = err == nil
	if err != nil {
		d.warnOnce(w, fmt.Errorf("changes in %s are noticed only once a minute: %w", dir, err))
	}
}

// pruneWatches removes watches of directories that no longer exist. It returns false
// if such a watch has prevented another one: the directory was renamed.
func (d *Directory) pruneWatches(w *walk) bool {
	if d.watcher == nil {
		return true
	}
	has := make(map[string]bool)
	for _, dir := range d.watcher.WatchList() {
		if has[dir] = true; !w.watched[dir] {
			_ = d.watcher.Remove(dir) // an error means that the watch is already removed
		}
	}
	for dir, watched := range w.watched {
		if watched && !has[dir] {
			return false
		}
	}
	return true
}

// scan adds and removes torrents so that they match the directory. It reports whether
// to scan again soon.
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
	// Removals come first, because another file may contain the same torrent.
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

// mayContain reports whether a path that was not found may still exist, because a
// directory could not be read.
func (w *walk) mayContain(path, root string) bool {
	return slices.ContainsFunc(w.unreadable, func(dir string) bool {
		return dir == root || path == dir || strings.HasPrefix(path, dir+string(filepath.Separator))
	})
}

// update adds, replaces or removes the torrent of one file. It reports whether the
// file may be incomplete, so that it must be read again.
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
		if f != nil && f.identity.Equal(id) {
			return false
		}
	}
	var meta *Metainfo
	if err == nil {
		meta, err = readTorrent(path, d.MaxSize)
	}
	// Abs, because the clock of a file server may be ahead.
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
		next.identity = piece.Identity{} // the file may become readable without a change of its identity
		if err = pathErr.Err; errors.Is(err, fs.ErrNotExist) {
			err = errDangling
		}
	}
	shown := fmt.Errorf("%s: %w", path, err)
	var e Event = EventFailed{Err: shown}
	if not, ok := errors.AsType[*metainfo.NotTorrentError](err); ok && not.Form.FoundBesideTorrents() {
		e = EventWarning{Err: shown}
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
		return err // an unsafe name could place the content anywhere
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

// readTorrent reads a torrent file of at most most bytes; 0 means the default of
// package metainfo.
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

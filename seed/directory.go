package seed

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
	"golang.org/x/text/unicode/norm"

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

	index
	broken   *brokenTorrents
	freed    bool            // a torrent was removed, so a duplicate of it may be seeded now
	noData   bool            // Data does not exist
	foreign  bool            // the warning about ForeignTrackers was emitted
	warnings map[string]bool // texts of warnings that are emitted and still apply
	watcher  *watcher        // nil: not available
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

// Scan reads the directory and adds the torrents in it. It must be called once,
// before Run.
func (d *Directory) Scan() error {
	if _, err := os.ReadDir(d.Path); err != nil {
		return err
	}
	d.index = index{make(map[string]*found), make(map[string][]*Torrent)}
	d.broken = &brokenTorrents{errs: make(map[string]error)}
	var err error
	if d.watcher, err = newWatcher(); err != nil {
		d.warn(fmt.Errorf("changes in directories are noticed only once a minute: %w", err))
	}
	d.scan(context.Background())
	return nil
}

// Run follows the changes of the directory until ctx ends.
func (d *Directory) Run(ctx context.Context) {
	var news chan struct{}
	if d.watcher != nil {
		defer d.watcher.close()
		news = d.watcher.news
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
		case <-news:
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
	names, err := d.watcher.take()
	if err != nil {
		d.warn(fmt.Errorf("watching %s: %w", d.Path, err))
		d.suspectAll()
		torrents = true
	}
	for name, op := range names {
		d.suspectContent(name)
		gone := op.Has(fsnotify.Rename | fsnotify.Remove)
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

// suspectContent schedules rechecks of the torrents whose content is path or contains
// it: where the content is a directory, its subdirectories may be watched too.
func (d *Directory) suspectContent(path string) {
	for at := path; ; at = filepath.Dir(at) {
		for _, t := range d.content[norm.NFC.String(at)] {
			t.suspect()
		}
		if at == filepath.Dir(at) {
			return
		}
	}
}

func (d *Directory) suspectAll() {
	for _, t := range d.Seeder.all() {
		t.suspect()
	}
}

func (d *Directory) warn(err error) { d.Seeder.events.Put(EventWarning{Err: err}) }

func (d *Directory) isTorrent(path string) bool {
	name := filepath.Base(path)
	return strings.EqualFold(filepath.Ext(name), ".torrent") && !strings.HasPrefix(name, ".")
}

// scan adds and removes torrents so that they match the directory. It reports whether
// to scan again soon.
func (d *Directory) scan(ctx context.Context) (again bool) {
	w, again := d.walkWatched(ctx)
	if ctx.Err() != nil {
		return false
	}
	d.removeMissing(w) // before the additions, because another file may contain the same torrent
	for _, path := range w.torrents {
		if ctx.Err() != nil {
			return false
		}
		again = d.update(path) || again
	}
	again = d.retryDuplicates(w) || again
	return d.lacksData() || again || w.changed || slices.Contains(w.unreadable, filepath.Clean(d.Path))
}

// removeMissing removes the torrents whose files a walk has not found.
func (d *Directory) removeMissing(w *walk) {
	seen := make(map[string]bool, len(w.torrents))
	for _, path := range w.torrents {
		seen[path] = true
	}
	for path, f := range d.found {
		if !seen[path] && !w.mayContain(path, filepath.Clean(d.Path)) {
			d.remove(path, f)
		}
	}
}

// retryDuplicates reads files again that contained torrents already seeded, if
// torrents were removed. It reports whether to scan again soon.
func (d *Directory) retryDuplicates(w *walk) (again bool) {
	if !d.freed {
		return false
	}
	d.freed = false
	for _, path := range w.torrents {
		if f := d.found[path]; f != nil && f.duplicate {
			f.identity = piece.Identity{}
			again = d.update(path) || again
		}
	}
	return again
}

// lacksData reports whether Data does not exist. If it exists again, lacksData
// schedules rechecks.
func (d *Directory) lacksData() bool {
	noData := false
	if d.Data != "" {
		_, err := os.Stat(d.Data)
		noData = err != nil
	}
	if d.noData && !noData {
		d.suspectAll()
	}
	d.noData = noData
	return noData
}

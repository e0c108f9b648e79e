package seed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"

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

// A Directory keeps a Seeder in step with the torrents in a directory: those that
// come are seeded, and those that go are not.
type Directory struct {
	Seeder    *Seeder
	Path      string
	Recursive bool   // also what is below it
	Data      string // where the content is; empty: beside each torrent
	Trackers  [][]string
	Ledger    *Ledger // what was uploaded in earlier runs; nil: nothing is known

	// Rescan has the directory read at once; nil: never.
	Rescan <-chan struct{}

	found   map[string]*found     // by path
	content map[string][]*Torrent // by where it should be
	watcher *fsnotify.Watcher     // nil: the system can't tell
	watched map[string]bool
}

// A found is a file that is, or should be, a torrent.
type found struct {
	identity piece.Identity
	torrent  *Torrent // nil: it can't be seeded
	twin     bool     // because the same torrent is seeded already
	seen     bool     // in this scan
}

// Scan reads the directory and adds what is there. It is called once, before Run.
func (d *Directory) Scan() error {
	if _, err := os.ReadDir(d.Path); err != nil {
		return err
	}
	d.found = make(map[string]*found)
	d.content = make(map[string][]*Torrent)
	d.watched = make(map[string]bool)
	var err error
	if d.watcher, err = fsnotify.NewWatcher(); err != nil {
		d.warn(fmt.Errorf("what happens in directories is noticed only once a minute: %w", err))
	}
	if d.Data != "" {
		d.watch(d.Data)
	}
	d.scan()
	return nil
}

// Run follows what happens in the directory until ctx ends.
func (d *Directory) Run(ctx context.Context) {
	var events chan fsnotify.Event
	var failures chan error
	if d.watcher != nil {
		defer d.watcher.Close()
		events, failures = d.watcher.Events, d.watcher.Errors
	}
	timer := time.NewTimer(rescanEvery)
	defer timer.Stop()
	next := time.Now().Add(rescanEvery)
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
		case e := <-events:
			for _, t := range d.content[e.Name] {
				t.suspect()
			}
			if d.isTorrent(e.Name) || d.Recursive && e.Has(fsnotify.Create|fsnotify.Rename|fsnotify.Remove) {
				soon(settle)
			}
		case err := <-failures:
			// Some events may be lost.
			d.warn(fmt.Errorf("watching %s: %w", d.Path, err))
			soon(settle)
		case <-d.Rescan:
			for _, t := range d.Seeder.all() {
				t.suspect()
			}
			soon(0)
		case <-timer.C:
			wait := rescanEvery
			if d.scan() {
				wait = young
			}
			next = time.Now().Add(wait)
			timer.Reset(wait)
		}
	}
}

func (d *Directory) warn(err error) { d.Seeder.emit(Event{Kind: Warning, Err: err}) }

func (d *Directory) isTorrent(path string) bool {
	name := filepath.Base(path)
	return strings.EqualFold(filepath.Ext(name), ".torrent") && !strings.HasPrefix(name, ".")
}

// watch has the system tell what happens in a directory.
func (d *Directory) watch(dir string) {
	if d.watcher == nil || d.watched[dir] {
		return
	}
	d.watched[dir] = true
	if err := d.watcher.Add(dir); err != nil {
		d.warn(fmt.Errorf("what happens in %s is noticed only once a minute: %w", dir, err))
	}
}

// scan compares the directory with what is known of it. It returns true if it
// should be looked at again soon.
func (d *Directory) scan() (again bool) {
	for _, f := range d.found {
		f.seen = false
	}
	unreadable := false
	// The separator makes a link to a directory the directory.
	_ = filepath.WalkDir(d.Path+string(filepath.Separator), func(path string, e fs.DirEntry, err error) error {
		path = filepath.Clean(path)
		switch {
		case err != nil:
			// What can't be read now is not gone.
			unreadable = unreadable || !errors.Is(err, fs.ErrNotExist) || path == filepath.Clean(d.Path)
			d.warn(err)
		case e.IsDir():
			if path != filepath.Clean(d.Path) && !d.Recursive {
				return fs.SkipDir
			}
			d.watch(path)
		case d.isTorrent(path):
			again = d.look(path) || again
		}
		return nil
	})
	if unreadable {
		return false
	}
	gone := false
	for path, f := range d.found {
		if !f.seen {
			d.remove(path, f)
			gone = true
		}
	}
	if gone {
		for path, f := range d.found {
			if f.twin {
				delete(d.found, path)
				again = d.look(path) || again
			}
		}
	}
	for dir := range d.watched {
		if _, err := os.Stat(dir); err != nil {
			delete(d.watched, dir) // the system has forgotten it too
		}
	}
	return again
}

// look takes note of a torrent file. It returns true if that may not be whole yet.
func (d *Directory) look(path string) (again bool) {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		return false
	}
	var id piece.Identity
	if err == nil {
		id = piece.Identify(info)
	}
	f := d.found[path]
	if f != nil {
		f.seen = true
		if f.identity == id {
			return false
		}
	}
	var t *Torrent
	var meta *Metainfo
	if err == nil {
		meta, err = readTorrent(path)
	}
	if err != nil && time.Since(time.Unix(0, id.ModTime)) < young {
		return true
	}
	if f != nil {
		d.remove(path, f)
	}
	if err == nil {
		t, err = d.add(path, meta)
	}
	d.found[path] = &found{identity: id, torrent: t, twin: errors.Is(err, ErrDuplicate), seen: true}
	if err != nil {
		d.Seeder.emit(Event{Kind: Failed, Err: fmt.Errorf("%s: %w", path, err)})
	}
	return false
}

func (d *Directory) add(path string, meta *Metainfo) (*Torrent, error) {
	in := Input{
		Torrent: meta, Path: d.Data, Trackers: d.Trackers,
		Read: func() (*Metainfo, error) { return readTorrent(path) },
	}
	if in.Path == "" {
		in.Path = filepath.Dir(path)
	}
	if d.Ledger != nil {
		in.Uploaded, in.Since = d.Ledger.recall(meta)
	}
	t, err := d.Seeder.Add(in)
	if err != nil {
		return nil, err
	}
	at := filepath.Join(in.Path, meta.Name)
	d.content[at] = append(d.content[at], t)
	return t, nil
}

func (d *Directory) remove(path string, f *found) {
	delete(d.found, path)
	if f.torrent == nil {
		return
	}
	if d.Ledger != nil {
		d.Ledger.note(f.torrent)
	}
	d.Seeder.Remove(f.torrent)
	for at, list := range d.content {
		if i := slices.Index(list, f.torrent); i >= 0 {
			if d.content[at] = slices.Delete(list, i, i+1); len(d.content[at]) == 0 {
				delete(d.content, at)
			}
			return
		}
	}
}

// readTorrent reads a torrent file, up to what a torrent can be.
func readTorrent(path string) (*Metainfo, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, metainfo.MaxSize+1))
	if err != nil {
		return nil, err
	}
	if len(b) > metainfo.MaxSize {
		return nil, fmt.Errorf("not a torrent: it is longer than %d bytes", metainfo.MaxSize)
	}
	return metainfo.Parse(b)
}

package seed

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/text/unicode/norm"

	"bt/internal/atomicfile"
	"bt/internal/metainfo"
	"bt/internal/piece"
)

// An index finds the torrents of a directory.
type index struct {
	found   map[string]*found     // by path of the torrent file
	content map[string][]*Torrent // by expected path of the content, in NFC
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

// update adds, replaces or removes the torrent of a file that a walk has found. It reports
// whether to read it again soon: it may be incomplete, or it has disappeared since.
func (d *Directory) update(path string) (again bool) {
	f := d.found[path]
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		if f != nil {
			d.remove(path, f)
		}
		return false
	}
	var id piece.Identity
	var meta *Metainfo
	if err == nil {
		id = piece.Identify(info)
		if f != nil && f.identity.Equal(id) {
			return false
		}
		meta, err = readTorrent(path, d.MaxSize)
	}
	if errors.Is(err, fs.ErrNotExist) && !isLink(path) {
		// Either the file was removed or its directory was renamed. The next walk decides.
		return true
	}
	// Abs, because the clock of a file server may be ahead.
	if err != nil && time.Since(id.Modified()).Abs() < young {
		return true
	}
	next := &found{identity: id}
	failure := ""
	if f != nil {
		failure = f.failure
		d.remove(path, f)
	}
	d.found[path] = next
	if err == nil {
		err = d.add(path, meta, next)
	}
	if err != nil {
		d.reject(path, next, err, failure)
	}
	return false
}

// reject records why a torrent file can't be seeded. It emits an event unless the last
// failure was the same.
func (d *Directory) reject(path string, f *found, err error, last string) {
	f.failure, f.duplicate = err.Error(), errors.Is(err, ErrDuplicate)
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		f.identity = piece.Identity{} // the file may become readable without a change of its identity
		if err = pathErr.Err; errors.Is(err, fs.ErrNotExist) {
			err = errDangling
		}
	}
	shown := fmt.Errorf("%s: %w", path, err)
	var e Event = EventFailed{Err: shown}
	if not, ok := errors.AsType[*metainfo.NotTorrentError](err); ok && not.Form.FoundBesideTorrents() {
		e = EventWarning{Err: shown}
	} else if !f.duplicate {
		d.broken.set(path, err)
	}
	if f.failure != last {
		d.Seeder.events.Put(e)
	}
}

var errDangling = errors.New("a symbolic link that leads nowhere")

func isLink(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.Mode()&fs.ModeSymlink != 0
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

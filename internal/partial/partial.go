// Package partial is the write side of a download: it takes blocks from peers, proves
// pieces, and writes them. It knows which pieces are on disk, also those of earlier runs.
//
// [Open] checks what is there. [Content.Take] takes blocks, in any order. A piece is hashed
// when it is complete, together with others that are, and only proven pieces are written. A
// file has .part after its name until all of its pieces are proven and it is synced. A piece
// may have bytes of files that are not wanted: these are in the .part of that file, which
// has holes and never gets its final name. Pad files (BEP 47) are not written. [NewStream] writes one
// file to a pipe instead, in order.
//
// Nothing is written outside of the directory, and no symbolic link below it is followed
// for writing. A file that has its final name already is read and proven, and never
// written. If it does not prove, the error of Open is an [*ExistsError]; with Options.Force
// it is replaced, but not before its .part is complete and proven. Pieces of v1 that such
// a file shares with files that are missing can't be proven by Open. When one of them
// arrives, its bytes are compared with the file: if they differ, the download ends with an
// ExistsError.
//
// # State
//
// While a file of the torrent is incomplete, the directory has files of this package. HASH
// is the info-hash of 20 bytes in hex:
//
//	.bt-HASH.state     the proven pieces, and the identities of the files they are in
//	.bt-HASH.metadata  the torrent: a second run by magnet link needs no metadata from peers
//	.bt-HASH.lock      keeps two processes apart
//
// The state is written when the data is synced, every few seconds. So it never says more
// than the data does, whenever the process is killed or the machine loses power. A file
// whose identity differs from the one in the state is hashed again, as a whole.
//
// This package does not choose pieces or talk to peers.
package partial

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"sync"

	"bt/internal/metainfo"
	"bt/internal/peer"
	"bt/internal/piece"
)

// Options are the choices of [Open] and [NewStream]. Torrent is required, and for Open Dir.
type Options struct {
	Torrent *metainfo.Torrent // with its piece layers, if it is v2
	Dir     string            // holds the file or directory of the torrent's name; made if it is missing

	Wanted   func(file int) bool // if not nil, whether a file of the torrent is wanted
	Recheck  bool                // hash all files, whatever the state of an earlier run says
	Force    bool                // replace files with final names that are not proven
	Allocate bool                // reserve the space of wanted files, where the file system can
	Memory   int64               // bytes of blocks that are not written yet; 0 means 48 MiB, and three pieces are the least
	Jobs     int                 // workers of Open and Adopt that hash files; 0 means one per CPU

	// Progress, if not nil, is called by Open and Adopt with the number of bytes that were
	// hashed and that are to be hashed.
	Progress func(done, total int64)

	// Event, if not nil, is called for each event. Calls are serialized. It may call the
	// methods of the Content, except Close and Adopt.
	Event func(Event)

	// For tests.
	trace     func(o op, do func() error) error // of the disk
	saveBytes int64                             // instead of the constant, if not 0
}

// A Content is a torrent that is being downloaded to a directory. Its methods may be called
// by several goroutines.
type Content struct {
	gatherer
	options Options
	torrent *metainfo.Torrent
	names   *names
	disk    *disk
	files   *handles
	lock    *lock

	wanted  peer.Bitfield // pieces with bytes of wanted files
	needed  func(i int) bool
	replace map[int]bool  // with Force, files whose final name is taken by another file
	made    map[int]bool  // empty files that Open has made
	done    chan struct{} // closed when all wanted files have their names

	// Guarded by mu of the gatherer.
	left       []int32      // by file, pieces that are not proven
	incomplete int          // wanted files that don't have their names
	dirty      map[int]bool // files with writes that are not synced
	dirtyBytes int64
	ready      []int // files to give their names

	// Used by save only.
	ids    []piece.Identity // of files with proven pieces, when they were synced
	synced map[int]bool     // files that were synced, and whose identities are not in ids yet
	saved  bool             // there is a state of this run
	unsure bool             // a sync failed, so the state must stay as it is

	saving sync.WaitGroup
	wake   chan struct{}
	stop   chan struct{} // closed by Close
}

// Open checks what the directory has of a torrent. The caller calls Close.
//
// The error is an *UnusableError of package metainfo, a *NameError, an *ExistsError, a
// *LockedError, a *LinkError, ErrNoLayers, one of the operating system, or the
// cause of ctx. Nothing of the torrent was written then.
func Open(ctx context.Context, o Options) (c *Content, err error) {
	content, err := o.Torrent.Content()
	if err == nil {
		err = o.Torrent.CheckName()
	}
	if err != nil {
		return nil, err
	}
	if o.Wanted == nil {
		o.Wanted = func(int) bool { return true }
	}
	c = &Content{options: o, torrent: o.Torrent, replace: make(map[int]bool), made: make(map[int]bool), done: make(chan struct{})}
	if c.options.saveBytes == 0 {
		c.options.saveBytes = saveBytes
	}
	c.dirty, c.synced = make(map[int]bool), make(map[int]bool)
	c.wake, c.stop = make(chan struct{}, 1), make(chan struct{})
	c.init(content, o.Memory, o.Event)
	c.write = c.writePiece
	c.want()
	if err := checkLayers(content, c.needed); err != nil {
		return nil, err
	}
	if c.names, err = newNames(content, o.Torrent.ShortInfoHash()); err != nil {
		return nil, err
	}
	if c.disk, err = openDisk(o.Dir, o.trace); err != nil {
		return nil, err
	}
	c.files = newHandles(c.disk, c.names, &c.options)
	if err := c.begin(ctx); err != nil {
		c.files.close()
		c.lock.close()
		c.disk.close()
		return nil, err
	}
	return c, nil
}

// begin checks what is there, and starts the workers.
func (c *Content) begin(ctx context.Context) (err error) {
	if c.lock, err = c.disk.lock(c.ownName(lockSuffix)); err != nil {
		return err
	}
	if err := checkCase(c.torrent, c.disk, c.ownName(lockSuffix)); err != nil {
		return err
	}
	if _, err := c.disk.lstatRegular([]string{c.ownName(metadataSuffix)}); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	found, err := c.check(ctx)
	if err != nil {
		return err
	}
	if err := c.makeOthers(); err != nil {
		return err
	}
	c.count()
	c.reportFound()
	if err := c.writeMetadata(); err != nil {
		return err
	}
	if err := c.save(true); err != nil { // the files that are made from now on are ours
		return err
	}
	if c.options.Allocate {
		if err := c.allocateAll(); err != nil {
			return err
		}
	}
	c.start()
	c.saving.Go(c.keepSaving)
	if len(found) > 0 {
		if err := c.adopt(ctx, found); err != nil {
			return errors.Join(err, c.end())
		}
	}
	return nil
}

// want sets the pieces that are wanted, and needed to whether a file has bytes of them.
func (c *Content) want() {
	l := c.content.Layout
	c.wanted = peer.NewBitfield(l.Pieces())
	for i := range c.content.Files {
		if first, last, ok := l.FilePieces(i); ok && c.wants(i) {
			for p := first; p <= last; p++ {
				c.wanted.Set(p)
			}
		}
	}
	c.needed = func(i int) bool {
		first, last, ok := l.FilePieces(i)
		if !ok {
			return c.wants(i)
		}
		return !c.content.Files[i].Pad && (c.wants(i) || c.wanted.Has(first) || c.wanted.Has(last))
	}
}

// wants reports whether a file is wanted.
func (c *Content) wants(i int) bool { return !c.content.Files[i].Pad && c.options.Wanted(i) }

// count sets what is left of each file.
func (c *Content) count() {
	l := c.content.Layout
	c.left = make([]int32, l.Files())
	for i := range c.content.Files {
		first, last, ok := l.FilePieces(i)
		for p := first; ok && p <= last; p++ {
			if !c.have.Has(p) {
				c.left[i]++
			}
		}
		if !c.wants(i) || c.content.Files[i].IsLink() || !ok {
			continue
		}
		if c.left[i] > 0 || c.files.places[i] != placeFinal {
			c.incomplete++
		}
		if c.left[i] == 0 && c.files.places[i] == placePart {
			c.dirty[i] = true
			c.ready = append(c.ready, i)
		}
	}
	if c.incomplete == 0 {
		close(c.done)
	}
}

// reportFound sends an event for each wanted file that is complete now.
func (c *Content) reportFound() {
	for i := range c.content.Files {
		if f := &c.content.Files[i]; c.wants(i) && c.files.places[i] == placeFinal && c.left[i] == 0 {
			c.event(EventFile{File: i, Path: c.Path(i), Size: f.Length, Found: !c.made[i]})
		}
	}
}

// allocateAll makes all wanted files, so that lack of space is found at once.
func (c *Content) allocateAll() error {
	for i := range c.content.Files {
		if !c.wants(i) || c.left[i] == 0 || c.files.place(i) == placeFinal {
			continue
		}
		f, err := c.files.acquire(i)
		if err != nil {
			return c.diskError(i, err)
		}
		c.files.release(f)
	}
	return nil
}

func (c *Content) ownName(suffix string) string { return ownName(c.names.hash, suffix) }

// Path returns the path of a file when it is complete.
func (c *Content) Path(file int) string { return c.disk.path(c.names.final(file)) }

// Root returns the path of the file or directory of the torrent.
func (c *Content) Root() string { return filepath.Join(c.options.Dir, c.content.Name) }

// Wanted returns the pieces that have bytes of wanted files. It must not be changed.
func (c *Content) Wanted() peer.Bitfield { return c.wanted }

// Left returns the number of wanted pieces that are not there, and of their bytes.
func (c *Content) Left() (pieces int, bytes int64) {
	have := c.Have()
	for p := range c.content.Layout.Pieces() {
		if c.wanted.Has(p) && !have.Has(p) {
			pieces++
			bytes += c.Length(p)
		}
	}
	return pieces, bytes
}

// Done returns a channel that is closed when all wanted files are complete and have their
// names.
func (c *Content) Done() <-chan struct{} { return c.done }

// Close writes the pieces that are complete, syncs all files, and writes the state. Blocks of
// incomplete pieces are dropped. It returns the error that stopped the download, or that of
// the last sync.
func (c *Content) Close() error {
	err := c.end()
	c.files.close()
	err = errors.Join(err, c.lock.close())
	c.disk.close()
	return err
}

// end stops the workers, and saves what was written.
func (c *Content) end() error {
	c.finish()
	c.drop()
	close(c.stop)
	c.saving.Wait()
	stopped := c.Err()
	if err := c.save(true); stopped == nil {
		return err
	}
	return stopped
}

// diskError returns the error of a file as a *DiskError, or as an *ExistsError if another
// file has taken its name.
func (c *Content) diskError(i int, err error) error {
	if err == nil {
		return nil
	}
	path := c.disk.path(c.files.path(i))
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok && errors.Is(err, fs.ErrExist) {
		return &ExistsError{[]string{pathErr.Path}}
	}
	return &DiskError{path, err}
}

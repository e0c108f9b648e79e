// Package repair mends damaged data of a torrent from other copies of it.
//
// [Repair] looks only at the pieces that are not good. It takes their bytes from other
// copies on disk, from the data of other torrents, or by HTTP from web seeds and mirrors,
// and proves by the torrent's hashes which of these are right before it writes any. A v1
// piece may have bytes of several files, of which one copy has some and the data or
// another copy has the others: their combinations are tried.
//
// A file is mended in a copy of it, which is hashed again and then renamed, so at every
// moment there is the old file or the mended one. A piece that was good stays good. The
// copy has the mode, the owner and the holes of the file, and on Linux its user.*
// attributes and its access control list; its times are new. No symbolic link is followed
// for writing, and a file with several hard links is written in place only if that is
// asked for.
//
// What a killed process has left is removed by the next repair in the same directory.
package repair

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"net/url"
	"slices"

	"bt/internal/metainfo"
	"bt/internal/piece"
	"bt/internal/placefile"
)

// A Torrent is a parsed .torrent file, as Parse and ReadFile of package inspect return
// it.
type Torrent = metainfo.Torrent

// A ReadMode chooses how files are read. The values are those of package inspect; the
// zero ReadMode chooses by the kind of disk.
type ReadMode = piece.ReadMode

// A Source is another copy of the data, or of a part of it. Exactly one of Path, URL and
// Files is set.
type Source struct {
	// Path holds the content, as package inspect finds it: it is the content, or the
	// directory of the content. If Torrent is not nil, the content is that of this other
	// torrent, and its files of the same hash, or the same size and name, are used.
	Path    string
	Torrent *Torrent

	URL string // a web seed (BEP 19), or a mirror of the content

	// Files are the paths of single files by their indexes in the torrent.
	Files map[int]string
}

// A Step is a step of [Repair].
type Step uint8

// The steps.
const (
	StepProve Step = iota // the pieces of a source are hashed
	StepFetch             // ranges are fetched by HTTP
	StepWrite             // mended files are written and hashed
)

// Options are the choices of [Repair].
type Options struct {
	Jobs int      // workers; 0 means one per CPU
	Read ReadMode // 0 chooses by the kind of disk

	InPlace bool // write into files with several hard links, instead of refusing them
	DryRun  bool // write nothing, and fetch at most a byte of a file from each URL

	// Allow, if not nil, is called for each file before it is changed or made, with its
	// index in the torrent and its path. An error refuses the change. changes yields the
	// ranges, in order, whose bytes would change; it reads both.
	Allow func(file int, path string, changes iter.Seq[Range]) error

	UserAgent string                             // of requests; "" sends none
	Proxy     func(*url.URL) (*url.URL, error)   // the proxy for a URL, or nil; if Proxy is nil, there is none
	Progress  func(step Step, done, total int64) // if not nil, called from one goroutine with bytes
}

// A Range is a range of bytes of a file.
type Range struct{ Offset, Length int64 }

// A Report is the result of [Repair]. With Options.DryRun it says what would be done.
type Report struct {
	Files   []File     // that were mended or made
	Pieces  int        // that were bad and are good
	Bytes   int64      // that were written
	Refused []Refusal  // files that could not be written
	Sources []Supplied // one for each source
}

// A File is a file that was changed or made.
type File struct {
	Index   int    // in the torrent
	Path    string // on disk
	Pieces  int    // pieces that were bad and have bytes of the file
	Bytes   int64  // that were written
	Made    bool   // there was no such file
	Cut     bool   // it was too long
	Sources []int  // those that the bytes are from, by their indexes in Report.Sources
}

// A Refusal is a file that could not be written, and is as it was.
type Refusal struct {
	Index int // in the torrent
	Path  string
	Err   error
}

// Supplied is what a source had.
type Supplied struct {
	Pieces  int   // bad pieces that it had, alone or together with other sources
	Files   int   // files that exist there; of a URL those that were asked for
	Fetched int64 // bytes that were fetched, or with Options.DryRun would be at first
	Wrong   int   // bad pieces that a URL has, with wrong bytes

	// With Options.DryRun, for a URL: the bad pieces that it would be asked for, and the
	// bytes that would be fetched after Fetched if those do not suffice, since a v1 piece
	// has bytes of several files and more of them may be wrong.
	Asked int
	More  int64

	Err error // the first error of a URL, or nil

	// Changed are those of Source.Files, by their indexes in the torrent, that have a bad
	// piece, and are gone, have another size, or have wrong bytes for it.
	Changed []int
}

// Errors of a Refusal, besides those of the operating system. A path that has a
// symbolic link is a *[LinkError], and a file that has changed meanwhile a
// *[ChangedError].
var (
	ErrHardLinks = errors.New("it has several hard links, and the others would keep the damage")
	ErrShared    = errors.New("it is the same file on disk as another file of the torrent")
	ErrNotAFile  = errors.New("it is not a regular file")
	ErrNeeded    = errors.New("it has the bytes of another file, which can't be put at its place")
	ErrUnproven  = errors.New("what was written is not what was proven: a copy has changed, or the disk or memory has errors")
)

// A LinkError reports a symbolic link, which is not followed for writing.
type LinkError = placefile.LinkError

// A ChangedError reports a file that has changed while it was mended.
type ChangedError = placefile.ChangedError

// Repair mends the data of a torrent. root is where the content is: the directory of the
// files, or the single file; it need not exist. bad are the indexes of the pieces that
// are not good. Sources are tried in order, each for the pieces that those before it did
// not have.
//
// Files that are empty in the torrent, and its symbolic links, need no source. A file
// that is too long is cut if all of its pieces are good or mended.
//
// What could not be mended is no error. The error is an *UnusableError of package
// inspect, that of a source that can't be read, or the cause of ctx.
func Repair(ctx context.Context, t *Torrent, root string, bad []int, sources []Source, o Options) (report *Report, err error) {
	content, err := t.Content()
	if err != nil {
		return nil, err
	}
	m := &mender{ctx: ctx, torrent: t, content: content, o: o, root: root, chosen: make(map[int][]int)}
	m.open = make([]bool, content.Layout.Pieces())
	for _, p := range bad {
		m.open[p] = true
	}
	m.damaged = append([]bool(nil), m.open...)
	if m.tree, err = piece.At(ctx, content, root, o.Jobs); err != nil {
		return nil, err
	}
	defer func() {
		err = errors.Join(err, m.closePlace())
	}()
	m.report.Sources = make([]Supplied, len(sources))
	for i, s := range sources {
		if err := m.use(i, s); err != nil {
			return nil, err
		}
	}
	if err := m.mend(); err != nil {
		return nil, err
	}
	slices.SortFunc(m.report.Files, func(a, b File) int { return cmp.Compare(a.Index, b.Index) })
	slices.SortStableFunc(m.report.Refused, func(a, b Refusal) int { return cmp.Compare(a.Index, b.Index) })
	return &m.report, nil
}

// A mender is a running Repair. Pieces and files are given by their indexes in the
// torrent, and sources by theirs in sources; own is the data that is mended.
type mender struct {
	ctx     context.Context
	torrent *Torrent
	content *metainfo.Content
	o       Options
	root    string
	tree    *piece.Tree
	place   *placefile.Root // nil until something is written
	sources []*source
	damaged []bool        // pieces that were bad
	open    []bool        // those of them that no source has had yet
	chosen  map[int][]int // of the others, the sources of their ranges in order, or one for all
	report  Report
}

// use takes what it can from the source with the number i.
func (m *mender) use(i int, from Source) error {
	s, err := m.newSource(from)
	if err != nil {
		return err
	}
	s.all = []int{i}
	m.sources = append(m.sources, s)
	report := &m.report.Sources[i]
	if from.URL != "" {
		return m.fetch(i, report)
	}
	for k := range s.tree.Files {
		if f := &s.tree.Files[k]; !f.Pad && f.Cause == piece.CauseFine {
			report.Files++
		}
	}
	if err := m.take(i); err != nil {
		return err
	}
	report.Changed = m.changed(s.tree, from.Files)
	return nil
}

// take proves which open pieces the sources up to i have.
func (m *mender) take(i int) error {
	if err := m.prove(i); err != nil {
		return err
	}
	return m.combine(i)
}

// openPlace opens the directory in which files are changed and made.
func (m *mender) openPlace() (err error) {
	if m.place == nil {
		m.place, err = placefile.Open(m.dirOf())
	}
	return err
}

func (m *mender) closePlace() error {
	if m.place == nil {
		return nil
	}
	return m.place.Close()
}

// openPieces returns the number of pieces that no source has had yet.
func (m *mender) openPieces() (n int) {
	for _, open := range m.open {
		if open {
			n++
		}
	}
	return n
}

// Package repair mends damaged data of a torrent from other copies of it.
//
// [Repair] looks only at the pieces that are not good. It takes their bytes from other
// copies on disk, from the data of other torrents, or by HTTP from web seeds and mirrors,
// and proves by the torrent's hashes which of these are right before it writes any. A v1
// piece may have bytes of several files, of which one copy has some and the data or
// another copy has the others: their combinations are tried.
//
// A file is mended in a copy of it, which is hashed again and then renamed, so at every
// moment there is the old file or the mended one. A piece that was good stays good. No
// symbolic link is followed for writing, and a file with several hard links is written
// in place only if that is asked for.
package repair

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
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
	DryRun  bool // fetch and write nothing

	UserAgent string                             // of requests; "" sends none
	Proxy     func(*url.URL) (*url.URL, error)   // the proxy for a URL, or nil; if Proxy is nil, there is none
	Progress  func(step Step, done, total int64) // if not nil, called from one goroutine with bytes
}

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
}

// Errors of a Refusal, besides those of the operating system. A path that has a
// symbolic link is a *[LinkError], and a file that has changed meanwhile a
// *[ChangedError].
var (
	ErrHardLinks = errors.New("it has several hard links, and the others would keep the damage")
	ErrShared    = errors.New("it is the same file on disk as another file of the torrent")
	ErrNotAFile  = errors.New("it is not a regular file")
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
		err = errors.Join(err, m.removeFetched())
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
	sources []*source
	damaged []bool        // pieces that were bad
	open    []bool        // those of them that no source has had yet
	chosen  map[int][]int // of the others, the sources of their ranges in order, or one for all
	report  Report
}

// own is the number of the data that is mended, among the sources.
const own = -1

// treeOf returns the files of a source.
func (m *mender) treeOf(source int) *piece.Tree {
	if source == own {
		return m.tree
	}
	return m.sources[source].tree
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
	return m.take(i)
}

// take proves which open pieces the sources up to i have.
func (m *mender) take(i int) error {
	if err := m.prove(i); err != nil {
		return err
	}
	return m.combine(i)
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

// a source is a [Source] that is in use.
type source struct {
	tree *piece.Tree
	url  string
	temp string // the directory of what was fetched; "" if there is none
	all  []int  // the value of chosen for pieces that it has all of
}

func (m *mender) newSource(from Source) (*source, error) {
	switch {
	case from.URL != "":
		return &source{url: from.URL, tree: m.newTree(func(int) (string, bool) { return "", false })}, nil
	case from.Files != nil:
		t := m.newTree(func(i int) (string, bool) { path, ok := from.Files[i]; return path, ok })
		return &source{tree: t}, t.Stat(m.ctx, m.o.Jobs)
	}
	if _, err := os.Stat(from.Path); err != nil {
		return nil, err
	}
	if from.Torrent != nil {
		return m.otherTorrent(from)
	}
	t, err := piece.Find(m.ctx, m.content, from.Path, m.o.Jobs)
	if err != nil {
		return nil, err
	}
	if a, err := os.Stat(t.Root); err == nil {
		if b, err := os.Stat(m.root); err == nil && os.SameFile(a, b) {
			return nil, &SameError{from.Path}
		}
	}
	return &source{tree: t}, nil
}

// A SameError reports a source that is the data to mend.
type SameError struct{ Path string }

func (e *SameError) Error() string { return e.Path + ": it is the data that is to be mended" }

// newTree returns a tree of the files whose paths are known, which are not examined yet.
func (m *mender) newTree(path func(i int) (string, bool)) *piece.Tree {
	t := &piece.Tree{Files: make([]piece.Source, len(m.content.Files))}
	t.Path = func(i int) string { p, _ := path(i); return p }
	for i := range t.Files {
		f := &m.content.Files[i]
		t.Files[i].Pad, t.Files[i].Link = f.Pad, f.IsLink()
		if _, ok := path(i); !ok && !f.Pad {
			t.Files[i].Cause = piece.CauseMissing
		}
	}
	return t
}

// otherTorrent returns the files of the data of another torrent.
func (m *mender) otherTorrent(from Source) (*source, error) {
	content, err := from.Torrent.Content()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", from.Torrent.Name, err)
	}
	theirs, err := piece.Find(m.ctx, content, from.Path, m.o.Jobs)
	if err != nil {
		return nil, err
	}
	match := newMatcher(content)
	files := make(map[int]string)
	for i := range m.content.Files {
		if f := &m.content.Files[i]; !f.Pad && !f.IsLink() && f.Length > 0 {
			if j, ok := match.find(f); ok {
				files[i] = theirs.Path(j)
			}
		}
	}
	return m.newSource(Source{Files: files})
}

// dirOf returns the directory that holds root, or root if that is a directory.
func (m *mender) dirOf() string {
	if info, err := os.Stat(m.root); err == nil && info.IsDir() {
		return m.root
	}
	return filepath.Dir(m.root)
}

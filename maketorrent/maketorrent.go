// Package maketorrent makes a torrent of a file or directory.
//
// [Make] reads and hashes the content and returns the torrent. The caller writes its
// bytes to a file:
//
//	result, err := maketorrent.Make(ctx, maketorrent.Options{
//		Path:     "/srv/release",
//		Trackers: [][]string{{"https://t.example/announce"}},
//		Date:     time.Now(),
//	})
//	if err != nil {
//		return err
//	}
//	return os.WriteFile("release.torrent", result.Torrent.Bytes(), 0o644)
//
// Make reports everything that a torrent can't hold before it hashes anything. A file
// that changes while it is hashed is an error. The same content and options give the
// same torrent.
package maketorrent

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"

	"bt/internal/metainfo"
	"bt/internal/piece"
)

// A Torrent is a parsed torrent. Its Bytes method returns the .torrent file, HexV1
// and HexV2 the info-hashes, and Magnet the magnet link. Package inspect describes
// torrents.
type Torrent = metainfo.Torrent

// A Finding is a remark about a torrent: a Code such as "many-pieces", a Severity of
// "note" or "warning", and a Message. Function Kinds of package inspect lists the
// codes.
type Finding = metainfo.Finding

// A Node is an entry point to the DHT (BEP 5).
type Node = metainfo.Node

// A ReadMode chooses how files are read.
type ReadMode = piece.ReadMode

// The ways to read files. The zero ReadMode is ReadAuto.
const (
	ReadAuto       = piece.ReadAuto       // chosen by the kind of disk
	ReadParallel   = piece.ReadParallel   // all workers read at once
	ReadSequential = piece.ReadSequential // one worker reads at a time, in order: for spinning disks
)

// A FileError reports a file that can't be in the torrent: its Path, the Cause, and
// Err, the operating system's error, if any. It wraps Err.
type FileError = piece.Fault

// A FileCause is the cause of a [FileError].
type FileCause = piece.Cause

// The causes.
const (
	FileMissing    = piece.CauseMissing    // the file does not exist
	FileNotAFile   = piece.CauseNotAFile   // a directory, socket or device
	FileUnreadable = piece.CauseUnreadable // the file can't be opened or read
	FileChanged    = piece.CauseChanged    // the file changed while it was hashed
)

// Format says which hashes a torrent has.
type Format uint8

// The formats. The zero Format is FormatV1.
const (
	FormatV1     Format = iota // SHA-1 of each piece (BEP 3)
	FormatV2                   // a SHA-256 hash tree of each file (BEP 52)
	FormatHybrid               // both
)

// String returns "v1", "v2" or "hybrid".
func (f Format) String() string { return [...]string{"v1", "v2", "hybrid"}[f] }

// Options are the choices of [Make]. Only Path, or Inputs and Name, or Stream and Name,
// are required.
type Options struct {
	Path string // the file or directory
	Name string // of the torrent; "" means the name of Path

	// Inputs, if not empty, are several files and directories, which become the top
	// entries of the torrent. Path is then unused.
	Inputs []string

	// Stream, if not nil, is the content of a torrent of one file, which is not on disk.
	// Path, Inputs, Cache, Reuse and the options that choose files are then unused.
	Stream *Stream

	// Own, if not nil, returns why a file below Path is left out of the torrent, such
	// as that it is the output file, or "" if the file is content. If path is a
	// symbolic link, info describes its target. Own is called concurrently.
	Own func(path string, info fs.FileInfo) (reason string)

	Format         Format // 0 means FormatV1
	PieceLength    int64  // bytes; 0 means as AutoPieceLength chooses
	MaxPieceLength int64  // limit of that choice, in bytes; 0 means no limit
	TargetPieces   int    // choose a piece length that makes about so many pieces; 0 means by the size
	MaxTorrentSize int64  // choose longer pieces if the torrent has more bytes; 0 means no limit
	Rules          Rules  // of trackers, for that choice

	// Include and Exclude are globs, in which ** matches any number of directories. They
	// are matched against the path below Path and, if they have no slash, against each
	// name in it. They may begin with ./, Path or the name of Path. A glob that matches
	// a directory applies to everything in it. If Include is not empty, only files that
	// match it are taken. Files that match Exclude are never taken.
	Include, Exclude []string

	// Only, if not nil, lists paths of files and directories in the content: absolute, or
	// relative to Path, or with Inputs to the torrent's name. Only these and what is in
	// them are taken. A path that does not exist is one of the [Problems].
	Only []string

	NoHidden   bool     // leave out names that begin with a dot
	KeepJunk   bool     // take files that systems make, such as .DS_Store and Thumbs.db
	Symlinks   Symlinks // 0 means SymlinksFollow
	Attributes bool     // store which files are executable by their owner (BEP 47)
	Align      bool     // v1: each file begins a piece, with pad files (BEP 47), as in v2 and hybrids

	// Empty fields are not written to the torrent.
	Trackers  [][]string // tiers (BEP 12)
	WebSeeds  []string   // BEP 19
	HTTPSeeds []string   // BEP 17
	Nodes     []Node     // BEP 5
	Private   bool       // BEP 27
	Source    string
	Comment   string
	CreatedBy string
	Date      time.Time // the creation date, in whole seconds
	Entropy   bool      // add random bytes, which give a new info-hash

	// Previous, if not nil, is the torrent of an earlier release. It is one of Reuse and
	// of Similar, and its piece length is that of the new torrent unless PieceLength is
	// given, so that unchanged files keep their hashes.
	Previous    *Torrent
	Similar     []*Torrent // torrents that may share files (BEP 38)
	Collections []string   // names of collections of such torrents (BEP 38)
	UpdateURL   string     // where a newer torrent may be (BEP 39)

	Jobs int      // workers; 0 means one per CPU
	Read ReadMode // 0 means ReadAuto

	// Cache, if not nil, has the hashes of files that have not changed since, which are
	// then not read.
	Cache *Cache

	// DryRun hashes only a sample of the content, to learn how long it would take. The
	// Result has a Plan instead of a Torrent.
	DryRun bool

	// Reuse lists torrents whose hashes are taken for files of the same size, where a
	// sample of the pieces of the file agrees. A file that differs in other pieces is not
	// noticed. Hashes of small files are not taken.
	Reuse []*Torrent

	// Progress, if not nil, is called about ten times a second and at the end, with the
	// number of bytes hashed and of those to be hashed, from the goroutine that called
	// Make.
	Progress func(done, total int64)
}

// A Result is a new torrent and remarks about it.
type Result struct {
	Torrent  *Torrent  // nil with Options.DryRun
	Plan     *Plan     // only with Options.DryRun
	Content  string    // absolute path of the content; "" if no directory has all Inputs, and for a Stream
	Skipped  []Skipped // files and directories that were left out, in order
	Findings []Finding // about the torrent and skipped files; none has severity "error"
	Choice   Choice    // what decided the piece length
	Cached   int64     // bytes of the content whose hashes were in the cache
	Reused   int64     // bytes of the content whose hashes were in torrents of Options.Reuse
	Previous *Torrent  // Options.Previous
	Refuted  []string  // files that have the size of one in such a torrent, and other content; paths as in Skipped

	// Took is how long finding and hashing the content took, for all torrents of it.
	Took time.Duration
}

// A Skipped is a file or directory that was left out of the torrent.
type Skipped struct {
	Path   string // below Options.Path or the torrent's name, with slashes
	Reason SkipReason
}

// A SkipReason says why a file or directory was left out of a torrent: one of the
// constants, or what Options.Own returned.
type SkipReason string

// The reasons. A directory whose files were all skipped is not an empty one: its files
// are listed.
const (
	SkipExcluded       SkipReason = "excluded"                  // by Options.Exclude
	SkipNotIncluded    SkipReason = "not included"              // by Options.Include
	SkipHidden         SkipReason = "hidden"                    // by Options.NoHidden
	SkipJunk           SkipReason = "junk"                      // unless Options.KeepJunk
	SkipSymlink        SkipReason = "symlink"                   // by SymlinksSkip
	SkipPadding        SkipReason = "padding of another client" // its name is that of a pad file
	SkipEmptyDirectory SkipReason = "empty directory"
)

// ErrEmpty is returned if the content has no bytes.
var ErrEmpty = errors.New("there is no content: no file, or only empty ones")

// Problems are the errors of all files that can't be in the torrent. Most wrap a
// *[FileError] or a *[LinkError].
type Problems []error

func (p Problems) Error() string {
	if len(p) == 1 {
		return p[0].Error()
	}
	return fmt.Sprintf("%v (and %d more)", p[0], len(p)-1)
}

func (p Problems) Unwrap() []error { return p }

// An OptionError reports an invalid option.
type OptionError struct {
	Option string // "path", "name", "inputs", "stream", "glob", "only", "piece length", "torrent size" or "date"
	Err    error
}

func (e *OptionError) Error() string { return e.Err.Error() }
func (e *OptionError) Unwrap() error { return e.Err }

func badOption(option, format string, args ...any) error {
	return &OptionError{option, fmt.Errorf(format, args...)}
}

// Check returns an *[OptionError] if an option is invalid for any content. Make calls
// it before it reads anything.
func (o *Options) Check() error {
	if o.Name != "" {
		if err := metainfo.CheckComponent(o.Name); err != nil {
			return badOption("name", "the name %q %w", o.Name, err)
		}
	}
	for _, text := range slices.Concat(o.Include, o.Exclude) {
		if !doublestar.ValidatePattern(text) {
			return badOption("glob", "the glob %q can't be read", text)
		}
	}
	if o.PieceLength != 0 {
		b := metainfo.Builder{V2: o.Format != FormatV1, PieceLength: o.PieceLength}
		if err := b.CheckPieceLength(); err != nil {
			return &OptionError{"piece length", err}
		}
	}
	if err := o.checkStream(); err != nil {
		return err
	}
	if seconds := o.Date.Unix(); !o.Date.IsZero() && (seconds < 0 || seconds > metainfo.LastDate) {
		return badOption("date", "the date %v is not between the years 1970 and 9999", o.Date)
	}
	return nil
}

// Resolve returns the absolute path of the content and the name that Make gives its
// torrent: name or, if name is empty, the name of the file or directory at path, even
// if path is "." or "..". The error is an *[OptionError] if a torrent can't have the
// name.
func Resolve(path, name string) (abs, resolved string, err error) {
	if abs, err = absolute(path); err != nil {
		return "", "", err
	}
	if name == "" {
		name = filepath.Base(abs)
	}
	if err := metainfo.CheckComponent(name); err != nil {
		return "", "", badOption("name", "the name %q %w", name, err)
	}
	return abs, name, nil
}

// absolute is filepath.Abs, but it resolves ".." as the system does: after a link to a
// directory, ".." is the parent of the link's target.
func absolute(path string) (string, error) {
	if !slices.Contains(strings.Split(filepath.ToSlash(path), "/"), "..") {
		return filepath.Abs(path)
	}
	if !filepath.IsAbs(path) {
		here, err := filepath.Abs(".")
		if err == nil {
			here, err = filepath.EvalSymlinks(here)
		}
		if err != nil {
			return "", err
		}
		path = here + string(filepath.Separator) + path
	}
	return filepath.EvalSymlinks(path)
}

// Make makes a torrent. The error is an *[OptionError], [Problems], [ErrEmpty], the
// cause of ctx, the operating system's error about Path, or an error of the Stream.
func Make(ctx context.Context, o Options) (*Result, error) {
	var only Outcome
	for _, made := range MakeAll(ctx, []Options{o}) {
		only = made
	}
	return only.Result, only.Err
}

// newBuilder returns a builder with everything but the hashes.
func (o *Options) newBuilder(name string, single bool, files []metainfo.BuildFile) *metainfo.Builder {
	b := &metainfo.Builder{
		V1: o.Format != FormatV2, V2: o.Format != FormatV1,
		Align: o.Align, Name: name, Single: single, Files: files, PieceLength: o.PieceLength, Private: o.Private, Source: o.Source,
		Outside: metainfo.Outside{
			Trackers: o.Trackers, WebSeeds: o.WebSeeds, HTTPSeeds: o.HTTPSeeds,
			Nodes: o.Nodes, Comment: o.Comment, CreatedBy: o.CreatedBy, Date: o.Date,
		},
	}
	if o.Entropy {
		b.Entropy = rand.Text()
	}
	b.Collections, b.UpdateURL = o.Collections, o.UpdateURL
	for _, t := range o.withPrevious(o.Similar) {
		b.Similar = append(b.Similar, t.ShortInfoHash())
	}
	return b
}

func problemsOf(faults []*piece.Fault) Problems {
	var problems Problems
	for _, f := range faults {
		problems = append(problems, f)
	}
	return problems
}

// tooDeep returns a problem if files are in more directories than the parser of a v2 file
// tree accepts.
func (w *walker) tooDeep() Problems {
	n, first := 0, -1
	for i, f := range w.files {
		if len(f.Path) <= metainfo.MaxTreeDepth {
			continue
		}
		if n++; n == 1 {
			first = i
		}
	}
	if n == 0 {
		return nil
	}
	more := ""
	if n > 1 {
		more = fmt.Sprintf(" (and %d more)", n-1)
	}
	return Problems{fmt.Errorf("%s: it is %d levels deep; a v2 or hybrid torrent can have %d, and one of v1 any number%s",
		w.path(first), len(w.files[first].Path), metainfo.MaxTreeDepth, more)}
}

// findSkipped adds findings about unmatched globs and empty directories.
func (r *Result) findSkipped(w *walker) {
	for _, g := range w.unmatched() {
		hint := ""
		if strings.Contains(g.text, ",") {
			hint = "; a comma is a part of it and does not begin another"
		}
		r.find(metainfo.CodeUnmatchedGlob, "the glob %q matches nothing%s", g.text, hint)
	}
	n, first := 0, ""
	for _, s := range r.Skipped {
		if s.Reason != SkipEmptyDirectory {
			continue
		}
		if n++; n == 1 {
			first = s.Path
		}
	}
	switch {
	case n == 1:
		r.find(metainfo.CodeEmptyDirectory, "an empty directory is left out, for a torrent has files only: %s", first)
	case n > 1:
		r.find(metainfo.CodeEmptyDirectory, "%d empty directories are left out, for a torrent has files only; the first is %s", n, first)
	}
}

func (r *Result) find(code metainfo.Code, format string, args ...any) {
	r.Findings = append(r.Findings, metainfo.NewFinding(code, format, args...))
}

// finish builds the torrent and parses it, to get its findings. With DryRun its hashes
// are no hashes of the content, and it has served its purpose.
func (r *Result) finish(b *metainfo.Builder, o *Options) error {
	out, err := b.Build()
	if err != nil {
		return err
	}
	*b = metainfo.Builder{} // free its memory
	if r.Torrent, err = metainfo.Parse(out); err != nil {
		return err
	}
	for _, f := range r.Torrent.Findings {
		if f.Severity == metainfo.SeverityError {
			return errors.New(f.Message)
		}
	}
	r.Findings = append(r.Findings, r.Torrent.Findings...)
	if o.DryRun {
		r.Plan.describe(r.Torrent)
		r.Torrent = nil
	}
	return nil
}

// display joins a path below the content with slashes.
func display(rel []string) string { return strings.Join(rel, "/") }

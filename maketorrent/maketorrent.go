// Package maketorrent turns a file or a tree on disk into a torrent.
//
// [Make] walks the tree, refuses what can't be in a torrent before it hashes
// anything, and returns the torrent as bytes; writing them is the caller's.
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

	"github.com/bmatcuk/doublestar/v4"

	"bt/internal/metainfo"
	"bt/internal/piece"
)

// Types of the packages below that callers need.
type (
	Torrent  = metainfo.Torrent
	Finding  = metainfo.Finding
	Node     = metainfo.Node
	ReadMode = piece.ReadMode
)

// How files are read; see piece.ReadMode.
const (
	ReadAuto       = piece.Auto
	ReadParallel   = piece.Parallel
	ReadSequential = piece.Sequential
)

// Format says which hashes a torrent has.
type Format uint8

const (
	V1     Format = iota // SHA-1 (BEP 3)
	V2                   // SHA-256, in a hash tree a file (BEP 52)
	Hybrid               // both, for clients of either kind
)

// Options say what to make. Path is needed; all else has a meaning when empty.
type Options struct {
	Path string // the file or directory
	Name string // of the torrent; "" is the name of Path

	// Own, if not nil, tells the program's own files, such as the output and
	// temporary files: what it gives a reason for is no content. Links were
	// followed for info, and not for path. Several goroutines call it.
	Own func(path string, info fs.FileInfo) (reason string)

	Format         Format
	PieceLength    int64 // bytes; 0 chooses by the size of the content
	MaxPieceLength int64 // the most that is chosen; 0 is no limit of yours

	// Globs (doublestar), matched against the path below Path and, without a
	// slash before or in them, against every name in it. They may begin with ./,
	// with Path or with its name. A directory stands for what it holds. With
	// Include only what matches is taken; Exclude wins.
	Include, Exclude []string
	Symlinks         Symlinks

	Trackers  [][]string // tiers (BEP 12)
	WebSeeds  []string
	HTTPSeeds []string
	Nodes     []Node
	Private   bool
	Source    string
	Comment   string
	CreatedBy string // "" writes none
	HasDate   bool
	Date      int64 // seconds since 1970
	Entropy   bool  // add random bytes, so that the info-hash is another one

	Jobs     int // workers; 0 is one a processor
	Read     ReadMode
	Progress func(done, total int64) // bytes; may be nil; called by Make's goroutine
}

// A Result is a new torrent and what there is to say of it.
type Result struct {
	Torrent  *Torrent
	Content  string    // absolute path of what was hashed
	Skipped  []Skipped // what was there and left out, in order
	Findings []Finding // about what was left out, and those of the torrent; none is an error
	Choice   string    // why the piece length is what it is
}

// A Skipped path, below the content, was left out of the torrent.
type Skipped struct{ Path, Reason string }

// ErrEmpty is returned when there is no byte to hash.
var ErrEmpty = errors.New("there is no content: no file, or only empty ones")

// Problems are all files that can't be in the torrent, found before hashing.
type Problems []error

func (p Problems) Error() string {
	if len(p) == 1 {
		return p[0].Error()
	}
	return fmt.Sprintf("%v (and %d more)", p[0], len(p)-1)
}

func (p Problems) Unwrap() []error { return p }

// An OptionError says that no torrent can be made with the value of an option.
type OptionError struct {
	Option string // as in Options, in lower case
	Err    error
}

func (e *OptionError) Error() string { return e.Err.Error() }
func (e *OptionError) Unwrap() error { return e.Err }

func badOption(option, format string, args ...any) error {
	return &OptionError{option, fmt.Errorf(format, args...)}
}

// Check returns the *OptionError of an option that is wrong whatever the content
// is. Make does this first.
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
		b := metainfo.Builder{V2: o.Format != V1, PieceLength: o.PieceLength}
		if err := b.CheckPieceLength(); err != nil {
			return &OptionError{"piece length", err}
		}
	}
	return nil
}

// Resolve returns the absolute path of the content and the name that a torrent
// of it has: "." and ".." become the name of the directory that they mean.
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

// absolute is filepath.Abs, but ".." is the directory above as the system
// understands it, also behind a link.
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

// Make makes the torrent. The error is an *OptionError, Problems, ErrEmpty, the
// cause of ctx, or what the system said of Path.
func Make(ctx context.Context, o Options) (*Result, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	abs, name, err := Resolve(o.Path, o.Name)
	if err != nil {
		return nil, err
	}
	r := &Result{Content: abs}
	w := walker{ctx: ctx, Options: &o}
	if err := w.walk(abs); err != nil {
		return nil, err
	}
	r.Skipped = w.skipped
	r.leftOut(&w)
	tree := &piece.Tree{Files: w.sources, Path: w.path}
	if err := tree.CheckReadable(ctx, o.Jobs); err != nil {
		return nil, err
	}
	if o.Format != V1 {
		w.tooDeep()
	}
	if problems := append(w.problems, problemsOf(tree.Faults())...); len(problems) > 0 {
		return nil, problems
	}

	b := &metainfo.Builder{
		V1: o.Format != V2, V2: o.Format != V1,
		Name: name, Single: w.single, Files: w.files, PieceLength: o.PieceLength,
		Private: o.Private, Source: o.Source, Trackers: o.Trackers, WebSeeds: o.WebSeeds, HTTPSeeds: o.HTTPSeeds,
		Nodes: o.Nodes, Comment: o.Comment, CreatedBy: o.CreatedBy, HasDate: o.HasDate, Date: o.Date,
	}
	if o.Entropy {
		b.Entropy = rand.Text()
	}
	layout, err := r.layout(b, o.MaxPieceLength)
	if err != nil {
		return nil, err
	}
	if err := hash(ctx, b, layout, tree, &o); err != nil {
		return nil, err
	}
	return r, r.finish(b)
}

func problemsOf(faults []*piece.Fault) Problems {
	var problems Problems
	for _, f := range faults {
		problems = append(problems, f)
	}
	return problems
}

// tooDeep notes the files for which the file tree of a v2 torrent would have to
// be deeper than what is read.
func (w *walker) tooDeep() {
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
		return
	}
	more := ""
	if n > 1 {
		more = fmt.Sprintf(" (and %d more)", n-1)
	}
	w.problems = append(w.problems, fmt.Errorf("%s: it is %d levels deep; a v2 or hybrid torrent can have %d, and one of v1 any number%s",
		w.path(first), len(w.files[first].Path), metainfo.MaxTreeDepth, more))
}

// leftOut finds what the walk left out that the user may have meant otherwise.
func (r *Result) leftOut(w *walker) {
	for _, g := range w.unmatched() {
		hint := ""
		if strings.Contains(g.text, ",") {
			hint = "; a comma is a part of it and does not begin another"
		}
		r.find(metainfo.UnmatchedGlob, "the glob %q matches nothing%s", g.text, hint)
	}
	n, first := 0, ""
	for _, s := range r.Skipped {
		if s.Reason != emptyDirectory {
			continue
		}
		if n++; n == 1 {
			first = s.Path
		}
	}
	switch {
	case n == 1:
		r.find(metainfo.EmptyDirectory, "an empty directory is left out, for a torrent has files only: %s", first)
	case n > 1:
		r.find(metainfo.EmptyDirectory, "%d empty directories are left out, for a torrent has files only; the first is %s", n, first)
	}
}

func (r *Result) find(code metainfo.Code, format string, args ...any) {
	r.Findings = append(r.Findings, metainfo.NewFinding(code, format, args...))
}

// layout chooses the piece length and lays out the files.
func (r *Result) layout(b *metainfo.Builder, maxPieceLength int64) (*metainfo.Layout, error) {
	if b.ContentLength() == 0 {
		return nil, ErrEmpty
	}
	r.Choice = "asked for"
	if b.PieceLength == 0 {
		b.PieceLength, r.Choice = choosePieceLength(b, maxPieceLength)
	}
	layout, err := b.Layout()
	switch {
	case errors.Is(err, metainfo.ErrNameOfFile):
		return nil, &OptionError{"name", err}
	case err != nil:
		return nil, &OptionError{"piece length", err}
	}
	return layout, nil
}

// finish writes the torrent and reads it again, as its users will.
func (r *Result) finish(b *metainfo.Builder) error {
	out, err := b.Build()
	if err != nil {
		return err
	}
	*b = metainfo.Builder{} // the torrent has all of it now
	if r.Torrent, err = metainfo.Parse(out); err != nil {
		return err
	}
	for _, f := range r.Torrent.Findings {
		if f.Severity == metainfo.Error {
			return errors.New(f.Message)
		}
	}
	r.Findings = append(r.Findings, r.Torrent.Findings...)
	return nil
}

// display is a path below the content as it is shown: with slashes.
func display(rel []string) string { return strings.Join(rel, "/") }

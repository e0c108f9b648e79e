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
	"path/filepath"
	"strings"

	"bt/internal/bencode"
	"bt/internal/metainfo"
	"bt/internal/piece"
)

// Types of the packages below that callers need.
type (
	Torrent  = metainfo.Torrent
	Node     = metainfo.Node
	ReadMode = piece.ReadMode
)

// How files are read; see piece.ReadMode.
const (
	ReadAuto       = piece.Auto
	ReadParallel   = piece.Parallel
	ReadSequential = piece.Sequential
)

// Options say what to make. Path is needed; all else has a meaning when empty.
type Options struct {
	Path string // the file or directory
	Name string // of the torrent; "" is the name of Path

	// Where the torrent will be, and what temporary files of the program are
	// called (nil: nothing): neither is ever part of the content.
	Output    string
	Temporary func(name string) bool

	PieceLength    int64 // bytes; 0 chooses by the size of the content
	MaxPieceLength int64 // the most that is chosen; 0 is no limit of yours

	// Globs (doublestar), matched against the path below Path and, without a
	// slash in them, against every name in it. A directory stands for what it
	// holds. With Include only what matches is taken; Exclude wins.
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
	Warnings []Warning
}

// A Skipped path, below the content, was left out of the torrent.
type Skipped struct{ Path, Reason string }

// A Warning is about a torrent that is made, but that its users may regret.
type Warning struct{ Code, Message string }

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

// Resolve returns the absolute path of the content and the name that a torrent
// of it has: "." and ".." become the name of the directory that they mean.
func Resolve(path, name string) (abs, resolved string, err error) {
	abs, err = filepath.Abs(path)
	if err != nil {
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

// Make makes the torrent. The error is an *OptionError, Problems, ErrEmpty, the
// cause of ctx, or what the system said of Path.
func Make(ctx context.Context, o Options) (*Result, error) {
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
	if err := piece.CheckReadable(ctx, w.sources, o.Jobs); err != nil {
		return nil, err
	}
	if problems := append(w.problems, unreadable(w.sources)...); len(problems) > 0 {
		return nil, problems
	}

	b := &metainfo.Builder{
		Name: name, Single: w.single, Files: w.files, PieceLength: o.PieceLength,
		Private: o.Private, Source: o.Source, Trackers: o.Trackers, WebSeeds: o.WebSeeds, HTTPSeeds: o.HTTPSeeds,
		Nodes: o.Nodes, Comment: o.Comment, CreatedBy: o.CreatedBy, HasDate: o.HasDate, Date: o.Date,
	}
	if o.Entropy {
		b.Entropy = rand.Text()
	}
	lengths := make([]int64, len(w.sources))
	for i := range w.sources {
		lengths[i] = w.sources[i].ID.Size
	}
	layout, err := r.layout(b, lengths, o.MaxPieceLength)
	if err != nil {
		return nil, err
	}
	if b.Pieces, err = hash(ctx, layout, w.sources, &o); err != nil {
		return nil, err
	}
	return r, r.finish(b)
}

// unreadable lists the sources that can't be opened.
func unreadable(sources []piece.Source) Problems {
	var problems Problems
	for i := range sources {
		if s := &sources[i]; s.Cause != piece.Fine {
			problems = append(problems, &piece.Fault{File: i, Path: s.Path, Cause: s.Cause, Err: s.Err})
		}
	}
	return problems
}

// maxPieces is what still makes a torrent that this program would read.
const maxPieces = bencode.DefaultMaxSize / 2 / 20

// layout chooses the piece length and lays out the files.
func (r *Result) layout(b *metainfo.Builder, lengths []int64, maxPieceLength int64) (*metainfo.Layout, error) {
	var size int64
	for _, n := range lengths {
		size += n // what passes 64 bits NewLayout refuses
	}
	if size == 0 {
		return nil, ErrEmpty
	}
	if b.PieceLength == 0 {
		b.PieceLength = AutoPieceLength(size, maxPieceLength)
		if b.PieceLength > 16<<20 {
			r.warn("large-pieces", "pieces of %d MiB: smaller ones would be more than %d, which many clients refuse", b.PieceLength>>20, manyPieces)
		}
	}
	layout, err := metainfo.NewLayout(b.PieceLength, lengths, false)
	if err != nil {
		return nil, &OptionError{"piece length", err}
	}
	if n := layout.Pieces(); n > maxPieces {
		return nil, badOption("piece length", "a piece length of %d bytes makes %d pieces, more than %d", b.PieceLength, n, maxPieces)
	} else if n > manyPieces {
		r.warn("many-pieces", "%d pieces: many clients refuse more than %d", n, manyPieces)
	}
	return layout, nil
}

// hash returns the sums of all pieces.
func hash(ctx context.Context, layout *metainfo.Layout, sources []piece.Source, o *Options) ([]byte, error) {
	job := piece.Job{Layout: layout, Sources: sources, Jobs: o.Jobs, Read: o.Read, Progress: o.Progress}
	pieces := make([]byte, 0, layout.Pieces()*20)
	changed, err := job.Run(ctx, func(r piece.Result) error {
		if r.Faults != nil {
			var problems Problems
			for _, f := range r.Faults {
				problems = append(problems, f)
			}
			return problems
		}
		pieces = append(pieces, r.SHA1[:]...)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(changed) > 0 {
		var problems Problems
		for _, f := range changed {
			problems = append(problems, f)
		}
		return nil, problems
	}
	return pieces, nil
}

// finish writes the torrent and reads it again, as its users will.
func (r *Result) finish(b *metainfo.Builder) error {
	out, err := b.Build()
	if err != nil {
		return err
	}
	if r.Torrent, err = metainfo.Parse(out); err != nil {
		return err
	}
	for _, f := range r.Torrent.Findings {
		if f.Severity == metainfo.Error {
			return errors.New(f.Message)
		}
		r.warn(string(f.Code), "%s", f.Message)
	}
	if b.Private && len(b.Trackers) == 0 {
		r.warn("private-without-tracker", "a private torrent without a tracker: no client will find a peer")
	}
	return nil
}

func (r *Result) warn(code, format string, args ...any) {
	r.Warnings = append(r.Warnings, Warning{code, fmt.Sprintf(format, args...)})
}

// manyPieces is where clients begin to refuse a torrent.
const manyPieces = 65535

// AutoPieceLength chooses a power of two that makes 1000 to 2000 pieces, from
// 16 KiB to 16 MiB; larger, up to 128 MiB, only to stay under 65,535 pieces.
// It never passes limit, if that is not 0, but for the least of 16 KiB.
func AutoPieceLength(size, limit int64) int64 {
	const (
		least, usual, most = 16 << 10, 16 << 20, 128 << 20
		pieces             = 2000
	)
	n := int64(least)
	for n < most && (limit == 0 || 2*n <= limit) {
		count := (size-1)/n + 1
		if count <= pieces || n >= usual && count <= manyPieces {
			break
		}
		n *= 2
	}
	return n
}

// display is a path below the content as it is shown: with slashes.
func display(rel []string) string { return strings.Join(rel, "/") }

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
//
// [MakeAll] makes several torrents, and reads content that they share once. A [Cache]
// remembers hashes from one call to the next. A [Stream] is content that is not on disk.
package maketorrent

import (
	"context"
	"io/fs"
	"slices"
	"time"

	"bt/internal/glob"
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

	// Formats are the formats of all torrents that are made together. If the size of the
	// content decides the piece length, all have the same, so that most sums of v1 are
	// the same as those of the hybrid, and are computed once.
	Formats []Format

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

	// Previous, if not nil, is the torrent of an earlier release. It is also used like an
	// entry of Reuse and of Similar. Unchanged files keep their pieces: its piece length
	// is that of the new torrent, unless PieceLength, TargetPieces, MaxPieceLength or
	// MaxTorrentSize do not allow it, and a v1 torrent has pad files (BEP 47) so that each
	// file begins a piece, if they do in Previous, or else, unless Align, so that each
	// unchanged file begins at the same offset in a piece as there. The latter are left
	// out if the piece length is another one or the torrent would be larger than
	// MaxTorrentSize.
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

// Make makes a torrent. The error is an *[OptionError], [Problems], [ErrEmpty], the
// cause of ctx, the operating system's error about Path, or an error of the Stream.
func Make(ctx context.Context, o Options) (*Result, error) {
	var only Outcome
	for _, made := range MakeAll(ctx, []Options{o}) {
		only = made
	}
	return only.Result, only.Err
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
		if !glob.IsValid(text) {
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

package maketorrent

import (
	"strings"
	"time"
)

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
	Aligned  bool      // v1: each file begins a piece, as in Options.Previous
	Pads     int       // v1: pad files that keep the pieces of unchanged files, as Options.Previous says
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

// display joins a path below the content with slashes.
func display(rel []string) string { return strings.Join(rel, "/") }

package get

import (
	"errors"

	"bt/internal/partial"
)

// Errors of [Getter.Run].
var (
	ErrTimeout   = errors.New("no data has arrived")                              // nothing has arrived for Options.Timeout
	ErrNoSource  = errors.New("there is no tracker and no peer to download from") // data is missing, and can't be found
	ErrNoWebSeed = errors.New("there is no web seed to download from")            // and nothing else to download from
	ErrPeerless  = errors.New("only peers have the torrent of a magnet link")     // WebSeedsOnly, and the torrent is not known
	ErrManyFiles = errors.New("a stream can have one file only")                  // more than one file is wanted for Options.Stream
)

// errNoLayers is the warning about a hybrid torrent without piece layers.
var errNoLayers = errors.New("no peer has sent the piece layers: the data is verified by its SHA-1 hashes only")

// An ExistsError lists files that exist already and are not those of the torrent. They are
// as they were.
type ExistsError = partial.ExistsError

// A DiskError reports that a file could not be written, synced or read. Another Getter goes
// on from what is on disk.
type DiskError = partial.DiskError

// A WriteError reports that the content can't be written. It wraps what is in the way: an
// [*ExistsError], a [*DiskError], or another error of the system.
type WriteError struct{ err error }

func (e *WriteError) Error() string { return e.err.Error() }
func (e *WriteError) Unwrap() error { return e.err }

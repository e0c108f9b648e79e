package inspect

import (
	"context"
	"path/filepath"

	"bt/internal/diskindex"
	"bt/internal/metainfo"
	"bt/internal/piece"
)

// A Search finds files of torrents by their content, whatever their names and places.
// [Verify] uses it for all files that are not in order, and for files in doubt. It looks
// at files of the right size in some directories, and in the content of torrents that
// were added. It proves them by their hashes:
//
//   - v2 and hybrid: by the pieces root of the file (BEP 52)
//   - v1: by the pieces that lie inside of the file
//   - small v1 files, and the ends of larger ones: by the pieces that they share with
//     files that are there or were found
//
// One Search should be used for all torrents of a run, since it remembers the hashes, of
// up to 131,072 files. It must not be used concurrently.
type Search struct {
	index *diskindex.Index // of the directories
	added *diskindex.Index // of Add
	sizes map[int64]*candidates
	held  int // candidates in sizes

	errs     []error
	failed   map[string]bool // paths in errs
	prepared bool

	// DoubtOnly makes [Verify] look only at the v1 pieces that are in doubt, because
	// they are shared with files that are missing: Verdict.Found and Maybe stay nil, and
	// no file is hashed as a whole.
	DoubtOnly bool

	// Prepare, if not nil, is called once, before the first file is searched for. It may
	// Add the torrents of a run, which takes time that a run without damage doesn't need.
	// If it returns an error, so does Verify.
	Prepare func(ctx context.Context) error

	// Progress, if not nil, is called while candidates are hashed, like
	// VerifyOptions.Progress. The bytes are those of one step of several.
	Progress func(done, total int64)
}

// NewSearch lists the files in and below directories; there may be none. jobs is the
// number of directories that are read at once; 0 means a good one. found, if not nil, is
// called about ten times a second with the number of files so far.
//
// The error is the cause of ctx, or that of a directory of dirs that can't be read. What
// can't be read below them is left out: errs are the errors.
func NewSearch(ctx context.Context, dirs []string, jobs int, found func(files int)) (s *Search, errs []error, err error) {
	s = &Search{index: new(diskindex.Index), added: new(diskindex.Index), sizes: make(map[int64]*candidates), failed: make(map[string]bool)}
	if len(dirs) > 0 {
		s.index, errs, err = diskindex.Scan(ctx, dirs, jobs, found)
	}
	if err != nil {
		return nil, nil, err
	}
	return s, errs, nil
}

// Len returns the number of files in the directories.
func (s *Search) Len() int { return s.index.Len() }

// maxAdded is the maximum number of files that Add adds, of all torrents. They take about
// 50 bytes each.
const maxAdded = 1 << 21

// Add adds the content of a torrent, whatever its state: files of one torrent may be those
// of another, or have the bytes of a piece that it shares with them. path and o are those
// for [Verify], and the error is as that of Verify. Empty files, and those after the first
// 2,097,152 of all torrents, are left out.
func (s *Search) Add(ctx context.Context, t *Torrent, path string, o VerifyOptions) error {
	c, err := locate(ctx, t, path, &o)
	if err != nil {
		return err
	}
	for i := range c.tree.Files {
		f, size := &c.tree.Files[i], c.tree.ID(i).Size
		if f.Pad || f.Link || f.Cause != piece.CauseFine || size == 0 || s.added.Len() == maxAdded {
			continue
		}
		path, err := filepath.Abs(c.tree.Path(i))
		if err != nil {
			return err
		}
		s.added.Add(path, size)
		if list := s.sizes[size]; list != nil { // it is known already which files have this size
			delete(s.sizes, size)
			s.held -= len(list.all)
		}
	}
	return nil
}

// prepare calls Prepare before the first file is searched for.
func (s *Search) prepare(ctx context.Context) error {
	if s.prepared || s.Prepare == nil {
		return nil
	}
	s.prepared = true
	return s.Prepare(ctx)
}

// A Found is a file that a [Search] has found elsewhere.
type Found struct {
	Index int    // in the torrent
	Path  string // in the torrent, with slashes; unchecked, may be invalid UTF-8
	At    string // absolute path on disk
	Size  int64  // bytes
	Proof Proof

	// Unproven is the number of bytes at its ends that are in pieces shared with files
	// of which nothing right was found. The pieces inside of it are proven.
	Unproven int64
}

// A Proof is how it is known that a file is a file of the torrent.
type Proof string

// The proofs.
const (
	ProofRoot   Proof = "root"   // the pieces root (BEP 52)
	ProofPieces Proof = "pieces" // v1 pieces that lie inside of the file
	ProofShared Proof = "shared" // v1 pieces, some of which it shares with other files
	ProofEmpty  Proof = "empty"  // an empty file has no hash
)

// A Maybe is a file that is not in order, with files that may be it. None is proven.
type Maybe struct {
	Index  int
	Path   string   // in the torrent, as in Found
	At     []string // absolute paths on disk, the likest first; 100 at most
	Count  int      // how many there are
	Reason Reason
}

// A Reason is why nothing is proven.
type Reason string

// The reasons.
const (
	ReasonShared   Reason = "shared"   // the file is only in pieces that it shares with files of which nothing right was found
	ReasonDiffer   Reason = "differ"   // the files differ, but not in any byte that could be proven
	ReasonLimit    Reason = "limit"    // there are too many files of this size, or combinations of such files, to try all
	ReasonDisagree Reason = "disagree" // the pieces root of the hybrid is right, its v1 hashes are not
)

// layoutOf returns a packed layout. Its pieces are few enough.
func layoutOf(pieceLength int64, lengths []int64) *metainfo.Layout {
	l, err := metainfo.NewLayout(pieceLength, lengths, metainfo.AlignmentPacked)
	if err != nil {
		panic(err) // the caller has limited it
	}
	return l
}

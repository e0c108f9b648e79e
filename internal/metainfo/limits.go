package metainfo

import "strings"

// Findings about valid torrents that some clients refuse, or whose maker probably made
// a mistake.

const (
	// maxTorrent is the default limit of libtorrent for the size of a .torrent, in
	// bytes (load_torrent_limits::max_buffer_size).
	maxTorrent = 10_000_000

	// largestPieces is the limit of most versions of rTorrent for the length of a
	// piece, in bytes.
	largestPieces = 128 << 20

	// ManyPiecesLimit is the number of pieces above which some clients refuse a
	// torrent.
	ManyPiecesLimit = 65535
)

func (r *reader) limits() {
	t := r.t
	if len(t.raw) > maxTorrent {
		r.add(CodeLargeTorrent, 0, "the torrent itself has %d bytes: many clients refuse more than %d", len(t.raw), maxTorrent)
	}
	r.manyPieces()
	if !t.V1 && !t.Single && len(t.Files) == 1 && t.Files[0].group.isRoot() {
		r.add(CodeOneFile, int(t.Files[0].at), "a v2 torrent of a directory with one file: some clients leave the directory out")
	}
	r.torrentsInContent()
	if t.Private && len(t.Trackers()) == 0 {
		r.add(CodePrivateWithoutTracker, r.info.Get("private").Offset(), "a private torrent without a tracker: no client will find a peer")
	}
}

// manyPieces counts pieces. If each file begins a piece, as in v2, it does not count
// one piece of each file, because longer pieces would not reduce those.
func (r *reader) manyPieces() {
	n := r.t.PieceCount()
	if n <= ManyPiecesLimit {
		return
	}
	if r.t.V2 {
		for i := range r.t.Files {
			if f := &r.t.Files[i]; !f.Pad && f.content() > 0 {
				n--
			}
		}
	}
	if n > ManyPiecesLimit {
		r.add(CodeManyPieces, r.info.Offset(), "%d pieces: many clients refuse more than %d", r.t.PieceCount(), ManyPiecesLimit)
	}
}

func (r *reader) torrentsInContent() {
	const suffix = ".torrent"
	count, first := 0, 0
	for i := range r.t.Files {
		f := &r.t.Files[i]
		if f.Pad {
			continue
		}
		if name := f.Base(); len(name) >= len(suffix) && strings.EqualFold(name[len(name)-len(suffix):], suffix) {
			if count == 0 {
				first = i
			}
			count++
		}
	}
	if count > 0 {
		f := &r.t.Files[first]
		r.add(CodeTorrentInContent, int(f.at), "the content has %d %s; the first is %s", count, pick(count == 1, ".torrent file", ".torrent files"), quotePath(f.Path()))
	}
}

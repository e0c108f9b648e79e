package main

import (
	"cmp"
	"errors"
	"fmt"
	"math/bits"
	"strconv"
	"strings"

	"bt/internal/metainfo"
	"bt/internal/term"
)

// A pieceLength is the value of --piece-length. bytes is 0 for auto.
type pieceLength struct {
	bytes int64
	text  string // as the user wrote it
}

func readPieceLength(s string) (pieceLength, error) {
	n, err := parseSize(s)
	if err == nil && n < 1 {
		err = errors.New("a piece has at least one byte")
	}
	return pieceLength{n, s}, err
}

// check rejects pieces of less than 16 KiB unless small is set.
func (l pieceLength) check(small bool) error {
	if l.bytes == 0 || l.bytes >= metainfo.BlockLength || small {
		return nil
	}
	return withHint(failf(exitUsage, "--piece-length: pieces of %s are too small; clients ask for 16 KiB at a time", count(int(l.bytes), "byte")),
		cmp.Or(pieceLengthHint(l.text), "16K, or 2^14, is the least; --allow small-pieces makes smaller ones"))
}

// readMaxPieceLength parses the value of --max-piece-length.
func readMaxPieceLength(s string) (int64, error) {
	n, err := parseSize(s)
	if err == nil && n < metainfo.BlockLength {
		err = withHint(failf(exitUsage, "auto chooses 16 KiB at least"), pieceLengthHint(s))
	}
	return n, err
}

// readMaxTorrentSize parses --max-torrent-size.
func readMaxTorrentSize(s string) (int64, error) {
	n, err := parseSize(s)
	if err == nil && n == 0 {
		err = errors.New("want 1 byte at least")
	}
	return n, err
}

// pieceLengthHint suggests what a number without a unit may mean: an exponent of
// 2, as in mktorrent, mkbrr and torrenttools, or KiB or MiB, as in other tools.
// It returns "" if none of these is a usual piece length.
func pieceLengthHint(s string) string {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		return ""
	}
	var meant []string
	for _, spelling := range []string{fmt.Sprintf("2^%d", n), fmt.Sprintf("%dK", n), fmt.Sprintf("%dM", n)} {
		const longest = 512 << 20 // clients accept no longer pieces
		size, err := parseSize(spelling)
		if err == nil && metainfo.BlockLength <= size && size <= longest && bits.OnesCount64(uint64(size)) == 1 {
			meant = append(meant, spelling+" for "+term.Size(size))
		}
	}
	if len(meant) == 0 {
		return ""
	}
	return "did you mean " + strings.Join(meant, ", or ") + "?"
}

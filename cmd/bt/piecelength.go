package main

import (
	"cmp"
	"fmt"
	"math/bits"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"bt/internal/metainfo"
	"bt/internal/term"
)

// pieceLengths reads --piece-length and --max-piece-length; 0 stands for auto and
// for no limit. small says whether pieces under 16 KiB are let through.
func pieceLengths(c *cli.Context, small bool) (length, limit int64, err error) {
	if s := c.String("piece-length"); c.IsSet("piece-length") && s != "auto" {
		length, err = parseSize(s)
		switch {
		case err != nil:
			return 0, 0, failf(exitUsage, "--piece-length: %w", err)
		case length < 1:
			return 0, 0, failf(exitUsage, "--piece-length: a piece has at least one byte")
		case length < metainfo.BlockLength && !small:
			return 0, 0, withHint(failf(exitUsage, "--piece-length: pieces of %s are too small; clients ask for 16 KiB at a time", count(int(length), "byte")),
				cmp.Or(pieceLengthHint(s), "16K, or 2^14, is the least; --allow small-pieces makes smaller ones"))
		}
	}
	if s := c.String("max-piece-length"); c.IsSet("max-piece-length") {
		limit, err = parseSize(s)
		switch {
		case err != nil:
			return 0, 0, failf(exitUsage, "--max-piece-length: %w", err)
		case limit < metainfo.BlockLength:
			return 0, 0, withHint(failf(exitUsage, "--max-piece-length: auto chooses 16 KiB at least"), pieceLengthHint(s))
		}
	}
	return length, limit, nil
}

// pieceLengthHint is what a number without a unit may have meant: mktorrent,
// mkbrr and torrenttools take the exponent of 2, others KiB or MiB. It is "" if
// none of them gives a usual piece length.
func pieceLengthHint(s string) string {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		return ""
	}
	var meant []string
	for _, spelling := range []string{fmt.Sprintf("2^%d", n), fmt.Sprintf("%dK", n), fmt.Sprintf("%dM", n)} {
		const longest = 512 << 20 // that clients read
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

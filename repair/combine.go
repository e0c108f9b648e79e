package repair

import (
	"crypto/sha1"
	"io"

	"bt/internal/metainfo"
	"bt/internal/piece"
)

const (
	// Limits of the combinations that are hashed for one piece. A few are always.
	maxCombinations     = 4096
	maxCombinationBytes = 16 << 30
	maxCombinationReads = 1 << 16 // of ranges
	leastCombinations   = 16
)

// combine tries combinations of the files of several sources for the open pieces that
// several files share. In v2 and hybrid torrents no files do.
func (m *mender) combine(number int) error {
	if m.content.V2 {
		return nil
	}
	for p, open := range m.open {
		if !open {
			continue
		}
		ranges, sources, err := m.choices(p, number)
		if err != nil {
			return err
		}
		if ranges == nil {
			continue
		}
		most := min(maxCombinations, int(maxCombinationBytes/m.content.Layout.PieceLength()), maxCombinationReads/len(ranges))
		most = max(most, leastCombinations)
		got, _, err := piece.Combine(m.ctx, ranges, [sha1.Size]byte(m.content.Pieces[p*sha1.Size:]), most, m.o.Jobs)
		if err != nil {
			return err
		}
		if got != nil {
			choice := make([]int, len(got))
			for k, i := range got {
				choice[k] = sources[k][i]
			}
			m.choose(p, choice, number)
		}
	}
	return nil
}

// choices returns the different candidates for each range of a piece, and the source of
// each. It returns nil if there is nothing to combine.
func (m *mender) choices(p, number int) (ranges []piece.Choice, sources [][]int, err error) {
	files, several := 0, false
	for _, span := range m.content.Layout.Spans(p, p) {
		c, from := piece.Choice{Length: span.Length, From: []io.ReaderAt{nil}}, []int{own}
		if !m.isZeros(span) {
			files++
			if c, from, err = m.different(span, number); err != nil {
				return nil, nil, err
			}
		}
		if len(from) == 0 {
			return nil, nil, nil
		}
		several = several || len(from) > 1 || from[0] != own
		ranges, sources = append(ranges, c), append(sources, from)
	}
	if files < 2 || !several {
		return nil, nil, nil
	}
	return ranges, sources, nil
}

// isZeros reports whether a range is of a gap or a pad file, which are not on disk.
func (m *mender) isZeros(span metainfo.Span) bool {
	return span.File == metainfo.Gap || m.content.Files[span.File].Pad
}

// different returns the sources up to number, also own, that have a range of a file, and
// their bytes. It leaves out those with the same bytes as one before.
func (m *mender) different(span metainfo.Span, number int) (c piece.Choice, list []int, err error) {
	all := piece.Choice{Length: span.Length}
	var sources []int
	for s := own; s <= number; s++ {
		if m.has(s, span) {
			all.From, sources = append(all.From, m.at(s, span)), append(sources, s)
		}
	}
	groups, err := piece.Distinct(m.ctx, all, m.o.Jobs)
	c.Length = span.Length
	for _, same := range groups {
		c.From, list = append(c.From, all.From[same[0]]), append(list, sources[same[0]])
	}
	return c, list, err
}

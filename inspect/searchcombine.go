package inspect

import (
	"math"
	"os"
	"syscall"

	"bt/internal/piece"
)

const (
	maxCombinations = 1 << 14
	maxPieceBytes   = 1 << 30 // of all combinations of a piece
	maxPieceOpens   = 1 << 16 // of files, for a piece

	// Limits for all pieces of a torrent.
	maxBytes = 64 << 30
	maxOpens = 1 << 20
)

// distinct groups sources by their bytes in a range of the file.
func (f *finder) distinct(list []*source, s span) (classes []class, err error) {
	c := piece.Choice{Length: s.Length}
	for _, one := range list {
		c.From = append(c.From, sourceRange{one, s.Offset})
	}
	if len(list) > 1 {
		f.opens -= int64(len(list))
	}
	groups, err := piece.Distinct(f.ctx, c, f.options.Jobs)
	for _, group := range groups {
		var same class
		for _, i := range group {
			same = append(same, list[i])
		}
		classes = append(classes, same)
	}
	return classes, err
}

// combine returns the combination that has the hash of the piece, or nil.
func (f *finder) combine(p int, spans []span, parts [][]class) (pick []int, limited bool, err error) {
	length, count := int64(0), 1.0
	var ranges []piece.Choice
	useful := false // zeros alone prove no file
	for i, classes := range parts {
		c := piece.Choice{Length: spans[i].Length}
		for _, same := range classes {
			c.From = append(c.From, sourceRange{same[0], spans[i].Offset})
			useful = useful || same[0].place || same[0].candidate != nil
		}
		ranges = append(ranges, c)
		length += c.Length
		count *= float64(len(classes))
	}
	if !useful {
		return nil, false, nil
	}
	limit := max(min(maxCombinations, min(maxPieceBytes, f.bytes)/length, min(maxPieceOpens, f.opens)/int64(len(parts))), 0)
	tried := int64(math.Min(count, float64(limit)))
	f.bytes -= tried * length
	f.opens -= tried * int64(len(parts))
	expected := [20]byte(f.content.Pieces[p*20:])
	return piece.Combine(f.ctx, ranges, expected, int(limit), f.options.Jobs)
}

// A sourceRange reads the bytes of a source from an offset. It opens the file for each
// read: a piece may have bytes of more files than a process may open.
type sourceRange struct {
	*source
	offset int64
}

// ReadAt implements io.ReaderAt.
func (r sourceRange) ReadAt(b []byte, at int64) (int, error) {
	at += r.offset
	n := int(min(max(r.have-at, 0), int64(len(b))))
	clear(b[n:])
	if n == 0 {
		return len(b), nil
	}
	// O_NONBLOCK, in case the file was replaced by a FIFO without a writer.
	file, err := os.OpenFile(r.path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	if n, err := piece.ReadAt(file, b[:n], at); err != nil {
		return n, err
	}
	return len(b), nil
}

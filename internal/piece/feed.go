package piece

import "bt/internal/metainfo"

// A feed is the position of a lane in its message, which is a piece or a block.
type feed struct {
	message int // index in the batch; -1: none
	piece   int // index in the batch
	cursor  metainfo.Cursor
	span    metainfo.Span // the rest of the current span
	buf     []byte
	rest    []byte  // the rest of the staged message
	window  *window // contains the lane's bytes; nil: they are in buf
	failed  bool    // some bytes can't be read
	faults  []*Fault

	leaf    int    // hybrid: index in the batch of the piece's next leaf
	content int64  // hybrid: bytes left in the piece before padding
	blocks  []byte // hybrid: bytes in the lane that hashBlocks has not hashed yet
}

// enter puts a feed at the start of a piece of the batch.
func (w *worker) enter(f *feed, piece int) {
	f.message, f.piece, f.failed, f.faults = piece, piece, false, nil
	f.cursor, f.span, f.rest = w.Layout.Cursor(w.first+piece), metainfo.Span{}, nil
	if w.staged != nil {
		f.rest = w.staged[piece]
	}
}

func (w *worker) leave(f *feed) {
	w.release(f)
	f.message, f.blocks = -1, nil
}

// next returns the next bytes of a message, in a mapping or in f.buf, and none at its
// end. After a fault it continues with the next span, so that f.faults has the faults
// of all files of the piece.
func (w *worker) next(f *feed) []byte {
	w.release(f)
	if w.staged != nil {
		return w.nextStaged(f)
	}
	filled := 0
	for (filled < len(f.buf) || f.buf == nil) && w.nextSpan(f) {
		padding := w.isPadding(f.span)
		mapped := !padding && w.isMapped(f.span)
		if filled > 0 && (padding || mapped) {
			break
		}
		if padding {
			b := w.nextPadding(f)
			if f.failed {
				continue // the sum is not used
			}
			return b
		}
		if mapped {
			if b := w.nextMapped(f); b != nil {
				return b
			}
		}
		filled += w.fill(f, filled)
	}
	return f.buf[:filled]
}

// nextStaged is next for a piece that was read before.
func (w *worker) nextStaged(f *feed) []byte {
	b := f.rest[:min(len(f.rest), w.segmentBytes)]
	f.rest = f.rest[len(b):]
	return b
}

// nextSpan makes f.span the rest of the current span or, at its end, the next span of
// the message. It skips spans that are known to be missing. It returns false at the end
// of the message, or if the job is stopped.
func (w *worker) nextSpan(f *feed) bool {
	for w.ctx.Err() == nil {
		if f.span.Length > 0 {
			return true
		}
		var ok bool
		if f.span, ok = f.cursor.Next(); !ok {
			return false
		}
		if w.isMissing(f.span) {
			w.skip(f)
		}
	}
	return false
}

// nextPadding returns the next bytes of padding.
func (w *worker) nextPadding(f *feed) []byte {
	n := int(min(f.span.Length, int64(len(zeros))))
	w.take(f, n)
	return zeros[:n]
}

// nextMapped returns the next bytes of a mapping, or nil if the span can't be mapped.
func (w *worker) nextMapped(f *feed) []byte {
	b := w.fromMap(f)
	b = b[:min(len(b), w.segmentBytes)]
	w.take(f, len(b))
	return b
}

// fill reads bytes of the span into f.buf, which has bytes before already. It returns
// how many.
func (w *worker) fill(f *feed, before int) int {
	if f.buf == nil {
		f.buf = w.newBuffer()
	}
	n, fault := w.read(f.span, f.buf[before:])
	if fault != nil {
		f.faults = append(f.faults, fault)
		w.skip(f)
		return 0
	}
	w.take(f, n)
	return n
}

// newBuffer returns a lane's read buffer. In ReadSequential it is only used for v1
// pieces that are too large to be staged.
func (w *worker) newBuffer() []byte {
	switch {
	case w.sha1 == nil:
		return make([]byte, metainfo.BlockLength)
	case w.mode == ReadSequential:
		return make([]byte, min(w.sequentialBytes(), w.Layout.PieceLength()))
	}
	return make([]byte, stagingBytes)
}

// zeros are the bytes of padding.
var zeros [stagingBytes]byte

func (w *worker) isPadding(span metainfo.Span) bool {
	return span.File == metainfo.Gap || w.files.Files[span.File].Pad
}

// isMapped reports whether to map a span.
func (w *worker) isMapped(span metainfo.Span) bool {
	return w.mapped && w.extent(span) >= mapLeast
}

// extent is the length of a mapping for a span: that of the whole batch in the file, if
// lanes share mappings.
func (w *worker) extent(span metainfo.Span) int64 {
	if !w.shared {
		return span.Length
	}
	first, end := w.batchIn(span.File)
	return end - first
}

// batchIn returns the range of a file that is in the batch.
func (w *worker) batchIn(file int) (first, end int64) {
	l := w.Layout
	first = max(int64(w.first)*l.PieceLength()-l.Offset(file), 0)
	end = min(int64(w.last+1)*l.PieceLength()-l.Offset(file), l.Length(file))
	return first, end
}

// take advances a feed by n bytes of its span.
func (w *worker) take(f *feed, n int) {
	f.span.Offset += int64(n)
	f.span.Length -= int64(n)
	if f.span.File != metainfo.Gap {
		w.taken += int64(n)
		w.count(int64(n))
	}
}

// count counts bytes as done, once for all layouts.
func (w *worker) count(n int64) {
	if w.number == 0 {
		w.counted += n
		w.hashed.Add(n)
	}
}

// skip skips the rest of a span, which can't be read.
func (w *worker) skip(f *feed) {
	f.failed = true
	w.count(f.span.Length)
	f.span.Length = 0
}

// fail records the faults of a feed in the result of its piece, if that has not failed
// already.
func (w *worker) fail(piece int, f *feed) {
	if r := &w.results[piece]; !r.Failed {
		r.Failed, r.Faults = f.failed, f.faults
	}
}

// isMissing reports whether a span can't be read according to the tree.
func (w *worker) isMissing(span metainfo.Span) bool {
	if span.File == metainfo.Gap {
		return false
	}
	s := &w.files.Files[span.File]
	return s.Cause != CauseFine || !s.Pad && span.Offset+span.Length > w.files.ID(span.File).Size
}

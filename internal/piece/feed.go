package piece

import (
	"errors"
	"io"
	"math"
	"syscall"

	"bt/internal/lanes"
	"bt/internal/metainfo"
)

const (
	// What a lane reads ahead into a buffer: many small files, or what can't be
	// mapped.
	stagingBytes = 64 << 10
	// What is less than this is not worth a map.
	mapLeast = 512 << 10
	// The most that all maps have, or all buffers of a sequential reader, of a
	// job together: what is mapped counts as resident.
	jobBytes = 144 << 20
	// What one turn of a sequential reader reads, at most.
	maxSequentialBytes = 16 << 20
	// What a lane of a hybrid has at a time: SHA-256 finds in the processor's
	// cache what SHA-1 brought there.
	hybridBytes = 32 << 10
)

// A worker hashes batches, one after another.
type worker struct {
	*run
	sha1, sha256 *lanes.Hasher // nil: not asked for
	windowBytes  int64         // of one map, at most
	shared       bool          // one map serves many messages
	segmentBytes int           // that a lane is given at a time, at most
	batch        *batch
	mapped       bool  // whether to map files
	told         int64 // bytes of the batch that progress was told of

	feeds   [lanes.Max]feed
	windows []*window
	dir     directory
	file    openFile
	index   int      // of the file in the tree
	staged  [][]byte // Sequential: the pieces of the batch; nil when they don't fit
	buffer  []byte   // what they are in

	trees // v2
}

// A feed is where a lane stands in its message: a piece, or a block of one.
type feed struct {
	message int // of the batch; -1: none
	piece   int // of the batch
	cursor  metainfo.Cursor
	span    metainfo.Span // what is left of it
	buf     []byte
	rest    []byte  // staged: what is left of the message
	window  *window // the lane's bytes are in; nil: in buf
	failed  bool    // some of it can't be read
	faults  []*Fault

	leaf    int    // hybrid: of the batch, that the piece has next
	content int64  // hybrid: bytes that the piece has left before it is padding
	blocks  []byte // hybrid: bytes in the lane that are no leaves yet
}

func (r *run) newWorker() *worker {
	w := &worker{run: r, segmentBytes: math.MaxInt}
	if r.V1 {
		w.sha1 = lanes.NewSHA1()
	}
	if r.V2 {
		w.sha256 = lanes.NewSHA256()
	}
	if r.V1 && r.V2 {
		w.segmentBytes = hybridBytes
	}
	// The messages of all lanes from one map, if they are small enough: to map and
	// unmap stops the other workers for a moment. Lanes may be in two at a time.
	share := jobBytes / int64(r.workers)
	w.windowBytes = share / 2
	if w.shared = !r.V1 || r.Layout.PieceLength() <= w.windowBytes/int64(r.lanes); !w.shared {
		w.windowBytes = share / int64(r.lanes)
	}
	w.windowBytes &^= stagingBytes - 1 // whole blocks and pages
	return w
}

func (w *worker) close() {
	w.unmapIdle()
	w.file.close()
	w.dir.close()
}

// hash hashes a batch: from maps and, if one of them could not be read, again
// without, which tells whose pieces suffer.
func (w *worker) hash(b *batch) {
	w.begin(b, canMap && w.Read != ReadSequential && w.windowBytes >= mapLeast)
	if !w.runMapped() {
		w.hashed.Add(-w.told)
		w.begin(b, false)
		w.runLanes()
	}
}

func (w *worker) begin(b *batch, mapped bool) {
	w.batch, w.mapped, w.told, w.staged = b, mapped, 0, nil
	b.results = make([]Result, b.len())
	for i := range b.results {
		b.results[i].Index = b.first + i
	}
	for i := range w.feeds { // after a fault they are still in their messages
		w.leave(&w.feeds[i])
	}
	w.unmapIdle()
	if w.V2 {
		w.plant()
	}
}

// runLanes runs the batch through the lanes.
func (w *worker) runLanes() {
	if w.V1 {
		w.sha1.Run(w.batch.len(), pieces{w})
	} else {
		w.sha256.Run(len(w.leaves), leaves{w})
	}
	if w.V2 {
		w.grow()
	}
}

// stage reads the pieces of a batch one after another, if the buffer holds
// them: a sequential reader's turn. hashStaged then needs no turn.
func (w *worker) stage(b *batch) bool {
	size := int64(0)
	for i := range b.len() {
		size += w.pieceSize(b.first + i)
	}
	if size > w.sequentialBytes() {
		return false
	}
	if w.buffer == nil {
		w.buffer = make([]byte, w.sequentialBytes())
	}
	w.begin(b, false)
	staged := make([][]byte, b.len())
	room := w.buffer
	for i := range staged {
		n := w.pieceSize(b.first + i)
		staged[i], room = w.readPiece(i, room[:n:n]), room[n:]
	}
	w.staged = staged
	return true
}

// readPiece reads a piece of the batch into buf.
func (w *worker) readPiece(piece int, buf []byte) []byte {
	if w.batch.results[piece].Failed || w.V2 && w.parts[piece].twin {
		return nil
	}
	f := feed{message: -1}
	w.enter(&f, piece)
	n := 0
	for {
		f.buf = buf[n:]
		b := w.next(&f)
		if len(b) == 0 {
			break
		}
		n += copy(buf[n:], b) // onto itself, but for padding
	}
	w.fail(piece, &f)
	return buf[:n]
}

func (w *worker) hashStaged() { w.runLanes() }

// sequentialBytes is what a worker reads in one turn.
func (r *run) sequentialBytes() int64 { return min(jobBytes/int64(r.workers), maxSequentialBytes) }

// pieceSize is how many bytes of a piece are hashed.
func (r *run) pieceSize(piece int) int64 {
	c := r.Layout.Cursor(piece)
	if !r.V1 { // it is in one file
		span, _ := c.Next()
		return span.Length
	}
	return min(r.Layout.PieceLength(), r.Layout.Total()-int64(piece)*r.Layout.PieceLength())
}

// enter puts a feed at the start of a piece of the batch.
func (w *worker) enter(f *feed, piece int) {
	f.message, f.piece, f.failed, f.faults = piece, piece, false, nil
	f.cursor, f.span, f.rest = w.Layout.Cursor(w.batch.first+piece), metainfo.Span{}, nil
	if w.staged != nil {
		f.rest = w.staged[piece]
	}
}

func (w *worker) leave(f *feed) {
	w.release(f)
	f.message, f.blocks = -1, nil
}

// next returns some bytes of a message, from a map or in f.buf; none at its end.
// A fault ends its span and not the message: of every file that the piece needs
// it is known what became of it.
func (w *worker) next(f *feed) []byte {
	w.release(f)
	if w.staged != nil {
		b := f.rest[:min(len(f.rest), w.segmentBytes)]
		f.rest = f.rest[len(b):]
		return b
	}
	filled := 0
	for (filled < len(f.buf) || f.buf == nil) && w.ctx.Err() == nil {
		if f.span.Length == 0 {
			var ok bool
			if f.span, ok = f.cursor.Next(); !ok {
				break
			}
			if w.isMissing(f.span) {
				w.skip(f)
				continue
			}
		}
		padding := w.isPadding(f.span)
		if filled > 0 && (padding || w.isMapped(f.span)) {
			break
		}
		if padding {
			n := int(min(f.span.Length, int64(len(zeros))))
			w.take(f, n)
			if f.failed {
				continue // nobody asks for the sum
			}
			return zeros[:n]
		}
		if w.isMapped(f.span) {
			if b := w.fromMap(f); b != nil {
				b = b[:min(len(b), w.segmentBytes)]
				w.take(f, len(b))
				return b
			}
		}
		if f.buf == nil {
			f.buf = w.newBuffer()
		}
		n, fault := w.read(f.span, f.buf[filled:])
		if fault != nil {
			f.faults = append(f.faults, fault)
			w.skip(f)
			continue
		}
		w.take(f, n)
		filled += n
	}
	return f.buf[:filled]
}

// zeros are the bytes of padding.
var zeros [stagingBytes]byte

func (w *worker) isPadding(span metainfo.Span) bool {
	return span.File == metainfo.Gap || w.Tree.Files[span.File].Pad
}

// isMapped reports whether a span is worth a map.
func (w *worker) isMapped(span metainfo.Span) bool {
	return w.mapped && w.extent(span) >= mapLeast
}

// extent is how much one map that has the span may have: to the end of the
// batch in this file, if lanes share maps. Near that end it still counts from
// the start of the batch, for there is a map then.
func (w *worker) extent(span metainfo.Span) int64 {
	if !w.shared {
		return span.Length
	}
	first, end := w.batchIn(span.File)
	return end - first
}

// batchIn is the part of a file that is in the batch.
func (w *worker) batchIn(file int) (first, end int64) {
	l := w.Layout
	first = max(int64(w.batch.first)*l.PieceLength()-l.Offset(file), 0)
	end = min(int64(w.batch.last+1)*l.PieceLength()-l.Offset(file), l.Length(file))
	return first, end
}

// newBuffer is what a lane reads into. A sequential reader that has come here
// with v1 has one lane, with a piece that is too large to be staged.
func (w *worker) newBuffer() []byte {
	switch {
	case !w.V1:
		return make([]byte, metainfo.BlockLength)
	case w.Read == ReadSequential:
		return make([]byte, min(w.sequentialBytes(), w.Layout.PieceLength()))
	}
	return make([]byte, stagingBytes)
}

// take moves a feed on by n bytes of its span.
func (w *worker) take(f *feed, n int) {
	f.span.Offset += int64(n)
	f.span.Length -= int64(n)
	if f.span.File != metainfo.Gap {
		w.tell(int64(n))
	}
}

// tell counts bytes as done.
func (w *worker) tell(n int64) {
	w.told += n
	w.hashed.Add(n)
}

// skip goes past a span that can't be read.
func (w *worker) skip(f *feed) {
	f.failed = true
	w.tell(f.span.Length)
	f.span.Length = 0
}

// fail gives a piece the faults of its feed, unless it has failed already.
func (w *worker) fail(piece int, f *feed) {
	if r := &w.batch.results[piece]; !r.Failed {
		r.Failed, r.Faults = f.failed, f.faults
	}
}

// isMissing reports whether the tree knows that a span can't be read.
func (w *worker) isMissing(span metainfo.Span) bool {
	if span.File == metainfo.Gap {
		return false
	}
	s := &w.Tree.Files[span.File]
	return s.Cause != CauseFine || !s.Pad && span.Offset+span.Length > s.ID.Size
}

// read reads the start of a span, as much as buf takes.
func (w *worker) read(span metainfo.Span, buf []byte) (int, *Fault) {
	buf = buf[:min(int64(len(buf)), span.Length)]
	if fault := w.open(span.File); fault != nil {
		return 0, fault
	}
	// What comes short with an error is asked again, and has it again.
	n, err := w.file.readAt(buf, span.Offset)
	if n > 0 {
		return n, nil
	}
	cause := CauseUnreadable
	if errors.Is(err, io.EOF) {
		cause = CauseChanged // it was longer
	}
	return 0, &Fault{span.File, w.Tree.Path(span.File), cause, err}
}

// open makes w.file the file i of the tree.
func (w *worker) open(i int) *Fault {
	if w.file.opened && w.index == i {
		return nil
	}
	w.file.close()
	path := w.Tree.Path(i)
	err := w.file.open(&w.dir, path)
	if err == nil {
		w.index = i
		return nil
	}
	// What the process lacks says nothing of the file.
	for _, lack := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM} {
		if errors.Is(err, lack) {
			w.cancel(err)
		}
	}
	cause := causeOf(err)
	if cause == CauseMissing {
		cause = CauseChanged // it was there
	}
	return &Fault{i, path, cause, err}
}

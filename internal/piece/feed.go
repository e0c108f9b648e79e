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
	// stagingBytes is the size of a lane's read buffer, for small files and files that
	// can't be mapped.
	stagingBytes = 64 << 10
	// mapLeast is the least length of a mapping. For less, reading is faster.
	mapLeast = 512 << 10
	// jobBytes is the limit of all mappings of a job, or of all buffers of its sequential
	// reader. Mapped pages count as resident memory.
	jobBytes = 144 << 20
	// maxSequentialBytes is the most that a worker reads in one turn, in ReadSequential.
	maxSequentialBytes = 16 << 20
	// hybridBytes is the length of a lane's segments in a hybrid torrent: short enough
	// that they are still in the CPU's cache for the second hash.
	hybridBytes = 32 << 10
)

// A worker hashes batches, one after another.
type worker struct {
	*run
	sha1, sha256 *lanes.Hasher // nil if not needed
	windowBytes  int64         // limit of one mapping
	shared       bool          // one mapping serves several lanes
	segmentBytes int           // limit of the bytes that a lane gets at a time
	batch        *batch
	mapped       bool  // whether to map files
	counted      int64 // bytes of the batch that are in run.hashed

	feeds   [lanes.Max]feed
	windows []*window
	dir     directory
	file    openFile
	index   int      // of file in the tree
	staged  [][]byte // ReadSequential: the pieces of the batch; nil if they don't fit
	buffer  []byte   // backs staged

	trees // v2
}

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
	// All lanes share one mapping if their messages are short enough, because mapping
	// and unmapping stops the other workers for a moment. Two may be in use at a time.
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

// hash hashes a batch from mappings. If one of those can't be read, it hashes the batch
// again by reading, which shows which pieces fail.
func (w *worker) hash(b *batch) {
	w.begin(b, canMap && w.Read != ReadSequential && w.windowBytes >= mapLeast)
	if !w.runMapped() {
		w.hashed.Add(-w.counted)
		w.begin(b, false)
		w.runLanes()
	}
}

func (w *worker) begin(b *batch, mapped bool) {
	w.batch, w.mapped, w.counted, w.staged = b, mapped, 0, nil
	b.results = make([]Result, b.len())
	for i := range b.results {
		b.results[i].Index = b.first + i
	}
	for i := range w.feeds { // after a fault they still have messages
		w.leave(&w.feeds[i])
	}
	w.unmapIdle()
	if w.V2 {
		w.makeLeaves()
	}
}

// runLanes hashes the messages of the batch.
func (w *worker) runLanes() {
	if w.V1 {
		w.sha1.Run(w.batch.len(), pieces{w})
	} else {
		w.sha256.Run(len(w.leaves), leaves{w})
	}
	if w.V2 {
		w.makeRoots()
	}
}

// stage reads the pieces of a batch in order, in a worker's turn of ReadSequential. It
// returns false if they don't fit into the buffer. hashStaged then hashes them, which
// needs no turn.
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
	if w.batch.results[piece].Failed || w.V2 && w.parts[piece].duplicate {
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

// sequentialBytes is the number of bytes that a worker reads in one turn.
func (r *run) sequentialBytes() int64 { return min(jobBytes/int64(r.workers), maxSequentialBytes) }

// pieceSize is the number of bytes of a piece that are hashed.
func (r *run) pieceSize(piece int) int64 {
	c := r.Layout.Cursor(piece)
	if !r.V1 { // the piece is in one file
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

// next returns the next bytes of a message, in a mapping or in f.buf, and none at its
// end. After a fault it continues with the next span, so that f.faults has the faults
// of all files of the piece.
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
				continue // the sum is not used
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
	first = max(int64(w.batch.first)*l.PieceLength()-l.Offset(file), 0)
	end = min(int64(w.batch.last+1)*l.PieceLength()-l.Offset(file), l.Length(file))
	return first, end
}

// newBuffer returns a lane's read buffer. In ReadSequential it is only used for v1
// pieces that are too large to be staged.
func (w *worker) newBuffer() []byte {
	switch {
	case !w.V1:
		return make([]byte, metainfo.BlockLength)
	case w.Read == ReadSequential:
		return make([]byte, min(w.sequentialBytes(), w.Layout.PieceLength()))
	}
	return make([]byte, stagingBytes)
}

// take advances a feed by n bytes of its span.
func (w *worker) take(f *feed, n int) {
	f.span.Offset += int64(n)
	f.span.Length -= int64(n)
	if f.span.File != metainfo.Gap {
		w.count(int64(n))
	}
}

// count counts bytes as done.
func (w *worker) count(n int64) {
	w.counted += n
	w.hashed.Add(n)
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
	if r := &w.batch.results[piece]; !r.Failed {
		r.Failed, r.Faults = f.failed, f.faults
	}
}

// isMissing reports whether a span can't be read according to the tree.
func (w *worker) isMissing(span metainfo.Span) bool {
	if span.File == metainfo.Gap {
		return false
	}
	s := &w.Tree.Files[span.File]
	return s.Cause != CauseFine || !s.Pad && span.Offset+span.Length > s.ID.Size
}

// read reads the start of a span into buf.
func (w *worker) read(span metainfo.Span, buf []byte) (int, *Fault) {
	buf = buf[:min(int64(len(buf)), span.Length)]
	if fault := w.open(span.File); fault != nil {
		return 0, fault
	}
	// After a short read, the next read returns the error.
	n, err := w.file.readAt(buf, span.Offset)
	if n > 0 {
		return n, nil
	}
	cause := CauseUnreadable
	if errors.Is(err, io.EOF) {
		cause = CauseChanged // it was longer before
	}
	return 0, &Fault{span.File, w.Tree.Path(span.File), cause, err}
}

// open opens file i of the tree as w.file.
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
	// Lack of descriptors or memory is no fault of the file: it ends the job.
	for _, lack := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM} {
		if errors.Is(err, lack) {
			w.cancel(err)
		}
	}
	cause := causeOf(err)
	if cause == CauseMissing {
		cause = CauseChanged // it existed before
	}
	return &Fault{i, path, cause, err}
}

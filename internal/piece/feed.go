package piece

import (
	"errors"
	"io"
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
)

// A worker hashes batches, one after another. It is the lanes.Source of its
// hasher: each lane has one piece.
type worker struct {
	*run
	hasher      *lanes.Hasher
	windowBytes int64 // of one map, at most
	shared      bool  // one map serves many pieces
	batch       *batch
	mapped      bool  // whether to map files
	told        int64 // bytes of the batch that progress was told of

	feeds   [lanes.Max]feed
	windows []*window
	file    openFile
	index   int      // of the file in the tree
	staged  [][]byte // Sequential: the pieces of the batch; nil when they don't fit
	buffer  []byte   // what they are in
}

// A feed is where a lane stands in its piece.
type feed struct {
	piece  int // -1: in none
	cursor metainfo.Cursor
	span   metainfo.Span // what is left of it
	buf    []byte
	window *window // the lane's bytes are in; nil: in buf
	faults []*Fault
}

func (r *run) newWorker() *worker {
	w := &worker{run: r, hasher: lanes.NewSHA1()}
	// The pieces of all lanes from one map, if they are small enough: to map and
	// unmap stops the other workers for a moment. Lanes may be in two at a time.
	share := jobBytes / int64(r.workers)
	w.windowBytes = share / 2
	if w.shared = r.Layout.PieceLength() <= w.windowBytes/int64(r.lanes); !w.shared {
		w.windowBytes = share / int64(r.lanes)
	}
	return w
}

func (w *worker) close() {
	w.unmapIdle()
	w.file.close()
}

// hash hashes a batch: from maps and, if one of them could not be read, again
// without, which tells whose pieces suffer.
func (w *worker) hash(b *batch) {
	w.begin(b, canMap && w.Read != Sequential && w.windowBytes >= mapLeast)
	if !w.runMapped() {
		w.hashed.Add(-w.told)
		w.begin(b, false)
		w.hasher.Run(b.len(), w)
	}
}

func (w *worker) begin(b *batch, mapped bool) {
	w.batch, w.mapped, w.told, w.staged = b, mapped, 0, nil
	b.results = make([]Result, b.len())
	for i := range w.feeds { // after a fault they are still in their pieces
		w.leave(&w.feeds[i])
	}
	w.unmapIdle()
}

// stage reads the pieces of a batch one after another, if the buffer holds
// them: a sequential reader's turn. hashStaged then needs no turn.
func (w *worker) stage(b *batch) bool {
	pieceLength := w.Layout.PieceLength()
	if int64(b.len())*pieceLength > w.sequentialBytes() {
		return false
	}
	if w.buffer == nil {
		w.buffer = make([]byte, w.sequentialBytes())
	}
	w.begin(b, false)
	w.staged = make([][]byte, b.len())
	for i := range w.staged {
		f := feed{piece: -1, buf: w.buffer[int64(i)*pieceLength:][:pieceLength:pieceLength]}
		w.enter(&f, b.first+i)
		w.staged[i] = w.next(&f)
		b.results[i].Faults = f.faults
	}
	return true
}

func (w *worker) hashStaged(b *batch) { w.hasher.Run(b.len(), w) }

// sequentialBytes is what a worker reads in one turn.
func (r *run) sequentialBytes() int64 { return min(jobBytes/int64(r.workers), maxSequentialBytes) }

// Next is for the hasher: the next bytes of a piece.
func (w *worker) Next(lane, message int) []byte {
	if w.staged != nil {
		b := w.staged[message]
		w.staged[message] = nil
		return b
	}
	f := &w.feeds[lane]
	if piece := w.batch.first + message; f.piece != piece {
		w.enter(f, piece)
	}
	return w.next(f)
}

// Done is for the hasher: a piece has its sum.
func (w *worker) Done(lane, message int, sum *[32]byte) {
	r := &w.batch.results[message]
	r.Index = w.batch.first + message
	if f := &w.feeds[lane]; w.staged == nil {
		r.Faults = f.faults
		w.leave(f)
	}
	if r.Faults == nil {
		copy(r.SHA1[:], sum[:])
	}
}

// enter puts a feed at the start of a piece.
func (w *worker) enter(f *feed, piece int) {
	f.piece, f.cursor, f.span, f.faults = piece, w.Layout.Cursor(piece), metainfo.Span{}, nil
}

func (w *worker) leave(f *feed) {
	w.release(f)
	f.piece = -1
}

// next returns some bytes of a piece, from a map or in f.buf; none at its end.
// A fault ends its span and not the piece: of every file that the piece needs
// it is known what became of it.
func (w *worker) next(f *feed) []byte {
	w.release(f)
	filled := 0
	for (filled < len(f.buf) || f.buf == nil) && w.ctx.Err() == nil {
		if f.span.Length == 0 {
			var ok bool
			if f.span, ok = f.cursor.Next(); !ok {
				break
			}
			if fault := w.known(f.span); fault != nil {
				w.blame(f, fault)
				continue
			}
		}
		if w.mapped && w.extent(f.span) >= mapLeast && !w.Tree.Files[f.span.File].Pad {
			if filled > 0 {
				break
			}
			if b := w.fromMap(f); b != nil {
				w.take(f, len(b))
				return b
			}
		}
		if f.buf == nil {
			f.buf = w.newBuffer()
		}
		n, fault := w.read(f.span, f.buf[filled:])
		if fault != nil {
			w.blame(f, fault)
			continue
		}
		w.take(f, n)
		filled += n
	}
	return f.buf[:filled]
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
// has one lane, with a piece that is too large to be staged.
func (w *worker) newBuffer() []byte {
	if w.Read == Sequential {
		return make([]byte, min(w.sequentialBytes(), w.Layout.PieceLength()))
	}
	return make([]byte, stagingBytes)
}

// take moves a feed on by n bytes of its span.
func (w *worker) take(f *feed, n int) {
	f.span.Offset += int64(n)
	f.span.Length -= int64(n)
	w.told += int64(n)
	w.hashed.Add(int64(n))
}

// blame notes a fault and goes past its span.
func (w *worker) blame(f *feed, fault *Fault) {
	f.faults = append(f.faults, fault)
	w.told += f.span.Length
	w.hashed.Add(f.span.Length)
	f.span.Length = 0
}

// known is the fault that a span has by what is known of its file before.
func (w *worker) known(span metainfo.Span) *Fault {
	switch s := &w.Tree.Files[span.File]; {
	case s.Cause != Fine:
		return w.Tree.fault(span.File)
	case !s.Pad && span.Offset+span.Length > s.ID.Size:
		return &Fault{span.File, w.Tree.Path(span.File), Short, nil}
	}
	return nil
}

// read reads the start of a span, as much as buf takes.
func (w *worker) read(span metainfo.Span, buf []byte) (int, *Fault) {
	buf = buf[:min(int64(len(buf)), span.Length)]
	if w.Tree.Files[span.File].Pad {
		clear(buf)
		return len(buf), nil
	}
	if fault := w.open(span.File); fault != nil {
		return 0, fault
	}
	// What comes short with an error is asked again, and has it again.
	n, err := w.file.readAt(buf, span.Offset)
	if n > 0 {
		return n, nil
	}
	cause := Unreadable
	if errors.Is(err, io.EOF) {
		cause = Changed // it was longer
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
	err := w.file.open(path)
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
	if cause == Missing {
		cause = Changed // it was there
	}
	return &Fault{i, path, cause, err}
}

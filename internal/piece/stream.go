package piece

import (
	"context"
	"errors"
	"fmt"
	"io"

	"bt/internal/metainfo"
)

// MaxStreamPiece is the longest piece length, in bytes, that RunStream accepts: it holds
// whole pieces in memory.
const MaxStreamPiece = 128 << 20

// ErrLongStream is returned by RunStream if the content does not end where the layout
// does.
var ErrLongStream = errors.New("the content is longer than expected")

// RunStream is Run for content that is not on disk: the layout has one file, whose bytes
// are read from content once, in order. That file's length is the most that content may
// have. If content ends before, the last piece is shorter, as if the layout had been
// made for the number of bytes that RunStream returns. Tree, More, Skip and Read are not
// used.
//
// A Read of content must return when ctx ends.
func (j *Job) RunStream(ctx context.Context, content io.Reader, yield func(Result) error) (size int64, err error) {
	pieceLength := j.Layout.PieceLength()
	if pieceLength > MaxStreamPiece {
		return 0, fmt.Errorf("a piece length of %d bytes; the most for a stream is %d", pieceLength, MaxStreamPiece)
	}
	own := *j
	own.Tree = &Tree{Files: make([]Source, 1)}
	own.Tree.SetID(0, Identity{Size: j.Layout.Total()})
	own.More, own.Skip = nil, nil
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	r := newRun(&own, ctx, cancel)
	s := &stream{run: r, plan: r.plans[0], content: content}
	s.total = s.left
	s.workers = min(s.workers, enoughInTurn)
	s.perBatch = min(max(int(maxSequentialBytes/pieceLength), 1), batchPieces)
	// One buffer is filled while the workers hash the others.
	s.buffers = min(s.workers+1, max(int(jobBytes/s.batchBytes()), 1))
	s.free = make(chan []byte, s.buffers)
	s.divide()
	err = s.hashAll(s.dispatch, s.work, yield)
	return s.size, err
}

// A stream is a running RunStream. Its dispatcher reads the content into buffers, and
// the workers hash these.
type stream struct {
	*run
	*plan
	content  io.Reader
	perBatch int // pieces

	// Used by the dispatcher only.
	buffers int   // that may still be allocated
	size    int64 // bytes that were read

	free chan []byte // buffers that workers have hashed
}

func (s *stream) batchBytes() int64 { return int64(s.perBatch) * s.Layout.PieceLength() }

// dispatch reads the content, a batch at a time. It sends each batch to the collector
// before it reads the bytes, so that progress is reported meanwhile.
func (s *stream) dispatch(work, order chan<- *batch) {
	pieces, pieceLength := s.Layout.Pieces(), s.Layout.PieceLength()
	for first := 0; first < pieces; first += s.perBatch {
		b := &batch{plan: s.plan, first: first, done: make(chan struct{})}
		buf := s.buffer()
		if buf == nil || !send(s.ctx, order, b) {
			return
		}
		n, ended := s.fill(buf[:min(int64(len(buf)), s.Layout.Total()-s.size)])
		s.size += int64(n)
		if n == 0 || s.ctx.Err() != nil {
			close(b.done) // without results
			return
		}
		b.last = first + int((int64(n)-1)/pieceLength)
		b.streamed = buf[:n]
		if ended {
			b.plan = s.exact()
		}
		if !send(s.ctx, work, b) {
			close(b.done)
			return
		}
		if ended {
			return
		}
	}
	var more [1]byte
	if n, _ := s.fill(more[:]); n > 0 {
		s.cancel(ErrLongStream)
	}
}

// buffer returns a buffer for a batch, or nil if ctx ends.
func (s *stream) buffer() []byte {
	select {
	case buf := <-s.free:
		return buf
	default:
	}
	if s.buffers > 0 {
		s.buffers--
		return make([]byte, min(s.batchBytes(), s.Layout.Total()))
	}
	select {
	case buf := <-s.free:
		return buf
	case <-s.ctx.Done():
		return nil
	}
}

// fill reads until buf is full or the content ends. An error of content ends the run.
func (s *stream) fill(buf []byte) (n int, ended bool) {
	for n < len(buf) && s.ctx.Err() == nil {
		m, err := s.content.Read(buf[n:])
		n += m
		s.hashed.Add(int64(m))
		switch {
		case err == io.EOF: // not a wrapped one, which may be that of a broken connection
			return n, true
		case err != nil:
			s.cancel(err)
			return n, false
		}
	}
	return n, false
}

// exact returns the plan of content that has ended, whose last piece may be shorter.
func (s *stream) exact() *plan {
	l, err := metainfo.NewLayout(s.Layout.PieceLength(), []int64{s.size}, metainfo.AlignmentPacked)
	if err != nil {
		panic(err) // it is shorter than a valid layout
	}
	p := *s.plan
	p.Layout = l
	return &p
}

// work hashes batches until the channel is closed.
func (s *stream) work(work <-chan *batch) {
	w := s.newWorker()
	for b := range work {
		w.hashStreamed(b)
		s.free <- b.streamed[:cap(b.streamed)]
		close(b.done)
	}
}

// hashStreamed hashes a batch whose bytes are in memory.
func (w *worker) hashStreamed(b *batch) {
	w.begin(b, false)
	w.staged = make([][]byte, b.len())
	rest := b.streamed
	for i := range w.staged {
		n := min(int64(len(rest)), w.Layout.PieceLength())
		w.staged[i], rest = rest[:n:n], rest[n:]
	}
	w.hashStaged()
}

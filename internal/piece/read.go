package piece

import (
	"errors"
	"io"
	"os"

	"bt/internal/metainfo"
)

// A chunk is some bytes of a piece, or a file that should have had them.
type chunk struct {
	piece   int
	length  int64  // bytes of the content that it stands for
	data    []byte // nil with a fault, and for zeros
	fault   *Fault
	buf     []byte        // what data is in
	release chan<- []byte // where buf goes when it was hashed; nil: nowhere
}

// A reader reads batches of content. It holds one file open at a time.
type reader struct {
	file  *os.File
	index int // of the source that file is
}

func (r *reader) close() {
	if r.file != nil {
		r.file.Close()
		r.file = nil
	}
}

// open makes file the source i.
func (r *reader) open(sources []Source, i int) *Fault {
	if r.file != nil && r.index == i {
		return nil
	}
	r.close()
	f, err := os.Open(sources[i].Path)
	if err != nil {
		cause := causeOf(err)
		if cause == Missing {
			cause = Changed // it was there
		}
		return &Fault{i, sources[i].Path, cause, err}
	}
	r.file, r.index = f, i
	return nil
}

// read emits the batch in order, in chunks that each fit a buffer, until emit
// or buffer says to stop (false, nil). A fault ends its span and not the batch.
func (r *reader) read(job *run, b *batch, buffer func() []byte, emit func(chunk) bool) {
	for piece, span := range job.Layout.Spans(b.first, b.last) {
		s := &job.Sources[span.File]
		var fault *Fault
		switch {
		case s.Pad:
			if !emit(chunk{piece: piece, length: span.Length}) {
				return
			}
			continue
		case s.Cause != Fine:
			fault = s.fault(span.File)
		case span.Offset+span.Length > s.ID.Size:
			fault = &Fault{span.File, s.Path, Short, nil}
		default:
			fault = r.open(job.Sources, span.File)
		}
		if fault != nil {
			if !emit(chunk{piece: piece, length: span.Length, fault: fault}) {
				return
			}
			continue
		}
		if !r.span(piece, span, s, buffer, emit) {
			return
		}
	}
}

// span emits the bytes of one file in one piece.
func (r *reader) span(piece int, span metainfo.Span, s *Source, buffer func() []byte, emit func(chunk) bool) bool {
	for span.Length > 0 {
		buf := buffer()
		if buf == nil {
			return false
		}
		n, err := r.file.ReadAt(buf[:min(int64(len(buf)), span.Length)], span.Offset)
		if n == 0 {
			cause := Unreadable
			if errors.Is(err, io.EOF) {
				cause = Changed // it was longer
			}
			// The buffer goes back with the fault.
			return emit(chunk{piece: piece, length: span.Length, buf: buf, fault: &Fault{span.File, s.Path, cause, err}})
		}
		// What came short with an error is asked again, and has it again.
		if !emit(chunk{piece: piece, length: int64(n), data: buf[:n], buf: buf}) {
			return false
		}
		span.Offset += int64(n)
		span.Length -= int64(n)
	}
	return true
}

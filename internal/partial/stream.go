package partial

import (
	"errors"
	"fmt"
	"io"

	"bt/internal/peer"
)

// A Stream writes one file of a torrent to a pipe, in order, as its pieces are proven. Its
// methods may be called by several goroutines.
type Stream struct {
	gatherer
	out         io.Writer
	file        int
	first, last int

	// Guarded by mu of the gatherer.
	next   int             // the piece that is written next
	proven map[int]*buffer // pieces from next on

	writing chan struct{} // closed when nothing more is written
	done    chan struct{} // closed when the file is written
}

// NewStream returns a Stream for a file of Options.Torrent. Only Torrent, Memory and Event
// of the Options are used. Pieces arrive within a window of the memory: see Window. The
// caller calls Close.
func NewStream(o Options, file int, out io.Writer) (*Stream, error) {
	content, err := o.Torrent.Content()
	if err != nil {
		return nil, err
	}
	if file < 0 || file >= len(content.Files) || content.Files[file].Pad || content.Files[file].IsLink() {
		return nil, fmt.Errorf("file %d of the torrent has no content", file)
	}
	if err := checkLayers(content, func(i int) bool { return i == file }); err != nil {
		return nil, err
	}
	s := &Stream{out: out, file: file, proven: make(map[int]*buffer), writing: make(chan struct{}), done: make(chan struct{})}
	first, last, ok := content.Layout.FilePieces(file)
	if !ok {
		first, last = 0, -1
	}
	s.first, s.last, s.next = first, last, first
	s.init(content, o.Memory, o.Event)
	s.admits = func(piece int) bool { return piece >= s.next && piece <= s.last && piece < s.next+s.limit }
	s.write = s.keep
	s.start()
	go s.writeAll()
	return s, nil
}

// Window returns the pieces of which blocks are taken now: from next on, and before end.
// EventRoom is sent when it has moved.
func (s *Stream) Window() (next, end int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.next, min(s.next+s.limit, s.last+1)
}

// Wanted returns the pieces of the file.
func (s *Stream) Wanted() peer.Bitfield {
	wanted := peer.NewBitfield(s.content.Layout.Pieces())
	for p := s.first; p <= s.last; p++ {
		wanted.Set(p)
	}
	return wanted
}

// Done returns a channel that is closed when the file is written.
func (s *Stream) Done() <-chan struct{} { return s.done }

// keep keeps a proven piece until those before it are written.
func (s *Stream) keep(b *buffer) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.have.Set(b.piece)
	s.proven[b.piece] = b
	s.changed.Broadcast()
	return nil
}

// writeAll writes the pieces in order, until the end of the file or Close.
func (s *Stream) writeAll() {
	defer close(s.writing)
	for piece := s.first; piece <= s.last; piece++ {
		b := s.await(piece)
		if b == nil {
			return
		}
		if err := s.put(b); err != nil {
			s.fail(fmt.Errorf("writing the file: %w", err))
			return
		}
		s.mu.Lock()
		delete(s.proven, piece)
		s.next++
		s.mu.Unlock()
		s.release(b)
		s.event(EventRoom{})
	}
	close(s.done)
}

// await waits for a piece. It returns nil after an error or Close.
func (s *Stream) await(piece int) *buffer {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.proven[piece] == nil && s.err == nil && !s.closed {
		s.changed.Wait()
	}
	if s.err != nil || s.closed {
		return nil
	}
	return s.proven[piece]
}

// put writes the bytes of the file in a piece.
func (s *Stream) put(b *buffer) error {
	var at int64
	for _, span := range s.content.Layout.Spans(b.piece, b.piece) {
		if span.File == s.file {
			for _, p := range b.slices(nil, at, span.Length) {
				if _, err := s.out.Write(p); err != nil {
					return err
				}
			}
		}
		at += span.Length
	}
	return nil
}

// Close ends the stream. A Write to the pipe that blocks must be ended by the caller. It
// returns the error that stopped the stream, or io.ErrUnexpectedEOF if the file is not
// complete.
func (s *Stream) Close() error {
	s.finish()
	<-s.writing
	s.drop()
	select {
	case <-s.done:
		return nil
	default:
		return errors.Join(s.Err(), io.ErrUnexpectedEOF)
	}
}

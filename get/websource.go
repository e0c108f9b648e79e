package get

import (
	"bufio"
	"context"
	"io"

	"bt/internal/metainfo"
	"bt/internal/peer"
	"bt/internal/picker"
	"bt/internal/webseed"
)

// readAhead is how much is read at once: few large reads cost less than a read per block.
const readAhead = 128 << 10

// A fileSource reads blocks from the files of a web seed (BEP 19), by a request for each
// range of a file. If the server sends no ranges, it reads each file once, from its
// beginning, as long as the blocks are asked for in order.
type fileSource struct {
	seed   *webSeed
	ranges []metainfo.Span // of files, that are to be read

	reader *webseed.Reader // nil: none
	ahead  *bufio.Reader   // of reader; nil: there was none yet
	file   int             // of reader
	pos    int64           // of reader
	whole  bool            // reader is of the whole file
	skip   [peer.BlockLength]byte
}

func (s *fileSource) plan(blocks []picker.Block) {
	p := s.seed.pieces
	s.ranges = s.ranges[:0]
	for _, block := range blocks {
		p.parts(block, func(part metainfo.Span) error {
			last := len(s.ranges) - 1
			switch {
			case p.isZeros(part):
			case last >= 0 && s.ranges[last].File == part.File && s.ranges[last].Offset+s.ranges[last].Length == part.Offset:
				s.ranges[last].Length += part.Length
			default:
				s.ranges = append(s.ranges, part)
			}
			return nil
		})
	}
}

func (s *fileSource) read(ctx context.Context, block picker.Block, b []byte, skipped func(n int) error) error {
	return s.seed.pieces.readParts(block, b, func(part metainfo.Span, to []byte) error {
		return s.readPart(ctx, part, to, skipped)
	})
}

// readPart reads a part of a file.
func (s *fileSource) readPart(ctx context.Context, part metainfo.Span, to []byte, skipped func(n int) error) error {
	if err := s.seek(ctx, part, skipped); err != nil {
		return s.fail(part.File, err)
	}
	n, err := io.ReadFull(s.ahead, to)
	if s.pos += int64(n); err != nil {
		return s.fail(part.File, cutError(err))
	}
	return nil
}

// cutError returns webseed.ErrCut for a body that is shorter than it should be.
func cutError(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return webseed.ErrCut
	}
	return err
}

// seek makes the reader continue with a part of a file.
func (s *fileSource) seek(ctx context.Context, part metainfo.Span, skipped func(n int) error) error {
	if s.reader != nil && (s.file != part.File || s.pos > part.Offset || s.pos < part.Offset && !s.whole) {
		s.close()
	}
	if s.reader == nil {
		if err := s.open(ctx, part); err != nil {
			return err
		}
	}
	for s.pos < part.Offset {
		n, err := io.ReadFull(s.ahead, s.skip[:min(int64(len(s.skip)), part.Offset-s.pos)])
		if s.pos += int64(n); err != nil {
			return cutError(err)
		}
		if err := skipped(n); err != nil {
			return err
		}
	}
	return nil
}

// open asks for the range that begins with a part of a file.
func (s *fileSource) open(ctx context.Context, part metainfo.Span) error {
	w, p := s.seed, s.seed.pieces
	for len(s.ranges) > 0 && !contains(s.ranges[0], part) {
		s.ranges = s.ranges[1:]
	}
	n := part.Length
	if len(s.ranges) > 0 {
		n = s.ranges[0].Offset + s.ranges[0].Length - part.Offset
	}
	f := &p.content.Files[part.File]
	url := webseed.FileURL(w.url, p.torrent.Name, p.content.Single, f.Path())
	file, reader, err := w.client.OpenSized(ctx, url, f.Length, part.Offset, n)
	if err != nil {
		return err
	}
	s.reader, s.file, s.pos, s.whole = reader, part.File, part.Offset, false
	if s.ahead == nil {
		s.ahead = bufio.NewReaderSize(nil, readAhead)
	}
	s.ahead.Reset(reader)
	if !file.Ranges {
		s.pos, s.whole = 0, true
		if n < f.Length { // else it may send ranges of another length
			w.getter.mu.Lock()
			w.whole = true
			w.getter.mu.Unlock()
		}
	}
	return nil
}

// contains reports whether a range of a file has a part of it.
func contains(r, part metainfo.Span) bool {
	return r.File == part.File && r.Offset <= part.Offset && part.Offset < r.Offset+r.Length
}

// end keeps the reader of a whole file: the next run may go on there.
func (s *fileSource) end(goesOn bool) {
	if !goesOn || !s.whole {
		s.close()
	}
}

func (s *fileSource) close() {
	if s.reader != nil {
		s.reader.Close()
		s.reader = nil
	}
}

// parts calls yield for the parts of files that a block consists of, in order.
func (p *pieces) parts(block picker.Block, yield func(part metainfo.Span) error) error {
	skip, left := int64(block.Begin), int64(block.Length)
	c := p.content.Layout.Cursor(int(block.Piece))
	for s, ok := c.Next(); ok && left > 0; s, ok = c.Next() {
		if s.Length <= skip {
			skip -= s.Length
			continue
		}
		s.Offset, s.Length = s.Offset+skip, min(s.Length-skip, left)
		skip, left = 0, left-s.Length
		if err := yield(s); err != nil {
			return err
		}
	}
	return nil
}

// readParts calls read for the parts of files that a block consists of, in order, with where
// their bytes are in b. Padding is cleared.
func (p *pieces) readParts(block picker.Block, b []byte, read func(part metainfo.Span, to []byte) error) error {
	return p.parts(block, func(part metainfo.Span) error {
		to := b[:part.Length]
		b = b[part.Length:]
		if p.isZeros(part) {
			clear(to)
			return nil
		}
		return read(part, to)
	})
}

// isZeros reports whether a part of a piece is padding.
func (p *pieces) isZeros(part metainfo.Span) bool {
	return part.File == metainfo.Gap || p.content.Files[part.File].Pad
}

package get

import (
	"context"
	"io"

	"bt/internal/peer"
	"bt/internal/picker"
	"bt/internal/webseed"
)

// maxRanges is how many ranges of a piece are requested at once. They are part of a URL.
const maxRanges = 32

// A pieceSource reads blocks from an HTTP seed (BEP 17), which sends whole pieces, or ranges of
// them if other peers have sent the rest.
type pieceSource struct {
	seed     *webSeed
	blocks   []picker.Block // the rest of the run
	noRanges bool           // the seed has refused ranges

	body  io.ReadCloser // nil: none
	piece uint32        // of body
	pos   int64         // in the piece, of body
	whole bool          // body is of the whole piece, and not of the blocks
	skip  [peer.BlockLength]byte
}

func (s *pieceSource) plan(blocks []picker.Block) { s.blocks = blocks }

func (s *pieceSource) read(ctx context.Context, block picker.Block, b []byte, skipped func(n int) error) error {
	if s.body != nil && s.piece != block.Piece {
		s.close()
	}
	if s.body == nil {
		if err := s.open(ctx, block); err != nil {
			return err
		}
	}
	if !s.whole {
		s.pos = int64(block.Begin)
	}
	for s.pos < int64(block.Begin) { // other peers have sent what comes before
		if err := s.fill(s.skip[:]); err != nil { // blocks begin at multiples of their length
			return err
		}
		if err := skipped(len(s.skip)); err != nil {
			return err
		}
	}
	return s.fill(b)
}

// open asks for the blocks of a piece, of which one is the first.
func (s *pieceSource) open(ctx context.Context, first picker.Block) error {
	w, p := s.seed, s.seed.pieces
	ranges := s.ranges(first)
	if s.noRanges || len(ranges) > maxRanges || ranges[0].Length == p.length(int(first.Piece)) {
		ranges = nil
	}
	body, whole, err := w.client.OpenPiece(ctx, w.url, p.torrent.InfoHashV1, int(first.Piece), p.paddedLength(int(first.Piece)), ranges...)
	if len(ranges) > 0 && webseed.IsAnswer(err) && !webseed.IsTemporary(err) {
		s.noRanges = true // perhaps it has whole pieces only
		return s.open(ctx, first)
	}
	if err != nil {
		return err
	}
	s.body, s.piece, s.pos, s.whole = body, first.Piece, 0, whole
	return nil
}

// ranges returns the ranges of a piece that the blocks of the run are, from one block on.
func (s *pieceSource) ranges(first picker.Block) (list []webseed.PieceRange) {
	for len(s.blocks) > 0 && s.blocks[0] != first {
		s.blocks = s.blocks[1:]
	}
	for _, b := range s.blocks {
		if b.Piece != first.Piece {
			break
		}
		if last := len(list) - 1; last >= 0 && list[last].Offset+list[last].Length == int64(b.Begin) {
			list[last].Length += int64(b.Length)
		} else {
			list = append(list, webseed.PieceRange{Offset: int64(b.Begin), Length: int64(b.Length)})
		}
	}
	return list
}

// fill reads the next bytes of the piece.
func (s *pieceSource) fill(b []byte) error {
	n, err := io.ReadFull(s.body, b)
	if s.pos += int64(n); err == io.EOF || err == io.ErrUnexpectedEOF {
		err = webseed.ErrCut
	}
	if err != nil {
		s.close()
	}
	return err
}

func (s *pieceSource) end(bool) { s.close() }

func (s *pieceSource) close() {
	if s.body != nil {
		s.body.Close()
		s.body = nil
	}
}

package get

import (
	"context"
	"io"

	"bt/internal/peer"
	"bt/internal/picker"
	"bt/internal/webseed"
)

// A pieceSource reads blocks from an HTTP seed (BEP 17), which sends whole pieces.
type pieceSource struct {
	seed  *webSeed
	body  io.ReadCloser // nil: none
	piece uint32        // of body
	pos   int64         // of body
	skip  [peer.BlockLength]byte
}

func (s *pieceSource) plan([]picker.Block) {}

func (s *pieceSource) read(ctx context.Context, block picker.Block, b []byte, skipped func(n int) error) error {
	if s.body != nil && (s.piece != block.Piece || s.pos > int64(block.Begin)) {
		s.close()
	}
	if s.body == nil {
		w, p := s.seed, s.seed.pieces
		body, err := w.client.OpenPiece(ctx, w.url, p.torrent.InfoHashV1, int(block.Piece), p.paddedLength(int(block.Piece)))
		if err != nil {
			return err
		}
		s.body, s.piece, s.pos = body, block.Piece, 0
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

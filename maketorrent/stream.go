package maketorrent

import (
	"context"
	"errors"
	"fmt"
	"io"

	"bt/internal/metainfo"
	"bt/internal/piece"
)

// A Stream is content that is read once, from beginning to end, such as that of a URL
// or a pipe. It is not stored.
type Stream struct {
	// Content returns the bytes. Its Read must return when the context of Make ends.
	// Make returns its error, except io.EOF.
	Content io.Reader

	// Size is the number of bytes, or 0 if it is unknown. If it is known and wrong,
	// Make returns an error.
	Size int64
}

// StreamPieceLength is the piece length, in bytes, that Make chooses for content of
// unknown size. With it, content of up to 256 GiB has less than 65,536 pieces.
const StreamPieceLength = 4 << 20

// mostStreamPieces is the limit for content of unknown size. The torrent then has less
// than half of the size that can be parsed.
const mostStreamPieces = metainfo.MaxSize / 128

// checkStream is Check for the Stream.
func (o *Options) checkStream() error {
	switch {
	case o.Stream == nil:
		return nil
	case o.Name == "":
		return badOption("name", "a stream has no name of its own")
	case o.DryRun:
		return badOption("stream", "a stream can't be sampled: it is read once")
	case o.PieceLength > piece.MaxStreamPiece:
		return badOption("piece length", "a piece length of %d bytes; the most for content that is not on disk is %d", o.PieceLength, piece.MaxStreamPiece)
	}
	return nil
}

// hashStream hashes the content of a Stream.
func (d *draft) hashStream(ctx context.Context) (err error) {
	size := max(d.Stream.Size, 0)
	d.Result = new(Result)
	d.builder = d.newBuilder(d.Name, true, []metainfo.BuildFile{{Path: []string{d.Name}, Length: size}})
	b := d.builder
	b.Align = false // there is no other file
	if size > 0 {
		d.layout, d.Result.Choice, err = d.chooseLayout(b)
	} else {
		d.layout, d.Result.Choice, err = d.layoutOfUnknown(b)
	}
	if err != nil {
		return err
	}
	s := streamSums{b: b}
	job := piece.Job{Layout: d.layout, V1: b.V1, V2: b.V2, Jobs: d.Jobs}
	if d.Progress != nil {
		job.Progress = func(done, _ int64) { d.Progress(done, size) }
	}
	n, err := job.RunStream(ctx, d.Stream.Content, s.add)
	switch {
	case errors.Is(err, piece.ErrLongStream) && size == 0:
		return badOption("piece length", "the content has more than %d pieces of %d bytes", mostStreamPieces, b.PieceLength)
	case errors.Is(err, piece.ErrLongStream):
		return fmt.Errorf("the content has more than its %d bytes", size)
	case err != nil:
		return err
	case n == 0:
		return ErrEmpty
	case n < size:
		return fmt.Errorf("the content ended after %d of %d bytes", n, size)
	}
	s.finish(n)
	return nil
}

// layoutOfUnknown is chooseLayout for content of unknown size: the layout is that of the
// largest size that the content may have.
func (o *Options) layoutOfUnknown(b *metainfo.Builder) (layout *metainfo.Layout, why Choice, err error) {
	const unknown = "the size of the content is not known, by which pieces would be chosen"
	switch {
	case o.TargetPieces > 0:
		return nil, 0, badOption("piece length", unknown)
	case o.MaxTorrentSize > 0:
		return nil, 0, badOption("torrent size", unknown)
	}
	if b.PieceLength == 0 {
		why = ChoiceUnknown
		b.PieceLength = StreamPieceLength
		for o.MaxPieceLength > 0 && b.PieceLength > max(o.MaxPieceLength, leastPieceLength) {
			b.PieceLength /= 2
		}
	}
	b.Files[0].Length = b.PieceLength * mostStreamPieces
	if layout, err = b.Layout(); err != nil {
		err = &OptionError{"piece length", err}
	}
	return layout, why, err
}

// streamSums stores the sums of the pieces of a Stream, which arrive in order, in the
// builder.
type streamSums struct {
	b     *metainfo.Builder
	roots [][32]byte // v2
}

func (s *streamSums) add(r piece.Result) error {
	if s.b.V1 {
		s.b.Pieces = append(s.b.Pieces, r.SHA1[:]...)
	}
	if s.b.V2 {
		s.roots = append(s.roots, r.Root)
	}
	return nil
}

// finish stores the size and the roots of the content, which has ended.
func (s *streamSums) finish(size int64) {
	b := s.b
	b.Files[0].Length = size
	switch {
	case !b.V2:
	case size <= b.PieceLength:
		b.PiecesRoots = s.roots
	default:
		var tree metainfo.HashTree
		tree.Reset(metainfo.PieceHeight(b.PieceLength))
		for i := range s.roots {
			tree.Add(&s.roots[i])
			b.PieceLayers = append(b.PieceLayers, s.roots[i][:]...)
		}
		b.PiecesRoots = [][32]byte{tree.Root(0)}
	}
}

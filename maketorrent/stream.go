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

// hashStream hashes the content of a Stream, for drafts with the same piece length.
func (g *group) hashStream(ctx context.Context, drafts []*draft) error {
	size := max(g.Stream.Size, 0)
	drafts = layOutStreams(drafts, size)
	if len(drafts) == 0 {
		return nil
	}
	job := piece.Job{Layout: drafts[0].layout, Jobs: g.Jobs}
	for _, d := range drafts {
		job.V1, job.V2 = job.V1 || d.builder.V1, job.V2 || d.builder.V2
	}
	if g.Progress != nil {
		job.Progress = func(done, _ int64) { g.Progress(done, size) }
	}
	var sums streamSums
	n, err := job.RunStream(ctx, g.Stream.Content, sums.add)
	if errors.Is(err, piece.ErrLongStream) {
		return tooLong(size, job.Layout.PieceLength())
	}
	switch {
	case err != nil:
		return err
	case n == 0:
		return ErrEmpty
	case n < size:
		return fmt.Errorf("the content ended after %d of %d bytes", n, size)
	}
	for _, d := range drafts {
		sums.fill(d.builder, n)
	}
	return nil
}

// tooLong returns the error of content with more bytes than its size or, if that is 0,
// than a torrent can have.
func tooLong(size, pieceLength int64) error {
	if size == 0 {
		return badOption("piece length", "the content has more than %d pieces of %d bytes", mostStreamPieces, pieceLength)
	}
	return fmt.Errorf("the content has more than its %d bytes", size)
}

// layOutStreams lays out the drafts of a Stream. It returns those with the piece length
// of the first one that has not failed; the others fail.
func layOutStreams(drafts []*draft, size int64) (same []*draft) {
	for _, d := range drafts {
		if d.Err = d.layOutStream(size); d.Err != nil {
			continue
		}
		if len(same) > 0 && d.builder.PieceLength != same[0].builder.PieceLength {
			d.Err = badOption("piece length", "a stream is read once: all its torrents have pieces of one length, here %d bytes", same[0].builder.PieceLength)
			continue
		}
		same = append(same, d)
	}
	return same
}

// layOutStream chooses the piece length of a draft of a Stream.
func (d *draft) layOutStream(size int64) (err error) {
	d.Result = &Result{Previous: d.Previous}
	d.builder = d.newBuilder(d.Name, true, []metainfo.BuildFile{{Path: []string{d.Name}, Length: size}})
	d.builder.Align = false // there is no other file
	if size > 0 {
		d.layout, d.Result.Choice, err = d.chooseLayout(d.builder)
	} else {
		d.layout, d.Result.Choice, err = d.layoutOfUnknown(d.builder)
	}
	return err
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
	layout, err = layoutOf(b)
	return layout, why, err
}

// streamSums collects the sums of the pieces of a Stream, which arrive in order.
type streamSums struct {
	sha1  []byte     // v1
	roots [][32]byte // v2
}

func (s *streamSums) add(r piece.Result) error {
	s.sha1 = append(s.sha1, r.SHA1[:]...)
	s.roots = append(s.roots, r.Root)
	return nil
}

// fill stores the size and the hashes of the content, which has ended, in a builder.
func (s *streamSums) fill(b *metainfo.Builder, size int64) {
	b.Files[0].Length = size
	if b.V1 {
		b.Pieces = s.sha1
	}
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

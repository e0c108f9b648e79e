package webseed

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"math/rand/v2"
	"slices"
	"strings"

	"bt/internal/metainfo"
)

const (
	// samplePieces and sampleBytes limit the pieces that are proved. One always is.
	samplePieces = 8
	sampleBytes  = 64 << 20
)

// samples returns pieces to prove: the first, the last, and others at random.
func samples(l *metainfo.Layout) []int {
	n := min(l.Pieces(), samplePieces, max(int(sampleBytes/l.PieceLength()), 1))
	pieces := []int{0, l.Pieces() - 1}[:min(n, 2)]
	for len(pieces) < n {
		if piece := rand.IntN(l.Pieces()); !slices.Contains(pieces, piece) {
			pieces = append(pieces, piece)
		}
	}
	return pieces
}

// prove compares the hash of a piece with that of its bytes at a web seed. It does
// nothing if one of the piece's files has failed before.
func (k *checker) prove(piece int) {
	var files []int
	for _, span := range k.content.Layout.Spans(piece, piece) {
		if span.File == metainfo.Gap || !k.isContent(span.File) {
			continue
		}
		if files = append(files, span.File); k.hasFailed(span.File) {
			return
		}
	}
	want, sum := k.hash(piece)
	for _, span := range k.content.Layout.Spans(piece, piece) {
		if span.File == metainfo.Gap || !k.isContent(span.File) {
			if !k.content.V2 {
				io.CopyN(sum, zeros{}, span.Length) // a hash returns no error
			}
			continue
		}
		f := &File{URL: k.url(span.File), Size: k.content.Files[span.File].Length, client: k.client}
		r := f.Range(k.ctx, span.Offset, span.Length)
		_, err := io.Copy(sum, r)
		r.Close()
		if err != nil {
			k.fail(span.File, err)
			return
		}
	}
	if want == nil || bytes.Equal(sum.Sum(nil), want) {
		return
	}
	k.fail(files[0], &contentError{fmt.Sprintf("piece %d has another hash", piece) + k.others(files[1:])})
}

// others names the other files of a v1 piece, any of which may be wrong.
func (k *checker) others(files []int) string {
	const most = 3
	if len(files) == 0 {
		return ""
	}
	var names []string
	for _, file := range files[:min(len(files), most)] {
		names = append(names, k.path(file))
	}
	if more := len(files) - most; more > 0 {
		names = append(names, fmt.Sprintf("%d more", more))
	}
	return "; it also has bytes of " + strings.Join(names, ", ")
}

// hash returns the hash of a piece in the torrent, or nil if the torrent has none, and
// what computes it. For hybrids that is the v2 hash, which is of one file.
func (k *checker) hash(piece int) (want []byte, sum hash.Hash) {
	if !k.content.V2 {
		return k.content.Pieces[piece*sha1.Size:][:sha1.Size], sha1.New()
	}
	l := k.content.Layout
	c := l.Cursor(piece)
	span, _ := c.Next()
	first, _, _ := l.FilePieces(span.File)
	r := &rootHash{Hash: sha256.New()}
	if l.Length(span.File) > l.PieceLength() {
		r.height = metainfo.PieceHeight(l.PieceLength())
	}
	if h, ok := k.content.PieceHash(span.File, piece-first); ok {
		want = h[:]
	}
	return want, r
}

// A rootHash computes the v2 hash of a piece: the root of a tree over its blocks (BEP
// 52).
type rootHash struct {
	hash.Hash // of the current block
	tree      metainfo.HashTree
	height    int // the least height of the tree
	filled    int // bytes of the current block
}

func (r *rootHash) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		n := min(len(rest), metainfo.BlockLength-r.filled)
		r.Hash.Write(rest[:n])
		if r.filled += n; r.filled == metainfo.BlockLength {
			r.endBlock()
		}
		rest = rest[n:]
	}
	return len(p), nil
}

func (r *rootHash) endBlock() {
	leaf := [32]byte(r.Hash.Sum(nil))
	r.tree.Add(&leaf)
	r.Hash.Reset()
	r.filled = 0
}

// Sum appends the root of all that was written. Nothing may be written afterwards.
func (r *rootHash) Sum(b []byte) []byte {
	if r.filled > 0 {
		r.endBlock()
	}
	root := r.tree.Root(r.height)
	return append(b, root[:]...)
}

// zeros is an endless stream of zeros, the content of pad files.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// provePiece compares the hash of a piece with that of its bytes at an HTTP seed
// (BEP 17).
func (k *checker) provePiece(piece int) {
	l := k.content.Layout
	size := min(l.PieceLength(), l.Total()-int64(piece)*l.PieceLength())
	if err := k.compare(pieceURL(k.seed, k.torrent.InfoHashV1, piece, nil), size, k.content.Pieces[piece*sha1.Size:][:sha1.Size]); err != nil {
		k.fail(-1, fmt.Errorf("piece %d: %w", piece, err))
	}
}

// compare returns an error unless the body at a URL has a size and a SHA-1 sum.
func (k *checker) compare(rawURL string, size int64, want []byte) error {
	resp, err := k.client.get(k.ctx, rawURL, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	a, err := readAnswer(resp, 0, size-1)
	switch {
	case err != nil:
		return err
	case a.html && a.n != size:
		return ErrHTML
	}
	sum := sha1.New()
	n, err := io.Copy(sum, io.LimitReader(resp.Body, size+1))
	switch {
	case err != nil:
		return err
	case n < size:
		return &contentError{fmt.Sprintf("the server sends %d of %d bytes", n, size)}
	case n > size:
		return &contentError{fmt.Sprintf("the server sends more than its %d bytes", size)}
	case !bytes.Equal(sum.Sum(nil), want):
		return &contentError{"another hash"}
	}
	return nil
}

package metainfo

import (
	"errors"
	"fmt"
	"io"
	"slices"
)

// DefaultMaxSize is the default limit of the size of an input, in bytes.
const DefaultMaxSize = 256 << 20

// A TooLargeError reports an input of more than Max bytes.
type TooLargeError struct{ Max int64 }

func (e *TooLargeError) Error() string { return fmt.Sprintf("it is larger than %d bytes", e.Max) }

// headSize is the number of bytes at the start of an input that Recognize needs.
const headSize = 64 << 10

// Read reads a torrent. It allocates memory for more than the beginning only if that
// looks like a torrent. size is the length of the input in bytes, or -1 if it is
// unknown. An input of more than most bytes is a *TooLargeError. An input that does not
// begin like a torrent is a *NotTorrentError, unless other, which may be nil, returns
// true for its beginning, or the beginning is the whole input.
func Read(r io.Reader, size, most int64, other func(head []byte) bool) ([]byte, error) {
	room := int64(headSize)
	if size >= 0 {
		room = min(room, size+1) // one more, to see the end
	}
	head := make([]byte, room)
	n, err := io.ReadFull(r, head)
	b := head[:n]
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		if int64(n) > most {
			return nil, &TooLargeError{most}
		}
		return slices.Clip(b), nil
	case err != nil:
		return nil, err
	}
	if b[0] != 'd' && (other == nil || !other(b)) {
		return nil, beginsAsNone(b)
	}
	if size > most {
		return nil, &TooLargeError{most}
	}
	if size < 0 {
		rest, err := io.ReadAll(io.LimitReader(r, most-int64(n)+1))
		if err != nil {
			return nil, err
		}
		b = slices.Concat(b, rest)
	} else {
		whole := make([]byte, n, max(size, int64(n))+1)
		copy(whole, b)
		b = whole
		for err == nil && int64(len(b)) <= most { // it may grow
			b = slices.Grow(b, 1)
			n, err = r.Read(b[len(b):cap(b)])
			b = b[:len(b)+n]
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
	}
	if int64(len(b)) > most {
		return nil, &TooLargeError{most}
	}
	return b, nil
}

// beginsAsNone returns the error for an input that does not begin like a torrent.
func beginsAsNone(head []byte) error {
	if c := head[0]; c == 'l' || c == 'i' || isDigit(c) {
		return NotTorrent(head, errors.New("not a torrent: it does not begin as a dict"))
	}
	_, err := Parse(head)
	return err
}

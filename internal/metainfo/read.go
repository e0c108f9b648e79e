package metainfo

import (
	"errors"
	"fmt"
	"io"
	"slices"
)

// DefaultMaxSize is the size, in bytes, of the largest input that programs read
// unless they are told otherwise.
const DefaultMaxSize = 256 << 20

// A TooLargeError says that an input has more bytes than are read.
type TooLargeError struct{ Max int64 }

func (e *TooLargeError) Error() string { return fmt.Sprintf("it is larger than %d bytes", e.Max) }

// headSize is how much of an input tells what it is: Recognize needs no more.
const headSize = 64 << 10

// Read reads a torrent, of which nothing is allocated but its beginning before
// that shows that it may be one. size is how long it is as far as is known, -1:
// not known; one of more than most bytes is a *TooLargeError. What does not begin
// as a torrent is a *NotTorrentError, unless other takes its beginning for what
// it looks for, or the whole of it is there; other may be nil.
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

// beginsAsNone is the error for what does not begin as a torrent.
func beginsAsNone(head []byte) error {
	if c := head[0]; c == 'l' || c == 'i' || isDigit(c) {
		return NotTorrent(head, errors.New("not a torrent: it does not begin as a dict"))
	}
	_, err := Parse(head)
	return err
}

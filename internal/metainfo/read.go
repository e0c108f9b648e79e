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
	head, whole, err := readHead(r, size)
	switch {
	case err != nil:
		return nil, err
	case whole && int64(len(head)) > most:
		return nil, &TooLargeError{most}
	case whole:
		return head, nil
	case head[0] != 'd' && (other == nil || !other(head)):
		return nil, beginsAsNone(head)
	case size > most:
		return nil, &TooLargeError{most}
	}
	b, err := readRest(r, head, size, most)
	if err != nil {
		return nil, err
	}
	if int64(len(b)) > most {
		return nil, &TooLargeError{most}
	}
	return b, nil
}

// readHead reads the beginning of an input. whole reports that there is no more.
func readHead(r io.Reader, size int64) (head []byte, whole bool, err error) {
	room := int64(headSize)
	if size >= 0 {
		room = min(room, size+1) // one more, to see the end
	}
	head = make([]byte, room)
	n, err := io.ReadFull(r, head)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return slices.Clip(head[:n]), true, nil
	}
	return head, false, err
}

// readRest reads the rest of an input, and stops after more than most bytes. It returns
// the whole input. If the size is known, it allocates the memory at once.
func readRest(r io.Reader, head []byte, size, most int64) ([]byte, error) {
	n := int64(len(head))
	if size < 0 {
		rest, err := io.ReadAll(io.LimitReader(r, most-n+1))
		return slices.Concat(head, rest), err
	}
	b := make([]byte, n, max(size, n)+1)
	copy(b, head)
	for int64(len(b)) <= most { // it may grow
		b = slices.Grow(b, 1)
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
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

package metainfo

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// endless counts what is read of bytes that don't end.
type endless struct {
	c    byte
	read int
}

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = e.c
	}
	e.read += len(p)
	return len(p), nil
}

// most is the limit of the size in tests of Read.
const most = 200_000

func TestReadSizes(t *testing.T) {
	for _, n := range []int{0, 1, 100, headSize - 1, headSize, headSize + 1, most - 1, most, most + 1, 2 * most} {
		for _, size := range []int{n, -1, 0, n / 2, n + 1000} { // a file may grow or shrink
			input := func() io.Reader { return strings.NewReader(("d" + strings.Repeat("x", n))[:n]) }
			for _, r := range []io.Reader{input(), iotest.OneByteReader(input()), iotest.DataErrReader(input())} {
				b, err := Read(r, int64(size), most, nil)
				tooLarge, isTooLarge := errors.AsType[*TooLargeError](err)
				switch {
				case n > most && (!isTooLarge || tooLarge.Max != most):
					t.Errorf("%d bytes, said to be %d: %d bytes, %v", n, size, len(b), err)
				case n <= most && size <= most && (err != nil || len(b) != n || n > 0 && b[0] != 'd'):
					t.Errorf("%d bytes, said to be %d: %d bytes, %v", n, size, len(b), err)
				}
			}
		}
	}
}

func TestReadBeginnings(t *testing.T) {
	for c := range 256 {
		r := &endless{c: byte(c)}
		_, err := Read(r, -1, most, nil)
		_, isNot := errors.AsType[*NotTorrentError](err)
		if want := c != 'd'; isNot != want || want && r.read > headSize {
			t.Errorf("%#x without end: %v after %d bytes", c, err, r.read)
		}
	}
	if b, err := Read(&endless{c: 'm'}, -1, most, func(head []byte) bool { return len(head) == headSize && head[0] == 'm' }); b != nil || err == nil {
		t.Errorf("a text without end: %d bytes, %v", len(b), err)
	}
}

func TestReadError(t *testing.T) {
	if _, err := Read(iotest.ErrReader(io.ErrClosedPipe), -1, most, nil); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("an error: %v", err)
	}
}

package partial

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"bt/maketorrent"
)

// A Stream writes exactly one file, in order, whatever the order of the pieces within its
// window.
func TestStream(t *testing.T) {
	for _, format := range formats {
		for _, name := range []string{"data/a", "data/c/f", "data/g", "data/c/d"} {
			t.Run(fmt.Sprint(format, " ", name), func(t *testing.T) {
				s := newSample(t, maketorrent.Options{Format: format, PieceLength: 16 << 10}, smallSizes)
				var out bytes.Buffer
				c, err := NewStream(Options{Torrent: s.tor, Memory: 80_000}, s.index(name), &out)
				if err != nil {
					t.Fatal(err)
				}
				wanted := c.Wanted()
				for {
					next, end := c.Window()
					if next >= end {
						break
					}
					p := next + rand.IntN(end-next)
					if !wanted.Has(p) || end-next > 5 {
						t.Fatalf("the window is %d to %d", next, end)
					}
					s.feed(t, c, p)
				}
				await(t, c)
				if err := c.Close(); err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(out.Bytes(), s.files[name]) {
					t.Errorf("%d bytes were written, the file has %d", out.Len(), len(s.files[name]))
				}
			})
		}
	}
}

// Pieces outside of the window are refused, and a wrong one stops nothing.
func TestStreamWindow(t *testing.T) {
	s := newSample(t, maketorrent.Options{PieceLength: 16 << 10}, map[string]int{"a": 200_000})
	var l log
	var out bytes.Buffer
	c, err := NewStream(Options{Torrent: s.tor, Memory: 1, Event: l.add}, 0, &out)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Write(leastPieces, 0, s.stream[leastPieces*16<<10:][:16<<10]); !errors.Is(err, ErrFull) {
		t.Errorf("%v", err)
	}
	if err := c.Write(0, 0, make([]byte, 16<<10)); err != nil {
		t.Fatal(err)
	}
	for len(events[EventPiece](&l)) == 0 {
		time.Sleep(time.Millisecond)
	}
	s.feed(t, c, 1)
	for len(events[EventPiece](&l)) < 2 {
		time.Sleep(time.Millisecond)
	}
	if out.Len() > 0 {
		t.Errorf("%d bytes were written", out.Len())
	}
	s.feed(t, c, 0)
	if err := c.Close(); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%v", err)
	}
	sums := [][][32]byte{{sha256.Sum256(make([]byte, 16<<10))}, nil, {sha256.Sum256(s.stream[:16<<10])}}
	for i, e := range events[EventPiece](&l) {
		if e.Proven != (i > 0) || !slices.Equal(e.Blocks, sums[i]) {
			t.Errorf("%+v", e)
		}
	}
}

// An error of the pipe is that of the stream.
func TestStreamError(t *testing.T) {
	s := newSample(t, maketorrent.Options{PieceLength: 16 << 10}, map[string]int{"a": 200_000})
	r, w := io.Pipe()
	c, err := NewStream(Options{Torrent: s.tor, Memory: 1}, 0, w)
	if err != nil {
		t.Fatal(err)
	}
	for p := range leastPieces {
		s.feed(t, c, p) // nothing is read: all stay in memory
	}
	if err := c.Write(leastPieces, 0, s.stream[leastPieces*16<<10:][:16<<10]); !errors.Is(err, ErrFull) {
		t.Errorf("%v", err)
	}
	r.Close()
	for c.Err() == nil {
		time.Sleep(time.Millisecond)
	}
	if err := c.Close(); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("%v", err)
	}
	if _, err := NewStream(Options{Torrent: s.tor}, 1, w); err == nil {
		t.Error("a file that is not there is no error")
	}
}

package partial

import (
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"bt/internal/metainfo"
	"bt/maketorrent"
)

// As many pieces as are hashed together are not delayed. Fewer wait for others, but not for
// long, and not at the end.
func TestGather(t *testing.T) {
	const piece, pieces = 16 << 10, 9
	s := newSample(t, maketorrent.Options{PieceLength: piece}, map[string]int{"a": pieces * piece})
	synctest.Test(t, func(t *testing.T) {
		var at []time.Duration // of the pieces, since begun
		begun := time.Now()
		c, err := NewStream(Options{Torrent: s.tor, Event: func(e Event) {
			if e, ok := e.(EventPiece); ok && e.Proven {
				at = append(at, time.Since(begun))
			}
		}}, 0, io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		c.mu.Lock()
		c.batch = 4
		c.mu.Unlock()
		write := func(from, to int) {
			t.Helper()
			for p := from; p < to; p++ {
				if err := c.Write(p, 0, s.stream[p*piece:][:piece]); err != nil {
					t.Fatal(err)
				}
			}
			synctest.Wait()
		}
		check := func(pieces int, when time.Duration) {
			t.Helper()
			c.eventMu.Lock()
			defer c.eventMu.Unlock()
			if len(at) != pieces || at[pieces-1] != when {
				t.Fatalf("at %v: pieces at %v", time.Since(begun), at)
			}
		}
		write(0, 4)
		check(4, 0)
		write(4, 5)
		time.Sleep(gatherTime - 1)
		write(5, 6)
		check(4, 0)
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		check(6, gatherTime)
		write(6, 7) // has its own time to wait
		time.Sleep(gatherTime - 1)
		synctest.Wait()
		check(6, gatherTime)
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		check(7, 2*gatherTime)
		write(7, 9)
		if err := c.Close(); err != nil && !errors.Is(err, io.ErrUnexpectedEOF) { // it is perhaps not written
			t.Fatal(err)
		}
		check(9, 2*gatherTime)
	})
}

// Pieces are hashed together where that gains something, and never so many that none
// could arrive meanwhile.
func TestBatchOf(t *testing.T) {
	for _, format := range formats {
		s := newSample(t, maketorrent.Options{Format: format, PieceLength: 16 << 10}, map[string]int{"a": 100_000})
		if n := batchOf(s.content, 2); n != 1 {
			t.Errorf("%v: %d of 2 pieces are hashed together", format, n)
		}
		if n, most := batchOf(s.content, mostPieces), 16; n < 1 || n > most {
			t.Errorf("%v: %d pieces are hashed together, want %d at most", format, n, most)
		}
	}
	s := newSample(t, maketorrent.Options{Format: maketorrent.FormatV2, PieceLength: 16 * metainfo.BlockLength}, map[string]int{"a": 1_000_000})
	if n := batchOf(s.content, mostPieces); n != 1 {
		t.Errorf("%d v2 pieces are hashed together, although each fills all lanes", n)
	}
}

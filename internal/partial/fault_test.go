package partial

import (
	"errors"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"bt/internal/metainfo"
	"bt/maketorrent"
)

// feedUntil writes all missing pieces, or until the download fails.
func (s *sample) feedUntil(t *testing.T, c *Content) error {
	t.Helper()
	for p := range s.content.Layout.Pieces() {
		start := int64(p) * s.content.Layout.PieceLength()
		for begin := int64(0); begin < c.Length(p); begin += metainfo.BlockLength {
			b := s.stream[start+begin:][:min(c.Length(p)-begin, metainfo.BlockLength)]
			err := c.Write(p, begin, b)
			for errors.Is(err, ErrFull) {
				time.Sleep(time.Millisecond)
				err = c.Write(p, begin, b)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// Whatever change fails, no piece is wrong or lost that was said to be there, and a second
// run finishes.
func TestFaults(t *testing.T) {
	for _, fault := range []syscall.Errno{syscall.ENOSPC, syscall.EIO} {
		t.Run(fault.Error(), func(t *testing.T) {
			s := newSample(t, maketorrent.Options{}, map[string]int{"a": 50_000, "b": 3, "d/c": 70_000, "e": 0})
			for n, done := int64(0), false; !done; n++ {
				dir := t.TempDir()
				var l log
				var at atomic.Int64
				var failed atomic.Bool
				at.Store(n)
				c, err := Open(t.Context(), Options{Torrent: s.tor, Dir: dir, Event: l.add, saveBytes: 1, trace: func(o op, do func() error) error {
					if at.Add(-1) < 0 && !strings.HasSuffix(o.path, lockSuffix) {
						failed.Store(true) // from now on
						return fault
					}
					return do()
				}})
				if err == nil {
					_ = s.feedUntil(t, c)
					err = c.Close()
				}
				done = !failed.Load()
				if !done && !errors.Is(err, fault) {
					t.Fatalf("after %d changes: %v", n, err)
				}
				if disk, ok := errors.AsType[*DiskError](err); ok && disk.IsFull() != (fault == syscall.ENOSPC) {
					t.Errorf("after %d changes: %v", n, err)
				}
				if c == nil {
					continue
				}
				have := c.Have()
				// What was written after the state, within the resolution of the file's time,
				// is only found if all is hashed.
				recheck := n%2 == 1
				c = s.open(t, Options{Dir: dir, Recheck: recheck})
				s.checkHave(t, c)
				if now := c.Have().Count(); recheck && now < have.Count() {
					t.Errorf("after %d changes: %d pieces are there, %d were", n, now, have.Count())
				}
				s.feedAll(t, c)
				await(t, c)
				if err := c.Close(); err != nil {
					t.Fatal(err)
				}
				s.checkTree(t, dir)
			}
		})
	}
}

// The error stops the download, is an event, and names the file.
func TestFaultReported(t *testing.T) {
	s := newSample(t, maketorrent.Options{}, map[string]int{"a": 200_000})
	dir := t.TempDir()
	var l log
	c := s.open(t, Options{Dir: dir, Event: l.add, trace: func(o op, do func() error) error {
		if o.kind == opWrite && strings.HasSuffix(o.path, partSuffix) {
			return syscall.ENOSPC
		}
		return do()
	}})
	s.feed(t, c, 0)
	for c.Err() == nil {
		time.Sleep(time.Millisecond)
	}
	if err := c.Write(1, 0, s.stream[32<<10:][:16<<10]); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("%v", err)
	}
	err := c.Close()
	disk, ok := errors.AsType[*DiskError](err)
	if !ok || !disk.IsFull() || disk.Path != filepath.Join(dir, "data", "a.part") {
		t.Errorf("%v", err)
	}
	if e := events[EventError](&l); len(e) != 1 || e[0].Err != disk {
		t.Errorf("%v", e)
	}
	if want := disk.Path + " can't be written: the disk is full (no space left on device)"; err.Error() != want {
		t.Errorf("%v", err)
	}
}

// A sync that failed is not tried again: the system may have dropped the bytes and say
// nothing the second time.
func TestSyncFault(t *testing.T) {
	s := newSample(t, maketorrent.Options{}, map[string]int{"a": 200_000, "b": 200_000})
	dir := t.TempDir()
	var syncs atomic.Int64
	c := s.open(t, Options{Dir: dir, trace: func(o op, do func() error) error {
		if o.kind == opSync && strings.HasSuffix(o.path, "a.part") {
			if syncs.Add(1) == 1 {
				return syscall.EIO
			}
		}
		return do()
	}})
	for p := range 3 {
		s.feed(t, c, p)
	}
	if err := c.Close(); !errors.Is(err, syscall.EIO) {
		t.Errorf("%v", err)
	}
	if n := syncs.Load(); n != 1 {
		t.Errorf("%d syncs", n)
	}
	hashed := int64(0)
	c = s.open(t, Options{Dir: dir, Progress: func(_, total int64) { hashed = total }})
	if hashed == 0 || c.Have().Count() != 3 { // the test has lost nothing
		t.Errorf("%d bytes were hashed, %d pieces are there", hashed, c.Have().Count())
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
}

// Pieces with wrong bytes are reported, dropped and taken again.
func TestWrongPiece(t *testing.T) {
	for _, format := range formats {
		s := newSample(t, maketorrent.Options{Format: format}, smallSizes)
		dir := t.TempDir()
		var l log
		c := s.open(t, Options{Dir: dir, Event: l.add})
		good := s.stream
		s.stream = append([]byte(nil), good...)
		random := rand.New(rand.NewPCG(1, 2))
		pieces := s.content.Layout.Pieces()
		for p := range pieces {
			s.stream[int64(p)*s.content.Layout.PieceLength()+random.Int64N(c.Length(p))] ^= 0x80
			s.feed(t, c, p)
		}
		for len(events[EventPiece](&l)) < pieces {
			time.Sleep(time.Millisecond)
		}
		wrong := make(map[int][][32]byte)
		for _, e := range events[EventPiece](&l) {
			if e.Proven {
				t.Errorf("%+v", e)
			}
			wrong[e.Piece] = e.Blocks
		}
		if n := c.Have().Count(); n != 0 {
			t.Errorf("%d pieces are there", n)
		}
		s.stream = good
		s.feedAll(t, c)
		await(t, c)
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		s.checkTree(t, dir)
		for _, e := range events[EventPiece](&l)[pieces:] {
			differ := 0
			for i, sum := range e.Blocks {
				if sum != wrong[e.Piece][i] {
					differ++
				}
			}
			if length := c.Length(e.Piece); len(e.Blocks) != int((length+metainfo.BlockLength-1)/metainfo.BlockLength) || differ != 1 {
				t.Errorf("%v: %d of %d blocks of piece %d differ", format, differ, len(e.Blocks), e.Piece)
			}
		}
	}
}

// A block that is dropped may be replaced by another one, until its piece is complete.
func TestDropBlock(t *testing.T) {
	s := newSample(t, maketorrent.Options{PieceLength: 48 << 10}, map[string]int{"a": 100_000})
	dir := t.TempDir()
	c := s.open(t, Options{Dir: dir})
	c.DropBlock(0, 0) // there is no block
	for _, begin := range []int64{0, 16 << 10} {
		if err := c.Write(0, begin, make([]byte, 16<<10)); err != nil {
			t.Fatal(err)
		}
	}
	for _, begin := range []int64{0, 16 << 10, 16 << 10, 32 << 10, 48 << 10, -1} {
		c.DropBlock(0, begin)
	}
	c.DropBlock(3, 0)
	s.feedAll(t, c)
	await(t, c)
	c.DropBlock(0, 0)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	s.checkTree(t, dir)
}

// What is not a block of the torrent is refused, and blocks that are there are ignored.
func TestWrite(t *testing.T) {
	s := newSample(t, maketorrent.Options{PieceLength: 48 << 10}, map[string]int{"a": 3*48<<10 + 1696})
	c := s.open(t, Options{Dir: t.TempDir(), Memory: 1})
	block := make([]byte, 17<<10)
	last := int(c.Length(3)) // 1696
	for _, test := range []struct {
		piece  int
		begin  int64
		length int
	}{
		{-1, 0, 16 << 10}, {4, 0, 16 << 10}, {0, -1, 16 << 10}, {0, 1, 16 << 10}, {0, 48 << 10, 16 << 10}, {0, 1 << 62, 16 << 10},
		{0, 0, 0}, {0, 0, 1}, {0, 0, 17 << 10}, {3, 0, 16 << 10}, {3, 0, last - 1}, {3, 0, last + 1}, {3, 16 << 10, last},
	} {
		if err := c.Write(test.piece, test.begin, block[:test.length]); !errors.Is(err, ErrBlock) {
			t.Errorf("%+v: %v", test, err)
		}
	}
	if got := c.MaxOpen(); got != leastPieces {
		t.Errorf("MaxOpen is %d", got)
	}
	for range 3 {
		for p := range leastPieces {
			if err := c.Write(p, 0, s.stream[p*48<<10:][:16<<10]); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := c.Write(3, 0, s.stream[3*48<<10:][:last]); !errors.Is(err, ErrFull) {
		t.Errorf("%v", err)
	}
	for p := range 4 { // the last one waits for room
		s.feed(t, c, p)
	}
	await(t, c)
	if err := c.Write(0, 0, block[:16<<10]); err != nil {
		t.Errorf("a block of a piece that is there: %v", err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if err := c.Write(1, 0, block[:16<<10]); !errors.Is(err, ErrClosed) {
		t.Errorf("%v", err)
	}
}

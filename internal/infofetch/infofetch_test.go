package infofetch

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"bt/internal/inflight"
)

var start = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)

// randomInfo returns bytes to stand for an info dict. The package does not parse it.
func randomInfo(size int) []byte {
	b := make([]byte, size)
	rand.NewChaCha8([32]byte{byte(size)}).Read(b)
	return b
}

func v1Of(info []byte) *[20]byte { h := sha1.Sum(info); return &h }
func v2Of(info []byte) *[32]byte { h := sha256.Sum256(info); return &h }

func pieceOf(info []byte, piece int) []byte {
	return info[piece*pieceLength : min(len(info), (piece+1)*pieceLength)]
}

// supply answers all requests of a peer, as long as there are any, with the pieces of
// info, and returns the peers that are found to be liars.
func supply(t *testing.T, f *Fetch[string], info []byte, now time.Time) (liars []string) {
	t.Helper()
	for requests := f.Requests(now); len(requests) > 0; requests = f.Requests(now) {
		for _, r := range requests {
			found, err := f.Data(r.Peer, r.Piece, len(info), pieceOf(info, r.Piece), now)
			if err != nil {
				t.Fatal(err)
			}
			liars = append(liars, found...)
		}
	}
	return liars
}

// Silent peers don't hold up an info dict of one piece one after another.
func TestSilent(t *testing.T) {
	info := randomInfo(100)
	f := New[int](Options{V1: v1Of(info)})
	for p := range minPicks {
		f.Join(p, len(info))
		for _, r := range f.Requests(start) {
			if r.Peer == minPicks-1 {
				f.Data(r.Peer, r.Piece, 0, info, start)
			}
		}
	}
	if f.Info() == nil {
		t.Error("the last peer was not asked")
	}
}

// Info dicts of all kinds of lengths arrive, from several peers at once.
func TestFetch(t *testing.T) {
	for _, size := range []int{1, 100, pieceLength - 1, pieceLength, pieceLength + 1, 10*pieceLength + 7} {
		info := randomInfo(size)
		f := New[string](Options{V1: v1Of(info)})
		for _, p := range []string{"a", "b", "c"} {
			if !f.Join(p, size) {
				t.Fatal("a peer is refused")
			}
		}
		asked := make(map[string]bool)
		for _, r := range f.Requests(start) {
			asked[r.Peer] = true
			if _, err := f.Data(r.Peer, r.Piece, size, pieceOf(info, r.Piece), start); err != nil {
				t.Fatal(err)
			}
		}
		if len(asked) != 3 {
			t.Errorf("%d bytes: %d peers are asked at once, want all", size, len(asked))
		}
		if liars := supply(t, f, info, start); liars != nil {
			t.Errorf("liars: %v", liars)
		}
		if !bytes.Equal(f.Info(), info) {
			t.Errorf("%d bytes: %d arrive", size, len(f.Info()))
		}
		if f.Requests(start) != nil || f.Join("d", size) {
			t.Error("it goes on")
		}
	}
}

// The info dict must have all info-hashes that are known.
func TestHashes(t *testing.T) {
	info, other := randomInfo(100), randomInfo(101)
	short := [20]byte(v2Of(info)[:])
	for name, test := range map[string]struct {
		o  Options
		ok bool
	}{
		"v1":               {Options{V1: v1Of(info)}, true},
		"v2":               {Options{V2: v2Of(info)}, true},
		"both":             {Options{V1: v1Of(info), V2: v2Of(info)}, true},
		"short v2":         {Options{V1: &short}, true},
		"short v2 and v2":  {Options{V1: &short, V2: v2Of(info)}, false},
		"other v1":         {Options{V1: v1Of(other)}, false},
		"other v2":         {Options{V2: v2Of(other)}, false},
		"other v1 of both": {Options{V1: v1Of(other), V2: v2Of(info)}, false},
		"other v2 of both": {Options{V1: v1Of(info), V2: v2Of(other)}, false},
		"none":             {Options{}, false},
	} {
		f := New[string](test.o)
		f.Join("a", len(info))
		liars := supply(t, f, info, start)
		if ok := f.Info() != nil; ok != test.ok || (len(liars) == 0) != test.ok {
			t.Errorf("%s: %v, liars: %v", name, ok, liars)
		}
	}
}

// Sizes that are not valid are refused, and so are liars that come back.
func TestJoin(t *testing.T) {
	info := randomInfo(100)
	f := New[string](Options{V1: v1Of(info), MaxSize: 100})
	for _, size := range []int{0, -1, 101, 1 << 60} {
		if f.Join("a", size) {
			t.Errorf("a size of %d bytes", size)
		}
	}
	for i, size := range []int{100, 100, 99} {
		if f.Join("a", size) != (size == 100) {
			t.Errorf("time %d: the first size that a peer names does not count", i)
		}
	}
	if !f.Join("b", 99) {
		t.Error("another size is refused")
	}
	for _, r := range f.Requests(start) {
		if r.Peer == "b" {
			if liars, err := f.Data("b", 0, 100, info, start); err != nil || !slices.Equal(liars, []string{"b"}) {
				t.Errorf("a piece longer than its size: %v, %v", liars, err)
			}
		}
	}
	if f.Join("b", 99) || f.Join("b", 100) {
		t.Error("a liar is asked again")
	}
	f.Leave("b")
	f.Leave("b")
	f.Leave("stranger")
	if New[string](Options{}).Join("a", DefaultMaxSize+1) || !New[string](Options{}).Join("a", DefaultMaxSize) {
		t.Error("the default limit")
	}
}

// What was not requested is not taken.
func TestUnrequested(t *testing.T) {
	info := randomInfo(10 * pieceLength)
	f := New[string](Options{V1: v1Of(info)})
	f.Join("a", len(info))
	f.Join("b", len(info))
	if _, err := f.Data("a", 0, 0, pieceOf(info, 0), start); !errors.Is(err, ErrUnrequested) {
		t.Errorf("before any request: %v", err)
	}
	requests := f.Requests(start)
	r := requests[0]
	other := "a"
	if r.Peer == "a" {
		other = "b"
	}
	for name, err := range map[string]error{
		"a stranger":          func() error { _, err := f.Data("c", r.Piece, 0, nil, start); return err }(),
		"another":             func() error { _, err := f.Data(other, r.Piece, 0, nil, start); return err }(),
		"no piece":            func() error { _, err := f.Data(r.Peer, 1<<40, 0, nil, start); return err }(),
		"negative":            func() error { _, err := f.Data(r.Peer, -1, 0, nil, start); return err }(),
		"a reject":            f.Reject(r.Peer, 9, start),
		"a stranger's reject": f.Reject("c", 9, start),
	} {
		if !errors.Is(err, ErrUnrequested) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if f.Owes("c") || !f.Owes(r.Peer) {
		t.Error("who owes pieces")
	}
	for i := range 2 {
		_, err := f.Data(r.Peer, r.Piece, 0, pieceOf(info, r.Piece), start)
		if (err == nil) != (i == 0) {
			t.Errorf("time %d: %v", i, err)
		}
	}
}

// A peer whose pieces do not fit its own size has lied.
func TestWrongLength(t *testing.T) {
	info := randomInfo(pieceLength + 5)
	for name, test := range map[string]struct {
		piece, total int
		data         []byte
		lie          bool
	}{
		"right":          {0, len(info), pieceOf(info, 0), false},
		"without total":  {1, 0, pieceOf(info, 1), false},
		"another total":  {0, len(info) + 1, pieceOf(info, 0), true},
		"short":          {0, 0, pieceOf(info, 0)[1:], true},
		"empty":          {1, 0, nil, true},
		"long, the last": {1, len(info), make([]byte, 6), true},
	} {
		f := New[string](Options{V1: v1Of(info)})
		f.Join("a", len(info))
		f.Requests(start)
		liars, err := f.Data("a", test.piece, test.total, test.data, start)
		if err != nil || (len(liars) > 0) != test.lie {
			t.Errorf("%s: liars %v, %v", name, liars, err)
		}
	}
}

// Of several peers that supplied a wrong info dict, only the one that lied is found.
func TestMixed(t *testing.T) {
	info := randomInfo(6 * pieceLength)
	f := New[string](Options{V2: v2Of(info)})
	for _, p := range []string{"a", "b", "liar"} {
		f.Join(p, len(info))
	}
	lies := 0
	answer := func(requests []Request[string]) (liars []string) {
		for _, r := range requests {
			data := bytes.Clone(pieceOf(info, r.Piece))
			if r.Peer == "liar" {
				data[0]++
				lies++
			}
			found, err := f.Data(r.Peer, r.Piece, len(info), data, start)
			if err != nil {
				t.Fatal(err)
			}
			liars = append(liars, found...)
		}
		return liars
	}
	if liars := answer(f.Requests(start)); liars != nil {
		t.Fatalf("%v are found before the pieces are compared", liars)
	}
	if lies == 0 || f.mixed[len(info)] == nil {
		t.Fatal("the joint attempt has not failed")
	}
	// Now each is alone. The liar has not given all its pieces when another is done.
	var liars []string
	for f.Info() == nil {
		liars = append(liars, answer(slices.DeleteFunc(f.Requests(start), func(r Request[string]) bool { return r.Peer == "liar" }))...)
	}
	if !slices.Equal(liars, []string{"liar"}) || !bytes.Equal(f.Info(), info) {
		t.Errorf("liars: %v", liars)
	}
	if _, err := f.Data("a", 0, 0, nil, start); !errors.Is(err, ErrUnrequested) {
		t.Errorf("after the end: %v", err)
	}
}

// A peer that has supplied a wrong info dict alone is found at once, and the others
// begin again.
func TestAlone(t *testing.T) {
	info := randomInfo(2 * pieceLength)
	f := New[string](Options{V1: v1Of(info)})
	f.Join("liar", len(info))
	requests := f.Requests(start)
	f.Join("b", len(info))
	var liars []string
	for _, r := range requests {
		found, _ := f.Data(r.Peer, r.Piece, 0, make([]byte, pieceLength), start)
		liars = append(liars, found...)
	}
	if !slices.Equal(liars, []string{"liar"}) {
		t.Errorf("liars: %v", liars)
	}
	if liars := supply(t, f, info, start); liars != nil || f.Info() == nil {
		t.Errorf("the other: liars %v", liars)
	}
}

// The last pieces are requested from a second peer, so that a slow one does not hold them
// up; pieces that lapse or are rejected go to others.
func TestSlow(t *testing.T) {
	info := randomInfo(4 * pieceLength)
	for name, give := range map[string]func(*Fetch[string], int){
		"silent":  func(*Fetch[string], int) {},
		"rejects": func(f *Fetch[string], piece int) { _ = f.Reject("slow", piece, start) },
		"leaves":  func(f *Fetch[string], piece int) { f.Leave("slow") },
	} {
		f := New[string](Options{V1: v1Of(info)})
		f.Join("slow", len(info))
		for _, r := range f.Requests(start) {
			give(f, r.Piece)
		}
		f.Join("fast", len(info))
		for range 10 {
			for _, r := range f.Requests(start) {
				if r.Peer == "fast" {
					_, _ = f.Data(r.Peer, r.Piece, 0, pieceOf(info, r.Piece), start)
				}
			}
		}
		if f.Info() == nil {
			t.Errorf("%s: the fast one waits", name)
		}
	}
}

// A peer that was late is asked again, and what it sends late is used.
func TestLate(t *testing.T) {
	info := randomInfo(2 * pieceLength)
	f := New[string](Options{V1: v1Of(info)})
	f.Join("a", len(info))
	if n := len(f.Requests(start)); n != 2 {
		t.Fatalf("%d requests", n)
	}
	late := start.Add(inflight.Timeout)
	if n := len(f.Requests(late)); n != 0 {
		t.Errorf("%d requests at the timeout", n)
	}
	if n := len(f.Requests(late.Add(inflight.Timeout))); n != 1 {
		t.Errorf("%d requests after the pause", n)
	}
	for i := range 2 {
		if _, err := f.Data("a", i, 0, pieceOf(info, i), late.Add(inflight.Timeout)); err != nil {
			t.Error(err)
		}
	}
	if f.Info() == nil {
		t.Error("late pieces are not used")
	}
}

// Attempts that would hold too much only hash. When one of them is proven, the pieces are
// fetched from all peers, also after the one that proved them has left.
func TestThin(t *testing.T) {
	const pieces = 40
	info := randomInfo(pieces * pieceLength)
	f := New[string](Options{V1: v1Of(info), MaxSize: len(info)})
	big := make([]byte, len(info)-1)
	f.Join("honest", len(info))
	f.Join("big", len(big)) // stops before the end
	thin := false
	for f.sums == nil {
		for _, r := range f.Requests(start) {
			var err error
			switch {
			case r.Peer == "honest":
				_, err = f.Data(r.Peer, r.Piece, 0, pieceOf(info, r.Piece), start)
			case r.Piece < pieces-4:
				_, err = f.Data(r.Peer, r.Piece, 0, pieceOf(big, r.Piece), start)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		thin = thin || f.attempts[0].thin
	}
	if !thin || f.Info() != nil {
		t.Fatal("all is held")
	}
	if f.Join("late", len(big)) {
		t.Error("a wrong size is accepted after the right one is proven")
	}
	f.Leave("honest")
	if f.Requests(start) != nil {
		t.Error("the one that names another size is asked")
	}
	f.Join("liar", len(info))
	f.Join("other", len(info))
	var liars []string
	for range 3 * pieces {
		for _, r := range f.Requests(start) {
			data := bytes.Clone(pieceOf(info, r.Piece))
			if r.Peer == "liar" {
				data[0]++
			}
			found, err := f.Data(r.Peer, r.Piece, 0, data, start)
			if err != nil {
				t.Fatal(err)
			}
			liars = append(liars, found...)
		}
	}
	if !slices.Equal(liars, []string{"liar"}) {
		t.Errorf("liars: %v", liars)
	}
	if !bytes.Equal(f.Info(), info) {
		t.Error("the info dict does not arrive")
	}
}

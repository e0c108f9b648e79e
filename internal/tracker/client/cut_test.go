package client

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// A cutBatch is a batch, and the torrents of it that are in the answer.
type cutBatch struct {
	places, has []int
	control     int // -1: none
	pair        bool
}

// feed passes the answer to the detector.
func (c cutBatch) feed(d *cutDetector) (unregistered, suspects []int) {
	b := &batch{places: c.places, control: c.control, pair: c.pair}
	has := make([]bool, len(c.places))
	for i, at := range c.places {
		has[i] = slices.Contains(c.has, at)
	}
	d.note(b, has)
	return d.split(b, has)
}

func TestCutDetectorSplit(t *testing.T) {
	plain := func(places []int, has ...int) cutBatch { return cutBatch{places, has, -1, false} }
	ten := []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}
	for _, test := range []struct {
		name         string
		before       []cutBatch
		answer       cutBatch
		unregistered []int
		suspects     []int
		proven       bool
	}{
		{"all", nil, plain(ten, ten...), nil, nil, false},
		{"none", nil, plain(ten), nil, ten, false},
		{"one, alone", nil, plain([]int{5}, 5), nil, nil, false},
		{"none, alone", nil, plain([]int{5}), []int{5}, nil, false},
		{"a first answer may be full", nil, plain(ten, 1, 4), nil, []int{0, 2, 3, 5, 6, 7, 8, 9}, false},
		{"the last alone shows no other place", nil, plain(ten, 9), nil, []int{0, 1, 2, 3, 4, 5, 6, 7, 8}, false},
		{
			"one that is not full was looked at up to its last torrent", []cutBatch{plain([]int{20, 21, 22}, 20, 21, 22)},
			plain(ten, 2, 5), []int{0, 1, 3, 4}, []int{6, 7, 8, 9}, false,
		},
		{
			"and as far as an earlier one", []cutBatch{plain([]int{20, 21, 22, 23, 24, 25, 26, 27}, 20, 26)},
			plain(ten, 2), []int{0, 1, 3, 4, 5, 6}, []int{7, 8, 9}, false,
		},
		{
			"no longer than an earlier answer", []cutBatch{plain([]int{20, 21, 22}, 20, 21, 22)},
			plain([]int{0, 1, 2}, 1), []int{0, 2}, nil, false,
		},
		{
			"the control is looked at", []cutBatch{plain([]int{20, 21}, 20)},
			cutBatch{[]int{0, 1, 2, 20, 3}, []int{20}, 3, false}, []int{0, 1, 2}, []int{3}, false,
		},
		{
			"the control is missing", []cutBatch{plain([]int{20, 21}, 20)},
			cutBatch{[]int{0, 1, 2, 20, 3}, nil, 3, false}, []int{0}, []int{1, 2, 3}, true,
		},
		{
			"the control is alone in an answer that is known to be cut",
			[]cutBatch{plain([]int{20, 21}, 20), {[]int{30, 31, 20, 32}, nil, 2, false}},
			cutBatch{[]int{0, 1, 2, 20, 3}, []int{20}, 3, false}, nil, []int{0, 1, 2, 3}, true,
		},
		{"a pair", []cutBatch{plain([]int{20}, 20), plain([]int{21}, 21)}, cutBatch{[]int{20, 21}, []int{20, 21}, -1, true}, nil, nil, false},
		{"half a pair", []cutBatch{plain([]int{20}, 20), plain([]int{21}, 21)}, cutBatch{[]int{20, 21}, []int{20}, -1, true}, nil, nil, true},
	} {
		d := newCutDetector()
		for _, b := range test.before {
			b.feed(&d)
		}
		unregistered, suspects := test.answer.feed(&d)
		if !slices.Equal(unregistered, test.unregistered) || !slices.Equal(suspects, test.suspects) || d.proven != test.proven {
			t.Errorf("%s: not registered %v, suspects %v, cuts %v; want %v, %v, %v",
				test.name, unregistered, suspects, d.proven, test.unregistered, test.suspects, test.proven)
		}
	}
}

// In every order, each torrent that is missing from the answer is either unregistered or
// a suspect, and no other torrent is.
func TestCutDetectorSplitsAll(t *testing.T) {
	for seed := range uint64(2000) {
		rng := rand.New(rand.NewPCG(1, seed))
		d := newCutDetector()
		for range 5 {
			torrents := rng.Perm(30)[:1+rng.IntN(12)]
			b := batch{places: torrents, control: -1}
			if n := len(torrents) + 1; !slices.Contains(torrents, d.control) && d.wantsControl(n) {
				b = d.withControl(torrents)
			}
			if got := b.torrents(); !slices.Equal(got, torrents) {
				t.Fatalf("seed %d: a batch of %v has %v", seed, torrents, got)
			}
			has := make([]bool, len(b.places))
			want := []int{}
			for i, at := range b.places {
				if has[i] = rng.IntN(3) == 0; !has[i] && i != b.control {
					want = append(want, at)
				}
			}
			d.note(&b, has)
			unregistered, suspects := d.split(&b, has)
			got := slices.Concat(unregistered, suspects)
			if slices.Sort(want); !slices.Equal(slices.Sorted(slices.Values(got)), want) {
				t.Fatalf("seed %d: %v are missing from %v, which is split into %v and %v", seed, want, b.places, unregistered, suspects)
			}
		}
	}
}

func TestCutDetectorControl(t *testing.T) {
	d := newCutDetector()
	if d.hasControl() || d.wantsControl(50) {
		t.Error("there is a control before any answer")
	}
	knows(7).feed(&d)
	if !d.hasControl() {
		t.Error("a torrent that the tracker knows makes no control")
	}
	for n, want := range map[int]bool{1: false, 2: false, 3: true, 50: true} {
		if d.wantsControl(n) != want {
			t.Errorf("a batch of %d wants a control: %v", n, !want)
		}
	}
	b := d.withControl([]int{1, 2, 3})
	if !slices.Equal(b.places, []int{1, 2, 7, 3}) || b.control != 2 || !b.isAnswered(2) || b.isAnswered(3) {
		t.Errorf("with the control it is %+v", b)
	}
}

// knows returns the answer to a batch of one torrent that is registered.
func knows(at int) cutBatch { return cutBatch{[]int{at}, []int{at}, -1, false} }

func TestCutDetectorPair(t *testing.T) {
	d := newCutDetector()
	knows(7).feed(&d)
	knows(7).feed(&d)
	if d.wantsPair() {
		t.Error("one torrent makes a pair")
	}
	knows(9).feed(&d)
	if !d.wantsPair() {
		t.Error("two torrents make no pair")
	}
	b := d.pair()
	if !slices.Equal(b.places, []int{7, 9}) || !b.isAnswered(0) || !b.isAnswered(1) || !d.pairing || d.wantsPair() {
		t.Errorf("the pair is %+v, pairing %v, another one %v", b, d.pairing, d.wantsPair())
	}
	if got := d.limit(25); got != 25 {
		t.Errorf("before a cut is proven a batch has %d", got)
	}
	d.pairFailed()
	if got := d.limit(25); d.pairing || !d.proven || got != 1 {
		t.Errorf("after the pair has failed: pairing %v, proven %v, a batch has %d", d.pairing, d.proven, got)
	}
	if got := d.limit(0); got != 1 {
		t.Errorf("a batch has %d", got)
	}
}

func TestPlacesRead(t *testing.T) {
	for has, want := range map[string]int{
		"": 0, "-": 0, "x": 0, "--": 0, "x-": 1, "-x": 0, "xx": 2, "--x": 0, "-xx": 3, "-x-": 2, "x--x-": 4, "----x": 0,
	} {
		list := make([]bool, len(has))
		for i := range has {
			list[i] = has[i] == 'x'
		}
		if got := placesRead(list); got != want {
			t.Errorf("%q: %d places, want %d", has, got, want)
		}
	}
}

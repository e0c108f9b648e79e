package client

import "slices"

// A cutDetector finds out how a tracker cuts its answers, and decides by that
// which torrents that are missing from an answer are not registered. Torrents are
// indexes. It uses neither the network nor a clock.
type cutDetector struct {
	most   int  // torrents in the longest answer
	reach  int  // places of a request that the tracker has looked at
	proven bool // the tracker has left out a torrent that it knows

	// The control is the first torrent that the tracker told of. It is added to
	// requests whose answers may be cut.
	control int  // -1: none yet
	second  int  // another one that the tracker told of; -1: none yet
	paired  bool // both were asked about in one request,
	pairing bool // which has not ended
}

func newCutDetector() cutDetector { return cutDetector{control: -1, second: -1} }

// A batch is the torrents of one request, in its order.
type batch struct {
	places  []int
	control int  // the place of the control, which has its answer already; -1: none
	pair    bool // these are the control and the second, which have their answers already
}

// torrents returns the torrents of the batch without the control.
func (b *batch) torrents() []int {
	if b.control < 0 {
		return b.places
	}
	return slices.Delete(slices.Clone(b.places), b.control, b.control+1)
}

// isAnswered reports whether the torrent at a place has its answer already.
func (b *batch) isAnswered(place int) bool { return place == b.control || b.pair }

// hasControl reports whether the tracker has told of any torrent.
func (d *cutDetector) hasControl() bool { return d.control >= 0 }

// wantsPair reports whether a pair shows more than any other batch: the tracker
// has told of two torrents, and never of two at once.
func (d *cutDetector) wantsPair() bool { return d.most == 1 && d.second >= 0 && !d.paired }

// pair returns the batch of the control and the second. The next batch depends on
// its answer: pairing is set until then.
func (d *cutDetector) pair() batch {
	d.paired, d.pairing = true, true
	return batch{places: []int{d.control, d.second}, control: -1, pair: true}
}

// pairFailed takes the failure of a pair, which shows as much as a cut does.
func (d *cutDetector) pairFailed() { d.pairing, d.proven = false, true }

// wantsControl reports whether a batch of n torrents should have the control as one
// of them.
func (d *cutDetector) wantsControl(n int) bool { return d.hasControl() && d.most < n && n > 2 }

// withControl returns the batch of the torrents and the control. The control is the
// last but one: a tracker that reads the whole request answers it, one that reads
// a part, or the last, does not.
func (d *cutDetector) withControl(torrents []int) batch {
	last := len(torrents) - 1
	return batch{places: slices.Concat(torrents[:last], []int{d.control}, torrents[last:]), control: last}
}

// note takes an answer. told has an element for each place of the batch, which is
// true if the answer has the torrent.
func (d *cutDetector) note(b *batch, told []bool) {
	n := 0
	for place, at := range b.places {
		if !told[place] {
			continue
		}
		n++
		switch {
		case d.control < 0:
			d.control = at
		case d.second < 0 && at != d.control:
			d.second = at
		}
	}
	d.most = max(d.most, n)
	missing := len(b.places) - n
	if b.control >= 0 && !told[b.control] || b.pair && missing > 0 {
		d.proven = true
	}
	if b.pair {
		d.pairing = false
	}
}

// split returns which torrents of a batch are not registered, and which may be
// missing because the answer is cut. The answer has been noted.
func (d *cutDetector) split(b *batch, told []bool) (unregistered, suspects []int) {
	if b.pair {
		return nil, nil
	}
	n, answers := len(b.places), 0
	for _, ok := range told {
		if ok {
			answers++
		}
	}
	// A tracker that tells of fewer than it did before has not stopped for their
	// number, nor has one that tells of the control alone.
	full := answers == d.most && (answers != 1 || b.control < 0 || d.proven)
	d.reach = max(d.reach, lookedAt(told))
	for place, at := range b.places {
		switch {
		case told[place], place == b.control:
		case n == 1, n <= d.most, place < d.reach && !full:
			unregistered = append(unregistered, at)
		default:
			suspects = append(suspects, at)
		}
	}
	return unregistered, suspects
}

// lookedAt returns how many places of a request the tracker has looked at, as far
// as its answer shows. One that tells of the last place alone may have looked at no
// other.
func lookedAt(told []bool) int {
	looked := 0
	if first := slices.Index(told, true); first == len(told)-1 {
		return 0
	}
	for place, ok := range told {
		if ok {
			looked = place + 1
		}
	}
	return looked
}

// limit returns a size for the next batches, of which size is the largest.
func (d *cutDetector) limit(size int) int {
	if d.proven {
		size = min(size, d.most)
	}
	return max(1, size)
}

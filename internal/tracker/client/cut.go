package client

import "slices"

// A cutDetector detects how a tracker truncates its answers. With that it decides which
// of the torrents that are missing from an answer are not registered. Torrents are
// indexes. It uses neither the network nor a clock.
type cutDetector struct {
	most   int  // torrents in the longest answer
	reach  int  // places of a request that the tracker has read
	proven bool // the tracker has left out a torrent that it knows

	// The control is the first torrent that was in an answer. It is added to requests
	// whose answers may be truncated.
	control int  // -1: none yet
	second  int  // another torrent that was in an answer; -1: none yet
	paired  bool // a request with both was made
	pairing bool // and has not ended
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

// hasControl reports whether any torrent was in an answer.
func (d *cutDetector) hasControl() bool { return d.control >= 0 }

// wantsPair reports whether a pair shows more than any other batch: two torrents were in
// answers, and never two in one answer.
func (d *cutDetector) wantsPair() bool { return d.most == 1 && d.second >= 0 && !d.paired }

// pair returns the batch of the control and the second. The next batch depends on
// its answer: pairing is set until then.
func (d *cutDetector) pair() batch {
	d.paired, d.pairing = true, true
	return batch{places: []int{d.control, d.second}, control: -1, pair: true}
}

// pairFailed records that the request of a pair failed, which shows as much as a
// truncated answer.
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

// note records an answer. has has an element for each place of the batch, which is true
// if the torrent is in the answer.
func (d *cutDetector) note(b *batch, has []bool) {
	n := 0
	for place, at := range b.places {
		if !has[place] {
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
	if b.control >= 0 && !has[b.control] || b.pair && missing > 0 {
		d.proven = true
	}
	if b.pair {
		d.pairing = false
	}
}

// split returns which torrents of a batch are not registered, and which may be missing
// because the answer is truncated. note must be called for the answer before.
func (d *cutDetector) split(b *batch, has []bool) (unregistered, suspects []int) {
	if b.pair {
		return nil, nil
	}
	n, answers := len(b.places), 0
	for _, ok := range has {
		if ok {
			answers++
		}
	}
	// An answer with fewer torrents than an earlier one was not truncated at a maximum
	// number, nor was one with the control alone.
	full := answers == d.most && (answers != 1 || b.control < 0 || d.proven)
	d.reach = max(d.reach, placesRead(has))
	for place, at := range b.places {
		switch {
		case has[place], place == b.control:
		case n == 1, n <= d.most, place < d.reach && !full:
			unregistered = append(unregistered, at)
		default:
			suspects = append(suspects, at)
		}
	}
	return unregistered, suspects
}

// placesRead returns how many places of a request the tracker has read, as far as its
// answer shows. If only the last place is in the answer, the tracker may have read no
// other.
func placesRead(has []bool) int {
	read := 0
	if first := slices.Index(has, true); first == len(has)-1 {
		return 0
	}
	for place, ok := range has {
		if ok {
			read = place + 1
		}
	}
	return read
}

// limit returns a size for the next batches, of which size is the largest.
func (d *cutDetector) limit(size int) int {
	if d.proven {
		size = min(size, d.most)
	}
	return max(1, size)
}

package client

// A sizeSearch finds how many torrents a tracker answers for in one request, if it
// refuses longer requests or does not answer them. Each request halves the distance
// between what is answered and what is not. A sizeSearch uses neither the network nor a
// clock.
type sizeSearch struct {
	running bool
	again   bool // the first request is repeated
	proven  bool // so is that bad is not answered
	good    int  // torrents in the longest request that was answered
	bad     int  // torrents in the shortest request that was not
}

// start begins a search after a request for n torrents was not answered, and one for the
// first of them was. As a packet may have been lost, it begins with n torrents again.
func (s *sizeSearch) start(n int) { *s = sizeSearch{running: true, again: true, good: 1, bad: n} }

// between begins a search after a request for good torrents was answered, and one for bad
// was refused.
func (s *sizeSearch) between(good, bad int) {
	*s = sizeSearch{running: good < bad-1, proven: true, good: good, bad: bad}
}

// size returns the number of torrents for the next request.
func (s *sizeSearch) size() int {
	if s.again {
		return s.bad
	}
	return min(2*s.good, (s.good+s.bad)/2)
}

// answered records that a request for n torrents was answered.
func (s *sizeSearch) answered(n int) {
	s.good, s.again = max(s.good, n), false
	s.running = s.proven && s.good < s.bad-1
}

// failed records that a request for n torrents failed.
func (s *sizeSearch) failed(n int) {
	s.bad, s.again, s.proven = n, false, true
	s.running = s.good < s.bad-1
}

// limit returns the number of torrents that the tracker answers for, or 0 if the search
// has found no limit.
func (s *sizeSearch) limit() int {
	if !s.proven {
		return 0
	}
	return s.good
}

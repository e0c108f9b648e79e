package client

// A window limits how many requests a tracker gets at once: one until it has
// answered, then most. It also decides when a tracker that can't be reached is
// given up. Time is counted in answers, so it needs no clock.
type window struct {
	most     int
	inFlight int    // requests that have not ended
	answers  int    // received so far
	dead     *Error // why the tracker is given up; nil: it is not
}

// isOpen reports whether another request may begin.
func (w *window) isOpen() bool {
	limit := 1
	if w.answers > 0 {
		limit = w.most
	}
	return w.dead == nil && w.inFlight < limit
}

// begin counts a request that begins and returns its time for answeredSince.
func (w *window) begin() int {
	w.inFlight++
	return w.answers
}

// end counts a request that has ended, with an answer or without.
func (w *window) end() { w.inFlight-- }

// answered counts an answer.
func (w *window) answered() {
	w.answers++
	w.dead = nil
}

// answeredSince reports whether an answer came after a request began.
func (w *window) answeredSince(began int) bool { return w.answers > began }

// unreachable gives the tracker up because of a request that failed with e, unless
// the tracker has answered since that request began.
func (w *window) unreachable(began int, e *Error) {
	if !w.answeredSince(began) {
		w.dead = e
	}
}

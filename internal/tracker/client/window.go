package client

// A window limits the number of concurrent requests to a tracker: one until the first
// answer, then most. It also decides when the tracker is regarded as unreachable. It
// counts answers instead of time, so it needs no clock.
type window struct {
	most     int
	inFlight int    // requests that have not ended
	answers  int    // received so far
	dead     *Error // why the tracker is unreachable, or nil
}

// isOpen reports whether another request may begin.
func (w *window) isOpen() bool {
	limit := 1
	if w.answers > 0 {
		limit = w.most
	}
	return w.dead == nil && w.inFlight < limit
}

// begin counts a new request, and returns the number of answers so far, for
// answeredSince.
func (w *window) begin() int {
	w.inFlight++
	return w.answers
}

// end counts the end of a request, with an answer or without.
func (w *window) end() { w.inFlight-- }

// answered counts an answer.
func (w *window) answered() {
	w.answers++
	w.dead = nil
}

// answeredSince reports whether an answer was received after a request began.
func (w *window) answeredSince(began int) bool { return w.answers > began }

// unreachable marks the tracker as unreachable because a request failed with e, unless an
// answer was received since that request began.
func (w *window) unreachable(began int, e *Error) {
	if !w.answeredSince(began) {
		w.dead = e
	}
}

package announce

// Hurry announces the swarm again before the intervals of its trackers are over, because
// more peers are needed (BEP 3), but not sooner than their min intervals and hurryInterval
// allow. It may be called at any time, and as often as wanted.
func (e *Entry) Hurry() {
	a := e.announcer
	a.mu.Lock()
	defer a.mu.Unlock()
	hurries := false
	for _, t := range e.tiers {
		for _, s := range t.sessions {
			if s.ok && !s.busy && !s.isLeaving() && s.due.After(s.soonest) {
				a.schedule(s, s.soonest)
				hurries = true
			}
		}
	}
	if hurries {
		a.signal()
	}
}

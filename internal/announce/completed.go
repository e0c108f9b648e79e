package announce

import (
	"time"

	"bt/internal/tracker"
)

// Complete sends a completed event (BEP 3) to each tracker that has registered the swarm,
// before the next regular announce, and again if it fails. Left must return 0 from now on,
// so that trackers that register the swarm later need no such event. The channel is closed
// when each tracker that is to get the event has answered it, or the swarm is no longer
// served, or Run ends; a tracker that does not answer keeps it open. Further calls return
// the same channel.
func (e *Entry) Complete() <-chan struct{} {
	a := e.announcer
	a.mu.Lock()
	defer a.mu.Unlock()
	if e.completed != nil {
		return e.completed
	}
	e.completed = make(chan struct{})
	now := time.Now()
	for _, t := range e.tiers {
		for _, s := range t.sessions {
			// A busy session may have announced that bytes were left, and be
			// registered when the tracker answers.
			if (s.known || s.busy) && !s.isLeaving() {
				s.completes = true
				s.reschedule(now)
			}
		}
	}
	e.noteCompletion()
	a.signal()
	return e.completed
}

// completeEvent records that a tracker has answered an announce with an event. One that
// has registered the swarm with nothing left needs no completed event.
func (s *session) completeEvent(e tracker.Event) {
	if e == tracker.EventCompleted || e == tracker.EventStarted && s.left == 0 {
		s.completes = false
	}
}

// settleCompletion is called after each announce of a session. A session that is not
// registered sends no completed event.
func (s *session) settleCompletion() {
	if !s.known {
		s.completes = false
	}
	s.tier.entry.noteCompletion()
}

// endCompletion lets no session send a completed event any more. announcer.mu is locked.
func (e *Entry) endCompletion() {
	for s := range e.all() {
		s.completes = false
	}
	e.noteCompletion()
}

// noteCompletion closes the channel of Complete when no session has to send a completed
// event. announcer.mu is locked.
func (e *Entry) noteCompletion() {
	if e.completed == nil {
		return
	}
	for s := range e.all() {
		if s.completes {
			return
		}
	}
	select {
	case <-e.completed: // closed before
	default:
		close(e.completed)
	}
}

package announce

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"

	"bt/internal/tracker"
)

// A session is the state of a tier over one address family. While busy is set, one
// worker handles it. The fields are guarded by announcer.mu.
type session struct {
	tier     *tier
	family   int
	replaced bool // at was replaced by another tracker, and is to be sent a stopped event

	registration
	round
	task

	completes bool // the tracker is to be sent a completed event

	removed bool // the entry was removed, and the session has not left yet
	place   int  // index in Announcer.due; -1: not in it
	due     time.Time
}

// A registration is what a tracker knows about a swarm.
type registration struct {
	at    string  // the tracker that has, or may have, registered the swarm; "": none
	known bool    // at has responded, so it has registered the swarm
	id    string  // tracker id
	base  traffic // before the registration

	soonest time.Time // for the next announce, if more peers are needed; see Entry.Hurry
}

// A traffic is how many bytes were exchanged with peers.
type traffic struct{ uploaded, downloaded int64 }

// A round records the responses of the trackers of a tier since the last success.
type round struct {
	ok        bool                 // the last announce to at succeeded
	tried     []string             // trackers that failed in this round
	notBefore map[string]time.Time // by URL: when a tracker wants to be asked again
	failures  int                  // number of consecutive rounds without a success
	failed    string               // the tracker that failed last; err is its error; "": none
	err       error
	waits     bool // for the response of failed over the other address family
}

// A task is the announce that a session is making or waiting to make.
type task struct {
	busy   bool               // in a queue, or announcing
	url    string             // set while busy: the tracker
	start  traffic            // set while announcing: the base of a new registration
	left   int64              // set while announcing: bytes
	cancel context.CancelFunc // set while announcing
	again  bool               // the state to announce has changed since
}

// A plan is the next announce of a session. A limit of 0 means the client's own
// timeout.
type plan struct {
	url   string
	event tracker.Event
	limit time.Duration

	unanswered bool // the response is not awaited
}

func (s *session) announcer() *Announcer { return s.tier.entry.announcer }

func (s *session) presence() presence { return presence{s.tier.entry.hash, s.family} }

func (s *session) endpoint(url string) endpoint { return endpoint{hostOf(url), s.family} }

func (s *session) isLeaving() bool {
	return s.replaced || !s.tier.entry.served || s.announcer().closing
}

// reschedule makes the session due now. If the swarm is no longer served, a running
// announce has stopTimeout to end.
func (s *session) reschedule(now time.Time) {
	if !s.tier.entry.served {
		s.completes = false
		s.tier.entry.noteCompletion()
		s.ok, s.waits, s.tried, s.failures = false, false, nil, 0
		s.tier.reset()
	}
	if !s.busy {
		s.announcer().schedule(s, now)
		return
	}
	s.again = true
	if s.cancel != nil && s.isLeaving() {
		time.AfterFunc(stopTimeout, s.cancel)
	}
}

func (t *tier) reset() {
	t.reporter, t.last = nil, Status{URL: t.urls[0], Seeders: tracker.Unknown, Leechers: tracker.Unknown}
}

// plan returns the next announce of the session. If there is none, or not yet, it
// schedules the session and returns false.
func (s *session) plan(now time.Time) (p plan, ok bool) {
	if s.isLeaving() {
		return s.planStop(now)
	}
	choice, left := s.choose(now)
	if choice == "" {
		s.pause(now)
		return plan{}, false
	}
	p = plan{url: choice}
	switch {
	case s.at != choice || !s.known:
		p.event = tracker.EventStarted
	case s.completes:
		p.event = tracker.EventCompleted
	}
	if d := s.replacedAt(choice); d != nil && d.known {
		p.event = tracker.EventNone // it was not sent a stopped event
	}
	if left > 1 && s.failures == 0 {
		p.limit = hastyTimeout
	}
	return p, true
}

// planStop is plan for a session that leaves its tracker.
func (s *session) planStop(now time.Time) (p plan, ok bool) {
	a := s.announcer()
	if s.at == "" {
		s.end()
		return plan{}, false
	}
	if main := s.tier.sessions[s.family]; s.replaced && !a.closing && main.busy && main.url == s.at {
		a.schedule(s, now.Add(time.Second)) // the stopped event must not overtake the other announce
		return plan{}, false
	}
	h := a.hosts[s.endpoint(s.at)]
	p = plan{url: s.at, event: tracker.EventStopped, limit: stopTimeout, unanswered: h.slow}
	if h.fails {
		p.limit = shortStopTimeout
	}
	return p, true
}

// choose returns the tracker to ask next, or "", and the number of trackers that
// could be asked. It prefers one that is not known to be silent, so that a thousand
// torrents don't wait for a dead tracker.
func (s *session) choose(now time.Time) (choice string, left int) {
	fails := func(url string) bool { return s.announcer().hosts[s.endpoint(url)].fails }
	for _, url := range s.candidates() {
		if slices.Contains(s.tried, url) || s.notBefore[url].After(now) || s.isLeavingReplaced(url) {
			continue
		}
		left++
		if choice == "" || fails(choice) && !fails(url) {
			choice = url
		}
	}
	return choice, left
}

// candidates returns the trackers that may be asked, in order. If another address
// family has a working tracker, those after it are left out.
func (s *session) candidates() []string {
	var urls []string
	if s.at != "" {
		urls = append(urls, s.at)
	}
	add := func(url string) {
		if !slices.Contains(urls, url) {
			urls = append(urls, url)
		}
	}
	works := false
	for _, o := range s.tier.sessions {
		if o != s && o.ok {
			works = true
			add(o.at)
		}
	}
	if !works {
		for _, url := range s.tier.urls {
			add(url)
		}
	}
	return urls
}

// pause ends a round in which no tracker responded.
func (s *session) pause(now time.Time) {
	if len(s.tried) > 0 {
		s.failures++
	}
	retry := now.Add(backoff(s.failures, rand.Float64()))
	var due time.Time
	for _, url := range s.candidates() {
		at := s.notBefore[url]
		switch {
		case slices.Contains(s.tried, url) && at.Before(retry):
			at = retry
		case s.isLeavingReplaced(url):
			at = now.Add(time.Second)
		}
		if due.IsZero() || at.Before(due) {
			due = at
		}
	}
	s.tried = nil
	s.announcer().schedule(s, due)
}

// replacedAt returns the session of the same address family that has to send a
// stopped event to a replaced tracker, or nil.
func (s *session) replacedAt(url string) *session {
	for _, d := range s.tier.replaced {
		if d.family == s.family && d.at == url {
			return d
		}
	}
	return nil
}

// isLeavingReplaced reports whether a tracker is being sent a stopped event.
func (s *session) isLeavingReplaced(url string) bool {
	d := s.replacedAt(url)
	return d != nil && d.busy
}

// request returns the request of a plan. Uploaded and Downloaded count from 0 for a new
// registration, unless the tracker knows the swarm over the other address family.
func (s *session) request(p plan, total traffic, left int64, wanted int) tracker.AnnounceRequest {
	e := s.tier.entry
	o := &e.announcer.options
	s.start, s.left = s.base, left
	switch d := s.replacedAt(p.url); {
	case p.event == tracker.EventStopped:
		s.known = false
	case p.event == tracker.EventStarted:
		s.start = total
		for _, other := range s.tier.sessions {
			if other != s && other.at == p.url && other.known {
				s.start = other.base
			}
		}
	case s.at != p.url && d != nil:
		s.start = d.base
	}
	r := tracker.AnnounceRequest{
		InfoHash: e.hash, PeerID: o.PeerID, Port: o.Port, IP: o.Families[s.family].IP, Key: e.key,
		Uploaded: total.uploaded - s.start.uploaded, Downloaded: total.downloaded - s.start.downloaded, Left: left,
		Event: p.event, Want: wanted,
	}
	if p.event == tracker.EventStopped {
		r.Want = 0
	}
	if s.at == p.url {
		r.TrackerID = s.id
	} else if d := s.replacedAt(p.url); d != nil {
		r.TrackerID = d.id
	}
	return r
}

// context returns the context of a plan. A stopped event is sent even while Run ends.
func (s *session) context(p plan) (context.Context, context.CancelFunc) {
	a := s.announcer()
	if p.event == tracker.EventStopped {
		if a.closing {
			return context.WithTimeout(a.ctx, p.limit)
		}
		return context.WithTimeout(context.WithoutCancel(a.ctx), p.limit)
	}
	ctx, cancel := context.WithCancel(a.ctx)
	s.cancel = cancel
	if p.limit == 0 {
		return ctx, cancel
	}
	ctx, stop := context.WithTimeout(ctx, p.limit)
	return ctx, func() { stop(); cancel() }
}

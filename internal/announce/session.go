package announce

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"

	"bt/internal/tracker"
)

// A session is the state of a tier in one address family. At most one worker handles it
// at a time, while busy is set. All fields are under announcer.mu.
type session struct {
	tier     *tier
	family   int
	replaced bool // another tracker has replaced at, which is to be told stopped

	registration
	round
	task

	goes  bool // its entry was removed, and it has not left yet
	place int  // in Announcer.due; -1: not there
	due   time.Time
}

// A registration is what a tracker knows of a swarm.
type registration struct {
	at    string // the tracker that knows the swarm, or may; empty: none
	known bool   // at has answered, so it does know the swarm
	id    string // its tracker id
	base  int64  // bytes that were uploaded before that
}

// A round is what the trackers of a tier have answered since the last one that did.
type round struct {
	ok        bool                 // at answered last
	tried     []string             // trackers that failed in this round
	notBefore map[string]time.Time // by URL: when a tracker wants to be asked again
	failures  int                  // rounds without an answer, in a row
	failed    string               // the tracker that failed last, and how; empty: none
	err       error
	waits     bool // for the answer of failed to the other family
}

// A task is the announce that a session makes or waits to make.
type task struct {
	busy   bool               // in a queue, or asking
	url    string             // while busy: the tracker
	start  int64              // while asking: the base, if a session begins
	cancel context.CancelFunc // while announcing
	again  bool               // what it should tell has changed meanwhile
}

// A plan is what a session tells next. No answer after limit counts as none; 0 is
// the client's own limit.
type plan struct {
	url   string
	event tracker.Event
	limit time.Duration

	unanswered bool // its answer is not waited for
}

func (s *session) announcer() *Announcer { return s.tier.entry.announcer }

func (s *session) presence() presence { return presence{s.tier.entry.hash, s.family} }

func (s *session) endpoint(url string) endpoint { return endpoint{hostOf(url), s.family} }

func (s *session) isLeaving() bool {
	return s.replaced || !s.tier.entry.served || s.announcer().over
}

// poke schedules the session now. An announce that is under way gets stopTimeout to
// end if the swarm is not served any more.
func (s *session) poke(now time.Time) {
	if !s.tier.entry.served {
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

// plan decides what the session tells next. Where that is nothing, or later, the
// session is scheduled.
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
	if s.at != choice || !s.known {
		p.event = tracker.EventStarted
	}
	if d := s.replacedAt(choice); d != nil && d.known {
		p.event = tracker.EventNone // it was not told stopped
	}
	if left > 1 && s.failures == 0 {
		p.limit = hastyTimeout
	}
	return p, true
}

// planStop is plan for a session that leaves.
func (s *session) planStop(now time.Time) (p plan, ok bool) {
	a := s.announcer()
	if s.at == "" {
		s.end()
		return plan{}, false
	}
	if main := s.tier.sessions[s.family]; s.replaced && !a.over && main.busy && main.url == s.at {
		a.schedule(s, now.Add(time.Second)) // one must not overtake the other
		return plan{}, false
	}
	h := a.hosts[s.endpoint(s.at)]
	p = plan{url: s.at, event: tracker.EventStopped, limit: stopTimeout, unanswered: h.slow}
	if h.fails {
		p.limit = shortStopTimeout
	}
	return p, true
}

// choose returns the tracker to ask next, empty if there is none, and how many could
// be asked. A thousand torrents must not wait for a tracker that is silent if they
// have another.
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

// candidates are the trackers that may be asked, in their order: where another
// address family is answered, no tracker behind that one.
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

// pause ends a round in which no tracker answered.
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

// replacedAt returns the session of the same address family that has to tell a replaced
// tracker stopped; nil: there is none.
func (s *session) replacedAt(url string) *session {
	for _, d := range s.tier.replaced {
		if d.family == s.family && d.at == url {
			return d
		}
	}
	return nil
}

// isLeavingReplaced reports whether a tracker is being told stopped.
func (s *session) isLeavingReplaced(url string) bool {
	d := s.replacedAt(url)
	return d != nil && d.busy
}

// request is the announce of a plan. A session with a tracker begins with 0 bytes,
// unless the tracker knows the swarm by the other address family.
func (s *session) request(p plan, uploaded, left int64) tracker.AnnounceRequest {
	e := s.tier.entry
	o := &e.announcer.options
	s.start = s.base
	switch d := s.replacedAt(p.url); {
	case p.event == tracker.EventStopped:
		s.known = false
	case p.event == tracker.EventStarted:
		s.start = uploaded
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
		Uploaded: uploaded - s.start, Left: left, Event: p.event,
		Want: 0, // peers come to us
	}
	if s.at == p.url {
		r.TrackerID = s.id
	} else if d := s.replacedAt(p.url); d != nil {
		r.TrackerID = d.id
	}
	return r
}

// context returns the context of a plan. A stopped is sent also when Run is ending.
func (s *session) context(p plan) (context.Context, context.CancelFunc) {
	a := s.announcer()
	if p.event == tracker.EventStopped {
		if a.over {
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

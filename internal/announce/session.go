package announce

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"

	"bt/internal/tracker"
	"bt/internal/tracker/client"
)

// A session is what one address family has to say to the trackers of a tier. One
// goroutine at most asks for it at a time: while busy is set. All fields are under
// announcer.mu.
type session struct {
	tier    *tier
	family  int
	parting bool // it has only to leave: another tracker took over

	at    string // the tracker that knows us, or may; empty: none
	known bool   // it has answered, so it does know us
	id    string // its tracker id
	base  int64  // what was uploaded before it knew us

	ok        bool                 // at answered last
	tried     []string             // trackers that failed in this round
	notBefore map[string]time.Time // by URL: when a tracker wants to be asked again
	failures  int                  // rounds without an answer, in a row
	failed    string               // the tracker that failed last, and how; empty: none
	err       error
	waits     bool // for what failed answers the other family

	busy   bool               // in a line, or asking
	url    string             // while busy: the tracker
	start  int64              // while asking: the base, if a session begins
	cancel context.CancelFunc // while announcing
	again  bool               // what it should tell has changed meanwhile
	goes   bool               // its entry was removed, and it has not left yet
	place  int                // in Announcer.due; -1: not there
	due    time.Time
}

// A plan is what a session tells next. No answer after limit counts as none; 0 is
// the client's own limit.
type plan struct {
	url   string
	event tracker.Event
	limit time.Duration
}

func (s *session) announcer() *Announcer { return s.tier.entry.announcer }

func (s *session) presence() presence { return presence{s.tier.entry.hash, s.family} }

func (s *session) endpoint(url string) endpoint { return endpoint{hostOf(url), s.family} }

func (s *session) isLeaving() bool {
	return s.parting || !s.tier.entry.served || s.announcer().over
}

// poke has the session do soon what it should. An announce that is under way gets as
// long as a goodbye if there is nothing more to announce.
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
		time.AfterFunc(goodbye, s.cancel)
	}
}

func (t *tier) reset() {
	t.speaker, t.last = nil, Status{URL: t.urls[0], Seeders: tracker.Unknown, Leechers: tracker.Unknown}
}

// plan decides what the session tells next. Where that is nothing, or later, the
// session is scheduled.
func (s *session) plan(now time.Time) (p plan, ok bool) {
	a := s.announcer()
	if s.isLeaving() {
		if s.at == "" {
			s.end()
			return plan{}, false
		}
		if main := s.tier.sessions[s.family]; s.parting && !a.over && main.busy && main.url == s.at {
			a.schedule(s, now.Add(time.Second)) // they must not overtake each other
			return plan{}, false
		}
		p = plan{url: s.at, event: tracker.Stopped, limit: goodbye}
		if a.hosts[s.endpoint(s.at)].fails {
			p.limit = shortGoodbye
		}
		return p, true
	}
	choice, left := "", 0
	for _, url := range s.candidates() {
		if slices.Contains(s.tried, url) || s.notBefore[url].After(now) || s.isPartingFrom(url) {
			continue
		}
		left++
		// A thousand torrents must not wait for a tracker that is silent if they have
		// another.
		if choice == "" || a.hosts[s.endpoint(choice)].fails && !a.hosts[s.endpoint(url)].fails {
			choice = url
		}
	}
	if choice == "" {
		s.pause(now)
		return plan{}, false
	}
	p = plan{url: choice}
	if s.at != choice || !s.known {
		p.event = tracker.Started
	}
	if d := s.debt(choice); d != nil && d.known {
		p.event = tracker.None // it was never told that we left
	}
	if left > 1 && s.failures == 0 {
		p.limit = haste
	}
	return p, true
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
		case s.isPartingFrom(url):
			at = now.Add(time.Second)
		}
		if due.IsZero() || at.Before(due) {
			due = at
		}
	}
	s.tried = nil
	s.announcer().schedule(s, due)
}

// debt returns the parting session of the same address family with a tracker; nil:
// there is none.
func (s *session) debt(url string) *session {
	for _, d := range s.tier.parting {
		if d.family == s.family && d.at == url {
			return d
		}
	}
	return nil
}

// isPartingFrom reports whether a tracker is being told that we leave it.
func (s *session) isPartingFrom(url string) bool {
	d := s.debt(url)
	return d != nil && d.busy
}

// request is the announce of a plan. A session with a tracker begins with 0 bytes,
// unless the tracker knows us by another address family.
func (s *session) request(p plan, uploaded, left int64) tracker.AnnounceRequest {
	e := s.tier.entry
	o := &e.announcer.options
	s.start = s.base
	switch d := s.debt(p.url); {
	case p.event == tracker.Stopped:
		s.known = false
	case p.event == tracker.Started:
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
	} else if d := s.debt(p.url); d != nil {
		r.TrackerID = d.id
	}
	return r
}

// context returns the context of a plan. The end of all must not keep a session from
// leaving.
func (s *session) context(p plan) (context.Context, context.CancelFunc) {
	a := s.announcer()
	if p.event == tracker.Stopped {
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

// settle takes the outcome of a plan and schedules the session; stopped means that it
// was not waited for. It returns what is to be told; nil: nothing.
func (s *session) settle(p plan, resp *tracker.AnnounceResponse, err error, stopped bool) (answer *Answer) {
	a, now := s.announcer(), time.Now()
	s.busy, s.url, s.cancel = false, "", nil
	due := now
	switch {
	case p.event == tracker.Stopped:
		s.failures++
		if err == nil || isRefusal(err) || s.goes || a.over || s.failures >= goodbyes {
			s.leave()
		} else if s.isLeaving() {
			due = now.Add(backoff(s.failures, rand.Float64()))
		}
	case err == nil:
		answer = s.succeed(p.url, resp)
		due = now.Add(answer.Next)
		if !s.speak(answer) {
			answer = nil
		}
	default:
		if mayHaveHeard(err) {
			s.presume(p.url)
		}
		if !stopped {
			answer = s.fail(p.url, err)
		}
		if s.waits {
			due = now.Add(grace)
		}
	}
	switch {
	case s.isLeaving() && s.at == "":
		s.end()
	case s.isLeaving() && p.event != tracker.Stopped, s.again:
		a.schedule(s, now)
	default:
		a.schedule(s, due)
	}
	return answer
}

// leave forgets the tracker that knew us.
func (s *session) leave() { s.at, s.known, s.id, s.failures = "", false, "", 0 }

// presume notes that a tracker may know us although it did not answer.
func (s *session) presume(url string) {
	switch {
	case s.at == url || s.debt(url) != nil:
	case s.at == "":
		s.at, s.known, s.id, s.base = url, false, "", s.start
	default:
		s.part(&session{at: url, base: s.start})
	}
}

// part leaves it to a session of its own to leave a tracker.
func (s *session) part(d *session) {
	d.tier, d.family, d.parting, d.place = s.tier, s.family, true, -1
	s.tier.parting = append(s.tier.parting, d)
	s.announcer().schedule(d, time.Now())
}

// end notes that a session has nothing to say any more.
func (s *session) end() {
	if s.parting {
		s.tier.parting = slices.DeleteFunc(s.tier.parting, func(d *session) bool { return d == s })
	}
	if !s.goes {
		return
	}
	s.goes = false
	a, p := s.announcer(), s.presence()
	if a.going[p]--; a.going[p] > 0 {
		return
	}
	for _, w := range a.held[p] {
		if w.place < 0 && !w.busy {
			a.schedule(w, time.Now())
		}
	}
	delete(a.going, p)
	delete(a.held, p)
}

// succeed notes that a tracker has answered. If another one knew us before, that one
// is left.
func (s *session) succeed(url string, resp *tracker.AnnounceResponse) *Answer {
	t := s.tier
	if s.at != url {
		if d := s.debt(url); d != nil { // which is not busy: plan has seen to that
			s.id = d.id
			d.leave()
			s.announcer().schedule(d, time.Now())
		}
		if s.at != "" {
			s.part(&session{at: s.at, known: s.known, id: s.id, base: s.base})
			s.id = ""
		}
		s.at, s.base = url, s.start
	}
	if !s.known {
		s.base = s.start
	}
	if resp.TrackerID != "" {
		s.id = resp.TrackerID
	}
	s.known, s.ok, s.failures, s.tried, s.failed, s.err, s.waits = true, true, 0, nil, "", nil, false
	i := slices.Index(t.urls, url)
	copy(t.urls[1:i+1], t.urls[:i])
	t.urls[0] = url
	s.wake(func(o *session) bool { return o.waits || !o.ok && o.failed != url })
	return &Answer{
		URL: url, Warning: resp.Warning, Seeders: resp.Counts.Seeders, Leechers: resp.Counts.Leechers,
		Next: untilNext(resp, rand.Float64()),
	}
}

// wake has other address families of the tier go on.
func (s *session) wake(which func(o *session) bool) {
	for _, o := range s.tier.sessions {
		if o != s && !o.busy && o.place >= 0 && which(o) {
			o.waits = false
			s.announcer().schedule(o, time.Now())
		}
	}
}

// fail notes that a tracker has not answered, or refused. It returns the answer to
// tell: of a tracker that works over another address family there is none, and of
// one that fails over both one is enough.
func (s *session) fail(url string, err error) *Answer {
	t := s.tier
	s.ok, s.waits, s.failed, s.err = false, false, url, err
	s.tried = append(s.tried, url)
	if f, ok := errors.AsType[*client.Error](err); ok && f.RetryIn > 0 {
		if s.notBefore == nil {
			s.notBefore = make(map[string]time.Time)
		}
		s.notBefore[url] = time.Now().Add(min(f.RetryIn, mostInterval)) // also where it says never: nothing is for ever
	}
	worst := s
	for _, o := range t.sessions {
		switch {
		case o == s:
		case o.ok:
			if t.speaker == s {
				t.speaker = o
			}
			return nil
		case o.busy && o.url == url:
			s.waits = true
			return nil
		case o.failed == url && isUnreachable(err) && !isUnreachable(o.err):
			worst = o
		}
	}
	s.wake(func(o *session) bool { return o.waits })
	if sp := t.speaker; sp != nil && sp != s && (sp == worst || !isUnreachable(sp.err) || isUnreachable(worst.err)) {
		return nil // it has told its own
	}
	t.speaker = worst
	t.last = Status{URL: url, Message: worst.err.Error(), Failed: true, Seeders: tracker.Unknown, Leechers: tracker.Unknown}
	return &Answer{URL: url, Err: worst.err, Seeders: tracker.Unknown, Leechers: tracker.Unknown}
}

// speak makes an answer that the session has got that of its tier. It returns false
// if another address family speaks for that tracker.
func (s *session) speak(answer *Answer) bool {
	t := s.tier
	if sp := t.speaker; sp != nil && sp != s && sp.ok && sp.at == s.at {
		return false
	}
	t.speaker = s
	t.last = Status{URL: answer.URL, Message: answer.Warning, Seeders: answer.Seeders, Leechers: answer.Leechers}
	return true
}

// isSilence tells that an endpoint does not answer, or not in time.
func isSilence(err error) bool {
	e, ok := errors.AsType[*client.Error](err)
	return ok && (e.Status == client.Timeout || e.Status == client.NoRoute || e.Status == client.DNS)
}

// isUnreachable tells that there was none to ask over an address family.
func isUnreachable(err error) bool {
	e, ok := errors.AsType[*client.Error](err)
	return ok && (e.Status == client.NoRoute || e.Status == client.DNS)
}

// mayHaveHeard tells that a tracker may know of an announce that failed.
func mayHaveHeard(err error) bool {
	e, ok := errors.AsType[*client.Error](err)
	return ok && e.Sent && !isRefusal(err)
}

// isRefusal tells that a tracker, or what stands in its place, has answered and will
// not answer otherwise soon.
func isRefusal(err error) bool {
	e, ok := errors.AsType[*client.Error](err)
	if !ok {
		return true // of ParseURL
	}
	switch e.Status {
	case client.Failed, client.BadURL, client.Unsupported, client.Redirect, client.HTML:
		return true
	case client.HTTPStatus(http.StatusRequestTimeout), client.HTTPStatus(http.StatusTooManyRequests):
		return false
	}
	return strings.HasPrefix(string(e.Status), "http-4")
}

package announce

import (
	"errors"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"

	"bt/internal/tracker"
	"bt/internal/tracker/client"
)

// complete records the outcome of a plan and schedules the session. stopped means
// that the response was not awaited. complete returns the answer to report, or nil.
func (s *session) complete(p plan, resp *tracker.AnnounceResponse, err error, stopped bool) (answer *Answer) {
	a, now := s.announcer(), time.Now()
	s.busy, s.url, s.cancel = false, "", nil
	due := now
	switch {
	case p.event == tracker.EventStopped:
		due = s.completeStop(err, now)
	case err == nil:
		answer = s.succeed(p.url, resp)
		s.completeEvent(p.event)
		if due = now.Add(answer.Next); s.completes {
			due = now
		}
		if !s.report(answer) {
			answer = nil
		}
	default:
		if mayHaveHeard(err) {
			s.assumeRegistered(p.url)
		}
		if !stopped {
			answer = s.fail(p.url, err)
		}
		if s.waits {
			due = now.Add(familyWait)
		}
	}
	s.settleCompletion()
	switch {
	case s.isLeaving() && s.at == "":
		s.end()
	case s.isLeaving() && p.event != tracker.EventStopped, s.again:
		a.schedule(s, now)
	default:
		a.schedule(s, due)
	}
	return answer
}

// completeStop records the outcome of a stopped event, and returns when to send it
// again.
func (s *session) completeStop(err error, now time.Time) (due time.Time) {
	s.failures++
	if err == nil || isRefusal(err) || s.removed || s.announcer().closing || s.failures >= stopTries {
		s.leave()
	} else if s.isLeaving() {
		return now.Add(max(backoff(s.failures, rand.Float64()), retryIn(err)))
	}
	return now
}

// leave forgets the tracker.
func (s *session) leave() { s.at, s.known, s.id, s.failures = "", false, "", 0 }

// assumeRegistered records that a tracker may have registered the swarm although it
// did not respond.
func (s *session) assumeRegistered(url string) {
	switch {
	case s.at == url || s.replacedAt(url) != nil:
	case s.at == "":
		s.registration = registration{at: url, base: s.start}
	default:
		s.replace(registration{at: url, base: s.start})
	}
}

// replace adds a session that sends a stopped event to a replaced tracker. If the entry was
// removed meanwhile, one that was added again waits for it, too.
func (s *session) replace(r registration) {
	a := s.announcer()
	d := &session{tier: s.tier, family: s.family, replaced: true, removed: s.removed, registration: r, place: -1}
	if d.removed {
		a.leaving[d.presence()]++
	}
	s.tier.replaced = append(s.tier.replaced, d)
	a.schedule(d, time.Now())
}

// end is called when a session has no event left to send.
func (s *session) end() {
	if s.replaced {
		s.tier.replaced = slices.DeleteFunc(s.tier.replaced, func(d *session) bool { return d == s })
	}
	if !s.removed {
		return
	}
	s.removed = false
	a, p := s.announcer(), s.presence()
	if a.leaving[p]--; a.leaving[p] > 0 {
		return
	}
	for _, w := range a.held[p] {
		if w.place < 0 && !w.busy {
			a.schedule(w, time.Now())
		}
	}
	delete(a.leaving, p)
	delete(a.held, p)
}

// succeed records the response of a tracker. It replaces the tracker that had
// registered the swarm before.
func (s *session) succeed(url string, resp *tracker.AnnounceResponse) *Answer {
	t := s.tier
	if s.at != url {
		if d := s.replacedAt(url); d != nil { // not busy, since plan excludes that
			s.id = d.id
			d.leave()
			s.announcer().schedule(d, time.Now())
		}
		if s.at != "" {
			s.replace(s.registration)
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
	s.soonest = time.Now().Add(max(resp.MinInterval, hurryInterval))
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

// wake makes sessions of the tier over other address families due now.
func (s *session) wake(which func(o *session) bool) {
	for _, o := range s.tier.sessions {
		if o != s && !o.busy && o.place >= 0 && which(o) {
			o.waits = false
			s.announcer().schedule(o, time.Now())
		}
	}
}

// fail records the error of a tracker, and returns the answer to report. It returns
// nil for a tracker that works over another address family, and one answer for a
// tracker that fails over both.
func (s *session) fail(url string, err error) *Answer {
	t := s.tier
	s.ok, s.waits, s.failed, s.err = false, false, url, err
	s.tried = append(s.tried, url)
	s.postpone(url, err)
	worst := s.worst(url, err)
	if worst == nil {
		return nil
	}
	s.wake(func(o *session) bool { return o.waits })
	if sp := t.reporter; sp != nil && sp != s && (sp == worst || !isUnreachable(sp.err) || isUnreachable(worst.err)) {
		return nil // the error was reported already
	}
	t.reporter = worst
	t.last = Status{URL: url, Message: worst.err.Error(), Failed: true, Seeders: tracker.Unknown, Leechers: tracker.Unknown}
	return &Answer{URL: url, Err: worst.err, Seeders: tracker.Unknown, Leechers: tracker.Unknown}
}

// postpone records the time until which a tracker that failed must not be asked again.
func (s *session) postpone(url string, err error) {
	wait := retryIn(err)
	if wait <= 0 {
		return
	}
	if s.notBefore == nil {
		s.notBefore = make(map[string]time.Time)
	}
	s.notBefore[url] = time.Now().Add(wait)
}

// worst returns the session whose error to report for a tracker that failed over all
// address families. It returns nil if the tracker works, or may work, over another
// family.
func (s *session) worst(url string, err error) *session {
	worst := s
	for _, o := range s.tier.sessions {
		switch {
		case o == s:
		case o.ok:
			if s.tier.reporter == s {
				s.tier.reporter = o
			}
			return nil
		case o.busy && o.url == url:
			s.waits = true
			return nil
		case o.failed == url && isUnreachable(err) && !isUnreachable(o.err):
			worst = o
		case o.failed != url && isUnreachable(err):
			return nil // the other family may reach it
		}
	}
	return worst
}

// report makes an answer the status of the tier. It returns false if another address
// family reports for that tracker.
func (s *session) report(answer *Answer) bool {
	t := s.tier
	if sp := t.reporter; sp != nil && sp != s && sp.ok && sp.at == s.at {
		return false
	}
	t.reporter = s
	t.last = Status{URL: answer.URL, Message: answer.Warning, Seeders: answer.Seeders, Leechers: answer.Leechers}
	return true
}

// retryIn returns the delay that a failing tracker asks for: 0 if it gives none, and
// maxInterval if it says never, since that may change.
func retryIn(err error) time.Duration {
	if e, ok := errors.AsType[*client.Error](err); ok {
		return min(e.RetryIn, maxInterval)
	}
	return 0
}

// isSilence reports whether the error means that an endpoint does not respond, or not
// in time.
func isSilence(err error) bool {
	e, ok := errors.AsType[*client.Error](err)
	return ok && (e.Status == client.StatusTimeout || e.Status == client.StatusNoRoute || e.Status == client.StatusDNS)
}

// isUnreachable reports whether the error means that a tracker has no usable address
// in an address family.
func isUnreachable(err error) bool {
	e, ok := errors.AsType[*client.Error](err)
	return ok && (e.Status == client.StatusNoRoute || e.Status == client.StatusDNS)
}

// mayHaveHeard reports whether the tracker may have received an announce that failed.
func mayHaveHeard(err error) bool {
	e, ok := errors.AsType[*client.Error](err)
	return ok && e.Sent && !isRefusal(err)
}

// isRefusal reports whether the tracker, or a server in its place, has permanently
// refused the announce.
func isRefusal(err error) bool {
	e, ok := errors.AsType[*client.Error](err)
	if !ok {
		return true // an error of ParseURL
	}
	switch e.Status {
	case client.StatusFailed, client.StatusBadURL, client.StatusUnsupported, client.StatusRedirect, client.StatusHTML:
		return true
	case client.HTTPStatus(http.StatusRequestTimeout), client.HTTPStatus(http.StatusTooManyRequests):
		return false
	}
	return strings.HasPrefix(string(e.Status), "http-4")
}

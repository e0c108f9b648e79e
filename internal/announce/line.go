package announce

import (
	"container/heap"
	"context"
	"errors"
	"net"
	"slices"
	"strconv"
	"time"

	"bt/internal/tracker"
	"bt/internal/tracker/client"
)

// A line is the sessions that wait for one endpoint, and how many goroutines ask it.
type line struct {
	endpoint endpoint
	waiting  []*session
	askers   int
}

// Run announces until ctx ends, then leaves all trackers, and closes all
// connections. No swarm may be added later.
func (a *Announcer) Run(ctx context.Context) {
	defer func() {
		for _, c := range a.clients {
			c.Close()
		}
	}()
	defer a.work.Wait()
	a.mu.Lock()
	a.ctx = ctx
	a.mu.Unlock()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		timer.Reset(a.begin(time.Now()))
		select {
		case <-a.news:
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
	defer cancel()
	a.mu.Lock()
	a.ctx, a.over = ctx, true
	for e := range a.entries {
		e.poke()
	}
	a.mu.Unlock()
	for {
		a.begin(time.Now())
		a.mu.Lock()
		done := len(a.due) == 0 && len(a.lines) == 0
		a.mu.Unlock()
		if done {
			return
		}
		<-a.news
	}
}

func (a *Announcer) signal() {
	select {
	case a.news <- struct{}{}:
	default:
	}
}

// begin puts the sessions into lines whose time has come, and returns how long it is
// until the next.
func (a *Announcer) begin(now time.Time) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	for len(a.due) > 0 {
		if wait := a.due[0].due.Sub(now); wait > 0 && !a.over {
			return wait
		}
		s := heap.Pop(&a.due).(*session)
		if p := s.presence(); !s.goes && a.going[p] > 0 {
			a.held[p] = append(a.held[p], s)
			continue
		}
		plan, ok := s.plan(now)
		if !ok {
			continue
		}
		s.busy, s.url = true, plan.url
		a.join(s, s.endpoint(plan.url))
	}
	return time.Hour
}

// join puts a session into a line. a.mu is locked.
func (a *Announcer) join(s *session, e endpoint) {
	l := a.lines[e]
	if l == nil {
		l = &line{endpoint: e}
		a.lines[e] = l
	}
	l.waiting = append(l.waiting, s)
	a.staff(l)
}

// staff has one more goroutine ask for a line, if it may and there is work.
func (a *Announcer) staff(l *line) {
	if len(l.waiting) > 0 && l.askers < a.mostAskers(l.endpoint) {
		l.askers++
		a.work.Go(func() { a.ask(l) })
	}
}

// mostAskers is how many may ask an endpoint at once. a.mu is locked.
func (a *Announcer) mostAskers(e endpoint) int {
	if h := a.hosts[e]; h.fails || h.opened.IsZero() {
		return maxPerSilent
	}
	return maxPerHost
}

// ask does what the sessions of a line plan, until none waits there.
func (a *Announcer) ask(l *line) {
	for {
		a.mu.Lock()
		if len(l.waiting) == 0 || l.askers > a.mostAskers(l.endpoint) {
			if l.askers--; l.askers == 0 {
				delete(a.lines, l.endpoint)
			}
			a.mu.Unlock()
			a.signal()
			return
		}
		s := l.waiting[0]
		l.waiting[0] = nil
		l.waiting = l.waiting[1:]
		a.mu.Unlock()
		a.serve(l, s)
		a.signal()
	}
}

// serve does what the first session of a line plans by now.
func (a *Announcer) serve(l *line, s *session) {
	a.under <- struct{}{}
	defer func() { <-a.under }()
	swarm := s.tier.entry.swarm
	uploaded, left := swarm.Uploaded(), swarm.Left()

	a.mu.Lock()
	asked := time.Now()
	plan, ok := a.planFor(l, s)
	if !ok {
		a.mu.Unlock()
		return
	}
	s.url, s.again = plan.url, false
	r := s.request(plan, uploaded, left)
	ctx, cancel := s.context(plan)
	a.mu.Unlock()

	resp, err := a.tell(ctx, s.family, plan.url, r)
	stopped := ctx.Err() == context.Canceled
	cancel()

	a.mu.Lock()
	a.note(l, asked, err, stopped)
	told := []outcome{{s, s.settle(plan, resp, err, stopped)}}
	if err != nil && isSilence(err) && !stopped && a.hosts[l.endpoint].fails {
		told = a.dismiss(l, err, told)
	}
	a.staff(l)
	told = slices.DeleteFunc(told, func(o outcome) bool { return o.answer == nil || o.session.isLeaving() })
	a.mu.Unlock()
	for _, o := range told {
		o.session.tier.entry.swarm.Told(*o.answer)
	}
}

// An outcome is what is told of a session; nil: nothing.
type outcome struct {
	session *session
	answer  *Answer
}

func (a *Announcer) tell(ctx context.Context, family int, url string, r tracker.AnnounceRequest) (*tracker.AnnounceResponse, error) {
	u, err := tracker.ParseURL(url)
	if err != nil {
		return nil, err
	}
	return a.exchange(ctx, family, u, r)
}

// note notes whether an endpoint has answered what it was asked at that time. One
// that has answered another session meanwhile does not fail. a.mu is locked.
func (a *Announcer) note(l *line, asked time.Time, err error, stopped bool) {
	h := a.hosts[l.endpoint]
	switch {
	case err == nil || !isSilence(err):
		h = hostState{opened: time.Now()}
	case !stopped && !h.opened.After(asked):
		h.fails = true
	}
	a.hosts[l.endpoint] = h
}

// dismiss lets all that wait for an endpoint fail with the one that got no answer:
// a thousand swarms don't wait for it one by one. It appends the outcomes to told.
// a.mu is locked.
func (a *Announcer) dismiss(l *line, err error, told []outcome) []outcome {
	if e, ok := errors.AsType[*client.Error](err); ok {
		err = &client.Error{Status: e.Status, Msg: e.Msg, Err: e.Err} // of these, nothing was sent
	}
	waiting := l.waiting
	l.waiting = nil
	for _, s := range waiting {
		if plan, ok := a.planFor(l, s); ok {
			told = append(told, outcome{s, s.settle(plan, nil, err, false)})
		}
	}
	return told
}

// planFor decides again what a session tells that has waited in a line. It returns
// false if that is nothing, or for another line. a.mu is locked.
func (a *Announcer) planFor(l *line, s *session) (p plan, ok bool) {
	now := time.Now()
	p, ok = s.plan(now)
	if ok && s.endpoint(p.url) == l.endpoint {
		return p, true
	}
	s.busy, s.url = false, ""
	if ok {
		a.schedule(s, now)
	}
	return p, false
}

// hostOf returns the host and port that a tracker's URL asks.
func hostOf(url string) string {
	if u, err := tracker.ParseURL(url); err == nil {
		return net.JoinHostPort(u.Host, strconv.Itoa(int(u.Port)))
	}
	return url
}

// schedule has a session that is not busy wait until then. a.mu is locked.
func (a *Announcer) schedule(s *session, due time.Time) {
	s.due = due
	if s.place >= 0 {
		heap.Fix(&a.due, s.place)
	} else {
		heap.Push(&a.due, s)
	}
}

// A sessionHeap has the session in front that is due first.
type sessionHeap []*session

func (h sessionHeap) Len() int           { return len(h) }
func (h sessionHeap) Less(i, k int) bool { return h[i].due.Before(h[k].due) }
func (h sessionHeap) Swap(i, k int) {
	h[i], h[k] = h[k], h[i]
	h[i].place, h[k].place = i, k
}

func (h *sessionHeap) Push(x any) {
	s := x.(*session)
	s.place = len(*h)
	*h = append(*h, s)
}

func (h *sessionHeap) Pop() any {
	last := len(*h) - 1
	s := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	s.place = -1
	return s
}

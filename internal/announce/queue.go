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

// A queue holds the sessions that wait for one endpoint, and counts the goroutines
// that ask it.
type queue struct {
	endpoint endpoint
	waiting  []*session
	workers  int
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
	announces, giveUp := context.WithCancel(context.WithoutCancel(ctx))
	a.mu.Lock()
	a.ctx = announces
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
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	a.mu.Lock()
	a.ctx, a.over = ctx, true
	giveUp() // not before over is set, or a worker would begin another announce
	for e := range a.entries {
		e.poke()
	}
	a.mu.Unlock()
	for {
		a.begin(time.Now())
		a.mu.Lock()
		done := len(a.due) == 0 && len(a.queues) == 0
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

// begin queues the sessions that are due, and returns how long it is until the next
// one is.
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
		a.enqueue(s, s.endpoint(plan.url))
	}
	return time.Hour
}

// enqueue appends a session to the queue of an endpoint. a.mu is locked.
func (a *Announcer) enqueue(s *session, e endpoint) {
	q := a.queues[e]
	if q == nil {
		q = &queue{endpoint: e}
		a.queues[e] = q
	}
	q.waiting = append(q.waiting, s)
	a.staff(q)
}

// staff starts one more worker of a queue, if there is work and room. a.mu is locked.
func (a *Announcer) staff(q *queue) {
	if len(q.waiting) > 0 && q.workers < a.mostWorkers(q.endpoint) {
		q.workers++
		a.work.Go(func() { a.ask(q) })
	}
}

// mostWorkers is how many may ask an endpoint at once. a.mu is locked.
func (a *Announcer) mostWorkers(e endpoint) int {
	if h := a.hosts[e]; h.fails || h.answered.IsZero() {
		return maxPerSilent
	}
	if a.over {
		return maxPerHostAtEnd
	}
	return maxPerHost
}

// ask is a worker: it takes sessions from a queue until it is empty.
func (a *Announcer) ask(q *queue) {
	for {
		a.mu.Lock()
		if len(q.waiting) == 0 || q.workers > a.mostWorkers(q.endpoint) {
			if q.workers--; q.workers == 0 {
				delete(a.queues, q.endpoint)
			}
			a.mu.Unlock()
			a.signal()
			return
		}
		s := q.waiting[0]
		q.waiting[0] = nil
		q.waiting = q.waiting[1:]
		a.mu.Unlock()
		a.serve(q, s)
		a.signal()
	}
}

// serve makes the announce that a session of the queue plans.
func (a *Announcer) serve(q *queue, s *session) {
	a.under <- struct{}{}
	defer func() { <-a.under }()
	swarm := s.tier.entry.swarm
	uploaded, left := swarm.Uploaded(), swarm.Left()

	a.mu.Lock()
	asked := time.Now()
	plan, ok := a.planFor(q, s)
	if !ok {
		a.mu.Unlock()
		return
	}
	s.url, s.again = plan.url, false
	r := s.request(plan, uploaded, left)
	ctx, cancel := s.context(plan)
	a.mu.Unlock()

	sent := func() {}
	if plan.unanswered {
		sent = func() { time.AfterFunc(unansweredTime, cancel) }
	}
	resp, err := a.tell(ctx, s.family, plan.url, r, sent)
	stopped := ctx.Err() == context.Canceled
	cancel()

	a.mu.Lock()
	a.note(q, plan, asked, err, stopped)
	told := []outcome{{s, s.settle(plan, resp, err, stopped)}}
	if err != nil && isSilence(err) && !stopped && a.hosts[q.endpoint].fails {
		told = a.dismiss(q, err, told)
	}
	a.staff(q)
	told = slices.DeleteFunc(told, func(o outcome) bool { return o.answer == nil || o.session.isLeaving() })
	a.mu.Unlock()
	for _, o := range told {
		o.session.tier.entry.swarm.Told(*o.answer)
	}
}

// An outcome is an answer to tell; nil: none.
type outcome struct {
	session *session
	answer  *Answer
}

func (a *Announcer) tell(ctx context.Context, family int, url string, r tracker.AnnounceRequest, sent func()) (*tracker.AnnounceResponse, error) {
	u, err := tracker.ParseURL(url)
	if err != nil {
		return nil, err
	}
	return a.exchange(ctx, family, u, r, sent)
}

// note records whether an endpoint has answered what it was asked at that time. One
// that has answered another session meanwhile does not fail, nor does one that has
// got a stopped and not answered that soon. a.mu is locked.
func (a *Announcer) note(q *queue, p plan, asked time.Time, err error, stopped bool) {
	h := a.hosts[q.endpoint]
	switch {
	case err == nil || !isSilence(err):
		h = hostState{answered: time.Now(), slow: time.Since(asked) > stopTimeout}
	case stopped:
	case p.event == tracker.EventStopped && mayHaveHeard(err) && !h.fails:
		h.slow = true
	case !h.answered.After(asked):
		h.fails = true
	}
	a.hosts[q.endpoint] = h
}

// dismiss fails all sessions of a queue with the error of one that got no answer, so
// that a thousand swarms do not wait for a dead tracker one by one. It appends the
// outcomes to told. a.mu is locked.
func (a *Announcer) dismiss(q *queue, err error, told []outcome) []outcome {
	if e, ok := errors.AsType[*client.Error](err); ok {
		err = &client.Error{Status: e.Status, Msg: e.Msg, Err: e.Err} // of these, nothing was sent
	}
	waiting := q.waiting
	q.waiting = nil
	for _, s := range waiting {
		if plan, ok := a.planFor(q, s); ok {
			told = append(told, outcome{s, s.settle(plan, nil, err, false)})
		}
	}
	return told
}

// planFor decides again what a session tells, which may have changed while it waited in
// the queue. It returns false if that is nothing, or for another queue. a.mu is locked.
func (a *Announcer) planFor(q *queue, s *session) (p plan, ok bool) {
	now := time.Now()
	p, ok = s.plan(now)
	if ok && s.endpoint(p.url) == q.endpoint {
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

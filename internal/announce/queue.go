package announce

import (
	"container/heap"
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"bt/internal/tracker"
	"bt/internal/tracker/client"
)

// A queue holds the sessions that wait for one endpoint, and the number of its
// workers.
type queue struct {
	endpoint endpoint
	waiting  []*session
	workers  int
}

// Run announces until ctx ends. Then it leaves all trackers and closes all
// connections. No swarm may be added after that.
func (a *Announcer) Run(ctx context.Context) {
	defer func() {
		for _, c := range a.clients {
			c.Close()
		}
	}()
	defer a.workers.Wait()
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
	a.ctx, a.closing = ctx, true
	giveUp() // after closing is set, or a worker could start another announce
	for e := range a.entries {
		e.reschedule()
		e.endCompletion()
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

// begin queues the sessions that are due, and returns the time until the next one is.
func (a *Announcer) begin(now time.Time) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	for len(a.due) > 0 {
		if wait := a.due[0].due.Sub(now); wait > 0 && !a.closing {
			return wait
		}
		s := heap.Pop(&a.due).(*session)
		if p := s.presence(); !s.removed && a.leaving[p] > 0 {
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
	a.startWorker(q)
}

// startWorker starts one more worker for a queue, if needed and allowed. a.mu is
// locked.
func (a *Announcer) startWorker(q *queue) {
	if len(q.waiting) > 0 && q.workers < a.maxWorkers(q.endpoint) {
		q.workers++
		a.workers.Go(func() { a.runWorker(q) })
	}
}

// maxWorkers returns the maximum number of workers for an endpoint. a.mu is locked.
func (a *Announcer) maxWorkers(e endpoint) int {
	if h := a.hosts[e]; h.fails || h.answered.IsZero() {
		return maxPerSilent
	}
	if a.closing {
		return maxPerHostAtEnd
	}
	return maxPerHost
}

// runWorker announces the sessions of a queue until it is empty.
func (a *Announcer) runWorker(q *queue) {
	for {
		a.mu.Lock()
		if len(q.waiting) == 0 || q.workers > a.maxWorkers(q.endpoint) {
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
		a.announceNext(q, s)
		a.signal()
	}
}

// announceNext makes the announce that a session plans.
func (a *Announcer) announceNext(q *queue, s *session) {
	_ = a.running.Acquire(context.Background(), 1)
	defer a.running.Release(1)
	swarm := s.tier.entry.swarm
	total, left, wanted := traffic{swarm.Uploaded(), swarm.Downloaded()}, swarm.Left(), swarm.Wanted()

	a.mu.Lock()
	asked := time.Now()
	plan, ok := a.planFor(q, s)
	if !ok {
		a.mu.Unlock()
		return
	}
	s.url, s.again = plan.url, false
	r := s.request(plan, total, left, wanted)
	ctx, cancel := s.context(plan)
	a.mu.Unlock()

	sent := func() {}
	if plan.unanswered {
		sent = func() { time.AfterFunc(unansweredTime, cancel) }
	}
	var trace client.Trace
	resp, err := a.send(client.WithTrace(ctx, &trace), s.family, plan.url, r, sent)
	stopped := ctx.Err() == context.Canceled
	cancel()

	a.mu.Lock()
	a.note(q, plan, asked, err, stopped)
	outcomes := []outcome{{s, s.complete(plan, resp, err, stopped)}}
	if err != nil && isSilence(err) && !stopped && a.hosts[q.endpoint].fails {
		outcomes = a.failWaiting(q, err, outcomes)
	}
	a.startWorker(q)
	outcomes = slices.DeleteFunc(outcomes, func(o outcome) bool { return o.answer == nil || o.session.isLeaving() })
	a.mu.Unlock()
	for _, o := range outcomes {
		o.session.tier.entry.swarm.Answered(*o.answer)
	}
	if err != nil {
		return
	}
	if a.options.External != nil && resp.ExternalIP.IsValid() {
		a.options.External(resp.ExternalIP.Unmap())
	}
	if r.Want <= 0 {
		return
	}
	if found := addresses(resp, trace.Addr().Addr()); len(found) > 0 {
		swarm.Found(plan.url, found, resp.Counts.Seeders, resp.Counts.Leechers)
	}
}

// addresses returns the addresses of the peers in a response of a tracker. Only a tracker
// on loopback can name peers there, or others could make us connect to our own services.
func addresses(resp *tracker.AnnounceResponse, from netip.Addr) (list []netip.AddrPort) {
	for _, p := range resp.Peers {
		ip := p.Addr.Addr().Unmap()
		if ip.IsValid() && (!ip.IsLoopback() || from.IsLoopback()) { // and not a host name
			list = append(list, p.Addr)
		}
	}
	return list
}

// An outcome is an answer to report; nil: none.
type outcome struct {
	session *session
	answer  *Answer
}

func (a *Announcer) send(ctx context.Context, family int, url string, r tracker.AnnounceRequest, sent func()) (*tracker.AnnounceResponse, error) {
	u, err := tracker.ParseURL(url)
	if err != nil {
		return nil, err
	}
	return a.exchange(ctx, family, u, r, sent)
}

// note records whether an endpoint has responded to an announce made at the time
// asked. It is not marked as failing if it has responded to another session since, or
// if it only was too slow for a stopped event. a.mu is locked.
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

// failWaiting fails all sessions of a queue with the error of one that got no
// response, so that a thousand swarms don't wait for a dead tracker one by one. It
// appends the outcomes to outcomes. a.mu is locked.
func (a *Announcer) failWaiting(q *queue, err error, outcomes []outcome) []outcome {
	if e, ok := errors.AsType[*client.Error](err); ok {
		err = &client.Error{Status: e.Status, Msg: e.Msg, Err: e.Err} // without Sent: these sessions sent nothing
	}
	waiting := q.waiting
	q.waiting = nil
	for _, s := range waiting {
		if plan, ok := a.planFor(q, s); ok {
			outcomes = append(outcomes, outcome{s, s.complete(plan, nil, err, false)})
		}
	}
	return outcomes
}

// planFor plans a session again, since its state may have changed in the queue. It
// returns false if there is nothing to announce, or only to another endpoint. a.mu is
// locked.
func (a *Announcer) planFor(q *queue, s *session) (p plan, ok bool) {
	now := time.Now()
	p, ok = s.plan(now)
	if ok && s.endpoint(p.url) == q.endpoint {
		return p, true
	}
	s.busy, s.url = false, ""
	s.settleCompletion()
	if ok {
		a.schedule(s, now)
	}
	return p, false
}

// hostOf returns the host and port of a tracker URL.
func hostOf(url string) string {
	if u, err := tracker.ParseURL(url); err == nil {
		return net.JoinHostPort(u.Host, strconv.Itoa(int(u.Port)))
	}
	return url
}

// schedule makes a session that is not busy due at a time. a.mu is locked.
func (a *Announcer) schedule(s *session, due time.Time) {
	s.due = due
	if s.place >= 0 {
		heap.Fix(&a.due, s.place)
	} else {
		heap.Push(&a.due, s)
	}
}

// A sessionHeap is a heap of sessions by their due time.
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

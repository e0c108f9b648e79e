// Package events holds the queue between a program that emits events under its locks and
// the function of its user that handles them. The events keep their order, and Put
// never waits for the user.
package events

import (
	"sync"
	"time"
)

// maxDroppable is the length of a queue from which on events that may be dropped are.
const maxDroppable = 10_000

// A Queue has the events that are not delivered yet. Its methods may be called by several
// goroutines.
type Queue[E any] struct {
	droppable func(E) bool
	ready     chan struct{} // signals Deliver; has a buffer of one

	mu    sync.Mutex
	list  []dated[E]
	ended bool
}

type dated[E any] struct {
	time  time.Time
	event E
}

// New returns an empty queue. droppable reports whether an event may be dropped if the
// user is far behind: events of progress, say, but not of state.
func New[E any](droppable func(E) bool) *Queue[E] {
	return &Queue[E]{droppable: droppable, ready: make(chan struct{}, 1)}
}

// Put appends an event. After End it does nothing.
func (q *Queue[E]) Put(e E) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.ended && (len(q.list) < maxDroppable || !q.droppable(e)) {
		q.add(e)
	}
}

// End appends the last event.
func (q *Queue[E]) End(e E) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.add(e)
	q.ended = true
}

// Len returns the number of events that are not delivered yet.
func (q *Queue[E]) Len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.list)
}

func (q *Queue[E]) add(e E) {
	q.list = append(q.list, dated[E]{time.Now(), e})
	select {
	case q.ready <- struct{}{}:
	default:
	}
}

func (q *Queue[E]) take() (list []dated[E], ended bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	list, q.list = q.list, nil
	return list, q.ended
}

// Deliver calls f for each event, with the time at which it was put, up to the last.
func (q *Queue[E]) Deliver(f func(time.Time, E)) {
	for range q.ready {
		list, ended := q.take()
		for _, d := range list {
			f(d.time, d.event)
		}
		if ended {
			return
		}
	}
}

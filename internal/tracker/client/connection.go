package client

import (
	"context"
	"errors"
	"time"
)

const (
	// A connection id may be used for a minute after it was received (BEP 15).
	connectionLife = time.Minute

	// A request that a tracker refuses, or does not answer, with a connection id
	// older than this is sent again with a new one: the tracker may have restarted.
	connectionDoubt = 5 * time.Second

	// A request for a connection id serves the requests that join it no later than
	// this: it may have been lost, and its own request may wait much longer than
	// others can.
	connectionShare = 2 * time.Second
)

// A connection is the connection id that a tracker gave to a socket (BEP 15), and
// the request for the next one. It reads no clock and has no lock.
type connection struct {
	id     uint64
	came   time.Time   // zero: there is no id
	asking *connecting // the last request for a new one; nil: it has ended
}

// connecting is a request for a connection id, which several requests may wait for.
type connecting struct {
	sent time.Time
	done chan struct{} // closed when it has ended
	err  error         // then, how
}

// outcome returns the error for a request that has waited for this one. If it is nil,
// the caller joins again, either to get the connection id or, because this request ended
// without an answer, to send a request for one itself. If it is too late for that, the
// error is errSilence.
func (q *connecting) outcome(tooLate bool) error {
	stopped := q.err == errSilence || errors.Is(q.err, context.Canceled) || errors.Is(q.err, context.DeadlineExceeded)
	switch {
	case !stopped:
		return q.err
	case tooLate:
		return errSilence
	}
	return nil
}

// doubt records that a request with a connection id failed. It reports whether a
// request with another id might succeed: the id was old and is dropped, or there is a
// newer one.
func (c *connection) doubt(id uint64, now time.Time) bool {
	if c.id == id {
		if now.Sub(c.came) <= connectionDoubt {
			return false
		}
		c.came = time.Time{}
	}
	return true
}

// join returns the connection id, or, if none may be used now, the request for a new
// one. If mine is true, the request is a new one, which the caller sends and ends
// with answered or failed.
func (c *connection) join(now time.Time) (id uint64, q *connecting, mine bool) {
	if !c.came.IsZero() && now.Sub(c.came) < connectionLife {
		return c.id, nil, false
	}
	if c.asking != nil && now.Sub(c.asking.sent) < connectionShare {
		return 0, c.asking, false
	}
	c.asking = &connecting{sent: now, done: make(chan struct{})}
	return 0, c.asking, true
}

// answered ends a request that brought a connection id.
func (c *connection) answered(q *connecting, id uint64, now time.Time) {
	c.id, c.came = id, now
	c.failed(q, nil)
}

// failed ends a request that failed.
func (c *connection) failed(q *connecting, err error) {
	if c.asking == q {
		c.asking = nil
	}
	q.err = err
	close(q.done)
}

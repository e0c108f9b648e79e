package main

import (
	"fmt"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"bt/seed"
)

const (
	// logQueue is the maximum number of events that wait to be printed. Events
	// about peers and statistics may use half of it.
	logQueue = 4096

	// logWait is how long a seed waits for a slow reader of its output before it
	// drops events.
	logWait = time.Second
)

// A seedEntry is an event to print: an event of package seed or of this command.
type seedEntry struct {
	time  time.Time
	event any
}

// A seedLog prints events in order. If the reader of the output stops reading,
// the log drops events, so that the seed is not blocked.
type seedLog struct {
	queue   chan seedEntry
	over    chan struct{} // closed by end: print the queue and stop
	done    chan struct{} // closed when the log has stopped
	stuck   atomic.Bool
	dropped atomic.Int64

	mu  sync.Mutex
	err error // first error of print
}

// startLog starts a log that prints each event with print. It calls fail with the
// first error of print.
func startLog(print func(seedEntry) error, fail func(error)) *seedLog {
	l := &seedLog{queue: make(chan seedEntry, logQueue), over: make(chan struct{}), done: make(chan struct{})}
	write := func(e seedEntry) {
		err := print(e)
		if err == nil {
			return
		}
		l.mu.Lock()
		first := l.err == nil
		if first {
			l.err = err
		}
		l.mu.Unlock()
		if first {
			fail(err)
		}
	}
	go func() {
		defer close(l.done)
		for {
			select {
			case e := <-l.queue:
				write(e)
				l.stuck.Store(false)
			case <-l.over:
				for {
					select {
					case e := <-l.queue:
						write(e)
						continue
					default:
					}
					return
				}
			}
			if n := l.dropped.Swap(0); n > 0 {
				write(seedEntry{time.Now(), seed.EventWarning{Err: fmt.Errorf("%s dropped, because the output was not read in time", count(int(n), "event"))}})
			}
		}
	}()
	return l
}

// catchClosedPipe makes a write to a closed pipe return an error, until stop is
// called. Otherwise it would end the process before the seed has announced its
// stop to the trackers.
func catchClosedPipe() (stop func()) {
	pipe := make(chan os.Signal, 1)
	signal.Notify(pipe, syscall.SIGPIPE)
	return func() { signal.Stop(pipe) }
}

// put adds an event to the queue. It drops the event if the queue stays full.
func (l *seedLog) put(e seedEntry) {
	switch e.event.(type) {
	case seed.EventPeer, seed.EventStats:
		if len(l.queue) >= logQueue/2 {
			l.dropped.Add(1)
			return
		}
	}
	select {
	case l.queue <- e:
		return
	default:
	}
	if !l.stuck.Load() {
		select {
		case l.queue <- e:
			return
		case <-time.After(logWait):
			l.stuck.Store(true)
		}
	}
	l.dropped.Add(1)
}

// end prints the queued events and returns the first error of printing.
func (l *seedLog) end() error {
	close(l.over)
	select {
	case <-l.done:
	case <-time.After(2 * logWait):
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

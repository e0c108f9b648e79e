package main

import (
	"fmt"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// logQueue is the maximum number of events that wait to be printed. Minor events
	// may use half of it.
	logQueue = 4096

	// logWait is how long the emitter of events waits for a slow reader of the output
	// before it drops events.
	logWait = time.Second
)

// A logEntry is an event to print: an event of a verb or of the command.
type logEntry struct {
	time  time.Time
	event any
}

// lostEvents is the event that a log prints after it has dropped events.
type lostEvents int

func (n lostEvents) Error() string {
	return fmt.Sprintf("%s dropped, because the output was not read in time", count(int(n), "event"))
}

// An eventLog prints events in order. If the reader of the output stops reading, the log
// drops events, so that the emitter is not blocked.
type eventLog struct {
	isMinor func(event any) bool
	queue   chan logEntry
	over    chan struct{} // closed by end: print the queue and stop
	done    chan struct{} // closed when the log has stopped
	stuck   atomic.Bool
	dropped atomic.Int64

	mu  sync.Mutex
	err error // first error of print
}

// startLog starts a log that prints each event with print. It calls fail with the first
// error of print. isMinor reports whether an event may be dropped before others.
func startLog(print func(logEntry) error, isMinor func(event any) bool, fail func(error)) *eventLog {
	l := &eventLog{isMinor: isMinor, queue: make(chan logEntry, logQueue), over: make(chan struct{}), done: make(chan struct{})}
	write := func(e logEntry) {
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
				write(logEntry{time.Now(), lostEvents(n)})
			}
		}
	}()
	return l
}

// catchClosedPipe makes a write to a closed pipe return an error, until stop is called.
// Otherwise it would end the process before trackers have learned of the stop.
func catchClosedPipe() (stop func()) {
	pipe := make(chan os.Signal, 1)
	signal.Notify(pipe, syscall.SIGPIPE)
	return func() { signal.Stop(pipe) }
}

// put adds an event to the queue. It drops the event if the queue stays full.
func (l *eventLog) put(e logEntry) {
	if len(l.queue) >= logQueue/2 && l.isMinor(e.event) {
		l.dropped.Add(1)
		return
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
func (l *eventLog) end() error {
	close(l.over)
	select {
	case <-l.done:
	case <-time.After(2 * logWait):
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

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
	// logQueue is how many events wait to be printed; peers that come and go may
	// take half of it.
	logQueue = 4096

	// logWait is how long a seed waits for whoever reads what is printed, once.
	logWait = time.Second
)

// A seedEntry is what is printed of a seed: an event of the verb, or one of the
// command.
type seedEntry struct {
	time  time.Time
	event any
}

// A seedLog prints events in their order. Whoever reads them may stop to: then
// those that find no room are left out, and the seed goes on.
type seedLog struct {
	queue   chan seedEntry
	over    chan struct{} // closed: what waits is printed, and no more
	done    chan struct{} // closed: it is
	stuck   atomic.Bool
	dropped atomic.Int64

	mu  sync.Mutex
	err error // the first of printing
}

// startLog starts a log that prints with print; fail is called when that fails
// first.
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
				write(seedEntry{time.Now(), seed.EventWarning{Err: fmt.Errorf("%s left out, for nobody read them in time", count(int(n), "event"))}})
			}
		}
	}()
	return l
}

// catchClosedPipe makes a closed pipe an error of writing, after which trackers are
// told, and no sudden end, until the function that it returns is called.
func catchClosedPipe() (stop func()) {
	pipe := make(chan os.Signal, 1)
	signal.Notify(pipe, syscall.SIGPIPE)
	return func() { signal.Stop(pipe) }
}

// put has an event printed.
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

// end prints what waits, and returns the first error of printing.
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

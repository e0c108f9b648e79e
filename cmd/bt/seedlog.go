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

// A seedLog prints events in their order. Whoever reads them may stop to: then
// those that find no room are left out, and the seed goes on.
type seedLog struct {
	queue   chan seed.Event
	over    chan struct{} // closed: what waits is printed, and no more
	done    chan struct{} // closed: it is
	stuck   atomic.Bool
	dropped atomic.Int64

	mu  sync.Mutex
	err error // the first of printing
}

// startLog starts a log that prints with print; fail is called when that fails
// first.
func startLog(print func(seed.Event) error, fail func(error)) *seedLog {
	l := &seedLog{queue: make(chan seed.Event, logQueue), over: make(chan struct{}), done: make(chan struct{})}
	// A closed pipe is an error, after which trackers are told, and no sudden end.
	pipe := make(chan os.Signal, 1)
	signal.Notify(pipe, syscall.SIGPIPE)
	write := func(e seed.Event) {
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
		defer signal.Stop(pipe)
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
				write(seed.Event{Time: time.Now(), Kind: seed.Warning, Err: fmt.Errorf("%s left out, for nobody read them in time", count(int(n), "event"))})
			}
		}
	}()
	return l
}

// put has an event printed.
func (l *seedLog) put(e seed.Event) {
	if (e.Kind == seed.Peer || e.Kind == seed.Stats) && len(l.queue) >= logQueue/2 {
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

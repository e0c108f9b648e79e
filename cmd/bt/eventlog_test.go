package main

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"bt/seed"
)

// A reader that does not read the output blocks neither the emitter of events nor its end.
func TestEventLogBlockedReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		read := make(chan struct{})
		var printed []logEntry
		l := startLog(func(e logEntry) error {
			<-read
			printed = append(printed, e)
			return nil
		}, isMinorSeedEvent, func(error) {})
		begin := time.Now()
		const n = 3 * logQueue
		for range n {
			l.put(logEntry{event: seed.EventAnnounce{}})
			l.put(logEntry{event: seed.EventPeer{}})
		}
		if waited := time.Since(begin); waited > logWait {
			t.Errorf("it waited for %v", waited)
		}
		close(read) // the reader reads again
		synctest.Wait()
		l.put(logEntry{event: seed.EventStopped{}})
		if err := l.end(); err != nil {
			t.Error(err)
		}
		last := len(printed) - 1
		warnings := 0
		for _, e := range printed {
			if _, ok := e.event.(lostEvents); ok {
				warnings++
			}
		}
		if last > logQueue+3 || warnings != 1 || printed[last].event != any(seed.EventStopped{}) {
			t.Errorf("%d events are printed, %d warnings, the last is %T", last+1, warnings, printed[last].event)
		}
	})
}

func TestEventLogEndsInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		never := make(chan struct{})
		l := startLog(func(logEntry) error { <-never; return nil }, isMinorSeedEvent, func(error) {})
		l.put(logEntry{event: seed.EventStopped{}})
		begin := time.Now()
		if l.end(); time.Since(begin) > 2*logWait {
			t.Errorf("it takes %v to end", time.Since(begin))
		}
		close(never)
	})
}

// The first error of print ends the command, and end returns it.
func TestEventLogFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		full := errors.New("no space left")
		var failed []error
		l := startLog(func(logEntry) error { return full }, isMinorSeedEvent, func(err error) { failed = append(failed, err) })
		l.put(logEntry{event: seed.EventSeeding{}})
		l.put(logEntry{event: seed.EventStopped{}})
		if err := l.end(); err != full || len(failed) != 1 {
			t.Errorf("%v, %v", err, failed)
		}
	})
}

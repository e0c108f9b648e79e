package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

// signalError is the cause of a context that a signal cancelled.
type signalError struct{ signal os.Signal }

func (e *signalError) Error() string { return codeName(e.code()) }

func (e *signalError) code() int {
	switch e.signal {
	case syscall.SIGTERM:
		return exitTerminated
	case syscall.SIGHUP:
		return exitHangup
	}
	return exitInterrupted
}

// oneSignal is the time in which several signals count as one: timeout(1) signals
// the process and then its group.
const oneSignal = 500 * time.Millisecond

// withSignals gives a context that SIGINT, SIGTERM and SIGHUP cancel, with a
// *signalError as its cause. Soon after the first signal the default behaviour is
// back, so a second one ends the process at once. The function returned stops
// all of it and waits until it has stopped.
func withSignals(parent context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 1)
	for _, s := range []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		// Whoever started us with the signal ignored (nohup, a script's &)
		// meant it; asking for it would bring it back.
		if !signal.Ignored(s) {
			signal.Notify(signals, s)
		}
	}
	over := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		select {
		case s := <-signals:
			cancel(&signalError{s})
		case <-over:
			return
		}
		select {
		case <-time.After(oneSignal):
			signal.Stop(signals)
		case <-over:
		}
	})
	return ctx, func() {
		signal.Stop(signals)
		close(over)
		cancel(nil)
		wg.Wait()
	}
}

// interruption is the signal that cancelled ctx, nil when none did.
func interruption(ctx context.Context) error {
	var bySignal *signalError
	if errors.As(context.Cause(ctx), &bySignal) {
		return bySignal
	}
	return nil
}

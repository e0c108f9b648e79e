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

// signalError is the cause of a context that was cancelled by a signal.
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

// oneSignal is the time in which several signals count as one, because timeout(1)
// signals both the process and its group.
const oneSignal = 500 * time.Millisecond

// withSignals returns a context that is cancelled by SIGINT, SIGTERM or SIGHUP,
// with a *signalError as its cause. Shortly after the first signal it restores
// the default behaviour, so that a second signal ends the process at once. The
// returned function releases the resources and waits for the goroutine.
func withSignals(parent context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 1)
	for _, s := range []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		// A parent that ignores a signal (nohup, & in a script) expects us to
		// ignore it too.
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

// interruption returns the *signalError that cancelled ctx, or nil.
func interruption(ctx context.Context) error {
	var bySignal *signalError
	if errors.As(context.Cause(ctx), &bySignal) {
		return bySignal
	}
	return nil
}

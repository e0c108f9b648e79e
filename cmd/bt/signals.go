package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// signalError is the cause of a context that a signal cancelled.
type signalError struct{ signal os.Signal }

func (e *signalError) Error() string {
	if e.signal == syscall.SIGTERM {
		return "terminated"
	}
	return "interrupted"
}

func (e *signalError) code() int {
	if e.signal == syscall.SIGTERM {
		return exitTerminated
	}
	return exitInterrupted
}

// withSignals gives a context that SIGINT and SIGTERM cancel, with a
// *signalError as its cause. After the first signal the default behaviour is
// back, so a second one ends the process at once. The function returned stops
// all of it and waits until it has stopped.
func withSignals(parent context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 1)
	for _, s := range []os.Signal{syscall.SIGINT, syscall.SIGTERM} {
		// Whoever started us with the signal ignored (nohup, a script's &)
		// meant it; asking for it would bring it back.
		if !signal.Ignored(s) {
			signal.Notify(signals, s)
		}
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		select {
		case s := <-signals:
			signal.Stop(signals) // first, or a quick second signal is swallowed
			cancel(&signalError{s})
		case <-ctx.Done():
		}
	})
	return ctx, func() {
		signal.Stop(signals)
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

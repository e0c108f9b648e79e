package main

import (
	"context"
	"iter"
	"runtime"

	"golang.org/x/sync/errgroup"
)

// inOrder calls f for each input, several at once, because each waits for the disk, and
// yields the results in the order of the inputs. After ctx has ended it begins no further
// input. It returns when all calls of f have returned.
func inOrder[T any](ctx context.Context, inputs []input, f func(input) T) iter.Seq[T] {
	const ahead = 1024 // results that wait to be yielded
	return func(yield func(T) bool) {
		ctx, stop := context.WithCancel(ctx)
		defer stop()
		queue := make(chan chan T, ahead)
		var work errgroup.Group
		work.SetLimit(max(16, 2*runtime.GOMAXPROCS(0)))
		go func() {
			defer close(queue)
			for _, in := range inputs {
				if ctx.Err() != nil {
					return
				}
				done := make(chan T, 1)
				queue <- done
				work.Go(func() error {
					done <- f(in)
					return nil
				})
			}
		}()
		wanted := true
		for done := range queue {
			if x := <-done; wanted && !yield(x) {
				wanted = false
				stop()
			}
		}
	}
}

package dht

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"bt/internal/discover/krpc"
)

// A job is done at intervals.
type job struct {
	every time.Duration
	next  time.Time
	do    func(now time.Time) // mu is locked
}

// Run runs the node until ctx ends, and closes the sockets. It returns an error only if a
// socket was closed before. It is called once.
func (n *Node) Run(ctx context.Context) error {
	running, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	n.load()
	var wg sync.WaitGroup
	for _, f := range n.families {
		wg.Go(func() {
			if err := n.read(running, f); err != nil {
				cancel(err)
			}
		})
	}
	n.loop(running, &wg)
	n.mu.Lock()
	n.closed = true
	n.unlock()
	close(n.stopped)
	for _, f := range n.families {
		_ = f.conn.Close()
	}
	wg.Wait()
	n.save()
	if ctx.Err() != nil {
		return nil
	}
	return context.Cause(running)
}

// loop does what is due.
func (n *Node) loop(ctx context.Context, wg *sync.WaitGroup) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		n.mu.Lock()
		now := time.Now()
		n.wakeAt = now.Add(time.Hour)
		n.wakeAt = earlier(n.work(ctx, wg, now), n.wakeAt) // work may have set it too
		timer.Reset(n.wakeAt.Sub(now))
		n.unlock()
		select {
		case <-ctx.Done():
		case <-n.wake:
		case <-timer.C:
		}
	}
}

// work does what is due, and returns when more is.
func (n *Node) work(ctx context.Context, wg *sync.WaitGroup, now time.Time) time.Time {
	n.expire(now)
	next := n.resume(now)
	for _, t := range []time.Time{n.bootstrapNext(ctx, wg, now), n.begin(now), n.pingNext(now), n.doJobs(now)} {
		next = earlier(next, t)
	}
	if len(n.sent) > 0 {
		next = earlier(next, n.sent[0].deadline)
	}
	return next
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// wakeBy makes the loop work at a time, or sooner.
func (n *Node) wakeBy(t time.Time) {
	if t.Before(n.wakeAt) {
		n.wakeAt = t
		n.signal()
	}
}

// resume continues lookups that waited for the limit of queries, and returns when to do
// so again.
func (n *Node) resume(now time.Time) time.Time {
	for len(n.stalled) > 0 && n.queries.TokensAt(now) >= 1 {
		l := n.stalled[0]
		n.stalled = n.stalled[1:]
		l.stalled = false
		n.step(l)
	}
	if len(n.stalled) == 0 {
		return now.Add(time.Hour)
	}
	return now.Add(time.Duration(float64(time.Second) / n.options.Rate))
}

func (n *Node) doJobs(now time.Time) time.Time {
	next := now.Add(time.Hour)
	for i := range n.jobs {
		j := &n.jobs[i]
		if !j.next.After(now) {
			j.next = now.Add(j.every)
			j.do(now)
		}
		next = earlier(next, j.next)
	}
	return next
}

const (
	// A socket fails if so many reads in a row are errors. Some systems report packets that
	// did not arrive as errors of the next read.
	maxReadErrors = 100
	readPause     = time.Second
)

// read reads packets until the socket is closed.
func (n *Node) read(ctx context.Context, f *family) error {
	buf := make([]byte, krpc.MaxPacket+1)
	for fails := 0; ; {
		size, from, err := f.conn.ReadFrom(buf)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("reading from %s: %w", f.local, err)
		case err != nil:
			if fails++; fails < maxReadErrors {
				continue
			}
			if fails == maxReadErrors {
				n.warning(fmt.Errorf("reading from %s: %w", f.local, err))
			}
			select {
			case <-ctx.Done():
			case <-time.After(readPause):
			}
			continue
		}
		fails = 0
		if udp, ok := from.(*net.UDPAddr); ok {
			n.receive(f, slices.Clone(buf[:size]), unmap(udp.AddrPort()))
		}
	}
}

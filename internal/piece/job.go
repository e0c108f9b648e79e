package piece

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"bt/internal/metainfo"
)

// A ReadMode says how files are read.
type ReadMode uint8

const (
	Auto       ReadMode = iota // Parallel, for now
	Parallel                   // every worker reads for itself
	Sequential                 // one reader, in order, feeds the workers: for disks that turn
)

// A Job hashes the content of one torrent.
type Job struct {
	Layout  *metainfo.Layout
	Sources []Source // one a file of the layout, after Stat
	Jobs    int      // workers; 0 is one a processor
	Read    ReadMode

	// Progress, if not nil, is told the bytes done and to do, now and then and
	// at the end, from the goroutine that called Run.
	Progress func(done, total int64)
}

const (
	// A batch is the pieces that a worker takes at once: enough bytes that
	// handing it over costs nothing, few enough that all workers have some.
	batchBytes  = 2 << 20
	batchPieces = 1024

	parallelBuffer   = 256 << 10 // stays in a core's cache between reading and hashing
	sequentialBuffer = 1 << 20   // a read that makes a seek worth while
	readAhead        = 16        // such buffers: what the reader may be ahead of all workers
)

// progressInterval is how often Progress is called.
const progressInterval = 100 * time.Millisecond

func workers(jobs int) int {
	if jobs > 0 {
		return jobs
	}
	return runtime.GOMAXPROCS(0)
}

// A batch is a run of pieces on its way through a job.
type batch struct {
	first, last int
	chunks      chan chunk // Sequential: what the reader has read of it
	results     []Result
	done        chan struct{}
}

// run is a Job being done.
type run struct {
	*Job
	ctx    context.Context
	hashed atomic.Int64 // bytes done
}

// Run hashes every piece and calls yield with each in order, from the calling
// goroutine. An error of yield, or the end of ctx, ends the job. Afterwards
// all sources are looked at again: changed are those that became other files
// in the meantime, so that sums of their pieces mean nothing.
func (j *Job) Run(ctx context.Context, yield func(Result) error) (changed []*Fault, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	r := &run{Job: j, ctx: ctx}

	// In this order of stopping: the dispatcher by ctx or because it is done,
	// the workers when it closes work, the collector when it closes order.
	n := workers(j.Jobs)
	work := make(chan *batch, n)
	order := make(chan *batch, 2*n)
	var wg sync.WaitGroup
	wg.Go(func() {
		defer close(order)
		defer close(work)
		r.dispatch(work, order)
	})
	for range n {
		wg.Go(func() { r.work(work) })
	}
	err = r.collect(order, yield)
	if err != nil {
		cancel(err)
	}
	wg.Wait()
	if err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return nil, err
	}
	return recheck(ctx, j.Sources, n)
}

// dispatch cuts the pieces into batches and hands each to the collector, for
// its place, and to a worker.
func (r *run) dispatch(work, order chan<- *batch) {
	size := int(min(max(batchBytes/r.Layout.PieceLength(), 1), batchPieces))
	var reader reader
	defer reader.close()
	pool := r.pool()
	for first := 0; first < r.Layout.Pieces(); first += size {
		b := &batch{first: first, last: min(first+size, r.Layout.Pieces()) - 1, done: make(chan struct{})}
		if r.Read == Sequential {
			b.chunks = make(chan chunk, readAhead)
		}
		if !send(r.ctx, order, b) || !send(r.ctx, work, b) {
			close(b.done) // nobody will; the collector may wait for it
			return
		}
		if r.Read == Sequential {
			r.feed(&reader, b, pool)
		}
	}
}

func send[T any](ctx context.Context, to chan<- T, v T) bool {
	select {
	case to <- v:
		return true
	case <-ctx.Done():
		return false
	}
}

// pool holds the buffers of a sequential reader.
func (r *run) pool() chan []byte {
	if r.Read != Sequential {
		return nil
	}
	pool := make(chan []byte, readAhead)
	for range cap(pool) {
		pool <- make([]byte, sequentialBuffer)
	}
	return pool
}

// feed reads a batch and passes it to its worker chunk by chunk.
func (r *run) feed(reader *reader, b *batch, pool chan []byte) {
	defer close(b.chunks)
	buffer := func() []byte {
		select {
		case buf := <-pool:
			return buf
		case <-r.ctx.Done():
			return nil
		}
	}
	reader.read(r, b, buffer, func(c chunk) bool {
		if c.buf != nil {
			c.release = pool
		}
		return send(r.ctx, b.chunks, c)
	})
}

// work hashes batches until there are no more.
func (r *run) work(work <-chan *batch) {
	var reader reader
	defer reader.close()
	var own []byte
	h := newHasher()
	for b := range work {
		h.begin(b)
		if b.chunks != nil {
			for c := range b.chunks {
				r.hash(h, c)
			}
		} else {
			if own == nil {
				own = make([]byte, parallelBuffer)
			}
			reader.read(r, b, func() []byte { return own }, func(c chunk) bool {
				r.hash(h, c)
				return r.ctx.Err() == nil
			})
		}
		h.end()
		close(b.done)
	}
}

func (r *run) hash(h *hasher, c chunk) {
	h.add(c)
	r.hashed.Add(c.length)
	if c.release != nil {
		c.release <- c.buf
	}
}

// collect yields the results in order, and reports progress while it waits.
func (r *run) collect(order <-chan *batch, yield func(Result) error) error {
	tick := time.NewTicker(progressInterval)
	defer tick.Stop()
	for b := range order {
		for waiting := true; waiting; {
			select {
			case <-b.done:
				waiting = false
			case <-tick.C:
				r.progress()
			}
		}
		if r.ctx.Err() != nil {
			return context.Cause(r.ctx)
		}
		for _, result := range b.results {
			if err := yield(result); err != nil {
				return err
			}
		}
	}
	r.progress()
	return nil
}

func (r *run) progress() {
	if r.Progress != nil {
		r.Progress(r.hashed.Load(), r.Layout.Total())
	}
}

package piece

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"bt/internal/metainfo"
)

// A ReadMode chooses how files are read.
type ReadMode uint8

// The ways to read files. The zero ReadMode is ReadAuto.
const (
	ReadAuto       ReadMode = iota // chosen by the kind of disk
	ReadParallel                   // all workers read at once
	ReadSequential                 // one worker reads at a time, in order: for spinning disks
)

// String returns "auto", "parallel" or "sequential".
func (m ReadMode) String() string { return [...]string{"auto", "parallel", "sequential"}[m] }

// A Job hashes the content of one torrent, or of several torrents of the same files.
type Job struct {
	Layout *metainfo.Layout
	Tree   *Tree // one file a file of the layout, after Stat
	V1, V2 bool  // which sums of each piece; for V2 each file begins a piece

	// More are further layouts of the same files. Their pieces are hashed right after
	// those of Layout that have the same bytes, which are still in memory then.
	More []Target

	// Skip, if not nil, reports whether a piece is not read, because its sums are known.
	// Its Result has no sums. layout is 0 for Layout, or the index in More plus 1. Skip
	// is called concurrently, several times for a piece.
	Skip func(layout, piece int) bool

	Jobs int // workers, up to 64; 0 means one per CPU, up to 16
	Read ReadMode

	// Progress, if not nil, is called about ten times a second and at the end, with the
	// number of bytes of Layout that were hashed and that are to be hashed, from the
	// goroutine that called Run.
	Progress func(done, total int64)
}

// A Target is a layout, and the sums of its pieces that are computed.
type Target struct {
	Layout *metainfo.Layout
	V1, V2 bool
}

const (
	// Limits of a batch: enough bytes that the cost of channels does not matter, and
	// enough pieces for all lanes.
	batchBytes  = 48 << 20
	batchPieces = 1024
)

// progressInterval is how often Progress is called.
const progressInterval = 100 * time.Millisecond

// A batch is a list of consecutive pieces of one layout that one worker hashes.
type batch struct {
	*plan
	first, last int
	then        []*batch // of More, with mostly the same bytes: the worker hashes them next
	results     []Result
	done        chan struct{}
	streamed    []byte // RunStream: the bytes of the pieces
}

func (b *batch) len() int { return b.last - b.first + 1 }

// A run is a running Job.
type run struct {
	job      *Job
	files    *Tree
	mode     ReadMode
	ctx      context.Context
	cancel   context.CancelCauseFunc
	workers  int
	share    int64        // limit of the mappings of a worker
	plans    []*plan      // of Layout and More
	total    int64        // bytes of Layout to hash
	cold     bool         // files are not in the page cache
	pace     pace         // limits the batches
	hashed   atomic.Int64 // bytes of Layout that were hashed
	reported int64        // the largest value that Progress was called with

	turn sync.Mutex // ReadSequential: held while reading
}

// Run hashes all pieces and calls yield with each result, from the calling goroutine.
// The results of a layout are in order. It stops if yield returns an error or ctx ends.
// At the end, unless nothing was hashed, it checks all files again: changed lists those that
// changed in the meantime, so that the sums of their pieces are invalid.
func (j *Job) Run(ctx context.Context, yield func(Result) error) (changed []*Fault, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	r := newRun(j, ctx, cancel)
	r.total = r.plans[0].left
	hashes := slices.ContainsFunc(r.plans, func(p *plan) bool { return p.left > 0 })
	if hashes {
		seen := r.survey()
		if r.cold = seen.isCold(); r.mode == ReadAuto {
			r.mode = choose(seen, j.Tree.isRemote)
		}
	}
	if r.mode == ReadSequential {
		r.workers = min(r.workers, enoughInTurn)
	}
	r.divide()
	if err := r.hashAll(r.dispatch, r.work, yield); err != nil || !hashes {
		return nil, err
	}
	return r.files.recheck(ctx, r.workers)
}

// hashAll starts a dispatcher and workers, and yields the results of their batches.
func (r *run) hashAll(dispatch func(work, order chan<- *batch), hash func(work <-chan *batch), yield func(Result) error) error {
	// They stop in this order: the dispatcher when ctx ends or all pieces are dispatched,
	// the workers when it closes work, the collector when it closes order.
	work := make(chan *batch) // unbuffered, so that a batch is as large as the latest pace allows
	order := make(chan *batch, 2*r.workers)
	var wg sync.WaitGroup
	wg.Go(func() {
		defer close(order)
		defer close(work)
		dispatch(work, order)
	})
	for range r.workers {
		wg.Go(func() { hash(work) })
	}
	err := r.collect(order, yield)
	if err != nil {
		r.cancel(err)
	}
	wg.Wait()
	if err == nil {
		err = context.Cause(r.ctx)
	}
	return err
}

func send[T any](ctx context.Context, to chan<- T, v T) bool {
	select {
	case to <- v:
		return true
	case <-ctx.Done():
		return false
	}
}

// work hashes batches until the channel is closed.
func (r *run) work(work <-chan *batch) {
	w := r.newWorker()
	defer w.close()
	if r.mode == ReadSequential {
		r.workInTurn(w, work)
		return
	}
	for b := range work {
		w.keeps = len(b.then) > 0
		for _, b := range append([]*batch{b}, b.then...) {
			start := time.Now()
			w.hash(b)
			r.pace.took(w.taken, time.Since(start))
			close(b.done)
		}
		w.unmapIdle()
	}
}

// workInTurn is work for ReadSequential. A worker that has locked turn receives the next
// batch and reads it, so the content is read in order.
func (r *run) workInTurn(w *worker, work <-chan *batch) {
	for {
		r.turn.Lock()
		b, ok := <-work
		if !ok {
			r.turn.Unlock()
			return
		}
		start := time.Now()
		staged := w.stage(b)
		if !staged {
			w.hash(b)
		}
		r.pace.took(w.taken, time.Since(start))
		r.turn.Unlock()
		if staged {
			w.hashStaged()
		}
		close(b.done)
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
	if r.job.Progress != nil {
		// hashed decreases when a batch is hashed again after a fault.
		r.reported = max(r.reported, r.hashed.Load())
		r.job.Progress(r.reported, r.total)
	}
}

const (
	enoughWorkers = 16 // limit of the default: more are limited by memory bandwidth
	enoughInTurn  = 4  // for ReadSequential: faster than any spinning disk
	maxWorkers    = 64 // as all share jobBytes
)

func workers(jobs int) int {
	if jobs <= 0 {
		jobs = min(runtime.GOMAXPROCS(0), enoughWorkers)
	}
	// A worker opens a file and its directory.
	return max(min(jobs, maxOpenFiles()/2, maxWorkers), 1)
}

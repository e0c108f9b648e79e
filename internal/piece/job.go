package piece

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"bt/internal/lanes"
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

// A Job hashes the content of one torrent.
type Job struct {
	Layout *metainfo.Layout
	Tree   *Tree // one file a file of the layout, after Stat
	V1, V2 bool  // which sums of each piece; for V2 each file begins a piece

	// Duplicates maps a file to an earlier file with the same content. With V2, pieces of
	// duplicates are not hashed, and their Results have no sums.
	Duplicates map[int]int

	Jobs int // workers, up to 64; 0 means one per CPU, up to 16
	Read ReadMode

	// Progress, if not nil, is called about ten times a second and at the end, with the
	// number of bytes hashed and of all bytes, from the goroutine that called Run.
	Progress func(done, total int64)
}

const (
	// Limits of a batch: enough bytes that the cost of channels does not matter, and
	// enough pieces for all lanes.
	batchBytes  = 48 << 20
	batchPieces = 1024
)

// progressInterval is how often Progress is called.
const progressInterval = 100 * time.Millisecond

// A batch is a list of consecutive pieces that one worker hashes.
type batch struct {
	first, last int
	results     []Result
	done        chan struct{}
}

func (b *batch) len() int { return b.last - b.first + 1 }

// A run is a running Job.
type run struct {
	Job
	ctx      context.Context
	cancel   context.CancelCauseFunc
	workers  int
	lanes    int          // of a worker's hasher
	total    int64        // bytes to hash
	left     int64        // bytes that are in no batch yet; used by dispatch only
	cold     bool         // files are not in the page cache
	hashed   atomic.Int64 // bytes that were hashed
	reported int64        // the largest value that Progress was called with

	turn sync.Mutex // ReadSequential: held while reading
}

// Run hashes all pieces and calls yield with each result in order, from the calling
// goroutine. It stops if yield returns an error or ctx ends. At the end it checks all
// files again: changed lists those that changed in the meantime, so that the sums of
// their pieces are invalid.
func (j *Job) Run(ctx context.Context, yield func(Result) error) (changed []*Fault, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	r := &run{
		Job: *j, ctx: ctx, cancel: cancel, workers: workers(j.Jobs),
		lanes: lanes.NewSHA1().Lanes(), total: j.Layout.Bytes(),
	}
	r.left = r.total
	seen := j.survey()
	if r.cold = seen.isCold(); r.Read == ReadAuto {
		r.Read = choose(seen, j.Tree.isRemote)
	}
	if r.Read == ReadSequential {
		r.workers = min(r.workers, enoughInTurn)
	}

	// They stop in this order: the dispatcher when ctx ends or all pieces are dispatched,
	// the workers when it closes work, the collector when it closes order.
	work := make(chan *batch, r.workers)
	order := make(chan *batch, 2*r.workers)
	var wg sync.WaitGroup
	wg.Go(func() {
		defer close(order)
		defer close(work)
		r.dispatch(work, order)
	})
	for range r.workers {
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
	return j.Tree.recheck(ctx, r.workers)
}

// dispatch divides the pieces into batches and sends each to the collector, which keeps
// their order, and to a worker.
func (r *run) dispatch(work, order chan<- *batch) {
	pieces := r.Layout.Pieces()
	for first := 0; first < pieces; {
		n := min(r.batchSize(first), pieces-first)
		b := &batch{first: first, last: first + n - 1, done: make(chan struct{})}
		if !send(r.ctx, order, b) || !send(r.ctx, work, b) {
			close(b.done) // no worker has it, but the collector may wait for it
			return
		}
		first += n
	}
}

// batchSize is the number of pieces in the batch that begins at piece first. Batches near
// the end are smaller, so that all workers finish at about the same time.
func (r *run) batchSize(first int) int {
	if !r.V1 {
		return r.batchSizeV2(first)
	}
	pieceLength, left := r.Layout.PieceLength(), r.Layout.Pieces()-first
	if r.Read == ReadSequential {
		return int(min(max(r.sequentialBytes()/pieceLength, 1), batchPieces))
	}
	// Enough for all lanes: idle lanes save no time.
	n := int(min(max(batchBytes/pieceLength, int64(r.lanes)), batchPieces))
	return min(n, max(left/r.workers, r.lanes))
}

// batchSizeV2 is batchSize for v2. It counts bytes, as pieces of small files are short,
// and lanes hash blocks.
func (r *run) batchSizeV2(first int) int {
	most := min(batchBytes, max(r.left/int64(r.workers), lanes.Max*metainfo.BlockLength))
	if r.Read == ReadSequential {
		most = r.sequentialBytes()
	}
	n, bytes := 0, int64(0)
	for n < min(batchPieces, r.Layout.Pieces()-first) {
		size := r.pieceSize(first + n)
		if n > 0 && bytes+size > most {
			break
		}
		n, bytes = n+1, bytes+size
	}
	r.left -= bytes
	return n
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
	if r.Read == ReadSequential {
		r.workInTurn(w, work)
		return
	}
	for b := range work {
		w.hash(b)
		close(b.done)
	}
}

// workInTurn is work for ReadSequential. A worker that has locked turn receives the next
// batch and reads it, so the content is read in order.
func (r *run) workInTurn(w *worker, work <-chan *batch) {
	for {
		r.turn.Lock()
		b, ok := <-work
		staged := ok && w.stage(b)
		if ok && !staged {
			w.hash(b)
		}
		r.turn.Unlock()
		if !ok {
			return
		}
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
	if r.Progress != nil {
		// hashed decreases when a batch is hashed again after a fault.
		r.reported = max(r.reported, r.hashed.Load())
		r.Progress(r.reported, r.total)
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

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

// A ReadMode says how files are read.
type ReadMode uint8

const (
	ReadAuto       ReadMode = iota // by what the files are on
	ReadParallel                   // every worker reads for itself
	ReadSequential                 // one worker reads at a time, in order: for disks that turn
)

// A Job hashes the content of one torrent.
type Job struct {
	Layout *metainfo.Layout
	Tree   *Tree // one file a file of the layout, after Stat
	V1, V2 bool  // which sums of each piece; for V2 each file begins a piece

	// Twins are files that an earlier one is, too: with V2 their pieces are as its
	// own, are not hashed, and come without sums.
	Twins map[int]int

	Jobs int // workers, up to 64; 0 is one a processor, up to 16
	Read ReadMode

	// Progress, if not nil, is told the bytes done and to do, now and then and
	// at the end, from the goroutine that called Run.
	Progress func(done, total int64)
}

const (
	// A batch is the pieces that a worker takes at once: enough bytes that
	// handing it over costs nothing, enough pieces for all lanes.
	batchBytes  = 48 << 20
	batchPieces = 1024
)

// progressInterval is how often Progress is called.
const progressInterval = 100 * time.Millisecond

// A batch is a run of pieces on its way through a job.
type batch struct {
	first, last int
	results     []Result
	done        chan struct{}
}

func (b *batch) len() int { return b.last - b.first + 1 }

// run is a Job being done.
type run struct {
	Job
	ctx     context.Context
	cancel  context.CancelCauseFunc
	workers int
	lanes   int          // of a worker's hasher
	total   int64        // bytes to do
	left    int64        // of them, that are in no batch; the dispatcher's
	cold    bool         // files must come from a disk first
	hashed  atomic.Int64 // bytes done
	shown   int64        // the most of them that Progress was told

	turn sync.Mutex // Sequential: who has it reads
}

// Run hashes every piece and calls yield with each in order, from the calling
// goroutine. An error of yield, or the end of ctx, ends the job. Afterwards
// all files are looked at again: changed are those that became other files in
// the meantime, so that sums of their pieces mean nothing.
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

	// In this order of stopping: the dispatcher by ctx or because it is done,
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

// dispatch cuts the pieces into batches and hands each to the collector, for
// its place, and to a worker.
func (r *run) dispatch(work, order chan<- *batch) {
	pieces := r.Layout.Pieces()
	for first := 0; first < pieces; {
		n := min(r.batchSize(first), pieces-first)
		b := &batch{first: first, last: first + n - 1, done: make(chan struct{})}
		if !send(r.ctx, order, b) || !send(r.ctx, work, b) {
			close(b.done) // nobody will; the collector may wait for it
			return
		}
		first += n
	}
}

// batchSize is how many pieces make the batch that begins at first: near the
// end fewer, so that no worker is left alone with many.
func (r *run) batchSize(first int) int {
	if !r.V1 {
		return r.batchSizeV2(first)
	}
	pieceLength, left := r.Layout.PieceLength(), r.Layout.Pieces()-first
	if r.Read == ReadSequential {
		return int(min(max(r.sequentialBytes()/pieceLength, 1), batchPieces))
	}
	// Enough for all lanes, for to leave lanes idle saves no time.
	n := int(min(max(batchBytes/pieceLength, int64(r.lanes)), batchPieces))
	return min(n, max(left/r.workers, r.lanes))
}

// batchSizeV2 goes by bytes: many files may have less than a piece, and lanes
// take blocks.
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

// work hashes batches until there are no more.
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

// workInTurn is work where one worker reads at a time. Who has the turn takes
// the next batch and reads it, so all is read in the order of the content.
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
		// What is read again after a fault is not done twice.
		r.shown = max(r.shown, r.hashed.Load())
		r.Progress(r.shown, r.total)
	}
}

const (
	enoughWorkers = 16 // started unasked: memory is slower than they are
	enoughInTurn  = 4  // of which one reads: no disk is faster than they are
	maxWorkers    = 64 // at most, for each has its share of jobBytes
)

func workers(jobs int) int {
	if jobs <= 0 {
		jobs = min(runtime.GOMAXPROCS(0), enoughWorkers)
	}
	// A worker has a file and its directory open.
	return max(min(jobs, maxOpenFiles()/2, maxWorkers), 1)
}

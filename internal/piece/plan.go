package piece

import (
	"context"
	"math"
	"sync/atomic"
	"time"

	"bt/internal/lanes"
	"bt/internal/metainfo"
)

// A plan is the way in which the pieces of one layout are hashed.
type plan struct {
	Target
	number    int   // 0: Job.Layout, else the index in Job.More plus 1
	unskipped int   // pieces to hash
	lanes     int   // of a worker's hasher for SHA-1
	next      int   // the first piece that is in no batch yet; used by dispatch only
	left      int64 // bytes to hash that are in no batch yet; used by dispatch only

	windowBytes  int64 // limit of one mapping
	shared       bool  // one mapping serves several lanes
	segmentBytes int   // limit of the bytes that a lane gets at a time
}

// newRun returns a run of the job with its plans.
func newRun(j *Job, ctx context.Context, cancel context.CancelCauseFunc) *run {
	r := &run{job: j, files: j.Tree, mode: j.Read, ctx: ctx, cancel: cancel, workers: workers(j.Jobs)}
	n := lanes.NewSHA1().Lanes()
	for i, t := range append([]Target{{j.Layout, j.V1, j.V2}}, j.More...) {
		p := &plan{Target: t, number: i, lanes: n}
		r.count(p)
		r.plans = append(r.plans, p)
	}
	return r
}

// count counts the pieces and bytes to hash for a plan.
func (r *run) count(p *plan) {
	if r.job.Skip == nil {
		p.unskipped, p.left = p.Layout.Pieces(), p.Layout.Bytes()
		return
	}
	for piece := range p.Layout.Pieces() {
		if r.skips(p, piece) {
			continue
		}
		p.unskipped++
		p.left += p.contentSize(piece)
	}
}

// skips reports whether a piece is not read.
func (r *run) skips(p *plan, piece int) bool { return r.job.Skip != nil && r.job.Skip(p.number, piece) }

// divide divides the memory for mappings among the workers, and limits the batches.
func (r *run) divide() {
	r.share = jobBytes / int64(r.workers)
	most := int64(batchBytes)
	for _, p := range r.plans {
		p.segmentBytes = math.MaxInt
		if p.V1 && p.V2 {
			p.segmentBytes = hybridBytes
		}
		// All lanes share one mapping if their messages are short enough, because mapping
		// and unmapping stops the other workers for a moment. Two may be in use at a time.
		p.windowBytes = r.share / 2
		if p.shared = !p.V1 || p.Layout.PieceLength() <= p.windowBytes/int64(p.lanes); !p.shared {
			p.windowBytes = r.share / int64(p.lanes)
		}
		p.windowBytes &^= stagingBytes - 1 // whole blocks and pages
		// A batch of Layout has a piece for each lane in the other layouts too, if both
		// are mapped at a time.
		if full := p.Layout.PieceLength() * int64(p.lanes); p.number > 0 && p.V1 && full+p.Layout.PieceLength() <= r.share {
			most = max(most, full)
		}
	}
	r.pace.start(most, r.cold)
}

// pieceSize is the number of bytes of a piece that are hashed.
func (p *plan) pieceSize(piece int) int64 {
	if !p.V1 { // the piece is in one file
		c := p.Layout.Cursor(piece)
		span, _ := c.Next()
		return span.Length
	}
	return min(p.Layout.PieceLength(), p.Layout.Total()-int64(piece)*p.Layout.PieceLength())
}

// contentSize is the number of bytes of a piece that are in files.
func (p *plan) contentSize(piece int) (n int64) {
	for _, span := range p.Layout.Spans(piece, piece) {
		if span.File != metainfo.Gap {
			n += span.Length
		}
	}
	return n
}

// dispatch divides the pieces into batches and sends each to the collector, which keeps
// their order, and to a worker.
func (r *run) dispatch(work, order chan<- *batch) {
	main, more := r.plans[0], r.plans[1:]
	for main.next < main.Layout.Pieces() {
		list := []*batch{r.batch(main, r.batchSize(main))}
		for _, p := range more {
			for reached := main.reached(p); p.next < reached; {
				n := r.batchSize(p)
				// A few idle lanes cost less than to map or read the bytes again later.
				if reached-p.next < n-n/4 {
					break
				}
				list = append(list, r.batch(p, min(n, reached-p.next)))
			}
		}
		if !r.send(list, work, order) {
			return
		}
	}
	for _, p := range more {
		for p.next < p.Layout.Pieces() {
			if !r.send([]*batch{r.batch(p, r.batchSize(p))}, work, order) {
				return
			}
		}
	}
}

// batch returns a batch of the next n pieces of a plan.
func (r *run) batch(p *plan, n int) *batch {
	n = min(n, p.Layout.Pieces()-p.next)
	b := &batch{plan: p, first: p.next, last: p.next + n - 1, done: make(chan struct{})}
	if !p.V1 { // batchSizeV2 needs it
		for piece := b.first; piece <= b.last; piece++ {
			if !r.skips(p, piece) {
				p.left -= p.pieceSize(piece)
			}
		}
	}
	p.next += n
	return b
}

// send sends batches with mostly the same bytes, all to one worker, which then has the
// bytes mapped. In ReadSequential it has not, and each is read in a turn of its own. send
// returns false when ctx ends.
func (r *run) send(list []*batch, work, order chan<- *batch) bool {
	together := r.mode != ReadSequential
	if together {
		list[0].then = list[1:]
	}
	for i, b := range list {
		if !send(r.ctx, order, b) {
			return false
		}
		if i > 0 && together {
			continue // a worker has it already
		}
		if !send(r.ctx, work, b) {
			close(b.done) // no worker has it, but the collector may wait for it
			return false
		}
	}
	return true
}

// reached returns the number of pieces of another plan that have no bytes beyond those
// that p has dispatched.
func (p *plan) reached(other *plan) int {
	if p.next == 0 {
		return 0
	}
	at, end := 0, int64(0)
	for _, span := range p.Layout.Spans(p.next-1, p.next-1) {
		if span.File != metainfo.Gap {
			at, end = span.File, span.Offset+span.Length
		}
	}
	return int((other.Layout.Offset(at) + end) / other.Layout.PieceLength())
}

// batchSize is the number of pieces in the next batch of a plan. Batches near the end
// are smaller, so that all workers finish at about the same time.
func (r *run) batchSize(p *plan) int {
	if !p.V1 {
		return r.batchSizeV2(p)
	}
	pieceLength, left := p.Layout.PieceLength(), p.Layout.Pieces()-p.next
	limit := r.pace.limit()
	if r.mode == ReadSequential {
		return int(min(max(min(r.sequentialBytes(), limit)/pieceLength, 1), batchPieces))
	}
	// Enough for all lanes: idle lanes save no time. But if reading is slow, idle lanes
	// cost none.
	least := p.lanes
	if limit < r.pace.most {
		least = 1
	}
	n := int(min(max(limit/pieceLength, int64(least)), batchPieces))
	return min(n, max(left/r.workers, least))
}

// batchSizeV2 is batchSize for v2. It counts bytes, as pieces of small files are short,
// and lanes hash blocks.
func (r *run) batchSizeV2(p *plan) int {
	most := min(r.pace.limit(), max(p.left/int64(r.workers), lanes.Max*metainfo.BlockLength))
	if r.mode == ReadSequential {
		most = min(r.sequentialBytes(), r.pace.limit())
	}
	n, bytes := 0, int64(0)
	for n < min(batchPieces, p.Layout.Pieces()-p.next) {
		size := p.pieceSize(p.next + n)
		if n > 0 && bytes+size > most {
			break
		}
		n, bytes = n+1, bytes+size
	}
	return n
}

// A pace limits the bytes of a batch so that a worker needs a fraction of a second for
// it, also if reading is slow: the results are then known, and can be stored, in time.
type pace struct {
	bytes atomic.Int64
	most  int64
}

const (
	slowStart = 512 << 10              // the first limit, if the files are not in the page cache
	leastPace = 64 << 10               // the least limit
	paceTime  = 150 * time.Millisecond // for a batch
)

func (p *pace) start(most int64, cold bool) {
	p.most = most
	p.bytes.Store(most)
	if cold {
		p.bytes.Store(slowStart)
	}
}

func (p *pace) limit() int64 { return p.bytes.Load() }

// took adapts the limit to the time d in which a worker has read n bytes. The limit at
// most doubles, as the bytes of one batch may have been in the page cache by chance.
func (p *pace) took(n int64, d time.Duration) {
	if n > 0 && d > 0 {
		limit := int64(float64(n) / d.Seconds() * paceTime.Seconds())
		p.bytes.Store(min(max(limit, leastPace), 2*p.bytes.Load(), p.most))
	}
}

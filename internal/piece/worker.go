package piece

import "bt/internal/lanes"

const (
	// stagingBytes is the size of a lane's read buffer, for small files and files that
	// can't be mapped.
	stagingBytes = 64 << 10
	// mapLeast is the least length of a mapping. For less, reading is faster.
	mapLeast = 512 << 10
	// jobBytes is the limit of all mappings of a job, or of all buffers of its sequential
	// reader. Mapped pages count as resident memory.
	jobBytes = 144 << 20
	// maxSequentialBytes is the most that a worker reads in one turn, in ReadSequential.
	maxSequentialBytes = 16 << 20
	// hybridBytes is the length of a lane's segments in a hybrid torrent: short enough
	// that they are still in the CPU's cache for the second hash.
	hybridBytes = 32 << 10
)

// A worker hashes batches, one after another.
type worker struct {
	fileReader
	sha1, sha256 *lanes.Hasher // nil if not needed
	*batch
	mapped  bool  // whether to map files
	counted int64 // bytes of the batch that are in run.hashed
	taken   int64 // bytes of the batch that were read

	feeds   [lanes.Max]feed
	windows []*window
	keeps   bool     // windows stay mapped for batches of other layouts
	staged  [][]byte // ReadSequential: the pieces of the batch; nil if they don't fit
	buffer  []byte   // backs staged

	trees // v2
}

func (r *run) newWorker() *worker {
	w := &worker{fileReader: fileReader{run: r}}
	for _, p := range r.plans {
		if p.V1 && w.sha1 == nil {
			w.sha1 = lanes.NewSHA1()
		}
		if p.V2 && w.sha256 == nil {
			w.sha256 = lanes.NewSHA256()
		}
	}
	return w
}

func (w *worker) close() {
	w.unmapIdle()
	w.fileReader.close()
}

// hash hashes a batch from mappings. If one of those can't be read, it hashes the batch
// again by reading, which shows which pieces fail.
func (w *worker) hash(b *batch) {
	w.begin(b, canMap && w.mode != ReadSequential && b.windowBytes >= mapLeast)
	if !w.runMapped() {
		w.hashed.Add(-w.counted)
		w.begin(b, false)
		w.unmapIdle() // the next batch must not use them
		w.runLanes()
	}
}

func (w *worker) begin(b *batch, mapped bool) {
	w.batch, w.mapped, w.counted, w.taken, w.staged = b, mapped, 0, 0, nil
	b.results = make([]Result, b.len())
	for i := range b.results {
		r := &b.results[i]
		r.Layout, r.Index = b.number, b.first+i
		r.Skipped = w.job.Skip != nil && w.job.Skip(r.Layout, r.Index)
	}
	for i := range w.feeds { // after a fault they still have messages
		w.leave(&w.feeds[i])
	}
	if w.V2 {
		w.makeLeaves()
	}
}

// runLanes hashes the messages of the batch.
func (w *worker) runLanes() {
	if w.V1 {
		w.sha1.Run(w.len(), pieces{w})
	} else {
		w.sha256.Run(len(w.leaves), leaves{w})
	}
	if w.V2 {
		w.makeRoots()
	}
}

// stage reads the pieces of a batch in order, in a worker's turn of ReadSequential. It
// returns false if they don't fit into the buffer. hashStaged then hashes them, which
// needs no turn.
func (w *worker) stage(b *batch) bool {
	size := int64(0)
	for i := range b.len() {
		size += b.pieceSize(b.first + i)
	}
	if size > w.sequentialBytes() {
		return false
	}
	if w.buffer == nil {
		w.buffer = make([]byte, w.sequentialBytes())
	}
	w.begin(b, false)
	staged := make([][]byte, b.len())
	room := w.buffer
	for i := range staged {
		n := w.pieceSize(b.first + i)
		staged[i], room = w.readPiece(i, room[:n:n]), room[n:]
	}
	w.staged = staged
	return true
}

// readPiece reads a piece of the batch into buf.
func (w *worker) readPiece(piece int, buf []byte) []byte {
	if r := &w.results[piece]; r.Failed || r.Skipped {
		return nil
	}
	f := feed{message: -1}
	w.enter(&f, piece)
	n := 0
	for {
		f.buf = buf[n:]
		b := w.next(&f)
		if len(b) == 0 {
			break
		}
		n += copy(buf[n:], b) // onto itself, but for padding
	}
	w.fail(piece, &f)
	return buf[:n]
}

func (w *worker) hashStaged() { w.runLanes() }

// sequentialBytes is the number of bytes that a worker reads in one turn.
func (r *run) sequentialBytes() int64 { return min(jobBytes/int64(r.workers), maxSequentialBytes) }

package piece

import (
	"crypto/sha1"
	"hash"
)

// A hasher turns the chunks of a batch into the results of its pieces.
type hasher struct {
	h      hash.Hash
	batch  *batch
	result Result
	zeros  []byte
}

func newHasher() *hasher { return &hasher{h: sha1.New(), zeros: make([]byte, 64<<10)} }

func (h *hasher) begin(b *batch) {
	h.batch = b
	b.results = make([]Result, 0, b.last-b.first+1)
	h.start(b.first)
}

func (h *hasher) start(piece int) {
	h.h.Reset()
	h.result = Result{Index: piece}
}

// add takes the next chunk; chunks come in the order of the content.
func (h *hasher) add(c chunk) {
	if c.piece != h.result.Index {
		h.finish()
		h.start(c.piece)
	}
	switch {
	case c.fault != nil:
		h.result.Faults = append(h.result.Faults, c.fault)
	case c.data != nil:
		h.h.Write(c.data)
	default:
		for n := c.length; n > 0; {
			k := min(n, int64(len(h.zeros)))
			h.h.Write(h.zeros[:k])
			n -= k
		}
	}
}

func (h *hasher) finish() {
	if h.result.Faults == nil {
		h.h.Sum(h.result.SHA1[:0])
	}
	h.batch.results = append(h.batch.results, h.result)
}

// end finishes the last piece.
func (h *hasher) end() { h.finish() }

package pool

import (
	"cmp"
	"slices"
	"sync"
	"time"
	"unsafe"
)

// BlockLength is the length in bytes of all blocks of a torrent but the last ones of its
// pieces and files.
const BlockLength = 16 << 10

// A Block is memory for a block of a torrent.
type Block = [BlockLength]byte

// Blocks are memory for blocks of torrents. The packages that receive, keep and write a block
// pass its memory on, so that it is not copied. The last of them must put it back: the garbage
// collector does not free it.
var Blocks Arena

const (
	// chunkLength is the length of a huge page. Pieces that are hashed together are in many
	// places: with small pages, page faults and address translation take a fifth of the CPU
	// time of a download.
	chunkLength = 2 << 20
	perChunk    = chunkLength / BlockLength

	// idleTime is for how long a chunk is not used before it is given back to the system.
	idleTime = 5 * time.Second
)

// An Arena is memory in blocks. It grows as it is needed, and shrinks some seconds later. The
// zero Arena is ready for use.
type Arena struct {
	mu     sync.Mutex
	chunks []*chunk // by address
	some   []*chunk // of which a part is in use, and a part is not
	idle   []*chunk // that are not in use
	least  int      // the least len(idle) since watch has scheduled trim
	trims  bool     // trim is scheduled
}

// A chunk is memory for many blocks.
type chunk struct {
	memory *[perChunk]Block
	free   []*Block
}

func (c *chunk) address() uintptr { return uintptr(unsafe.Pointer(c.memory)) }

// Get returns a block, with any content.
func (a *Arena) Get() *Block {
	var list [1]*Block
	a.Fill(list[:])
	return list[0]
}

// Fill sets the nil elements of list to blocks, with any content.
func (a *Arena) Fill(list []*Block) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i, b := range list {
		if b == nil {
			list[i] = a.get()
		}
	}
}

// Put takes the blocks of list back, and sets its elements to nil. Those that are nil already
// are ignored.
func (a *Arena) Put(list ...*Block) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i, b := range list {
		if b != nil {
			a.put(b)
			list[i] = nil
		}
	}
}

// InUse returns the number of blocks that were not put back yet.
func (a *Arena) InUse() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := 0
	for _, c := range a.chunks {
		n += perChunk - len(c.free)
	}
	return n
}

func (a *Arena) get() *Block {
	if len(a.some) == 0 {
		if len(a.idle) == 0 {
			a.grow()
		}
		last := len(a.idle) - 1
		a.some, a.idle = append(a.some, a.idle[last]), a.idle[:last]
		a.least = min(a.least, last)
	}
	c := a.some[len(a.some)-1]
	last := len(c.free) - 1
	b := c.free[last]
	if c.free = c.free[:last]; last == 0 {
		a.some = a.some[:len(a.some)-1]
	}
	return b
}

func (a *Arena) put(b *Block) {
	c := a.holder(b)
	if slices.Contains(c.free, b) {
		panic("pool: a block is put back twice")
	}
	c.free = append(c.free, b)
	switch len(c.free) {
	case 1:
		a.some = append(a.some, c)
	case perChunk:
		i := slices.Index(a.some, c)
		a.some = slices.Delete(a.some, i, i+1)
		a.idle = append(a.idle, c)
		a.watch()
	}
}

// find returns the position of the chunk that begins at an address, or where it would be.
func (a *Arena) find(address uintptr) (i int, found bool) {
	return slices.BinarySearchFunc(a.chunks, address, func(c *chunk, to uintptr) int { return cmp.Compare(c.address(), to) })
}

// holder returns the chunk that a block is in.
func (a *Arena) holder(b *Block) *chunk {
	i, found := a.find(uintptr(unsafe.Pointer(b)))
	if !found {
		i--
	}
	if i < 0 || uintptr(unsafe.Pointer(b)) >= a.chunks[i].address()+chunkLength {
		panic("pool: a block is put back that is none of the arena")
	}
	return a.chunks[i]
}

// grow adds an idle chunk.
func (a *Arena) grow() {
	c := &chunk{memory: allocate(), free: make([]*Block, 0, perChunk)}
	for i := range c.memory {
		c.free = append(c.free, &c.memory[i])
	}
	i, _ := a.find(c.address())
	a.chunks = slices.Insert(a.chunks, i, c)
	a.idle = append(a.idle, c)
}

// watch schedules trim, which releases the chunks that are not used for idleTime.
func (a *Arena) watch() {
	if !a.trims {
		a.trims, a.least = true, len(a.idle)
		time.AfterFunc(idleTime, a.trim)
	}
}

// trim releases as many chunks as were idle all the time since watch was called.
func (a *Arena) trim() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, c := range a.idle[:a.least] {
		i, _ := a.find(c.address())
		a.chunks = slices.Delete(a.chunks, i, i+1)
		release(c.memory)
		*c = chunk{} // the lists may still refer to it beyond their ends
	}
	a.idle = slices.Delete(a.idle, 0, a.least)
	if a.trims = false; len(a.idle) > 0 {
		a.watch()
	}
}

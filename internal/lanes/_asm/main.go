// Command _asm generates the kernels of package lanes.
//
// Every kernel hashes whole blocks of 16 or 8 messages at once, one in each 32-bit lane
// of its vector registers. Its arguments are the states (by word, each word of all
// lanes together), a pointer for each lane and a number of 64-byte blocks. It
// transposes the bytes in registers, without copying them.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

func main() {
	ConstraintExpr("amd64,!purego")
	sha1AVX512()
	sha1AVX2()
	sha256AVX512()
	Generate()
}

// zmm and ymm return the vector registers by number.
var (
	zmm = [32]VecPhysical{
		Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z7, Z8, Z9, Z10, Z11, Z12, Z13, Z14, Z15,
		Z16, Z17, Z18, Z19, Z20, Z21, Z22, Z23, Z24, Z25, Z26, Z27, Z28, Z29, Z30, Z31,
	}
	ymm = [16]VecPhysical{Y0, Y1, Y2, Y3, Y4, Y5, Y6, Y7, Y8, Y9, Y10, Y11, Y12, Y13, Y14, Y15}
)

// kernel declares a kernel and loads its arguments.
type kernel struct {
	state, ptrs, blocks, offset GPPhysical
}

func begin(name, doc string) kernel {
	TEXT(name, NOSPLIT, "func(state *[8][16]uint32, ptrs *[16]*byte, blocks int)")
	Doc(doc)
	Pragma("noescape")
	k := kernel{state: RAX, ptrs: RBX, blocks: RCX, offset: RDX}
	Load(Param("state"), k.state)
	Load(Param("ptrs"), k.ptrs)
	Load(Param("blocks"), k.blocks)
	XORQ(k.offset, k.offset)
	return k
}

// word returns the address of a word of the states of all lanes.
func (k kernel) word(i int) Mem { return Mem{Base: k.state, Disp: 64 * i} }

// row returns the address of the current block of a lane, using a scratch register.
func (k kernel) row(lane, at int) Mem {
	MOVQ(Mem{Base: k.ptrs, Disp: 8 * lane}, RSI)
	return Mem{Base: RSI, Index: k.offset, Scale: 1, Disp: at}
}

// prefetch prefetches blocks that a lane needs later. The CPU prefetches by itself only
// up to the end of a page.
func (k kernel) prefetch(lane int) {
	PREFETCHT0(k.row(lane, prefetchDistance))
}

const prefetchDistance = 1024

// loop ends a loop body that begins at label: it continues with the next block, if
// there is one.
func (k kernel) loop(label string) {
	ADDQ(U8(64), k.offset)
	DECQ(k.blocks)
	JNZ(LabelRef(label))
	VZEROUPPER()
	RET()
}

// constants defines a read-only table of 32-bit words.
func constants(name string, words []uint32) Mem {
	m := GLOBL(name, RODATA|NOPTR)
	for i, w := range words {
		DATA(4*i, U32(w))
	}
	return m
}

// byteSwap defines the VPSHUFB mask that reverses the bytes of each word.
func byteSwap(name string, bytes int) Mem {
	var words []uint32
	for i := range bytes / 4 {
		w := uint32(i % 4 * 4)
		words = append(words, (w+3)|(w+2)<<8|(w+1)<<16|w<<24)
	}
	return constants(name, words)
}

// A pool contains the one register that a step of a transposition needs besides its
// operands.
type pool struct{ free VecPhysical }

// pair replaces a and b by two combinations of them. Both instructions read both, so
// the first writes to the free register, and a becomes free.
func (p *pool) pair(a, b *VecPhysical, low, high func(a, b, to VecPhysical)) {
	low(*a, *b, p.free)
	high(*a, *b, *b)
	*a, p.free = p.free, *a
}

func unpackDwords(a, b, to VecPhysical)     { VPUNPCKLDQ(b, a, to) }
func unpackDwordsHigh(a, b, to VecPhysical) { VPUNPCKHDQ(b, a, to) }
func unpackQwords(a, b, to VecPhysical)     { VPUNPCKLQDQ(b, a, to) }
func unpackQwordsHigh(a, b, to VecPhysical) { VPUNPCKHQDQ(b, a, to) }

// transposeLanes transposes each four rows within every 128-bit lane: row 4g+j becomes
// word j of its lane of rows 4g to 4g+3.
func transposeLanes(r []*VecPhysical, p *pool) {
	for i := 0; i < len(r); i += 2 {
		p.pair(r[i], r[i+1], unpackDwords, unpackDwordsHigh)
	}
	for i := 0; i < len(r); i += 4 {
		p.pair(r[i], r[i+2], unpackQwords, unpackQwordsHigh)
		p.pair(r[i+1], r[i+3], unpackQwords, unpackQwordsHigh)
		// Now r[i] has word 0, r[i+2] word 1, r[i+1] word 2, r[i+3] word 3.
		*r[i+1], *r[i+2] = *r[i+2], *r[i+1]
	}
}

// transpose16 transposes 16 rows of 16 words, one row per message, to 16 vectors of one
// word of all messages.
func transpose16(rows [16]VecPhysical, p *pool) [16]VecPhysical {
	var r []*VecPhysical
	for i := range rows {
		r = append(r, &rows[i])
	}
	transposeLanes(r, p)
	shuffle := func(order uint64) func(a, b, to VecPhysical) {
		return func(a, b, to VecPhysical) { VSHUFI32X4(U8(order), b, a, to) }
	}
	even, odd := shuffle(0x88), shuffle(0xdd)
	var words [16]VecPhysical
	for j := range 4 {
		a, b, c, d := r[j], r[4+j], r[8+j], r[12+j]
		p.pair(a, b, even, odd) // lanes 0 and 2 of a and b; 1 and 3
		p.pair(c, d, even, odd)
		p.pair(a, c, even, odd) // lane 0 of all; lane 2
		p.pair(b, d, even, odd) // lane 1; lane 3
		words[j], words[4+j], words[8+j], words[12+j] = *a, *b, *c, *d
	}
	return words
}

// load16 loads a block of 16 messages as 16 vectors of words.
func (k kernel) load16(swap VecPhysical, p *pool) [16]VecPhysical {
	var rows [16]VecPhysical
	for i := range rows {
		rows[i] = zmm[i]
		VMOVDQU32(k.row(i, 0), rows[i])
		VPSHUFB(swap, rows[i], rows[i])
	}
	return transpose16(rows, p)
}

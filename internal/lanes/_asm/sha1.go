package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// FIPS 180-4, 4.1.1 and 4.2.1: a function and a constant for 20 rounds each.
var sha1K = []uint32{0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6}

// The functions as truth tables for VPTERNLOGD.
const (
	choose   = 0xca
	parity   = 0x96
	majority = 0xe8
)

func sha1AVX512() {
	k := begin("sha1x16", "sha1x16 hashes blocks of 16 messages with AVX-512.")
	swap, f, t := Z23, Z21, Z22
	p := &pool{free: Z31}
	VMOVDQU32(byteSwap("swap64", 64), swap)
	kTable := constants("sha1K", sha1K)
	var kVec [4]VecPhysical
	for i := range kVec {
		kVec[i] = zmm[24+i]
		VPBROADCASTD(kTable.Offset(4*i), kVec[i])
	}
	s := [5]VecPhysical{Z16, Z17, Z18, Z19, Z20} // a b c d e
	for i := range s {
		VMOVDQU32(k.word(i), s[i])
	}

	Label("block512")
	w := k.load16(swap, p)
	v := s // v[0] is a; names rotate, registers don't
	for i := range 80 {
		x := w[i%16]
		if i >= 16 {
			VPTERNLOGD(U8(parity), w[(i+13)%16], w[(i+8)%16], x)
			VPXORD(w[(i+2)%16], x, x)
			VPROLD(U8(1), x, x)
		}
		if i%5 == 2 {
			k.prefetch(i / 5)
		}
		table := []uint64{choose, parity, majority, parity}[i/20]
		VPADDD(kVec[i/20], v[4], v[4])
		VMOVDQA32(v[1], f)
		VPTERNLOGD(U8(table), v[3], v[2], f)
		VPADDD(x, v[4], v[4])
		VPROLD(U8(5), v[0], t)
		VPADDD(f, v[4], v[4])
		VPROLD(U8(30), v[1], v[1])
		VPADDD(t, v[4], v[4])
		v = [5]VecPhysical{v[4], v[0], v[1], v[2], v[3]}
	}
	for i := range v {
		m := k.word(i)
		VPADDD(m, v[i], v[i])
		VMOVDQU32(v[i], m)
	}
	k.loop("block512") // after 80 rounds the names are those of the start again
}

// The AVX2 kernel keeps the words in memory: there are 16 registers, and no
// instructions for rotations and functions of three operands.
func sha1AVX2() {
	k := begin("sha1x8", "sha1x8 hashes blocks of the first 8 messages with AVX2.")
	w := AllocLocal(16 * 32)
	kTable := constants("sha1Kx8", repeat(sha1K, 8))
	swap := byteSwap("swap32", 32)
	s := [5]VecPhysical{Y0, Y1, Y2, Y3, Y4}
	f, t, x := Y5, Y6, Y7
	for i := range s {
		VMOVDQU(k.word(i), s[i])
	}

	Label("block2")
	for half := range 2 {
		var rows [8]VecPhysical
		for i := range rows {
			rows[i] = ymm[8+i]
			VMOVDQU(k.row(i, 32*half), rows[i])
			VPSHUFB(swap, rows[i], rows[i])
		}
		for i, r := range transpose8(rows, &pool{free: x}) {
			VMOVDQU(r, w.Offset(32*(8*half+i)))
		}
	}
	v := s
	for i := range 80 {
		slot := w.Offset(32 * (i % 16))
		if i < 16 {
			VMOVDQU(slot, x)
		} else {
			VMOVDQU(w.Offset(32*((i+13)%16)), t)
			VPXOR(w.Offset(32*((i+8)%16)), t, t)
			VPXOR(w.Offset(32*((i+2)%16)), t, t)
			VPXOR(slot, t, t)
			VPADDD(t, t, x) // rotate by 1
			VPSRLD(U8(31), t, t)
			VPOR(t, x, x)
			if i < 77 { // later words are not used again
				VMOVDQU(x, slot)
			}
		}
		VPADDD(kTable.Offset(32*(i/20)), x, x)
		VPADDD(x, v[4], v[4])
		b, c, d := v[1], v[2], v[3]
		switch i / 20 {
		case 0: // choose
			VPXOR(d, c, f)
			VPAND(b, f, f)
			VPXOR(d, f, f)
		case 2: // majority
			VPXOR(c, b, f)
			VPAND(d, f, f)
			VPAND(c, b, t)
			VPADDD(t, v[4], v[4]) // the two terms have no bit in common
		default: // parity
			VPXOR(c, b, f)
			VPXOR(d, f, f)
		}
		VPADDD(f, v[4], v[4])
		VPSLLD(U8(5), v[0], t)
		VPSRLD(U8(27), v[0], f)
		VPOR(f, t, t)
		VPADDD(t, v[4], v[4])
		VPSLLD(U8(30), v[1], t)
		VPSRLD(U8(2), v[1], v[1])
		VPOR(t, v[1], v[1])
		v = [5]VecPhysical{v[4], v[0], v[1], v[2], v[3]}
	}
	for i := range v {
		m := k.word(i)
		VPADDD(m, v[i], v[i])
		VMOVDQU(v[i], m)
	}
	k.loop("block2")
}

// repeat returns a vector of n copies for each word.
func repeat(words []uint32, n int) []uint32 {
	var out []uint32
	for _, w := range words {
		for range n {
			out = append(out, w)
		}
	}
	return out
}

// transpose8 transposes 8 rows of 8 words to 8 vectors of one word of all rows.
func transpose8(rows [8]VecPhysical, p *pool) [8]VecPhysical {
	var r []*VecPhysical
	for i := range rows {
		r = append(r, &rows[i])
	}
	transposeLanes(r, p)
	half := func(order uint64) func(a, b, to VecPhysical) {
		return func(a, b, to VecPhysical) { VPERM2I128(U8(order), b, a, to) }
	}
	var words [8]VecPhysical
	for j := range 4 {
		a, b := r[j], r[4+j]
		p.pair(a, b, half(0x20), half(0x31))
		words[j], words[4+j] = *a, *b
	}
	return words
}

package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// FIPS 180-4, 4.2.2.
var sha256K = []uint32{
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
	0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
	0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
}

func sha256AVX512() {
	k := begin("sha256x16", "sha256x16 hashes blocks of 16 messages with AVX-512.")
	kTable := constants("sha256K", sha256K)
	swap, t1, t2, t3, t4, t5, t6 := Z24, Z25, Z26, Z27, Z28, Z29, Z30
	p := &pool{free: Z31}
	VMOVDQU32(byteSwap("swap64b", 64), swap)
	s := [8]VecPhysical{Z16, Z17, Z18, Z19, Z20, Z21, Z22, Z23} // a to h
	for i := range s {
		VMOVDQU32(k.word(i), s[i])
	}

	Label("block256")
	w := k.load16(swap, p)
	v := s
	for i := range 64 {
		a, b, c, d, e, f, g, h := v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7]
		x := w[i%16]
		// Rotations and shifts use one port, all others two. They alternate here, as
		// the CPU assigns instructions to ports in order.
		scheduled := func(rotate, rest func()) {
			if i >= 16 {
				rotate()
				rest()
			}
		}
		w15, w2 := w[(i+1)%16], w[(i+14)%16]
		if i%4 == 2 {
			k.prefetch(i / 4)
		}
		VPRORD(U8(6), e, t1)
		scheduled(func() { VPRORD(U8(7), w15, t4) }, func() { VPADDD(w[(i+9)%16], x, x) })
		VPADDD_BCST(kTable.Offset(4*i), h, h)
		VPRORD(U8(11), e, t2)
		VMOVDQA32(e, t5)
		VPTERNLOGD(U8(choose), g, f, t5)
		scheduled(func() { VPRORD(U8(18), w15, t6) }, func() {})
		VPADDD(t5, h, h)
		VPRORD(U8(25), e, t3)
		VPTERNLOGD(U8(parity), t2, t1, t3)
		scheduled(func() { VPSRLD(U8(3), w15, t1) }, func() {})
		VPADDD(t3, h, h)
		scheduled(func() { VPTERNLOGD(U8(parity), t4, t6, t1) }, func() {})
		scheduled(func() { VPRORD(U8(17), w2, t2) }, func() { VPADDD(t1, x, x) })
		scheduled(func() { VPRORD(U8(19), w2, t4) }, func() {})
		VMOVDQA32(a, t5)
		VPTERNLOGD(U8(majority), c, b, t5)
		scheduled(func() { VPSRLD(U8(10), w2, t6) }, func() { VPTERNLOGD(U8(parity), t2, t4, t6) })
		VPRORD(U8(2), a, t1)
		scheduled(func() {}, func() { VPADDD(t6, x, x) })
		VPRORD(U8(13), a, t2)
		VPADDD(x, h, h) // T1
		VPRORD(U8(22), a, t3)
		VPADDD(h, d, d)
		VPTERNLOGD(U8(parity), t2, t1, t3)
		VPADDD(t5, h, h)
		VPADDD(t3, h, h)
		v = [8]VecPhysical{h, a, b, c, d, e, f, g}
	}
	for i := range v {
		m := k.word(i)
		VPADDD(m, v[i], v[i])
		VMOVDQU32(v[i], m)
	}
	k.loop("block256")
}

package lanes

import (
	"encoding/binary"
	"math/bits"
	"unsafe"
)

// The kernels in Go, which tests compare the assembly with.

func sha1Portable(s *state, ptrs *[Max]*byte, blocks int) {
	for i, p := range ptrs {
		data := unsafe.Slice(p, blocks*blockSize)
		v := [5]uint32{s[0][i], s[1][i], s[2][i], s[3][i], s[4][i]}
		for ; len(data) > 0; data = data[blockSize:] {
			sha1Block(&v, data)
		}
		for w := range v {
			s[w][i] = v[w]
		}
	}
}

func sha1Block(s *[5]uint32, block []byte) {
	var w [80]uint32
	for t := range w {
		if t < 16 {
			w[t] = binary.BigEndian.Uint32(block[4*t:])
		} else {
			w[t] = bits.RotateLeft32(w[t-3]^w[t-8]^w[t-14]^w[t-16], 1)
		}
	}
	a, b, c, d, e := s[0], s[1], s[2], s[3], s[4]
	for t := range w {
		var f, k uint32
		switch t / 20 {
		case 0:
			f, k = b&c|^b&d, 0x5a827999
		case 1:
			f, k = b^c^d, 0x6ed9eba1
		case 2:
			f, k = b&c|b&d|c&d, 0x8f1bbcdc
		case 3:
			f, k = b^c^d, 0xca62c1d6
		}
		a, b, c, d, e = bits.RotateLeft32(a, 5)+f+e+k+w[t], a, bits.RotateLeft32(b, 30), c, d
	}
	s[0] += a
	s[1] += b
	s[2] += c
	s[3] += d
	s[4] += e
}

func sha256Portable(s *state, ptrs *[Max]*byte, blocks int) {
	for i, p := range ptrs {
		data := unsafe.Slice(p, blocks*blockSize)
		var v [8]uint32
		for w := range v {
			v[w] = s[w][i]
		}
		for ; len(data) > 0; data = data[blockSize:] {
			sha256Block(&v, data)
		}
		for w := range v {
			s[w][i] = v[w]
		}
	}
}

func sha256Block(s *[8]uint32, block []byte) {
	rotate := func(x uint32, n int) uint32 { return bits.RotateLeft32(x, -n) }
	var w [64]uint32
	for t := range w {
		if t < 16 {
			w[t] = binary.BigEndian.Uint32(block[4*t:])
			continue
		}
		x, y := w[t-15], w[t-2]
		w[t] = w[t-16] + w[t-7] +
			(rotate(x, 7) ^ rotate(x, 18) ^ x>>3) +
			(rotate(y, 17) ^ rotate(y, 19) ^ y>>10)
	}
	a, b, c, d, e, f, g, h := s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7]
	for t := range w {
		t1 := h + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) + (e&f ^ ^e&g) + sha256K[t] + w[t]
		t2 := (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + (a&b ^ a&c ^ b&c)
		a, b, c, d, e, f, g, h = t1+t2, a, b, c, d+t1, e, f, g
	}
	for i, x := range [8]uint32{a, b, c, d, e, f, g, h} {
		s[i] += x
	}
}

var sha256K = [64]uint32{
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
	0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
	0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
}

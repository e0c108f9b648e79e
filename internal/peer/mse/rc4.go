package mse

import "encoding/binary"

// A cipher is one direction of RC4. It does the same as crypto/rc4, in two thirds of the
// time, because it loads the state for the next step before it stores that of this one. Otherwise the
// load would wait for the stores, which may be to the same address.
type cipher struct {
	s    [256]uint8
	i, j uint8 // of the next step, and of the last one
}

// keyed returns the cipher with a key of 1 to 256 bytes.
func keyed(key []byte) *cipher {
	c := &cipher{i: 1}
	for i := range c.s {
		c.s[i] = uint8(i)
	}
	var j uint8
	for i := range c.s {
		x := c.s[i]
		j += x + key[i%len(key)]
		c.s[i], c.s[j] = c.s[j], x
	}
	return c
}

// xor encrypts or decrypts b in place.
func (c *cipher) xor(b []byte) {
	s, i, j := &c.s, c.i, c.j
	x := s[i] // that of this step; n is that of the next one
	for ; len(b) >= 8; b = b[8:] {
		var n, y uint8
		var key uint64

		j += x
		y, n = s[j], s[i+1]
		s[i], s[j] = y, x
		key = uint64(s[x+y])
		if j == i+1 {
			n = x
		}

		j += n
		y, x = s[j], s[i+2]
		s[i+1], s[j] = y, n
		key |= uint64(s[n+y]) << 8
		if j == i+2 {
			x = n
		}

		j += x
		y, n = s[j], s[i+3]
		s[i+2], s[j] = y, x
		key |= uint64(s[x+y]) << 16
		if j == i+3 {
			n = x
		}

		j += n
		y, x = s[j], s[i+4]
		s[i+3], s[j] = y, n
		key |= uint64(s[n+y]) << 24
		if j == i+4 {
			x = n
		}

		j += x
		y, n = s[j], s[i+5]
		s[i+4], s[j] = y, x
		key |= uint64(s[x+y]) << 32
		if j == i+5 {
			n = x
		}

		j += n
		y, x = s[j], s[i+6]
		s[i+5], s[j] = y, n
		key |= uint64(s[n+y]) << 40
		if j == i+6 {
			x = n
		}

		j += x
		y, n = s[j], s[i+7]
		s[i+6], s[j] = y, x
		key |= uint64(s[x+y]) << 48
		if j == i+7 {
			n = x
		}

		j += n
		y, x = s[j], s[i+8]
		s[i+7], s[j] = y, n
		key |= uint64(s[n+y]) << 56
		if j == i+8 {
			x = n
		}

		i += 8
		binary.LittleEndian.PutUint64(b, binary.LittleEndian.Uint64(b)^key)
	}
	for k := range b {
		j += x
		y := s[j]
		s[i], s[j] = y, x
		b[k] ^= s[x+y]
		i++
		x = s[i]
	}
	c.i, c.j = i, j
}

package mse

import (
	"bytes"
	"crypto/rand"
	"math/big"
	"testing"
)

func TestPrime(t *testing.T) {
	if prime.BitLen() != 8*keyLen || !prime.ProbablyPrime(10) || !new(big.Int).Rsh(prime, 1).ProbablyPrime(10) {
		t.Errorf("%x is no safe prime of %d bytes", prime, keyLen)
	}
}

func TestPublic(t *testing.T) {
	exponents := [][exponentLen]byte{
		{},
		{exponentLen - 1: 1},
		{exponentLen - 1: 0x10},
		{0: 0x80},
		[exponentLen]byte(bytes.Repeat([]byte{0xff}, exponentLen)),
	}
	for range 200 {
		var x [exponentLen]byte
		rand.Read(x[:])
		exponents = append(exponents, x)
	}
	for _, x := range exponents {
		want := new(big.Int).Exp(big.NewInt(2), new(big.Int).SetBytes(x[:]), prime).FillBytes(make([]byte, keyLen))
		if got := public(&x); !bytes.Equal(got, want) {
			t.Errorf("2^%x is %x, want %x", x, got, want)
		}
	}
}

func TestParseKey(t *testing.T) {
	plus := func(n int64) *big.Int { return new(big.Int).Add(prime, big.NewInt(n)) }
	for _, test := range []struct {
		y  *big.Int
		ok bool
	}{
		{big.NewInt(0), false},
		{big.NewInt(1), false},
		{big.NewInt(2), true},
		{plus(-2), true},
		{plus(-1), false},
		{plus(0), false},
		{plus(1), false},
		{new(big.Int).SetBytes(bytes.Repeat([]byte{0xff}, keyLen)), false},
	} {
		b := test.y.FillBytes(make([]byte, keyLen))
		if y, err := parseKey(b); (err == nil) != test.ok || err == nil && y.Cmp(test.y) != 0 {
			t.Errorf("%x: %v", b, err)
		}
	}
}

package mse

import (
	"math/big"
	"sync"
)

// prime is P, a safe prime: (P-1)/2 is also prime.
var prime, _ = new(big.Int).SetString(
	"FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74"+
		"020BBEA63B139B22514A08798E3404DDEF9519B3CD3A431B302B0A6DF25F1437"+
		"4FE1356D6D51C245E485B576625E7EC6F44C42E9A63A36210000000000090563", 16)

// last is P-1.
var last = new(big.Int).Sub(prime, big.NewInt(1))

// parseKey parses the Y of a peer. It refuses 0, 1 and P-1, with which the secret would
// not be secret, and values from P on, which are not valid results.
func parseKey(b []byte) (*big.Int, error) {
	y := new(big.Int).SetBytes(b)
	if y.BitLen() < 2 || y.Cmp(last) >= 0 {
		return nil, errorf("the public key %.8x… is none", b)
	}
	return y, nil
}

// secret returns S = Y^x mod P, for the peer's Y.
func secret(y *big.Int, x *[exponentLen]byte) []byte {
	e := new(big.Int).SetBytes(x[:])
	return e.Exp(y, e, prime).FillBytes(make([]byte, keyLen))
}

// powers contains G^(d*16^i) mod P at [i][d]: the powers for each digit of an exponent.
// The 640 values take 80 KB, and make computing a public key three times as fast as
// with big.Int.Exp.
var powers = sync.OnceValue(func() *[2 * exponentLen][16]*big.Int {
	var t [2 * exponentLen][16]*big.Int
	step := big.NewInt(2) // G^(16^i)
	for i := range t {
		t[i][0] = big.NewInt(1)
		for d := 1; d < 16; d++ {
			t[i][d] = new(big.Int).Mul(t[i][d-1], step)
			t[i][d].Rem(t[i][d], prime)
		}
		step = new(big.Int).Mul(t[i][15], step)
		step.Rem(step, prime)
	}
	return &t
})

// public returns G^x mod P (Ya or Yb), with capacity for a pad.
func public(x *[exponentLen]byte) []byte {
	t := powers()
	y := big.NewInt(1)
	var product, quotient big.Int
	for i, b := range x {
		low := 2 * (exponentLen - 1 - i)
		for _, factor := range []*big.Int{t[low+1][b>>4], t[low][b&15]} {
			product.Mul(y, factor)
			quotient.QuoRem(&product, prime, y)
		}
	}
	return y.FillBytes(make([]byte, keyLen, keyLen+maxPad))
}

package dht

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"net/netip"
	"time"
)

// tokenTime is the time after which tokens get a new secret. Those of the secret before
// are still valid (BEP 5).
const tokenTime = 5 * time.Minute

// tokens makes and checks the tokens of responses to get_peers, which prove that a node
// is at its address. It stores none of them.
type tokens struct {
	secret, last [32]byte
}

func newTokens() (t tokens) {
	t.rotate()
	t.rotate() // or the last secret would be known
	return t
}

func (t *tokens) rotate() {
	t.last = t.secret
	_, _ = rand.Read(t.secret[:]) // which never fails
}

// token returns the token for an address.
func (t *tokens) token(ip netip.Addr) string { return token(t.secret, ip) }

// isValid reports whether the node at an address got the token in the last minutes.
func (t *tokens) isValid(s string, ip netip.Addr) bool {
	got := []byte(s)
	return hmac.Equal(got, []byte(token(t.secret, ip))) || hmac.Equal(got, []byte(token(t.last, ip)))
}

func token(secret [32]byte, ip netip.Addr) string {
	h := hmac.New(sha256.New, secret[:])
	_, _ = h.Write(ip.AsSlice())
	return string(h.Sum(nil)[:8])
}

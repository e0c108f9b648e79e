package client

import (
	"context"
	"crypto/x509"
	"net/netip"
	"sync"
	"time"
)

// A Trace records what requests show about a tracker besides their answers. It is safe
// for concurrent use.
type Trace struct {
	mu              sync.Mutex
	addr            netip.AddrPort
	certificateEnds time.Time
	limit           int
}

type traceKey struct{}

// WithTrace returns a context whose requests are recorded in t.
func WithTrace(ctx context.Context, t *Trace) context.Context {
	return context.WithValue(ctx, traceKey{}, t)
}

// Addr returns the address that was asked last, also if it did not answer. It is the zero
// AddrPort if there is none, or if it is not known because a proxy was asked.
func (t *Trace) Addr() netip.AddrPort {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.addr
}

// CertificateEnds returns the end of the tracker's certificate, also if it is not valid,
// or the zero Time if there is none.
func (t *Trace) CertificateEnds() time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.certificateEnds
}

// Limit returns how many torrents the tracker answers for in one scrape, or 0 if no
// limit was found.
func (t *Trace) Limit() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.limit
}

// trace calls f with the Trace of ctx, if it has one.
func trace(ctx context.Context, f func(t *Trace)) {
	if t, ok := ctx.Value(traceKey{}).(*Trace); ok {
		t.mu.Lock()
		defer t.mu.Unlock()
		f(t)
	}
}

func traceAddr(ctx context.Context, addr netip.AddrPort) {
	trace(ctx, func(t *Trace) { t.addr = netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port()) })
}

func traceCertificate(ctx context.Context, chain []*x509.Certificate) {
	if len(chain) > 0 {
		trace(ctx, func(t *Trace) { t.certificateEnds = chain[0].NotAfter })
	}
}

func traceLimit(ctx context.Context, n int) { trace(ctx, func(t *Trace) { t.limit = n }) }

package client

import (
	"errors"
	"net"
	"testing"
)

// Only that a name does not exist is the tracker's fault: a resolver that fails is
// that of a machine without a network, where no tracker must be called dead.
func TestLookupFailures(t *testing.T) {
	for _, test := range []struct {
		err  net.DNSError
		want Status
	}{
		{net.DNSError{Err: "no such host", IsNotFound: true}, StatusDNS},
		{net.DNSError{Err: "server misbehaving", IsTemporary: true}, StatusNoRoute},
		{net.DNSError{Err: "i/o timeout", IsTimeout: true}, StatusNoRoute},
		{net.DNSError{Err: "dial udp 192.0.2.1:53: connect: network is unreachable", UnwrapErr: errors.New("x")}, StatusNoRoute},
	} {
		if got := failure(&net.OpError{Op: "dial", Err: &test.err}); got.Status != test.want {
			t.Errorf("%v: %s, want %s", &test.err, got.Status, test.want)
		}
	}
}

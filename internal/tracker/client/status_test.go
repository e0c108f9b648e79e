package client

import (
	"errors"
	"net"
	"testing"
)

// Only the error that a name does not exist has StatusDNS. Other errors of the resolver
// are typical of a machine without a network, and say nothing about the tracker.
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

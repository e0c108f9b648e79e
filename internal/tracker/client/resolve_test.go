package client

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

func TestResolve(t *testing.T) {
	many := strings.Repeat("192.0.2.1 ", 20)
	for _, test := range []struct {
		network, found, want string // want: addresses, or an error
	}{
		{"", "192.0.2.1", "192.0.2.1"},
		{"", "2001:db8::1 2001:db8::2", "2001:db8::1 2001:db8::2"},
		{"", "192.0.2.1 192.0.2.2 2001:db8::1", "192.0.2.1 2001:db8::1 192.0.2.2"},
		{"", "2001:db8::1 2001:db8::2 192.0.2.1 192.0.2.2", "2001:db8::1 192.0.2.1 2001:db8::2 192.0.2.2"},
		{"", "2001:db8::1 192.0.2.1 192.0.2.2 192.0.2.3", "2001:db8::1 192.0.2.1 192.0.2.2 192.0.2.3"},
		{"", "::ffff:192.0.2.1 2001:db8::1 192.0.2.2", "192.0.2.1 2001:db8::1 192.0.2.2"},
		{"", many + "2001:db8::1", "192.0.2.1 2001:db8::1" + strings.Repeat(" 192.0.2.1", 6)},
		{"4", "2001:db8::1 192.0.2.1 ::ffff:192.0.2.2", "192.0.2.1 192.0.2.2"},
		{"6", "192.0.2.1 2001:db8::1 2001:db8::2", "2001:db8::1 2001:db8::2"},
		{"4", "2001:db8::1", "it has no IPv4 address"},
		{"6", "192.0.2.1 ::ffff:192.0.2.1", "it has no IPv6 address"},
	} {
		c := &Client{Network: test.network, lookup: func(context.Context, string, string) ([]netip.Addr, error) {
			var found []netip.Addr
			for addr := range strings.FieldsSeq(test.found) {
				found = append(found, netip.MustParseAddr(addr))
			}
			return found, nil
		}}
		addrs, err := c.resolve(t.Context(), "tracker.test")
		got := strings.Trim(fmt.Sprint(addrs), "[]")
		if err != nil {
			got = err.Error()
		}
		if got != test.want {
			t.Errorf("IPv%s of %q: %q, want %q", test.network, test.found, got, test.want)
		}
	}
	for _, test := range []struct{ network, host, want string }{
		{"", "192.0.2.1", "192.0.2.1"}, {"4", "::ffff:192.0.2.1", "192.0.2.1"}, {"6", "2001:db8::1", "2001:db8::1"},
		{"6", "192.0.2.1", ""}, {"4", "2001:db8::1", ""}, {"6", "::ffff:192.0.2.1", ""},
	} {
		addrs, err := (&Client{Network: test.network}).resolve(t.Context(), test.host)
		if test.want == "" {
			if udpStatus(err) != StatusNoRoute {
				t.Errorf("IPv%s of %s: %v, %v", test.network, test.host, addrs, err)
			}
		} else if err != nil || !slices.Equal(addrs, []netip.Addr{netip.MustParseAddr(test.want)}) {
			t.Errorf("IPv%s of %s: %v, %v", test.network, test.host, addrs, err)
		}
	}
}

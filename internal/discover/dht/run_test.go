package dht

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"testing"
	"time"
)

// Nodes whose sockets listen at all addresses know theirs.
func TestAnyAddress(t *testing.T) {
	listen := func() (net.PacketConn, string) {
		c, err := net.ListenPacket("udp4", ":0")
		if err != nil {
			t.Fatal(err)
		}
		return c, "127.0.0.1:" + strconv.Itoa(c.LocalAddr().(*net.UDPAddr).Port)
	}
	c1, addr1 := listen()
	c2, addr2 := listen()
	first := run(t, Options{Conns: []net.PacketConn{c1}})
	second := run(t, Options{Conns: []net.PacketConn{c2}, Bootstrap: []string{addr1}})
	for _, tt := range []struct {
		node runningNode
		addr string
	}{{first, addr1}, {second, addr2}} {
		eventually(t, "the nodes know each other and themselves", func() bool {
			s := tt.node.Status().Families[0]
			return s.Nodes == 1 && !s.ReadOnly && s.External.String() == tt.addr
		})
	}
}

// failingConn fails some reads.
type failingConn struct {
	*fakeConn
	fails int
}

func (c *failingConn) ReadFrom(b []byte) (int, net.Addr, error) {
	if c.fails--; c.fails >= 0 {
		return 0, nil, errors.New("a packet did not arrive")
	}
	return c.fakeConn.ReadFrom(b)
}

// Errors of reads end nothing. Many in a row are a warning, and that no node answers is
// another.
func TestReadErrors(t *testing.T) {
	for _, fails := range []int{maxReadErrors - 1, maxReadErrors + 5} {
		bubble(t, func(t *testing.T, net *fakeNet) {
			runMany(t, net, 2)
			warnings := 0
			n := run(t, Options{
				Conns: []fakePacketConn{&failingConn{net.listen("10.1.0.1:6881"), fails}}, Bootstrap: []string{address(0, false)},
				Warn: func(error) { warnings++ },
			})
			until(t, "it knows others", time.Minute, func() bool { return n.Status().Families[0].Nodes == 2 })
			n.stop()
			if want := 2 * (fails / maxReadErrors); warnings != want {
				t.Errorf("%d errors gave %d warnings", fails, warnings)
			}
		})
	}
}

// Names that can't be resolved are warnings.
func TestResolve(t *testing.T) {
	for s, ok := range map[string]bool{
		"192.0.2.1:6881": true, "[2001:db8::1]:6881": true, "[::ffff:192.0.2.1]:6881": true,
		"192.0.2.1": false, "192.0.2.1:99999": false, "192.0.2.1:http": false, "": false, "bad host:1": false,
	} {
		addrs, err := resolve(t.Context(), s)
		if (err == nil) != ok || ok && (len(addrs) != 1 || addrs[0].Addr().Is4In6()) {
			t.Errorf("%q: %v, %v", s, addrs, err)
		}
	}
	n := New(Options{Bootstrap: []string{"nonsense", "192.0.2.1:1"}})
	if addrs, err := n.resolve(t.Context()); len(addrs) != 1 || addrs[0] != netip.MustParseAddrPort("192.0.2.1:1") || err == nil {
		t.Errorf("%v (%v)", addrs, err)
	}
}

// If none of the first nodes answers there is one warning, however long that lasts. Without
// first nodes there is none.
func TestNoAnswer(t *testing.T) {
	for _, first := range [][]string{nil, {"10.9.9.9:1"}, {"10.0.0.1:6881", "10.9.9.9:1", "nonsense"}} {
		bubble(t, func(t *testing.T, net *fakeNet) {
			run(t, Options{Conns: []fakePacketConn{net.listen("10.0.0.1:6881")}, Port: 1})
			var warnings []error
			n := start(t, New(Options{
				Conns: []fakePacketConn{net.listen("10.0.0.2:6881")}, Port: 1, Bootstrap: first,
				Warn: func(err error) { warnings = append(warnings, err) },
			}))
			n.Add(hashNumber(1), newSwarm(true, 0))
			time.Sleep(time.Hour)
			n.stop()
			want := 0
			if slices.Equal(first, []string{"10.9.9.9:1"}) {
				want = 1
			}
			if len(warnings) != want {
				t.Errorf("beginning with %q: %v", first, warnings)
			}
		})
	}
}

// Run ends with an error if a socket is closed, and without one when it is stopped.
func TestRunEnds(t *testing.T) {
	bubble(t, func(t *testing.T, net *fakeNet) {
		c := net.listen("10.0.0.1:6881")
		n := New(Options{Conns: []fakePacketConn{c}})
		ended := make(chan error)
		go func() { ended <- n.Run(t.Context()) }()
		time.Sleep(time.Second)
		_ = c.Close()
		if err := <-ended; err == nil {
			t.Error("no error")
		}
	})
}

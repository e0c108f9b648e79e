package testenv

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"
)

// A capture shows what a host of a network sends and receives, over both IP versions and
// both transports.
func TestCapture(t *testing.T) {
	t.Parallel()
	hosts := Network(t, 3)
	var mu sync.Mutex
	var got []string
	stop := hosts[0].Capture(t, func(p Packet) {
		mu.Lock()
		defer mu.Unlock()
		if p.TCP || p.To.Port() == 9 || p.From.Port() == 9 {
			got = append(got, fmt.Sprintf("%v %v %v %s", p.Sent, p.TCP, p.To.Addr(), p.Data))
		}
	})
	l, c, err := hosts[1].Listen(netip.AddrPortFrom(hosts[1].Addr, 9))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	defer l.Close()
	send := func(from *Host, network string, to netip.Addr, text string) net.Conn {
		t.Helper()
		conn, err := from.DialContext(t.Context(), network, netip.AddrPortFrom(to, 9).String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		if _, err := conn.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
		return conn
	}
	send(hosts[0], "udp", hosts[1].Addr, "one")
	send(hosts[0], "tcp", hosts[1].Addr, "two")
	send(hosts[0], "udp", hosts[1].Addr6, "three")
	send(hosts[2], "udp", hosts[0].Addr, "four")
	send(hosts[2], "udp", netip.MustParseAddr("239.192.0.1"), "five")
	send(hosts[2], "udp", hosts[1].Addr, "of others")
	want := []string{
		"true false 10.77.0.2 one", "true true 10.77.0.2 two", "true false fd77::2 three",
		"false false 10.77.0.1 four", "false false 239.192.0.1 five",
	}
	captured := func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(got)
	}
	for _, text := range want {
		for end := time.Now().Add(time.Minute); !slices.Contains(captured(), text); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%q was not captured, but %q", text, captured())
			}
		}
	}
	stop()
	if got := captured(); len(got) != len(want) {
		t.Errorf("captured %q, want %q", got, want)
	}
}

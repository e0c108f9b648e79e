package client

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"testing"

	"github.com/coder/websocket"

	"bt/internal/tracker"
)

// All requests, over every protocol, are sent from Client.From.
func TestFrom(t *testing.T) {
	var mu sync.Mutex
	var seen []netip.Addr
	note := func(addr string) {
		a, err := netip.ParseAddrPort(addr)
		if err != nil {
			t.Error(err)
		}
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, a.Addr().Unmap())
	}
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		note(r.RemoteAddr)
		if r.Header.Get("Upgrade") == "" {
			w.Write((&tracker.AnnounceResponse{Interval: 1}).AppendHTTP(nil, false))
			return
		}
		conn, err := websocket.Accept(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.CloseNow()
		conn.Read(context.Background())
	})
	for _, test := range []struct{ host, network, from string }{
		{"127.0.0.1", "4", "127.0.0.5"},
		{"127.0.0.1", "4", "0.0.0.0"},
		{"127.0.0.1", "", ""},
		{"::1", "6", "::1"},
		{"::1", "6", "::"},
	} {
		l, err := net.Listen("tcp", net.JoinHostPort(test.host, "0"))
		if err != nil {
			t.Fatal(err)
		}
		server := httptest.NewUnstartedServer(handler)
		server.Listener.Close()
		server.Listener = l
		server.Start()
		defer server.Close()
		udp, err := net.ListenPacket("udp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer udp.Close()
		go func() {
			b := make([]byte, tracker.MaxUDP)
			for {
				n, from, err := udp.ReadFrom(b)
				if err != nil {
					return
				}
				note(from.String())
				if r, err := tracker.ParseUDPRequest(b[:n]); err == nil {
					udp.WriteTo((&tracker.UDPResponse{Action: r.Action, Transaction: r.Transaction}).Append(nil, test.network == "6"), from)
				}
			}
		}()
		want := netip.MustParseAddr(test.host)
		from, err := netip.ParseAddr(test.from)
		if err == nil && !from.IsUnspecified() {
			want = from
		}
		for _, scheme := range []string{"http", "udp", "ws"} {
			c := &Client{Network: test.network, From: from, Timeout: 2 * DefaultTimeout, Retries: -1}
			u, err := tracker.ParseURL(scheme + "://" + l.Addr().String() + "/announce")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.Announce(t.Context(), u, tracker.AnnounceRequest{}); err != nil && scheme != "ws" {
				t.Errorf("%s from %s: %v", scheme, test.from, err)
			}
			c.Close()
			mu.Lock()
			if len(seen) == 0 {
				t.Errorf("%s from %s: the tracker saw nothing", scheme, test.from)
			}
			for _, addr := range seen {
				if addr != want {
					t.Errorf("%s from %q: the tracker saw %v", scheme, test.from, addr)
				}
			}
			seen = nil
			mu.Unlock()
		}
	}
}

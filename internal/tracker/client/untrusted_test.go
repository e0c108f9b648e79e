package client

import (
	"context"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"bt/internal/tracker"
)

// loopbackTrackers returns the host and port of a tracker for each scheme, whatever the
// path, and a counter of the requests that they get.
func loopbackTrackers(t *testing.T) (hosts map[string]string, requests *atomic.Int64) {
	t.Helper()
	requests = new(atomic.Int64)
	fake := &udpFake{t: t}
	udp := udpServe(t, "127.0.0.1", func(r *tracker.UDPRequest, p udpPeer) {
		requests.Add(1)
		fake.handle(r, p)
	})
	answers := wsTracker(nil)
	_, web := (&httpTracker{answer: func(w http.ResponseWriter, r *http.Request) bool {
		requests.Add(1)
		switch {
		case r.Header.Get("Upgrade") != "":
			return answers(w, r)
		case r.URL.Query().Has("to"):
			http.Redirect(w, r, r.URL.Query().Get("to"), http.StatusFound)
		default:
			w.Write((&tracker.AnnounceResponse{}).AppendHTTP(nil, false))
		}
		return true
	}}).start(t, "127.0.0.1:0", false)
	return map[string]string{"udp": udp.HostPort(), "http": web.HostPort(), "ws": web.HostPort()}, requests
}

// Trackers of an untrusted source are not asked at private addresses, unless the path is
// that of a tracker. Others may have any.
func TestUntrusted(t *testing.T) {
	hosts, requests := loopbackTrackers(t)
	for _, test := range []struct {
		rest     string
		udp, web bool // allowed
	}{
		{"/announce", true, true},
		{"/announce?passkey=1", true, true},
		{"/announce?to=/other", true, true},
		{"", true, false},
		{"/", true, false},
		{"?/announce", true, false},
		{"/admin", false, false},
		{"/admin?/announce", false, false},
		{"/announce/", false, false},
		{"/announcement", false, false},
		{"/x/announce", false, false},
	} {
		for scheme, host := range hosts {
			allowed := test.web
			if scheme == "udp" {
				allowed = test.udp
			}
			if scheme == "ws" && strings.Contains(test.rest, "to=") {
				continue // the tracker redirects only over HTTP
			}
			for _, untrusted := range []bool{true, false} {
				for _, name := range []string{"127.0.0.1", "localhost"} {
					u := httpURL(t, scheme+"://"+strings.Replace(host, "127.0.0.1", name, 1)+test.rest)
					c := udpClient(t, &Client{Network: "4", Untrusted: untrusted})
					requests.Store(0)
					_, err := c.Announce(t.Context(), u, tracker.AnnounceRequest{})
					switch {
					case allowed || !untrusted:
						if err != nil || requests.Load() == 0 {
							t.Errorf("%s, untrusted %v: %d requests, %v", u, untrusted, requests.Load(), err)
						}
					case err == nil || failure(err).Status != StatusPrivate || failure(err).Sent || requests.Load() > 0:
						t.Errorf("%s: %d requests, %v", u, requests.Load(), err)
					case err.Error() != "its address is private: 127.0.0.1":
						t.Errorf("%s: %v", u, err)
					}
				}
			}
		}
	}
}

// A socket or connection that a trusted URL has left is not used for others.
func TestUntrustedReusesNone(t *testing.T) {
	hosts, requests := loopbackTrackers(t)
	c := udpClient(t, &Client{Untrusted: true})
	for scheme, host := range hosts {
		if _, err := c.Announce(t.Context(), httpURL(t, scheme+"://"+host+"/announce"), tracker.AnnounceRequest{}); err != nil {
			t.Fatal(scheme, err)
		}
		requests.Store(0)
		_, err := c.Announce(t.Context(), httpURL(t, scheme+"://"+host+"/admin"), tracker.AnnounceRequest{})
		if err == nil || failure(err).Status != StatusPrivate || requests.Load() > 0 {
			t.Errorf("%s: %d requests, %v", scheme, requests.Load(), err)
		}
	}
}

// Of a host with private and other addresses, the others are asked.
func TestUntrustedOtherAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		private, public := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("192.0.2.1")
		net, c := newUDPNet(t, &Client{Untrusted: true, lookup: func(context.Context, string, string) ([]netip.Addr, error) {
			return []netip.Addr{private, public}, nil
		}})
		defer c.Close()
		net.trackers[private], net.trackers[public] = (&udpFake{t: t}).handle, (&udpFake{t: t}).handle
		for rest, want := range map[string]netip.Addr{"/admin": public, "/announce": private} {
			net.took()
			if _, err := c.Announce(t.Context(), httpURL(t, "udp://"+rest[1:]+".example:1"+rest), tracker.AnnounceRequest{}); err != nil {
				t.Error(err)
			}
			list := net.took()
			for _, sent := range list {
				if sent.to != want {
					t.Errorf("%s: a packet to %v", rest, sent.to)
				}
			}
			if len(list) == 0 {
				t.Errorf("%s: no packets", rest)
			}
		}
	})
}

package client

import (
	"fmt"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"bt/internal/testenv"
	"bt/internal/tracker"
)

func TestRetryAfter(t *testing.T) {
	const most = 366 * 24 * time.Hour
	now := time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)
	for s, want := range map[string]time.Duration{
		"": 0, "0": 0, "120": 2 * time.Minute, "-1": 0, "1.5": 0, "soon": 0, "99999999999": most,
		"99999999999999999999": most, "-99999999999999999999": 0,
		"Tue, 03 Feb 2026 04:15:06 GMT":     10 * time.Minute,
		"Tuesday, 03-Feb-26 04:15:06 GMT":   10 * time.Minute,
		"Tue Feb  3 04:15:06 2026":          10 * time.Minute,
		"Tue, 03 Feb 2026 04:05:06 GMT":     0,
		"Mon, 02 Feb 2026 04:05:06 GMT":     0,
		"Fri, 31 Dec 9999 23:59:59 GMT":     most,
		"Tue, 03 Feb 2026 04:15:06 +0100":   0,
		"Tue, 03 Feb 2026 04:15:06 GMT, 60": 0,
	} {
		if got := retryAfter(s, now); got != want {
			t.Errorf("%q: %v, want %v", s, got, want)
		}
	}
}

// Error.RetryIn is the delay that a tracker requests, in any of the forms that trackers
// use.
func TestRetryIn(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answer func(w http.ResponseWriter)
		want   time.Duration
	}{
		"429": {func(w http.ResponseWriter) {
			w.Header().Set("Retry-After", "600")
			w.WriteHeader(http.StatusTooManyRequests)
		}, 10 * time.Minute},
		"503 with a date": {func(w http.ResponseWriter) {
			w.Header().Set("Retry-After", time.Now().Add(10*time.Minute).UTC().Format(http.TimeFormat))
			w.WriteHeader(http.StatusServiceUnavailable)
		}, 10 * time.Minute},
		"interval of a failure": {func(w http.ResponseWriter) {
			w.Write([]byte("d14:failure reason4:busy8:intervali600ee"))
		}, 10 * time.Minute},
		"interval of a failure with 503": {func(w http.ResponseWriter) {
			w.WriteHeader(http.StatusServiceUnavailable)
			w.Write([]byte("d14:failure reason4:busy8:intervali600ee"))
		}, 10 * time.Minute},
		"Retry-After of a failure": {func(w http.ResponseWriter) {
			w.Header().Set("Retry-After", "600")
			w.WriteHeader(http.StatusTooManyRequests)
			w.Write([]byte("d14:failure reason4:busye"))
		}, 10 * time.Minute},
		"both": {func(w http.ResponseWriter) {
			w.Header().Set("Retry-After", "600")
			w.WriteHeader(http.StatusServiceUnavailable)
			w.Write([]byte("d14:failure reason4:busy8:intervali60ee"))
		}, 10 * time.Minute},
		"never": {func(w http.ResponseWriter) {
			w.Header().Set("Retry-After", "600")
			w.WriteHeader(http.StatusServiceUnavailable)
			w.Write([]byte("d14:failure reason4:busy8:retry in5:nevere"))
		}, tracker.Never},
		"nothing": {func(w http.ResponseWriter) { w.WriteHeader(http.StatusNotFound) }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &httpTracker{swarms: httpSwarms}
			s.answer = func(w http.ResponseWriter, r *http.Request) bool { test.answer(w); return true }
			c := new(Client)
			httpBubble(t, c, s, func(t *testing.T) {
				_, err := c.Announce(t.Context(), httpURL(t, "http://x/announce"), tracker.AnnounceRequest{InfoHash: httpHash})
				e, ok := err.(*Error)
				if !ok || e.RetryIn != test.want || !e.Sent {
					t.Errorf("%#v, want %v", err, test.want)
				}
			})
		})
	}
}

// With Client.Patient, an announce over UDP succeeds at a tracker that takes 40 s for
// each answer.
func TestPatient(t *testing.T) {
	for name, patient := range map[string]bool{"patient": true, "not patient": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				net, c := newUDPNet(t, &Client{Timeout: 100 * time.Second, Patient: patient})
				defer c.Close()
				net.trackers[udpAddr4] = func(r *tracker.UDPRequest, p udpPeer) {
					time.AfterFunc(40*time.Second, func() {
						p.answer(&tracker.UDPResponse{Action: r.Action, Transaction: r.Transaction})
					})
				}
				if _, err := udpAnnounce(c, udpHost4()); (err == nil) != patient {
					t.Error(err)
				}
			})
		})
	}
}

// Error.Sent reports whether the tracker may have received the announce.
func TestSent(t *testing.T) {
	for name, test := range map[string]struct {
		handle udpHandler
		want   bool
	}{
		"silent":          {udpSilent, false},
		"silent later on": {udpOnlyConnects, true},
		"refuses":         {func(r *tracker.UDPRequest, p udpPeer) { p.refuse(r, "no") }, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			net, c := newUDPNet(t, new(Client))
			defer c.Close()
			net.trackers[udpAddr4] = test.handle
			if _, err := udpAnnounce(c, udpHost4()); err == nil || err.(*Error).Sent != test.want {
				t.Errorf("UDP, %s: %#v", name, err)
			}
		})
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for scheme, want := range map[string]bool{"http": true, "https": false, "ws": false, "wss": false} {
		c := &Client{Timeout: 100 * time.Millisecond}
		u, err := tracker.ParseURL(scheme + "://" + l.Addr().String() + "/announce")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Announce(t.Context(), u, tracker.AnnounceRequest{}); err == nil || err.(*Error).Sent != want {
			t.Errorf("%s: %#v", scheme, err)
		}
		c.Close()
	}
}

// If a torrent is not on its list, opentracker answers with 8 bytes over UDP, and with a
// failure reason over HTTP. Both have StatusFailed.
func TestUnlisted(t *testing.T) {
	addr := testenv.Opentracker(t, nil)
	for _, url := range []string{"http://%v/announce", "udp://%v/announce"} {
		u, err := tracker.ParseURL(fmt.Sprintf(url, addr))
		if err != nil {
			t.Fatal(err)
		}
		c := new(Client)
		_, err = udpAnnounce(c, u)
		if e, ok := err.(*Error); !ok || e.Status != StatusFailed {
			t.Errorf("%s: %#v", u.Scheme, err)
		}
		c.Close()
	}
}

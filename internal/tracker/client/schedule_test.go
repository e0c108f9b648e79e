package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"bt/internal/tracker"
)

func TestWait(t *testing.T) {
	const s = time.Second
	for attempt, want := range map[int][2]time.Duration{
		-1: {2 * s, 15 * s}, 0: {2 * s, 15 * s}, 1: {4 * s, 30 * s}, 2: {8 * s, 60 * s}, 3: {16 * s, 120 * s},
		7: {256 * s, 1920 * s}, 8: {512 * s, 3840 * s}, 9: {512 * s, 3840 * s}, 1 << 40: {512 * s, 3840 * s},
	} {
		if got := [2]time.Duration{Wait(attempt, false), Wait(attempt, true)}; got != want {
			t.Errorf("attempt %d waits %v, want %v", attempt, got, want)
		}
	}
}

var (
	udpAddr4 = netip.MustParseAddr("192.0.2.4")
	udpAddr6 = netip.MustParseAddr("2001:db8::6")
)

// udpHost4 returns the URL of a tracker with one address.
func udpHost4() *tracker.URL { return &tracker.URL{Scheme: "udp", Host: udpAddr4.String(), Port: 80} }

// udpHost46 returns the URL of a tracker with two addresses, for a client that uses
// udpLookup46.
func udpHost46() *tracker.URL { return &tracker.URL{Scheme: "udp", Host: "tracker.test", Port: 80} }

func udpLookup46(context.Context, string, string) ([]netip.Addr, error) {
	return []netip.Addr{udpAddr4, udpAddr6}, nil
}

func udpSilent(*tracker.UDPRequest, udpPeer) {}

// udpOnlyConnects answers connect and nothing else.
func udpOnlyConnects(r *tracker.UDPRequest, p udpPeer) {
	if r.Action == tracker.ActionConnect {
		p.answer(&tracker.UDPResponse{Transaction: r.Transaction})
	}
}

func TestUDPSchedule(t *testing.T) {
	for _, test := range []struct {
		name    string
		timeout time.Duration
		retries int
		bep15   bool
		attempt []float64 // times in seconds
		fails   float64
	}{
		{"default", 0, 0, false, []float64{0, 2, 6}, 14},
		{"no retries", 0, -1, false, []float64{0}, 2},
		{"one retry", 0, 1, false, []float64{0, 2}, 6},
		{"many retries", 0, 99, false, []float64{0, 2, 6, 14}, 15},
		{"a short timeout", 5 * time.Second, 0, false, []float64{0, 2}, 5},
		{"a shorter one", time.Second, 0, false, []float64{0}, 1},
		{"a long timeout", time.Minute, 0, false, []float64{0, 2, 6}, 14},
		{"both", time.Minute, 3, false, []float64{0, 2, 6, 14}, 30},
		{"BEP 15", time.Second, -1, true, []float64{0, 15, 45, 105, 225, 465, 945, 1905, 3825}, 7665},
	} {
		for name, handle := range map[string]udpHandler{"connect": udpSilent, "announce": udpOnlyConnects} {
			t.Run(test.name+"/"+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					net, c := newUDPNet(t, &Client{Timeout: test.timeout, Retries: test.retries, BEP15: test.bep15})
					defer c.Close()
					net.trackers[udpAddr4] = handle
					_, err := udpAnnounce(c, udpHost4())
					if took := time.Since(net.start).Seconds(); udpStatus(err) != StatusTimeout || took != test.fails {
						t.Errorf("%v after %v s, want %v", err, took, test.fails)
					}
					var want []string
					for _, at := range test.attempt {
						want = append(want, fmt.Sprintf("%v %s", at, name))
					}
					not := tracker.ActionConnect
					if name == "connect" {
						not = tracker.ActionAnnounce
					}
					if got := net.packets(not); !slices.Equal(got, want) {
						t.Errorf("sent %q\nwant %q", got, want)
					}
				})
			})
		}
	}
}

func TestUDPTwoAddresses(t *testing.T) {
	correct := func(t *testing.T) udpHandler { return (&udpFake{t: t}).handle }
	for _, test := range []struct {
		name   string
		v4, v6 udpHandler // nil: refuses
		err6   error
		answer bool // one of them answers
		want   Status
		took   float64
		sent   string // the address family of each packet
	}{
		{"both silent", udpSilent, udpSilent, nil, false, StatusTimeout, 14, "464"},
		{"the first silent", udpSilent, nil, nil, true, StatusOK, 2, "466"},
		{"the second refuses", udpSilent, nil, nil, false, StatusTimeout, 14, "46464"},
		{"no route to the second", udpSilent, nil, syscall.ENETUNREACH, false, StatusTimeout, 14, "444"},
		{"forbidden", udpSilent, nil, syscall.EPERM, false, StatusTimeout, 14, "444"},
		{"the first refuses", nil, udpSilent, nil, false, StatusTimeout, 14, "464646"},
		{"the first refuses, the second answers", nil, nil, nil, true, StatusOK, 0, "466"},
		{"both refuse", nil, nil, nil, false, StatusRefused, 0, "46"},
		{"one refuses, no route to the other", nil, nil, syscall.EHOSTUNREACH, false, StatusNoRoute, 0, "4"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				net, c := newUDPNet(t, &Client{lookup: udpLookup46})
				defer c.Close()
				net.trackers[udpAddr4], net.trackers[udpAddr6] = test.v4, test.v6
				if test.answer {
					net.trackers[udpAddr6] = correct(t)
				}
				if test.err6 != nil {
					net.unrouted[udpAddr6] = test.err6
				}
				_, err := udpAnnounce(c, udpHost46())
				if took := time.Since(net.start).Seconds(); udpStatus(err) != test.want || took != test.took {
					t.Errorf("%v after %v s, want %s after %v", err, took, test.want, test.took)
				}
				if got := net.families(); got != test.sent {
					t.Errorf("packets to %s, want %s", got, test.sent)
				}
				if test.answer { // that address is tried first the next time
					net.took()
					if _, err := udpAnnounce(c, udpHost46()); err != nil || net.families() != "6" {
						t.Errorf("then %v, packets to %s", err, net.families())
					}
				}
			})
		})
	}
}

// families returns the address family of each packet that the client sent.
func (n *udpNet) families() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	var to string
	for _, s := range n.sent {
		if s.to.Is4() {
			to += "4"
		} else {
			to += "6"
		}
	}
	return to
}

// A late answer to an earlier attempt is ignored.
func TestUDPLateAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net, c := newUDPNet(t, new(Client))
		announces := 0
		net.trackers[udpAddr4] = func(r *tracker.UDPRequest, p udpPeer) {
			if r.Action == tracker.ActionConnect {
				udpOnlyConnects(r, p)
				return
			}
			announces++
			answer := &tracker.UDPResponse{Action: r.Action, Transaction: r.Transaction}
			answer.Announce.Counts.Seeders = int64(announces)
			time.AfterFunc(3*time.Second, func() { p.answer(answer) })
		}
		resp, err := udpAnnounce(c, udpHost4())
		if err != nil || resp.Counts.Seeders != 2 || time.Since(net.start) != 5*time.Second {
			t.Errorf("%+v %v after %v, want the second answer after 5 s", resp, err, time.Since(net.start))
		}
		time.Sleep(time.Minute) // late answers are dropped
		c.Close()
	})
}

// A request returns as soon as its context is cancelled.
func TestUDPCancel(t *testing.T) {
	for _, cause := range []error{nil, errors.New("the user has left")} {
		synctest.Test(t, func(t *testing.T) {
			net, c := newUDPNet(t, new(Client))
			defer c.Close()
			net.trackers[udpAddr4] = udpSilent
			ctx, cancel := context.WithCancelCause(t.Context())
			time.AfterFunc(time.Second, func() { cancel(cause) })
			_, err := c.Announce(ctx, udpHost4(), tracker.AnnounceRequest{})
			if udpStatus(err) != StatusTimeout || time.Since(net.start) != time.Second || err.Error() != "the request was stopped" {
				t.Errorf("%v after %v", err, time.Since(net.start))
			}
		})
	}
}

// udpSteps announces at these times, in seconds, to a tracker that restarts right after
// the first announce. It returns the status of each announce, and the packets.
func udpSteps(t *testing.T, fake *udpFake, times ...float64) (statuses []Status, sent []string) {
	synctest.Test(t, func(t *testing.T) {
		net, c := newUDPNet(t, new(Client))
		defer c.Close()
		net.trackers[udpAddr4] = fake.handle
		for _, at := range times {
			time.Sleep(time.Until(net.start.Add(time.Duration(at * float64(time.Second)))))
			_, err := udpAnnounce(c, udpHost4())
			statuses = append(statuses, udpStatus(err))
			if at == 0 {
				fake.restart()
			}
		}
		sent = net.packets()
	})
	return statuses, sent
}

func TestUDPConnectionRenewed(t *testing.T) {
	for _, test := range []struct {
		name string
		mute bool
		at   []float64
		want []Status
		sent []string
	}{
		{
			"refuses", false, []float64{0, 4.9, 5.1, 5.2}, []Status{StatusOK, StatusFailed, StatusOK, StatusOK},
			[]string{"0 connect", "0 announce", "4.9 announce", "5.1 announce", "5.1 connect", "5.1 announce", "5.2 announce"},
		},
		{"silent", true, []float64{0, 10}, []Status{StatusOK, StatusOK}, []string{"0 connect", "0 announce", "10 announce", "12 connect", "12 announce"}},
		{
			"silent soon", true, []float64{0, 1}, []Status{StatusOK, StatusOK},
			[]string{"0 connect", "0 announce", "1 announce", "3 announce", "7 connect", "7 announce"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			statuses, sent := udpSteps(t, &udpFake{t: t, mute: test.mute}, test.at...)
			if !slices.Equal(statuses, test.want) || !slices.Equal(sent, test.sent) {
				t.Errorf("%q by %q\nwant %q by %q", statuses, sent, test.want, test.sent)
			}
		})
	}
}

// A connection id is used for a minute after it was received.
func TestUDPConnectionLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := &udpFake{t: t}
		net, c := newUDPNet(t, new(Client))
		defer c.Close()
		net.trackers[udpAddr4] = func(r *tracker.UDPRequest, p udpPeer) {
			time.AfterFunc(time.Second, func() { fake.handle(r, p) })
		}
		for _, at := range []float64{0, 60.9, 62} {
			time.Sleep(time.Until(net.start.Add(time.Duration(at * float64(time.Second)))))
			if _, err := udpAnnounce(c, udpHost4()); err != nil {
				t.Error(err)
			}
		}
		want := []string{"0 connect", "1 announce", "60.9 announce", "62 connect", "63 announce"}
		if got := net.packets(); !slices.Equal(got, want) {
			t.Errorf("sent %q\nwant %q", got, want)
		}
	})
}

// Requests at the same time share one connection id.
func TestUDPConnectionShared(t *testing.T) {
	for _, test := range []struct {
		name     string
		skew     time.Duration // between requests
		lost     int           // number of connects that are lost
		connects []string
		want     Status
	}{
		{"at once", 0, 0, []string{"0 connect"}, StatusOK},
		{"one after the other", 20 * time.Millisecond, 0, []string{"0 connect"}, StatusOK},
		{"lost", 0, 1, []string{"0 connect", "2 connect"}, StatusOK},
		{"lost, one after the other", 20 * time.Millisecond, 2, []string{"0 connect", "2 connect", "6 connect"}, StatusOK},
		{"refused", 0, -1, []string{"0 connect"}, StatusFailed},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fake := &udpFake{t: t}
				net, c := newUDPNet(t, new(Client))
				defer c.Close()
				lost := test.lost
				net.trackers[udpAddr4] = func(r *tracker.UDPRequest, p udpPeer) {
					switch {
					case r.Action == tracker.ActionConnect && lost < 0:
						time.AfterFunc(time.Second, func() { p.refuse(r, "full") })
					case r.Action == tracker.ActionConnect && lost > 0:
						lost--
					default:
						time.AfterFunc(time.Second, func() { fake.handle(r, p) })
					}
				}
				var wg sync.WaitGroup
				for i := range 20 {
					wg.Go(func() {
						time.Sleep(time.Duration(i) * test.skew)
						if _, err := udpAnnounce(c, udpHost4()); udpStatus(err) != test.want {
							t.Error(err)
						}
					})
				}
				wg.Wait()
				if got := net.packets(tracker.ActionAnnounce); !slices.Equal(got, test.connects) {
					t.Errorf("sent %q, want %q", got, test.connects)
				}
			})
		})
	}
}

// A request that waits for the connection id that another request has requested does not
// depend on the other.
func TestUDPConnectionNotShared(t *testing.T) {
	for _, test := range []struct {
		name     string
		retries  int
		stop     float64 // when the first request is cancelled
		second   float64 // when the second request begins
		answers  float64 // when the tracker begins to answer
		connects []string
		took     float64 // duration of the second request
	}{
		{"the first waits long", 0, 99, 7, 6.5, []string{"0 connect", "2 connect", "6 connect", "9 connect"}, 2},
		{"the first is stopped", -1, 0.5, 0.1, 0.4, []string{"0 connect", "0.5 connect"}, 0.4},
		{"the first is stopped late", 1, 1.9, 0.1, 1.8, []string{"0 connect", "1.9 connect"}, 1.8},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fake := &udpFake{t: t}
				net, c := newUDPNet(t, &Client{Retries: test.retries})
				defer c.Close()
				net.trackers[udpAddr4] = func(r *tracker.UDPRequest, p udpPeer) {
					if time.Since(net.start).Seconds() >= test.answers {
						fake.handle(r, p)
					}
				}
				var wg sync.WaitGroup
				wg.Go(func() {
					ctx, cancel := context.WithCancelCause(t.Context())
					defer time.AfterFunc(time.Duration(test.stop*float64(time.Second)), func() { cancel(errors.New("enough")) }).Stop()
					_, _ = c.Announce(ctx, udpHost4(), tracker.AnnounceRequest{})
				})
				time.Sleep(time.Duration(test.second * float64(time.Second)))
				began := time.Now()
				_, err := udpAnnounce(c, udpHost4())
				if took := time.Since(began).Seconds(); err != nil || took != test.took {
					t.Errorf("%v after %v s, want %v", err, took, test.took)
				}
				wg.Wait()
				if got := net.packets(tracker.ActionAnnounce); !slices.Equal(got, test.connects) {
					t.Errorf("sent %q, want %q", got, test.connects)
				}
			})
		})
	}
}

// The first batch is sent alone, then 16 at a time. When the tracker restarts, all share
// the new connection id.
func TestUDPScrapeWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := &udpFake{t: t}
		net, c := newUDPNet(t, new(Client))
		defer c.Close()
		var mu sync.Mutex
		scrapes, flying, most := 0, 0, 0
		net.trackers[udpAddr4] = func(r *tracker.UDPRequest, p udpPeer) {
			mu.Lock()
			defer mu.Unlock()
			flying++
			most = max(most, flying)
			if r.Action == tracker.ActionScrape {
				if scrapes++; scrapes <= 2 && flying != 1 {
					t.Error("the first batch does not go alone")
				}
			}
			if scrapes == 50 {
				fake.restart()
			}
			time.AfterFunc(200*time.Millisecond, func() {
				mu.Lock()
				flying--
				mu.Unlock()
				fake.handle(r, p)
			})
		}
		if _, err := udpAnnounce(c, udpHost4()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		hashes := udpHashes(10000)
		udpAllRight(t, hashes, udpScrape(t, c, udpHost4(), hashes))
		mu.Lock()
		defer mu.Unlock()
		if connects := fake.took(tracker.ActionConnect); most != 16 || len(connects) != 2 {
			t.Errorf("%d at once, %d connects", most, len(connects))
		}
	})
}

// A request on a socket that has just died gets the error of the socket.
func TestUDPDeadSocket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net, c := newUDPNet(t, new(Client))
		defer c.Close()
		h, err := c.host(udpHost4())
		if err != nil {
			t.Fatal(err)
		}
		defer h.release()
		if _, _, err := h.resolve(t.Context()); err != nil {
			t.Fatal(err)
		}
		conn, err := h.conn(t.Context(), 0)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			_, err := conn.do(t.Context(), tracker.UDPRequest{Action: tracker.ActionScrape}, time.Second)
			if udpStatus(err) != StatusRefused || conn.death() == nil {
				t.Error(err)
			}
		}
		again, err := h.conn(t.Context(), 0)
		if _, closed := net.sockets(); again == conn || err != nil || closed != 1 {
			t.Errorf("another socket: %v %v, %d were closed", again != conn, err, closed)
		}
	})
}

// A dyingConn is a socket that fails at the first packet.
type dyingConn struct {
	udpNetConn
	read, write error
	failed      chan struct{}
}

func (c *dyingConn) Read([]byte) (int, error) {
	<-c.failed
	if c.read == nil {
		return 0, io.EOF
	}
	return 0, c.read
}

func (c *dyingConn) Write([]byte) (int, error) {
	if c.read != nil {
		close(c.failed)
		time.Sleep(time.Second)
	}
	return 0, c.write
}

func TestUDPDyingSocket(t *testing.T) {
	for _, test := range []struct {
		read, write error
		want        Status
	}{
		{syscall.ECONNREFUSED, errors.New("use of a closed connection"), StatusRefused},
		{syscall.EACCES, nil, StatusNoRoute}, // ICMP: administratively prohibited
		{nil, syscall.EPERM, StatusNoRoute},  // a firewall
		{nil, syscall.ENETUNREACH, StatusNoRoute},
		{nil, syscall.ECONNREFUSED, StatusRefused}, // of an earlier packet
	} {
		synctest.Test(t, func(t *testing.T) {
			raw := &dyingConn{read: test.read, write: test.write, failed: make(chan struct{})}
			var hosts udpHosts
			conn := hosts.open(raw)
			_, err := conn.do(t.Context(), tracker.UDPRequest{Action: tracker.ActionScrape}, time.Minute)
			if udpStatus(err) != test.want {
				t.Errorf("%v, want %s", err, test.want)
			}
			if test.read == nil {
				close(raw.failed)
			}
			hosts.readers.Wait()
		})
	}
}

// A name is resolved once, and again only after errors.
func TestUDPLookup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lookups := 0
		net, c := newUDPNet(t, &Client{lookup: func(ctx context.Context, network, host string) ([]netip.Addr, error) {
			lookups++
			time.Sleep(time.Second)
			if lookups == 1 {
				return nil, syscall.EHOSTUNREACH
			}
			return udpLookup46(ctx, network, host)
		}})
		defer c.Close()
		net.trackers[udpAddr4] = (&udpFake{t: t}).handle
		if _, err := udpAnnounce(c, udpHost46()); udpStatus(err) != StatusNoRoute {
			t.Error(err)
		}
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				if _, err := udpAnnounce(c, udpHost46()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if dials, _ := net.sockets(); lookups != 2 || dials != 1 {
			t.Errorf("%d lookups, %d sockets", lookups, dials)
		}
	})
}

// The socket of a host is closed after two minutes without requests.
func TestUDPIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net, c := newUDPNet(t, &Client{BEP15: true})
		net.trackers[udpAddr4] = (&udpFake{t: t}).handle
		for range 3 {
			if _, err := udpAnnounce(c, udpHost4()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(udpIdle - time.Second)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if dials, closed := net.sockets(); dials != 1 || closed != 1 || len(c.udp.hosts) != 0 {
			t.Errorf("%d sockets, %d were closed, %d hosts are left", dials, closed, len(c.udp.hosts))
		}
		net.trackers[udpAddr4] = udpSilent
		_, err := udpAnnounce(c, udpHost4())
		if dials, closed := net.sockets(); udpStatus(err) != StatusTimeout || dials != 2 || closed != 2 {
			t.Errorf("%v; %d sockets, %d were closed", err, dials, closed)
		}
		net.trackers[udpAddr4] = (&udpFake{t: t}).handle
		if _, err := udpAnnounce(c, udpHost4()); err != nil {
			t.Fatal(err)
		}
		c.Close()
		if _, closed := net.sockets(); closed != 3 {
			t.Error("Close leaves a socket")
		}
		time.Sleep(time.Hour)
	})
}

// After a request without an answer, the name of the tracker is resolved again.
func TestUDPMoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		addr := udpAddr4
		net, c := newUDPNet(t, &Client{lookup: func(context.Context, string, string) ([]netip.Addr, error) {
			return []netip.Addr{addr}, nil
		}})
		defer c.Close()
		net.trackers[udpAddr6] = (&udpFake{t: t}).handle
		if _, err := udpAnnounce(c, udpHost46()); err == nil {
			t.Error("nobody is there, and answers")
		}
		addr = udpAddr6
		if _, err := udpAnnounce(c, udpHost46()); err != nil {
			t.Error(err)
		}
	})
}

// The sockets of thousands of trackers are not all kept.
func TestUDPManyIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net, c := newUDPNet(t, new(Client))
		const hosts = maxIdle + 20
		host := func(i int) *tracker.URL {
			addr := netip.AddrFrom4([4]byte{192, 0, byte(i >> 8), byte(i)})
			net.trackers[addr] = (&udpFake{t: t}).handle
			return &tracker.URL{Scheme: "udp", Host: addr.String(), Port: 80}
		}
		ask := func(i, dials, closed int) {
			t.Helper()
			if _, err := udpAnnounce(c, host(i)); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if d, n := net.sockets(); d != dials || n != closed || len(c.udp.hosts) != len(c.udp.idle) {
				t.Errorf("host %d: %d sockets, %d were closed, want %d, %d; %d hosts, %d idle", i, d, n, dials, closed, len(c.udp.hosts), len(c.udp.idle))
			}
		}
		for i := range hosts {
			ask(i, i+1, max(0, i+1-maxIdle))
		}
		ask(hosts-maxIdle, hosts, hosts-maxIdle)       // the next to be closed, and now the last
		ask(0, hosts+1, hosts-maxIdle+1)               // closed before
		ask(hosts-maxIdle, hosts+1, hosts-maxIdle+1)   // not closed
		ask(hosts-maxIdle+1, hosts+2, hosts-maxIdle+2) // closed in its place
		c.Close()
		if dials, closed := net.sockets(); closed != dials || len(c.udp.idle) != 0 {
			t.Errorf("%d sockets, %d were closed", dials, closed)
		}
	})
}

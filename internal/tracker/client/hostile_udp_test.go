package client

import (
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"bt/internal/testenv"
	"bt/internal/tracker"
)

const (
	udpShortTimeout = 300 * time.Millisecond // of requests that are not answered
	udpLongTimeout  = 50 * time.Second       // of requests that are answered
	udpHuge         = 65507                  // bytes of the longest packet over IPv4
	udpSlack        = 10 * time.Second       // that a loaded machine may add
)

// A hostileUDPTracker is a UDP tracker that misbehaves. It uses the udpFake for what it
// does correctly.
type hostileUDPTracker struct {
	*udpFake
	t       *testing.T
	u       *tracker.URL
	at      *net.UDPConn // its socket
	packets atomic.Int64 // number of packets sent

	n    int      // number of scrapes
	held []func() // answers to send later
}

// newHostileUDPTracker starts a tracker that handles requests with handle.
func newHostileUDPTracker(t *testing.T, handle func(v *hostileUDPTracker, r *tracker.UDPRequest, p udpPeer)) *hostileUDPTracker {
	t.Helper()
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	v := &hostileUDPTracker{udpFake: &udpFake{t: t}, t: t, u: udpURL(t, conn.LocalAddr().String()), at: conn}
	var wg sync.WaitGroup
	wg.Go(func() {
		udpLoop(t, conn, func(r *tracker.UDPRequest, p udpPeer) {
			send := p.send
			p.send = func(b []byte) {
				v.packets.Add(1)
				send(b)
			}
			handle(v, r, p)
		})
	})
	t.Cleanup(func() {
		conn.Close()
		wg.Wait()
	})
	return v
}

// raw sends a packet of an action, a transaction id and a body.
func (p udpPeer) raw(action tracker.Action, transaction uint32, body ...byte) {
	b := binary.BigEndian.AppendUint32(nil, uint32(action))
	p.send(append(binary.BigEndian.AppendUint32(b, transaction), body...))
}

// rawScrape sends an answer to a scrape in which all bytes are number.
func (p udpPeer) rawScrape(transaction uint32, torrents int, number byte) {
	p.raw(tracker.ActionScrape, transaction, slices.Repeat([]byte{0, 0, 0, number}, 3*torrents)...)
}

// burst sends n packets, no faster than the client reads them.
func burst(n int, send func(i int)) {
	for i := range n {
		if send(i); i%100 == 99 {
			time.Sleep(time.Millisecond)
		}
	}
}

const udpNasty = "\x1b[2J\x1b]0;title\a\x00 \r\n\u202e\u009b31m\xff\xfe\u2028 <b>"

// Ways in which a tracker misbehaves at scrapes. It answers connect correctly.
var udpScrapeCases = []struct {
	name     string
	torrents int
	timeout  time.Duration
	scrape   func(v *hostileUDPTracker, r *tracker.UDPRequest, p udpPeer)
	want     map[Status]int // number of torrents by status
}{
	{"silence", 200, udpShortTimeout, func(*hostileUDPTracker, *tracker.UDPRequest, udpPeer) {}, map[Status]int{StatusTimeout: 200}},
	{"foreign transactions, then its own", 70, udpLongTimeout, func(v *hostileUDPTracker, r *tracker.UDPRequest, p udpPeer) {
		burst(5000, func(i int) { p.rawScrape(r.Transaction+1+uint32(i), len(r.Hashes), 9) })
		v.handle(r, p)
	}, map[Status]int{StatusOK: 70}},
	{"foreign transactions only", 70, udpShortTimeout, func(_ *hostileUDPTracker, r *tracker.UDPRequest, p udpPeer) {
		burst(5000, func(i int) { p.rawScrape(r.Transaction+1+uint32(i), len(r.Hashes), 9) })
	}, map[Status]int{StatusTimeout: 70}},
	{"garbage, then an answer", 70, udpLongTimeout, func(v *hostileUDPTracker, r *tracker.UDPRequest, p udpPeer) {
		random := rand.NewChaCha8([32]byte{1})
		burst(5000, func(i int) {
			b := make([]byte, i%1000)
			_, _ = random.Read(b)
			p.send(b)
		})
		v.handle(r, p)
	}, map[Status]int{StatusOK: 70}},
	{"too short, then an answer", 70, udpLongTimeout, func(v *hostileUDPTracker, r *tracker.UDPRequest, p udpPeer) {
		whole := binary.BigEndian.AppendUint32([]byte{0, 0, 0, 2}, r.Transaction)
		for n := range 8 {
			p.send(whole[:n])
		}
		v.handle(r, p)
	}, map[Status]int{StatusOK: 70}},
	{"too short only", 70, udpShortTimeout, func(_ *hostileUDPTracker, r *tracker.UDPRequest, p udpPeer) {
		p.send([]byte{0, 0, 0, 2, byte(r.Transaction >> 24), byte(r.Transaction >> 16), byte(r.Transaction >> 8)})
	}, map[Status]int{StatusTimeout: 70}},
	{"the answer to an announce", 200, udpLongTimeout, func(_ *hostileUDPTracker, r *tracker.UDPRequest, p udpPeer) {
		p.raw(tracker.ActionAnnounce, r.Transaction, make([]byte, 12*len(r.Hashes))...)
	}, map[Status]int{StatusMalformed: 200}},
	{"the answer to connect", 200, udpLongTimeout, func(_ *hostileUDPTracker, r *tracker.UDPRequest, p udpPeer) {
		p.raw(tracker.ActionConnect, r.Transaction, make([]byte, 12*len(r.Hashes))...)
	}, map[Status]int{StatusMalformed: 200}},
	{"an unknown action", 200, udpLongTimeout, func(_ *hostileUDPTracker, r *tracker.UDPRequest, p udpPeer) {
		p.raw(0xffffffff, r.Transaction, make([]byte, 12*len(r.Hashes))...)
	}, map[Status]int{StatusMalformed: 200}},
	{"a byte too many", 1, udpLongTimeout, func(_ *hostileUDPTracker, r *tracker.UDPRequest, p udpPeer) {
		p.raw(tracker.ActionScrape, r.Transaction, make([]byte, 13)...)
	}, map[Status]int{StatusMalformed: 1}},
	{"too many entries", 200, udpLongTimeout, func(_ *hostileUDPTracker, r *tracker.UDPRequest, p udpPeer) {
		p.rawScrape(r.Transaction, len(r.Hashes)+1, 1)
	}, map[Status]int{StatusMalformed: 200}},
	{"half of the entries", 500, udpLongTimeout, func(v *hostileUDPTracker, r *tracker.UDPRequest, p udpPeer) {
		r.Hashes = r.Hashes[:(len(r.Hashes)+1)/2]
		v.handle(r, p)
	}, map[Status]int{StatusOK: 500}},
	{"the first entry only", 100, udpLongTimeout, func(v *hostileUDPTracker, r *tracker.UDPRequest, p udpPeer) {
		r.Hashes = r.Hashes[:1]
		v.handle(r, p)
	}, map[Status]int{StatusOK: 100}},
	{"fewer entries each time", 300, udpLongTimeout, func(v *hostileUDPTracker, r *tracker.UDPRequest, p udpPeer) {
		v.n++
		r.Hashes = r.Hashes[:max(1, min(len(r.Hashes), 70-10*v.n))]
		v.handle(r, p)
	}, map[Status]int{StatusOK: 300}},
	{"no entries", 200, udpLongTimeout, func(_ *hostileUDPTracker, r *tracker.UDPRequest, p udpPeer) {
		p.rawScrape(r.Transaction, 0, 0)
	}, map[Status]int{StatusTruncated: 200}},
	{"negative numbers", 1, udpLongTimeout, func(_ *hostileUDPTracker, r *tracker.UDPRequest, p udpPeer) {
		p.raw(tracker.ActionScrape, r.Transaction, slices.Repeat([]byte{255}, 12)...)
	}, map[Status]int{StatusMalformed: 1}},
	{"the highest numbers", 1, udpLongTimeout, func(_ *hostileUDPTracker, r *tracker.UDPRequest, p udpPeer) {
		p.answer(&tracker.UDPResponse{Action: r.Action, Transaction: r.Transaction, Counts: []tracker.Counts{{Seeders: 1 << 31, Leechers: 1 << 31, Completed: 1 << 31}}})
	}, map[Status]int{StatusOK: 1}},
	{"refuses with a nasty text", 200, udpLongTimeout, func(_ *hostileUDPTracker, r *tracker.UDPRequest, p udpPeer) {
		p.refuse(r, udpNasty)
	}, map[Status]int{StatusFailed: 200}},
	{"refuses without a text", 200, udpLongTimeout, func(_ *hostileUDPTracker, r *tracker.UDPRequest, p udpPeer) {
		p.refuse(r, "")
	}, map[Status]int{StatusFailed: 200}},
	{"refuses with NULs", 200, udpLongTimeout, func(_ *hostileUDPTracker, r *tracker.UDPRequest, p udpPeer) {
		p.refuse(r, "no\x00way\x00\x00")
	}, map[Status]int{StatusFailed: 200}},
	{"refuses at length", 200, udpLongTimeout, func(_ *hostileUDPTracker, r *tracker.UDPRequest, p udpPeer) {
		p.refuse(r, strings.Repeat("\x1b", udpHuge-8))
	}, map[Status]int{StatusFailed: 200}},
	{"refuses in new words each time", 1000, udpLongTimeout, func(v *hostileUDPTracker, r *tracker.UDPRequest, p udpPeer) {
		v.n++
		p.refuse(r, fmt.Sprint(v.n, " times no"))
	}, map[Status]int{StatusFailed: 1000}},
	{"refuses more than one torrent", 300, udpLongTimeout, func(v *hostileUDPTracker, r *tracker.UDPRequest, p udpPeer) {
		if len(r.Hashes) > 1 {
			p.refuse(r, "one at a time")
			return
		}
		v.handle(r, p)
	}, map[Status]int{StatusOK: 300}},
	{"huge answers", 200, udpLongTimeout, func(_ *hostileUDPTracker, r *tracker.UDPRequest, p udpPeer) {
		p.rawScrape(r.Transaction, (udpHuge-8)/12, 1)
	}, map[Status]int{StatusMalformed: 200}},
	{"huge foreign answers, then its own", 70, udpLongTimeout, func(v *hostileUDPTracker, r *tracker.UDPRequest, p udpPeer) {
		for range 50 {
			p.rawScrape(^r.Transaction, (udpHuge-8)/12, 1)
			time.Sleep(time.Millisecond)
		}
		v.handle(r, p)
	}, map[Status]int{StatusOK: 70}},
	{"answers from elsewhere, then its own", 70, udpLongTimeout, func(v *hostileUDPTracker, r *tracker.UDPRequest, p udpPeer) {
		v.spoof(r, p)
		time.Sleep(20 * time.Millisecond)
		v.handle(r, p)
	}, map[Status]int{StatusOK: 70}},
	{"answers from elsewhere only", 70, udpShortTimeout, func(v *hostileUDPTracker, r *tracker.UDPRequest, p udpPeer) {
		v.spoof(r, p)
	}, map[Status]int{StatusTimeout: 70}},
	{"answers twice", 1000, udpLongTimeout, func(v *hostileUDPTracker, r *tracker.UDPRequest, p udpPeer) {
		v.handle(r, p)
		v.handle(r, p)
	}, map[Status]int{StatusOK: 1000}},
	{"answers twice, first right", 1000, udpLongTimeout, func(v *hostileUDPTracker, r *tracker.UDPRequest, p udpPeer) {
		v.handle(r, p)
		p.rawScrape(r.Transaction, len(r.Hashes), 9)
	}, map[Status]int{StatusOK: 1000}},
	{"reorders", 980, udpLongTimeout, func(v *hostileUDPTracker, r *tracker.UDPRequest, p udpPeer) {
		if v.n++; v.n == 1 {
			v.handle(r, p)
			return
		}
		if v.held = append(v.held, func() { v.handle(r, p) }); len(v.held) >= 13 { // all the others, some of them twice on a busy machine
			slices.Reverse(v.held)
			for _, answer := range v.held {
				answer()
			}
		}
	}, map[Status]int{StatusOK: 980}},
	{"falls silent", 980, 4 * time.Second, func(v *hostileUDPTracker, r *tracker.UDPRequest, p udpPeer) {
		if v.n++; v.n <= 5 {
			v.handle(r, p)
		}
	}, map[Status]int{StatusOK: 350, StatusTimeout: 630}},
	{"is gone", 1000, udpLongTimeout, func(v *hostileUDPTracker, r *tracker.UDPRequest, p udpPeer) {
		if v.n++; v.n == 1 {
			v.handle(r, p)
			return
		}
		if v.n == 2 {
			time.Sleep(10 * time.Millisecond)
			v.at.Close()
		}
	}, map[Status]int{StatusOK: 70, StatusRefused: 930}},
}

// spoof answers from another port, and from another address too.
func (v *hostileUDPTracker) spoof(r *tracker.UDPRequest, p udpPeer) {
	for _, ip := range []string{"127.0.0.1", "127.0.0.2"} {
		other, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.ParseIP(ip)})
		if err != nil {
			v.t.Log(err) // not all of 127.0.0.0/8 is loopback everywhere
			continue
		}
		p.send = func(b []byte) { _, _ = other.WriteToUDPAddrPort(b, p.from) }
		p.rawScrape(r.Transaction, len(r.Hashes), 9)
		other.Close()
	}
}

func TestHostileUDPScrape(t *testing.T) {
	for _, test := range udpScrapeCases {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			v := newHostileUDPTracker(t, func(v *hostileUDPTracker, r *tracker.UDPRequest, p udpPeer) {
				if r.Action == tracker.ActionConnect {
					v.handle(r, p)
					return
				}
				test.scrape(v, r, p)
			})
			meter := new(udpMeter)
			c := udpClient(t, &Client{Timeout: test.timeout, dialUDP: meter.dial})
			hashes := udpHashes(test.torrents)
			if test.name == "the highest numbers" {
				hashes = [][20]byte{[20]byte(slices.Repeat([]byte{255}, 20))}
			}
			began := time.Now()
			answers := udpScrape(t, c, v.u, hashes)
			if took := time.Since(began); took > 2*test.timeout+udpSlack {
				t.Errorf("it took %v", took)
			}
			if got := udpStatuses(answers); !maps.Equal(got, test.want) {
				t.Errorf("%v, want %v", got, test.want)
			}
			for i, a := range answers {
				if a.Err == nil && a.Counts != udpCounts(hashes[i]) {
					t.Fatalf("torrent %d: %v", i, a.Counts)
				}
				if a.Err != nil {
					udpSentence(t, a.Err)
				}
			}
			meter.check(t, c, v)
		})
	}
}

// udpSentence fails the test unless the message of an error is safe to print.
func udpSentence(t *testing.T, err error) {
	t.Helper()
	msg := err.Error()
	bad := func(r rune) bool { return r == utf8.RuneError || !unicode.IsPrint(r) }
	if msg == "" || !utf8.ValidString(msg) || strings.ContainsFunc(msg, bad) {
		t.Fatalf("the error is %.100q", msg)
	}
}

// A udpMeter counts the reads of a client.
type udpMeter struct{ reads atomic.Int64 }

func (m *udpMeter) dial(ctx context.Context, addr netip.AddrPort) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "udp", addr.String())
	return udpMeterConn{conn, &m.reads}, err
}

type udpMeterConn struct {
	net.Conn
	reads *atomic.Int64
}

func (c udpMeterConn) Read(p []byte) (int, error) {
	c.reads.Add(1)
	return c.Conn.Read(p)
}

// check fails the test if the client reads in a busy loop, or keeps requests that have
// ended.
func (m *udpMeter) check(t *testing.T, c *Client, v *hostileUDPTracker) {
	t.Helper()
	if reads, most := m.reads.Load(), v.packets.Load()+100; reads > most {
		t.Errorf("%d reads of %d packets", reads, most)
	}
	c.udp.mu.Lock()
	defer c.udp.mu.Unlock()
	for _, h := range c.udp.hosts {
		for _, conn := range h.conns {
			if len(conn.waiting) != 0 {
				t.Errorf("%d transactions are left", len(conn.waiting))
			}
		}
	}
}

// Ways in which a tracker misbehaves at connect and announce.
var udpAnnounceCases = []struct {
	name    string
	timeout time.Duration
	handle  func(v *hostileUDPTracker, r *tracker.UDPRequest, p udpPeer)
	want    Status
	wantMsg string // the whole message; empty: any
}{
	{"silence", udpShortTimeout, func(*hostileUDPTracker, *tracker.UDPRequest, udpPeer) {}, StatusTimeout, "no answer in time"},
	{"connects only", udpShortTimeout, func(_ *hostileUDPTracker, r *tracker.UDPRequest, p udpPeer) { udpOnlyConnects(r, p) }, StatusTimeout, ""},
	{"connection id zero", udpLongTimeout, onlyAnnounce(func(r *tracker.UDPRequest, p udpPeer) {
		if r.Connection != 0 {
			p.refuse(r, "another connection id")
			return
		}
		p.raw(r.Action, r.Transaction, make([]byte, 12)...)
	}), StatusOK, ""},
	{"a short answer to connect", udpLongTimeout, func(_ *hostileUDPTracker, r *tracker.UDPRequest, p udpPeer) {
		p.raw(tracker.ActionConnect, r.Transaction, 1, 2, 3, 4)
	}, StatusMalformed, ""},
	{"a long answer to connect", udpLongTimeout, func(v *hostileUDPTracker, r *tracker.UDPRequest, p udpPeer) {
		if r.Action == tracker.ActionConnect {
			p.raw(tracker.ActionConnect, r.Transaction, make([]byte, udpHuge-8)...)
			return
		}
		v.handle(r, p)
	}, StatusOK, ""},
	{"another answer to connect", udpLongTimeout, func(_ *hostileUDPTracker, r *tracker.UDPRequest, p udpPeer) {
		p.raw(tracker.ActionScrape, r.Transaction)
	}, StatusMalformed, ""},
	{"refuses to connect", udpLongTimeout, func(_ *hostileUDPTracker, r *tracker.UDPRequest, p udpPeer) {
		p.refuse(r, "full")
	}, StatusFailed, `the tracker says "full"`},
	{"refuses every connection id", udpLongTimeout, func(v *hostileUDPTracker, r *tracker.UDPRequest, p udpPeer) {
		v.restart()
		v.handle(r, p)
	}, StatusFailed, `the tracker says "a connection id of yore"`},
	{"refuses", udpLongTimeout, onlyAnnounce(func(r *tracker.UDPRequest, p udpPeer) { p.refuse(r, "no\x1b[2J\xff") }), StatusFailed, `the tracker says "no\x1b[2J\xff"`},
	{"a short answer", udpLongTimeout, onlyAnnounce(func(r *tracker.UDPRequest, p udpPeer) {
		p.raw(r.Action, r.Transaction, make([]byte, 11)...)
	}), StatusMalformed, ""},
	{"a negative number of peers", udpLongTimeout, onlyAnnounce(func(r *tracker.UDPRequest, p udpPeer) {
		p.raw(r.Action, r.Transaction, 0, 0, 0, 1, 255, 255, 255, 255, 0, 0, 0, 1)
	}), StatusOK, ""},
	{"8 bytes, as opentracker does", udpLongTimeout, onlyAnnounce(func(r *tracker.UDPRequest, p udpPeer) {
		p.raw(r.Action, r.Transaction)
	}), StatusFailed, tracker.ErrUnlisted.Error()},
	{"the answer to a scrape", udpLongTimeout, onlyAnnounce(func(r *tracker.UDPRequest, p udpPeer) {
		p.rawScrape(r.Transaction, 1, 1)
	}), StatusMalformed, ""},
}

// onlyAnnounce returns a handler for announces. It answers connect with the connection
// id 0.
func onlyAnnounce(handle udpHandler) func(*hostileUDPTracker, *tracker.UDPRequest, udpPeer) {
	return func(_ *hostileUDPTracker, r *tracker.UDPRequest, p udpPeer) {
		if udpOnlyConnects(r, p); r.Action == tracker.ActionAnnounce {
			handle(r, p)
		}
	}
}

func TestHostileUDPAnnounce(t *testing.T) {
	for _, test := range udpAnnounceCases {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			v := newHostileUDPTracker(t, test.handle)
			meter := new(udpMeter)
			c := udpClient(t, &Client{Timeout: test.timeout, dialUDP: meter.dial})
			began := time.Now()
			_, err := udpAnnounce(c, v.u)
			if took := time.Since(began); took > test.timeout+udpSlack {
				t.Errorf("it took %v", took)
			}
			if got := udpStatus(err); got != test.want || test.wantMsg != "" && err.Error() != test.wantMsg {
				t.Errorf("%s: %v\nwant %s %s", got, err, test.want, test.wantMsg)
			}
			if err != nil {
				udpSentence(t, err)
			}
			if sent := v.packets.Load(); sent > 10 {
				t.Errorf("the client wanted %d answers", sent)
			}
			meter.check(t, c, v)
		})
	}
}

// Unusual answers to an announce that are valid.
func TestHostileUDPAnswers(t *testing.T) {
	many := slices.Repeat([]byte{192, 0, 2, 1, 0, 80}, (udpHuge-20)/6)
	for _, test := range []struct {
		name     string
		interval []byte
		peers    []byte
		want     time.Duration
		wantN    int
	}{
		{"none", []byte{0, 0, 7, 8}, nil, 30 * time.Minute, 0},
		{"no interval", []byte{0, 0, 0, 0}, nil, 0, 0},
		{"a negative interval", []byte{255, 255, 255, 255}, nil, 0, 0},
		{"the most negative interval", []byte{128, 0, 0, 0}, nil, 0, 0},
		{"a huge interval", []byte{127, 255, 255, 255}, nil, 366 * 24 * time.Hour, 0},
		{"peers cut in the middle", []byte{0, 0, 0, 1}, many[:6+5], time.Second, 1},
		{"peers cut at the beginning", []byte{0, 0, 0, 1}, many[:1], time.Second, 0},
		{"many peers", []byte{0, 0, 0, 1}, many, time.Second, len(many) / 6},
	} {
		t.Run(test.name, func(t *testing.T) {
			v := newHostileUDPTracker(t, onlyAnnounce(func(r *tracker.UDPRequest, p udpPeer) {
				p.raw(r.Action, r.Transaction, slices.Concat(test.interval, make([]byte, 8), test.peers)...)
			}))
			resp, err := udpAnnounce(udpClient(t, &Client{Timeout: udpLongTimeout}), v.u)
			if err != nil {
				t.Fatal(err)
			}
			if resp.Interval != test.want || len(resp.Peers) != test.wantN {
				t.Errorf("%v and %d peers, want %v and %d", resp.Interval, len(resp.Peers), test.want, test.wantN)
			}
			for _, peer := range resp.Peers {
				if peer.Addr != netip.MustParseAddrPort("192.0.2.1:80") {
					t.Fatalf("a peer %v", peer)
				}
			}
		})
	}
}

// If connections are refused, all torrents fail at once, even a thousand.
func TestUDPRefused(t *testing.T) {
	for _, host := range []string{"127.0.0.1", "[::1]"} {
		// A socket that is connected to another address keeps the port, and the kernel refuses
		// packets from the client.
		taken, err := net.Dial("udp", host+":9")
		if err != nil {
			testenv.Missing(t, "the address "+host+": "+err.Error())
		}
		defer taken.Close()
		u := udpURL(t, taken.LocalAddr().String())
		c := udpClient(t, &Client{Timeout: udpLongTimeout, BEP15: true})
		began := time.Now()
		if _, err := udpAnnounce(c, u); udpStatus(err) != StatusRefused {
			t.Errorf("%s: %v", u, err)
		}
		if got := udpStatuses(udpScrape(t, c, u, udpHashes(1000))); got[StatusRefused] != 1000 {
			t.Errorf("%s: %v", u, got)
		}
		if took := time.Since(began); took > udpLongTimeout/2 {
			t.Errorf("it took %v", took)
		}
	}
}

package client

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"bt/internal/testenv"
	"bt/internal/tracker"
)

// A udpPeer is the sender of a request to a tracker of the tests.
type udpPeer struct {
	from netip.AddrPort
	v6   bool
	send func([]byte) // sends a packet to it
}

func (p udpPeer) answer(r *tracker.UDPResponse) { p.send(r.Append(nil, p.v6)) }

func (p udpPeer) refuse(r *tracker.UDPRequest, why string) {
	p.answer(&tracker.UDPResponse{Action: tracker.ActionError, Transaction: r.Transaction, Failure: tracker.Failure{Reason: why}})
}

// A udpHandler handles a request to a tracker.
type udpHandler func(r *tracker.UDPRequest, p udpPeer)

// A udpFake is a correct tracker. Torrents have the numbers of udpCounts.
type udpFake struct {
	t testing.TB

	mu       sync.Mutex
	requests []tracker.UDPRequest
	epoch    uint64 // in the upper half of connection ids; others are refused
	mute     bool   // drop requests with a wrong connection id instead
	peers    []tracker.Peer
}

func (f *udpFake) handle(r *tracker.UDPRequest, p udpPeer) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests = append(f.requests, *r)
	answer := &tracker.UDPResponse{Action: r.Action, Transaction: r.Transaction}
	switch {
	case r.Action == tracker.ActionConnect:
		answer.Connection = f.epoch<<32 + uint64(len(f.requests))
	case r.Connection>>32 != f.epoch && f.mute:
		return
	case r.Connection>>32 != f.epoch:
		p.refuse(r, "a connection id of yore")
		return
	case r.Action == tracker.ActionAnnounce:
		answer.Announce.Interval = 30 * time.Minute
		answer.Announce.Counts = udpCounts(r.Announce.InfoHash)
		answer.Announce.Peers = f.peers
	case r.Action == tracker.ActionScrape:
		if len(r.Hashes) == 0 || len(r.Hashes) > tracker.MaxScrapeUDP {
			f.t.Errorf("a scrape of %d hashes", len(r.Hashes))
		}
		answer.Counts = udpCountsOf(r.Hashes)
	}
	p.answer(answer)
}

// restart makes all connection ids invalid.
func (f *udpFake) restart() {
	f.mu.Lock()
	f.epoch++
	f.mu.Unlock()
}

// took returns the requests of an action that were received.
func (f *udpFake) took(action tracker.Action) []tracker.UDPRequest {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(f.requests), func(r tracker.UDPRequest) bool { return r.Action != action })
}

// udpServe runs a tracker on its own socket until the test ends, and returns its URL. An
// invalid request fails the test.
func udpServe(t testing.TB, host string, handle udpHandler) *tracker.URL {
	t.Helper()
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(host), 0)))
	if err != nil {
		testenv.Missing(t, "the address "+host+": "+err.Error())
	}
	done := make(chan struct{})
	t.Cleanup(func() { conn.Close(); <-done })
	go func() {
		defer close(done)
		udpLoop(t, conn, handle)
	}()
	return udpURL(t, conn.LocalAddr().String())
}

func udpLoop(t testing.TB, conn *net.UDPConn, handle udpHandler) {
	buf := make([]byte, tracker.MaxUDP)
	for {
		n, from, err := conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		r, err := tracker.ParseUDPRequest(buf[:n])
		if err != nil {
			t.Errorf("the client sent %x: %v", buf[:n], err)
			continue
		}
		send := func(b []byte) {
			if _, err := conn.WriteToUDPAddrPort(b, from); err != nil && !errors.Is(err, net.ErrClosed) {
				t.Error(err)
			}
		}
		handle(r, udpPeer{from, !from.Addr().Unmap().Is4(), send})
	}
}

func udpURL(t testing.TB, hostPort string) *tracker.URL {
	t.Helper()
	u, err := tracker.ParseURL("udp://" + hostPort + "/announce")
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// udpClient returns a client that is closed when the test ends.
func udpClient(t testing.TB, c *Client) *Client {
	t.Cleanup(c.Close)
	return c
}

// udpHashes returns n info-hashes, the same ones every time.
func udpHashes(n int) [][20]byte {
	random := rand.NewChaCha8([32]byte{})
	hashes := make([][20]byte, n)
	for i := range hashes {
		_, _ = random.Read(hashes[i][:])
	}
	return hashes
}

func udpCounts(h [20]byte) tracker.Counts {
	n := func(b []byte) int64 { return int64(binary.BigEndian.Uint32(b) & (1<<31 - 1)) }
	return tracker.Counts{Seeders: n(h[:]), Leechers: n(h[4:]), Completed: n(h[8:])}
}

func udpCountsOf(hashes [][20]byte) []tracker.Counts {
	var counts []tracker.Counts
	for _, h := range hashes {
		counts = append(counts, udpCounts(h))
	}
	return counts
}

// udpScrape scrapes, and fails the test unless each torrent has one answer.
func udpScrape(t testing.TB, c *Client, u *tracker.URL, hashes [][20]byte) []Answer {
	t.Helper()
	answers := make([]Answer, len(hashes))
	told := make([]int, len(hashes))
	c.Scrape(context.Background(), u, hashes, func(i int, a Answer) {
		answers[i] = a
		told[i]++
	})
	for i, n := range told {
		if n != 1 {
			t.Errorf("torrent %d has %d answers", i, n)
		}
	}
	return answers
}

// udpAllRight fails the test unless all torrents have the numbers of udpCounts.
func udpAllRight(t testing.TB, hashes [][20]byte, answers []Answer) {
	t.Helper()
	for i, a := range answers {
		if a.Err != nil || a.Counts != udpCounts(hashes[i]) {
			t.Fatalf("torrent %d of %d: %v %v", i, len(hashes), a.Counts, a.Err)
		}
	}
}

// udpStatuses counts the torrents by the status of their answers.
func udpStatuses(answers []Answer) map[Status]int {
	n := make(map[Status]int)
	for _, a := range answers {
		status := StatusOK
		if a.Err != nil {
			status = a.Err.Status
		}
		n[status]++
	}
	return n
}

func udpAnnounce(c *Client, u *tracker.URL) (*tracker.AnnounceResponse, error) {
	return c.Announce(context.Background(), u, tracker.AnnounceRequest{InfoHash: [20]byte{1}, Port: 6881})
}

func TestUDPAnnounce(t *testing.T) {
	for _, test := range []struct{ host, url, peer string }{
		{"127.0.0.1", "127.0.0.1", "192.0.2.7:6881"},
		{"::1", "[::1]", "[2001:db8::7]:6881"},
	} {
		t.Run(test.host, func(t *testing.T) {
			fake := &udpFake{t: t, peers: []tracker.Peer{
				{Addr: netip.MustParseAddrPort(test.peer)}, {Addr: netip.AddrPortFrom(netip.MustParseAddr(test.host), 1)},
			}}
			u := udpServe(t, test.host, fake.handle)
			u.Rest = "/" + strings.Repeat("passkey", 100) + "/announce?a=1&b=2"
			c := udpClient(t, &Client{BEP15: true, Timeout: udpLongTimeout}) // nothing is sent again
			r := tracker.AnnounceRequest{
				InfoHash: [20]byte{1, 2}, PeerID: [20]byte{3, 4}, Port: 6881, Uploaded: 1 << 40, Downloaded: 5, Left: 1<<63 - 1,
				Event: tracker.EventStarted, Want: tracker.DefaultWant, Key: 0xfeedbeef, IP: netip.MustParseAddr("198.51.100.1"),
			}
			resp, err := c.Announce(t.Context(), u, r)
			if err != nil {
				t.Fatal(err)
			}
			counts := udpCounts(r.InfoHash)
			counts.Completed = tracker.Unknown
			if resp.Interval != 30*time.Minute || resp.Counts != counts || !slices.Equal(resp.Peers, fake.peers) {
				t.Errorf("the answer is %+v", resp)
			}
			r.URLData = u.Rest
			if took := fake.took(tracker.ActionAnnounce); len(took) != 1 || took[0].Announce != r {
				t.Errorf("the tracker got %+v\nwant %+v", took, r)
			}
		})
	}
}

func TestUDPScrape(t *testing.T) {
	for _, test := range []struct{ torrents, packets int }{{0, 0}, {1, 1}, {70, 1}, {71, 2}, {10000, 143}} {
		t.Run(fmt.Sprint(test.torrents), func(t *testing.T) {
			fake := &udpFake{t: t}
			u := udpServe(t, "127.0.0.1", fake.handle)
			c := udpClient(t, &Client{BEP15: true, Timeout: udpLongTimeout}) // nothing is sent again
			hashes := udpHashes(test.torrents)
			udpAllRight(t, hashes, udpScrape(t, c, u, hashes))
			connects, scrapes := len(fake.took(tracker.ActionConnect)), len(fake.took(tracker.ActionScrape))
			if connects != min(1, test.packets) || scrapes != test.packets {
				t.Errorf("%d connects and %d scrapes, want %d scrapes", connects, scrapes, test.packets)
			}
		})
	}
}

// Duplicate torrents, and an info-hash of zeros, have answers too.
func TestUDPScrapeDuplicates(t *testing.T) {
	fake := &udpFake{t: t}
	u := udpServe(t, "::1", fake.handle)
	hashes := udpHashes(100)
	hashes = append(hashes, hashes...)
	hashes[3] = [20]byte{}
	hashes[4] = hashes[5]
	udpAllRight(t, hashes, udpScrape(t, udpClient(t, new(Client)), u, hashes))
}

// A socketCounter counts the sockets that are opened and closed.
type socketCounter struct {
	mu             sync.Mutex
	opened, closed int
}

type countedConn struct {
	net.Conn
	close func() error
}

func (c *countedConn) Close() error { return c.close() }

func (l *socketCounter) dial(ctx context.Context, addr netip.AddrPort) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "udp", addr.String())
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.opened++
	return &countedConn{conn, sync.OnceValue(func() error {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.closed++
		return conn.Close()
	})}, nil
}

// counts returns how many sockets were opened, and how many of them closed.
func (l *socketCounter) counts() (opened, closed int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.opened, l.closed
}

// udpGoroutines returns the stacks of the goroutines of sockets and proxies. No other
// test must run in parallel.
func udpGoroutines() []string {
	buf := make([]byte, 1<<20)
	stacks := bytes.Split(buf[:runtime.Stack(buf, true)], []byte("\n\n"))
	var found []string
	for _, stack := range stacks[1:] { // without the calling goroutine
		for _, name := range []string{".(*udpConn)", ".(*socksConn)", ".dialSOCKS5"} {
			if bytes.Contains(stack, []byte(name)) {
				found = append(found, string(stack))
				break
			}
		}
	}
	return found
}

// noUDPGoroutines fails the test unless all of these goroutines end soon.
func noUDPGoroutines(t *testing.T) {
	t.Helper()
	var left []string
	for range 6000 {
		if left = udpGoroutines(); len(left) == 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("goroutines are left:\n%s", strings.Join(left, "\n\n"))
}

func TestUDPClose(t *testing.T) {
	fake := &udpFake{t: t}
	var ledger socketCounter
	c := &Client{dialUDP: ledger.dial, Timeout: 200 * time.Millisecond}
	for range 5 {
		u := udpServe(t, "127.0.0.1", fake.handle)
		udpScrape(t, c, u, udpHashes(500))
	}
	silent := udpServe(t, "127.0.0.1", func(*tracker.UDPRequest, udpPeer) {})
	if _, err := udpAnnounce(c, silent); err == nil {
		t.Error("a silent tracker has answered")
	}
	if len(udpGoroutines()) == 0 {
		t.Error("no goroutine is found while sockets are open: udpGoroutines is wrong")
	}
	c.Close()
	noUDPGoroutines(t)
	if _, err := udpAnnounce(c, silent); err == nil {
		t.Error("a closed client has asked")
	}
	c.Close()
	if opened, closed := ledger.counts(); opened != 6 || closed != 6 {
		t.Errorf("%d sockets, of which %d were closed; want 6", opened, closed)
	}
}

// Close during a request is not allowed, but has no data race.
func TestUDPCloseEarly(t *testing.T) {
	fake := &udpFake{t: t}
	u := udpServe(t, "127.0.0.1", fake.handle)
	for i := range 30 {
		var ledger socketCounter
		c := &Client{dialUDP: ledger.dial}
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() { _, _ = udpAnnounce(c, u) })
		}
		wg.Go(func() { c.Scrape(t.Context(), u, udpHashes(100), func(int, Answer) {}) })
		time.Sleep(time.Duration(i) * 50 * time.Microsecond)
		c.Close()
		wg.Wait()
		if opened, closed := ledger.counts(); opened != closed {
			t.Fatalf("%d sockets, of which %d were closed", opened, closed)
		}
	}
	noUDPGoroutines(t)
}

func TestUDPNetwork(t *testing.T) {
	fake := &udpFake{t: t}
	u4, u6 := udpServe(t, "127.0.0.1", fake.handle), udpServe(t, "::1", fake.handle)
	for _, test := range []struct {
		network string
		u       *tracker.URL
		want    Status
	}{
		{"4", u4, StatusOK}, {"6", u6, StatusOK}, {"4", u6, StatusNoRoute}, {"6", u4, StatusNoRoute},
		{"4", udpURL(t, fmt.Sprintf("[::ffff:127.0.0.1]:%d", u4.Port)), StatusOK},
	} {
		_, err := udpAnnounce(udpClient(t, &Client{Network: test.network}), test.u)
		if got := udpStatus(err); got != test.want {
			t.Errorf("IPv%s of %s: %s, want %s", test.network, test.u, got, test.want)
		}
	}
}

func udpStatus(err error) Status {
	if err == nil {
		return StatusOK
	}
	return failure(err).Status
}

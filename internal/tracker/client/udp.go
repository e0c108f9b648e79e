package client

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"net/url"
	"sync"
	"syscall"
	"time"

	"bt/internal/tracker"
)

const (
	// A connection id may be used for a minute after it came (BEP 15).
	connectionLife = time.Minute

	// What a tracker refuses, or does not answer, with a connection id older than
	// this is asked again with a new one: it may have been restarted.
	connectionDoubt = 5 * time.Second

	// A request for a connection id serves those who come no later than this.
	connectionShare = 2 * time.Second

	// A host nobody has asked for so long loses its sockets.
	udpIdle = 2 * time.Minute

	// maxAttempts is what BEP 15 has: 15 x 2^n s with n from 0 to 8.
	maxAttempts = 9
)

func (c *Client) announceUDP(ctx context.Context, u *tracker.URL, r tracker.AnnounceRequest) (*tracker.AnnounceResponse, error) {
	r.URLData = u.Rest
	resp, err := c.doUDP(ctx, u, tracker.UDPRequest{Action: tracker.ActionAnnounce, Announce: r})
	if err != nil {
		return nil, err
	}
	return &resp.Announce, nil
}

// doUDP sends a request, again when no answer comes, and returns the answer.
func (c *Client) doUDP(ctx context.Context, u *tracker.URL, r tracker.UDPRequest) (*tracker.UDPResponse, error) {
	attempts := c.retries() + 1
	if c.BEP15 {
		attempts = maxAttempts
	} else {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.timeout())
		defer cancel()
	}
	h := c.host(u)
	defer h.release()
	resp, err := h.do(ctx, r, attempts)
	if err != nil {
		return nil, failure(err)
	}
	return resp, nil
}

// A udpHost is a tracker's host and port, with a socket for each of its
// addresses that was tried.
type udpHost struct {
	client *Client
	url    *tracker.URL

	users int // under Client.mu, as is idle
	idle  *time.Timer

	turn chan struct{} // holds one token while nobody resolves or dials

	mu    sync.Mutex
	addrs []netip.AddrPort
	conns map[int]*udpConn // by the index of its address; nil: closed
	good  int              // the address to try first
	lost  bool             // none of the addresses answered the last request
}

// host returns the host of the tracker, for one user who will release it.
func (c *Client) host(u *tracker.URL) *udpHost {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := u.HostPort()
	h := c.udp[key]
	if h == nil {
		h = &udpHost{client: c, url: u, turn: make(chan struct{}, 1)}
		h.turn <- struct{}{}
		if c.stop {
			return h // closed
		}
		h.conns = make(map[int]*udpConn)
		if c.udp == nil {
			c.udp = make(map[string]*udpHost)
		}
		c.udp[key] = h
	}
	if h.users++; h.idle != nil {
		h.idle.Stop()
	}
	return h
}

func (h *udpHost) release() {
	c, key := h.client, h.url.HostPort()
	c.mu.Lock()
	defer c.mu.Unlock()
	if h.users--; h.users > 0 || c.udp[key] != h {
		return
	}
	if h.isLost() { // the next request looks its name up again
		delete(c.udp, key)
		h.close()
		return
	}
	h.idle = time.AfterFunc(udpIdle, func() {
		c.mu.Lock() // to the end: Client.Close waits for this
		defer c.mu.Unlock()
		if h.users == 0 && c.udp[key] == h {
			delete(c.udp, key)
			h.close()
		}
	})
}

// close closes a host that Client.udp has no more.
func (h *udpHost) close() {
	if h.idle != nil {
		h.idle.Stop()
	}
	h.mu.Lock()
	conns := h.conns
	h.conns = nil
	h.mu.Unlock()
	for _, conn := range conns {
		conn.close()
	}
}

// errSilence is the cause of giving up an attempt.
var errSilence = errors.New("no answer to this attempt")

// do tries the addresses of the host in turn. One that answers is asked first
// the next time, and one that can't be reached costs no waiting.
func (h *udpHost) do(ctx context.Context, r tracker.UDPRequest, attempts int) (*tracker.UDPResponse, error) {
	n, start, err := h.resolve(ctx)
	if err != nil {
		return nil, err
	}
	var last error
	for attempt, hop, unreachable := 0, 0, 0; attempt < attempts && unreachable < n; hop++ {
		at := (start + hop) % n
		conn, err := h.conn(ctx, at)
		if err == nil {
			var resp *tracker.UDPResponse
			wait := Wait(attempt, h.client.BEP15)
			if end, ok := ctx.Deadline(); ok && h.client.Patient && attempt == attempts-1 {
				wait = time.Until(end)
			}
			if resp, err = conn.do(ctx, r, wait); err == nil {
				h.mu.Lock()
				h.good, h.lost = at, false
				h.mu.Unlock()
				return resp, nil
			}
		}
		switch status := failure(err).Status; {
		case errors.Is(err, errSilence):
			last = &Error{Status: Timeout, Msg: "no answer in time", Err: err}
			attempt++
			unreachable = 0
		case ctx.Err() != nil && status != Proxy:
			return nil, ctx.Err()
		case status == Refused || status == NoRoute:
			last = err
			unreachable++
		default:
			return nil, err
		}
	}
	h.mu.Lock()
	h.lost = true
	h.mu.Unlock()
	return nil, last
}

// isLost reports whether the host may have moved.
func (h *udpHost) isLost() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.lost
}

// take takes the turn to resolve or to dial; who has it gives it back.
func (h *udpHost) take(ctx context.Context) error {
	select {
	case <-h.turn:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (h *udpHost) giveBack() { h.turn <- struct{}{} }

// resolve finds the addresses, once; it returns how many there are and which to
// begin with.
func (h *udpHost) resolve(ctx context.Context) (n, first int, err error) {
	if err := h.take(ctx); err != nil {
		return 0, 0, err
	}
	defer h.giveBack()
	h.mu.Lock()
	n, first = len(h.addrs), h.good
	h.mu.Unlock()
	if n > 0 {
		return n, first, nil
	}
	addrs, err := h.lookup(ctx)
	if err != nil {
		return 0, 0, err
	}
	h.mu.Lock()
	h.addrs = addrs
	h.mu.Unlock()
	return len(addrs), 0, nil
}

func (h *udpHost) lookup(ctx context.Context) ([]netip.AddrPort, error) {
	if proxy, err := h.proxy(); err != nil || proxy != nil {
		return []netip.AddrPort{{}}, err // the proxy looks it up
	}
	found, err := h.client.resolve(ctx, h.url.Host)
	var addrs []netip.AddrPort
	for _, addr := range found {
		addrs = append(addrs, netip.AddrPortFrom(addr, h.url.Port))
	}
	return addrs, err
}

func (h *udpHost) proxy() (*url.URL, error) {
	return h.client.proxyFor(&url.URL{Scheme: "udp", Host: h.url.HostPort()})
}

// conn returns the socket for an address; a new one, if the last one is dead.
func (h *udpHost) conn(ctx context.Context, at int) (*udpConn, error) {
	if conn, err := h.live(at); conn != nil || err != nil {
		return conn, err
	}
	if err := h.take(ctx); err != nil {
		return nil, err
	}
	defer h.giveBack()
	if conn, err := h.live(at); conn != nil || err != nil {
		return conn, err // of who had the turn before
	}
	dialed, err := h.dial(ctx, h.addrs[at])
	if err != nil {
		return nil, socketError(err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.conns == nil {
		dialed.Close()
		return nil, net.ErrClosed
	}
	if dead := h.conns[at]; dead != nil {
		dead.close()
	}
	conn := newUDPConn(dialed)
	h.conns[at] = conn
	return conn, nil
}

// live returns the socket for an address if there is one that is not dead.
func (h *udpHost) live(at int) (*udpConn, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.conns == nil {
		return nil, net.ErrClosed
	}
	if conn := h.conns[at]; conn != nil && conn.death() == nil {
		return conn, nil
	}
	return nil, nil
}

// dial connects a socket, so that the kernel drops what others send.
func (h *udpHost) dial(ctx context.Context, addr netip.AddrPort) (net.Conn, error) {
	// A proxy can be silent too, and with BEP15 ctx may have no end.
	ctx, cancel := context.WithTimeout(ctx, h.client.timeout())
	defer cancel()
	if h.client.dialUDP != nil {
		return h.client.dialUDP(ctx, addr)
	}
	proxy, err := h.proxy()
	switch {
	case err != nil:
		return nil, err
	case proxy == nil:
		return h.client.dialer("udp").DialContext(ctx, "udp", addr.String())
	case proxy.Scheme == "socks5" || proxy.Scheme == "socks5h":
		return h.client.dialSOCKS5(ctx, proxy, h.url.Host, h.url.Port)
	}
	return nil, &Error{Status: Proxy, Msg: fmt.Sprintf("a proxy of scheme %q carries no UDP", proxy.Scheme)}
}

// socketError makes an Error of what a kernel has against an address: it has
// more reasons than classify has names, as EPERM of a firewall.
func socketError(err error) error {
	if _, ok := errors.AsType[*Error](err); ok {
		return err
	}
	errno, ok := errors.AsType[syscall.Errno](err)
	if status, _ := classify(err); !ok || status != Malformed {
		return err
	}
	return &Error{Status: NoRoute, Msg: "there is no way to its address: " + errno.Error(), Err: err}
}

// A udpConn is a connected socket and those who wait for packets from it.
type udpConn struct {
	conn net.Conn

	mu      sync.Mutex
	waiting map[uint32]chan<- udpAnswer // by transaction; nil: dead
	err     error                       // of what it died
	id      uint64                      // the connection id, and when it came
	came    time.Time                   // zero: there is none
	asking  *connecting                 // the last request for a new one; nil: it has ended

	done chan struct{} // closed when nobody reads any more
}

// connecting is a request for a connection id, which several may wait for.
type connecting struct {
	sent time.Time
	done chan struct{} // closed when it has ended
	err  error         // then, how
}

type udpAnswer struct {
	resp *tracker.UDPResponse
	err  error
}

func newUDPConn(conn net.Conn) *udpConn {
	c := &udpConn{conn: conn, waiting: make(map[uint32]chan<- udpAnswer), done: make(chan struct{})}
	go c.read()
	return c
}

func (c *udpConn) close() {
	c.conn.Close()
	<-c.done
}

// death returns of what the socket died; nil: it has not.
func (c *udpConn) death() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// read hands every packet to whoever waits for its transaction. What nobody
// waits for is late, or foreign, and dropped.
func (c *udpConn) read() {
	defer close(c.done)
	buf := make([]byte, tracker.MaxUDP)
	for {
		n, err := c.conn.Read(buf)
		if err != nil {
			// That nobody listens is the answer to one of our packets, and
			// the socket lives on; in doubt a new one is made.
			err = socketError(err)
			c.mu.Lock()
			waiting := c.waiting
			c.waiting, c.err = nil, err
			c.mu.Unlock()
			for _, w := range waiting {
				w <- udpAnswer{err: err}
			}
			return
		}
		transaction, ok := tracker.TransactionOf(buf[:n])
		if !ok {
			continue
		}
		c.mu.Lock()
		w := c.waiting[transaction]
		delete(c.waiting, transaction)
		c.mu.Unlock()
		if w == nil {
			continue
		}
		resp, err := tracker.ParseUDPResponse(buf[:n], isIPv6(c.conn))
		w <- udpAnswer{resp, err}
	}
}

// isIPv6 tells the family of a socket, which decides how peers are written.
func isIPv6(conn net.Conn) bool {
	addr, ok := conn.RemoteAddr().(*net.UDPAddr)
	return ok && addr.IP.To4() == nil
}

// do sends a request and waits for the answer, so long for each packet. What
// fails with a connection id that may have become invalid is asked again with a
// new one: at once if the tracker refuses, else by the next attempt.
func (c *udpConn) do(ctx context.Context, r tracker.UDPRequest, wait time.Duration) (*tracker.UDPResponse, error) {
	for again := true; ; again = false {
		id, err := c.connect(ctx, wait)
		if err != nil {
			return nil, err
		}
		r.Connection = id
		noteSent(ctx)
		resp, err := c.exchange(ctx, r, wait)
		_, refused := errors.AsType[*tracker.Failure](err)
		if (refused || errors.Is(err, errSilence)) && c.doubt(id) && refused && again {
			continue
		}
		return resp, err
	}
}

// doubt reports whether another connection id might do better: this one is old,
// and is forgotten, or there is a newer one.
func (c *udpConn) doubt(id uint64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.id == id {
		if time.Since(c.came) <= connectionDoubt {
			return false
		}
		c.came = time.Time{}
	}
	return true
}

// connect returns the connection id. One asks for a new one and the others wait
// for it, but not for a request that has been under way for long: it may have
// been lost, and whose it is may wait much longer than others can.
func (c *udpConn) connect(ctx context.Context, wait time.Duration) (uint64, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, wait, errSilence)
	defer cancel()
	for began := time.Now(); ; {
		c.mu.Lock()
		if !c.came.IsZero() && time.Since(c.came) < connectionLife {
			defer c.mu.Unlock()
			return c.id, nil
		}
		q := c.asking
		mine := q == nil || time.Since(q.sent) >= connectionShare
		if mine {
			q = &connecting{sent: time.Now(), done: make(chan struct{})}
			c.asking = q
		}
		c.mu.Unlock()
		if mine {
			return c.ask(ctx, q, wait)
		}
		select {
		case <-q.done:
		case <-ctx.Done():
			return 0, ended(ctx)
		}
		switch gaveUp := q.err == errSilence || errors.Is(q.err, context.Canceled) || errors.Is(q.err, context.DeadlineExceeded); {
		case q.err != nil && !gaveUp:
			return 0, q.err
		case gaveUp && time.Since(began) > wait/2:
			return 0, errSilence // too late to ask for one
		}
	}
}

// ask asks for a new connection id.
func (c *udpConn) ask(ctx context.Context, q *connecting, wait time.Duration) (uint64, error) {
	resp, err := c.exchange(ctx, tracker.UDPRequest{Action: tracker.ActionConnect}, wait)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.asking == q {
		c.asking = nil
	}
	q.err = err
	close(q.done)
	if err != nil {
		return 0, err
	}
	c.id, c.came = resp.Connection, time.Now()
	return c.id, nil
}

// ended returns why ctx has ended: errSilence, if it was for an attempt.
func ended(ctx context.Context) error {
	if context.Cause(ctx) == errSilence {
		return errSilence
	}
	return ctx.Err()
}

// exchange sends one packet and waits for its answer. Each packet has a
// transaction of its own, so a late answer to an earlier one is no answer.
func (c *udpConn) exchange(ctx context.Context, r tracker.UDPRequest, wait time.Duration) (*tracker.UDPResponse, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, wait, errSilence)
	defer cancel()
	answer := make(chan udpAnswer, 1)
	if err := c.expect(&r.Transaction, answer); err != nil {
		return nil, err
	}
	defer func() {
		c.mu.Lock()
		delete(c.waiting, r.Transaction)
		c.mu.Unlock()
	}()
	if _, err := c.conn.Write(r.Append(nil)); err != nil {
		if death := c.death(); death != nil {
			err = death // and then it was closed
		}
		return nil, socketError(err)
	}
	var a udpAnswer
	select {
	case a = <-answer:
	case <-ctx.Done():
		return nil, ended(ctx)
	}
	switch {
	case a.err != nil:
		return nil, a.err
	case a.resp.Action == tracker.ActionError:
		return nil, &a.resp.Failure
	case a.resp.Action != r.Action:
		return nil, &tracker.Error{Msg: fmt.Sprintf("an answer of action %d to a request for %d", a.resp.Action, r.Action)}
	}
	return a.resp, nil
}

// expect chooses a transaction that nobody can guess and no other request has.
func (c *udpConn) expect(transaction *uint32, answer chan<- udpAnswer) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.waiting == nil {
		return c.err
	}
	for {
		t := rand.Uint32()
		if _, taken := c.waiting[t]; !taken {
			*transaction = t
			c.waiting[t] = answer
			return nil
		}
	}
}

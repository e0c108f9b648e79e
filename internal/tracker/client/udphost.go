package client

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"bt/internal/tracker"
)

// udpIdle is how long a host keeps its sockets after the last request.
const udpIdle = 2 * time.Minute

// maxIdle is how many hosts keep their sockets without a request. There may be thousands of
// trackers, and a process may have few descriptors.
const maxIdle = 100

// udpHosts owns the state of UDP: hosts, their sockets, and the requests that wait for an
// answer. Its mutex guards all of that, and is never held during a blocking operation.
// The zero value has no hosts.
type udpHosts struct {
	mu      sync.Mutex
	hosts   map[string]*udpHost // by host:port
	idle    []*udpHost          // those without a request, the longest first
	closed  bool
	readers sync.WaitGroup // goroutines that read from sockets; not guarded by mu
}

// A udpHost is the host and port of one or several trackers. It has a socket for each
// address that was tried.
type udpHost struct {
	client *Client
	url    *tracker.URL
	turn   *semaphore.Weighted // of weight 1, held to resolve or dial

	// Guarded by client.udp.mu.
	users int // requests in progress
	idle  *time.Timer
	addrs []netip.AddrPort // empty until resolved
	conns map[int]*udpConn // by the index of its address
	first int              // the address to try first
	lost  bool             // none of the addresses answered the last request
}

// host returns the host of a tracker for one request. The caller must release it. After
// Close, the error is net.ErrClosed.
func (c *Client) host(u *tracker.URL) (*udpHost, error) {
	p, key := &c.udp, u.HostPort()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, net.ErrClosed
	}
	h := p.hosts[key]
	if h == nil {
		h = &udpHost{client: c, url: u, turn: semaphore.NewWeighted(1), conns: make(map[int]*udpConn)}
		if p.hosts == nil {
			p.hosts = make(map[string]*udpHost)
		}
		p.hosts[key] = h
	}
	h.users++
	h.isIdle(false)
	return h, nil
}

// isIdle records whether the host has no request. The mutex is locked.
func (h *udpHost) isIdle(idle bool) {
	p := &h.client.udp
	p.idle = slices.DeleteFunc(p.idle, func(other *udpHost) bool { return other == h })
	if h.idle != nil {
		h.idle.Stop()
	}
	if idle {
		h.idle = time.AfterFunc(udpIdle, h.expire)
		p.idle = append(p.idle, h)
	}
}

// release ends the use of a host by one request. After the last request, the sockets stay
// open for udpIdle, unless those of maxIdle other hosts do. If the host does not answer, they are closed at once, and the next
// request resolves its name again, because its addresses may have changed.
func (h *udpHost) release() {
	p := &h.client.udp
	p.mu.Lock()
	var unused map[int]*udpConn
	switch h.users--; {
	case h.users > 0 || p.closed:
	case h.lost:
		unused = h.remove()
	default:
		h.isIdle(true)
		if len(p.idle) > maxIdle {
			unused = p.idle[0].remove()
		}
	}
	p.mu.Unlock()
	closeConns(unused)
}

// expire removes the host unless it is in use again.
func (h *udpHost) expire() {
	p := &h.client.udp
	p.mu.Lock()
	unused := h.remove()
	p.mu.Unlock()
	closeConns(unused)
}

// remove removes the host unless it is in use, and returns the sockets to close after the
// mutex is unlocked. The mutex is locked.
func (h *udpHost) remove() map[int]*udpConn {
	p, key := &h.client.udp, h.url.HostPort()
	if h.users > 0 || p.hosts[key] != h {
		return nil
	}
	delete(p.hosts, key)
	h.isIdle(false)
	return h.conns
}

func closeConns(conns map[int]*udpConn) {
	for _, c := range conns {
		c.conn.Close()
	}
}

// close closes all sockets and waits for the goroutines that read from them.
// Requests fail from now on.
func (p *udpHosts) close() {
	p.mu.Lock()
	hosts := p.hosts
	p.hosts, p.idle, p.closed = nil, nil, true
	p.mu.Unlock()
	for _, h := range hosts { // no longer shared, so no lock is needed
		if h.idle != nil {
			h.idle.Stop()
		}
		closeConns(h.conns)
	}
	p.readers.Wait()
}

// resolve looks up the addresses on the first call. It returns their number and the index
// of the one to try first.
func (h *udpHost) resolve(ctx context.Context) (n, first int, err error) {
	if err := h.turn.Acquire(ctx, 1); err != nil {
		return 0, 0, err
	}
	defer h.turn.Release(1)
	p := &h.client.udp
	p.mu.Lock()
	n, first = len(h.addrs), h.first
	p.mu.Unlock()
	if n > 0 {
		return n, first, nil
	}
	addrs, err := h.lookup(ctx)
	if err != nil {
		return 0, 0, err
	}
	p.mu.Lock()
	h.addrs = addrs
	p.mu.Unlock()
	return len(addrs), 0, nil
}

// answered records that an address has answered.
func (h *udpHost) answered(at int) {
	p := &h.client.udp
	p.mu.Lock()
	defer p.mu.Unlock()
	h.first, h.lost = at, false
}

// silent records that no address has answered.
func (h *udpHost) silent() {
	p := &h.client.udp
	p.mu.Lock()
	defer p.mu.Unlock()
	h.lost = true
}

// conn returns the socket for an address. If there is none, or it is dead, conn dials a
// new one.
func (h *udpHost) conn(ctx context.Context, at int) (*udpConn, error) {
	if conn, err := h.live(at); conn != nil || err != nil {
		return conn, err
	}
	if err := h.turn.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	defer h.turn.Release(1)
	if conn, err := h.live(at); conn != nil || err != nil {
		return conn, err // dialed by the previous holder of turn
	}
	dialed, err := h.dial(ctx, h.addrs[at])
	if err != nil {
		return nil, socketError(err)
	}
	conn, dead := h.replace(at, dialed)
	if dead != nil {
		dead.conn.Close()
	}
	if conn == nil {
		dialed.Close()
		return nil, net.ErrClosed
	}
	return conn, nil
}

// replace stores a dialed socket for an address, and returns its udpConn and the dead one
// that it replaces, if any. If the client is closed, it returns nil.
func (h *udpHost) replace(at int, dialed net.Conn) (conn, dead *udpConn) {
	p := &h.client.udp
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, nil
	}
	conn, dead = p.open(dialed), h.conns[at]
	h.conns[at] = conn
	return conn, dead
}

// live returns the socket for an address, or nil if there is none or it is dead.
func (h *udpHost) live(at int) (*udpConn, error) {
	p := &h.client.udp
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, net.ErrClosed
	}
	if conn := h.conns[at]; conn != nil && conn.err == nil {
		return conn, nil
	}
	return nil, nil
}

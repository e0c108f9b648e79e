package client

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"time"

	"bt/internal/tracker"
)

// A udpConn is a connected socket and the requests that wait for packets from it.
type udpConn struct {
	hosts *udpHosts
	conn  net.Conn

	// Guarded by hosts.mu.
	waiting    map[uint32]chan<- udpAnswer // by transaction; nil if the socket is dead
	err        error                       // why the socket is dead, or nil
	connection connection
}

type udpAnswer struct {
	resp *tracker.UDPResponse
	err  error
}

// open returns a udpConn for a connected socket, and starts to read from it. p.mu is
// locked.
func (p *udpHosts) open(conn net.Conn) *udpConn {
	c := &udpConn{hosts: p, conn: conn, waiting: make(map[uint32]chan<- udpAnswer)}
	p.readers.Go(c.read)
	return c
}

// read reads packets until the first error. After ECONNREFUSED, the response to one of
// our packets, the socket would still work, but it is replaced like any other.
func (c *udpConn) read() {
	buf := make([]byte, tracker.MaxUDP)
	for {
		n, err := c.conn.Read(buf)
		if err != nil {
			c.die(socketError(err))
			return
		}
		c.receive(buf[:n])
	}
}

// die marks the socket as dead: all waiting requests fail, and later ones.
func (c *udpConn) die(err error) {
	c.hosts.mu.Lock()
	waiting := c.waiting
	c.waiting, c.err = nil, err
	c.hosts.mu.Unlock()
	for _, answer := range waiting {
		answer <- udpAnswer{err: err}
	}
}

// receive passes a packet to the request with its transaction id. If there is none, the
// packet is late or is not from the tracker, and is dropped.
func (c *udpConn) receive(packet []byte) {
	transaction, ok := tracker.TransactionOf(packet)
	if !ok {
		return
	}
	c.hosts.mu.Lock()
	answer := c.waiting[transaction]
	delete(c.waiting, transaction)
	c.hosts.mu.Unlock()
	if answer != nil {
		resp, err := tracker.ParseUDPResponse(packet, isIPv6(c.conn))
		answer <- udpAnswer{resp, err}
	}
}

// isIPv6 reports whether a socket is an IPv6 socket, which determines the format of peers.
func isIPv6(conn net.Conn) bool {
	addr, ok := conn.RemoteAddr().(*net.UDPAddr)
	return ok && addr.IP.To4() == nil
}

// do sends a request and waits for the answer, at most wait for each packet. If a
// request fails whose connection id may be invalid, it is sent again with a new one: at
// once if the tracker refused it, else in the next attempt.
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
		if err == errSilence {
			err = errUnanswered
		}
		return resp, err
	}
}

// doubt records that a request with a connection id failed, and reports whether a
// request with another id might succeed.
func (c *udpConn) doubt(id uint64) bool {
	c.hosts.mu.Lock()
	defer c.hosts.mu.Unlock()
	return c.connection.doubt(id, time.Now())
}

// connect returns the connection id. If there is none, one caller requests it and the
// others wait for the answer.
func (c *udpConn) connect(ctx context.Context, wait time.Duration) (uint64, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, wait, errSilence)
	defer cancel()
	for began := time.Now(); ; {
		c.hosts.mu.Lock()
		id, q, mine := c.connection.join(time.Now())
		c.hosts.mu.Unlock()
		switch {
		case q == nil:
			return id, nil
		case mine:
			return c.ask(ctx, q, wait)
		}
		select {
		case <-q.done:
		case <-ctx.Done():
			return 0, ended(ctx)
		}
		tooLate := time.Since(began) > wait/2
		if err := q.outcome(tooLate); err != nil {
			return 0, err
		}
	}
}

// ask requests a new connection id.
func (c *udpConn) ask(ctx context.Context, q *connecting, wait time.Duration) (uint64, error) {
	resp, err := c.exchange(ctx, tracker.UDPRequest{Action: tracker.ActionConnect}, wait)
	c.hosts.mu.Lock()
	defer c.hosts.mu.Unlock()
	if err != nil {
		c.connection.failed(q, err)
		return 0, err
	}
	c.connection.answered(q, resp.Connection, time.Now())
	return resp.Connection, nil
}

// ended returns why ctx has ended: errSilence if it was the timeout of an attempt.
func ended(ctx context.Context) error {
	if context.Cause(ctx) == errSilence {
		return errSilence
	}
	return ctx.Err()
}

// exchange sends one packet and waits for its answer. Each packet has its own transaction
// id, so a late answer to an earlier packet is ignored.
func (c *udpConn) exchange(ctx context.Context, r tracker.UDPRequest, wait time.Duration) (*tracker.UDPResponse, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, wait, errSilence)
	defer cancel()
	answer := make(chan udpAnswer, 1)
	transaction, err := c.expect(answer)
	if err != nil {
		return nil, err
	}
	defer func() {
		c.hosts.mu.Lock()
		delete(c.waiting, transaction)
		c.hosts.mu.Unlock()
	}()
	r.Transaction = transaction
	if _, err := c.conn.Write(r.Append(nil)); err != nil {
		if death := c.death(); death != nil {
			err = death // the reason for which the socket was closed
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

// death returns why the socket is dead, or nil if it is not.
func (c *udpConn) death() error {
	c.hosts.mu.Lock()
	defer c.hosts.mu.Unlock()
	return c.err
}

// expect returns a random transaction id that no other request has, and registers answer
// for it. The channel must have a buffer of one.
func (c *udpConn) expect(answer chan<- udpAnswer) (transaction uint32, err error) {
	c.hosts.mu.Lock()
	defer c.hosts.mu.Unlock()
	if c.waiting == nil {
		return 0, c.err
	}
	for {
		transaction = rand.Uint32()
		if _, taken := c.waiting[transaction]; !taken {
			c.waiting[transaction] = answer
			return transaction, nil
		}
	}
}

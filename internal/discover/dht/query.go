package dht

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"time"

	"bt/internal/discover/krpc"
)

// A transaction identifies a query that waits for its response.
type transaction struct {
	to     netip.AddrPort
	number uint32
}

// A query is one that was sent.
type query struct {
	transaction
	family   *family
	at       time.Time
	deadline time.Time
	answered bool

	// done is called with the response, or nil if there is none in time, or an error.
	done func(m *krpc.Message)
}

// ask sends a query. The caller has checked the limit. mu is locked, and when done is called.
func (n *Node) ask(f *family, to netip.AddrPort, m krpc.Message, done func(m *krpc.Message)) {
	now := time.Now()
	q := &query{transaction{to, rand.Uint32()}, f, now, now.Add(n.rtt.timeout()), false, done}
	if last := len(n.sent) - 1; last >= 0 && q.deadline.Before(n.sent[last].deadline) {
		q.deadline = n.sent[last].deadline // which keeps them in order
	}
	n.pending[q.transaction] = q
	n.sent = append(n.sent, q)
	n.wakeBy(q.deadline)

	f.recent[0].add(to.Addr())
	m.Kind = krpc.Query
	m.Transaction = string(binary.BigEndian.AppendUint32(nil, q.number))
	m.ID = f.id
	m.ReadOnly = n.readOnly(f)
	n.send(f, &m, to)
}

// response handles a response or error. It is dropped if it belongs to no query.
func (n *Node) response(f *family, m *krpc.Message, from netip.AddrPort, now time.Time) {
	if len(m.Transaction) != 4 {
		return
	}
	q := n.pending[transaction{from, binary.BigEndian.Uint32([]byte(m.Transaction))}]
	if q == nil {
		return
	}
	delete(n.pending, q.transaction)
	q.answered = true
	n.rtt.add(now.Sub(q.at))
	if m.Kind == krpc.Error || m.ID == f.id { // an impostor, or ourselves
		q.done(nil)
		return
	}
	if !f.global && !krpc.IsLocal(from.Addr()) {
		// The answers of local nodes were about the local network.
		f.global, f.votes, f.reachable = true, nil, time.Time{}
	}
	f.table.insert(krpc.Node{ID: m.ID, Addr: from}, now)
	n.vote(f, from, m.External, now)
	q.done(m)
}

// expire ends queries that were not answered in time.
func (n *Node) expire(now time.Time) {
	for len(n.sent) > 0 {
		q := n.sent[0]
		if !q.answered && q.deadline.After(now) {
			return
		}
		n.sent[0] = nil
		n.sent = n.sent[1:]
		if !q.answered {
			delete(n.pending, q.transaction)
			q.family.table.fail(q.to)
			q.done(nil)
		}
	}
}

// rtt estimates the time that nodes take to answer, as TCP does (RFC 6298).
type rtt struct {
	mean, deviation time.Duration
}

const (
	firstTimeout = 3 * time.Second
	minTimeout   = time.Second
	maxTimeout   = 5 * time.Second
)

func (r *rtt) add(d time.Duration) {
	if r.mean == 0 {
		r.mean, r.deviation = d, d/2
		return
	}
	r.deviation += ((d - r.mean).Abs() - r.deviation) / 4
	r.mean += (d - r.mean) / 8
}

func (r *rtt) timeout() time.Duration {
	if r.mean == 0 {
		return firstTimeout
	}
	return min(max(r.mean+4*r.deviation, minTimeout), maxTimeout)
}

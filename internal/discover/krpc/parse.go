package krpc

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"bt/internal/bencode"
)

// Compact addresses: an address and a port, big endian.
//
//	0       4      6          0        16     18
//	| IPv4  | port |          | IPv6   | port |
const (
	compact4 = 4 + 2
	compact6 = 16 + 2
)

var parser = bencode.Parser{MaxDepth: 32, MaxItems: MaxPacket, MaxSize: MaxPacket}

// Parse parses a packet. The Message shares its memory. Parse ignores unknown keys, and
// bytes after the message. It leaves out nodes that are too many, and IPv4 addresses that
// are mapped to IPv6. Strings of the wrong length are errors.
//
// If the error is in the arguments of a query, the Message has its Kind, Transaction and
// Method, so that the query can be answered with an error. Else Kind is 0.
func Parse(packet []byte) (Message, error) {
	doc, err := parser.Parse(packet)
	if err != nil {
		return Message{}, fmt.Errorf("parsing the packet: %w", err)
	}
	root := doc.Root()
	kind, transaction := root.Get("y").Text(), root.Get("t").Text()
	if transaction == "" || len(transaction) > MaxTransaction {
		return Message{}, fmt.Errorf("a transaction of %d bytes", len(transaction))
	}
	if len(kind) != 1 {
		return Message{}, errors.New("the kind is not one letter")
	}
	m := Message{Kind: Kind(kind[0]), Transaction: transaction, Version: root.Get("v").Text()}
	switch m.Kind {
	case Query:
		return m.parseQuery(root)
	case Response:
		m.External, _ = parseAddr(root.Get("ip").Bytes())
		if err := m.parseValues(root.Get("r")); err != nil {
			return Message{}, err
		}
		return m, nil
	case Error:
		m.External, _ = parseAddr(root.Get("ip").Bytes())
		m.parseError(root.Get("e"))
		return m, nil
	}
	return Message{}, fmt.Errorf("a message of kind %q", kind)
}

func (m Message) parseQuery(root bencode.Value) (Message, error) {
	m.Method = root.Get("q").Text()
	invalid := Message{Kind: Query, Transaction: m.Transaction, Method: m.Method}
	if m.Method == "" {
		return invalid, errors.New("a query without method")
	}
	m.ReadOnly = isOne(root.Get("ro"))
	a := root.Get("a")
	if err := parseID(&m.ID, a.Get("id")); err != nil {
		return invalid, fmt.Errorf("id: %w", err)
	}
	target := a.Get("target")
	if m.Method == GetPeers || m.Method == AnnouncePeer || !target.Exists() {
		target = a.Get("info_hash")
	}
	if m.HasTarget = target.Exists(); m.HasTarget {
		if err := parseID(&m.Target, target); err != nil {
			return invalid, fmt.Errorf("target: %w", err)
		}
	}
	for v := range a.Get("want").Items() {
		m.Want4 = m.Want4 || v.Text() == "n4"
		m.Want6 = m.Want6 || v.Text() == "n6"
	}
	m.NoSeeds = isOne(a.Get("noseed"))
	m.Scrape = isOne(a.Get("scrape"))
	m.Seed = isOne(a.Get("seed"))
	m.ImpliedPort = isOne(a.Get("implied_port"))
	if port, ok := a.Get("port").Int(); ok && port > 0 && port <= 0xffff {
		m.Port = uint16(port)
	}
	if m.Token = a.Get("token").Text(); len(m.Token) > MaxToken {
		return invalid, fmt.Errorf("a token of %d bytes", len(m.Token))
	}
	return m, nil
}

func (m *Message) parseValues(r bencode.Value) (err error) {
	if err := parseID(&m.ID, r.Get("id")); err != nil {
		return fmt.Errorf("id: %w", err)
	}
	if m.Nodes, err = parseNodes(r.Get("nodes"), compact4); err != nil {
		return fmt.Errorf("nodes: %w", err)
	}
	if m.Nodes6, err = parseNodes(r.Get("nodes6"), compact6); err != nil {
		return fmt.Errorf("nodes6: %w", err)
	}
	if m.Token = r.Get("token").Text(); len(m.Token) > MaxToken {
		return fmt.Errorf("a token of %d bytes", len(m.Token))
	}
	for v := range r.Get("values").Items() {
		addr, ok := parseAddr(v.Bytes())
		if !ok {
			return fmt.Errorf("a peer of %d bytes", len(v.Bytes()))
		}
		if !addr.Addr().Is4In6() {
			m.Peers = append(m.Peers, addr)
		}
	}
	if m.PeerFilter, err = parseFilter(r.Get("BFpe")); err != nil {
		return err
	}
	m.SeedFilter, err = parseFilter(r.Get("BFsd"))
	return err
}

// parseError parses the code and text of an error. Nothing depends on them, so that they
// may be anything.
func (m *Message) parseError(list bencode.Value) {
	for v := range list.Items() {
		switch v.Kind() {
		case bencode.KindInteger:
			if code, ok := v.Int(); ok && code >= 0 && code <= 0xffff {
				m.Code = int(code)
			}
		case bencode.KindString:
			m.Text = v.Text()
		}
	}
}

func isOne(v bencode.Value) bool {
	n, _ := v.Int()
	return n == 1
}

func parseID(id *ID, v bencode.Value) error {
	if b := v.Bytes(); len(b) != len(id) {
		return fmt.Errorf("%d bytes, and not %d", len(b), len(id))
	}
	copy(id[:], v.Bytes())
	return nil
}

func parseFilter(v bencode.Value) (*Filter, error) {
	if !v.Exists() {
		return nil, nil
	}
	if len(v.Bytes()) != len(Filter{}) {
		return nil, fmt.Errorf("a filter of %d bytes", len(v.Bytes()))
	}
	return (*Filter)(v.Bytes()), nil
}

func parseNodes(v bencode.Value, compact int) ([]Node, error) {
	if !v.Exists() {
		return nil, nil
	}
	b, size := v.Bytes(), len(ID{})+compact
	if v.Kind() != bencode.KindString || len(b)%size != 0 {
		return nil, fmt.Errorf("%d bytes, not a multiple of %d", len(b), size)
	}
	list := make([]Node, 0, min(len(b)/size, maxNodes))
	for ; len(b) > 0 && len(list) < maxNodes; b = b[size:] {
		addr, _ := parseAddr(b[len(ID{}):size])
		if !addr.Addr().Is4In6() {
			list = append(list, Node{ID(b[:len(ID{})]), addr})
		}
	}
	return list, nil
}

// parseAddr parses an address in compact form.
func parseAddr(b []byte) (netip.AddrPort, bool) {
	if len(b) != compact4 && len(b) != compact6 {
		return netip.AddrPort{}, false
	}
	ip, _ := netip.AddrFromSlice(b[:len(b)-2])
	return netip.AddrPortFrom(ip, binary.BigEndian.Uint16(b[len(b)-2:])), true
}

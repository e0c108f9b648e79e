package tracker

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"strings"

	"bt/internal/bencode"
)

// Compact peers (BEP 7, 23; BEP 15): an address and a port, big endian.
//
//	0       4      6          0        16     18
//	| IPv4  | port |          | IPv6   | port |
const (
	compact4 = 4 + 2
	compact6 = 16 + 2
)

// appendCompact appends the peers of one address family. It leaves out others, and
// peers without an address.
func appendCompact(b []byte, peers []Peer, v6 bool) []byte {
	for _, p := range peers {
		ip := p.Addr.Addr().Unmap()
		if ip.Is6() == v6 && ip.IsValid() {
			b = append(b, ip.AsSlice()...)
			b = binary.BigEndian.AppendUint16(b, p.Addr.Port())
		}
	}
	return b
}

// parseCompact parses peers of 6 or 18 bytes each. It ignores an incomplete peer at the
// end, as all clients do.
func parseCompact(b []byte, v6 bool) []Peer {
	size := compact4
	if v6 {
		size = compact6
	}
	peers := slices.Grow([]Peer(nil), len(b)/size)
	for ; len(b) >= size; b = b[size:] {
		ip, _ := netip.AddrFromSlice(b[:size-2])
		peers = append(peers, Peer{Addr: netip.AddrPortFrom(ip.Unmap(), binary.BigEndian.Uint16(b[size-2:]))})
	}
	return peers
}

// appendDicts appends peers as a list of dicts (BEP 3). It leaves out peers without
// address and host name.
//
//	ld2:ip9:192.0.2.17:peer id20:....................4:porti6881eee
func appendDicts(e *bencode.Encoder, peers []Peer) {
	e.List()
	for _, p := range peers {
		host := p.Host
		if ip := p.Addr.Addr(); host == "" && ip.IsValid() {
			host = ip.Unmap().WithZone("").String()
		}
		if host == "" {
			continue
		}
		e.Dict()
		appendText(e, "ip", host)
		appendText(e, "peer id", p.ID)
		e.Key("port")
		e.Int(int64(p.Addr.Port()))
		e.End()
	}
	e.End()
}

// parsePeers parses peers in any form: compact, a list of dicts, or a dict with the
// keys 0, 1, 2, as PHP may encode a list. It leaves out invalid peers.
func parsePeers(v bencode.Value, v6 bool) ([]Peer, error) {
	var peers []Peer
	add := func(d bencode.Value) {
		if peer, ok := parseDict(d); ok {
			peers = append(peers, peer)
		}
	}
	switch v.Kind() {
	case bencode.KindInvalid:
	case bencode.KindString:
		peers = parseCompact(v.Bytes(), v6)
	case bencode.KindList:
		for d := range v.Items() {
			add(d)
		}
	case bencode.KindDict:
		for _, d := range v.Entries() {
			add(d)
		}
	default:
		return nil, errorf("peers is %s", v.Kind())
	}
	return peers, nil
}

// parseDict parses a peer that is a dict (BEP 3).
func parseDict(d bencode.Value) (Peer, bool) {
	port, ok := number(d.Get("port"))
	host := d.Get("ip").Text()
	if !ok || port < 0 || port > 65535 || host == "" {
		return Peer{}, false
	}
	addr := parseIP(host)
	p := Peer{Addr: netip.AddrPortFrom(addr, uint16(port))}
	if !addr.IsValid() {
		p.Host = strings.Clone(host)
	}
	if id := d.Get("peer id").Text(); len(id) == 20 {
		p.ID = strings.Clone(id)
	}
	return p, true
}

// parseIP parses an IP address. It returns the zero Addr if it is invalid. It converts
// IPv4-mapped IPv6 addresses to IPv4 and removes zones, which have no meaning on other
// machines.
func parseIP(s string) netip.Addr {
	addr, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Addr{}
	}
	return addr.WithZone("").Unmap()
}

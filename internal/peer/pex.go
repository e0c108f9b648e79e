package peer

import (
	"encoding/binary"
	"net/netip"

	"bt/internal/bencode"
)

// PEXFlags say what is known of a peer that is named in a message of PEXName.
type PEXFlags uint8

// The flags of BEP 11.
const (
	PEXEncryption PEXFlags = 0x01 // it prefers encryption
	PEXSeed       PEXFlags = 0x02 // it only uploads
	PEXUTP        PEXFlags = 0x04 // it supports uTP
	PEXHolepunch  PEXFlags = 0x08 // it supports HolepunchName
	PEXReachable  PEXFlags = 0x10 // the sender has connected to it
)

// MaxPEX is the maximum number of addresses that are parsed of a list. BEP 11 allows 50
// per message, and more in the first one.
const MaxPEX = 200

// A PEXPeer is a peer of the sender's.
type PEXPeer struct {
	Addr  netip.AddrPort
	Flags PEXFlags
}

// A PEX is a message of PEXName (BEP 11): the peers that the sender has connected to or
// disconnected from since its last message. Addresses have no IPv4 mapped to IPv6.
//
//	d5:added6:....::7:added.f1:.6:added618:................::8:added6.f1:.
//	7:dropped6:....::8:dropped618:................::e
type PEX struct {
	Added   []PEXPeer
	Dropped []netip.AddrPort
}

// Append appends the whole message. extension is the number of PEXName in the peer's
// handshake. It writes all keys, as some clients expect them.
func (m *PEX) Append(b []byte, extension uint8) []byte {
	var added, flags, dropped [2][]byte // of IPv4 and of IPv6
	for _, p := range m.Added {
		i := familyIndex(p.Addr)
		added[i] = appendContact(added[i], p.Addr)
		flags[i] = append(flags[i], byte(p.Flags))
	}
	for _, a := range m.Dropped {
		i := familyIndex(a)
		dropped[i] = appendContact(dropped[i], a)
	}
	var e bencode.Encoder
	e.Dict()
	for _, f := range []struct {
		key   string
		value []byte
	}{
		{"added", added[0]}, {"added.f", flags[0]}, {"added6", added[1]}, {"added6.f", flags[1]},
		{"dropped", dropped[0]}, {"dropped6", dropped[1]},
	} {
		e.Key(f.key)
		e.Blob(f.value)
	}
	e.End()
	b = appendExtendedHead(b, extension, len(e.Bytes()))
	return append(b, e.Bytes()...)
}

// familyIndex returns 0 for an IPv4 address, and 1 for an IPv6 address.
func familyIndex(a netip.AddrPort) int {
	if a.Addr().Is4() {
		return 0
	}
	return 1
}

func appendContact(b []byte, a netip.AddrPort) []byte {
	b = append(b, a.Addr().AsSlice()...)
	return binary.BigEndian.AppendUint16(b, a.Port())
}

// ParsePEX parses the payload of an extended message of PEXName. The result shares no
// memory with payload, which must be a dict. Lists after MaxPEX addresses, bytes after
// the last whole address, and IPv6 addresses that are mapped from IPv4 are ignored.
// Missing flags are 0. Addresses may be any, also those that no peer can have.
func ParsePEX(payload []byte) (m PEX, err error) {
	doc, err := extensionParser.Parse(payload)
	if err != nil {
		return m, errorf("a peer exchange: %v", err)
	}
	d := doc.Root()
	if d.Kind() != bencode.KindDict {
		return m, errorf("a peer exchange that is %s", d.Kind())
	}
	m.Added = appendPEXPeers(nil, d.Get("added").Bytes(), d.Get("added.f").Bytes(), 4)
	m.Added = appendPEXPeers(m.Added, d.Get("added6").Bytes(), d.Get("added6.f").Bytes(), 16)
	m.Dropped = appendContacts(nil, d.Get("dropped").Bytes(), 4)
	m.Dropped = appendContacts(m.Dropped, d.Get("dropped6").Bytes(), 16)
	return m, nil
}

// appendPEXPeers appends peers whose addresses have the given length without the port.
func appendPEXPeers(list []PEXPeer, contacts, flags []byte, length int) []PEXPeer {
	for i := range countContacts(contacts, length) {
		p := PEXPeer{Addr: contactAt(contacts, i, length)}
		if i < len(flags) {
			p.Flags = PEXFlags(flags[i])
		}
		if !p.Addr.Addr().Is4In6() {
			list = append(list, p)
		}
	}
	return list
}

func appendContacts(list []netip.AddrPort, contacts []byte, length int) []netip.AddrPort {
	for i := range countContacts(contacts, length) {
		if a := contactAt(contacts, i, length); !a.Addr().Is4In6() {
			list = append(list, a)
		}
	}
	return list
}

func countContacts(b []byte, length int) int { return min(len(b)/(length+2), MaxPEX) }

// contactAt returns the address number i of a list.
func contactAt(b []byte, i, length int) netip.AddrPort {
	b = b[i*(length+2):]
	ip, _ := netip.AddrFromSlice(b[:length])
	return netip.AddrPortFrom(ip, binary.BigEndian.Uint16(b[length:]))
}

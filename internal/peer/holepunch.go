package peer

import (
	"encoding/binary"
	"fmt"
	"net/netip"
)

// A HolepunchKind is the type of a message of HolepunchName (BEP 55).
type HolepunchKind uint8

// The types by their numbers.
const (
	HolepunchRendezvous HolepunchKind = 0 // to a relay: connect me to the peer at Addr
	HolepunchConnect    HolepunchKind = 1 // from a relay: connect to the peer at Addr
	HolepunchFailed     HolepunchKind = 2 // from a relay: there is no connection to Addr, because of Error
)

// A HolepunchError is the reason why a relay does not send connect messages.
type HolepunchError uint32

// The reasons of BEP 55.
const (
	HolepunchNoSuchPeer   HolepunchError = 1 // the address is invalid
	HolepunchNotConnected HolepunchError = 2 // the relay is not connected to the peer
	HolepunchNoSupport    HolepunchError = 3 // the peer does not support the extension
	HolepunchNoSelf       HolepunchError = 4 // the address is that of the relay
)

func (e HolepunchError) String() string {
	switch e {
	case HolepunchNoSuchPeer:
		return "no such peer"
	case HolepunchNotConnected:
		return "not connected"
	case HolepunchNoSupport:
		return "no support"
	case HolepunchNoSelf:
		return "no self"
	}
	return fmt.Sprintf("HolepunchError(%d)", uint32(e))
}

// A Holepunch is a message of HolepunchName (BEP 55). Two peers that accept no
// connections from outside use it to connect to each other at the same time.
//
//	| type 1 | 0 | IPv4 address 4  | port 2 | error 4 |
//	| type 1 | 1 | IPv6 address 16 | port 2 | error 4 |
type Holepunch struct {
	Kind  HolepunchKind
	Addr  netip.AddrPort // has no IPv4 mapped to IPv6
	Error HolepunchError // 0, except in HolepunchFailed
}

// Append appends the whole message. extension is the number of HolepunchName in the
// peer's handshake.
func (m *Holepunch) Append(b []byte, extension uint8) []byte {
	ip := m.Addr.Addr()
	family := byte(familyIndex(m.Addr))
	b = appendExtendedHead(b, extension, 2+ip.BitLen()/8+2+4)
	b = append(b, byte(m.Kind), family)
	b = appendContact(b, m.Addr)
	return binary.BigEndian.AppendUint32(b, uint32(m.Error))
}

// ParseHolepunch parses the payload of an extended message of HolepunchName. libtorrent
// (2.0.8) sends no error number in messages that are not errors, so a missing one is 0.
// Bytes after it are ignored.
func ParseHolepunch(payload []byte) (m Holepunch, err error) {
	if len(payload) < 2 {
		return m, errorf("a holepunch message of %d bytes", len(payload))
	}
	kind, family, b := HolepunchKind(payload[0]), payload[1], payload[2:]
	length := 4
	if family == 1 {
		length = 16
	}
	switch {
	case kind > HolepunchFailed:
		return m, errorf("a holepunch message of type %d", kind)
	case family > 1:
		return m, errorf("a holepunch message with an address of type %d", family)
	case len(b) < length+2:
		return m, errorf("a holepunch message of %d bytes", len(payload))
	}
	m = Holepunch{Kind: kind, Addr: contactAt(b, 0, length)}
	if m.Addr.Addr().Is4In6() {
		return Holepunch{}, errorf("a holepunch message with an IPv4 address mapped to IPv6")
	}
	if b = b[length+2:]; kind == HolepunchFailed && len(b) >= 4 {
		m.Error = HolepunchError(binary.BigEndian.Uint32(b))
	}
	return m, nil
}

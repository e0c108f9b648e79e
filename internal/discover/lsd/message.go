package lsd

import (
	"bytes"
	"encoding/hex"
	"errors"
	"net/netip"
	"strconv"
)

const (
	// maxMessage is the maximum length in bytes of a message that is sent (BEP 14), and
	// maxReceived that of one that is parsed.
	maxMessage  = 1400
	maxReceived = 2048

	// maxHashes is the maximum number of info-hashes in a message that is sent. They fit
	// for either group.
	maxHashes = 24

	// maxCookie is the maximum length of a cookie that is compared with ours.
	maxCookie = 64
)

// port is the UDP port of both groups.
const port = 6771

// The multicast groups: of an organization for IPv4, and of a site for IPv6.
var (
	group4 = netip.AddrPortFrom(netip.MustParseAddr("239.192.152.143"), port)
	group6 = netip.AddrPortFrom(netip.MustParseAddr("ff15::efc0:988f"), port)
)

// A message announces that a peer has torrents.
type message struct {
	port   uint16 // at which the peer listens, over TCP
	hashes [][20]byte
	cookie string // by which the sender recognizes its own messages; "": none
}

const firstLine = "BT-SEARCH * HTTP/1.1\r\n"

// append appends the message for a group.
func (m *message) append(b []byte, group netip.AddrPort) []byte {
	b = append(b, firstLine+"Host: "...)
	b = group.AppendTo(b)
	b = append(b, "\r\nPort: "...)
	b = strconv.AppendUint(b, uint64(m.port), 10)
	for _, h := range m.hashes {
		b = append(b, "\r\nInfohash: "...)
		b = hex.AppendEncode(b, h[:])
	}
	if m.cookie != "" {
		b = append(b, "\r\ncookie: "+m.cookie...)
	}
	return append(b, "\r\n\r\n\r\n"...)
}

var errMessage = errors.New("not a message of local service discovery")

// parse parses a message. Lines with names or values that mean nothing are ignored, as are
// the host, and the case of names. Lines may end without a carriage return.
func parse(b []byte) (m message, err error) {
	if len(b) > maxReceived {
		return m, errMessage
	}
	first, rest, _ := bytes.Cut(b, []byte("\n"))
	if string(bytes.TrimSuffix(first, []byte("\r"))) != firstLine[:len(firstLine)-2] {
		return m, errMessage
	}
	for line := range bytes.Lines(rest) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			break // the end of the header
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		m.set(string(bytes.ToLower(name)), bytes.TrimSpace(value))
	}
	if m.port == 0 || len(m.hashes) == 0 {
		return message{}, errMessage
	}
	return m, nil
}

// set sets what a line of the header says.
func (m *message) set(name string, value []byte) {
	switch name {
	case "port":
		if n, err := strconv.ParseUint(string(value), 10, 16); err == nil && m.port == 0 {
			m.port = uint16(n)
		}
	case "infohash":
		var h [20]byte
		if len(value) == 2*len(h) {
			if _, err := hex.Decode(h[:], value); err == nil {
				m.hashes = append(m.hashes, h)
			}
		}
	case "cookie":
		if len(value) <= maxCookie {
			m.cookie = string(value)
		}
	}
}

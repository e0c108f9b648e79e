package tracker

import (
	"encoding/binary"
	"math"
	"net/netip"
	"strings"
	"time"
)

// UDP messages (BEP 15); all numbers are big endian. The connection id proves that the
// client's address is not spoofed.
//
//	request  0             8        12            16
//	connect  | 41727101980 | 0      | transaction |
//	announce | connection  | 1      | transaction | info-hash 20 | peer id 20 |
//	           downloaded 8 | left 8 | uploaded 8 | event 4 | IPv4 4 | key 4 |
//	           numwant 4 | port 2 | options (BEP 41) |
//	scrape   | connection  | 2      | transaction | info-hash 20 | ...
//
//	answer   0        4             8
//	connect  | 0      | transaction | connection 8 |
//	announce | 1      | transaction | interval 4 | leechers 4 | seeders 4 | peers |
//	scrape   | 2      | transaction | seeders 4 | completed 4 | leechers 4 | ...
//	error    | 3      | transaction | message |
//
// Peers are compact, of the address family of the socket.

// An Action is the type of a UDP message.
type Action uint32

// The actions.
const (
	ActionConnect Action = iota
	ActionAnnounce
	ActionScrape
	ActionError
)

// protocolID is in a connect request, in place of the connection id.
const protocolID = 0x41727101980

// MaxScrapeUDP is the maximum number of info-hashes of a scrape over UDP, so that no
// packet is fragmented. BEP 15 says "about 74"; 70 fit an IPv6 tunnel too.
const MaxScrapeUDP = 70

// MaxUDP is the maximum length of a UDP message in bytes, over IPv6, whose header does
// not count.
const MaxUDP = 65535 - 8

// A UDPRequest is a message of a client. The fields in use depend on Action.
type UDPRequest struct {
	Action      Action
	Transaction uint32
	Connection  uint64          // announce, scrape
	Announce    AnnounceRequest // announce
	Hashes      [][20]byte      // scrape
}

// Append appends the packet.
func (r *UDPRequest) Append(b []byte) []byte {
	connection := r.Connection
	if r.Action == ActionConnect {
		connection = protocolID
	}
	b = binary.BigEndian.AppendUint64(b, connection)
	b = binary.BigEndian.AppendUint32(b, uint32(r.Action))
	b = binary.BigEndian.AppendUint32(b, r.Transaction)
	switch r.Action {
	case ActionAnnounce:
		return r.Announce.appendUDP(b)
	case ActionScrape:
		for i := range r.Hashes {
			b = append(b, r.Hashes[i][:]...)
		}
	}
	return b
}

// announceLength is the length of an announce without options.
const announceLength = 98

func (r *AnnounceRequest) appendUDP(b []byte) []byte {
	b = append(b, r.InfoHash[:]...)
	b = append(b, r.PeerID[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(r.Downloaded))
	b = binary.BigEndian.AppendUint64(b, uint64(r.Left))
	b = binary.BigEndian.AppendUint64(b, uint64(r.Uploaded))
	b = binary.BigEndian.AppendUint32(b, uint32(r.Event))
	var ip [4]byte
	if a := r.IP.Unmap(); a.Is4() {
		ip = a.As4()
	}
	b = append(b, ip[:]...)
	b = binary.BigEndian.AppendUint32(b, r.Key)
	b = binary.BigEndian.AppendUint32(b, uint32(int32(min(max(r.Want, DefaultWant), math.MaxInt32))))
	b = binary.BigEndian.AppendUint16(b, r.Port)
	return appendURLData(b, r.URLData)
}

// The options after an announce (BEP 41).
const (
	optionEnd     = 0
	optionNOP     = 1
	optionURLData = 2
)

// appendURLData appends path and query of the URL, in parts of at most 255 bytes.
func appendURLData(b []byte, s string) []byte {
	for len(s) > 0 {
		n := min(len(s), 255)
		b = append(b, optionURLData, byte(n))
		b = append(b, s[:n]...)
		s = s[n:]
	}
	return b
}

func parseURLData(b []byte) string {
	var data strings.Builder
	for len(b) > 0 && b[0] != optionEnd {
		if b[0] == optionNOP {
			b = b[1:]
			continue
		}
		if len(b) < 2 || len(b) < 2+int(b[1]) {
			break
		}
		if b[0] == optionURLData {
			data.Write(b[2 : 2+int(b[1])])
		}
		b = b[2+int(b[1]):]
	}
	return data.String()
}

// ParseUDPRequest parses a packet of a client.
func ParseUDPRequest(p []byte) (*UDPRequest, error) {
	if len(p) < 16 {
		return nil, errorf("a request of %d bytes", len(p))
	}
	r := &UDPRequest{
		Connection:  binary.BigEndian.Uint64(p),
		Action:      Action(binary.BigEndian.Uint32(p[8:])),
		Transaction: binary.BigEndian.Uint32(p[12:]),
	}
	body := p[16:]
	switch r.Action {
	case ActionConnect:
		if r.Connection != protocolID {
			return nil, errorf("a connect request without the protocol's number")
		}
		r.Connection = 0
	case ActionAnnounce:
		if len(p) < announceLength {
			return nil, errorf("an announce of %d bytes", len(p))
		}
		r.Announce = AnnounceRequest{
			InfoHash:   [20]byte(body),
			PeerID:     [20]byte(body[20:]),
			Downloaded: amount(body[40:]),
			Left:       amount(body[48:]),
			Uploaded:   amount(body[56:]),
			Key:        binary.BigEndian.Uint32(body[72:]),
			Want:       int(int32(binary.BigEndian.Uint32(body[76:]))),
			Port:       binary.BigEndian.Uint16(body[80:]),
			URLData:    parseURLData(p[announceLength:]),
		}
		a := &r.Announce
		if event := binary.BigEndian.Uint32(body[64:]); event < uint32(len(eventNames)) {
			a.Event = Event(event)
		}
		if ip := netip.AddrFrom4([4]byte(body[68:])); !ip.IsUnspecified() {
			a.IP = ip
		}
		a.Want = max(a.Want, DefaultWant)
	case ActionScrape:
		if len(body)%20 != 0 {
			return nil, errorf("a scrape of %d bytes", len(p))
		}
		for ; len(body) > 0; body = body[20:] {
			r.Hashes = append(r.Hashes, [20]byte(body))
		}
	default:
		return nil, errorf("a request for action %d", r.Action)
	}
	return r, nil
}

// amount parses a number of bytes. If it overflows 63 bits, it is the -1 of clients
// that don't know what is left.
func amount(b []byte) int64 {
	return int64(min(binary.BigEndian.Uint64(b), math.MaxInt64))
}

// A UDPResponse is a message of a tracker. The fields in use depend on Action.
type UDPResponse struct {
	Action      Action
	Transaction uint32
	Connection  uint64           // connect
	Announce    AnnounceResponse // announce; UDP carries the interval, seeders, leechers and peers
	Counts      []Counts         // scrape, in the order of the request
	Failure     Failure          // error
}

// Append appends the packet, for an IPv6 or IPv4 socket.
func (r *UDPResponse) Append(b []byte, v6 bool) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(r.Action))
	b = binary.BigEndian.AppendUint32(b, r.Transaction)
	switch r.Action {
	case ActionConnect:
		b = binary.BigEndian.AppendUint64(b, r.Connection)
	case ActionAnnounce:
		b = appendCount(b, int64(r.Announce.Interval/time.Second))
		b = appendCount(b, r.Announce.Counts.Leechers)
		b = appendCount(b, r.Announce.Counts.Seeders)
		b = appendCompact(b, r.Announce.Peers, v6)
	case ActionScrape:
		for _, c := range r.Counts {
			b = appendCount(b, c.Seeders)
			b = appendCount(b, c.Completed)
			b = appendCount(b, c.Leechers)
		}
	case ActionError:
		b = append(b, r.Failure.Reason...)
	}
	return b
}

// appendCount appends a number. Unknown and overflowing numbers are converted.
func appendCount(b []byte, n int64) []byte {
	return binary.BigEndian.AppendUint32(b, uint32(min(max(n, 0), 1<<31-1)))
}

// TransactionOf returns the transaction id of an answer, or false if the packet is not
// an answer.
func TransactionOf(p []byte) (uint32, bool) {
	if len(p) < 8 {
		return 0, false
	}
	return binary.BigEndian.Uint32(p[4:]), true
}

// ParseUDPResponse parses a packet that a tracker sent to an IPv6 or IPv4 socket.
func ParseUDPResponse(p []byte, v6 bool) (*UDPResponse, error) {
	if len(p) < 8 {
		return nil, errorf("an answer of %d bytes", len(p))
	}
	r := &UDPResponse{
		Action:      Action(binary.BigEndian.Uint32(p)),
		Transaction: binary.BigEndian.Uint32(p[4:]),
	}
	body := p[8:]
	switch r.Action {
	case ActionConnect:
		if len(body) < 8 {
			return nil, errorf("an answer to connect of %d bytes", len(p))
		}
		r.Connection = binary.BigEndian.Uint64(body)
	case ActionAnnounce:
		if len(body) == 0 {
			return nil, ErrUnlisted
		}
		if len(body) < 12 {
			return nil, errorf("an answer to an announce of %d bytes", len(p))
		}
		a := &r.Announce
		a.Interval = seconds(int64(int32(binary.BigEndian.Uint32(body))))
		// Ignore negative counts.
		a.Counts = Counts{Leechers: max(count(body[4:]), Unknown), Seeders: max(count(body[8:]), Unknown), Completed: Unknown}
		a.Peers = parseCompact(body[12:], v6)
	case ActionScrape:
		if len(body)%12 != 0 {
			return nil, errorf("an answer to a scrape of %d bytes", len(p))
		}
		for ; len(body) > 0; body = body[12:] {
			c := Counts{Seeders: count(body), Completed: count(body[4:]), Leechers: count(body[8:])}
			if c.Seeders < 0 || c.Completed < 0 || c.Leechers < 0 {
				return nil, errorf("a negative number of peers")
			}
			r.Counts = append(r.Counts, c)
		}
	case ActionError:
		r.Failure.Reason = strings.TrimRight(string(body), "\x00")
	default:
		return nil, errorf("an answer of action %d", r.Action)
	}
	return r, nil
}

func count(b []byte) int64 { return int64(int32(binary.BigEndian.Uint32(b))) }

package tracker

import (
	"fmt"
	"iter"
	"math"
	"net/netip"
	"strconv"
	"strings"
)

// A request over HTTP is a query after the tracker's URL (BEP 3, 7, 23, 48).
//
//	GET /announce?info_hash=%124V...&peer_id=...&port=6881&uploaded=0
//	             &downloaded=0&left=0&compact=1&event=started
//	GET /scrape?info_hash=%124V...&info_hash=...

// AppendQuery appends the query of an announce.
func (r *AnnounceRequest) AppendQuery(b []byte) []byte {
	text := func(name, value string) {
		b = append(b, name...)
		b = appendEscaped(b, value)
	}
	number := func(name string, n int64) {
		b = strconv.AppendInt(append(b, name...), n, 10)
	}
	text("info_hash=", string(r.InfoHash[:]))
	text("&peer_id=", string(r.PeerID[:]))
	number("&port=", int64(r.Port))
	number("&uploaded=", r.Uploaded)
	number("&downloaded=", r.Downloaded)
	number("&left=", r.Left)
	if r.PeerIDs {
		number("&compact=", 0)
	} else {
		number("&compact=", 1)
	}
	if r.Event != EventNone {
		text("&event=", r.Event.String())
	}
	if r.Want != DefaultWant {
		number("&numwant=", int64(r.Want))
	}
	b = fmt.Appendf(b, "&key=%08x", r.Key)
	if r.IP.IsValid() {
		text("&ip=", r.IP.String())
	}
	for _, e := range []struct {
		name string
		addr netip.AddrPort
	}{{"&ipv4=", r.IPv4}, {"&ipv6=", r.IPv6}} {
		switch {
		case !e.addr.Addr().IsValid():
		case e.addr.Port() == 0:
			text(e.name, e.addr.Addr().String())
		default:
			text(e.name, e.addr.String())
		}
	}
	if r.TrackerID != "" {
		text("&trackerid=", r.TrackerID)
	}
	return b
}

// appendEscaped percent-encodes all characters that are not unreserved (RFC 3986, 2.3).
func appendEscaped(b []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		if c := s[i]; isAlphanumeric(c) || strings.IndexByte("-._~", c) >= 0 {
			b = append(b, c)
		} else {
			b = fmt.Appendf(b, "%%%02X", c)
		}
	}
	return b
}

func isAlphanumeric(c byte) bool {
	return 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9'
}

// queryValues yields the names and decoded values of a query. It does not decode a
// plus, as info-hashes are not form values.
func queryValues(raw string) iter.Seq2[string, string] {
	return func(yield func(name, value string) bool) {
		for pair := range strings.SplitSeq(raw, "&") {
			name, value, _ := strings.Cut(pair, "=")
			if !yield(name, unescaped(value)) {
				return
			}
		}
	}
}

// ParseAnnounceQuery parses the query of an announce, without the question mark. It must
// have info_hash, peer_id and port; unknown names are ignored. Absent numbers are 0,
// except left, which is math.MaxInt64, and numwant, which is DefaultWant.
func ParseAnnounceQuery(raw string) (*AnnounceRequest, error) {
	r := &AnnounceRequest{Left: math.MaxInt64, Want: DefaultWant}
	missing := map[string]bool{"info_hash": true, "peer_id": true, "port": true}
	for name, value := range queryValues(raw) {
		if err := r.set(name, value); err != nil {
			return nil, err
		}
		delete(missing, name)
	}
	for _, name := range []string{"info_hash", "peer_id", "port"} {
		if missing[name] {
			return nil, errorf("there is no %s", name)
		}
	}
	return r, nil
}

// set sets the field for a name in the query.
func (r *AnnounceRequest) set(name, value string) (err error) {
	switch name {
	case "info_hash":
		r.InfoHash, err = bytes20(name, value)
	case "peer_id":
		r.PeerID, err = bytes20(name, value)
	case "port":
		r.Port, err = parsePort(value)
	case "uploaded":
		r.Uploaded, err = natural(name, value)
	case "downloaded":
		r.Downloaded, err = natural(name, value)
	case "left":
		r.Left, err = natural(name, value)
	case "numwant":
		r.Want = parseWant(value)
	case "event":
		r.Event = parseEvent(value)
	case "compact":
		r.PeerIDs = value == "0" // BEP 23: the compact form is the default
	case "key":
		r.Key = parseKey(value)
	case "ip":
		r.IP = parseIP(value) // BEP 3 allows names, which are not resolved
	case "ipv4":
		r.IPv4 = parseEndpoint(value, netip.Addr.Is4)
	case "ipv6":
		r.IPv6 = parseEndpoint(value, netip.Addr.Is6)
	case "trackerid":
		r.TrackerID = value
	}
	return err
}

func parsePort(value string) (uint16, error) {
	n, err := strconv.ParseUint(value, 10, 16)
	if err != nil {
		return 0, errorf("port is %.32q", value)
	}
	return uint16(n), nil
}

// parseWant parses numwant. It returns DefaultWant if the value is invalid.
func parseWant(value string) int {
	n, err := strconv.ParseInt(value, 10, 32)
	if err != nil || n < 0 {
		return DefaultWant
	}
	return int(n)
}

// parseKey parses key, which is hex by convention. Any other text is 0.
func parseKey(value string) uint32 {
	n, err := strconv.ParseUint(value, 16, 32)
	if err != nil {
		return 0
	}
	return uint32(n)
}

// parseEndpoint parses an address of one family, with or without a port (BEP 7). It
// returns the zero AddrPort if it is invalid.
func parseEndpoint(s string, family func(netip.Addr) bool) netip.AddrPort {
	e, err := netip.ParseAddrPort(s)
	if err != nil {
		e = netip.AddrPortFrom(parseIP(strings.TrimSuffix(strings.TrimPrefix(s, "["), "]")), 0)
	}
	ip := e.Addr().WithZone("").Unmap()
	if !family(ip) {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(ip, e.Port())
}

func bytes20(name, value string) (b [20]byte, err error) {
	if len(value) != 20 {
		return b, errorf("%s has %d bytes, not 20", name, len(value))
	}
	return [20]byte([]byte(value)), nil
}

// natural parses a number of bytes. If it overflows 63 bits, it is math.MaxInt64: some
// clients write that if they don't know what is left.
func natural(name, value string) (int64, error) {
	n, err := strconv.ParseUint(value, 10, 64)
	if err != nil {
		return 0, errorf("%s is %.32q", name, value)
	}
	return int64(min(n, math.MaxInt64)), nil
}

// AppendScrapeQuery appends the query of a scrape.
func AppendScrapeQuery(b []byte, hashes [][20]byte) []byte {
	for i, h := range hashes {
		if i > 0 {
			b = append(b, '&')
		}
		b = append(b, "info_hash="...)
		b = appendEscaped(b, string(h[:]))
	}
	return b
}

// ParseScrapeQuery parses the info-hashes of a scrape. None means all, which a tracker
// may refuse.
func ParseScrapeQuery(raw string) ([][20]byte, error) {
	var hashes [][20]byte
	for name, value := range queryValues(raw) {
		if name != "info_hash" {
			continue
		}
		h, err := bytes20(name, value)
		if err != nil {
			return nil, err
		}
		hashes = append(hashes, h)
	}
	return hashes, nil
}

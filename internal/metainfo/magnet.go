package metainfo

import (
	"encoding/hex"
	"strconv"
	"strings"
)

// A Magnet is a magnet link, which identifies a torrent by its info-hash (BEP 9):
//
//	magnet:?xt=urn:btih:40 hex or 32 base32&xt=urn:btmh:1220 and 64 hex
//	        &dn=NAME&xl=SIZE&tr=TRACKER&ws=WEB SEED&x.pe=HOST:PORT&so=0,2,4-6
type Magnet struct {
	HasV1, HasV2 bool // at least one
	V1           [20]byte
	V2           [32]byte

	Name     string
	HasSize  bool
	Size     int64 // bytes
	Trackers []string
	WebSeeds []string
	Peers    []string // x.pe, host:port
	Select   []Range  // so (BEP 53): the files to fetch; empty means all

	Other []Param // unknown and invalid parameters, in order

	Findings []Finding // about the link that was parsed
}

// A Range is a range of file indexes, both ends included.
type Range struct{ First, Last int }

// A Param is the name and value of a parameter, unescaped. A known name is in lower
// case.
type Param struct{ Name, Value string }

// String returns the link, with its parameters in this order: hashes, name, size,
// trackers, web seeds, peers, files, others.
func (m *Magnet) String() string {
	var b strings.Builder
	add := func(name, escaped string) {
		if b.Len() > 0 {
			b.WriteByte('&')
		}
		b.WriteString(name + "=" + escaped)
	}
	if m.HasV1 {
		add("xt", "urn:btih:"+hex.EncodeToString(m.V1[:]))
	}
	if m.HasV2 {
		add("xt", "urn:btmh:1220"+hex.EncodeToString(m.V2[:]))
	}
	if m.Name != "" {
		add("dn", escape(m.Name))
	}
	if m.HasSize {
		add("xl", strconv.FormatInt(m.Size, 10))
	}
	for _, u := range m.Trackers {
		add("tr", escape(u))
	}
	for _, u := range m.WebSeeds {
		add("ws", escape(u))
	}
	for _, p := range m.Peers {
		add("x.pe", escapePeer(p))
	}
	if len(m.Select) > 0 {
		var parts []string
		for _, r := range m.Select {
			part := strconv.Itoa(r.First)
			if r.Last > r.First {
				part += "-" + strconv.Itoa(r.Last)
			}
			parts = append(parts, part)
		}
		add("so", strings.Join(parts, ","))
	}
	for _, p := range m.Other {
		add(escape(p.Name), escape(p.Value))
	}
	return "magnet:?" + b.String()
}

// escape percent-encodes all characters that are not unreserved. It encodes a blank as
// %20, because not all programs decode +.
func escape(s string) string {
	const digits = "0123456789ABCDEF"
	n := 0
	for i := range len(s) {
		if !unreserved(s[i]) {
			n++
		}
	}
	if n == 0 {
		return s
	}
	b := make([]byte, 0, len(s)+2*n)
	for i := range len(s) {
		if c := s[i]; unreserved(c) {
			b = append(b, c)
		} else {
			b = append(b, '%', digits[c>>4], digits[c&15])
		}
	}
	return string(b)
}

// unreserved reports whether a byte is unreserved in a URL (RFC 3986).
func unreserved(c byte) bool {
	return isLetter(c) || isDigit(c) || c == '-' || c == '_' || c == '.' || c == '~'
}

// escapePeer is escape, but keeps the colons and brackets of an address, which are
// valid in a query (RFC 3986): libtorrent (2.0.8) does not unescape x.pe.
func escapePeer(s string) string { return peerMarks.Replace(escape(s)) }

var peerMarks = strings.NewReplacer("%3A", ":", "%5B", "[", "%5D", "]")

package metainfo

import (
	"encoding/base32"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// A Magnet is a link that names a torrent by its info-hash (BEP 9):
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

	Other []Param // what has no meaning here, in order
}

// A Range of file indexes, both ends included.
type Range struct{ First, Last int }

// A Param is one name and value of a magnet link, unescaped.
type Param struct{ Name, Value string }

// IsMagnet tells whether s means to be a magnet link.
func IsMagnet(s string) bool {
	const scheme = "magnet:"
	return len(s) >= len(scheme) && strings.EqualFold(s[:len(scheme)], scheme)
}

// ParseMagnet reads a magnet link. Names may have a number (tr.1), and hex any
// case. Two different hashes of one kind are an error.
func ParseMagnet(s string) (*Magnet, error) {
	if !IsMagnet(s) {
		return nil, errors.New("not a magnet link")
	}
	_, query, ok := strings.Cut(s, "?")
	if !ok {
		return nil, errors.New("bad magnet link: there is nothing in it")
	}
	m := new(Magnet)
	for pair := range strings.SplitSeq(query, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(name)
		if err != nil {
			return nil, fmt.Errorf("bad magnet link: %w", err)
		}
		value, err = url.QueryUnescape(value)
		if err != nil {
			return nil, fmt.Errorf("bad magnet link: the value of %q: %w", name, err)
		}
		if err := m.param(name, value); err != nil {
			return nil, fmt.Errorf("bad magnet link: %w", err)
		}
	}
	if !m.HasV1 && !m.HasV2 {
		return nil, errors.New("bad magnet link: it has no info-hash (xt=urn:btih:... or xt=urn:btmh:...)")
	}
	return m, nil
}

func (m *Magnet) param(name, value string) error {
	base := name
	if i := strings.LastIndexByte(name, '.'); i > 0 {
		if _, err := strconv.ParseUint(name[i+1:], 10, 16); err == nil {
			base = name[:i]
		}
	}
	switch base {
	case "xt":
		return m.topic(name, value)
	case "dn":
		if m.Name == "" {
			m.Name = value
			return nil
		}
	case "xl":
		if n, err := strconv.ParseInt(value, 10, 64); err == nil && n >= 0 && !m.HasSize {
			m.HasSize, m.Size = true, n
			return nil
		}
	case "tr":
		m.Trackers = append(m.Trackers, value)
		return nil
	case "ws":
		m.WebSeeds = append(m.WebSeeds, value)
		return nil
	case "x.pe":
		m.Peers = append(m.Peers, value)
		return nil
	case "so":
		if ranges, ok := parseRanges(value); ok && m.Select == nil {
			m.Select = ranges
			return nil
		}
	}
	m.Other = append(m.Other, Param{name, value})
	return nil
}

func (m *Magnet) topic(name, value string) error {
	const urn = "urn:bt?h:"
	if len(value) < len(urn) || !strings.EqualFold(value[:6], "urn:bt") {
		m.Other = append(m.Other, Param{name, value}) // another network's hash
		return nil
	}
	hash := value[len(urn):]
	switch strings.ToLower(value[:len(urn)]) {
	case "urn:btih:":
		var b []byte
		var err error
		if len(hash) == 32 {
			b, err = base32.StdEncoding.DecodeString(strings.ToUpper(hash))
		} else {
			b, err = hex.DecodeString(hash)
		}
		if err != nil || len(b) != 20 {
			return fmt.Errorf("%q is no info-hash of 40 hex or 32 base32 digits", hash)
		}
		if m.HasV1 && m.V1 != [20]byte(b) {
			return errors.New("it has two different v1 info-hashes")
		}
		m.HasV1, m.V1 = true, [20]byte(b)
	case "urn:btmh:":
		// A multihash: 0x12 is SHA-256, 0x20 its length.
		b, err := hex.DecodeString(hash)
		if err != nil || len(b) != 34 || b[0] != 0x12 || b[1] != 0x20 {
			return fmt.Errorf("%q is no SHA-256 multihash (1220 and 64 hex digits)", hash)
		}
		if m.HasV2 && m.V2 != [32]byte(b[2:]) {
			return errors.New("it has two different v2 info-hashes")
		}
		m.HasV2, m.V2 = true, [32]byte(b[2:])
	default:
		m.Other = append(m.Other, Param{name, value})
	}
	return nil
}

// parseRanges reads 0,2,4-6 (BEP 53).
func parseRanges(s string) ([]Range, bool) {
	var ranges []Range
	for part := range strings.SplitSeq(s, ",") {
		from, to, isRange := strings.Cut(part, "-")
		a, err := strconv.ParseUint(from, 10, 31)
		if err != nil {
			return nil, false
		}
		b := a
		if isRange {
			if b, err = strconv.ParseUint(to, 10, 31); err != nil || b < a {
				return nil, false
			}
		}
		ranges = append(ranges, Range{int(a), int(b)})
	}
	return ranges, true
}

// String writes the link, its hashes first. What Parse read it writes again,
// in this order: hashes, name, size, trackers, web seeds, peers, files, others.
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

// Masked returns the link without what MaskURL hides in its URLs, those of
// parameters without meaning here included.
func (m *Magnet) Masked() *Magnet {
	masked := *m
	masked.Trackers, masked.WebSeeds = nil, nil
	for _, u := range m.Trackers {
		masked.Trackers = append(masked.Trackers, MaskURL(u))
	}
	for _, u := range m.WebSeeds {
		masked.WebSeeds = append(masked.WebSeeds, MaskURL(u))
	}
	masked.Other = nil
	for _, p := range m.Other {
		if strings.Contains(p.Value, "://") {
			p.Value = MaskURL(p.Value)
		}
		masked.Other = append(masked.Other, p)
	}
	return &masked
}

// escape keeps only what needs no escaping anywhere; a blank is %20, which
// every reader knows, and not +.
func escape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

// escapePeer leaves the colons and brackets of an address as they are, which a
// query may have (RFC 3986): libtorrent (2.0.8) does not unescape x.pe.
func escapePeer(s string) string { return peerMarks.Replace(escape(s)) }

var peerMarks = strings.NewReplacer("%3A", ":", "%5B", "[", "%5D", "]")

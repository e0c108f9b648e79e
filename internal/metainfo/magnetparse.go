package metainfo

import (
	"encoding/base32"
	"encoding/hex"
	"errors"
	"net"
	"strconv"
	"strings"
	"unicode/utf8"
)

// ParseMagnet parses a magnet link. It accepts a link with other text around it, HTML
// escapes, names of parameters in any case or numbered (tr.1), a % that begins no
// escape, and invalid parameters. Each of these is a finding. The only error is that
// there is no valid info-hash.
//
// If there are two different info-hashes of one kind, the first one is used, and a
// finding of severity error reports the second, because clients differ in which they
// use.
func ParseMagnet(s string) (*Magnet, error) {
	start, end, ok := findMagnet(s)
	if !ok {
		return nil, errors.New("not a magnet link")
	}
	r := magnetReader{m: new(Magnet), trackers: make(map[string]bool), webSeeds: make(map[string]bool)}
	switch {
	case start > 0:
		r.add(CodeOddBlanks, 0, "there is something before the link")
	case end < len(s):
		r.add(CodeOddBlanks, end, "there is something behind the link")
	}
	if i := strings.IndexAny(s[start:end], lineBreaks); i >= 0 {
		r.add(CodeOddBlanks, start+i, "there are line ends or tabs in the link")
	}
	at := start + len("magnet:")
	query := strings.TrimLeft(s[at:end], "/?")
	if s[at:end-len(query)] != "?" {
		r.add(CodeOddScheme, start, "the link does not begin with magnet:?")
	}
	fromHTML := -1
	for at = end - len(query); at < end; {
		pair, size, reference := cutPair(s[at:end])
		if reference && fromHTML < 0 {
			fromHTML = at
		}
		if pair != "" {
			r.param(pair, at)
		}
		at += size
	}
	if fromHTML >= 0 {
		r.add(CodeHTMLEscape, fromHTML, "the link was copied out of HTML: it has character references such as &amp;")
	}
	m := r.m
	m.Findings = r.finish()
	if !m.HasV1 && !m.HasV2 {
		for _, f := range m.Findings {
			if f.Code == CodeBadInfoHash {
				return nil, errors.New("bad magnet link: " + f.Message)
			}
		}
		return nil, errors.New("bad magnet link: it has no info-hash (xt=urn:btih:... or xt=urn:btmh:...)")
	}
	return m, nil
}

// A magnetReader parses the parameters of a link.
type magnetReader struct {
	m *Magnet
	findings
	trackers, webSeeds map[string]bool // already seen
}

// param parses the parameter at offset at of the link.
func (r *magnetReader) param(pair string, at int) {
	m := r.m
	name, value, _ := strings.Cut(withoutLineBreaks(pair), "=")
	name, goodName := unescapeQuery(name)
	value, goodValue := unescapeQuery(value)
	if !goodName || !goodValue {
		r.add(CodeOddEscape, at, "a %% begins no escape, and is read as itself")
	}
	known, base := strings.ToLower(name), strings.ToLower(name)
	if i := strings.LastIndexByte(base, '.'); i > 0 {
		if _, err := strconv.ParseUint(base[i+1:], 10, 16); err == nil {
			base = base[:i]
		}
	}
	switch base {
	case "xt", "dn", "xl", "tr", "ws", "x.pe", "so":
		if name != known {
			r.add(CodeOddKey, at, "%s is written %s", known, quote(name))
		}
	default:
		m.Other = append(m.Other, Param{name, value})
		return
	}
	trimmed := strings.TrimSpace(value)
	switch {
	case base == "dn":
		trimmed = value // blanks in a name are kept
	case base == "tr":
		r.tracker(value, at)
	case trimmed != value:
		r.add(CodeOddBlanks, at, "there are blanks around the value of %s", known)
	}
	if !r.read(base, trimmed, at) {
		m.Other = append(m.Other, Param{known, trimmed})
	}
}

// read parses the value of a parameter. It returns false if the value is not stored in
// a field of the Magnet.
func (r *magnetReader) read(name, value string, at int) bool {
	m := r.m
	switch name {
	case "xt":
		return r.topic(value, at)
	case "dn":
		if m.Name != "" {
			r.add(CodeRepeatedParameter, at, "there is a second dn")
			return false
		}
		if !utf8.ValidString(value) {
			r.add(CodeNotUTF8, at, "the name is not UTF-8: %s", quote(value))
		}
		m.Name = value
	case "xl":
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil || n < 0 {
			r.add(CodeBadSize, at, "xl is no number of bytes: %s", quoteValue(value))
			return false
		}
		if m.HasSize {
			r.add(CodeRepeatedParameter, at, "there is a second xl")
			return false
		}
		m.HasSize, m.Size = true, n
	case "tr":
		if value == "" {
			return false
		}
		if r.trackers[value] {
			r.add(CodeDuplicateTracker, at, "a tracker is listed twice: %s", MaskURL(value))
		}
		r.trackers[value] = true
		m.Trackers = append(m.Trackers, value)
	case "ws":
		return r.webSeed(value, at)
	case "x.pe":
		if !isHostPort(value) {
			r.add(CodeBadPeer, at, "x.pe is not HOST:PORT: %s", quoteValue(value))
			return false
		}
		m.Peers = append(m.Peers, value)
	case "so":
		ranges, ok := parseRanges(value)
		if !ok {
			r.add(CodeBadSelection, at, "so is no list of files such as 0,2,4-6: %s", quoteValue(value))
			return false
		}
		if m.Select != nil {
			r.add(CodeRepeatedParameter, at, "there is a second so")
			return false
		}
		m.Select = ranges
	}
	return true
}

func (r *magnetReader) webSeed(value string, at int) bool {
	if value == "" {
		r.add(CodeBadWebSeed, at, "a web seed's URL is empty")
		return false
	}
	if err := CheckURL(value, "http", "https", "ftp"); err != nil {
		r.add(CodeBadWebSeed, at, "a web seed's URL %v: %s", err, MaskURL(value))
	}
	if r.webSeeds[value] {
		r.add(CodeDuplicateWebSeed, at, "a web seed is listed twice: %s", MaskURL(value))
	}
	r.webSeeds[value] = true
	r.m.WebSeeds = append(r.m.WebSeeds, value)
	return true
}

// topic parses the value of xt.
func (r *magnetReader) topic(value string, at int) bool {
	m := r.m
	const urn = "urn:bt?h:"
	head, hash := value, ""
	if len(value) >= len(urn) {
		head, hash = strings.ToLower(value[:len(urn)]), value[len(urn):]
	}
	// Drop a fragment, or punctuation of the text that the link was copied from.
	behind := strings.TrimLeft(hash, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
	hash = strings.TrimSuffix(hash, behind)
	switch head {
	case "urn:btih:":
		var b []byte
		switch len(hash) {
		case 40:
			b, _ = hex.DecodeString(hash) // invalid hex gives fewer bytes
		case 32:
			b, _ = base32.StdEncoding.DecodeString(strings.ToUpper(hash))
		}
		switch {
		case len(b) != 20:
			r.add(CodeBadInfoHash, at, "%s is no info-hash of 40 hex or 32 base32 digits", quoteValue(hash))
			return false
		case m.HasV1 && m.V1 != [20]byte(b):
			r.add(CodeAmbiguousInfoHash, at, "there is a second v1 info-hash: %x", b)
			return false
		}
		if len(hash) == 32 {
			r.add(CodeOddInfoHash, at, "the info-hash is written in base32; in hex it is %x", b)
		}
		m.HasV1, m.V1 = true, [20]byte(b)
	case "urn:btmh:":
		// A multihash: 0x12 is SHA-256, 0x20 its length.
		b, err := hex.DecodeString(hash)
		switch {
		case err != nil || len(b) != 34 || b[0] != 0x12 || b[1] != 0x20:
			r.add(CodeBadInfoHash, at, "%s is no SHA-256 multihash (1220 and 64 hex digits)", quoteValue(hash))
			return false
		case m.HasV2 && m.V2 != [32]byte(b[2:]):
			r.add(CodeAmbiguousInfoHash, at, "there is a second v2 info-hash: %x", b[2:])
			return false
		}
		m.HasV2, m.V2 = true, [32]byte(b[2:])
	default:
		r.add(CodeUnknownHash, at, "%s is no hash of BitTorrent", quoteValue(value))
		return false
	}
	if behind != "" {
		r.add(CodeOddInfoHash, at, "there is something behind the info-hash, which is left out: %s", quoteValue(behind))
	}
	return true
}

// quoteValue quotes a parameter's value, and masks secrets of a URL in it.
func quoteValue(s string) string {
	if MeansURL(s) {
		s = MaskURL(s)
	}
	return quote(s)
}

// isHostPort reports whether s is HOST:PORT, or [HOST]:PORT for IPv6.
func isHostPort(s string) bool {
	host, port, err := net.SplitHostPort(s)
	n, bad := strconv.ParseUint(port, 10, 16)
	return err == nil && bad == nil && host != "" && n > 0
}

// parseRanges parses a list such as 0,2,4-6 (BEP 53).
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

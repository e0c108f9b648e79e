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
	lower := strings.ToLower(name)
	base := withoutNumber(lower)
	read, known := magnetParams[base]
	if !known {
		m.Other = append(m.Other, Param{name, value})
		return
	}
	if name != lower {
		r.add(CodeOddKey, at, "%s is written %s", lower, quote(name))
	}
	trimmed := strings.TrimSpace(value)
	switch {
	case base == "dn":
		trimmed = value // blanks in a name are kept
	case base == "tr":
		r.tracker(value, at)
	case trimmed != value:
		r.add(CodeOddBlanks, at, "there are blanks around the value of %s", lower)
	}
	if !read(r, trimmed, at) {
		m.Other = append(m.Other, Param{lower, trimmed})
	}
}

// withoutNumber returns the name of a numbered parameter, such as tr of tr.1.
func withoutNumber(name string) string {
	if i := strings.LastIndexByte(name, '.'); i > 0 {
		if _, err := strconv.ParseUint(name[i+1:], 10, 16); err == nil {
			return name[:i]
		}
	}
	return name
}

// magnetParams are the methods that parse the values of parameters. They return false
// if the value is not stored in a field of the Magnet.
var magnetParams = map[string]func(r *magnetReader, value string, at int) bool{
	"xt":   (*magnetReader).topic,
	"dn":   (*magnetReader).name,
	"xl":   (*magnetReader).size,
	"tr":   (*magnetReader).listTracker,
	"ws":   (*magnetReader).webSeed,
	"x.pe": (*magnetReader).peer,
	"so":   (*magnetReader).selection,
}

// topic parses the value of xt.
func (r *magnetReader) topic(value string, at int) bool {
	const urn = "urn:bt?h:"
	head, hash := value, ""
	if len(value) >= len(urn) {
		head, hash = strings.ToLower(value[:len(urn)]), value[len(urn):]
	}
	// Drop a fragment, or punctuation of the text that the link was copied from.
	behind := strings.TrimLeft(hash, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
	hash = strings.TrimSuffix(hash, behind)
	var ok bool
	switch head {
	case "urn:btih:":
		ok = r.infoHashV1(hash, at)
	case "urn:btmh:":
		ok = r.infoHashV2(hash, at)
	default:
		r.add(CodeUnknownHash, at, "%s is not a BitTorrent hash", quoteValue(value))
	}
	if ok && behind != "" {
		r.add(CodeOddInfoHash, at, "there is something behind the info-hash, which is left out: %s", quoteValue(behind))
	}
	return ok
}

// infoHashV1 parses a v1 info-hash.
func (r *magnetReader) infoHashV1(hash string, at int) bool {
	var b []byte
	switch len(hash) {
	case 40:
		b, _ = hex.DecodeString(hash) // invalid hex gives fewer bytes
	case 32:
		b, _ = base32.StdEncoding.DecodeString(strings.ToUpper(hash))
	}
	switch {
	case len(b) != 20:
		r.add(CodeBadInfoHash, at, "%s is not an info-hash of 40 hex or 32 base32 digits", quoteValue(hash))
		return false
	case r.m.HasV1 && r.m.V1 != [20]byte(b):
		r.add(CodeAmbiguousInfoHash, at, "there is a second v1 info-hash: %x", b)
		return false
	}
	if len(hash) == 32 {
		r.add(CodeOddInfoHash, at, "the info-hash is written in base32; in hex it is %x", b)
	}
	r.m.HasV1, r.m.V1 = true, [20]byte(b)
	return true
}

// infoHashV2 parses a v2 info-hash: a multihash, of which 0x12 is SHA-256 and 0x20 its
// length.
func (r *magnetReader) infoHashV2(hash string, at int) bool {
	b, err := hex.DecodeString(hash)
	switch {
	case err != nil || len(b) != 34 || b[0] != 0x12 || b[1] != 0x20:
		r.add(CodeBadInfoHash, at, "%s is not a SHA-256 multihash (1220 and 64 hex digits)", quoteValue(hash))
		return false
	case r.m.HasV2 && r.m.V2 != [32]byte(b[2:]):
		r.add(CodeAmbiguousInfoHash, at, "there is a second v2 info-hash: %x", b[2:])
		return false
	}
	r.m.HasV2, r.m.V2 = true, [32]byte(b[2:])
	return true
}

// name parses the value of dn.
func (r *magnetReader) name(value string, at int) bool {
	if r.m.Name != "" {
		r.add(CodeRepeatedParameter, at, "there is a second dn")
		return false
	}
	if !utf8.ValidString(value) {
		r.add(CodeNotUTF8, at, "the name is not UTF-8: %s", quote(value))
	}
	r.m.Name = value
	return true
}

// size parses the value of xl.
func (r *magnetReader) size(value string, at int) bool {
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil || n < 0 {
		r.add(CodeBadSize, at, "xl is not a number of bytes: %s", quoteValue(value))
		return false
	}
	if r.m.HasSize {
		r.add(CodeRepeatedParameter, at, "there is a second xl")
		return false
	}
	r.m.HasSize, r.m.Size = true, n
	return true
}

// listTracker stores the value of tr, which param checks.
func (r *magnetReader) listTracker(value string, at int) bool {
	if value == "" {
		return false
	}
	if r.trackers[value] {
		r.add(CodeDuplicateTracker, at, "a tracker is listed twice: %s", MaskURL(value))
	}
	r.trackers[value] = true
	r.m.Trackers = append(r.m.Trackers, value)
	return true
}

// webSeed parses the value of ws.
func (r *magnetReader) webSeed(value string, at int) bool {
	if value == "" {
		r.add(CodeBadWebSeed, at, "a web seed's URL is empty")
		return false
	}
	if err := CheckURL(value, "http", "https", "ftp"); err != nil {
		r.addBadURL(CodeBadWebSeed, at, "a web seed", err, value)
	}
	if r.webSeeds[value] {
		r.add(CodeDuplicateWebSeed, at, "a web seed is listed twice: %s", MaskURL(value))
	}
	r.webSeeds[value] = true
	r.m.WebSeeds = append(r.m.WebSeeds, value)
	return true
}

// peer parses the value of x.pe.
func (r *magnetReader) peer(value string, at int) bool {
	if !isHostPort(value) {
		r.add(CodeBadPeer, at, "x.pe is not HOST:PORT: %s", quoteValue(value))
		return false
	}
	r.m.Peers = append(r.m.Peers, value)
	return true
}

// selection parses the value of so (BEP 53).
func (r *magnetReader) selection(value string, at int) bool {
	ranges, ok := parseRanges(value)
	if !ok {
		r.add(CodeBadSelection, at, "so is not a list of files such as 0,2,4-6: %s", quoteValue(value))
		return false
	}
	if r.m.Select != nil {
		r.add(CodeRepeatedParameter, at, "there is a second so")
		return false
	}
	r.m.Select = ranges
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

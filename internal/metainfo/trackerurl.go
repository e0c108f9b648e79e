package metainfo

import (
	"cmp"
	"errors"
	"net/netip"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A tracker's URL is edited as the text that it is, here and by ReplacePasskey:
// what an edit is not about stays byte for byte, the blanks around a URL too,
// where net/url would write its own spelling. Only a text that begins with a
// scheme and "://" is a URL; no other is edited, or has a host.

// ReplaceHost puts new in the place of a URL's host, if that is old. Both are
// HOST, HOST:PORT, [IPv6], [IPv6]:PORT or an IPv6 address alone; what is none
// of these (CheckHost) replaces nothing. User, path and query stay.
//
// Hosts are compared without regard to case and a trailing dot, IPv6 addresses
// by value. An international name in Unicode and its xn-- form are two hosts.
// An old without a port matches any. One with a port matches that one alone,
// also where a URL leaves it out because it is its scheme's: 80 of http and ws,
// 443 of https and wss.
//
// A port of new becomes the URL's. If only old has a port, the URL loses it, for
// it belonged to what is replaced; but a URL whose scheme has no port of its
// own, such as udp, would be dead without one, and keeps it. If neither has a
// port, the URL's stays.
func ReplaceHost(rawURL, old, new string) (result string, found bool) {
	h, ok := findHost(rawURL)
	from, fromOK := parseHost(old)
	to, toOK := parseHost(new)
	if !ok || !fromOK || !toOK || !from.matches(h) {
		return rawURL, false
	}
	port := rawURL[h.start+len(h.name) : h.end]
	switch {
	case to.port != "":
		port = ":" + to.port
	case from.port != "" && schemePorts[h.scheme] != "":
		port = ""
	}
	return rawURL[:h.start] + to.name + port + rawURL[h.end:], true
}

// MatchURL reports whether a pattern names a URL. Blanks around either don't count.
//
//   - A pattern that is the URL, byte for byte, names it.
//   - A host, in the forms and by the rules of ReplaceHost, names the URLs that
//     have it.
//   - Anything else is a glob over the whole URL, in which case counts. One
//     without "://" is also tried on the host, without regard to case; if it has
//     a colon, on HOST:PORT too. IPv6 addresses are tried with and without
//     brackets.
//
// In a glob * is any text, slashes included, ? is one character and [a-z] one of
// a class, [^a-z] or [!a-z] one of none; * and ? in a class are themselves, and
// so is a bracket that is not closed. A class holds no colon: [2001:db8::*] is
// an address. In a pattern with "://" a ? is a question mark, since there a URL's
// query begins, and one without * or class therefore names one URL alone.
func MatchURL(rawURL, pattern string) bool {
	rawURL, pattern = strings.TrimSpace(rawURL), strings.TrimSpace(pattern)
	if rawURL == pattern {
		return true
	}
	h, hasHost := findHost(rawURL)
	if p, ok := parseHost(pattern); ok {
		return hasHost && p.matches(h)
	}
	if strings.Contains(pattern, "://") {
		return parseGlob(pattern, false).match(rawURL)
	}
	if parseGlob(pattern, true).match(rawURL) {
		return true
	}
	if !hasHost {
		return false
	}
	g := parseGlob(lower(pattern), true)
	name := strings.TrimSuffix(lower(h.name), ".")
	if g.match(name) || g.match(strings.Trim(name, "[]")) {
		return true
	}
	port := h.effectivePort()
	return port != "" && strings.Contains(pattern, ":") && g.match(name+":"+port)
}

// CheckHost says why s is not a host with or without a port, as ReplaceHost
// takes them.
func CheckHost(s string) error {
	if _, ok := parseHost(s); !ok {
		return errors.New("is not HOST, HOST:PORT, [IPv6] or [IPv6]:PORT")
	}
	return nil
}

// A urlHost is the host of a URL and where it stands.
type urlHost struct {
	start, end int    // host and port are url[start:end]
	name       string // as written, an IPv6 address in brackets
	port       string // digits; empty: none
	scheme     string // in lower case
}

// schemePorts are the ports that a URL may leave out. The UDP tracker protocol
// (BEP 15) has none.
var schemePorts = map[string]string{"http": "80", "ws": "80", "https": "443", "wss": "443", "ftp": "21"}

// effectivePort is the port that a client connects to; empty: none.
func (h urlHost) effectivePort() string {
	if h.port == "" {
		return schemePorts[h.scheme]
	}
	return cmp.Or(strings.TrimLeft(h.port, "0"), "0")
}

func findHost(rawURL string) (h urlHost, ok bool) {
	before, u, _ := cutBlanks(rawURL)
	if h.scheme = strings.ToLower(scheme(u)); h.scheme == "" {
		return h, false
	}
	start, end, _ := authority(u)
	start += strings.LastIndexByte(u[start:end], '@') + 1
	h.name, h.port, ok = cutPort(u[start:end])
	h.start, h.end = len(before)+start, len(before)+end
	return h, ok && strings.Trim(h.name, ".") != "" && !strings.ContainsFunc(h.name, unicode.IsControl) && !strings.ContainsAny(h.name, ` \`)
}

// cutPort splits HOST, [IPv6] or either with a port, which may be empty.
func cutPort(s string) (host, port string, ok bool) {
	end := until(s, 0, ":")
	if strings.HasPrefix(s, "[") {
		end = until(s, 0, "]")
		if addr, err := netip.ParseAddr(s[1:end]); end == len(s) || err != nil || !addr.Is6() {
			return "", "", false
		}
		end++
	} else if strings.ContainsAny(s[:end], "[]") {
		return "", "", false
	}
	if end == len(s) {
		return s, "", true
	}
	port = s[end+1:]
	return s[:end], port, s[end] == ':' && strings.Trim(port, "0123456789") == ""
}

// A namedHost is a host that a user names, in order to find or to put it.
type namedHost struct {
	name string // as written, an IPv6 address in brackets
	port string // without leading zeros; empty: none
}

// parseHost reads what ReplaceHost takes for a host. Its names are of letters,
// digits, "-", "_" and single dots, so that they can be put into a URL. IPv6
// addresses have no zone: one means something on one machine only.
func parseHost(s string) (h namedHost, ok bool) {
	if addr, err := netip.ParseAddr(s); err == nil && addr.Is6() {
		s = "[" + s + "]"
	}
	h.name, h.port, ok = cutPort(s)
	if !ok || strings.HasSuffix(s, ":") {
		return h, false
	}
	if h.port != "" {
		port, err := strconv.ParseUint(h.port, 10, 16)
		if err != nil || port == 0 {
			return h, false
		}
		h.port = strconv.FormatUint(port, 10)
	}
	if strings.HasPrefix(h.name, "[") {
		return h, !strings.Contains(h.name, "%")
	}
	if h.name == "" || h.name == "." || strings.Contains("."+h.name, "..") {
		return h, false
	}
	return h, !strings.ContainsFunc(h.name, func(r rune) bool {
		return !strings.ContainsRune("-_.", r) && !unicode.In(r, unicode.L, unicode.M, unicode.N)
	})
}

func (h namedHost) matches(u urlHost) bool {
	return canonicalHost(h.name) == canonicalHost(u.name) && (h.port == "" || h.port == u.effectivePort())
}

// canonicalHost returns one text for all spellings of a host.
func canonicalHost(name string) string {
	if strings.HasPrefix(name, "[") {
		if addr, err := netip.ParseAddr(strings.Trim(name, "[]")); err == nil {
			return addr.String()
		}
	}
	return lower(strings.TrimSuffix(name, "."))
}

// lower is strings.ToLower that keeps bad UTF-8 apart, where that would make all
// of it U+FFFD.
func lower(s string) string {
	if utf8.ValidString(s) {
		return strings.ToLower(s)
	}
	return lowerASCII(s)
}

// lowerASCII lowers letters of ASCII and keeps every byte where it is.
func lowerASCII(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] += 'a' - 'A'
		}
	}
	return string(b)
}

// authority finds what stands between the first "://" of a URL and its path,
// query or fragment.
func authority(s string) (start, end int, ok bool) {
	i := strings.Index(s[:until(s, 0, "?#")], "://")
	if i < 0 {
		return 0, 0, false
	}
	return i + 3, until(s, i+3, "/?#"), true
}

// scheme returns what stands before the "://" of a URL (RFC 3986, 3.1), and
// nothing if the text is no URL.
func scheme(s string) string {
	s, _, ok := strings.Cut(s, "://")
	if !ok || !isScheme(s) {
		return ""
	}
	return s
}

func isScheme(s string) bool {
	if s == "" || !isLetter(s[0]) {
		return false
	}
	for i := 0; i < len(s); i++ {
		if !isLetter(s[i]) && !isDigit(s[i]) && !strings.Contains("+-.", s[i:i+1]) {
			return false
		}
	}
	return true
}

// cutBlanks splits off the blanks around a text.
func cutBlanks(s string) (before, text, after string) {
	text = strings.TrimLeftFunc(s, unicode.IsSpace)
	before = s[:len(s)-len(text)]
	text = strings.TrimRightFunc(text, unicode.IsSpace)
	return before, text, s[len(before)+len(text):]
}

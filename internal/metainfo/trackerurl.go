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

// URLs of trackers are edited as text, here and in ReplacePasskey, so that all other
// bytes are kept, even white space around a URL. net/url would normalize them. Only a
// text that begins with a scheme and "://" is a URL; any other is not edited, and has
// no host.

// ReplaceHost replaces the host of a URL by new if it is old. Both are HOST, HOST:PORT,
// [IPv6], [IPv6]:PORT or a bare IPv6 address (see CheckHost); anything else replaces
// nothing. User, path and query are kept.
//
// Hosts are compared without regard to case and a trailing dot, and IPv6 addresses by
// value. The Unicode form and the xn-- form of a name are different hosts. An old
// without a port matches any port. An old with a port matches only that port, also if
// the URL omits it because it is the default: 80 for http and ws, 443 for https and
// wss.
//
// If new has a port, the URL gets it. If only old has a port, the URL's port is
// removed, except if the scheme has no default port, such as udp. If neither has a
// port, the URL's port is kept.
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

// MatchURL reports whether a pattern matches a URL. Blanks around either are ignored.
//
//   - A pattern that is equal to the URL matches it.
//   - A host, in the forms and by the rules of ReplaceHost, matches the URLs with that
//     host.
//   - Anything else is a case-sensitive glob for the whole URL. A glob without "://" is
//     also matched against the host, ignoring case, and if it has a colon against
//     HOST:PORT. IPv6 addresses are tried with and without brackets.
//
// In a glob, * matches any text, including slashes, ? one character, [a-z] one character
// of a class, and [^a-z] or [!a-z] one character outside of the class. In a class, * and
// ? are literal, and so is a bracket that is not closed. A class contains no colon:
// [2001:db8::*] is an address. In a pattern with "://", a ? is literal, because it begins
// the query of a URL.
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

// CheckHost returns an error unless s is a host, with or without a port, that
// ReplaceHost accepts.
func CheckHost(s string) error {
	if _, ok := parseHost(s); !ok {
		return errors.New("is not HOST, HOST:PORT, [IPv6] or [IPv6]:PORT")
	}
	return nil
}

// Host returns the host of a URL in the same spelling for all spellings of it, without the
// port, or "" if the URL has none.
func Host(rawURL string) string {
	h, ok := findHost(rawURL)
	if !ok {
		return ""
	}
	return canonicalHost(h.name)
}

// A urlHost is the host of a URL and its position.
type urlHost struct {
	start, end int    // host and port are url[start:end]
	name       string // as written, an IPv6 address in brackets
	port       string // digits; "" if there is none
	scheme     string // in lower case
}

// schemePorts are the default ports of schemes. The UDP tracker protocol (BEP 15) has
// none.
var schemePorts = map[string]string{"http": "80", "ws": "80", "https": "443", "wss": "443", "ftp": "21"}

// effectivePort returns the port that a client connects to, or "" if there is none.
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

// A namedHost is a host that the user specifies, to search for or to set.
type namedHost struct {
	name string // as written, an IPv6 address in brackets
	port string // without leading zeros; "" if there is none
}

// parseHost parses a host for ReplaceHost. Host names consist of letters, digits, "-",
// "_" and single dots, so that they are safe in a URL. IPv6 addresses must not have a
// zone, which has a meaning on one machine only.
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

// canonicalHost returns the same text for all spellings of a host.
func canonicalHost(name string) string {
	if strings.HasPrefix(name, "[") {
		if addr, err := netip.ParseAddr(strings.Trim(name, "[]")); err == nil {
			return addr.String()
		}
	}
	return lower(strings.TrimSuffix(name, "."))
}

// lower is strings.ToLower, except that it keeps invalid UTF-8, which ToLower would
// replace by U+FFFD.
func lower(s string) string {
	if utf8.ValidString(s) {
		return strings.ToLower(s)
	}
	return lowerASCII(s)
}

// lowerASCII converts ASCII letters to lower case, and keeps all offsets.
func lowerASCII(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] += 'a' - 'A'
		}
	}
	return string(b)
}

// authority returns the position of the part between "://" and the path, query or
// fragment of a URL.
func authority(s string) (start, end int, ok bool) {
	i := strings.Index(s[:until(s, 0, "?#")], "://")
	if i < 0 {
		return 0, 0, false
	}
	return i + 3, until(s, i+3, "/?#"), true
}

// scheme returns the scheme of a URL (RFC 3986, 3.1), or "" if s is not a URL.
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

// cutBlanks cuts the blanks around a text.
func cutBlanks(s string) (before, text, after string) {
	text = strings.TrimLeftFunc(s, unicode.IsSpace)
	before = s[:len(s)-len(text)]
	text = strings.TrimRightFunc(text, unicode.IsSpace)
	return before, text, s[len(before)+len(text):]
}

package metainfo

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// TrackerSchemes are the URL schemes of trackers.
var TrackerSchemes = []string{"http", "https", "udp", "ws", "wss"}

// CheckURL returns an error unless s is a URL of one of the schemes that a client can
// use: with a host, a port from 1 to 65535, and no characters that a request can't
// contain. The text of the error continues a sentence that begins with the URL. It does
// not quote the URL, in which a passkey may be anywhere if it is invalid.
func CheckURL(s string, schemes ...string) error {
	name, after, colon := strings.Cut(s, ":")
	name = strings.ToLower(name)
	switch {
	case !colon || !isScheme(name):
		return errors.New("has no scheme")
	case !slices.Contains(schemes, name):
		return errors.New("does not begin with " + schemeList(schemes))
	case !strings.HasPrefix(after, "//"):
		return errors.New("has no // after " + name + ":")
	case strings.ContainsFunc(s, unicode.IsSpace) && hasControl(s):
		return errControl
	case strings.ContainsFunc(s, unicode.IsSpace):
		return errors.New("holds a blank")
	}
	start, end, _ := authority(s)
	start += strings.LastIndexByte(s[start:end], '@') + 1
	if err := checkHostPort(s[start:end], name); err != nil {
		return err
	}
	if _, err := url.Parse(s); err != nil {
		if hasControl(s) {
			return errControl
		}
		return errors.New("can't be read")
	}
	return nil
}

var errControl = errors.New("holds a control character")

// hasControl reports whether s has a control character other than a tab, which is a blank.
func hasControl(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r != '\t' && unicode.IsControl(r) })
}

// schemeList returns schemes as text: "http:, https: or ftp:".
func schemeList(schemes []string) string {
	last := len(schemes) - 1
	if last == 0 {
		return schemes[0] + ":"
	}
	return strings.Join(schemes[:last], ":, ") + ": or " + schemes[last] + ":"
}

// addBadURL adds a finding about a URL for which CheckURL returned err. what is the URL's
// role: "a tracker".
func (f *findings) addBadURL(code Code, at int, what string, err error, rawURL string) {
	f.add(code, at, "%s's URL %s: %s", what, strings.TrimSuffix(err.Error(), ":"), MaskURL(rawURL))
}

// checkHostPort checks HOST[:PORT] in a URL of a scheme.
func checkHostPort(s, scheme string) error {
	host, port, ok := cutPort(s)
	n, err := strconv.ParseUint(port, 10, 16)
	switch {
	case isIPv6(s):
		return errors.New("has an IPv6 address without brackets")
	case s == "" || strings.HasPrefix(s, ":"):
		return errors.New("has no host")
	case host != "" && !ok, port != "" && (err != nil || n == 0):
		return errors.New("has a port that is not a number from 1 to 65535")
	case !isHostName(host) && !isIPv6(strings.Trim(host, "[]")):
		return errors.New("has a host that can't be one")
	case port == "" && schemePorts[scheme] == "":
		return fmt.Errorf("has no port, and %s: has none of its own", scheme)
	}
	return nil
}

func isIPv6(s string) bool {
	addr, err := netip.ParseAddr(s)
	return err == nil && addr.Is6() && addr.Zone() == "" // a zone has a meaning on one machine only
}

// isHostName reports whether s is a host name or an IPv4 address.
func isHostName(s string) bool {
	if h, ok := parseHost(s); !ok || h.name != s || strings.HasPrefix(s, "[") {
		return false
	}
	if strings.ContainsFunc(s, func(r rune) bool { return r > unicode.MaxASCII }) {
		return true // its ASCII form has another length
	}
	const longestName, longestLabel = 253, 63 // RFC 1035
	name := strings.TrimSuffix(s, ".")
	return len(name) <= longestName &&
		!slices.ContainsFunc(strings.Split(name, "."), func(label string) bool { return len(label) > longestLabel })
}

// Check returns an error if the host or port is invalid.
func (n Node) Check() error {
	if !isHostName(n.Host) && !isIPv6(n.Host) {
		return errors.New("has a host that can't be one")
	}
	if n.Port < 1 || n.Port > 65535 {
		return errors.New("has a port that is not a number from 1 to 65535")
	}
	return nil
}

// canonical returns the same Node for all spellings of its host.
func (n Node) canonical() Node {
	if isIPv6(n.Host) {
		return Node{canonicalHost("[" + n.Host + "]"), n.Port}
	}
	return Node{canonicalHost(n.Host), n.Port}
}

// CanonicalURL returns the same text for all spellings of a URL (RFC 3986, 6.2). They
// may differ in the case of scheme and host, a dot after the host, the default port, an
// empty path, needless or missing percent-encoding, and a fragment. If rawURL is not a
// URL, only white space around it is removed.
func CanonicalURL(rawURL string) string {
	before, u, _ := cutBlanks(rawURL)
	h, ok := findHost(rawURL)
	if !ok {
		return u
	}
	start, _, _ := authority(u)
	user, rest := u[start:h.start-len(before)], u[h.end-len(before):]
	rest, _, _ = strings.Cut(rest, "#")
	if !strings.HasPrefix(rest, "/") {
		rest = "/" + rest
	}
	host := canonicalHost(h.name)
	if strings.HasPrefix(h.name, "[") {
		host = "[" + host + "]"
	}
	return h.scheme + "://" + canonicalEscapes(user) + host + ":" + h.effectivePort() + canonicalEscapes(rest)
}

// DistinctTrackers returns the tiers without duplicate trackers, in any spelling, and
// without tiers that become empty. The first of each is kept.
func DistinctTrackers(tiers [][]string) [][]string {
	seen := make(map[string]bool)
	var left [][]string
	for _, tier := range tiers {
		var urls []string
		for _, u := range tier {
			if key := CanonicalURL(u); !seen[key] {
				seen[key] = true
				urls = append(urls, u)
			}
		}
		if len(urls) > 0 {
			left = append(left, urls)
		}
	}
	return left
}

// canonicalEscapes percent-encodes characters that are invalid in a URL, decodes
// unreserved characters (RFC 3986, 2.3), and keeps the rest.
func canonicalEscapes(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c, escaped := s[i], false
		if c == '%' && i+2 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				c, escaped = byte(n), true
				i += 2
			}
		}
		unreserved := isLetter(c) || isDigit(c) || strings.IndexByte("-._~", c) >= 0
		if !unreserved && (escaped || c <= ' ' || c >= 0x7f || strings.IndexByte("\"%<>\\^`{|}", c) >= 0) {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

package tracker

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// A URL is the address of a tracker.
type URL struct {
	Scheme string // http, https, udp, ws or wss
	Host   string // a name in its ASCII form, or an IP address without brackets
	Port   uint16 // the scheme's default if the URL has none

	// Rest is the path and query, unchanged except that characters that are invalid in
	// a request are percent-encoded: white space, non-ASCII, and in the path also those
	// that RFC 3986 allows nowhere, such as a brace.
	Rest string

	user *url.Userinfo
}

// ErrScheme is wrapped by ParseURL's error for a URL whose scheme is not one of
// trackers.
var ErrScheme = errors.New("no protocol of trackers")

// schemePorts are the schemes and their default ports. UDP trackers have none.
var schemePorts = map[string]uint16{"http": 80, "https": 443, "ws": 80, "wss": 443, "udp": 0}

// ParseURL parses a tracker's URL. It ignores blanks around the URL and a fragment.
// Errors don't quote the URL, in which a passkey may be anywhere if it is invalid.
func ParseURL(raw string) (*URL, error) {
	raw = strings.TrimSpace(raw)
	scheme, after, ok := strings.Cut(raw, "://")
	if !ok {
		return nil, errors.New("not a URL")
	}
	scheme = strings.ToLower(scheme)
	port, ok := schemePorts[scheme]
	if !ok {
		return nil, fmt.Errorf("%.32q: %w", scheme, ErrScheme)
	}
	after, _, _ = strings.Cut(after, "#")
	authority, rest := after, ""
	if i := strings.IndexAny(after, "/?"); i >= 0 {
		authority, rest = after[:i], after[i:]
	}
	rest, err := requestable(rest)
	if err != nil {
		return nil, err
	}
	u := &URL{Scheme: scheme, Port: port, Rest: rest}
	if err := u.authority(authority); err != nil {
		return nil, err
	}
	if u.Port == 0 {
		return nil, errors.New("it has no port")
	}
	if _, err := url.ParseRequestURI(u.String()); err != nil {
		return nil, errors.New("not a URL that can be asked") // such as with the path /%zz
	}
	return u, nil
}

// authority parses [USER[:PASSWORD]@]HOST[:PORT].
func (u *URL) authority(s string) error {
	// A password may contain an @, a host may not.
	if at := strings.LastIndexByte(s, '@'); at >= 0 {
		name, password, has := strings.Cut(s[:at], ":")
		u.user = url.User(unescaped(name))
		if has {
			u.user = url.UserPassword(unescaped(name), unescaped(password))
		}
		s = s[at+1:]
	}
	host, port := s, ""
	if i := strings.LastIndexByte(s, ':'); i > strings.LastIndexByte(s, ']') {
		host, port = s[:i], s[i+1:]
	}
	if port != "" {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 {
			return errors.New("its port is not a number from 1 to 65535")
		}
		u.Port = uint16(n)
	}
	if inner, ok := strings.CutPrefix(host, "["); ok {
		inner, closed := strings.CutSuffix(inner, "]")
		addr, err := netip.ParseAddr(inner)
		if !closed || err != nil || !addr.Is6() || addr.Zone() != "" { // a zone has a meaning on one machine only
			return errors.New("its host is not an IPv6 address")
		}
		u.Host = addr.String()
		return nil
	}
	if host == "" {
		return errors.New("it has no host")
	}
	name, ok := asciiName(host)
	if !ok {
		return errors.New("its host is not a host name")
	}
	u.Host = name
	return nil
}

func unescaped(s string) string {
	if decoded, err := url.PathUnescape(s); err == nil {
		return decoded
	}
	return s
}

// international converts host names to ASCII as a browser does. asciiName checks the
// result.
var international = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.Transitional(false), idna.StrictDomainName(false))

// maxName is the maximum length of a host name in ASCII (RFC 1035).
const maxName = 253

// asciiName returns a host name in lower case and ASCII, without a dot at its end. It
// allows underscores, which some trackers have.
func asciiName(host string) (name string, ok bool) {
	if len(host) > 4*maxName { // conversion takes quadratic time
		return "", false
	}
	name = strings.ToLower(host)
	if strings.ContainsFunc(host, func(r rune) bool { return r > 0x7f }) {
		var err error
		if name, err = international.ToASCII(host); err != nil || !utf8.ValidString(host) {
			return "", false
		}
	}
	name = strings.TrimSuffix(name, ".")
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 {
			return "", false
		}
		for i := range len(label) {
			if c := label[i]; !isAlphanumeric(c) && c != '-' && c != '_' {
				return "", false
			}
		}
	}
	return name, len(name) <= maxName
}

// requestable encodes characters that are invalid in a request line, and those that
// net/http would encode in a path. Otherwise net/http would normalize the whole path.
func requestable(s string) (string, error) {
	var b strings.Builder
	inPath := true
	for i := range len(s) {
		c := s[i]
		inPath = inPath && c != '?'
		switch {
		case c < ' ' || c == 0x7f:
			return "", errors.New("it holds control characters")
		case c == ' ' || c > 0x7f || inPath && strings.IndexByte("\"<>\\^`{|}", c) >= 0:
			fmt.Fprintf(&b, "%%%02X", c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), nil
}

// String returns the whole URL, including the password. It omits the scheme's default
// port.
func (u *URL) String() string {
	user := ""
	if u.user != nil {
		user = u.user.String() + "@"
	}
	host := u.HostPort()
	if u.Port == schemePorts[u.Scheme] {
		host = host[:strings.LastIndexByte(host, ':')]
	}
	return u.Scheme + "://" + user + host + u.Rest
}

// HostPort returns HOST:PORT, with brackets around an IPv6 address.
func (u *URL) HostPort() string {
	port := strconv.Itoa(int(u.Port))
	if strings.Contains(u.Host, ":") {
		return "[" + u.Host + "]:" + port
	}
	return u.Host + ":" + port
}

// With returns the URL of a request with the given query appended.
func (u *URL) With(query string) string {
	separator := "&"
	switch _, old, ok := strings.Cut(u.Rest, "?"); {
	case !ok:
		separator = "?"
	case old == "" || strings.HasSuffix(old, "&"):
		separator = ""
	}
	return u.String() + separator + query
}

// Scrape returns the URL for scrapes, or false if the tracker has none. For HTTP, the
// last segment of the path must begin with "announce", which is replaced by "scrape";
// its suffix and the query are kept.
//
// BEP 48 looks for the last slash of the whole URL. Scrape ignores slashes in the query,
// because "announce" after them is not part of the path.
func (u *URL) Scrape() (*URL, bool) {
	if !u.IsHTTP() {
		return u, true
	}
	path, _, _ := strings.Cut(u.Rest, "?")
	last := strings.LastIndexByte(path, '/') + 1
	suffix, ok := strings.CutPrefix(u.Rest[last:], "announce")
	if !ok {
		return nil, false
	}
	s := *u
	s.Rest = u.Rest[:last] + "scrape" + suffix
	return &s, true
}

// IsHTTP reports whether the scheme is http or https.
func (u *URL) IsHTTP() bool { return u.Scheme == "http" || u.Scheme == "https" }

// IsWebSocket reports whether the scheme is ws or wss.
func (u *URL) IsWebSocket() bool { return u.Scheme == "ws" || u.Scheme == "wss" }

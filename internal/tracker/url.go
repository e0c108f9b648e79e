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
	Port   uint16 // the scheme's own where the URL has none

	// Rest is path and query, byte for byte but for what may not stand in a
	// request: blanks, what is no ASCII, and in the path what RFC 3986 allows
	// nowhere, such as a brace, are percent-encoded.
	Rest string

	user *url.Userinfo
}

// ErrScheme is inside the error of ParseURL for a URL whose scheme is none of a
// tracker's.
var ErrScheme = errors.New("no protocol of trackers")

// schemePorts are the schemes and their ports; UDP trackers have none.
var schemePorts = map[string]uint16{"http": 80, "https": 443, "ws": 80, "wss": 443, "udp": 0}

// ParseURL reads a tracker's URL. Errors don't quote it: a passkey may stand
// anywhere in what is no URL. Blanks around it don't count, nor does a
// fragment.
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
		return nil, errors.New("not a URL that can be asked") // a path like /%zz
	}
	return u, nil
}

// authority reads [USER[:PASSWORD]@]HOST[:PORT].
func (u *URL) authority(s string) error {
	// A password may hold an @, a host may not.
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
			return errors.New("its port is no number from 1 to 65535")
		}
		u.Port = uint16(n)
	}
	if inner, ok := strings.CutPrefix(host, "["); ok {
		inner, closed := strings.CutSuffix(inner, "]")
		addr, err := netip.ParseAddr(inner)
		if !closed || err != nil || !addr.Is6() || addr.Zone() != "" { // a zone is one machine's
			return errors.New("its host is no IPv6 address")
		}
		u.Host = addr.String()
		return nil
	}
	if host == "" {
		return errors.New("it has no host")
	}
	name, ok := asciiName(host)
	if !ok {
		return errors.New("its host is no name of one")
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

// international makes the ASCII form of a name as a browser does; what is left
// to check is up to asciiName.
var international = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.Transitional(false), idna.StrictDomainName(false))

// maxName is how long the name of a host may be in ASCII (RFC 1035).
const maxName = 253

// asciiName returns the name of a host in lower case and ASCII, without a dot at
// its end. It may have underscores: there are trackers with one.
func asciiName(host string) (name string, ok bool) {
	if len(host) > 4*maxName { // the time for its ASCII form grows with the square
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

// requestable encodes what may not stand in a request line. What net/http would
// encode in a path is encoded here, or it would write the whole path anew.
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

// String returns the URL with everything that is in it, its password too, but
// for a port that is its scheme's own.
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

// With returns the URL for a request: with a query appended.
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

// Scrape returns the URL to scrape at, and false if the tracker has none. For
// HTTP the last segment of the path must begin with "announce", and "scrape"
// takes its place; suffix and query stay.
//
// BEP 48 looks at what follows the last slash of the whole URL. That is the
// same unless the query has a slash, and then it would be wrong.
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

// IsHTTP reports whether the tracker speaks HTTP.
func (u *URL) IsHTTP() bool { return u.Scheme == "http" || u.Scheme == "https" }

// IsWebSocket reports whether the tracker speaks WebSocket.
func (u *URL) IsWebSocket() bool { return u.Scheme == "ws" || u.Scheme == "wss" }

package metainfo

import (
	"net/url"
	"slices"
	"strings"
)

// mask stands where a passkey was.
const mask = "****"

// secretKeys are the query keys whose values are passkeys.
var secretKeys = set("passkey", "pk", "key", "auth", "authkey", "token", "uid")

// MaskURL hides what identifies a user in a tracker's URL: path segments of 16
// or more letters and digits, the values of query keys such as passkey, and a
// password. The rest stays byte for byte.
func MaskURL(rawURL string) string {
	before, s, after := cutBlanks(rawURL)
	return before + substitute(s, slices.DeleteFunc(secrets(s), func(p secret) bool {
		return p.start == p.end && p.key != inPassword // an empty value hides nothing; an empty password is one
	}), mask) + after
}

// MaskText hides in a text what MaskURL hides of a URL: trackers repeat a passkey
// in what they say of it.
func MaskText(text, rawURL string) string {
	_, s, _ := cutBlanks(rawURL)
	for _, p := range secrets(s) {
		raw := s[p.start:p.end]
		decoded, err := url.QueryUnescape(raw)
		if err != nil {
			decoded = raw
		}
		for _, secret := range []string{raw, decoded} {
			if len(secret) >= shortestSecret {
				text = strings.ReplaceAll(text, secret, mask)
			}
		}
	}
	return text
}

// shortestSecret is how many bytes a secret must have to be looked for in a text:
// one of a letter would be found everywhere.
const shortestSecret = 4

// passkeyPlaces are the places of a passkey, the likeliest first. uid is not
// among them: it names an account, and is hidden but not replaced.
var passkeyPlaces = []string{"passkey", "pk", "authkey", "auth", "token", "key", inPath}

// ReplacePasskey puts a passkey, a plain text, in the place of a URL's passkey,
// percent-encoded so that a server that decodes the URL gets that text. What
// counts as a passkey is what MaskURL hides, save passwords and uid.
//
// A URL has one passkey, so only one kind of place is filled: the values of the
// first of the query keys passkey, pk, authkey, auth, token and key that the
// URL has, else a path segment. All values of that key are replaced. An empty
// value is no passkey, but for passkey=, which waits for one. Segments of the
// path are replaced if they are all the same; which of two different ones is
// the passkey can't be told, and neither is replaced.
//
// found tells whether there was a passkey to replace, even by the same one.
// Where not, the URL is unchanged: also by a passkey that is empty, or that is
// "." or ".." where a path segment would be replaced, for these name
// directories. Replacing twice gives what replacing once gives, but found is
// then false if the passkey stands in the path and is not 16 or more letters
// and digits. MaskURL doesn't hide such a passkey either.
func ReplacePasskey(rawURL, passkey string) (result string, found bool) {
	before, u, after := cutBlanks(rawURL)
	if scheme(u) == "" || passkey == "" {
		return rawURL, false
	}
	all := secrets(u)
	for _, key := range passkeyPlaces {
		var places []secret
		for _, p := range all {
			if p.key == key && (p.start < p.end || key == "passkey") {
				places = append(places, p)
			}
		}
		if len(places) == 0 {
			continue
		}
		if key == inPath {
			differs := func(p secret) bool { return u[p.start:p.end] != u[places[0].start:places[0].end] }
			if slices.ContainsFunc(places, differs) || passkey == "." || passkey == ".." {
				break
			}
		}
		return before + substitute(u, places, escapePasskey(passkey)) + after, true
	}
	return rawURL, false
}

// escapePasskey encodes a text for a path segment or a query value. All that
// may stand unencoded anywhere stays (RFC 3986, 2.3), and "=", which has a
// meaning in neither: a query value begins after the first.
func escapePasskey(s string) string { return strings.ReplaceAll(escape(s), "%3D", "=") }

// A secret is a place in a URL that holds what identifies a user, or could.
type secret struct {
	start, end int    // it stands at url[start:end], percent-encoded
	key        string // its query key, decoded and in lower case, else inPath, inPassword or inFragment
}

// What stands for a key where a secret has none; no secretKeys are spelled so.
const (
	inPath     = "/"
	inPassword = "@"
	inFragment = "#"
)

// secrets lists the secrets of a URL in the order in which they stand, empty
// values of the query among them. It is the one judge of what a passkey is, and
// not strict about what a URL is: a text without "://" counts as a path.
func secrets(s string) []secret {
	var found []secret
	path, fragment := 0, until(s, 0, "#")
	query := until(s[:fragment], 0, "?")
	if start, end, ok := authority(s); ok {
		path = end
		user := strings.LastIndexByte(s[start:end], '@') // a password may hold an @, a host may not
		if colon := strings.IndexByte(s[start:end], ':'); 0 <= colon && colon < user {
			found = append(found, secret{start + colon + 1, start + user, inPassword})
		}
	}
	for start := path; start < query; {
		end := until(s[:query], start, `/\`)
		if isPasskey(s[start:end]) {
			found = append(found, secret{start, end, inPath})
		}
		start = end + 1
	}
	for start := query + 1; start < fragment; {
		end := until(s[:fragment], start, "&;")
		key, value, ok := strings.Cut(s[start:end], "=")
		name, err := url.QueryUnescape(key)
		if err != nil {
			name = key
		}
		if name = strings.ToLower(name); ok && secretKeys[name] {
			found = append(found, secret{end - len(value), end, name})
		}
		start = end + 1
	}
	for start := fragment + 1; start < len(s); {
		end := until(s, start, `/\=&;?`)
		if isPasskey(s[start:end]) {
			found = append(found, secret{start, end, inFragment})
		}
		start = end + 1
	}
	return found
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

// until returns where the first of chars stands in s[from:], as an index of s,
// or else where s ends.
func until(s string, from int, chars string) int {
	if i := strings.IndexAny(s[from:], chars); i >= 0 {
		return from + i
	}
	return len(s)
}

func isPasskey(s string) bool {
	for i := 0; i < len(s); i++ {
		if !isLetter(s[i]) && !isDigit(s[i]) {
			return false
		}
	}
	return len(s) >= 16
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// substitute puts text into the places, which are in order.
func substitute(s string, places []secret, text string) string {
	var b strings.Builder
	done := 0
	for _, p := range places {
		b.WriteString(s[done:p.start])
		b.WriteString(text)
		done = p.end
	}
	b.WriteString(s[done:])
	return b.String()
}

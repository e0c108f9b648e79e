package metainfo

import "strings"

// passkeyKeys are the query keys of passkeys, the likeliest first.
var passkeyKeys = []string{"passkey", "torrent_pass", "authkey", "pk", "pid", "uk", "credential", "secure", "auth", "token", "key"}

// ReplacePasskey replaces the passkey in a tracker's URL. passkey is plain text, which
// is percent-encoded.
//
// The passkey of a URL is the value of a query key that is known to hold passkeys, such
// as passkey or torrent_pass, in any case. If the query has several of these keys, the
// likeliest one counts. If it has none, the passkey is the path segment that consists of
// 16 or more letters and digits, with at least one of each. Nothing else is replaced: no
// user name, no password, and no other value, even if MaskURL masks it.
//
// candidates is the number of different passkeys in the URL, such as two path segments,
// or two values of one key. Unless it is 1, the URL is unchanged. The same value twice
// is one passkey, and both are replaced. An empty passkey replaces nothing, and "." and
// ".." replace nothing in a path, where they have another meaning.
//
// Replacing twice has the same result as replacing once. The second time candidates is
// 0 if the new passkey is in the path and does not look like a passkey.
func ReplacePasskey(rawURL, passkey string) (result string, candidates int) {
	before, s, after := cutBlanks(rawURL)
	u := splitURL(s)
	_, end, _ := authority(s)
	if !u.hostKnown || u.host.start > end || passkey == "" { // a password may contain characters that end the host: programs disagree
		return rawURL, 0
	}
	places := passkeyValues(s, u.query)
	if len(places) == 0 && passkey != "." && passkey != ".." {
		places = passkeySegments(s, u.path)
		candidates = len(places)
	} else {
		values := make(map[string]bool)
		for _, p := range places {
			values[decoded(s[p.start:p.end])] = true
		}
		candidates = len(values)
	}
	if candidates != 1 {
		return rawURL, candidates
	}
	return before + substitute(s, places, escapePasskey(passkey)) + after, 1
}

// passkeyValues returns the values of the first of passkeyKeys that the query has.
func passkeyValues(s string, query span) []span {
	values := make(map[string][]span)
	eachPart(s, query, "&;", func(p span) {
		if key, value, ok := strings.Cut(s[p.start:p.end], "="); ok {
			key = strings.ToLower(decoded(key))
			values[key] = append(values[key], span{p.end - len(value), p.end})
		}
	})
	for _, key := range passkeyKeys {
		if len(values[key]) > 0 {
			return values[key]
		}
	}
	return nil
}

// passkeySegments returns the path segments that look like a passkey.
func passkeySegments(s string, path span) (list []span) {
	eachPart(s, path, `/\`, func(p span) {
		if isPasskey(decoded(s[p.start:p.end])) {
			list = append(list, p)
		}
	})
	return list
}

func isPasskey(s string) bool {
	letters, digits := 0, 0
	for i := range len(s) {
		switch {
		case isLetter(s[i]):
			letters++
		case isDigit(s[i]):
			digits++
		default:
			return false
		}
	}
	return len(s) >= 16 && letters > 0 && digits > 0
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// escapePasskey percent-encodes a text for a path segment or a query value. It keeps
// unreserved characters (RFC 3986, 2.3) and "=", which has no special meaning in
// either: a query value begins after the first "=".
func escapePasskey(s string) string { return strings.ReplaceAll(escape(s), "%3D", "=") }

package metainfo

import "strings"

// passkeyKeys are the query keys whose value is a passkey, the likeliest first.
var passkeyKeys = []string{"passkey", "torrent_pass", "authkey", "pk", "pid", "uk", "credential", "secure", "auth", "token", "key"}

// ReplacePasskey puts a passkey, a plain text, in the place of a tracker URL's
// passkey, percent-encoded so that a server that decodes the URL gets that text.
//
// The place is the value of the first of passkeyKeys that the query has, in
// whatever case. In a URL with none of them it is the path segment of 16 or
// more letters and digits that has both, without an extension. Nothing else is
// replaced: no user, no password, no other value, whatever MaskURL hides.
//
// candidates is how many passkeys the URL has: two segments are two, and so are
// two different values of one key. Unless it is one, the URL is unchanged. The
// same value twice is one passkey, and is replaced twice. A passkey that is
// empty has no place, nor has "." or ".." in a path, where they name
// directories.
//
// Replacing twice gives what replacing once gives. The second time there are no
// candidates if the passkey stands in the path and doesn't look like one.
func ReplacePasskey(rawURL, passkey string) (result string, candidates int) {
	before, s, after := cutBlanks(rawURL)
	u := splitURL(s)
	_, end, _ := authority(s)
	if !u.hostKnown || u.host.start > end || passkey == "" { // a password may hold what ends the host: readers disagree
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

// passkeyValues lists the values of the first of passkeyKeys that the query has.
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

// passkeySegments lists the path segments that look like a passkey.
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

// escapePasskey encodes a text for a path segment or a query value. All that
// may stand unencoded anywhere stays (RFC 3986, 2.3), and "=", which has a
// meaning in neither: a query value begins after the first.
func escapePasskey(s string) string { return strings.ReplaceAll(escape(s), "%3D", "=") }

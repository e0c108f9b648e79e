package metainfo

import (
	"strings"
	"unicode"
)

// mask replaces secrets.
const mask = "****"

// MaskURL masks the parts of a URL that are or could be secret:
//
//   - user and password
//   - each value of the query whose key is not known to be harmless, or that is
//     not a short plain text
//   - each segment of the path that looks random: 16 or more consecutive characters,
//     percent-encoded or not, without any of the marks that separate words in a file
//     name, such as a dot
//   - each value in the path or fragment, as in /announce;passkey=abc
//
// The rest is kept: host and port, announce, announce.php, words of fewer than 16
// letters. A text that is not a URL is masked too. Masking a masked URL changes
// nothing, if it has a scheme and "://".
func MaskURL(rawURL string) string {
	before, s, after := cutBlanks(rawURL)
	return before + substitute(s, secrets(s), mask) + after
}

// HasSecret reports whether MaskURL masks a part of the URL.
func HasSecret(rawURL string) bool {
	_, s, _ := cutBlanks(rawURL)
	return len(secrets(s)) > 0
}

// harmlessKeys are the query keys that trackers (BEP 3, 7, 8, 17, 23 and additions of
// clients) and HTTP seeds define, except those that identify a user: key, trackerid and
// the addresses.
var harmlessKeys = set("info_hash", "peer_id", "port", "uploaded", "downloaded", "left", "corrupt", "redundant",
	"compact", "no_peer_id", "event", "numwant", "num_want", "supportcrypto", "requirecrypto", "cryptoport",
	"piece", "ranges")

// longest is the number of consecutive characters from which a text may be a secret.
const longest = 16

// A span is a part of a text, text[start:end].
type span struct{ start, end int }

// secrets returns the parts of a URL that MaskURL masks, in order. No other code
// decides what is a secret.
func secrets(s string) []span {
	f := secretFinder{text: s}
	u := splitURL(s)
	if user := u.user; user.start < user.end {
		colon := user.start + until(s[user.start:user.end], 0, ":")
		f.add(user.start, colon)
		if colon < user.end { // mask even an empty password
			f.found = append(f.found, span{colon + 1, user.end})
		}
	}
	switch colon := portColon(s[u.host.start:u.host.end]); {
	case !u.hostKnown:
		f.segments(u.host)
	case !portMakesSense(s[u.host.start:u.host.end]):
		f.segments(span{u.host.start + colon + 1, u.host.end})
	}
	f.segments(u.path)
	f.query(u.query)
	f.segments(u.fragment)
	return f.found
}

type secretFinder struct {
	text  string
	found []span
}

func (f *secretFinder) add(start, end int) {
	if start < end {
		f.found = append(f.found, span{start, end})
	}
}

// segments masks segments of the path.
func (f *secretFinder) segments(path span) {
	eachPart(f.text, path, `/\?`, func(segment span) {
		// The text before an @ may be a password that contains a slash.
		if at := strings.LastIndexByte(f.text[segment.start:segment.end], '@'); at >= 0 {
			f.add(segment.start, segment.start+at)
			segment.start += at + 1
		}
		f.params(segment, looksRandom)
	})
}

// query masks parameters of the query.
func (f *secretFinder) query(query span) {
	f.params(query, func(s string) bool { return looksRandom(s) || strings.ContainsFunc(s, isNoWord) })
}

// params masks values between "&" and ";", depending on the key. A parameter without a
// key is masked if it looks random.
func (f *secretFinder) params(part span, secret func(string) bool) {
	hidden := false // whether the part before was masked
	eachPart(f.text, part, "&;", func(p span) {
		// The text after ";" may be the rest of a value.
		rest := hidden && p.start > part.start && f.text[p.start-1] == ';'
		name, value, hasValue := strings.Cut(f.text[p.start:p.end], "=")
		if !hasValue || strings.Trim(value, "=") == "" && looksRandom(name) { // padded with =
			if hidden = rest || secret(f.text[p.start:p.end]); hidden {
				f.add(p.start, p.end)
			}
			return
		}
		equals := p.start + len(name)
		key := strings.ToLower(decoded(name))
		if looksRandom(key) && strings.ContainsFunc(key, unicode.IsDigit) {
			f.add(p.start, equals)
		}
		if hidden = !harmlessKeys[key] || !isPlain(f.text[equals+1:p.end]); hidden {
			f.add(equals+1, p.end)
		}
	})
}

// looksRandom reports whether a decoded text looks random rather than like words, or
// contains a secret when it is decoded once more or divided into parts.
func looksRandom(s string) bool {
	decoded := decoded(s)
	run := 0
	for _, r := range decoded {
		if run++; isMark(r) {
			run = 0
		}
		if run == longest {
			return true
		}
	}
	return decoded != s && len(secrets(decoded)) > 0
}

// isMark reports whether a rune separates words, such as the dots in
// debian-12.5.0-amd64-netinst.iso. Passkeys contain none: hex, base32, both alphabets
// of base64, UUIDs.
func isMark(r rune) bool { return strings.ContainsRune(" .,:;!?&@/\\()[]{}<>'\"|", r) }

// isPlain reports whether a value is short and consists of harmless characters.
func isPlain(s string) bool {
	s = decoded(s)
	return len(s) < longest && !strings.ContainsFunc(s, func(r rune) bool { return isNoWord(r) && !('0' <= r && r <= '9') })
}

func isNoWord(r rune) bool {
	return !unicode.IsLetter(r) && !strings.ContainsRune("-_.", r)
}

// urlParts are the parts of a URL, without the delimiters around them.
type urlParts struct {
	user, host, path, query, fragment span
	hostKnown                         bool // the host follows a scheme and "://"
}

// splitURL finds the parts of a text that is meant as a URL. The scheme may be missing,
// slashes may be backslashes, and a password may contain characters that should have
// been encoded.
func splitURL(s string) (u urlParts) {
	start := 0
	if name := scheme(s); name != "" && len(name) < longest {
		start, u.hostKnown = len(name)+len("://"), true
	} else if i := until(s, 0, `/\`); i == 0 || i > 1 && i < longest && s[i-1] == ':' && isScheme(s[:i-1]) { // http:\\, http:/, //
		for start = i; start < len(s) && start < i+2 && isSlash(s[start]); start++ {
		}
	}
	end := until(s, start, "/?#")
	at := strings.LastIndexByte(s[start:end], '@')
	if at < 0 && !portMakesSense(s[start:until(s, start, `/\?#`)]) {
		at = strings.LastIndexByte(s[start:], '@') // in a password that was not encoded
	}
	if at >= 0 {
		u.user = span{start, start + at}
		start += at + 1
	}
	u.host = span{start, until(s, start, `/\?#`)}
	fragment := until(s, u.host.end, "#")
	query := until(s[:fragment], u.host.end, "?")
	u.path = span{u.host.end, query}
	u.query = span{min(query+1, fragment), fragment}
	u.fragment = span{min(fragment+1, len(s)), len(s)}
	return u
}

func isSlash(c byte) bool { return c == '/' || c == '\\' }

// portColon returns the position of the colon before the port, or -1.
func portColon(host string) int {
	bracket := strings.LastIndexByte(host, ']') // the end of an IPv6 address
	if i := strings.IndexByte(host[bracket+1:], ':'); i >= 0 {
		return bracket + 1 + i
	}
	return -1
}

// portMakesSense reports whether a host has no port, or a numeric one.
func portMakesSense(host string) bool {
	colon := portColon(host)
	return colon < 0 || strings.Trim(host[colon+1:], "0123456789") == ""
}

// eachPart calls f for each part of s[in.start:in.end] between any of the marks.
func eachPart(s string, in span, marks string, f func(span)) {
	for start := in.start; start <= in.end; {
		end := until(s[:in.end], start, marks)
		f(span{start, end})
		start = end + 1
	}
}

// until returns the index in s of the first of chars in s[from:], or len(s).
func until(s string, from int, chars string) int {
	if i := strings.IndexAny(s[from:], chars); i >= 0 {
		return from + i
	}
	return len(s)
}

// decoded decodes the percent escapes of a text.
func decoded(s string) string {
	text, _ := unescape(s)
	return text
}

// substitute replaces the spans, which are in order, by text.
func substitute(s string, places []span, text string) string {
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

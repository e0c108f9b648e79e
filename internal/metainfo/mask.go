package metainfo

import (
	"net/url"
	"strings"
)

// mask stands where a passkey was.
const mask = "****"

// secretKeys are the query keys whose values are passkeys.
var secretKeys = set("passkey", "pk", "key", "auth", "authkey", "token", "uid")

// MaskURL hides what identifies a user in a tracker's URL: path segments of 16
// or more letters and digits, the values of query keys such as passkey, and a
// password. The rest stays byte for byte.
func MaskURL(s string) string {
	s, fragment, hasFragment := strings.Cut(s, "#")
	s, query, hasQuery := strings.Cut(s, "?")
	authority, path := "", s
	if i := strings.Index(s, "://"); i >= 0 {
		end := len(s)
		if j := strings.IndexByte(s[i+3:], '/'); j >= 0 {
			end = i + 3 + j
		}
		authority, path = s[:i+3]+maskPassword(s[i+3:end]), s[end:]
	}
	segments := strings.Split(path, "/")
	for i, segment := range segments {
		if isPasskey(segment) {
			segments[i] = mask
		}
	}
	s = authority + strings.Join(segments, "/")
	if hasQuery {
		s += "?" + maskQuery(query)
	}
	if hasFragment {
		s += "#" + fragment
	}
	return s
}

func isPasskey(s string) bool {
	for i := 0; i < len(s); i++ {
		if !isLetter(s[i]) && (s[i] < '0' || s[i] > '9') {
			return false
		}
	}
	return len(s) >= 16
}

func maskPassword(authority string) string {
	at := strings.LastIndexByte(authority, '@')
	colon := strings.IndexByte(authority, ':')
	if colon < 0 || colon > at {
		return authority
	}
	return authority[:colon+1] + mask + authority[at:]
}

func maskQuery(query string) string {
	var b strings.Builder
	for query != "" {
		end := strings.IndexAny(query, "&;")
		separator := ""
		if end < 0 {
			end = len(query)
		} else {
			separator = query[end : end+1]
		}
		key, value, ok := strings.Cut(query[:end], "=")
		name, err := url.QueryUnescape(key)
		if err != nil {
			name = key
		}
		if ok && secretKeys[strings.ToLower(name)] && value != "" {
			value = mask
		}
		b.WriteString(key)
		if ok {
			b.WriteString("=" + value)
		}
		b.WriteString(separator)
		query = query[min(end+len(separator), len(query)):]
	}
	return b.String()
}

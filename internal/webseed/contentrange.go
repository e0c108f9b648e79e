package webseed

import (
	"strconv"
	"strings"
)

// A contentRange is the value of a Content-Range header (RFC 9110, 14.4):
//
//	bytes 0-99/1000   the first 100 of 1,000 bytes
//	bytes 0-99/*      of an unknown number of bytes
//	bytes */1000      none, in a response with status 416
type contentRange struct {
	first, last int64 // last is -1 if there is no range
	size        int64 // of the whole file; -1 if it is unknown
}

// parseContentRange parses a Content-Range header. ok is false if the header is invalid
// or contradicts itself.
func parseContentRange(s string) (r contentRange, ok bool) {
	unit, rest, _ := strings.Cut(s, " ")
	bytes, size, hasSize := strings.Cut(strings.TrimSpace(rest), "/")
	if !strings.EqualFold(unit, "bytes") || !hasSize {
		return r, false
	}
	r = contentRange{last: -1, size: -1}
	if size != "*" {
		if r.size, ok = parseNumber(size); !ok {
			return r, false
		}
	}
	if bytes == "*" {
		return r, r.size >= 0
	}
	first, last, _ := strings.Cut(bytes, "-")
	if r.first, ok = parseNumber(first); !ok {
		return r, false
	}
	if r.last, ok = parseNumber(last); !ok {
		return r, false
	}
	return r, r.first <= r.last && (r.size < 0 || r.last < r.size)
}

// parseNumber parses digits without a sign.
func parseNumber(s string) (int64, bool) {
	n, err := strconv.ParseUint(s, 10, 63)
	return int64(n), err == nil
}

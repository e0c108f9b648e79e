package client

import (
	"net/http"
	"slices"
	"strings"
)

// isRefusal reports whether a request may have failed because of the torrents in it, so
// that a request with others may succeed. If the failure has a time to retry, the tracker
// limits the rate of requests instead.
func isRefusal(e *Error) bool {
	switch e.Status {
	case StatusFailed:
		return e.RetryIn == 0 && !isRateLimit(e.Msg)
	case StatusTruncated, HTTPStatus(http.StatusBadRequest):
		return true
	}
	return isTooLong(e)
}

// isTooLong reports whether a request was refused for its length.
func isTooLong(e *Error) bool {
	switch e.Status {
	case StatusTooBig, HTTPStatus(http.StatusRequestEntityTooLarge),
		HTTPStatus(http.StatusRequestURITooLong), HTTPStatus(http.StatusRequestHeaderFieldsTooLarge):
		return true
	}
	return false
}

// isRateLimit reports whether a tracker's failure message is about too many requests.
// There is no code for that.
func isRateLimit(msg string) bool {
	msg = strings.ToLower(msg)
	return slices.ContainsFunc([]string{"rate limit", "too many", "slow down", "overload", "too often", "busy"},
		func(words string) bool { return strings.Contains(msg, words) })
}

// isSilence reports whether a request was not answered at all.
func isSilence(e *Error) bool { return e.Status == StatusTimeout || e.Status == StatusEmpty }

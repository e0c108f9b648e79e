package client

import (
	"net/http"
	"slices"
	"strings"
)

// isRefusal reports whether a request may have failed because of what it asks for,
// so that another request may succeed. A failure that says when to retry is that of
// a tracker that is asked too much.
func isRefusal(e *Error) bool {
	switch e.Status {
	case StatusFailed:
		return e.RetryIn == 0 && !hasEnough(e.Msg)
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

// hasEnough reports whether a tracker says that it is asked too much. Trackers have
// no code for that, only words.
func hasEnough(msg string) bool {
	msg = strings.ToLower(msg)
	return slices.ContainsFunc([]string{"rate limit", "too many", "slow down", "overload", "too often", "busy"},
		func(words string) bool { return strings.Contains(msg, words) })
}

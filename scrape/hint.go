package scrape

import (
	"crypto/tls"
	"errors"
	"net/http"
	"strings"

	"bt/internal/tracker/client"
)

// hint says in plain words what a failure means for the user and what to do
// about it; empty where its name says all.
func hint(e *client.Error, scheme string) string {
	switch e.Status {
	case client.Unsupported:
		if scheme == "" {
			return "trackers speak http, https, udp, ws or wss"
		}
		return "--announce-fallback registers with the tracker to see its numbers, and leaves again"
	case client.TLS:
		if _, ok := errors.AsType[*tls.CertificateVerificationError](e); ok {
			return "--insecure asks all the same, and anyone on the way can then read and change the answers"
		}
	case client.Proxy:
		if scheme == "udp" {
			return "only a socks5 proxy carries UDP: --proxy socks5://..., or leave the host out with NO_PROXY=HOST"
		}
		return "set the proxy with --proxy http://NAME:PASSWORD@HOST:PORT or socks5://..."
	case client.Failed:
		return failureHint(e.Msg)
	}
	text := e.Status.Meaning()
	switch e.Status {
	case client.Timeout, client.Empty, client.Truncated, client.HTTPStatus(http.StatusTooManyRequests):
		return text + tryAgain
	}
	if strings.HasPrefix(string(e.Status), "http-5") && e.Status != client.HTTPStatus(http.StatusNotImplemented) {
		return text + tryAgain
	}
	return text
}

const tryAgain = ": try again in a few minutes"

var notAuthorized = client.HTTPStatus(http.StatusForbidden).Meaning()

// failureHint goes by the words of trackers, of which there are no codes.
func failureHint(msg string) string {
	msg = strings.ToLower(msg)
	for _, w := range []struct{ word, hint string }{
		{"authori", notAuthorized},
		{"regist", notAuthorized},
		{"whitelist", notAuthorized},
		{"not allowed", notAuthorized},
		{"not permitted", notAuthorized},
		{"passkey", "the passkey in the URL is not, or no longer, valid: download the torrent again, or use bt retracker --passkey"},
		{"banned", "the tracker does not serve this client or this address"},
		{"client", "the tracker does not serve this client"},
		{"not found", "a stale torrent: the tracker has dropped it"},
		{"unknown", "a stale torrent: the tracker has dropped it"},
		{"busy", "the tracker is overloaded" + tryAgain},
		{"overload", "the tracker is overloaded" + tryAgain},
		{"too many", "the tracker is overloaded" + tryAgain},
	} {
		if strings.Contains(msg, w.word) {
			return w.hint
		}
	}
	return ""
}

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
	case client.Refused, client.Timeout, client.Empty,
		client.HTTPStatus(http.StatusTooManyRequests), client.HTTPStatus(http.StatusInternalServerError),
		client.HTTPStatus(http.StatusBadGateway), client.HTTPStatus(http.StatusServiceUnavailable),
		client.HTTPStatus(http.StatusGatewayTimeout):
		return "trackers are often overloaded: try again in a few minutes"
	case client.NotRegistered:
		return "nobody has announced this torrent there, or the tracker has dropped it"
	case client.Unsupported:
		if scheme == "" {
			return "trackers speak http, https, udp, ws or wss"
		}
		return "--announce-fallback registers with the tracker to see its numbers, and leaves again"
	case client.HTTPStatus(http.StatusNotFound), client.HTTPStatus(http.StatusGone):
		return "a stale torrent: the tracker has moved, or does not serve this any more"
	case client.HTTPStatus(http.StatusUnauthorized), client.HTTPStatus(http.StatusForbidden):
		return notAuthorized
	case client.DNS:
		return "the tracker is gone for good, or its name is misspelt"
	case client.NoRoute:
		return "this machine has no network, or the two have no IP version in common"
	case client.TLS:
		if _, ok := errors.AsType[*tls.CertificateVerificationError](e); ok {
			return "--insecure asks all the same, and anyone on the way can then read and change the answers"
		}
	case client.Redirect, client.HTML:
		return "there is a web site, and no tracker any more, at that address"
	case client.Proxy:
		if scheme == "udp" {
			return "only a socks5 proxy carries UDP: --proxy socks5://..., or leave the host out with NO_PROXY=HOST"
		}
		return "set the proxy with --proxy http://NAME:PASSWORD@HOST:PORT or socks5://..."
	case client.Failed:
		return failureHint(e.Msg)
	}
	return ""
}

const notAuthorized = "this tracker serves only torrents, or users, that are registered with it"

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
		{"busy", "trackers are often overloaded: try again in a few minutes"},
		{"overload", "trackers are often overloaded: try again in a few minutes"},
		{"too many", "trackers are often overloaded: try again in a few minutes"},
	} {
		if strings.Contains(msg, w.word) {
			return w.hint
		}
	}
	return ""
}

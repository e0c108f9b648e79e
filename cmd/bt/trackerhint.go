package main

import (
	"crypto/tls"
	"errors"
	"strings"

	"bt/scrape"
)

// meanings explains statuses by the likely state of the tracker.
var meanings = map[scrape.Status]string{
	scrape.StatusBadURL:        "the URL is cut short or misspelt",
	scrape.StatusDNS:           "the tracker no longer exists, or its name is misspelt",
	scrape.StatusNoRoute:       "this machine has no network, or it and the tracker have no IP version in common",
	scrape.StatusRefused:       "the tracker is down, or the port in its URL is wrong",
	scrape.StatusTimeout:       "the tracker is down or overloaded, or a firewall drops the packets",
	scrape.StatusTLS:           "the certificate or the port is wrong, or the tracker does not speak TLS",
	scrape.StatusEmpty:         "the tracker is overloaded, or the server at that address is not a tracker",
	scrape.StatusTruncated:     "the tracker is overloaded, or the server at that address is not a tracker",
	scrape.StatusRedirect:      "there is a web site at that address, and no longer a tracker",
	scrape.StatusHTML:          "there is a web site at that address, and no longer a tracker",
	scrape.StatusTooBig:        "the server at that address is not a tracker, or the tracker is broken",
	scrape.StatusMalformed:     "the server at that address is not a tracker, or the tracker is broken",
	scrape.StatusNotRegistered: "the torrent was never announced to this tracker, or the tracker has dropped it",
	"http-401":                 notAuthorized,
	"http-403":                 notAuthorized,
	"http-404":                 "a stale torrent: the tracker has moved, or no longer serves this torrent",
	"http-410":                 "a stale torrent: the tracker has moved, or no longer serves this torrent",
	"http-400":                 "the tracker rejects the request: a passkey may be missing in the URL",
	"http-405":                 "there is a web server, and most likely no tracker, at that address",
	"http-501":                 "there is a web server, and most likely no tracker, at that address",
	"http-429":                 "the tracker is asked too often",
}

// statusMeaning explains a status. It returns "" for one that needs no explanation.
func statusMeaning(s scrape.Status) string {
	if text, ok := meanings[s]; ok {
		return text
	}
	if strings.HasPrefix(string(s), "http-5") {
		return "the tracker is down or overloaded, but the web server in front of it is up"
	}
	return ""
}

const (
	tryAgain      = ": try again in a few minutes"
	notAuthorized = "this tracker serves only torrents, or users, that are registered with it"
)

// rowHint returns a hint about a failure: what it means and what to do. It
// returns "" if the status is clear by itself.
func rowHint(r *scrape.Row) string {
	failure, failed := errors.AsType[*scrape.Error](r.Err)
	switch {
	case r.Private:
		return "the torrent is private, so it was not announced; --force announces it"
	case !failed, r.Status == scrape.StatusOK:
		return ""
	}
	switch failure.Status {
	case scrape.StatusUnsupported:
		if errors.Is(r.Err, scrape.ErrScheme) {
			return "trackers speak http, https, udp, ws or wss"
		}
		return "--announce-fallback registers with the tracker to see its numbers, and leaves again"
	case scrape.StatusTimeout:
		if scrape.MayLackScrape(r.Err) {
			return "the tracker may have no scrape: --announce-fallback registers with it to find out, and leaves again"
		}
	case scrape.StatusTLS:
		if _, ok := errors.AsType[*tls.CertificateVerificationError](r.Err); ok {
			return "--insecure asks nevertheless, but attackers on the network can then read and change the answers"
		}
	case scrape.StatusProxy:
		if errors.Is(r.Err, scrape.ErrProxyUDP) {
			return "only a socks5 proxy carries UDP: --proxy socks5://..., or leave the host out with NO_PROXY=HOST"
		}
		return "set the proxy with --proxy http://NAME:PASSWORD@HOST:PORT or socks5://..."
	case scrape.StatusFailed:
		return failureHint(failure.Msg)
	}
	text := statusMeaning(failure.Status)
	if isTemporary(failure.Status) {
		return text + tryAgain
	}
	return text
}

// isTemporary reports whether a later request may well succeed.
func isTemporary(s scrape.Status) bool {
	switch s {
	case scrape.StatusTimeout, scrape.StatusEmpty, scrape.StatusTruncated, "http-429":
		return true
	}
	return strings.HasPrefix(string(s), "http-5") && s != "http-501"
}

// checkHint is rowHint for a tracker that is checked without a torrent.
func checkHint(r *scrape.Row) string {
	switch r.Status {
	case "http-404", "http-410":
		return "the tracker has moved, or the path in its URL is wrong"
	case scrape.StatusUnsupported:
		return "" // the error says it
	}
	return rowHint(r)
}

// failureHint returns the hint for the failure reason of a tracker, which has no
// code, by its words.
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

// rowError returns the error of a row, or "".
func rowError(r *scrape.Row) string {
	switch {
	case r.Err == nil:
		return ""
	case r.Status == scrape.StatusOK:
		return "no peers: " + r.Err.Error() // the scrape succeeded, the announce failed
	}
	return r.Err.Error()
}

package client

import "strings"

// Meaning says what a failure tells of the tracker, where no more is known than
// its status. It is "" for what says all itself.
func (s Status) Meaning() string {
	switch s {
	case BadURL:
		return "the URL is cut short or misspelt"
	case DNS:
		return "the tracker is gone for good, or its name is misspelt"
	case NoRoute:
		return "this machine has no network, or the two have no IP version in common"
	case Refused:
		return "the tracker is down, or the port in its URL is wrong"
	case Timeout:
		return "the tracker is down or overloaded, or a firewall drops the packets"
	case TLS:
		return "the certificate or the port is wrong, or the tracker does not speak TLS"
	case Empty, Truncated:
		return "the tracker is overloaded, or something else listens there"
	case Redirect, HTML:
		return "there is a web site, and no tracker any more, at that address"
	case TooBig, Malformed:
		return "something else than a tracker answers there, or a tracker that is broken"
	case NotRegistered:
		return "nobody has announced this torrent there, or the tracker has dropped it"
	case "http-401", "http-403":
		return "this tracker serves only torrents, or users, that are registered with it"
	case "http-404", "http-410":
		return "a stale torrent: the tracker has moved, or does not serve this any more"
	case "http-400":
		return "the tracker does not take the request: a passkey may be missing in the URL"
	case "http-405", "http-501":
		return "there is a web server, and most likely no tracker, at that address"
	case "http-429":
		return "the tracker is asked too often"
	}
	if strings.HasPrefix(string(s), "http-5") {
		return "the tracker is down or overloaded, behind a web server that is not"
	}
	return ""
}

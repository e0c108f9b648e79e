package webseed

import (
	"errors"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"sync/atomic"

	"bt/internal/netfault"
	"bt/internal/netguard"
)

// A transport sends requests. Its errors for answers that are no HTTP, and for redirects
// that are not to a URL, are in plain words: those of net/http are for programmers and
// quote what the server sent.
type transport struct{ *netguard.Transport }

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	var connected atomic.Bool
	var handshake netfault.Handshake
	trace := &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connected.Store(true) }}
	handshake.Trace(trace)
	resp, err := t.Transport.RoundTrip(r.WithContext(httptrace.WithClientTrace(r.Context(), trace)))
	if err != nil {
		err, _ = handshake.Mark(err)
		if connected.Load() && r.Context().Err() == nil {
			err = misread(err)
		}
		return nil, err
	}
	if resp.StatusCode/100 == 3 {
		if _, err := r.URL.Parse(resp.Header.Get("Location")); err != nil {
			resp.Body.Close()
			return nil, &RedirectError{text: "it redirects to what is not a URL"}
		}
	}
	return resp, nil
}

// checkRedirect allows up to maxRedirects redirects, only to HTTP.
func checkRedirect(r *http.Request, via []*http.Request) error {
	r.Header.Del("Referer") // it would send the passkey to another host
	text, fault := "", urlFault(r.URL)
	switch scheme := r.URL.Scheme; {
	case scheme == "magnet":
		text = "it redirects to a magnet link"
	case scheme != "http" && scheme != "https":
		text = "it redirects to a URL of scheme " + scheme
	case fault != "":
		text = "it redirects to a URL " + fault
	case len(via) > maxRedirects:
		text = "it redirects again and again"
	default:
		return nil
	}
	return &RedirectError{r.URL.String(), text}
}

// CheckURL returns an error if nothing can be at a URL of scheme http or https.
func CheckURL(u *url.URL) error {
	if fault := urlFault(u); fault != "" {
		return errors.New("it is a URL " + fault)
	}
	return nil
}

// urlFault returns what is wrong with a URL, or "".
func urlFault(u *url.URL) string {
	switch {
	case u.Hostname() == "":
		return "without a host"
	case !isPort(u.Port()):
		return "whose port is not 1 to 65535"
	}
	return ""
}

// isPort reports whether the port of a URL, which may have none, can be connected to.
func isPort(port string) bool {
	n, err := strconv.ParseUint(port, 10, 16)
	return port == "" || err == nil && n > 0
}

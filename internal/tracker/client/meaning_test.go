package client

import (
	"strings"
	"testing"
)

// Every failure that a tracker, or the way to it, may be at fault for has a
// meaning; the others say themselves what is wrong.
func TestMeaning(t *testing.T) {
	for _, s := range []Status{OK, Unsupported, Failed, Proxy, Stopped, "", HTTPStatus(402)} {
		if m := s.Meaning(); m != "" {
			t.Errorf("%s: %q", s, m)
		}
	}
	for _, s := range []Status{
		NotRegistered, BadURL, DNS, NoRoute, Refused, Timeout, TLS, Redirect, HTML, Empty, TooBig, Malformed, Truncated, HTTPStatus(400),
		HTTPStatus(401), HTTPStatus(403), HTTPStatus(404), HTTPStatus(405), HTTPStatus(410), HTTPStatus(429), HTTPStatus(500), HTTPStatus(501), HTTPStatus(503), HTTPStatus(520),
	} {
		if s.Meaning() == "" {
			t.Errorf("%s has no meaning", s)
		}
	}
	if m := Refused.Meaning(); !strings.Contains(m, "down") || !strings.Contains(m, "port") {
		t.Errorf("refused: %q", m)
	}
}

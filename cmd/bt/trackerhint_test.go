package main

import (
	"strings"
	"testing"

	"bt/scrape"
)

// Every failure that a tracker, or the way to it, may be at fault for has a
// meaning; the others say themselves what is wrong.
func TestStatusMeaning(t *testing.T) {
	for _, s := range []scrape.Status{scrape.OK, scrape.Unsupported, scrape.Failed, scrape.Proxy, scrape.Stopped, "", "http-402"} {
		if m := statusMeaning(s); m != "" {
			t.Errorf("%s: %q", s, m)
		}
	}
	for _, s := range []scrape.Status{
		scrape.NotRegistered, scrape.BadURL, scrape.DNS, scrape.NoRoute, scrape.Refused, scrape.Timeout, scrape.TLS, scrape.Redirect, scrape.HTML, scrape.Empty, scrape.TooBig, scrape.Malformed, scrape.Truncated, "http-400",
		"http-401", "http-403", "http-404", "http-405", "http-410", "http-429", "http-500", "http-501", "http-503", "http-520",
	} {
		if statusMeaning(s) == "" {
			t.Errorf("%s has no meaning", s)
		}
	}
	if m := statusMeaning(scrape.Refused); !strings.Contains(m, "down") || !strings.Contains(m, "port") {
		t.Errorf("refused: %q", m)
	}
}

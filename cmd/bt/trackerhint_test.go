package main

import (
	"strings"
	"testing"

	"bt/scrape"
)

// Every status that a tracker or the network may cause has a meaning; the other
// statuses are clear by themselves.
func TestStatusMeaning(t *testing.T) {
	for _, s := range []scrape.Status{scrape.StatusOK, scrape.StatusUnsupported, scrape.StatusFailed, scrape.StatusProxy, scrape.StatusStopped, "", "http-402"} {
		if m := statusMeaning(s); m != "" {
			t.Errorf("%s: %q", s, m)
		}
	}
	for _, s := range []scrape.Status{
		scrape.StatusNotRegistered, scrape.StatusBadURL, scrape.StatusDNS, scrape.StatusNoRoute, scrape.StatusRefused, scrape.StatusTimeout, scrape.StatusTLS, scrape.StatusRedirect, scrape.StatusHTML, scrape.StatusEmpty, scrape.StatusTooBig, scrape.StatusMalformed, scrape.StatusTruncated, "http-400",
		"http-401", "http-403", "http-404", "http-405", "http-410", "http-429", "http-500", "http-501", "http-503", "http-520",
	} {
		if statusMeaning(s) == "" {
			t.Errorf("%s has no meaning", s)
		}
	}
	if m := statusMeaning(scrape.StatusRefused); !strings.Contains(m, "down") || !strings.Contains(m, "port") {
		t.Errorf("refused: %q", m)
	}
}

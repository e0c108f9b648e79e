package scrape

import (
	"math/rand/v2"
	"strings"
	"testing"

	"bt/internal/metainfo"
	"bt/internal/tracker"
)

// A tracker's URL is a finding of a torrent exactly if ParseURL rejects it, except for
// blanks, invalid escapes and unusual user names, which ParseURL corrects and other
// clients do not.
func TestURLsOfTorrentsCanBeAsked(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 3))
	starts := []string{"http://", "https://", "udp://", "ws://", "WSS://", "http:", "ftp://", "http:/", ""}
	parts := []string{
		"t.example", "T", "1.2.3.4", "[::1]", "::1", "[", "]", "u:p@", "@", ":80", ":0", ":65535", ":65536", ":", "//", "/", "/announce", "..", ".",
		"?a=b", "?", "#", "_", "-", "&", "|", "{", ",", ";", "!", "\\", "%41", "%2f", strings.Repeat("x", 63), strings.Repeat("y", 64), "\x7f", "http", "://",
	}
	good := 0
	for range 100_000 {
		s := starts[rnd.IntN(len(starts))]
		for range rnd.IntN(7) {
			s += parts[rnd.IntN(len(parts))]
		}
		finding := metainfo.CheckURL(s, metainfo.TrackerSchemes...)
		_, err := tracker.ParseURL(s)
		if finding == nil && err != nil || finding != nil && err == nil && !strings.Contains(s, "@") {
			t.Fatalf("%q: finding %v, asking %v", s, finding, err)
		}
		if err == nil {
			good++
		}
	}
	if good < 1000 {
		t.Errorf("only %d URLs were good", good)
	}
}

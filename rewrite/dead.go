package rewrite

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// deadStatuses are those of bt scrape that say that nobody is there, or nobody
// who is a tracker. Not among them: answers of a tracker (ok, not-registered,
// failure, unsupported, truncated, too-big), what may be at fault on this side
// (no-route, proxy), what an overloaded tracker says for a while (http-5NN), and
// what one says that announces but does not scrape (http-404).
var deadStatuses = map[string]bool{
	"bad-url": true, "dns": true, "refused": true, "timeout": true, "tls": true,
	"redirect": true, "html": true, "empty": true, "malformed": true, "http-410": true,
}

// Dead reads the JSON document of bt scrape and returns what tells the trackers
// that are dead: asked at least once, and never found alive for any torrent.
func Dead(scraped []byte) (func(url string) bool, error) {
	var doc struct {
		Torrents []struct {
			Swarms []struct {
				Trackers []struct{ URL, Status string }
			}
		}
	}
	if err := json.Unmarshal(scraped, &doc); err != nil {
		return nil, fmt.Errorf("not the JSON of bt scrape: %w", err)
	}
	dead := make(map[string]bool)
	asked := false
	for _, t := range doc.Torrents {
		for _, s := range t.Swarms {
			for _, tracker := range s.Trackers {
				asked = true
				is := deadStatuses[tracker.Status]
				if was, known := dead[tracker.URL]; !known || was {
					dead[tracker.URL] = is
				}
			}
		}
	}
	if !asked {
		return nil, errors.New("not the JSON of bt scrape: there is no tracker in it")
	}
	return func(url string) bool { return dead[strings.TrimSpace(url)] }, nil
}

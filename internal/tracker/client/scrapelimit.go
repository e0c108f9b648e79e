package client

import (
	"context"

	"bt/internal/tracker"
)

// ScrapeLimit asks a tracker about all torrents in one scrape, and returns how many it
// answers for, or 0 if it answers for all or that can't be found out. If it refuses the
// scrape, or drops it, shorter ones are sent, about ten at most. The torrents should be
// ones that it answers for.
func (c *Client) ScrapeLimit(ctx context.Context, u *tracker.URL, hashes [][20]byte) int {
	ask, hangUp := c.asker(u)
	defer hangUp()
	var s sizeSearch
	for s.start(len(hashes)); s.running; {
		n := s.size()
		answer, _, err := ask(ctx, hashes[:n], effortOnce)
		if err != nil && !limits(u, failure(err)) || ctx.Err() != nil {
			return 0
		}
		if err != nil && s.again && isSilence(failure(err)) { // a packet may have been lost
			answer, _, err = ask(ctx, hashes[:n], effortOnce)
		}
		switch {
		case err != nil:
			s.failed(n)
		case len(answer.Files) > 0 && len(answer.Files) < n:
			return len(answer.Files)
		default:
			s.answered(n)
		}
	}
	return s.limit()
}

// limits reports whether a scrape may have failed because it was too long.
func limits(u *tracker.URL, e *Error) bool {
	if e.Status == StatusTimeout && u.Scheme != "udp" {
		return false // the tracker is slow, and so would be further questions
	}
	return isRefusal(e) || isSilence(e)
}

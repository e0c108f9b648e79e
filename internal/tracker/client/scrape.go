package client

import (
	"context"
	"time"

	"bt/internal/tracker"
)

// The number of scrapes that a tracker gets at once. Answers over WebSocket have no
// transaction, so there is only one.
const (
	windowUDP  = 16
	windowHTTP = DefaultConns
	windowWS   = 1
)

// defaultBatch is what Client.Batch is if it is 0.
const defaultBatch = 50

// An Answer is a tracker's answer about one torrent.
type Answer struct {
	Counts  tracker.Counts
	Err     *Error        // why there are no counts, such as StatusNotRegistered
	Elapsed time.Duration // of the request that brought it
}

// stopped is the error of a torrent if the context ended before its answer came.
var stopped = &Error{Status: StatusStopped, Msg: "the run ended before it answered"}

// notRegistered is the error of a torrent that the tracker does not know.
var notRegistered = &Error{Status: StatusNotRegistered, Msg: "the tracker does not know this torrent"}

// noNumbers is the error of a torrent that the answer has without a number.
var noNumbers = &Error{Status: StatusMalformed, Msg: "the answer makes no sense: it has no numbers"}

// Scrape asks a tracker about torrents and calls report once for each, with its
// index in hashes, from this goroutine, as answers come. It returns how long the
// tracker asks its clients to wait before the next scrape, 0 if it does not say.
//
// Torrents are asked about in batches. Trackers cut answers to batches that are too
// long for them and don't say so, each in its own way: they answer the first N of
// the request, the first N that they know, or the last one. So a torrent that is
// missing from an answer is reported as StatusNotRegistered only if the tracker is known
// not to have cut there; else it is asked about again in a smaller batch.
//
// Others refuse long batches, or don't answer them. The length that they accept is found
// then, and the Client remembers it.
//
// If a request fails and the tracker has answered no request since it began, the tracker
// is regarded as unreachable: all other torrents get the same error.
func (c *Client) Scrape(ctx context.Context, u *tracker.URL, hashes [][20]byte, report func(i int, a Answer)) time.Duration {
	s := &scraping{hashes: hashes, cuts: newCutDetector(), size: c.batch()}
	var hangUp func()
	s.ask, hangUp = c.asker(u)
	defer hangUp()
	switch {
	case u.Scheme == "udp":
		s.size, s.window.most, s.inOrder = tracker.MaxScrapeUDP, windowUDP, true
	case u.IsWebSocket():
		s.window.most = windowWS
	default:
		s.window.most = windowHTTP
	}
	first := make(map[[20]byte]int, len(hashes))
	s.pending = make([]int, 0, len(hashes))
	duplicates := make(map[int][]int) // of each torrent
	for i, h := range hashes {
		if at, ok := first[h]; ok {
			duplicates[at] = append(duplicates[at], i)
			continue
		}
		first[h] = i
		s.pending = append(s.pending, i)
	}
	s.report = func(i int, a Answer) {
		report(i, a)
		for _, duplicate := range duplicates[i] {
			report(duplicate, a)
		}
	}
	if known := c.scrapeLimit(u); known > 0 {
		s.size = min(s.size, known)
	}
	s.run(ctx)
	if limit := s.limit(); limit > 0 {
		c.setScrapeLimit(u, limit)
	}
	traceLimit(ctx, c.scrapeLimit(u))
	return s.minInterval
}

// scrapeLimit returns how many torrents a tracker answers for in one scrape, as an
// earlier one has found, or 0.
func (c *Client) scrapeLimit(u *tracker.URL) int {
	c.limitsMu.Lock()
	defer c.limitsMu.Unlock()
	return c.limits[u.String()]
}

func (c *Client) setScrapeLimit(u *tracker.URL, n int) {
	c.limitsMu.Lock()
	defer c.limitsMu.Unlock()
	if c.limits == nil {
		c.limits = make(map[string]int)
	}
	c.limits[u.String()] = n
}

func (c *Client) batch() int {
	if c.Batch <= 0 {
		return defaultBatch
	}
	return c.Batch
}

// An asker sends one request about torrents and returns the answer, and how many of the
// torrents it is about, from the first. Where answers are in the order of the request, it
// has the first torrents of the request.
type asker func(ctx context.Context, hashes [][20]byte, e effort) (answer *tracker.ScrapeResponse, asked int, err error)

// asker returns the asker for a tracker, and a function that ends its use.
func (c *Client) asker(u *tracker.URL) (ask asker, hangUp func()) {
	switch {
	case u.Scheme == "udp":
		return c.scrapeUDP(u), func() {}
	case u.IsWebSocket():
		return c.scrapeWS(u)
	}
	return c.scrapeHTTP(u), func() {}
}

// An effort is what to do if a request is not answered.
type effort uint8

const (
	effortFull    effort = iota // repeat it, see Client.Retries
	effortShorten               // repeat it for its first torrent alone: the tracker may drop long requests
	effortOnce                  // don't repeat it
)

// retries returns how often to repeat a request, at most n times.
func (e effort) retries(n int) int {
	if e == effortOnce {
		return 0
	}
	return n
}

func (c *Client) scrapeHTTP(u *tracker.URL) asker {
	scrape, ok := u.Scrape()
	return func(ctx context.Context, hashes [][20]byte, e effort) (answer *tracker.ScrapeResponse, asked int, err error) {
		if !ok {
			return nil, 0, &Error{Status: StatusUnsupported, Msg: `it has no scrape: the last part of its path does not begin with "announce"`}
		}
		err = c.inTurn(ctx, u, e.retries(c.retries()), func(ctx context.Context) error {
			answer, err = getOnce(ctx, c, scrape.With(string(tracker.AppendScrapeQuery(nil, hashes))), tracker.ParseHTTPScrape)
			asked = len(hashes)
			if err != nil && e == effortShorten && failure(err).Status == StatusEmpty {
				hashes = hashes[:1]
			}
			return err
		})
		return answer, asked, err
	}
}

func (c *Client) scrapeUDP(u *tracker.URL) asker {
	return func(ctx context.Context, hashes [][20]byte, e effort) (answer *tracker.ScrapeResponse, asked int, err error) {
		r := tracker.UDPRequest{Action: tracker.ActionScrape, Hashes: hashes}
		resp, err := c.doUDP(ctx, u, &r, e)
		if err != nil {
			return nil, 0, err
		}
		if len(resp.Counts) > len(r.Hashes) {
			return nil, 0, &Error{Status: StatusMalformed, Msg: "the answer makes no sense: it is about more torrents than were asked for"}
		}
		answer = new(tracker.ScrapeResponse)
		for i, counts := range resp.Counts {
			answer.Files = append(answer.Files, tracker.File{InfoHash: hashes[i], Counts: counts})
		}
		return answer, len(r.Hashes), nil
	}
}

package client

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"bt/internal/tracker"
)

// How many scrapes a tracker gets at once. A WebSocket has no transactions that
// would tell answers apart.
const (
	windowUDP  = 16
	windowHTTP = DefaultConns
	windowWS   = 1
)

const (
	defaultBatch = 50

	// sample is how many torrents are asked about alone where a tracker knows
	// none at all.
	sample = 64
)

// An Answer is what a tracker says of one torrent.
type Answer struct {
	Counts  tracker.Counts
	Err     *Error        // why there are no counts; NotRegistered is one of the reasons
	Elapsed time.Duration // of the request that brought it
}

// stopped is the answer of nobody: who called has ended the run.
var stopped = &Error{Status: Stopped, Msg: "the run ended before it answered"}

// notRegistered is the answer of a tracker that knows other torrents than this.
var notRegistered = &Error{Status: NotRegistered, Msg: "the tracker does not know this torrent"}

// Scrape asks a tracker about torrents and calls report once for each, with its
// index in hashes, from this goroutine, as answers come. It returns how long the
// tracker wants to be left alone before the next scrape, 0 if it does not say.
//
// Torrents are asked about in batches. Trackers cut those that are too long for
// them without a word, each in its own way: the first so many of the request,
// the first so many that they know, the last one. So a torrent that is missing
// from an answer is not called unregistered unless the tracker is known not to
// have cut there; else it is asked about again in a smaller batch.
//
// A tracker that can't be reached is given up: once a request has failed, and
// none was answered since it began, all the others fail as it did.
func (c *Client) Scrape(ctx context.Context, u *tracker.URL, hashes [][20]byte, report func(i int, a Answer)) time.Duration {
	s := &scraping{hashes: hashes, control: -1, second: -1, window: 1}
	switch {
	case u.Scheme == "udp":
		s.ask, s.size, s.maxWindow, s.inOrder = c.scrapeUDP(u), tracker.MaxScrapeUDP, windowUDP, true
	case u.IsWebSocket():
		ask, hangUp := c.scrapeWS(u)
		defer hangUp()
		s.ask, s.size, s.maxWindow = ask, c.batch(), windowWS
	default:
		s.ask, s.size, s.maxWindow = c.scrapeHTTP(u), c.batch(), windowHTTP
	}
	first := make(map[[20]byte]int, len(hashes))
	s.pending = make([]int, 0, len(hashes))
	twice := make(map[int][]int) // those that are the same as an earlier one
	for i, h := range hashes {
		if at, ok := first[h]; ok {
			twice[at] = append(twice[at], i)
			continue
		}
		first[h] = i
		s.pending = append(s.pending, i)
	}
	s.report = func(i int, a Answer) {
		report(i, a)
		for _, same := range twice[i] {
			report(same, a)
		}
	}
	s.run(ctx)
	return s.minInterval
}

func (c *Client) batch() int {
	if c.Batch <= 0 {
		return defaultBatch
	}
	return c.Batch
}

// An asker asks about torrents and returns what the answer says of them by
// their info-hash, or, where answers are in order, of the first so many.
type asker func(ctx context.Context, hashes [][20]byte) (*tracker.ScrapeResponse, error)

func (c *Client) scrapeHTTP(u *tracker.URL) asker {
	scrape, ok := u.Scrape()
	return func(ctx context.Context, hashes [][20]byte) (*tracker.ScrapeResponse, error) {
		if !ok {
			return nil, &Error{Status: Unsupported, Msg: `it has no scrape: the last part of its path does not begin with "announce"`}
		}
		return getHTTP(ctx, c, scrape, tracker.AppendScrapeQuery(nil, hashes), tracker.ParseHTTPScrape)
	}
}

func (c *Client) scrapeUDP(u *tracker.URL) asker {
	return func(ctx context.Context, hashes [][20]byte) (*tracker.ScrapeResponse, error) {
		resp, err := c.doUDP(ctx, u, tracker.UDPRequest{Action: tracker.ActionScrape, Hashes: hashes})
		if err != nil {
			return nil, err
		}
		if len(resp.Counts) > len(hashes) {
			return nil, &Error{Status: Malformed, Msg: "the answer makes no sense: it is about more torrents than were asked for"}
		}
		r := new(tracker.ScrapeResponse)
		for i, counts := range resp.Counts {
			r.Files = append(r.Files, tracker.File{InfoHash: hashes[i], Counts: counts})
		}
		return r, nil
	}
}

// A scraping is one run of Scrape. One goroutine owns it; others only ask.
type scraping struct {
	ctx    context.Context
	ask    asker
	report func(i int, a Answer)
	hashes [][20]byte

	// inOrder tells that every torrent gets an answer unless the tracker cuts.
	inOrder bool

	window, maxWindow int // requests at once: one, until one was answered

	// Torrents, as indexes of hashes.
	pending  []int   // to be asked about, size in a request
	alone    []int   // to be asked about one by one
	halves   [][]int // of requests that were refused
	lost     [][]int // requests that timed out while others were answered
	held     []int   // wait for what the tracker says of those that are alone
	suspects []int   // missing from answers that may have been cut

	size    int
	round   int  // of asking about suspects
	probing bool // those that are alone are a sample, and speak for those held

	// What is known of how the tracker cuts.
	most    int  // torrents in one answer
	widest  int  // torrents in a request that was not refused
	reach   int  // places of a request that it looked at
	cuts    bool // it left out one that it knows
	control int  // one that it knows; -1: none yet
	second  int  // another one; -1: none yet
	paired  bool // both were asked about in one request,
	pairing bool // which has no answer yet

	answered time.Time // when the last answer came
	dead     *Error    // why the tracker is given up
	verdict  *Error    // on all that were asked about alone, while probing; nil: none yet
	mixed    bool      // there are several

	minInterval time.Duration
}

// A batch is a request and its answer.
type batch struct {
	places  []int // of hashes, in the order of the request
	control int   // the place of the control in it; -1: none
	pair    bool  // the control and the second, which have their answers
	again   bool  // it was lost before
	began   time.Time
	elapsed time.Duration
	resp    *tracker.ScrapeResponse
	err     error
}

func (s *scraping) run(ctx context.Context) {
	s.ctx = ctx
	done := make(chan *batch)
	for flying := 0; ; {
		for flying < s.window && s.dead == nil {
			b := s.next()
			if b == nil {
				break
			}
			hashes := make([][20]byte, len(b.places))
			for i, at := range b.places {
				hashes[i] = s.hashes[at]
			}
			flying++
			b.began = time.Now()
			go func() {
				if b.err = ctx.Err(); b.err == nil { // else it would still resolve and dial
					b.resp, b.err = s.ask(ctx, hashes)
				}
				b.elapsed = time.Since(b.began)
				done <- b
			}()
		}
		switch {
		case flying > 0:
			b := <-done
			flying--
			s.handle(b)
		case s.dead != nil:
			for _, left := range append(append(s.halves, s.lost...), s.alone, s.pending, s.held, s.suspects) {
				s.fail(left, s.dead, 0)
			}
			return
		case !s.nextRound():
			return
		}
	}
}

// next takes the next batch; nil: there is none in this round.
func (s *scraping) next() *batch {
	b := &batch{control: -1}
	switch n := min(s.size, len(s.pending)); {
	case s.pairing:
		return nil // the answer decides how to go on
	case s.round > 0 && s.most == 1 && s.second >= 0 && !s.paired:
		// It has told of two torrents, and never of two at once.
		s.paired, s.pairing, b.pair = true, true, true
		b.places = []int{s.control, s.second}
	case len(s.alone) > 0:
		b.places, s.alone = s.alone[:1:1], s.alone[1:]
	case len(s.lost) > 0:
		b.places, s.lost, b.again = s.lost[0], s.lost[1:], true
	case len(s.halves) > 0:
		b.places, s.halves = s.halves[0], s.halves[1:]
	case n == 0:
		return nil
	case s.round > 0 && s.control >= 0 && s.most < n && n > 2:
		// The control stands last but one: a tracker that reads the whole
		// request answers it, one that reads a part, or the last, does not.
		n--
		b.control = n - 1
		b.places = append(b.places, s.pending[:n-1]...)
		b.places = append(b.places, s.control, s.pending[n-1])
		s.pending = s.pending[n:]
	default:
		b.places, s.pending = s.pending[:n:n], s.pending[n:]
	}
	return b
}

// handle takes what a batch brought.
func (s *scraping) handle(b *batch) {
	if b.pair {
		s.pairing = false
	}
	if b.err != nil {
		s.handleError(b, failure(b.err))
		return
	}
	s.answered, s.dead, s.window = time.Now(), nil, s.maxWindow
	s.minInterval = max(s.minInterval, b.resp.MinInterval)
	s.widest = max(s.widest, len(b.places))
	counts := make(map[[20]byte]tracker.Counts, len(b.resp.Files))
	for _, f := range b.resp.Files {
		counts[f.InfoHash] = f.Counts
	}
	var missing []int // places
	looked := 0       // places that the tracker looked at, as far as the answer shows
	n := len(b.places)
	for place, at := range b.places {
		c, ok := counts[s.hashes[at]]
		if !ok {
			missing = append(missing, place)
			continue
		}
		if place < n-1 || len(missing) < n-1 {
			looked = place + 1
		}
		switch {
		case s.control < 0:
			s.control = at
		case s.second < 0 && at != s.control:
			s.second = at
		}
		switch {
		case place == b.control, b.pair:
		case c.Known():
			s.report(at, Answer{Counts: c, Elapsed: b.elapsed})
		default:
			s.fail(b.places[place:place+1], &Error{Status: Malformed, Msg: "the answer makes no sense: it has no numbers"}, b.elapsed)
		}
	}
	if s.inOrder {
		s.short(b, missing)
		return
	}
	told := n - len(missing)
	s.most = max(s.most, told)
	if b.control >= 0 && slices.Contains(missing, b.control) || b.pair && len(missing) > 0 {
		s.cuts = true
	}
	if b.pair {
		return
	}
	// A tracker that tells of less than it did before has not stopped for their
	// number, nor has one that tells of the control alone.
	full := told == s.most && !(told == 1 && b.control >= 0 && !s.cuts)
	for _, place := range missing {
		at := b.places[place]
		switch {
		case place == b.control:
		case n == 1:
			s.judge(notRegistered)
			fallthrough
		case n <= s.most, place < max(looked, s.reach) && !full:
			s.report(at, Answer{Err: notRegistered, Elapsed: b.elapsed})
		default:
			s.suspects = append(s.suspects, at)
		}
	}
	s.reach = max(s.reach, looked)
}

// short handles an answer in order, of which the end may be missing.
func (s *scraping) short(b *batch, missing []int) {
	told := len(b.places) - len(missing)
	s.most = max(s.most, told)
	switch {
	case len(missing) == 0:
	case told == 0:
		s.handleError(b, &Error{Status: Truncated, Msg: "the answer has no numbers"})
	default:
		s.size = min(s.size, s.most)
		s.pending = append(s.pending, b.places[told:]...)
	}
}

// handleError takes the failure of a batch.
func (s *scraping) handleError(b *batch, e *Error) {
	if s.ctx.Err() != nil {
		e = stopped
	}
	places := b.places
	if b.control >= 0 {
		places = slices.Delete(slices.Clone(places), b.control, b.control+1)
	}
	switch {
	case b.pair:
		s.cuts = true // as good as that
	case e.Status == Timeout && !b.again && !s.answered.Before(b.began):
		// The tracker is there, and all packets of this one were lost.
		s.lost = append(s.lost, places)
	case !isRefusal(e):
		s.fail(places, e, b.elapsed)
		if s.answered.Before(b.began) {
			s.dead = e
		}
	case len(b.places) == 1:
		s.judge(e)
		s.fail(places, e, b.elapsed)
	case s.control < 0 && !s.probing && (!isTooLong(e) || len(b.places) < 4):
		s.pending = append(places, s.pending...)
		s.probe()
	case isTooLong(e), s.widest < 2:
		// It takes no long ones, or only single ones.
		s.size = max(1, min(s.size, len(b.places)/2))
		if s.widest == 1 {
			s.size = 1
		}
		s.pending = append(places, s.pending...)
	default:
		// One of them may spoil it for all: in halves it is found soon.
		half := len(places) / 2
		s.halves = append(s.halves, places[:half:half], places[half:])
	}
}

// isRefusal tells failures of a request that may be due to what it asks for from
// failures of the tracker. One that tells when to come back has had enough of any.
func isRefusal(e *Error) bool {
	switch e.Status {
	case Failed:
		return e.RetryIn == 0 && !hasEnough(e.Msg)
	case Truncated, HTTPStatus(http.StatusBadRequest):
		return true
	}
	return isTooLong(e)
}

// isTooLong tells refusals of long requests.
func isTooLong(e *Error) bool {
	switch e.Status {
	case TooBig, HTTPStatus(http.StatusRequestEntityTooLarge),
		HTTPStatus(http.StatusRequestURITooLong), HTTPStatus(http.StatusRequestHeaderFieldsTooLarge):
		return true
	}
	return false
}

// hasEnough reports whether a tracker says that it is asked too much. There are no
// codes for that, only words.
func hasEnough(msg string) bool {
	msg = strings.ToLower(msg)
	return slices.ContainsFunc([]string{"rate limit", "too many", "slow down", "overload", "too often", "busy"},
		func(words string) bool { return strings.Contains(msg, words) })
}

func (s *scraping) fail(places []int, e *Error, elapsed time.Duration) {
	for _, at := range places {
		s.report(at, Answer{Err: e, Elapsed: elapsed})
	}
}

// nextRound decides what to ask after all answers of a round; false: nothing.
func (s *scraping) nextRound() bool {
	if s.probing {
		s.probing = false
		if e := s.verdict; s.control < 0 && e != nil {
			s.fail(s.held, e, 0)
			s.held = nil
		}
		s.pending = append(s.pending, s.held...)
		if s.held = nil; len(s.pending) > 0 {
			return true
		}
	}
	if len(s.suspects) == 0 {
		return false
	}
	s.pending, s.suspects = s.suspects, nil
	s.round++
	s.size = max(1, s.size/2)
	if s.cuts {
		s.size = max(1, min(s.size, s.most))
	}
	if s.control < 0 && s.round > 1 {
		s.probe()
	}
	return true
}

// probe asks about a sample of all that is pending, one by one, where the tracker
// has told nothing yet: nine thousand requests more would only annoy it.
func (s *scraping) probe() {
	s.probing, s.verdict, s.mixed = true, nil, false
	n := len(s.pending)
	for i, at := range s.pending {
		if i*sample/n != (i-1)*sample/n || i == 0 || n <= sample {
			s.alone = append(s.alone, at)
		} else {
			s.held = append(s.held, at)
		}
	}
	s.pending = nil
}

// judge notes what became of a torrent that was asked about alone.
func (s *scraping) judge(e *Error) {
	switch {
	case !s.probing || s.mixed:
	case s.verdict == nil:
		s.verdict = e
	case s.verdict.Status != e.Status:
		s.verdict, s.mixed = nil, true
	case s.verdict.Msg != e.Msg && s.verdict.Err != errLikeOthers:
		s.verdict = &Error{Status: e.Status, Msg: "as it does with others that were asked about first: " + e.Msg, Err: errLikeOthers}
	}
}

// errLikeOthers marks a verdict over torrents that were not asked about, by
// answers in different words.
var errLikeOthers = errors.New("by a sample")

package client

import (
	"context"
	"slices"
	"time"

	"bt/internal/tracker"
)

// A scraping is the state of one call of Scrape. Only the goroutine of the caller uses
// it; other goroutines only send requests. Torrents are indexes of hashes.
type scraping struct {
	ask     asker
	report  func(i int, a Answer)
	hashes  [][20]byte
	inOrder bool // answers are in the order of the request, and shorter only if truncated

	window window
	cuts   cutDetector
	probe  probe
	search sizeSearch

	pending  []int   // torrents to scrape
	halves   [][]int // batches: halves of requests that were refused
	lost     [][]int // batches whose requests timed out while others were answered
	suspects []int   // torrents missing from answers that may have been truncated
	size     int     // maximum length of a batch
	widest   int     // torrents in the longest request that was not refused
	tooLong  int     // torrents in the shortest request that was refused for its length; 0: none
	short    bool    // an answer in order was shorter than its request
	round    int     // 0, then the number of times that suspects became pending

	minInterval time.Duration
}

// A request scrapes a batch.
type request struct {
	batch
	again   bool // an earlier request for the batch timed out
	effort  effort
	asked   int // torrents that were asked about, from the first
	began   int // returned by window.begin
	elapsed time.Duration
	resp    *tracker.ScrapeResponse
	err     error
}

// run scrapes all pending torrents and reports each.
func (s *scraping) run(ctx context.Context) {
	done := make(chan *request)
	for {
		for s.window.isOpen() {
			r := s.next()
			if r == nil {
				break
			}
			r.began, r.effort = s.window.begin(), s.effort(r)
			go func() {
				s.send(ctx, r)
				done <- r
			}()
		}
		switch {
		case s.window.inFlight > 0:
			r := <-done
			s.window.end()
			s.handle(ctx, r)
		case s.window.dead != nil:
			left := append(append(s.halves, s.lost...), s.probe.alone, s.pending, s.probe.held, s.suspects)
			s.fail(slices.Concat(left...), s.window.dead, 0)
			return
		case !s.nextRound():
			return
		}
	}
}

// effort returns how to send a request.
func (s *scraping) effort(r *request) effort {
	switch {
	case len(r.places) == 1:
		return effortFull
	case s.search.running:
		return effortOnce
	case s.window.answers == 0:
		return effortShorten
	}
	return effortFull
}

// send sends a request and waits for its answer.
func (s *scraping) send(ctx context.Context, r *request) {
	began := time.Now()
	if r.err = ctx.Err(); r.err == nil { // else it would still resolve and dial
		hashes := make([][20]byte, len(r.places))
		for i, at := range r.places {
			hashes[i] = s.hashes[at]
		}
		r.resp, r.asked, r.err = s.ask(ctx, hashes, r.effort)
	}
	r.elapsed = time.Since(began)
}

// next returns the next request. It returns nil if there is none in this round, or if it
// depends on an answer that is not received yet.
func (s *scraping) next() *request {
	switch {
	case s.cuts.pairing, s.search.running && s.window.inFlight > 0:
		return nil
	case s.round > 0 && s.cuts.wantsPair():
		return &request{batch: s.cuts.pair()}
	case len(s.probe.alone) > 0:
		return newRequest(s.probe.next())
	case len(s.lost) > 0:
		r := newRequest(s.lost[0])
		r.again, s.lost = true, s.lost[1:]
		return r
	case len(s.halves) > 0:
		r := newRequest(s.halves[0])
		s.halves = s.halves[1:]
		return r
	case len(s.pending) == 0:
		return nil
	}
	n := min(s.size, len(s.pending))
	if s.search.running {
		n = min(s.search.size(), len(s.pending))
	}
	if s.round > 0 && s.cuts.wantsControl(n) {
		return &request{batch: s.cuts.withControl(s.take(n - 1))}
	}
	return newRequest(s.take(n))
}

// newRequest returns a request for the torrents, without the control.
func newRequest(torrents []int) *request {
	return &request{batch: batch{places: torrents, control: -1}}
}

// take removes the first n pending torrents and returns them.
func (s *scraping) take(n int) []int {
	torrents := s.pending[:n:n]
	s.pending = s.pending[n:]
	return torrents
}

// handle handles the outcome of a request.
func (s *scraping) handle(ctx context.Context, r *request) {
	if r.err != nil {
		s.handleError(ctx, r, failure(r.err))
		return
	}
	s.window.answered()
	switch n := len(r.places); {
	case r.asked < n:
		s.pending = append(r.places[r.asked:n:n], s.pending...)
		r.places = r.places[:r.asked]
		s.search.start(n)
	case s.search.running:
		s.search.answered(n)
		s.endSearch()
	case s.tooLong > n && !s.search.proven:
		s.search.between(n, s.tooLong)
		s.endSearch()
	}
	s.minInterval = max(s.minInterval, r.resp.MinInterval)
	s.widest = max(s.widest, len(r.places))
	has := s.reportCounts(r)
	s.cuts.note(&r.batch, has)
	if s.inOrder {
		s.handleShort(ctx, r, has)
		return
	}
	unregistered, suspects := s.cuts.split(&r.batch, has)
	s.fail(unregistered, notRegistered, r.elapsed)
	if len(r.places) == 1 && !has[0] {
		s.probe.judge(notRegistered)
	}
	s.suspects = append(s.suspects, suspects...)
}

// endSearch applies the limit that a search has found, if it has ended.
func (s *scraping) endSearch() {
	if limit := s.limit(); limit > 0 && !s.search.running {
		s.size = limit
	}
}

// limit returns how many torrents the tracker answers for in one request, or 0 if no
// limit was found.
func (s *scraping) limit() int {
	limit := s.search.limit()
	if most := s.cuts.most; (s.short || s.cuts.proven) && (limit == 0 || most < limit) {
		limit = most
	}
	return limit
}

// reportCounts reports the torrents in the answer. It returns for each place of the batch
// whether its torrent is in the answer.
func (s *scraping) reportCounts(r *request) (has []bool) {
	counts := make(map[[20]byte]tracker.Counts, len(r.resp.Files))
	for _, f := range r.resp.Files {
		counts[f.InfoHash] = f.Counts
	}
	has = make([]bool, len(r.places))
	for place, at := range r.places {
		c, ok := counts[s.hashes[at]]
		has[place] = ok
		switch {
		case !ok, r.isAnswered(place):
		case c.Known():
			s.report(at, Answer{Counts: c, Elapsed: r.elapsed})
		default:
			s.report(at, Answer{Err: noNumbers, Elapsed: r.elapsed})
		}
	}
	return has
}

// handleShort handles an answer that is in order and may be truncated: torrents missing
// from its end become pending again.
func (s *scraping) handleShort(ctx context.Context, r *request, has []bool) {
	switch n := slices.Index(has, false); n {
	case -1:
	case 0:
		s.handleError(ctx, r, &Error{Status: StatusTruncated, Msg: "the answer has no numbers"})
	default:
		s.short = true
		s.size = min(s.size, s.cuts.most)
		s.pending = append(s.pending, r.places[n:]...)
	}
}

// handleError handles the failure of a request.
func (s *scraping) handleError(ctx context.Context, r *request, e *Error) {
	if ctx.Err() != nil {
		e = stopped
	}
	switch {
	case r.pair:
		s.cuts.pairFailed()
	case r.effort == effortOnce && (isSilence(e) || isRefusal(e)):
		s.search.failed(len(r.places))
		s.endSearch()
		s.pending = append(r.torrents(), s.pending...)
	case e.Status == StatusTimeout && !r.again && s.window.answeredSince(r.began):
		// The tracker works; all packets of this request were lost.
		s.lost = append(s.lost, r.torrents())
	case isRefusal(e):
		s.handleRefusal(r, e)
	default:
		s.fail(r.torrents(), e, r.elapsed)
		s.window.unreachable(r.began, e)
	}
}

// handleRefusal handles a request that was refused: its torrents are scraped again in
// shorter requests, or one by one, or fail if there was only one.
func (s *scraping) handleRefusal(r *request, e *Error) {
	torrents, n := r.torrents(), len(r.places)
	switch {
	case n == 1:
		s.probe.judge(e)
		s.fail(torrents, e, r.elapsed)
	case !s.cuts.hasControl() && !s.probe.running && (!isTooLong(e) || n < 4):
		s.pending = append(torrents, s.pending...)
		s.startProbe()
	case isTooLong(e):
		s.tooLong = n
		s.size = max(1, min(s.size, n/2))
		s.pending = append(torrents, s.pending...)
	case s.widest < 2:
		// The tracker refuses requests for so many torrents, or for several.
		s.search.between(1, n)
		s.endSearch()
		s.pending = append(torrents, s.pending...)
	default:
		// One of the torrents may be the reason. Halving the batch isolates it.
		half := len(torrents) / 2
		s.halves = append(s.halves, torrents[:half:half], torrents[half:])
	}
}

// fail reports the same error for each torrent.
func (s *scraping) fail(torrents []int, e *Error, elapsed time.Duration) {
	for _, at := range torrents {
		s.report(at, Answer{Err: e, Elapsed: elapsed})
	}
}

// nextRound prepares the next round after all answers of a round. It returns false if
// nothing is left to scrape.
func (s *scraping) nextRound() bool {
	if s.probe.running {
		held, verdict := s.probe.end()
		if verdict != nil && !s.cuts.hasControl() {
			s.fail(held, verdict, 0)
			held = nil
		}
		if s.pending = append(s.pending, held...); len(s.pending) > 0 {
			return true
		}
	}
	if len(s.suspects) == 0 {
		return false
	}
	s.pending, s.suspects = s.suspects, nil
	s.round++
	s.size = s.cuts.limit(s.size / 2)
	if !s.cuts.hasControl() && s.round > 1 {
		s.startProbe()
	}
	return true
}

// startProbe probes all pending torrents.
func (s *scraping) startProbe() {
	s.probe.start(s.pending)
	s.pending = nil
}

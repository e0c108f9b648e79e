package client

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"bt/internal/tracker"
)

// A search finds each limit exactly, with few requests that are not answered.
func TestSizeSearch(t *testing.T) {
	for first := 2; first <= tracker.MaxScrapeUDP; first++ {
		for limit := 1; limit <= first; limit++ {
			var s sizeSearch
			s.start(first)
			failed := 0
			for steps := 0; s.running; steps++ {
				n := s.size()
				if n < 2 || n > first || steps > 20 {
					t.Fatalf("first %d, limit %d: request %d is for %d torrents", first, limit, steps, n)
				}
				if n <= limit {
					s.answered(n)
				} else {
					s.failed(n)
					failed++
				}
			}
			want := limit
			if limit == first {
				want = 0 // a packet was lost
			}
			if got := s.limit(); got != want || failed > 7 {
				t.Errorf("first %d: limit %d, want %d; %d requests failed", first, got, want, failed)
			}
		}
	}
}

// udpDrops answers scrapes of at most n torrents.
func udpDrops(fake *udpFake, n int) udpHandler {
	return func(r *tracker.UDPRequest, p udpPeer) {
		if r.Action != tracker.ActionScrape || len(r.Hashes) <= n {
			fake.handle(r, p)
		}
	}
}

// A UDP tracker that drops long scrapes is asked in shorter ones, and at once in shorter
// ones the next time.
func TestScrapeDropped(t *testing.T) {
	for _, test := range []struct {
		limit, torrents int
		retries         int
		timeout         time.Duration
		took            float64 // seconds
	}{
		{20, 1000, 0, 0, 12},
		{20, 1000, -1, 0, 12},
		{20, 1000, 0, 5 * time.Second, 12},
		{20, 30, 0, 0, 4}, // then there are fewer left than it answers
		{20, 21, 0, 0, 2},
		{20, 20, 0, 0, 0},
		{69, 1000, 0, 0, 4},
		{10, 1000, 0, 0, 10},
		{2, 200, 0, 0, 8},
		{1, 100, 0, 0, 6},
	} {
		t.Run(fmt.Sprintf("%d of %d, %d retries", test.limit, test.torrents, test.retries), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				net, c := newUDPNet(t, &Client{Timeout: test.timeout, Retries: test.retries})
				defer c.Close()
				net.trackers[udpAddr4] = udpDrops(&udpFake{t: t}, test.limit)
				hashes := udpHashes(test.torrents)
				udpAllRight(t, hashes, udpScrape(t, c, udpHost4(), hashes))
				if took := time.Since(net.start).Seconds(); took != test.took {
					t.Errorf("took %v s, want %v", took, test.took)
				}
				var trace Trace
				before := len(net.packets(tracker.ActionConnect))
				again := time.Now()
				c.Scrape(WithTrace(t.Context(), &trace), udpHost4(), hashes, func(int, Answer) {})
				if got, want := len(net.packets(tracker.ActionConnect))-before, (test.torrents-1)/test.limit+1; test.torrents > 30 && (got != want || time.Since(again) > 0) {
					t.Errorf("%d scrapes the second time, in %v; want %d", got, time.Since(again), want)
				}
				if test.torrents > 30 && trace.Limit() != test.limit {
					t.Errorf("limit %d, want %d", trace.Limit(), test.limit)
				}
				if trace.Addr().Addr() != udpAddr4 {
					t.Errorf("address %v", trace.Addr())
				}
			})
		})
	}
}

// A tracker that answers no scrape fails as early as one that answers nothing.
func TestScrapeNoneAnswered(t *testing.T) {
	for retries, want := range map[int]float64{-1: 6, 0: 14, 1: 6} {
		synctest.Test(t, func(t *testing.T) {
			net, c := newUDPNet(t, &Client{Retries: retries})
			defer c.Close()
			net.trackers[udpAddr4] = udpOnlyConnects
			answers := udpScrape(t, c, udpHost4(), udpHashes(10_000))
			if took := time.Since(net.start).Seconds(); udpStatuses(answers)[StatusTimeout] != 10_000 || took != want {
				t.Errorf("%d retries: %v after %v s, want %v", retries, udpStatuses(answers), took, want)
			}
		})
	}
}

// If only the packets of the first scrape were lost, the tracker has no limit.
func TestScrapeLostFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net, c := newUDPNet(t, &Client{})
		defer c.Close()
		fake, lost := &udpFake{t: t}, false
		net.trackers[udpAddr4] = func(r *tracker.UDPRequest, p udpPeer) {
			if r.Action == tracker.ActionScrape && !lost {
				lost = true
				return
			}
			fake.handle(r, p)
		}
		hashes, trace := udpHashes(701), new(Trace)
		n := 0
		c.Scrape(WithTrace(t.Context(), trace), udpHost4(), hashes, func(_ int, a Answer) {
			if a.Err == nil {
				n++
			}
		})
		scrapes := len(net.packets(tracker.ActionConnect))
		if n != 701 || trace.Limit() != 0 || scrapes != 12 { // one lost, one for one torrent, ten for the others
			t.Errorf("%d answers, limit %d, %d scrapes", n, trace.Limit(), scrapes)
		}
	})
}

// A closingTracker closes the connection of a scrape of more than limit torrents, or
// refuses it.
type closingTracker struct {
	limit    int
	reason   string // "": it closes the connection
	requests atomic.Int64
}

func (c *closingTracker) RoundTrip(r *http.Request) (*http.Response, error) {
	c.requests.Add(1)
	hashes, err := tracker.ParseScrapeQuery(r.URL.RawQuery)
	if err != nil {
		return nil, err
	}
	body := (&tracker.Failure{Reason: c.reason}).AppendHTTP(nil)
	switch {
	case len(hashes) <= c.limit:
		answer := new(tracker.ScrapeResponse)
		for _, h := range hashes {
			answer.Files = append(answer.Files, tracker.File{InfoHash: h, Counts: udpCounts(h)})
		}
		body = answer.AppendHTTP(nil)
	case c.reason == "":
		return nil, io.EOF
	}
	return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader(string(body))), Request: r}, nil
}

// An HTTP tracker that closes the connection of long scrapes, or gives a reason, is asked
// in shorter ones.
func TestScrapeClosed(t *testing.T) {
	for _, reason := range []string{"", "more than my limit"} {
		for limit, most := range map[int]int{20: 140, 49: 115, 3: 420, 1: 1080} {
			synctest.Test(t, func(t *testing.T) {
				s := &closingTracker{limit: limit, reason: reason}
				c := new(Client)
				c.http().RegisterProtocol("http", s)
				u := &tracker.URL{Scheme: "http", Host: "x", Port: 80, Rest: "/announce"}
				hashes := udpHashes(1000)
				var trace Trace
				answers := make([]Answer, len(hashes))
				c.Scrape(WithTrace(t.Context(), &trace), u, hashes, func(i int, a Answer) { answers[i] = a })
				udpAllRight(t, hashes, answers)
				if s.requests.Load() > int64(most) || trace.Limit() != limit {
					t.Errorf("%q: %d requests, want at most %d; limit %d, want %d", reason, s.requests.Load(), most, trace.Limit(), limit)
				}
				c.Close()
			})
		}
	}
}

// The two Clients of a Client ask over one address family each.
func TestFamilies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net, c := newUDPNet(t, &Client{lookup: udpLookup46})
		defer c.Close()
		net.trackers[udpAddr6] = (&udpFake{t: t}).handle
		families, err := c.Families(t.Context(), udpHost46())
		if err != nil || fmt.Sprint(families) != "[4 6]" {
			t.Fatalf("%q, %v", families, err)
		}
		for family, want := range map[string]Status{"4": StatusRefused, "6": StatusOK} {
			f := c.Family(family)
			if f != c.Family(family) || f == c {
				t.Errorf("another Client for IPv%s", family)
			}
			if got := udpStatuses(udpScrape(t, f, udpHost46(), udpHashes(2))); got[want] != 2 {
				t.Errorf("IPv%s: %v, want %s", family, got, want)
			}
		}
		only := &Client{Network: "6", lookup: udpLookup46}
		if families, err := only.Families(t.Context(), udpHost46()); err != nil || fmt.Sprint(families) != "[6]" || only.Family("6") != only {
			t.Errorf("%q, %v", families, err)
		}
		_, err = only.Families(t.Context(), udpHost4())
		if e, ok := errors.AsType[*Error](err); !ok || e.Status != StatusNoRoute {
			t.Errorf("%v", err)
		}
	})
}

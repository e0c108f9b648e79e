package client

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"testing"

	"bt/internal/tracker"
)

// A scrapeTracker is an HTTP tracker without a network. It has limits that it does not
// announce.
type scrapeTracker struct {
	known map[[20]byte]bool

	// cut returns the torrents of a request that the tracker reads, and the maximum
	// number of torrents in its answer.
	cut scrapeCut

	// refuse, if not nil, returns a failure reason, or an HTTP status code.
	refuse func(asked [][20]byte) (reason string, code int)

	mu       sync.Mutex
	rng      *rand.Rand
	requests int
	longest  int // in torrents
}

func (s *scrapeTracker) RoundTrip(r *http.Request) (*http.Response, error) {
	asked, err := tracker.ParseScrapeQuery(r.URL.RawQuery)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests++
	s.longest = max(s.longest, len(asked))
	answer := func(code int, body []byte) (*http.Response, error) {
		return &http.Response{StatusCode: code, Body: io.NopCloser(bytes.NewReader(body)), Request: r, ContentLength: int64(len(body))}, nil
	}
	if s.refuse != nil {
		if reason, code := s.refuse(asked); code != 0 {
			return answer(code, nil)
		} else if reason != "" {
			return answer(http.StatusOK, (&tracker.Failure{Reason: reason}).AppendHTTP(nil))
		}
	}
	most := len(asked)
	if s.cut != nil {
		asked, most = s.cut(s.rng, asked)
	}
	var resp tracker.ScrapeResponse
	for _, h := range asked {
		if s.known[h] && len(resp.Files) < most {
			resp.Files = append(resp.Files, tracker.File{InfoHash: h, Counts: scrapeCounts(h)})
		}
	}
	return answer(http.StatusOK, resp.AppendHTTP(nil))
}

func scrapeCounts(h [20]byte) tracker.Counts {
	n := int64(binary.BigEndian.Uint32(h[:]))
	return tracker.Counts{Seeders: n, Leechers: n + 1, Completed: n + 2}
}

// scrapeHash is the info-hash of the nth torrent.
func scrapeHash(n int) (h [20]byte) {
	binary.BigEndian.PutUint32(h[:], uint32(n))
	rng := rand.New(rand.NewPCG(1, uint64(n)))
	for i := 4; i < 20; i++ {
		h[i] = byte(rng.Uint32())
	}
	return h
}

// run scrapes n torrents, of which those with the indexes known are registered. It
// returns the answers, and fails the test unless each torrent has exactly one.
func (s *scrapeTracker) run(t testing.TB, n int, known []int, seed uint64) []Answer {
	t.Helper()
	s.rng = rand.New(rand.NewPCG(2, seed))
	s.known = make(map[[20]byte]bool)
	for _, i := range known {
		s.known[scrapeHash(i)] = true
	}
	hashes := make([][20]byte, n)
	for i := range hashes {
		hashes[i] = scrapeHash(i)
	}
	c := &Client{Retries: -1}
	c.http().RegisterProtocol("http", s)
	answers := make([]Answer, n)
	reports := make([]int, n)
	c.Scrape(t.Context(), &tracker.URL{Scheme: "http", Host: "x", Port: 80, Rest: "/announce"}, hashes, func(i int, a Answer) {
		reports[i]++
		answers[i] = a
	})
	for i, n := range reports {
		if n != 1 {
			t.Fatalf("torrent %d was reported %d times", i, n)
		}
	}
	return answers
}

// wrong returns the torrents whose answers are wrong.
func (s *scrapeTracker) wrong(answers []Answer) (wrong []int) {
	for i, a := range answers {
		h := scrapeHash(i)
		right := a.Err == nil && a.Counts == scrapeCounts(h)
		if !s.known[h] {
			right = a.Err != nil && a.Err.Status == StatusNotRegistered
		}
		if !right {
			wrong = append(wrong, i)
		}
	}
	return wrong
}

// Ways to truncate answers.

type scrapeCut func(*rand.Rand, [][20]byte) ([][20]byte, int)

// scrapeFirst reads only the first n torrents of a request.
func scrapeFirst(n int) scrapeCut {
	return func(_ *rand.Rand, asked [][20]byte) ([][20]byte, int) { return asked[:min(n, len(asked))], n }
}

// scrapeFirstKnown answers for the first n that are registered.
func scrapeFirstKnown(n int) scrapeCut {
	return func(_ *rand.Rand, asked [][20]byte) ([][20]byte, int) { return asked, n }
}

// scrapeSomeKnown answers for n of those that are registered, chosen at random.
func scrapeSomeKnown(n int) scrapeCut {
	return func(rng *rand.Rand, asked [][20]byte) ([][20]byte, int) {
		asked = slices.Clone(asked)
		rng.Shuffle(len(asked), func(i, j int) { asked[i], asked[j] = asked[j], asked[i] })
		return asked, n
	}
}

// scrapeLast reads only the last torrent, as PHP does with repeated parameters.
func scrapeLast(_ *rand.Rand, asked [][20]byte) ([][20]byte, int) { return asked[len(asked)-1:], 1 }

// scrapeKnown lists numbers of registered torrents, out of 1,000.
var scrapeKnown = [5]int{0, 1, 10, 500, 1000}

// However a tracker truncates its answers, every torrent gets the right answer, and most
// torrents are not scraped one by one if there is another way.
//
// There is one exception. If the answers of the first two rounds (batches of 50, then of
// 25) are all empty, a sample of 64 torrents is scraped one by one, and decides for the
// rest. If the tracker reads only a part of a request, and few torrents are registered,
// the sample may have none of them. Then all are reported as not registered.
func TestScrapeCuts(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		cut    scrapeCut
		unseen bool   // the sample may have no registered torrent
		most   [5]int // maximum number of requests
	}{
		{"all", nil, false, [5]int{124, 85, 80, 35, 20}},
		{"last", scrapeLast, true, [5]int{124, 1200, 1200, 1100, 1050}},
		{"first 1", scrapeFirst(1), true, [5]int{124, 1200, 1200, 1100, 1050}},
		{"first 10", scrapeFirst(10), true, [5]int{124, 1200, 1100, 130, 110}},
		{"first 49", scrapeFirst(49), false, [5]int{124, 200, 80, 35, 25}},
		{"first known 1", scrapeFirstKnown(1), false, [5]int{124, 85, 1100, 1100, 1050}},
		{"first known 10", scrapeFirstKnown(10), false, [5]int{124, 85, 85, 100, 110}},
		{"first known 49", scrapeFirstKnown(49), false, [5]int{124, 85, 80, 35, 25}},
		{"some known 1", scrapeSomeKnown(1), false, [5]int{124, 85, 1100, 1100, 1050}},
		{"some known 10", scrapeSomeKnown(10), false, [5]int{124, 85, 85, 100, 115}},
		{"some known 49", scrapeSomeKnown(49), false, [5]int{124, 85, 80, 35, 25}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var requests [5]int
			for i, known := range scrapeKnown {
				s := &scrapeTracker{cut: test.cut}
				answers := s.run(t, 1000, scrapePick(1000, known), 1)
				wrong := s.wrong(answers)
				switch heard := scrapeStatuses(answers)[StatusOK] > 0; {
				case len(wrong) == 0:
				case test.unseen && known <= 10 && !heard:
					t.Logf("%d of 1000: not one was ever heard of", known)
				default:
					t.Errorf("%d of 1000: wrong are %v", known, wrong)
				}
				if requests[i] = s.requests; s.requests > test.most[i] {
					t.Errorf("%d of 1000: %d requests, want at most %d", known, s.requests, test.most[i])
				}
			}
			t.Logf("requests for %v known of 1000: %v", scrapeKnown, requests)
		})
	}
}

// scrapePick chooses k of n torrents.
func scrapePick(n, k int) []int { return rand.New(rand.NewPCG(3, 7)).Perm(n)[:k] }

// scrapeStatuses counts the answers by status.
func scrapeStatuses(answers []Answer) map[Status]int {
	n := make(map[Status]int)
	for _, a := range answers {
		if a.Err == nil {
			n[StatusOK]++
		} else {
			n[a.Err.Status]++
		}
	}
	return n
}

// scrapeRefuse refuses requests with more than n torrents.
func scrapeRefuse(n int, reason string, code int) func([][20]byte) (string, int) {
	return func(asked [][20]byte) (string, int) {
		if len(asked) > n {
			return reason, code
		}
		return "", 0
	}
}

// scrapePoison refuses requests with the torrent at.
func scrapePoison(at int, reason string, code int) func([][20]byte) (string, int) {
	return func(asked [][20]byte) (string, int) {
		if slices.Contains(asked, scrapeHash(at)) {
			return reason, code
		}
		return "", 0
	}
}

// If a tracker refuses some requests, the torrents are scraped in other batches. If it
// refuses all, no more requests are sent.
//
// If it refuses the first request, a sample of 64 torrents is scraped one by one. If none
// of them is registered, the rest is reported as not registered, although the tracker
// might answer smaller batches.
func TestScrapeRefusals(t *testing.T) {
	t.Parallel()
	words := 0
	for _, test := range []struct {
		name     string
		refuse   func([][20]byte) (string, int)
		poisoned int    // the torrent that always fails; -1: none, -2: all
		unseen   bool   // the sample may have no registered torrent
		status   Status // of the torrents that always fail
		most     [5]int // maximum number of requests
	}{
		{"more than one", scrapeRefuse(1, "one at a time", 0), -1, true, "", [5]int{65, 65, 65, 1050, 1050}},
		{"414 above one", scrapeRefuse(1, "", 414), -1, true, "", [5]int{75, 75, 75, 1025, 1025}},
		{"414 above 20", scrapeRefuse(20, "", 414), -1, true, "", [5]int{330, 450, 200, 105, 95}},
		{"431 above 49", scrapeRefuse(49, "", 431), -1, true, "", [5]int{200, 170, 100, 60, 50}},
		{"poisoned first", scrapePoison(0, "\x1b[31mno", 0), 0, false, StatusFailed, [5]int{200, 130, 125, 105, 90}},
		{"poisoned", scrapePoison(777, "no", 0), 777, false, StatusFailed, [5]int{200, 160, 125, 95, 80}},
		{"poisoned, 400", scrapePoison(777, "", 400), 777, false, "http-400", [5]int{200, 160, 125, 95, 80}},
		{"all", scrapeRefuse(0, "go away", 0), -2, false, StatusFailed, [5]int{65, 65, 65, 65, 65}},
		{"all, 403", scrapeRefuse(0, "", 403), -2, false, "http-403", [5]int{1, 1, 1, 1, 1}},
		{"all, 500", scrapeRefuse(0, "", 500), -2, false, "http-500", [5]int{1, 1, 1, 1, 1}},
		{"all, 414", scrapeRefuse(0, "", 414), -2, false, "http-414", [5]int{75, 75, 75, 75, 75}},
		{"all, in other words each time", func([][20]byte) (string, int) {
			words++
			return fmt.Sprint("no ", words), 0
		}, -2, false, StatusFailed, [5]int{65, 65, 65, 65, 65}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var requests [5]int
			for i, known := range scrapeKnown {
				s := &scrapeTracker{refuse: test.refuse}
				answers := s.run(t, 1000, scrapePick(1000, known), 1)
				wrong := s.wrong(answers)
				statuses := scrapeStatuses(answers)
				switch {
				case test.poisoned == -2:
					if statuses[test.status] != 1000 {
						t.Errorf("%d of 1000: %v", known, statuses)
					}
				case len(wrong) == 0:
				case slices.Equal(wrong, []int{test.poisoned}) && answers[test.poisoned].Err.Status == test.status:
				case test.unseen && known <= 10 && statuses[StatusOK] == 0:
					t.Logf("%d of 1000: not one was ever heard of", known)
				default:
					t.Errorf("%d of 1000: wrong are %v", known, wrong)
				}
				if requests[i] = s.requests; s.requests > test.most[i] {
					t.Errorf("%d of 1000: %d requests, want at most %d", known, s.requests, test.most[i])
				}
			}
			t.Logf("requests for %v known of 1000: %v", scrapeKnown, requests)
		})
	}
}

// The number of requests for 10,000 torrents is small.
func TestScrapeMany(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		tracker *scrapeTracker
		known   int
		most    int // maximum number of requests
	}{
		{"all, none registered", &scrapeTracker{}, 0, 664},
		{"all, one in a thousand", &scrapeTracker{}, 10, 500},
		{"all, half", &scrapeTracker{}, 5000, 260},
		{"all, all registered", &scrapeTracker{}, 10_000, 200},
		{"last, none registered", &scrapeTracker{cut: scrapeLast}, 0, 664},
		{"first known 10, half", &scrapeTracker{cut: scrapeFirstKnown(10)}, 5000, 850},
		{"first 10, all registered", &scrapeTracker{cut: scrapeFirst(10)}, 10_000, 1010},
		{"more than one refused, none registered", &scrapeTracker{refuse: scrapeRefuse(1, "no", 0)}, 0, 65},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := test.tracker
			if wrong := s.wrong(s.run(t, 10_000, scrapePick(10_000, test.known), 1)); len(wrong) > 0 {
				t.Errorf("wrong are %v", wrong)
			}
			if t.Logf("%d requests", s.requests); s.requests > test.most {
				t.Errorf("%d requests, want at most %d", s.requests, test.most)
			}
		})
	}
}

// The list of torrents may have duplicates, or be empty.
func TestScrapeTwice(t *testing.T) {
	t.Parallel()
	for _, cut := range []scrapeCut{nil, scrapeFirst(10), scrapeFirstKnown(10), scrapeLast, scrapeFirst(2), scrapeFirstKnown(1)} {
		s := &scrapeTracker{cut: cut, known: map[[20]byte]bool{scrapeHash(1): true, scrapeHash(2): true}, rng: rand.New(rand.NewPCG(1, 1))}
		c := &Client{Batch: 7}
		c.http().RegisterProtocol("http", s)
		u := &tracker.URL{Scheme: "http", Host: "x", Port: 80, Rest: "/announce"}
		var hashes [][20]byte
		for i := range 300 {
			hashes = append(hashes, scrapeHash(i%3))
		}
		reports := make(map[int]Answer)
		c.Scrape(t.Context(), u, hashes, func(i int, a Answer) {
			if _, twice := reports[i]; twice {
				t.Fatalf("%d is reported twice", i)
			}
			reports[i] = a
		})
		for i := range hashes {
			a, ok := reports[i]
			if !ok || (a.Err == nil) != (i%3 > 0) || a.Err != nil && a.Err.Status != StatusNotRegistered {
				t.Fatalf("%d: %+v, %v", i, a, ok)
			}
		}
		if s.longest > 7 {
			t.Errorf("a batch of %d", s.longest)
		}
		s.requests = 0
		c.Scrape(t.Context(), u, nil, func(int, Answer) { t.Error("something was reported") })
		if s.requests > 0 {
			t.Errorf("%d requests for nothing", s.requests)
		}
	}
}

// After a failure that reports too many requests, no more requests are sent.
func TestScrapeRateLimit(t *testing.T) {
	t.Parallel()
	for _, reason := range []string{"Rate limit exceeded", "Too many requests", "slow down, please", "tracker overloaded"} {
		asked := 0
		s := &scrapeTracker{refuse: func([][20]byte) (string, int) {
			if asked++; asked > 3 {
				return reason, 0
			}
			return "", 0
		}}
		answers := s.run(t, 10_000, scrapePick(10_000, 10_000), 1)
		if statuses := scrapeStatuses(answers); statuses[StatusOK] != 150 || statuses[StatusFailed] != 9850 {
			t.Errorf("%s: %v", reason, statuses)
		}
		if s.requests > 3+4*DefaultConns { // those in progress, and their retries
			t.Errorf("%s: %d requests", reason, s.requests)
		}
	}
}

// After the context has ended, nothing is dialed: there may be thousands of trackers
// left.
func TestScrapeAfterTheEnd(t *testing.T) {
	dialled := 0
	c := &Client{
		lookup:  func(context.Context, string, string) ([]netip.Addr, error) { dialled++; return nil, net.ErrClosed },
		dialUDP: func(context.Context, netip.AddrPort) (net.Conn, error) { dialled++; return nil, net.ErrClosed },
	}
	defer c.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 50 {
		for _, raw := range []string{"udp://127.0.0.1:1", "udp://t.example:1", "http://t.example/announce", "ws://t.example/announce"} {
			u, err := tracker.ParseURL(raw)
			if err != nil {
				t.Fatal(err)
			}
			c.Scrape(ctx, u, [][20]byte{{1}}, func(_ int, a Answer) {
				if a.Err == nil || a.Err.Status != StatusStopped {
					t.Errorf("%s: %v", raw, a.Err)
				}
			})
		}
	}
	if dialled > 0 {
		t.Errorf("%d times", dialled)
	}
}

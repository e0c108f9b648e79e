package scrape_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"bt/internal/testenv"
	"bt/internal/tracker"
	"bt/scrape"
)

func checkOne(t *testing.T, url string, o scrape.CheckOptions) scrape.Tracker {
	t.Helper()
	list := scrape.Check(t.Context(), []string{url}, o)
	if len(list) != 1 || list[0].URL != url {
		t.Fatalf("%+v", list)
	}
	return list[0]
}

// Of a tracker that serves only the torrents on its list, a check finds that. It announces
// only with AnnounceFallback.
func TestCheckOpentracker(t *testing.T) {
	t.Parallel()
	addr := testenv.Opentracker(t, hashes(3)).String()
	for url, want := range map[string]scrape.Status{
		"http://" + addr + "/announce": scrape.StatusNotRegistered, // it leaves the info-hash out
		"udp://" + addr:                scrape.StatusOK,            // zeros
	} {
		for fallback, unlisted := range map[bool]scrape.Answered{false: scrape.AnsweredNot, true: scrape.AnsweredNo} {
			got := checkOne(t, url, scrape.CheckOptions{AnnounceFallback: fallback})
			if got.Status != want || !got.Works() || got.Scrapes != scrape.AnsweredYes || got.Limit != 0 || got.Unlisted != unlisted ||
				len(got.Families) != 1 || got.Families[0].Network != "4" || got.Families[0].Addr.String() != addr || got.Families[0].Elapsed == 0 {
				t.Errorf("%s, fallback %t: %+v", url, fallback, got)
			}
		}
	}
}

// npm's tracker accepts any torrent, over each protocol and address family. The peer of
// the check is gone afterwards.
func TestCheckNodeTracker(t *testing.T) {
	t.Parallel()
	urls := testenv.NodeTracker(t)
	for url, network := range map[string]string{urls.HTTP: "4", urls.UDP: "4", urls.WS: "4", urls.HTTP6: "6", urls.UDP6: "6", urls.WS6: "6"} {
		got := checkOne(t, url, scrape.CheckOptions{AnnounceFallback: true})
		if got.Status != scrape.StatusOK || got.Scrapes != scrape.AnsweredYes || got.Limit != 0 || got.Unlisted != scrape.AnsweredYes ||
			got.Interval == 0 || len(got.Families) != 1 || got.Families[0].Network != network {
			t.Errorf("%s: %+v", url, got)
		}
	}
}

// A tracker that has no scrape works if it answers anything else as trackers do.
func TestCheckWithoutScrape(t *testing.T) {
	for name, tt := range map[string]struct {
		body      string
		fallback  bool
		announced string // body of the answer to a whole announce; "": body
		status    scrape.Status
		unlisted  scrape.Answered
	}{
		"a reason":          {"d14:failure reason15:no peer id heree", false, "", scrape.StatusOK, scrape.AnsweredNot},
		"peers":             {"d8:intervali60e5:peers0:e", false, "", scrape.StatusOK, scrape.AnsweredNot},
		"a page":            {"<html>", false, "", scrape.StatusHTML, scrape.AnsweredNot},
		"nothing":           {"i1e", false, "", scrape.StatusMalformed, scrape.AnsweredNot},
		"a page, announced": {"<html>", true, "d8:intervali60e5:peers0:e", scrape.StatusOK, scrape.AnsweredYes},
		"refuses unlisted":  {"<html>", true, "d14:failure reason2:noe", scrape.StatusOK, scrape.AnsweredNo},
		"open":              {"d14:failure reason2:noe", true, "d8:intervali-5e12:min intervali99999999999e5:peers0:e", scrape.StatusOK, scrape.AnsweredYes},
		"only pages":        {"<html>", true, "<html>", scrape.StatusHTML, scrape.AnsweredNot},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			var events []tracker.Event
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/announce" {
					http.NotFound(w, r)
					return
				}
				body := tt.body
				if a, err := tracker.ParseAnnounceQuery(r.URL.RawQuery); err == nil {
					mu.Lock()
					events = append(events, a.Event)
					mu.Unlock()
					if body = tt.announced; body == "" {
						t.Errorf("an announce: %s", r.URL.RawQuery)
					}
				}
				_, _ = w.Write([]byte(body))
			}))
			defer s.Close()
			got := checkOne(t, s.URL+"/announce", scrape.CheckOptions{AnnounceFallback: tt.fallback})
			wantScrapes := scrape.AnsweredNo
			if tt.status != scrape.StatusOK {
				wantScrapes = scrape.AnsweredNot
			}
			if got.Status != tt.status || got.Scrapes != wantScrapes || got.Unlisted != tt.unlisted || got.Interval < 0 || got.MinInterval > 400*24*time.Hour {
				t.Errorf("%+v, %v", got, got.Err)
			}
			var want []tracker.Event
			switch {
			case tt.unlisted == scrape.AnsweredYes, name == "only pages": // of a page, it is unknown whether the peer is listed
				want = []tracker.Event{tracker.EventStarted, tracker.EventStopped}
			case tt.fallback:
				want = []tracker.Event{tracker.EventStarted}
			}
			mu.Lock()
			defer mu.Unlock()
			if !slices.Equal(events, want) {
				t.Errorf("events %v, want %v", events, want)
			}
		})
	}
}

// A UDP tracker that answers connect and drops scrapes works; one that drops all does not.
func TestCheckUDPWithoutScrape(t *testing.T) {
	t.Parallel()
	for connects, want := range map[bool]scrape.Status{true: scrape.StatusOK, false: scrape.StatusTimeout} {
		url := serveUDP(t, func(r *tracker.UDPRequest) *tracker.UDPResponse {
			if connects && r.Action == tracker.ActionConnect {
				return &tracker.UDPResponse{Transaction: r.Transaction, Connection: 7}
			}
			return nil
		})
		c := &scrape.Client{Retries: -1}
		got := checkOne(t, url, scrape.CheckOptions{Client: c})
		c.Close()
		if got.Status != want || (got.Scrapes == scrape.AnsweredNo) != connects {
			t.Errorf("connects %t: %+v", connects, got)
		}
	}
}

// serveUDP runs a UDP tracker until the test ends, and returns its URL.
func serveUDP(t *testing.T, handle func(*tracker.UDPRequest) *tracker.UDPResponse) string {
	t.Helper()
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { conn.Close(); <-done })
	go func() {
		defer close(done)
		buf := make([]byte, tracker.MaxUDP)
		for {
			n, from, err := conn.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			r, err := tracker.ParseUDPRequest(buf[:n])
			if err != nil {
				t.Error(err)
				continue
			}
			if resp := handle(r); resp != nil {
				_, _ = conn.WriteToUDPAddrPort(resp.Append(nil, false), from)
			}
		}
	}()
	return "udp://" + conn.LocalAddr().String()
}

// A UDP tracker that answers long scrapes in part, or drops them, has a limit.
func TestCheckLimit(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		part bool // it answers for the first 20, else it drops longer scrapes
		want int
	}{"part": {true, 20}, "dropped": {false, 20}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := serveUDP(t, func(r *tracker.UDPRequest) *tracker.UDPResponse {
				resp := &tracker.UDPResponse{Action: r.Action, Transaction: r.Transaction, Connection: 7}
				if len(r.Hashes) > 20 && !tt.part {
					return nil
				}
				resp.Counts = make([]tracker.Counts, min(20, len(r.Hashes)))
				return resp
			})
			if got := checkOne(t, url, scrape.CheckOptions{}); got.Limit != tt.want {
				t.Errorf("limit %d", got.Limit)
			}
		})
	}
}

// If the context has ended, nothing is asked.
func TestCheckStopped(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	urls := []string{"udp://127.0.0.1:1", "http://nowhere.test/announce", "nonsense"}
	want := []scrape.Status{scrape.StatusStopped, scrape.StatusStopped, scrape.StatusBadURL}
	for i, got := range scrape.Check(ctx, urls, scrape.CheckOptions{}) {
		if got.Status != want[i] || len(got.Families) > 0 {
			t.Errorf("%+v", got)
		}
	}
}

// If the context ends during the announce, the tracker still gets the stopped event.
func TestCheckInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	events := make(chan tracker.Event, 2)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a, err := tracker.ParseAnnounceQuery(r.URL.RawQuery)
		if err != nil {
			_, _ = w.Write([]byte("d14:failure reason2:noe"))
			return
		}
		events <- a.Event
		if a.Event == tracker.EventStarted {
			cancel()
			<-r.Context().Done()
		}
	}))
	defer s.Close()
	scrape.Check(ctx, []string{s.URL + "/track"}, scrape.CheckOptions{AnnounceFallback: true})
	for _, want := range []tracker.Event{tracker.EventStarted, tracker.EventStopped} {
		select {
		case got := <-events:
			if got != want {
				t.Errorf("%v, want %v", got, want)
			}
		default:
			t.Errorf("no %v", want)
		}
	}
}

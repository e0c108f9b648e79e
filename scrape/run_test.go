package scrape_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"bt/internal/tracker"
	"bt/scrape"
)

// A fakeTracker answers announces and scrapes over HTTP.
type fakeTracker struct {
	url     string
	swarms  map[[20]byte]scrape.Counts
	scrapes bool // whether it has a scrape

	mu     sync.Mutex
	events []tracker.Event // of announces
}

func newTracker(t *testing.T, scrapes bool, swarms map[[20]byte]scrape.Counts) *fakeTracker {
	f := &fakeTracker{swarms: swarms, scrapes: scrapes}
	mux := http.NewServeMux()
	mux.HandleFunc("/scrape", func(w http.ResponseWriter, r *http.Request) {
		if !f.scrapes {
			http.NotFound(w, r)
			return
		}
		hashes, err := tracker.ParseScrapeQuery(r.URL.RawQuery)
		if err != nil {
			t.Error(err)
		}
		var resp tracker.ScrapeResponse
		for _, h := range hashes {
			if c, ok := f.swarms[h]; ok {
				resp.Files = append(resp.Files, tracker.File{InfoHash: h, Counts: c})
			}
		}
		w.Write(resp.AppendHTTP(nil))
	})
	mux.HandleFunc("/announce", func(w http.ResponseWriter, r *http.Request) {
		req, err := tracker.ParseAnnounceQuery(r.URL.RawQuery)
		if err != nil {
			t.Error(err)
			return
		}
		f.mu.Lock()
		f.events = append(f.events, req.Event)
		f.mu.Unlock()
		counts, ok := f.swarms[req.InfoHash]
		if !ok {
			w.Write((&tracker.Failure{Reason: "unregistered torrent"}).AppendHTTP(nil))
			return
		}
		resp := tracker.AnnounceResponse{Interval: time.Hour, Counts: counts}
		if req.Event == tracker.EventStarted {
			resp.Counts.Leechers++ // the peer that asks
			resp.Peers = []tracker.Peer{
				{Addr: netip.MustParseAddrPort("192.0.2.1:6881"), ID: "-TR4060-abcdefghijkl"},
				{Addr: netip.MustParseAddrPort("192.0.2.2:9"), ID: string(req.PeerID[:])},
				// No one can connect to these.
				{Addr: netip.MustParseAddrPort("0.0.0.0:0")},
				{Addr: netip.MustParseAddrPort("192.0.2.3:0")},
				{Addr: netip.MustParseAddrPort("0.0.0.0:6881")},
				{Addr: netip.MustParseAddrPort("[::]:6881")},
				{Addr: netip.MustParseAddrPort("[2001:db8::1]:0")},
			}
		}
		w.Write(resp.AppendHTTP(nil, req.PeerIDs))
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	f.url = s.URL + "/announce"
	return f
}

// announced returns the events of the announces so far, and clears them.
func (f *fakeTracker) announced() []tracker.Event {
	f.mu.Lock()
	defer f.mu.Unlock()
	events := f.events
	f.events = nil
	return events
}

func TestRun(t *testing.T) {
	list := hashes(3)
	a := newTracker(t, true, map[[20]byte]scrape.Counts{list[0]: {Seeders: 3, Leechers: 1, Completed: 9}, list[1]: {Seeders: 1}})
	b := newTracker(t, true, map[[20]byte]scrape.Counts{list[0]: {Seeders: 2, Leechers: 5, Completed: 10}})
	dead := newTracker(t, false, nil)
	hybrid := target([]string{a.url, b.url}, list[0], list[1])
	hybrid.Trackers = append(hybrid.Trackers, []string{dead.url, a.url}) // a again, in a later tier
	table := scrape.Run(t.Context(), []scrape.Target{hybrid, target([]string{b.url}, list[2])}, scrape.Options{})

	rows := table.Torrents[0].Swarms[0].Rows
	if len(rows) != 3 || rows[0].URL != a.url || rows[0].Tier != 1 || rows[1].URL != b.url || rows[2].URL != dead.url || rows[2].Tier != 2 {
		t.Fatalf("%+v", rows)
	}
	if got := table.Torrents[0].Swarms[0].Best(); got != (scrape.Counts{Seeders: 3, Leechers: 5, Completed: 10}) {
		t.Errorf("best %+v", got)
	}
	for i, want := range []scrape.Status{scrape.StatusOK, scrape.StatusOK, "http-404"} {
		if rows[i].Status != want || (rows[i].Err == nil) != (want == scrape.StatusOK) {
			t.Errorf("%s: %s, %v", rows[i].URL, rows[i].Status, rows[i].Err)
		}
	}
	if rows := table.Torrents[0].Swarms[1].Rows; rows[0].Counts != (scrape.Counts{Seeders: 1}) || rows[1].Status != scrape.StatusNotRegistered {
		t.Errorf("%+v", rows)
	}
	if row := table.Torrents[1].Swarms[0].Rows[0]; row.Status != scrape.StatusNotRegistered || row.Counts.Known() {
		t.Errorf("%+v", row)
	}
	if ok, all := table.Answered(); ok != 3 || all != 7 {
		t.Errorf("%d of %d rows have numbers", ok, all)
	}
}

// With AnnounceFallback, an announce replaces a scrape, is followed by a stopped event,
// and its own peer is not counted. A private torrent is announced only with Force.
func TestRunAnnounces(t *testing.T) {
	list := hashes(2)
	f := newTracker(t, false, map[[20]byte]scrape.Counts{list[0]: {Seeders: 3, Leechers: 1}})
	private := target([]string{f.url}, list[0])
	private.Private = true
	for name, tt := range map[string]struct {
		target  scrape.Target
		o       scrape.Options
		status  scrape.Status
		private bool
		events  []tracker.Event
	}{
		"not asked for":          {target([]string{f.url}, list[0]), scrape.Options{}, "http-404", false, nil},
		"fallback":               {target([]string{f.url}, list[0]), scrape.Options{AnnounceFallback: true}, scrape.StatusOK, false, []tracker.Event{tracker.EventStarted, tracker.EventStopped}},
		"of an unknown torrent":  {target([]string{f.url}, list[1]), scrape.Options{AnnounceFallback: true}, scrape.StatusFailed, false, []tracker.Event{tracker.EventStarted}},
		"of a private torrent":   {private, scrape.Options{AnnounceFallback: true}, "http-404", true, nil},
		"of one by force":        {private, scrape.Options{AnnounceFallback: true, Force: true}, scrape.StatusOK, false, []tracker.Event{tracker.EventStarted, tracker.EventStopped}},
		"peers, with the counts": {target([]string{f.url}, list[0]), scrape.Options{Peers: true}, scrape.StatusOK, false, []tracker.Event{tracker.EventStarted, tracker.EventStopped}},
	} {
		row := scrape.Run(t.Context(), []scrape.Target{tt.target}, tt.o).Torrents[0].Swarms[0].Rows[0]
		if row.Status != tt.status || row.Private != tt.private {
			t.Errorf("%s: %s, private %t, %v", name, row.Status, row.Private, row.Err)
		}
		if row.Status == scrape.StatusOK && (row.Counts.Seeders != 3 || row.Counts.Leechers != 1) {
			t.Errorf("%s: %+v", name, row.Counts)
		}
		if got := f.announced(); !slices.Equal(got, tt.events) {
			t.Errorf("%s: the tracker heard %v, want %v", name, got, tt.events)
		}
		if want := []scrape.Peer{{Addr: "192.0.2.1:6881", Client: "Transmission 4.0.6"}}; tt.o.Peers && !slices.Equal(row.Peers, want) {
			t.Errorf("%s: peers %v", name, row.Peers)
		}
	}
}

func TestTargets(t *testing.T) {
	for s, want := range map[string]string{
		strings.Repeat("ab", 20): "v1",
		strings.Repeat("AB", 20): "v1",
		strings.Repeat("ab", 32): "v2",
		strings.Repeat("A", 32):  "v1",
		strings.Repeat("1", 32):  "", // no base32
		strings.Repeat("xy", 20): "",
		"":                       "",
	} {
		target, err := scrape.InfoHashTarget(s)
		if (err == nil) != (want != "") || err == nil && target.Hashes[0].Kind != want {
			t.Errorf("%q: %+v, %v", s, target, err)
		}
	}
}

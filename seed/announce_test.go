package seed

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"bt/internal/tracker"
	"bt/maketorrent"
)

// An announceLog is a tracker that records the announces it receives.
type announceLog struct {
	url string
	mu  sync.Mutex
	got []tracker.AnnounceRequest
}

// startTracker runs a tracker that answers with r, or with a failure.
func startTracker(t *testing.T, r *tracker.AnnounceResponse, failure *tracker.Failure) *announceLog {
	l := new(announceLog)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		a, err := tracker.ParseAnnounceQuery(req.URL.RawQuery)
		if err != nil {
			t.Error(err)
			return
		}
		l.mu.Lock()
		l.got = append(l.got, *a)
		l.mu.Unlock()
		if failure != nil {
			w.Write(failure.AppendHTTP(nil))
			return
		}
		w.Write(r.AppendHTTP(nil, false))
	}))
	t.Cleanup(server.Close)
	l.url = server.URL + "/announce"
	return l
}

// announces returns the announces so far.
func (l *announceLog) announces() []tracker.AnnounceRequest {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.got)
}

func (l *announceLog) events() []tracker.Event {
	var list []tracker.Event
	for _, a := range l.announces() {
		list = append(list, a.Event)
	}
	return list
}

// Every swarm is announced to every tier, to the first of its trackers that responds,
// and that one also receives the stopped event.
func TestAnnounce(t *testing.T) {
	t.Parallel()
	answer := &tracker.AnnounceResponse{Interval: time.Hour, Counts: tracker.Counts{Seeders: 3, Leechers: 1, Completed: tracker.Unknown}, Warning: "soon", TrackerID: "me"}
	good, other := startTracker(t, answer, nil), startTracker(t, answer, nil)
	bad := startTracker(t, nil, &tracker.Failure{Reason: "no", RetryIn: time.Hour})
	meta, root := makeContent(t, maketorrent.FormatHybrid, 100_000)
	r := start(t, Options{}, Input{Torrent: meta, Path: root, Trackers: [][]string{{bad.url, good.url}, {other.url}}})
	for range 4 {
		awaitEvent(t, r, func(e EventAnnounce) bool { return e.Err == nil })
	}
	r.stop()
	for name, l := range map[string]*announceLog{"good": good, "other": other} {
		if want := []tracker.Event{tracker.EventStarted, tracker.EventStarted, tracker.EventStopped, tracker.EventStopped}; !slices.Equal(l.events(), want) {
			t.Errorf("%s: %v", name, l.events())
		}
		hashes := make(map[[20]byte]int)
		for _, a := range l.announces() {
			hashes[a.InfoHash]++
			if a.Left != 0 || a.Port != r.port || a.PeerID != r.options.PeerID || a.Want != map[tracker.Event]int{tracker.EventStarted: wantedPeers}[a.Event] || a.TrackerID != map[tracker.Event]string{tracker.EventStopped: "me"}[a.Event] {
				t.Errorf("%s: %+v", name, a)
			}
		}
		if len(hashes) != 2 || hashes[meta.InfoHashV1] != 2 {
			t.Errorf("%s: %v", name, hashes)
		}
	}
	if n := len(bad.events()); n > 2 { // once a swarm at most: it wants to be left alone
		t.Errorf("the one that refuses was asked %d times", n)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.events {
		if e, ok := e.event.(EventAnnounce); ok && e.Err == nil && (e.Message != "soon" || e.Seeders != 3 || e.Leechers != 1 || e.Next < time.Hour) {
			t.Errorf("%+v", e)
		}
	}
}

// A tracker that hangs does not delay the end of Serve.
func TestLeaveInTime(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if a, _ := tracker.ParseAnnounceQuery(r.URL.RawQuery); a != nil && a.Event == tracker.EventStopped {
			<-r.Context().Done()
			return
		}
		w.Write((&tracker.AnnounceResponse{Interval: time.Hour}).AppendHTTP(nil, false))
	}))
	defer server.Close()
	meta, root := makeContent(t, maketorrent.FormatV1, 100_000)
	r := start(t, Options{}, Input{Torrent: meta, Path: root, Trackers: [][]string{{server.URL + "/announce"}}})
	awaitEvent(t, r, func(EventAnnounce) bool { return true })
	done := make(chan struct{})
	go func() { r.stop(); close(done) }()
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	select {
	case <-done:
	case <-ctx.Done():
		t.Error("the seed does not leave")
	}
}

// Trackers that never respond do not delay those that do.
func TestDeadTrackers(t *testing.T) {
	t.Parallel()
	const torrents, dead = 20, 12
	good := startTracker(t, &tracker.AnnounceResponse{Interval: time.Hour}, nil)
	var tiers [][]string
	for range dead {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		tiers = append(tiers, []string{"http://" + l.Addr().String() + "/announce"})
	}
	tiers = append(tiers, []string{good.url})
	var inputs []Input
	for i := range torrents {
		meta, root := makeContent(t, maketorrent.FormatV1, int64(1000+i))
		inputs = append(inputs, Input{Torrent: meta, Path: root, Trackers: tiers})
	}
	r := start(t, Options{}, inputs...)
	for range torrents {
		if e := awaitEvent(t, r, func(EventAnnounce) bool { return true }); e.Err != nil {
			t.Fatalf("it waited for a dead one: %v", e.Err)
		}
	}
}

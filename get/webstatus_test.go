package get

import (
	"io"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"bt/maketorrent"
)

// The status has the state and the figures of each web seed. One that fails several times is
// asked again, and then used.
func TestWebSeedStatus(t *testing.T) {
	t.Parallel()
	meta, root := makeContent(t, maketorrent.FormatV1, 100_000)
	s, bad, dir := &webServer{root: root}, &webServer{root: root, change: func(_ string, b []byte) []byte { return b[1:] }}, t.TempDir()
	s.handle = func(w http.ResponseWriter, r *http.Request, n int) bool {
		if n <= manyFailures {
			w.WriteHeader(http.StatusBadGateway)
		}
		return n <= manyFailures
	}
	o := only(meta, dir, s.start(t), bad.start(t))
	var g *Getter
	var events []EventWebSeed
	var last Status
	o.Event = func(_ time.Time, e Event) {
		switch e := e.(type) {
		case EventWebSeed:
			events = append(events, e)
		case EventComplete:
			last = g.Status()
		}
	}
	g, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	states := make(map[string][]WebSeedState)
	for _, e := range events {
		if states[e.URL] = append(states[e.URL], e.State); (e.Err == nil) != (e.State == WebSeedUsed) {
			t.Errorf("%+v", e)
		}
	}
	if diff := cmp.Diff(map[string][]WebSeedState{meta.WebSeeds[0]: {WebSeedFailed, WebSeedUsed}, meta.WebSeeds[1]: {WebSeedFailed}}, states); diff != "" {
		t.Error(diff)
	}
	want := []WebSeedStatus{
		{URL: meta.WebSeeds[0], State: WebSeedUsed, Downloaded: 100_000},
		{URL: meta.WebSeeds[1], State: WebSeedFailed, Err: last.WebSeeds[1].Err},
	}
	for i := range last.WebSeeds {
		last.WebSeeds[i].DownloadRate = 0
	}
	if diff := cmp.Diff(want, last.WebSeeds, cmp.Comparer(func(a, b error) bool { return a == b })); diff != "" || want[1].Err == nil {
		t.Error(diff)
	}
}

// Trackers are not sent the bytes of web seeds as downloaded, but nothing is left.
func TestWebSeedAnnounce(t *testing.T) {
	t.Parallel()
	meta, root := makeContent(t, maketorrent.FormatV1, 100_000)
	s, dir := &webServer{root: root}, t.TempDir()
	announces := make(chan url.Values, 10)
	tracker := &webServer{handle: func(w http.ResponseWriter, r *http.Request, _ int) bool {
		announces <- r.URL.Query()
		io.WriteString(w, "d8:intervali1800e5:peers0:e")
		return true
	}}
	o := only(meta, dir, s.start(t))
	o.WebSeeds, o.Trackers = WebSeedsOn, [][]string{{tracker.start(t) + "announce"}}
	run(t, o).succeeds(t, dir, root)
	var completed url.Values
	for range len(announces) {
		if q := <-announces; q.Get("event") == "completed" {
			completed = q
		}
	}
	if completed.Get("downloaded") != "0" || completed.Get("left") != "0" {
		t.Errorf("the completed event is %v", completed)
	}
}

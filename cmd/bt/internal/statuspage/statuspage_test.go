package statuspage

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"bt/seed"
)

// manyTorrents returns the status of a seed with n torrents, each with two peers
// and a tracker.
func manyTorrents(n int) seed.Status {
	s := seed.Status{Time: time.Now(), Since: time.Now().Add(-time.Hour)}
	for i := range n {
		t := seed.TorrentStatus{
			Name: fmt.Sprintf("torrent %05d", i), InfoHashV1: fmt.Sprintf("%040x", i+1), Size: int64(i%977) << 20,
			State: pageStates[i%len(pageStates)], Uploaded: int64(i*7919%n) << 18, Rate: int64(i % 13),
			Peers:    make([]seed.PeerStatus, i%3),
			Trackers: []seed.TrackerStatus{{URL: fmt.Sprintf("https://t.example/%032x/announce", i), Message: "ok", Failed: i%10 == 0}},
		}
		s.Uploaded += t.Uploaded
		s.Rate += t.Rate
		s.Peers += len(t.Peers)
		s.Torrents = append(s.Torrents, t)
	}
	return s
}

// get requests a page with localhost as the host.
func get(t testing.TB, page http.Handler, target string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest("GET", target, nil)
	r.Host = "localhost:9080"
	w := httptest.NewRecorder()
	page.ServeHTTP(w, r)
	return w
}

func getStatus(t testing.TB, page http.Handler, target string) *statusDocument {
	t.Helper()
	w := get(t, page, target)
	var doc statusDocument
	if err := json.Unmarshal(w.Body.Bytes(), &doc); w.Code != 200 || err != nil {
		t.Fatalf("%s: %d, %v: %s", target, w.Code, err, w.Body)
	}
	return &doc
}

func statusPage(s seed.Status) http.Handler {
	return New(Options{Status: func() seed.Status { return s }, Version: "1.2.3"})
}

func TestPageHosts(t *testing.T) {
	for _, test := range []struct {
		addr     string
		accepted []string
		refused  []string
	}{
		{"127.0.0.1:9080", []string{"127.0.0.1:9080", "127.0.0.1", "localhost:9080", "LocalHost", "localhost.:1", "[::1]:9080", "[::1]", "127.0.0.9:80",
			"[::ffff:127.0.0.1]:9080", "seed.example:80", "SEED.example", "192.0.2.200"},
			[]string{"", ":9080", "evil.example", "evil.example:9080", "localhost.evil.example", "127.0.0.1.evil.example", "192.0.2.1:9080", "[2001:db8::1]:9080",
				"0.0.0.0:9080", "[::]", "seed.example.evil", "127.1", "2130706433"}},
		{"[::1]:9080", []string{"[::1]:9080", "localhost"}, []string{"192.0.2.1", "evil.example"}},
		{"192.0.2.1:9080", []string{"192.0.2.1:9080", "localhost"}, []string{"192.0.2.2:9080", "evil.example"}},
		{"[fe80::1%eth0]:9080", []string{"[fe80::1]:9080"}, []string{"[fe80::2]:9080"}},
		{"0.0.0.0:9080", []string{"192.0.2.1:9080", "[2001:db8::1]:9080", "localhost"}, []string{"evil.example", ""}},
		{"[::]:9080", []string{"192.0.2.1:9080", "[2001:db8::1]:9080"}, []string{"evil.example"}},
		{"", []string{"127.0.0.1", "[::1]:1"}, []string{"192.0.2.1", "evil.example"}},
	} {
		var addr netip.AddrPort
		if test.addr != "" {
			addr = netip.MustParseAddrPort(test.addr)
		}
		page := New(Options{Status: func() seed.Status { return seed.Status{} }, Addr: addr, Hosts: []string{"seed.example", "192.0.2.200"}})
		for i, host := range append(test.accepted, test.refused...) {
			want := http.StatusOK
			if i >= len(test.accepted) {
				want = http.StatusMisdirectedRequest
			}
			for _, path := range []string{"/", "/status.json", "/metrics", "/page.js"} {
				r := httptest.NewRequest("GET", path, nil)
				r.Host = host
				w := httptest.NewRecorder()
				page.ServeHTTP(w, r)
				if w.Code != want {
					t.Errorf("listening at %q, %s of host %q: %d, want %d", test.addr, path, host, w.Code, want)
				}
			}
		}
	}
}

func TestPageMethodsAndHeaders(t *testing.T) {
	page := statusPage(demoStatus(1))
	hash := demoStatus(1).Torrents[0].InfoHashV1
	for path, want := range map[string]struct{ kind, cache string }{
		"/":                               {"text/html; charset=utf-8", "no-cache"},
		"/page.css":                       {"text/css; charset=utf-8", "no-cache"},
		"/page.js":                        {"text/javascript; charset=utf-8", "no-cache"},
		"/icon.svg":                       {"image/svg+xml", "no-cache"},
		"/status.json":                    {"application/json", "no-store"},
		"/torrent.json?info_hash=" + hash: {"application/json", "no-store"},
		"/metrics":                        {"text/plain; version=0.0.4; charset=utf-8", "no-store"},
	} {
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "FOO"} {
			r := httptest.NewRequest(method, path, nil)
			r.Host = "127.0.0.1"
			w := httptest.NewRecorder()
			page.ServeHTTP(w, r)
			h := w.Header()
			if method != "GET" && method != "HEAD" {
				if w.Code != http.StatusMethodNotAllowed || h.Get("Allow") != "GET, HEAD" {
					t.Errorf("%s %s: %d, Allow: %q", method, path, w.Code, h.Get("Allow"))
				}
				continue
			}
			if w.Code != 200 || h.Get("Content-Type") != want.kind || h.Get("Cache-Control") != want.cache {
				t.Errorf("%s %s: %d, %v", method, path, w.Code, h)
			}
			for name, part := range map[string]string{
				"Content-Security-Policy":      "default-src 'none'; script-src 'self';",
				"X-Content-Type-Options":       "nosniff",
				"Referrer-Policy":              "no-referrer",
				"X-Frame-Options":              "DENY",
				"Cross-Origin-Resource-Policy": "same-origin",
			} {
				if !strings.Contains(h.Get(name), part) {
					t.Errorf("%s %s: %s: %q", method, path, name, h.Get(name))
				}
			}
			for name := range h {
				if strings.HasPrefix(name, "Access-Control-") {
					t.Errorf("%s %s: %s", method, path, name)
				}
			}
		}
	}
	if w := get(t, page, "/nothing"); w.Code != 404 {
		t.Errorf("/nothing: %d", w.Code)
	}
	r := httptest.NewRequest("GET", "/page.js", nil)
	r.Host = "localhost"
	r.Header.Set("If-None-Match", get(t, page, "/page.js").Header().Get("Etag"))
	w := httptest.NewRecorder()
	if page.ServeHTTP(w, r); w.Code != http.StatusNotModified {
		t.Errorf("the same script again: %d", w.Code)
	}
}

// Unless Reveal is set, no answer contains a passkey or a peer's address.
func TestPageMasks(t *testing.T) {
	const passkey = "0123456789abcdef0123456789abcdef"
	const other = "an0therS3cret"
	s := seed.Status{Time: time.Unix(1e9, 0), Torrents: []seed.TorrentStatus{{
		Name: "x", InfoHashV1: strings.Repeat("ab", 20), Size: 1, State: seed.StateWaiting, Message: "tracker says " + passkey,
		Trackers: []seed.TrackerStatus{
			{URL: "https://t.example/" + passkey + "/announce", Failed: true, Message: `Get "https://t.example/` + passkey + `/announce": refused; not ` + other + `, see http://v.example/?k=third5ecret`},
			{URL: "http://u.example/announce?passkey=" + other, Message: "hello " + other},
		},
		Peers: []seed.PeerStatus{
			{Addr: netip.MustParseAddrPort("192.0.2.77:51413")},
			{Addr: netip.MustParseAddrPort("[::ffff:192.0.2.78]:51413")},
			{Addr: netip.MustParseAddrPort("[2001:db8:aaaa:bbbb::77]:51413")},
		},
	}}}
	paths := []string{"/status.json", "/torrent.json?info_hash=" + strings.Repeat("AB", 20), "/metrics"}
	for _, reveal := range []bool{false, true} {
		page := New(Options{Status: func() seed.Status { return s }, Reveal: reveal})
		all := ""
		for _, path := range paths {
			w := get(t, page, path)
			if w.Code != 200 {
				t.Fatalf("%s: %d %s", path, w.Code, w.Body)
			}
			all += w.Body.String()
		}
		for _, secret := range []string{passkey, other, "third5ecret", "192.0.2.77", "192.0.2.78", "aaaa", "51413"} {
			if strings.Contains(all, secret) != reveal {
				t.Errorf("reveal: %v, but %q is there: %v", reveal, secret, !reveal)
			}
		}
		if reveal {
			continue
		}
		for _, want := range []string{`"192.0.2.x"`, `"2001:db8:x::"`, "https://t.example/****/announce", "hello ****", "tracker says ****"} {
			if !strings.Contains(all, want) {
				t.Errorf("%q is not there: %s", want, all)
			}
		}
	}
}

func TestPageJSON(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600))
	s := seed.Status{Time: at, Since: at.Add(-time.Hour), Uploaded: 50, Rate: 5, Peers: 1, Handshakes: 2, Banned: 3, Torrents: []seed.TorrentStatus{
		{
			Name: "caf\xe9 \u202e\u0085<b>", InfoHashV1: strings.Repeat("ab", 20), InfoHashV2: strings.Repeat("cd", 32), Size: 100, State: seed.StateChecking,
			Done: 30, Total: 100, Left: 7, Uploaded: 150, Rate: 5,
			Peers:    []seed.PeerStatus{{Addr: netip.MustParseAddrPort("192.0.2.1:1"), Client: "X 1", Uploaded: 9, Rate: 5, Progress: 0.123456, Choked: true, Called: true}},
			Trackers: []seed.TrackerStatus{{URL: "udp://t.example:1/announce?compact=1&left=2", Seeders: 3, Leechers: -1, Next: at}},
		},
		{InfoHashV2: strings.Repeat("ef", 32), State: seed.StateQueued},
	}}
	page := statusPage(s)
	tracker := `{"url":"udp://t.example:1/announce?compact=1&left=2","failed":false,"seeders":3,"next":"2026-01-02T02:04:05Z"}`
	row := `"name":"caf\ufffd \u202e\u0085<b>","name_bytes":"636166e920e280aec2853c623e","info_hash_v1":"` + strings.Repeat("ab", 20) +
		`","info_hash_v2":"` + strings.Repeat("cd", 32) + `","size":100,"state":"checking","checked":30,"to_check":100,"left":7,"uploaded":150,"ratio":1.5,` +
		`"rate":5,"peers":1,"trouble":false,"tracker":` + tracker
	for path, want := range map[string]string{
		"/status.json": `{"version":"1.2.3","time":"2026-01-02T02:04:05Z","since":"2026-01-02T01:04:05Z","revealed":false,"uploaded":50,"rate":5,"peers":1,"handshakes":2,"banned":3,` +
			`"size":100,"total":2,"states":{"checking":1,"done":0,"error":0,"queued":1,"seeding":0,"super-seeding":0,"waiting":0},"trouble":0,"matches":2,"offset":0,"torrents":[{` + row +
			`},{"name":"","info_hash_v2":"` + strings.Repeat("ef", 32) + `","size":0,"state":"queued","left":0,"uploaded":0,"rate":0,"peers":0,"trouble":false}]}`,
		"/torrent.json?info_hash=" + strings.Repeat("cd", 32): `{"time":"2026-01-02T02:04:05Z",` + row + `,"trackers":[` + tracker +
			`],"peer_list":[{"addr":"192.0.2.x","client":"X 1","uploaded":9,"rate":5,"progress":0.1235,"choked":true,"called":true}]}`,
	} {
		if diff := cmp.Diff(want+"\n", get(t, page, path).Body.String()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
	}
	for path, want := range map[string]int{
		"/torrent.json": 400,
		"/torrent.json?info_hash=" + strings.Repeat("00", 20):    404,
		"/status.json?sort=colour":                               400,
		"/status.json?state=asleep":                              400,
		"/status.json?limit=-1":                                  400,
		"/status.json?offset=99999999999999999999":               400,
		"/status.json?trouble=maybe":                             400,
		"/status.json?serach=x":                                  400,
		"/status.json?offset=7":                                  200,
		"/status.json?limit=0":                                   200,
		"/status.json?state=queued&state=seeding&q=&sort=-ratio": 200,
	} {
		if w := get(t, page, path); w.Code != want {
			t.Errorf("%s: %d, want %d: %s", path, w.Code, want, w.Body)
		}
	}
}

// FuzzQuery requests the list of torrents with any query, and with the words of valid ones.
func FuzzQuery(f *testing.F) {
	for _, query := range []string{"offset=7&limit=2", "limit=0&sort=-ratio", "state=queued&state=seeding&q=a+B&sort=name", "trouble=1&history=true", "q=%zz;"} {
		f.Add(query)
	}
	const torrents = 20
	s := manyTorrents(torrents)
	f.Fuzz(func(t *testing.T, raw string) {
		q, err := parsePageQuery(raw)
		if err != nil {
			return
		}
		if q.offset < 0 || q.limit < 0 {
			t.Fatalf("%+v", q)
		}
		got := q.choose(s.Torrents)
		seen := make(map[string]bool)
		for _, m := range got {
			seen[m.InfoHashV1] = true
		}
		if len(seen) != len(got) || len(got) > torrents {
			t.Errorf("%d matches, of which %d differ", len(got), len(seen))
		}
	})
}

// sortValues has for each order of the list a text of a torrent that sorts like its
// value.
var sortValues = map[string]func(t *seed.TorrentStatus) string{
	"name":     func(t *seed.TorrentStatus) string { return t.Name },
	"state":    func(t *seed.TorrentStatus) string { return string(t.State) },
	"size":     func(t *seed.TorrentStatus) string { return sortNumber(t.Size) },
	"uploaded": func(t *seed.TorrentStatus) string { return sortNumber(t.Uploaded) },
	"ratio":    func(t *seed.TorrentStatus) string { return fmt.Sprintf("%030.20f", ratio(t)) },
	"rate":     func(t *seed.TorrentStatus) string { return sortNumber(t.Rate) },
	"peers":    func(t *seed.TorrentStatus) string { return sortNumber(int64(len(t.Peers))) },
	"tracker":  func(t *seed.TorrentStatus) string { return strconv.FormatBool(t.Trackers[0].Failed) },
}

func sortNumber(n int64) string { return fmt.Sprintf("%020d", n) }

// sortedNames returns the names of the torrents in an order of the list. Torrents
// with the same value are in the order of their names.
func sortedNames(list []seed.TorrentStatus, order string, descending bool) []string {
	value := sortValues[order]
	sorted := make([]*seed.TorrentStatus, len(list))
	for i := range list {
		sorted[i] = &list[i]
	}
	slices.SortFunc(sorted, func(a, b *seed.TorrentStatus) int {
		byValue := strings.Compare(value(a), value(b))
		switch {
		case byValue == 0:
			return strings.Compare(a.Name, b.Name)
		case descending:
			return -byValue
		}
		return byValue
	})
	var names []string
	for _, t := range sorted {
		names = append(names, t.Name)
	}
	return names
}

// Every part of the list, in every order, has the torrents that it should have.
func TestPageOrders(t *testing.T) {
	const n = 10_000
	s := manyTorrents(n)
	page := statusPage(s)
	for order := range pageOrders {
		for _, sign := range []string{"", "-"} {
			want := sortedNames(s.Torrents, order, sign == "-")
			for _, offset := range []int{0, 50, 4990, 9970, n, 2 * n} {
				path := fmt.Sprintf("/status.json?sort=%s%s&offset=%d&limit=50", sign, order, offset)
				doc := getStatus(t, page, path)
				from, to := min(offset, n), min(offset+50, n)
				if doc.Total != n || doc.Matches != n || doc.Offset != from {
					t.Fatalf("%s: total %d, matches %d, offset %d", path, doc.Total, doc.Matches, doc.Offset)
				}
				var got []string
				for i := range doc.Torrents {
					got = append(got, doc.Torrents[i].Name)
				}
				if !slices.Equal(got, want[from:to]) {
					t.Fatalf("%s: %q, want %q", path, got, want[from:to])
				}
			}
		}
	}
}

// The queries find the torrents that they should find.
func TestPageQueries(t *testing.T) {
	s := manyTorrents(10_000)
	page := statusPage(s)
	for query, want := range map[string]func(t *seed.TorrentStatus) bool{
		"q=TORRENT+99":               func(t *seed.TorrentStatus) bool { return strings.Contains(t.Name, "99") },
		"q=000000000000000000000000": func(t *seed.TorrentStatus) bool { return true },
		"q=nothing+like+it":          func(t *seed.TorrentStatus) bool { return false },
		"q=0123456789abcdef":         func(t *seed.TorrentStatus) bool { return false }, // trackers are not searched
		"state=waiting":              func(t *seed.TorrentStatus) bool { return t.State == seed.StateWaiting },
		"state=waiting&state=done":   func(t *seed.TorrentStatus) bool { return t.State == seed.StateWaiting || t.State == seed.StateDone },
		"trouble=1":                  func(t *seed.TorrentStatus) bool { return t.State == seed.StateWaiting || t.Trackers[0].Failed },
		"trouble=1&state=done&q=0001": func(t *seed.TorrentStatus) bool {
			return t.State == seed.StateDone && t.Trackers[0].Failed && strings.Contains(t.Name, "0001")
		},
		"q=" + s.Torrents[4711].InfoHashV1: func(t *seed.TorrentStatus) bool { return t == &s.Torrents[4711] },
	} {
		n := 0
		for i := range s.Torrents {
			if want(&s.Torrents[i]) {
				n++
			}
		}
		if doc := getStatus(t, page, "/status.json?"+query); doc.Matches != n || len(doc.Torrents) != n {
			t.Errorf("%s: %d matches, %d torrents; want %d", query, doc.Matches, len(doc.Torrents), n)
		}
	}
}

// The graph contains the samples, and the average rate over gaps.
func TestPageHistory(t *testing.T) {
	begin := time.Unix(1e9, 0).UTC()
	var s seed.Status
	page := New(Options{Status: func() seed.Status { return s }})
	ask := func(second float64, uploaded, rate int64) []historyRecord {
		t.Helper()
		s = seed.Status{Time: begin.Add(time.Duration(second * float64(time.Second))), Uploaded: uploaded, Rate: rate}
		return getStatus(t, page, "/status.json?history=1").History
	}
	at := func(second int, rate int64) historyRecord {
		return historyRecord{begin.Add(time.Duration(second) * time.Second), rate}
	}
	ask(0, 0, 100)
	ask(0.2, 20, 105)
	ask(1, 100, 110)
	got := ask(101, 5100, 10)
	want := []historyRecord{at(0, 100), at(1, 110), at(2, 50), at(100, 50), at(101, 10)}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for i := range 400 {
		got = ask(float64(102+i), 5100, 7)
	}
	if len(got) != 302 || got[0] != at(200, 7) || got[301] != at(501, 7) {
		t.Errorf("after a long time: %d points, from %v to %v", len(got), got[0], got[len(got)-1])
	}
	if got := ask(50, 0, 1); len(got) != 1 {
		t.Errorf("the clock was set: %v", got)
	}
}

var metricLine = regexp.MustCompile(`^([a-z_]+)(?:\{((?:[a-z_]+="(?:[^"\\\n]|\\[\\"n])*",?)*)\})? (\S+)$`)

func TestPageMetrics(t *testing.T) {
	s := demoStatus(5)
	s.Torrents = append(s.Torrents, hostileStatus(1).Torrents...)
	s.Torrents = append(s.Torrents,
		seed.TorrentStatus{Name: "a \"quoted\" \\ back\nslash", InfoHashV1: strings.Repeat("12", 20)},
		seed.TorrentStatus{Name: "the same again", InfoHashV1: strings.Repeat("12", 20)},
		seed.TorrentStatus{Name: "not read yet"})
	body := get(t, statusPage(s), "/metrics").Body.String()
	kinds, values := map[string]string{}, map[string]float64{}
	family := ""
	for line := range strings.Lines(body) {
		line = strings.TrimSuffix(line, "\n")
		if rest, ok := strings.CutPrefix(line, "# TYPE "); ok {
			name, kind, _ := strings.Cut(rest, " ")
			if kinds[name] != "" {
				t.Errorf("%s has two types", name)
			}
			kinds[name], family = kind, name
			continue
		}
		if strings.HasPrefix(line, "# HELP ") {
			continue
		}
		m := metricLine.FindStringSubmatch(line)
		if m == nil {
			t.Errorf("no line of the format: %q", line)
			continue
		}
		value, err := strconv.ParseFloat(m[3], 64)
		if err != nil || m[1] != family {
			t.Errorf("%q in the family %s: %v", line, family, err)
		}
		if strings.HasSuffix(m[1], "_total") != (kinds[m[1]] == "counter") {
			t.Errorf("%s is a %s", m[1], kinds[m[1]])
		}
		key, _, _ := strings.Cut(line, "} ")
		if _, twice := values[key]; twice {
			t.Errorf("%q stands twice", key)
		}
		values[key] = value
	}
	if strings.ContainsFunc(body, func(r rune) bool { return r != '\n' && hidden(r) }) {
		t.Error("it has hidden characters")
	}
	first := s.Torrents[0]
	for key, want := range map[string]float64{
		`bt_info{version="1.2.3"`:           1,
		`bt_seed_torrents{state="seeding"`:  5,
		`bt_seed_torrents{state="checking"`: 1,
		`bt_seed_torrent_uploaded_bytes_total{info_hash="` + first.InfoHashV1 + `",name="` + first.Name + `"`:        float64(first.Uploaded),
		`bt_seed_torrent_peers{info_hash="` + first.InfoHashV1 + `",name="` + first.Name + `"`:                       4,
		`bt_seed_torrent_seeding{info_hash="` + strings.Repeat("ef", 20) + `",name="bad\\xff\\xfebytes"`:             0,
		`bt_seed_torrent_size_bytes{info_hash="` + strings.Repeat("12", 20) + `",name="a \"quoted\" \\ back\nslash"`: 0,
		`bt_seed_torrent_failing_trackers{info_hash="` + strings.Repeat("ab", 20) + `",name="<script>document.title='pwned'</script>` +
			`<img src=http://evil.invalid/x onerror=alert(1)>\\u202egpj.exe\\x1b[2J\n"`: 1,
	} {
		if got, ok := values[key]; !ok || got != want {
			t.Errorf("%s: %v, %v; want %v", key, got, ok, want)
		}
	}
	if n := strings.Count(body, "bt_seed_torrent_size_bytes{"); n != len(s.Torrents)-2 {
		t.Errorf("%d torrents with figures, want %d", n, len(s.Torrents)-2)
	}
}

func BenchmarkPage(b *testing.B) {
	page := statusPage(manyTorrents(10_000))
	for _, path := range []string{
		"/status.json?sort=-uploaded&limit=50", "/status.json?sort=name&offset=5000&limit=50", "/status.json?sort=-tracker&limit=50",
		"/status.json?q=torrent+99&sort=-rate&limit=50", "/status.json", "/torrent.json?info_hash=" + fmt.Sprintf("%040x", 10_000), "/metrics",
	} {
		b.Run(path[1:], func(b *testing.B) {
			bytes := 0
			for b.Loop() {
				bytes = get(b, page, path).Body.Len()
			}
			b.ReportMetric(float64(bytes), "bytes")
		})
	}
}

// The body of a request is not read.
func TestPageBody(t *testing.T) {
	server := httptest.NewServer(statusPage(manyTorrents(1)))
	defer server.Close()
	for _, request := range []string{
		"GET /status.json HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\nx",
		"GET / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n",
		"POST /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n",
	} {
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := conn.Write([]byte(request)); err != nil {
			t.Fatal(err)
		}
		_ = conn.SetReadDeadline(time.Now().Add(20 * time.Second))
		answer, err := io.ReadAll(conn)
		if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 ") {
			t.Errorf("%q: %v, %.100q", request, err, answer)
		}
	}
}

// A file that can't be seeded is in the list, with the reason.
func TestPageError(t *testing.T) {
	s := manyTorrents(2)
	s.Torrents = append(s.Torrents, seed.TorrentStatus{Name: "bad.torrent", State: seed.StateError, Message: "it ends too early"})
	page := statusPage(s)
	doc := getStatus(t, page, "/status.json?state=error")
	if len(doc.Torrents) != 1 || doc.Torrents[0].Name != "bad.torrent" || doc.Torrents[0].Message != "it ends too early" || !doc.Torrents[0].Trouble || doc.States[seed.StateError] != 1 {
		t.Errorf("%+v", doc)
	}
	w := httptest.NewRecorder()
	page.ServeHTTP(w, httptest.NewRequest("GET", "http://localhost/metrics", nil))
	if want := "bt_seed_torrents{state=\"error\"} 1\n"; !strings.Contains(w.Body.String(), want) {
		t.Errorf("no %q in the figures", want)
	}
}

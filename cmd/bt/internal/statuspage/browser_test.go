package statuspage

import (
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"bt/internal/testenv"
	"bt/seed"
)

// demoStatus returns the status of a seed at a second of its run.
func demoStatus(second int) seed.Status {
	begin := time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC)
	s := seed.Status{Time: begin.Add(time.Duration(second) * time.Second), Since: begin.Add(-26 * time.Hour)}
	add := func(t seed.TorrentStatus) {
		t.InfoHashV1 = fmt.Sprintf("%040x", 0xb7d1a3*(len(s.Torrents)+1))
		for _, p := range t.Peers {
			t.Rate += p.Rate
		}
		if t.Trackers == nil {
			t.Trackers = []seed.TrackerStatus{{
				URL: "https://tracker.example.org/0123456789abcdef0123456789abcdef/announce", Seeders: 214, Leechers: 17,
				Next: s.Time.Add(23*time.Minute + 4*time.Second),
			}}
		}
		s.Rate += t.Rate
		s.Peers += len(t.Peers)
		s.Uploaded += t.Uploaded / 3
		s.Torrents = append(s.Torrents, t)
	}
	wave := func(base int64, period float64) int64 {
		return int64(float64(base) * (1 + 0.35*math.Sin(float64(second)/period) + 0.1*math.Sin(float64(second)*1.7)))
	}
	peer := func(addr, client string, progress float64, rate int64) seed.PeerStatus {
		return seed.PeerStatus{Addr: netip.MustParseAddrPort(addr), Client: client, Progress: progress, Rate: rate,
			Uploaded: rate*61 + 1<<20, Choked: rate == 0}
	}
	up := int64(second) * 3 << 20
	add(seed.TorrentStatus{Name: "debian-12.11.0-amd64-DVD-1.iso", Size: 3994091520, State: seed.StateSeeding, Uploaded: 41<<30 + up, Peers: []seed.PeerStatus{
		peer("198.51.100.7:51413", "Transmission 4.0.6", math.Mod(float64(second)/1000, 1), wave(2<<20, 9)),
		peer("192.0.2.44:6881", "qBittorrent 5.1.0", 0.181, wave(1<<20, 14)),
		peer("[2001:db8:7:1::9]:40112", "libtorrent (Rasterbar) 2.0.11", 0.944, wave(300<<10, 5)),
		peer("203.0.113.80:6889", "aria2 1.37.0", 0, 0),
	}})
	add(seed.TorrentStatus{Name: "Sita.Sings.the.Blues.2008.1080p.BluRay.x264", Size: 8 << 30, State: seed.StateSuperSeeding, Uploaded: 9<<30 + up/3, Peers: []seed.PeerStatus{
		peer("203.0.113.9:6881", "Deluge 2.1.1", 0.07, wave(700<<10, 20)),
	}})
	add(seed.TorrentStatus{Name: "The Open Source Cookbook (second edition) – all recipes, photographs and the printable version", Size: 731 << 20, State: seed.StateSeeding,
		Uploaded: 5 << 30, Trackers: []seed.TrackerStatus{
			{URL: "http://tracker.invalid:6969/announce?passkey=s3cr3tpasskey", Failed: true, Seeders: -1, Leechers: -1,
				Message: "unregistered torrent for s3cr3tpasskey", Next: s.Time.Add(4 * time.Minute)},
			{URL: "udp://open.example.net:1337/announce", Seeders: 3, Leechers: 0, Next: s.Time.Add(11 * time.Minute)},
		}})
	add(seed.TorrentStatus{Name: "archive-of-web-pages-2024.tar.zst", Size: 512 << 30, State: seed.StateChecking, Done: int64(second%400) * 1 << 30, Total: 512 << 30})
	add(seed.TorrentStatus{Name: "Planet.Survey.RAW.2019", Size: 90 << 30, State: seed.StateWaiting, Left: 90 << 30, Message: "stars-07.raw is 12.0 MiB, not 1.1 GiB: waiting for the data"})
	add(seed.TorrentStatus{Name: "nightly-build-4711", Size: 64 << 20, State: seed.StateQueued})
	add(seed.TorrentStatus{Name: "sintel-2048-surround.mp4", Size: 730 << 20, State: seed.StateDone, Message: "ratio 2.00 is reached", Uploaded: 1460 << 20})
	add(seed.TorrentStatus{Name: "空の写真 2023", Size: 3 << 30, State: seed.StateSeeding, Uploaded: 700 << 20, Trackers: []seed.TrackerStatus{
		{URL: "wss://tracker.example.com", Message: "you are welcome", Seeders: 12, Leechers: 1, Next: s.Time.Add(time.Minute)}}})
	return s
}

// hostileStatus returns a status whose texts contain markup and control
// characters.
func hostileStatus(n int) seed.Status {
	const evil = "<script>document.title='pwned'</script><img src=http://evil.invalid/x onerror=alert(1)>"
	s := seed.Status{Time: time.Now(), Since: time.Now().Add(-time.Hour), Uploaded: int64(n) << 20, Rate: int64(n) << 10, Peers: 1}
	s.Torrents = []seed.TorrentStatus{{
		Name: evil + "\u202egpj.exe\x1b[2J\n", InfoHashV1: strings.Repeat("ab", 20), Size: 1 << 20, State: seed.StateSeeding,
		Message: evil, Uploaded: int64(n) << 20, Rate: int64(n) << 10,
		Peers:    []seed.PeerStatus{{Addr: netip.MustParseAddrPort("192.0.2.77:6881"), Client: evil + "\u2066", Rate: int64(n) << 10}},
		Trackers: []seed.TrackerStatus{{URL: "http://t.example/announce?x=" + evil, Message: evil + strings.Repeat("W", 400), Failed: true}},
	}, {
		Name: strings.Repeat("Ñ", 500), InfoHashV2: strings.Repeat("cd", 32), State: seed.StateSeeding,
	}, {
		Name: "bad\xff\xfebytes", InfoHashV1: strings.Repeat("ef", 20), State: "a state of the future",
	}}
	return s
}

// browserPage serves a status to a browser. At the end of the test it checks that
// the page caused no errors.
func browserPage(t *testing.T, status func() seed.Status) (*testenv.Browser, *httptest.Server) {
	t.Helper()
	b := testenv.Chromium(t)
	server := httptest.NewServer(New(Options{Status: status, Version: "1.2.3"}))
	t.Cleanup(func() {
		for _, problem := range b.Problems() {
			t.Errorf("the page: %s", problem)
		}
		requests := b.Requests()
		for _, r := range requests {
			if !strings.HasPrefix(r, server.URL+"/") && r != "about:blank" {
				t.Errorf("the page asked for %s", r)
			}
		}
		if len(requests) == 0 {
			t.Error("no requests were seen")
		}
		server.Close()
	})
	return b, server
}

// fits checks that the page has no horizontal scroll bar.
func fits(t *testing.T, b *testenv.Browser, what string) {
	t.Helper()
	var wide []string
	b.Eval(`[document.documentElement, document.body, ...document.querySelectorAll("dialog[open], dialog[open] .body")]
		.filter(e => e.scrollWidth > e.clientWidth)
		.map(e => e.tagName + " " + e.scrollWidth + " > " + e.clientWidth)
		.concat([...document.querySelectorAll("body *")]
			.filter(e => getComputedStyle(e).display !== "inline" && e.getBoundingClientRect().right > innerWidth + 0.5)
			.map(e => e.tagName + "." + e.className + " ends at " + e.getBoundingClientRect().right))`, &wide)
	if len(wide) > 0 {
		t.Errorf("%s: wider than the window: %q", what, wide)
	}
}

func TestPageInBrowser(t *testing.T) {
	t.Parallel()
	var second atomic.Int64
	second.Store(400)
	b, server := browserPage(t, func() seed.Status { return demoStatus(int(second.Load())) })
	b.Window(1280, 860, false)
	b.Open(server.URL + "/")
	b.Until(`document.querySelectorAll("#torrents tbody tr").length === 8`)

	// The figures change without a reload.
	b.Eval(`window.same = true`, nil)
	for range 2 {
		var before string
		b.Eval(`document.querySelector("#torrents td.uploaded").textContent + document.querySelector("#uploaded").textContent`, &before)
		second.Add(100)
		b.Until(fmt.Sprintf(`document.querySelector("#torrents td.uploaded").textContent + document.querySelector("#uploaded").textContent !== %q`, before))
	}
	b.Until(`document.querySelector("#graph .line").getAttribute("d").split("L").length >= 3`)
	b.Until(`document.title.includes("MiB/s") && window.same`)

	// Sort, filter, search.
	names := `[...document.querySelectorAll("#torrents td.name a")].map(a => a.textContent)`
	b.Eval(`document.querySelector("#torrents th.size button").click()`, nil)
	b.Until(names + `[0] === "archive-of-web-pages-2024.tar.zst"`)
	b.Eval(`document.querySelector("#torrents th.size button").click()`, nil)
	b.Until(names + `[0] === "nightly-build-4711"`)
	b.Eval(`document.querySelector('#states button[data-key=waiting]').click()`, nil)
	b.Until(names + `.join() === "Planet.Survey.RAW.2019"`)
	b.Eval(`document.querySelector('#states button[data-key=""]').click()`, nil)
	b.Eval(`{const q = document.querySelector("[type=search]"); q.value = "SITA blues"; q.dispatchEvent(new Event("input"))}`, nil)
	b.Until(names + `.join() === "Sita.Sings.the.Blues.2008.1080p.BluRay.x264"`)
	b.Open(server.URL + "/")
	b.Until(names + `.length === 8`)

	// A click on a row opens the details, which are updated too.
	b.Eval(`document.querySelector("#torrents tbody tr td.size").click()`, nil)
	b.Until(`document.querySelectorAll("dialog[open] .peers tbody tr").length === 4`)
	var text string
	b.Eval(`document.querySelector("dialog").innerText`, &text)
	for _, want := range []string{"debian-12.11.0-amd64-DVD-1.iso", "198.51.100.x", "2001:db8:x::", "Transmission 4.0.6", "https://tracker.example.org/****/announce"} {
		if !strings.Contains(text, want) {
			t.Errorf("the details lack %q: %q", want, text)
		}
	}
	var before string
	b.Eval(`document.querySelector("dialog .peers").innerText`, &before)
	second.Add(50)
	b.Until(fmt.Sprintf(`document.querySelector("dialog .peers").innerText !== %q`, before))
	b.Eval(`history.back()`, nil)
	b.Until(`!document.querySelector("dialog").open`)
}

func TestPageFits(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	asked.Store(400)
	for name, status := range map[string]func() seed.Status{
		"demo":    func() seed.Status { return demoStatus(int(asked.Add(1))) },
		"hostile": func() seed.Status { return hostileStatus(int(asked.Add(1))) },
		"empty":   func() seed.Status { return seed.Status{Time: time.Now(), Since: time.Now()} },
	} {
		t.Run(name, func(t *testing.T) {
			b, server := browserPage(t, status)
			b.Open(server.URL + "/")
			if name == "demo" { // fill the graph
				for range 300 {
					response, err := http.Get(server.URL + "/status.json?limit=0")
					if err != nil {
						t.Fatal(err)
					}
					response.Body.Close()
				}
			}
			for _, w := range testenv.Windows {
				b.Window(w.Width, w.Height, w.Dark)
				b.Open(server.URL + "/?for=" + w.Name)
				b.Until(`document.querySelector("#rate").textContent !== "–"`)
				fits(t, b, w.Name)
				b.Screenshot(name + "-" + w.Name)
				if name == "empty" {
					continue
				}
				b.Eval(`document.querySelector("#torrents td.name a").click()`, nil)
				b.Until(`document.querySelector("dialog[open] h2").textContent && document.querySelector("dialog[open] .peers tbody tr")`)
				fits(t, b, w.Name+", details")
				b.Screenshot(name + "-" + w.Name + "-details")
			}
		})
	}
}

func TestPageShowsHostileTextAsText(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	b, server := browserPage(t, func() seed.Status { return hostileStatus(int(asked.Add(1))) })
	b.Open(server.URL + "/#" + strings.Repeat("ab", 20))
	b.Until(`document.querySelectorAll("#torrents tbody tr").length === 3 && document.querySelector("dialog[open] .peers tbody tr")`)
	var text, title string
	b.Eval(`document.body.textContent`, &text)
	b.Eval(`document.title`, &title)
	for _, want := range []string{`<script>document.title='pwned'</script><img src=http://evil.invalid/x onerror=alert(1)>\u202egpj.exe\x1b[2J\n`, `alert(1)>\u2066`, "bad\ufffd\ufffdbytes"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q: %q", want, text)
		}
	}
	if strings.ContainsAny(text, "\u202e\u2066\x1b") || strings.Contains(title, "pwned") {
		t.Errorf("%q, %q", title, text)
	}
	var made int
	b.Eval(`document.querySelectorAll("script").length + document.querySelectorAll("img").length`, &made)
	if made != 2 {
		t.Errorf("%d scripts and images, of which the page has two", made)
	}
}

func TestPageWithManyTorrents(t *testing.T) {
	t.Parallel()
	s := manyTorrents(10_000)
	b, server := browserPage(t, func() seed.Status { return s })
	b.Window(1280, 860, false)
	b.Open(server.URL + "/?sort=name")
	names := `[...document.querySelectorAll("#torrents td.name a")].map(a => a.textContent)`
	b.Until(names + `.length === 50`)
	b.Screenshot("many-1280")
	b.Eval(`document.querySelector("#pager [data-step='1']").click()`, nil)
	b.Until(names + `[0] === "torrent 00050"`)
	b.Until(`document.querySelector("#pager span").textContent === "51–100 of 10,000"`)
	fits(t, b, "the second page")
	// A page number beyond the end becomes the last page.
	b.Open(server.URL + "/?sort=name&page=999")
	b.Until(names + `.at(-1) === "torrent 09999" && document.querySelector("#pager [data-step='1']").disabled`)
}

func TestPageSeedUnreachable(t *testing.T) {
	t.Parallel()
	var away atomic.Bool
	page := New(Options{Status: func() seed.Status { return demoStatus(1) }})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if away.Load() {
			panic(http.ErrAbortHandler)
		}
		page.ServeHTTP(w, r)
	}))
	defer server.Close()
	b := testenv.Chromium(t)
	b.Open(server.URL + "/")
	b.Until(`document.querySelector("#rate").textContent !== "–"`)
	away.Store(true)
	b.Until(`document.querySelector("#away").textContent.startsWith("The seed does not answer.")`)
	b.Window(390, 844, false)
	fits(t, b, "away")
	b.Screenshot("away-390")
	away.Store(false)
	b.Until(`document.querySelector("#away").textContent === ""`)
}

package main

import (
	"strconv"
	"strings"
	"testing"
)

const (
	urlA = "http://a.example/announce"
	urlB = "udp://b.example:6969"
	urlC = "https://c.example/0123456789abcdef0123/announce"
	urlK = "http://k.example/kkkkkkkkkk0123456789/announce"
	urlM = "http://m.example/announce?passkey=mmmm"
)

// scrapeJSON returns a document of bt scrape with a torrent for each text, which
// has the format: URL status, URL status, ...
func scrapeJSON(torrents ...string) string {
	var b strings.Builder
	for i, t := range torrents {
		if i > 0 {
			b.WriteString(",")
		}
		b.WriteString(`{"name":"x","swarms":[{"info_hash":"aa","kind":"v1","trackers":[`)
		for j, pair := range strings.Split(t, ", ") {
			u, status, _ := strings.Cut(pair, " ")
			if j > 0 {
				b.WriteString(",")
			}
			b.WriteString(`{"url":` + strconv.Quote(u) + `,"tier":1,"seeders":0,"leechers":0,"completed":0,"status":"` + status + `","error":"e","hint":"h","ms":5,"peers":[]}`)
		}
		b.WriteString(`],"best":{"seeders":0,"leechers":0,"completed":0}}]}`)
	}
	return `{"torrents":[` + b.String() + "]}\n"
}

// scrapeJSONAt is like scrapeJSON with a time.
func scrapeJSONAt(time string, torrents ...string) string {
	return strings.Replace(scrapeJSON(torrents...), "{", `{"time":"`+time+`",`, 1)
}

// deadBy reads documents and returns a function that reports whether a tracker is
// dead.
func deadBy(t *testing.T, documents ...string) func(url string) bool {
	t.Helper()
	var scrapes []*scrapeReport
	for _, d := range documents {
		s, err := readScrapes([]byte(d))
		if err != nil {
			t.Fatalf("%v: %s", err, d)
		}
		scrapes = append(scrapes, s...)
	}
	return deadTrackers(scrapes)
}

const (
	noon  = "2026-01-31T12:00:00Z"
	later = "2026-01-31T13:00:00Z"
)

// Each status of bt scrape has a verdict.
func TestDeadTrackers(t *testing.T) {
	for status, want := range map[string]int{ // number of documents that are needed; 0 for never dead
		"bad-url": 1, "http-410": 1,
		"dns": 2, "refused": 2, "timeout": 2, "tls": 2, "redirect": 2, "html": 2, "empty": 2, "malformed": 2,
		"ok": 0, "not-registered": 0, "failure": 0, "unsupported": 0, "truncated": 0, "too-big": 0, "stopped": 0,
		"no-route": 0, "proxy": 0, "http-400": 0, "http-403": 0, "http-404": 0, "http-429": 0, "http-500": 0, "http-502": 0, "http-503": 0,
		"": 0, "something-new": 0, "OK": 0,
	} {
		line := urlA + " " + status
		for n, documents := range [][]string{1: {scrapeJSONAt(noon, line)}, 2: {scrapeJSONAt(noon, line), scrapeJSONAt(later, line)}} {
			if n == 0 {
				continue
			}
			if dead := deadBy(t, documents...); dead(urlA) != (want > 0 && n >= want) || dead(urlB) {
				t.Errorf("%s in %d documents: dead %v; another tracker %v", status, n, dead(urlA), dead(urlB))
			}
		}
	}
}

func TestDeadTrackersTemporary(t *testing.T) {
	dns, refused, gone, ok, stopped := urlA+" dns", urlA+" refused", urlA+" http-410", urlA+" ok", urlA+" stopped"
	for name, test := range map[string]struct {
		documents []string
		want      bool
	}{
		"an hour apart":                        {[]string{scrapeJSONAt(noon, dns), scrapeJSONAt(later, dns)}, true},
		"in any order":                         {[]string{scrapeJSONAt(later, dns), scrapeJSONAt(noon, dns)}, true},
		"in other ways":                        {[]string{scrapeJSONAt(noon, dns), scrapeJSONAt(later, refused)}, true},
		"a second less":                        {[]string{scrapeJSONAt(noon, dns), scrapeJSONAt("2026-01-31T12:59:59Z", dns)}, false},
		"in other zones, the same moment":      {[]string{scrapeJSONAt(noon, dns), scrapeJSONAt("2026-01-31T13:00:00+01:00", dns)}, false},
		"in other zones, an hour apart":        {[]string{scrapeJSONAt(noon, dns), scrapeJSONAt("2026-01-31T12:00:00-01:00", dns)}, true},
		"the same twice":                       {[]string{scrapeJSONAt(noon, dns), scrapeJSONAt(noon, dns)}, false},
		"three, of which two are far apart":    {[]string{scrapeJSONAt(noon, dns), scrapeJSONAt("2026-01-31T12:30:00Z", dns), scrapeJSONAt(later, dns)}, true},
		"no time":                              {[]string{scrapeJSON(dns), scrapeJSON(dns)}, false},
		"no time in one of two":                {[]string{scrapeJSON(dns), scrapeJSONAt(later, dns)}, false},
		"no time in one of three":              {[]string{scrapeJSON(dns), scrapeJSONAt(noon, dns), scrapeJSONAt(later, dns)}, true},
		"alive before":                         {[]string{scrapeJSONAt(noon, ok), scrapeJSONAt(later, dns), scrapeJSONAt("2026-02-28T12:00:00Z", dns)}, false},
		"alive after":                          {[]string{scrapeJSONAt(noon, dns), scrapeJSONAt(later, dns), scrapeJSONAt("2026-02-28T12:00:00Z", ok)}, false},
		"the asking was stopped":               {[]string{scrapeJSONAt(noon, dns), scrapeJSONAt(later, stopped)}, false},
		"not asked the second time":            {[]string{scrapeJSONAt(noon, dns), scrapeJSONAt(later, urlB+" dns")}, false},
		"gone for one torrent":                 {[]string{scrapeJSONAt(noon, dns, gone)}, true},
		"gone, without a time":                 {[]string{scrapeJSON(gone)}, true},
		"gone, and not the second time":        {[]string{scrapeJSONAt(noon, gone), scrapeJSONAt(later, dns)}, true},
		"gone, and there again":                {[]string{scrapeJSONAt(noon, gone), scrapeJSONAt(later, ok)}, false},
		"gone for one torrent, not for others": {[]string{scrapeJSONAt(noon, gone, ok)}, false},
	} {
		if got := deadBy(t, test.documents...)(urlA); got != test.want {
			t.Errorf("%s: dead %v, want %v", name, got, test.want)
		}
	}
}

// A tracker that was alive for one torrent is alive.
func TestDeadTrackersSeveralTorrents(t *testing.T) {
	torrents := []string{
		urlA + " timeout, " + urlB + " ok, " + urlC + " dns",
		urlA + " ok, " + urlB + " timeout, " + urlC + " refused",
		urlA + " timeout, " + urlK + " timeout, " + urlK + " http-503, " + urlK + " timeout",
	}
	dead := deadBy(t, scrapeJSONAt(noon, torrents...), scrapeJSONAt(later, torrents...))
	for u, want := range map[string]bool{
		urlA: false, urlB: false, urlC: true, urlK: false, urlM: false, "": false,
		" " + urlC + "\n": true, strings.Replace(urlC, "c.example", "c.example:443", 1): false, strings.ToUpper(urlC): false,
	} {
		if dead(u) != want {
			t.Errorf("%q: dead %v, want %v", u, dead(u), want)
		}
	}
}

func TestReadScrapesErrors(t *testing.T) {
	for in, want := range map[string]string{
		"":                             "not the JSON of bt scrape: there is no tracker in it",
		"nonsense":                     "line 1: not JSON: invalid character",
		`{"torrents":1}`:               "line 1: not the JSON of bt scrape: torrents is not a list",
		"{}":                           "not the JSON of bt scrape: there is no tracker in it",
		`{"torrents":[]}`:              "not the JSON of bt scrape: there is no tracker in it",
		`{"announce":"http://a"}`:      "not the JSON of bt scrape: there is no tracker in it",
		`{"torrents":[{"swarms":[]}]}`: "not the JSON of bt scrape: there is no tracker in it",
		scrapeJSON(urlA+" ok") + "x":   "line 2: not JSON: invalid character",
		"{}\n" + scrapeJSON(urlA+" ok") + "\n{\"torrents\":":             "not JSON: it ends too early",
		scrapeJSONAt("soon", urlA+" ok"):                                 `line 1: not the JSON of bt scrape: time is "soon", and not a time such as `,
		scrapeJSONAt("", urlA+" ok"):                                     `line 1: not the JSON of bt scrape: time is "", and not a time such as `,
		scrapeJSON(urlA+" ok") + "\n" + scrapeJSONAt("soon", urlA+" ok"): `line 3: not the JSON of bt scrape: time is "soon", `,
		"[]":              "line 1: not the JSON of bt scrape: it is not an object",
		"\n\n\"x\"":       "line 3: not the JSON of bt scrape: it is not an object",
		`{"time":5}`:      "line 1: not the JSON of bt scrape: time is not a text",
		`{"torrents":{}}`: "line 1: not the JSON of bt scrape: torrents is not a list",
		"{\n\"torrents\":[\n{\"swarms\":[\n{\"trackers\":[{\"url\":[]}]}]}]}": "line 4: not the JSON of bt scrape: torrents.swarms.trackers.url is not a text",
	} {
		if s, err := readScrapes([]byte(in)); s != nil || err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v, want %s", in, err, want)
		}
	}
}

// The documents of bt scrape --watch --json count like separate files.
func TestDeadTrackersWatch(t *testing.T) {
	first, last := scrapeJSONAt(noon, urlA+" refused", urlB+" ok"), scrapeJSONAt(later, urlA+" dns", urlB+" refused")
	for name, text := range map[string]string{
		"lines":                       first + "\n" + last + "\n",
		"no line between":             first + last,
		"with an interrupt":           first + "\n" + last + "\n" + `{"time":"` + later + `","error":{"code":"interrupted"}}` + "\n",
		"with a byte order mark":      "\ufeff" + first + "\r\n" + last,
		"with a round of no trackers": `{"time":"` + noon + `","torrents":[]}` + "\n" + first + "\n" + last,
	} {
		if dead := deadBy(t, text); !dead(urlA) || dead(urlB) {
			t.Errorf("%s: %s: %t, %s: %t", name, urlA, dead(urlA), urlB, dead(urlB))
		}
	}
	if dead := deadBy(t, first+"\n"+first); dead(urlA) {
		t.Error("the same round twice is one")
	}
}

package rewrite

import (
	"strconv"
	"strings"
	"testing"
)

// scraped is the document of bt scrape of one torrent for each text: URL status,
// URL status, ...
func scraped(torrents ...string) string {
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

// The statuses are those of CLI.md, bt scrape: each has a verdict.
func TestDead(t *testing.T) {
	for status, want := range map[string]bool{
		"bad-url": true, "dns": true, "refused": true, "timeout": true, "tls": true, "redirect": true, "html": true, "empty": true, "malformed": true,
		"http-410": true,
		"ok":       false, "not-registered": false, "failure": false, "unsupported": false, "truncated": false, "too-big": false,
		"no-route": false, "proxy": false, "http-400": false, "http-403": false, "http-404": false, "http-429": false, "http-500": false, "http-502": false, "http-503": false,
		"": false, "something-new": false, "OK": false,
	} {
		dead, err := Dead([]byte(scraped(urlA + " " + status)))
		if err != nil {
			t.Fatal(err)
		}
		if dead(urlA) != want || dead(urlB) {
			t.Errorf("%s: dead %v, want %v; another tracker %v", status, dead(urlA), want, dead(urlB))
		}
	}
}

// Once alive, for whatever torrent and swarm, is alive.
func TestDeadOfSeveralTorrents(t *testing.T) {
	dead, err := Dead([]byte(scraped(
		urlA+" timeout, "+urlB+" ok, "+urlC+" dns",
		urlA+" ok, "+urlB+" timeout, "+urlC+" refused",
		urlA+" timeout, "+urlK+" timeout, "+urlK+" http-503, "+urlK+" timeout",
	)))
	if err != nil {
		t.Fatal(err)
	}
	for u, want := range map[string]bool{
		urlA: false, urlB: false, urlC: true, urlK: false, urlM: false, "": false,
		" " + urlC + "\n": true, strings.Replace(urlC, "c.example", "c.example:443", 1): false, strings.ToUpper(urlC): false,
	} {
		if dead(u) != want {
			t.Errorf("%q: dead %v, want %v", u, dead(u), want)
		}
	}
	in := "d" + announce(urlC) + tiers(listOf(urlC, urlA), listOf(urlM), listOf(urlC)) + info + "e"
	checkChanges(t, []change{
		{name: "drop", in: in, edit: trackerEdit(TrackerEdit{Drop: dead}), out: "d" + announce(urlA) + tiers(listOf(urlA), listOf(urlM)) + info + "e"},
		{name: "drop all", in: "d" + announce(urlC) + info + "e", edit: trackerEdit(TrackerEdit{Drop: dead}), out: "d" + info + "e", warning: []string{"no-tracker"}},
		{name: "drop none", in: "d" + announce(urlA) + info + "e", edit: trackerEdit(TrackerEdit{Drop: dead})},
		{name: "what is dead by one spelling only", in: "d" + announce("http://u:p@[::1]/a") + info + "e", edit: trackerEdit(TrackerEdit{Drop: dead})},
	})
}

func TestDeadReadsOnlyScrapes(t *testing.T) {
	for in, want := range map[string]string{
		"":                             "not the JSON of bt scrape: unexpected end of JSON input",
		"nonsense":                     "not the JSON of bt scrape: invalid character",
		"[]":                           "not the JSON of bt scrape: json: cannot unmarshal array",
		`{"torrents":1}`:               "not the JSON of bt scrape: json: cannot unmarshal number",
		"{}":                           "not the JSON of bt scrape: there is no tracker in it",
		`{"torrents":[]}`:              "not the JSON of bt scrape: there is no tracker in it",
		`{"announce":"http://a"}`:      "not the JSON of bt scrape: there is no tracker in it",
		`{"torrents":[{"swarms":[]}]}`: "not the JSON of bt scrape: there is no tracker in it",
		scraped(urlA+" ok") + "x":      "not the JSON of bt scrape: invalid character",
	} {
		if dead, err := Dead([]byte(in)); dead != nil || err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v, want %s", in, err, want)
		}
	}
}

package rewrite

import (
	"slices"
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

// at is scraped with the time of the document.
func at(time string, torrents ...string) string {
	return strings.Replace(scraped(torrents...), "{", `{"time":"`+time+`",`, 1)
}

// deadBy reads documents and returns what they say is dead.
func deadBy(t *testing.T, documents ...string) func(url string) bool {
	t.Helper()
	var scrapes []*Scrape
	for _, d := range documents {
		s, err := ReadScrapes([]byte(d))
		if err != nil {
			t.Fatalf("%v: %s", err, d)
		}
		scrapes = append(scrapes, s...)
	}
	return Dead(scrapes)
}

const (
	noon  = "2026-01-31T12:00:00Z"
	later = "2026-01-31T13:00:00Z"
)

// The statuses are those of CLI.md, bt scrape: each has a verdict.
func TestDead(t *testing.T) {
	for status, want := range map[string]int{ // how many documents it takes; 0: never
		"bad-url": 1, "http-410": 1,
		"dns": 2, "refused": 2, "timeout": 2, "tls": 2, "redirect": 2, "html": 2, "empty": 2, "malformed": 2,
		"ok": 0, "not-registered": 0, "failure": 0, "unsupported": 0, "truncated": 0, "too-big": 0, "stopped": 0,
		"no-route": 0, "proxy": 0, "http-400": 0, "http-403": 0, "http-404": 0, "http-429": 0, "http-500": 0, "http-502": 0, "http-503": 0,
		"": 0, "something-new": 0, "OK": 0,
	} {
		line := urlA + " " + status
		for n, documents := range [][]string{1: {at(noon, line)}, 2: {at(noon, line), at(later, line)}} {
			if n == 0 {
				continue
			}
			if dead := deadBy(t, documents...); dead(urlA) != (want > 0 && n >= want) || dead(urlB) {
				t.Errorf("%s in %d documents: dead %v; another tracker %v", status, n, dead(urlA), dead(urlB))
			}
		}
	}
}

func TestDeadInTime(t *testing.T) {
	dns, refused, gone, ok, stopped := urlA+" dns", urlA+" refused", urlA+" http-410", urlA+" ok", urlA+" stopped"
	for name, test := range map[string]struct {
		documents []string
		want      bool
	}{
		"an hour apart":                        {[]string{at(noon, dns), at(later, dns)}, true},
		"in any order":                         {[]string{at(later, dns), at(noon, dns)}, true},
		"in other ways":                        {[]string{at(noon, dns), at(later, refused)}, true},
		"a second less":                        {[]string{at(noon, dns), at("2026-01-31T12:59:59Z", dns)}, false},
		"in other zones, the same moment":      {[]string{at(noon, dns), at("2026-01-31T13:00:00+01:00", dns)}, false},
		"in other zones, an hour apart":        {[]string{at(noon, dns), at("2026-01-31T12:00:00-01:00", dns)}, true},
		"the same twice":                       {[]string{at(noon, dns), at(noon, dns)}, false},
		"three, of which two are far apart":    {[]string{at(noon, dns), at("2026-01-31T12:30:00Z", dns), at(later, dns)}, true},
		"no time":                              {[]string{scraped(dns), scraped(dns)}, false},
		"no time in one of two":                {[]string{scraped(dns), at(later, dns)}, false},
		"no time in one of three":              {[]string{scraped(dns), at(noon, dns), at(later, dns)}, true},
		"alive before":                         {[]string{at(noon, ok), at(later, dns), at("2026-02-28T12:00:00Z", dns)}, false},
		"alive after":                          {[]string{at(noon, dns), at(later, dns), at("2026-02-28T12:00:00Z", ok)}, false},
		"the asking was stopped":               {[]string{at(noon, dns), at(later, stopped)}, false},
		"not asked the second time":            {[]string{at(noon, dns), at(later, urlB+" dns")}, false},
		"gone for one torrent":                 {[]string{at(noon, dns, gone)}, true},
		"gone, without a time":                 {[]string{scraped(gone)}, true},
		"gone, and not the second time":        {[]string{at(noon, gone), at(later, dns)}, true},
		"gone, and there again":                {[]string{at(noon, gone), at(later, ok)}, false},
		"gone for one torrent, not for others": {[]string{at(noon, gone, ok)}, false},
	} {
		if got := deadBy(t, test.documents...)(urlA); got != test.want {
			t.Errorf("%s: dead %v, want %v", name, got, test.want)
		}
	}
}

// Once alive, for whatever torrent and swarm, is alive.
func TestDeadOfSeveralTorrents(t *testing.T) {
	torrents := []string{
		urlA + " timeout, " + urlB + " ok, " + urlC + " dns",
		urlA + " ok, " + urlB + " timeout, " + urlC + " refused",
		urlA + " timeout, " + urlK + " timeout, " + urlK + " http-503, " + urlK + " timeout",
	}
	dead := deadBy(t, at(noon, torrents...), at(later, torrents...))
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
		{name: "drop", in: in, edit: trackerEdit(TrackerEdit{Drop: dead, KeepLast: true}), out: "d" + announce(urlA) + tiers(listOf(urlA), listOf(urlM)) + info + "e"},
		{name: "drop all", in: "d" + announce(urlC) + info + "e", edit: trackerEdit(TrackerEdit{Drop: dead}), out: "d" + info + "e", warning: []string{"no-tracker"}},
		{name: "drop none", in: "d" + announce(urlA) + info + "e", edit: trackerEdit(TrackerEdit{Drop: dead})},
		{name: "what is dead by one spelling only", in: "d" + announce("http://u:p@[::1]/a") + info + "e", edit: trackerEdit(TrackerEdit{Drop: dead})},
	})
}

// The last tracker stays, if that is asked for.
func TestDropKeepsTheLast(t *testing.T) {
	all := func(string) bool { return true }
	drop := TrackerEdit{Drop: all, KeepLast: true}
	with := func(change func(*TrackerEdit)) Edit {
		e := drop
		change(&e)
		return trackerEdit(e)
	}
	three := "d" + announce(urlA) + tiers(listOf(urlA, urlB), listOf(urlC)) + info + "e"
	one := "d" + announce(urlA) + info + "e"
	for name, test := range map[string]struct {
		in   string
		edit Edit
		out  string
		last []string
	}{
		"of three":                    {three, trackerEdit(drop), one, []string{urlA}},
		"of one":                      {one, trackerEdit(drop), one, []string{urlA}},
		"of none":                     {"d" + info + "e", trackerEdit(drop), "d" + info + "e", nil},
		"one is added":                {three, with(func(e *TrackerEdit) { e.Add = []Addition{{URLs: []string{urlM}}} }), "d" + announce(urlM) + info + "e", nil},
		"another was removed":         {three, with(func(e *TrackerEdit) { e.Remove = []string{urlA} }), "d" + announce(urlB) + info + "e", []string{urlB}},
		"all were removed":            {three, with(func(e *TrackerEdit) { e.Remove = []string{"*"} }), "d" + info + "e", nil},
		"of those that match a rule":  {three, Edit{Rules: []Rule{{Match: func(u string) bool { return u != urlC }, Edit: trackerEdit(drop)}}}, "d" + announce(urlC) + info + "e", nil},
		"of all that match a rule":    {three, Edit{Rules: []Rule{{Match: all, Edit: trackerEdit(drop)}}}, one, []string{urlA}},
		"not asked for":               {three, with(func(e *TrackerEdit) { e.KeepLast = false }), "d" + info + "e", nil},
		"announce that is in no tier": {"d" + announce(urlM) + tiers(listOf(urlA)) + info + "e", trackerEdit(drop), one, []string{urlA}},
		"by a rule and by itself":     {one, Edit{Rules: []Rule{{Match: all, Edit: trackerEdit(drop)}}, Trackers: drop}, one, []string{urlA}},
	} {
		r, err := Apply([]byte(test.in), &test.edit)
		if err != nil || string(r.Bytes) != test.out || !slices.Equal(r.Unedited.Last, test.last) {
			t.Errorf("%s: %v\n got %q, last %q\nwant %q, last %q", name, err, r.Bytes, r.Unedited.Last, test.out, test.last)
		}
	}
	e := trackerEdit(drop)
	m, unedited, err := e.Magnet(&Magnet{HasV1: true, Trackers: []string{urlA, urlB}})
	if err != nil || !slices.Equal(m.Trackers, []string{urlA}) || !slices.Equal(unedited.Last, []string{urlA}) {
		t.Errorf("a magnet link: %q, %q, %v", m.Trackers, unedited.Last, err)
	}
}

func TestDeadReadsOnlyScrapes(t *testing.T) {
	for in, want := range map[string]string{
		"":                             "not the JSON of bt scrape: there is no tracker in it",
		"nonsense":                     "line 1: not JSON: invalid character",
		`{"torrents":1}`:               "line 1: not the JSON of bt scrape: torrents is not a list",
		"{}":                           "not the JSON of bt scrape: there is no tracker in it",
		`{"torrents":[]}`:              "not the JSON of bt scrape: there is no tracker in it",
		`{"announce":"http://a"}`:      "not the JSON of bt scrape: there is no tracker in it",
		`{"torrents":[{"swarms":[]}]}`: "not the JSON of bt scrape: there is no tracker in it",
		scraped(urlA+" ok") + "x":      "line 2: not JSON: invalid character",
		"{}\n" + scraped(urlA+" ok") + "\n{\"torrents\":":   "not JSON: it ends too early",
		at("soon", urlA+" ok"):                              `line 1: not the JSON of bt scrape: time is "soon", and not a time such as `,
		at("", urlA+" ok"):                                  `line 1: not the JSON of bt scrape: time is "", and not a time such as `,
		scraped(urlA+" ok") + "\n" + at("soon", urlA+" ok"): `line 3: not the JSON of bt scrape: time is "soon", `,
		"[]":              "line 1: not the JSON of bt scrape: it is not an object",
		"\n\n\"x\"":       "line 3: not the JSON of bt scrape: it is not an object",
		`{"time":5}`:      "line 1: not the JSON of bt scrape: time is not a text",
		`{"torrents":{}}`: "line 1: not the JSON of bt scrape: torrents is not a list",
		"{\n\"torrents\":[\n{\"swarms\":[\n{\"trackers\":[{\"url\":[]}]}]}]}": "line 4: not the JSON of bt scrape: torrents.swarms.trackers.url is not a text",
	} {
		if s, err := ReadScrapes([]byte(in)); s != nil || err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v, want %s", in, err, want)
		}
	}
}

// The documents of bt scrape --watch --json are as good as files.
func TestDeadOfLines(t *testing.T) {
	first, last := at(noon, urlA+" refused", urlB+" ok"), at(later, urlA+" dns", urlB+" refused")
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

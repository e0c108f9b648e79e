package rewrite

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Every edit of trackers on canonical torrents, to the byte.
func TestTrackers(t *testing.T) {
	bare := "d7:comment1:c" + info + "e"
	one := "d" + announce(urlA) + "7:comment1:c" + info + "e"
	two := "d" + announce(urlA) + tiers(listOf(urlA), listOf(urlB)) + "7:comment1:c" + info + "e"
	three := "d" + announce(urlA) + tiers(listOf(urlA, urlB), listOf(urlC)) + info + "e"
	fifty := make([]string, 50)
	for i := range fifty {
		fifty[i] = fmt.Sprintf("udp://t%d.example:6969", i)
	}
	checkChanges(t, []change{
		{name: "nothing", in: three},
		{name: "set the first", in: bare, edit: setTo([]string{urlB}), out: "d" + announce(urlB) + "7:comment1:c" + info + "e"},
		{name: "set one, no list", in: two, edit: setTo([]string{urlB}), out: "d" + announce(urlB) + "7:comment1:c" + info + "e"},
		{name: "set two tiers", in: one, edit: setTo([]string{urlA}, []string{urlB}), out: two},
		{name: "set one tier of two", in: one, edit: setTo([]string{urlB, urlA}),
			out: "d" + announce(urlB) + tiers(listOf(urlB, urlA)) + "7:comment1:c" + info + "e"},
		{name: "set what is there", in: two, edit: setTo([]string{urlA}, []string{urlB})},
		{name: "set with an empty tier", in: bare, edit: setTo(nil, []string{urlB}, nil), out: "d" + announce(urlB) + "7:comment1:c" + info + "e"},
		{name: "set a tier of 50", in: one, edit: setTo(fifty), out: "d" + announce(fifty[0]) + tiers(listOf(fifty...)) + "7:comment1:c" + info + "e"},
		{name: "set none", in: two, edit: setTo(), out: bare, warning: []string{"no-tracker"}},
		{name: "set none of none", in: bare, edit: setTo()},

		{name: "remove a URL", in: three, edit: trackerEdit(TrackerEdit{Remove: []string{urlB}}),
			out: "d" + announce(urlA) + tiers(listOf(urlA), listOf(urlC)) + info + "e"},
		{name: "remove the first: announce is the next", in: three, edit: trackerEdit(TrackerEdit{Remove: []string{"a.example"}}),
			out: "d" + announce(urlB) + tiers(listOf(urlB), listOf(urlC)) + info + "e"},
		{name: "remove a tier", in: three, edit: trackerEdit(TrackerEdit{Remove: []string{"a.example", "b.example:6969"}}), out: "d" + announce(urlC) + info + "e"},
		{name: "remove by a glob, to one", in: three, edit: trackerEdit(TrackerEdit{Remove: []string{"[ab].example"}}), out: "d" + announce(urlC) + info + "e"},
		{name: "remove all", in: three, edit: trackerEdit(TrackerEdit{Remove: []string{"*"}}), out: "d" + info + "e", warning: []string{"no-tracker"}},
		{name: "remove what is not there", in: three, edit: trackerEdit(TrackerEdit{Remove: []string{"a.example:81", "x.example", "http://a.example"}})},
		{name: "remove one of 50", in: "d" + announce(fifty[0]) + tiers(listOf(fifty...), listOf(urlA)) + info + "e", edit: trackerEdit(TrackerEdit{Remove: []string{"t49.example"}}),
			out: "d" + announce(fifty[0]) + tiers(listOf(fifty[:49]...), listOf(urlA)) + info + "e"},
		{name: "drop", in: three, edit: trackerEdit(TrackerEdit{Drop: func(u string) bool { return u == urlA || u == urlC }}), out: "d" + announce(urlB) + info + "e"},

		{name: "add to none", in: bare, edit: add(0, urlB), out: "d" + announce(urlB) + "7:comment1:c" + info + "e"},
		{name: "add a last tier", in: one, edit: add(0, urlB), out: two},
		{name: "add two in one tier", in: one, edit: add(0, urlB, urlC, urlB),
			out: "d" + announce(urlA) + tiers(listOf(urlA), listOf(urlB, urlC)) + "7:comment1:c" + info + "e"},
		{name: "add a first tier", in: one, edit: add(First, urlB),
			out: "d" + announce(urlB) + tiers(listOf(urlB), listOf(urlA)) + "7:comment1:c" + info + "e"},
		{name: "add into tier 1", in: two, edit: add(1, urlC),
			out: "d" + announce(urlA) + tiers(listOf(urlA, urlC), listOf(urlB)) + "7:comment1:c" + info + "e"},
		{name: "add into tier 2", in: two, edit: add(2, urlC),
			out: "d" + announce(urlA) + tiers(listOf(urlA), listOf(urlB, urlC)) + "7:comment1:c" + info + "e"},
		{name: "add into tier 9 of 2", in: two, edit: add(9, urlC),
			out: "d" + announce(urlA) + tiers(listOf(urlA), listOf(urlB), listOf(urlC)) + "7:comment1:c" + info + "e"},
		{name: "add what is there", in: three, edit: add(First, urlC, urlB)},
		{name: "add one that is there and one that is not", in: one, edit: add(0, urlA, urlB), out: two},
		{name: "add a tier of 50", in: one, edit: add(0, fifty...),
			out: "d" + announce(urlA) + tiers(listOf(urlA), listOf(fifty...)) + "7:comment1:c" + info + "e"},

		{name: "dedupe", in: "d" + announce(urlA) + tiers(listOf(urlA, urlB, urlA), listOf(urlB), listOf(urlC, urlC)) + info + "e",
			edit: trackerEdit(TrackerEdit{Dedupe: true}), out: three},
		{name: "dedupe to one", in: "d" + announce(urlA) + tiers(listOf(urlA), listOf(urlA)) + info + "e",
			edit: trackerEdit(TrackerEdit{Dedupe: true}), out: "d" + announce(urlA) + info + "e"},
		{name: "nothing to dedupe", in: three, edit: trackerEdit(TrackerEdit{Dedupe: true})},

		{name: "the parts in their order", in: three, edit: Edit{Trackers: TrackerEdit{
			Remove:  []string{"b.example"},
			Replace: []Replacement{{How: HowHost, Old: "c.example", New: "b.example"}},
			Passkey: "fedcba9876543210fedc",
			Add:     []Addition{{URLs: []string{"https://b.example/0123456789abcdef0123/announce"}, Tier: 1}},
		}}, out: "d" + announce(urlA) + tiers(listOf(urlA, "https://b.example/0123456789abcdef0123/announce"), listOf("https://b.example/fedcba9876543210fedc/announce")) + info + "e",
			again: "d" + announce(urlA) + tiers(listOf(urlA, "https://b.example/0123456789abcdef0123/announce")) + info + "e"},
	})
}

// The parts of a URL that are not replaced do not change.
func TestReplaceInTrackers(t *testing.T) {
	one := func(u string) string { return "d" + announce(u) + info + "e" }
	regex := func(old, new string) Edit {
		return trackerEdit(TrackerEdit{Replace: []Replacement{{How: HowRegexp, Regexp: regexp.MustCompile(old), New: new}}})
	}
	passkey := func(new string) Edit { return trackerEdit(TrackerEdit{Passkey: new}) }
	checkChanges(t, []change{
		{name: "text", in: one(urlA), edit: replace(HowLiteral, "http://a.", "https://z."), out: one("https://z.example/announce")},
		{name: "text everywhere", in: one("http://a.example/a"), edit: replace(HowLiteral, "a", "aa"),
			out: one("http://aa.exaample/aa"), again: one("http://aaaa.exaaaample/aaaa")},
		{name: "text that is not there", in: one(urlA), edit: replace(HowLiteral, "https", "http")},
		{name: "regular expression", in: one(urlC), edit: regex(`^https://([^/]*)/([0-9a-f]+)/(.*)`, "http://$1:80/$3?passkey=$2"),
			out: one("http://c.example:80/announce?passkey=0123456789abcdef0123")},
		{name: "one after another", in: one(urlA), edit: trackerEdit(TrackerEdit{Replace: []Replacement{
			{How: HowLiteral, Old: "a.example", New: "b.example"}, {How: HowHost, Old: "b.example", New: "c.example:81"},
		}}), out: one("http://c.example:81/announce")},
		{name: "both in the list and announce", in: "d" + announce(urlA) + tiers(listOf(urlA, urlB), listOf("http://A.example:80/x")) + info + "e", edit: replace(HowHost, "a.example", "z.example"),
			out: "d" + announce("http://z.example/announce") + tiers(listOf("http://z.example/announce", urlB), listOf("http://z.example:80/x")) + info + "e"},

		{name: "host with user and password", in: one("http://u:p%40@a.example/announce?a.example"), edit: replace(HowHost, "a.example", "b.example"),
			out: one("http://u:p%40@b.example/announce?a.example")},
		{name: "host that is a user", in: one("http://a.example:80@b.example/announce"), edit: replace(HowHost, "a.example", "z.example")},
		{name: "IPv6", in: one("http://[2001:DB8::1]:6969/announce"), edit: replace(HowHost, "2001:db8:0::1", "[2001:db8::2]"), out: one("http://[2001:db8::2]:6969/announce")},
		{name: "IPv6 with a port", in: one("udp://[::1]:6969"), edit: replace(HowHost, "[::1]:6969", "[::2]:80"), out: one("udp://[::2]:80")},
		{name: "from IPv6", in: one("http://u@[::1]/a"), edit: replace(HowHost, "::1", "a.example:1"), out: one("http://u@a.example:1/a")},
		{name: "text in IPv6", in: one("http://[::1]/a"), edit: replace(HowLiteral, "[::1]", "[::2]"), out: one("http://[::2]/a")},

		{name: "passkey in the path", in: one(urlC), edit: passkey("k"), out: one("https://c.example/k/announce")},
		{name: "passkey in the query", in: one("http://u:p@a.example/announce?passkey=a=b%7C?c%25&x=1"), edit: passkey("new"),
			out: one("http://u:p@a.example/announce?passkey=new&x=1")},
		{name: "passkey of = | ? %", in: one("http://a.example/announce?passkey=old&x=1"), edit: passkey("a=b|c?d%e&f"),
			out: one("http://a.example/announce?passkey=a=b%7Cc%3Fd%25e%26f&x=1")},
		{name: "passkey of = | ? % in the path", in: one(urlC), edit: passkey("a=b|c?d%e/f"), out: one("https://c.example/a=b%7Cc%3Fd%25e%2Ff/announce")},
		{name: "host beside a passkey of = | ? %", in: one("http://a.example/announce?passkey=a=b|c?d%e&x=1"), edit: replace(HowHost, "a.example", "b.example"),
			out: one("http://b.example/announce?passkey=a=b|c?d%e&x=1")},
		{name: "no passkey to replace", in: one(urlA), edit: passkey("new")},
		{name: "passkeys of all", in: "d" + announce(urlC) + tiers(listOf(urlC, urlA), listOf("http://[::1]/?pk=1")) + info + "e", edit: passkey("2"),
			out: "d" + announce("https://c.example/2/announce") + tiers(listOf("https://c.example/2/announce", urlA), listOf("http://[::1]/?pk=2")) + info + "e"},
		{name: "passkeys of what was set", in: one(urlA), edit: Edit{Trackers: TrackerEdit{Set: true, Tiers: [][]string{{urlC}}, Passkey: "k"}}, out: one("https://c.example/k/announce")},
		{name: "a wrong URL that the edit is not about", in: "d" + announce("nonsense") + tiers(listOf("nonsense", urlA)) + info + "e", edit: replace(HowHost, "a.example", "b.example"),
			out: "d" + announce("nonsense") + tiers(listOf("nonsense", "http://b.example/announce")) + info + "e"},
	})
}

// Trackers whose passkey was not replaced are listed once, with their URL at that time.
func TestPasskeysReport(t *testing.T) {
	const (
		two   = "http://a.example/0123456789abcdef/fedcba9876543210/announce"
		twice = "http://b.example/announce?pk=1&pk=2"
		none  = "udp://c.example:6969"
		one   = "http://d.example/announce?passkey=1"
	)
	passkey := TrackerEdit{Passkey: "new"}
	rule := func(host string) Rule { return Rule{Match: matching(host), Edit: trackerEdit(passkey)} }
	in := "d" + announce("http://e.example/announce") + tiers(listOf(two, none, two), listOf(one, twice, none)) + info + "8:url-list" + text(two) + "e"
	for name, tt := range map[string]struct {
		edit Edit
		want Unedited
	}{
		"all":         {trackerEdit(passkey), Unedited{Unclear: []string{two, twice}, None: []string{none, "http://e.example/announce"}}},
		"one rule":    {Edit{Rules: []Rule{rule("b.example")}}, Unedited{Unclear: []string{twice}}},
		"two rules":   {Edit{Rules: []Rule{rule("c.example"), rule("b.example"), rule("c.example")}}, Unedited{Unclear: []string{twice}, None: []string{none}}},
		"after hosts": {Edit{Trackers: TrackerEdit{Remove: []string{"a.example", "b.example", "e.example"}, Passkey: "new", Replace: []Replacement{{How: HowHost, Old: "c.example", New: "z.example"}}}}, Unedited{None: []string{"udp://z.example:6969"}}},
		"no passkey":  {replace(HowHost, "a.example", "z.example"), Unedited{}},
	} {
		r, err := Apply([]byte(in), &tt.edit)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !reflect.DeepEqual(r.Unedited, tt.want) {
			t.Errorf("%s: %q, want %q", name, r.Unedited, tt.want)
		}
		if name == "all" && (!strings.Contains(string(r.Bytes), "passkey=new") || strings.Count(string(r.Bytes), two) != 4) {
			t.Errorf("%s: %q", name, r.Bytes)
		}
	}
	m := &Magnet{HasV1: true, Trackers: []string{two, none, one}, WebSeeds: []string{two}}
	edit := trackerEdit(passkey)
	edited, report, err := edit.Magnet(m)
	if want := (Unedited{Unclear: []string{two}, None: []string{none}}); err != nil || !reflect.DeepEqual(report, want) ||
		!slices.Equal(edited.Trackers, []string{two, none, "http://d.example/announce?passkey=new"}) {
		t.Errorf("%q, %q, %v", edited.Trackers, report, err)
	}
}

func TestHowString(t *testing.T) {
	if got := fmt.Sprint(HowLiteral, HowRegexp, HowHost); got != "literal regexp host" {
		t.Error(got)
	}
}

package rewrite

import (
	"regexp"
	"strings"
	"testing"

	"bt/internal/metainfo"
)

func matching(pattern string) func(string) bool {
	return func(u string) bool { return metainfo.MatchURL(u, pattern) }
}

// Two trackers with passkeys, and one torrent that has both.
const (
	urlK = "http://k.example/kkkkkkkkkk0123456789/announce"
	urlM = "http://m.example/announce?passkey=mmmm"
)

func TestRules(t *testing.T) {
	in := "d" + announce(urlK) + tiers(listOf(urlK, urlA), listOf(urlM)) + info + "e"
	passkey := func(pattern, key string) Rule {
		return Rule{Match: matching(pattern), Edit: trackerEdit(TrackerEdit{Passkey: key})}
	}
	rule := func(pattern string, e TrackerEdit) Edit {
		return Edit{Rules: []Rule{{Match: matching(pattern), Edit: trackerEdit(e)}}}
	}
	newK := strings.Replace(urlK, "kkkkkkkkkk0123456789", "new", 1)
	newM := strings.Replace(urlM, "mmmm", "new", 1)
	checkChanges(t, []change{
		{name: "none matches", in: in, edit: rule("x.example", TrackerEdit{Set: true, Passkey: "new"})},
		{name: "none to match", in: "d" + info + "e", edit: rule("*", TrackerEdit{Add: []Addition{{URLs: []string{urlA}}}})},
		{name: "a passkey for one", in: in, edit: Edit{Rules: []Rule{passkey("k.example", "new")}},
			out: "d" + announce(newK) + tiers(listOf(newK, urlA), listOf(urlM)) + info + "e"},
		{name: "a passkey for the other", in: in, edit: Edit{Rules: []Rule{passkey("m.example", "new")}},
			out: "d" + announce(urlK) + tiers(listOf(urlK, urlA), listOf(newM)) + info + "e"},
		{name: "each its own", in: in, edit: Edit{Rules: []Rule{passkey("m.example", "new"), passkey("k.example", "nnew")}},
			out: "d" + announce(strings.Replace(newK, "new", "nnew", 1)) + tiers(listOf(strings.Replace(newK, "new", "nnew", 1), urlA), listOf(newM)) + info + "e"},
		{name: "a passkey for a tracker that another rule moves", in: in, edit: Edit{Rules: []Rule{
			{Match: matching("k.example"), Edit: trackerEdit(TrackerEdit{Replace: []Replacement{{How: HowHost, Old: "k.example", New: "n.example"}}})},
			passkey("n.example", "new"),
		}}, out: "d" + announce("http://n.example/new/announce") + tiers(listOf("http://n.example/new/announce", urlA), listOf(urlM)) + info + "e"},
		{name: "host and passkey in one rule", in: in, edit: rule("k.example", TrackerEdit{Replace: []Replacement{{How: HowHost, Old: "k.example", New: "n.example"}}, Passkey: "new"}),
			out: "d" + announce("http://n.example/new/announce") + tiers(listOf("http://n.example/new/announce", urlA), listOf(urlM)) + info + "e"},
		{name: "replace in those that match", in: in, edit: rule("m.example", TrackerEdit{Replace: []Replacement{{How: HowLiteral, Old: "announce", New: "a"}}}),
			out: "d" + announce(urlK) + tiers(listOf(urlK, urlA), listOf("http://m.example/a?passkey=mmmm")) + info + "e"},
		{name: "remove those that match", in: in, edit: rule("k.example", TrackerEdit{Remove: []string{"*"}}),
			out: "d" + announce(urlA) + tiers(listOf(urlA), listOf(urlM)) + info + "e"},
		{name: "drop of those that match", in: in, edit: rule("[km].example", TrackerEdit{Drop: func(u string) bool { return u != urlK }}),
			out: "d" + announce(urlK) + tiers(listOf(urlK, urlA)) + info + "e"},
		{name: "what was added has no part in it", in: in, edit: rule("k.example", TrackerEdit{Passkey: "new", Add: []Addition{{URLs: []string{urlC}, Tier: 1}}}),
			out: "d" + announce(newK) + tiers(listOf(newK, urlA, urlC), listOf(urlM)) + info + "e"},
		{name: "set all", in: in, edit: rule("a.example", TrackerEdit{Set: true, Tiers: [][]string{{urlB}}}), out: "d" + announce(urlB) + info + "e"},
		{name: "set all to those that match not: no passkey", in: in, edit: rule("k.example", TrackerEdit{Set: true, Tiers: [][]string{{urlC}}, Passkey: "new"}),
			out: "d" + announce(urlC) + info + "e"},
		{name: "all matched removed, the next rule finds none", in: in, edit: Edit{Rules: []Rule{
			{Match: matching("*"), Edit: trackerEdit(TrackerEdit{Remove: []string{"*"}})},
			{Match: matching("*"), Edit: trackerEdit(TrackerEdit{Add: []Addition{{URLs: []string{urlA}}}})},
		}}, out: "d" + info + "e", warning: []string{"no-tracker"}},
		{name: "rules before the rest", in: in, edit: Edit{Rules: []Rule{passkey("k.example", "kkkkkkkkkkkkkkkknew")}, Trackers: TrackerEdit{Remove: []string{"*new*"}}},
			out: "d" + announce(urlA) + tiers(listOf(urlA), listOf(urlM)) + info + "e"},
		{name: "other parts of a rule", in: in, edit: Edit{NewInfoHash: true, Rules: []Rule{
			{Match: matching("m.example"), Edit: Edit{Keys: []KeyEdit{{"comment", Text("c")}}, WebSeeds: []string{urlA}, NoNodes: true, Info: []KeyEdit{{"source", Text("M")}}}},
			{Match: matching("x.example"), Edit: Edit{Keys: []KeyEdit{{"comment", Text("x")}}, Info: []KeyEdit{{"source", Text("X")}}}},
		}}, out: "d" + announce(urlK) + tiers(listOf(urlK, urlA), listOf(urlM)) + "7:comment1:c" + strings.TrimSuffix(info, "e") + "6:source1:Me" + webSeeds(urlA) + "e"},
	})
}

// The new passkey is in no URL of another tracker.
func TestPasskeyGoesNowhereElse(t *testing.T) {
	urls := []string{
		"http://a.example/0123456789abcdef/announce", "http://a.example.evil/0123456789abcdef/announce", "http://evila.example/0123456789abcdef/announce",
		"http://a.example@evil.example/0123456789abcdef/announce", "http://evil.example/?u=http://a.example/&passkey=1", "http://evil.example/a.example/0123456789abcdef",
		"http://evil.example#http://a.example/?passkey=1", "http://A.Example:80/?pk=1", "http://u:p@a.example/?pk=1", "http://[::1]/?pk=1",
	}
	for _, pattern := range []string{"a.example", "A.EXAMPLE.", "a.example:80"} {
		var tier []string
		e := Edit{Rules: []Rule{{Match: matching(pattern), Edit: trackerEdit(TrackerEdit{Passkey: "THENEWPASSKEY"})}}}
		tier = append(tier, urls...)
		r := mustApply(t, "d"+tiers(listOf(tier...))+info+"e", &e)
		for i, u := range torrentOf(r.Bytes).Trackers()[0] {
			own := i == 0 || i == 7 || i == 8
			if strings.Contains(u, "THENEWPASSKEY") != own || !own && u != urls[i] {
				t.Errorf("%s: %q became %q", pattern, urls[i], u)
			}
		}
	}
}

// Rule.Match gets the URLs of the torrent, with blanks trimmed.
func TestRulesByRegexp(t *testing.T) {
	re := regexp.MustCompile(`^http://a\.example/[^/]*$`)
	e := Edit{Rules: []Rule{{Match: re.MatchString, Edit: replace(HowHost, "a.example", "b.example")}}}
	in := "d" + tiers(listOf(" "+urlA+"\n", "http://a.example/x/y")) + info + "e"
	want := "d" + announce("http://b.example/announce") + tiers(listOf("http://b.example/announce", "http://a.example/x/y")) + info + "e"
	if r := mustApply(t, in, &e); string(r.Bytes) != want {
		t.Errorf("got\n%q, want\n%q", r.Bytes, want)
	}
}

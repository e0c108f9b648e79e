package rewrite

import (
	"slices"
	"testing"
)

func TestDrop(t *testing.T) {
	dead := func(url string) bool { return url == urlC }
	in := "d" + announce(urlC) + tiers(listOf(urlC, urlA), listOf(urlM), listOf(urlC)) + info + "e"
	checkChanges(t, []change{
		{name: "drop", in: in, edit: trackerEdit(TrackerEdit{Drop: dead, KeepLast: true}), out: "d" + announce(urlA) + tiers(listOf(urlA), listOf(urlM)) + info + "e"},
		{name: "drop all", in: "d" + announce(urlC) + info + "e", edit: trackerEdit(TrackerEdit{Drop: dead}), out: "d" + info + "e", warning: []string{"no-tracker"}},
		{name: "drop none", in: "d" + announce(urlA) + info + "e", edit: trackerEdit(TrackerEdit{Drop: dead})},
		{name: "what is dead by one spelling only", in: "d" + announce("http://u:p@[::1]/a") + info + "e", edit: trackerEdit(TrackerEdit{Drop: dead})},
	})
}

// KeepLast keeps the last tracker.
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

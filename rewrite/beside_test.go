package rewrite

import (
	"strings"
	"testing"
)

// An announce that is not in announce-list, and oddities in trackers, are edited if the
// edit concerns them, and kept otherwise.
func TestTrackersBesideTheList(t *testing.T) {
	outside := "d" + announce(urlC) + tiers(listOf(urlA)) + info + "e"
	odd := "http://old.example/abc%/announce"
	fast := func(trackers string) string { return fastresume(trackers, "le") }
	checkChanges(t, []change{
		{name: "set: announce is not in the list", in: outside, edit: setTo([]string{urlA}), out: "d" + announce(urlA) + info + "e"},
		{name: "set: announce twice", in: "d" + announce(urlA) + announce(urlC) + info + "e", edit: setTo([]string{urlA}), out: "d" + announce(urlA) + info + "e"},
		{name: "set: list of one", in: "d" + announce(urlA) + tiers(listOf(urlA)) + info + "e", edit: setTo([]string{urlA}), out: "d" + announce(urlA) + info + "e"},
		{name: "remove: announce is not in the list", in: outside, edit: trackerEdit(TrackerEdit{Remove: []string{"c.example"}}), out: "d" + announce(urlA) + info + "e", warning: []string{"announce-dropped"}},
		{name: "none: an announce of blanks", in: "d" + announce(" ") + info + "e", edit: setTo(), out: "d" + info + "e"},
		{name: "host: announce is not in the list", in: outside, edit: replace(HowHost, "c.example", "d.example"), out: "d" + announce(urlA) + info + "e", warning: []string{"announce-dropped"}},
		{name: "blanks around announce, no list: no warning", in: "d" + announce(urlA+"\n") + info + "e", edit: add(0, urlB), out: "d" + announce(urlA) + tiers(listOf(urlA), listOf(urlB)) + info + "e"},
		{name: "host: a URL that was unreadable before", in: "d" + announce(odd) + info + "e", edit: replace(HowHost, "old.example", "new.example"), out: "d" + announce(strings.Replace(odd, "old", "new", 1)) + info + "e"},
		{name: "host: a password with |", in: "d" + announce("http://u:p|w@a.example/x") + info + "e", edit: replace(HowHost, "a.example", "b.example"), out: "d" + announce("http://u:p|w@b.example/x") + info + "e"},

		{name: "fastresume: an empty tier", in: fast("lle" + listOf(urlA) + "e"), edit: Edit{}},
		{name: "fastresume: only empty tiers", in: fast("llee"), edit: Edit{}},
		{name: "fastresume: plain list", in: fast(listOf(urlA)), edit: Edit{}},
	})
}

func TestRenameOfOneFile(t *testing.T) {
	to := setInfo("name", Text("new"))
	const filesX = "5:filesld6:lengthi5e4:pathl1:xeee"
	utf8 := func(name, tree, u string) string {
		return "d" + strings.Replace(v2Info(name, v2Leaf(tree)), "12:piece length", "10:name.utf-8"+text(u)+"12:piece length", 1) + "e"
	}
	checkChanges(t, []change{
		{name: "hybrid, a directory of one file of its name", in: "d" + hybridInfo("x", v2Leaf("x"), filesX) + "e", edit: to, out: "d" + hybridInfo("new", v2Leaf("x"), filesX) + "e"},
		{name: "empty name.utf-8", in: utf8("x", "x", ""), edit: to, out: utf8("new", "new", "new")},
		{name: "name.utf-8 that is none", in: utf8("x", "x", "\xff"), edit: to, out: utf8("new", "new", "new")},
	})
	e := setInfo("name", Text("x"))
	if r, err := Apply([]byte("d"+v2Info("dir", v2Leaf("x"))+"e"), &e); err == nil || !strings.Contains(err.Error(), "directory") {
		t.Errorf("v2: a directory dir/x renamed to x, a single file: %+v, %v", r, err)
	}
}

func TestChangesOfOddDicts(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		edit     Edit
		want     string
	}{
		{"trailing bytes from none", "d" + info + "e", jsonEdit("d"+info+"e\n", false), `[{"key":"$trailing","new":"\n"}]`},
		{"a duplicate goes", "d7:comment1:a7:comment1:b" + info + "e", setKey("comment", Text("a")), `[{"key":"comment","old":{"$pairs":[["comment","a"],["comment","b"]]},"new":"a"}]`},
		{"order inside info beside another change", "d7:comment1:c4:infod4:name1:x6:lengthi5eee", jsonEdit("d7:comment1:d4:infod6:lengthi5e4:name1:xee", true), `[{"key":"comment","old":"c","new":"d"},{"key":"info.$order"}]`},
	} {
		r := mustApply(t, tt.in, &tt.edit)
		if got := changesJSON(r.Changes); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestBadValues(t *testing.T) {
	// Values that are not bencode, or are more than one value.
	for _, v := range []string{"", "x", "i1e1:yi2e", "i1ee1:x"} {
		func() {
			defer func() {
				if p := recover(); p != nil {
					t.Errorf("value %q: panic %v", v, p)
				}
			}()
			e := Edit{Rules: []Rule{{Match: all, Edit: setKey("url-list", []byte(v))}}}
			if r, err := Apply([]byte("d"+announce(urlA)+info+"e"), &e); err == nil {
				t.Errorf("value %q: made %q", v, r.Bytes)
			}
		}()
	}
}

// An edit that is refused returns no Result, and a resume file can't be replaced by a
// torrent.
func TestNothingBesideAnError(t *testing.T) {
	for in, json := range map[string]string{
		"d" + info + "e":       `{"info":{"length":6,"name":"x"}}`,
		fastresume("le", "le"): `{"info":{"length":5,"name":"x"}}`,
	} {
		if r, err := Apply([]byte(in), &Edit{Whole: whole(json)}); err == nil || r != nil {
			t.Errorf("%q: %+v, %v", in, r, err)
		}
	}
}

func TestRulesOfMagnets(t *testing.T) {
	rules := func(e Edit) *Edit { return &Edit{Rules: []Rule{{Match: all, Edit: e}}} }
	m, _, err := rules(Edit{WebSeeds: []string{urlA}}).Magnet(&Magnet{HasV1: true, Trackers: []string{urlA}})
	if err != nil || len(m.WebSeeds) != 1 {
		t.Errorf("web seeds: %+v, %v", m, err)
	}
	if m, _, err := rules(setKey("comment", Text("x"))).Magnet(&Magnet{HasV1: true, Trackers: []string{urlA}}); err == nil {
		t.Errorf("a comment: %+v", m)
	}
}

package rewrite

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// The listed changes, by key and as lossless JSON: keys of the result in its order, and
// then removed keys.
func TestChanges(t *testing.T) {
	v1 := "d" + announce(urlA) + "7:comment1:c" + info + "e"
	listed := func(urls string) string { return `[{"key":"announce","old":"http://a.example/announce","new":` + urls }
	private := strings.TrimSuffix(info, "e") + "7:privatei1ee"
	for _, tt := range []struct {
		name, in string
		edit     Edit
		want     string
	}{
		{"nothing", v1, Edit{}, `[]`},
		{"what was so", v1, setTo([]string{urlA}), `[]`},
		{"announce", v1, setTo([]string{urlB}), listed(`"udp://b.example:6969"}]`)},
		{"announce and list", v1, setTo([]string{urlB, urlA}, []string{"http://x/?a=1&b=<>"}),
			listed(`"udp://b.example:6969"},{"key":"announce-list","new":[["udp://b.example:6969","http://a.example/announce"],["http://x/?a=1&b=<>"]]}]`)},
		{"none", v1, setTo(), `[{"key":"announce","old":"http://a.example/announce"}]`},
		{"comment and seeds", v1, Edit{Keys: []KeyEdit{{"comment", Text("\xff")}}, WebSeeds: []string{"u"}}, `[{"key":"comment","old":"c","new":{"$hex":"ff"}},{"key":"url-list","new":["u"]}]`},
		{"gone keys after those that are there", v1, Edit{Keys: []KeyEdit{{"comment", nil}, {"z", Integer(1)}}}, `[{"key":"z","new":1},{"key":"comment","old":"c"}]`},
		{"an odd number", "d4:datei007e" + info + "e", setKey("date", Integer(7)), `[{"key":"date","old":{"$raw":"6930303765"},"new":7}]`},
		{"inside info", v1, setInfo("private", Integer(1)), `[{"key":"info.private","new":1}]`},
		{"info in between", v1, Edit{NewInfoHash: true, Info: []KeyEdit{{"private", Integer(1)}, {"name", Text("y")}}, Keys: []KeyEdit{{"comment", Text("d")}, {"z", Text("")}}},
			`[{"key":"comment","old":"c","new":"d"},{"key":"info.name","old":"x","new":"y"},{"key":"info.private","new":1},{"key":"z","new":""}]`},
		{"out of info", "d" + private + "e", setInfo("private", nil), `[{"key":"info.private","old":1}]`},
		{"JSON with other bytes after it", "d" + info + "e\n", jsonEdit("d"+info+"e\xff", false), `[{"key":"$trailing","old":"\n","new":{"$hex":"ff"}}]`},
		{"JSON with other info", "d" + info + "e", jsonEdit("d"+private+"e", true), `[{"key":"info.private","new":1}]`},
		{"JSON in another order", "d" + info + "1:z0:e", jsonEdit("d1:z0:"+info+"e", false), `[{"key":"$order"}]`},
		{"JSON with info in another order", "d4:infod4:name1:x6:lengthi5eee", jsonEdit("d4:infod6:lengthi5e4:name1:xee", true), `[{"key":"info.$order"}]`},
	} {
		r := mustApply(t, tt.in, &tt.edit)
		if got := changesJSON(r.Changes); got != tt.want {
			t.Errorf("%s: got\n%s, want\n%s", tt.name, got, tt.want)
		}
	}
}

// changesJSON formats changes as a list.
func changesJSON(list []Change) string {
	var b strings.Builder
	for i, c := range list {
		fmt.Fprintf(&b, "%s{\"key\":%q", []string{"", ","}[min(i, 1)], c.Key)
		for _, v := range []struct {
			name  string
			value Value
		}{{"old", c.Old}, {"new", c.New}} {
			if v.value != nil {
				fmt.Fprintf(&b, ",%q:", v.name)
				_ = v.value.WriteJSON(&b) // a Builder makes no errors
			}
		}
		b.WriteString("}")
	}
	return "[" + b.String() + "]"
}

// A nil Value has no text and no items.
func TestNoValue(t *testing.T) {
	var v Value
	text, isText := v.Text()
	items, isList := v.Items()
	for item := range items {
		t.Errorf("an item: %q", item)
	}
	var b strings.Builder
	if err := v.WriteJSON(&b); err != nil || text != "" || isText || isList || b.String() != "null" {
		t.Errorf("%q, %v, %v, %q, %v", text, isText, isList, b.String(), err)
	}
}

// jsonEdit returns an edit that replaces a torrent by the JSON of another.
func jsonEdit(torrent string, newInfoHash bool) Edit {
	t, err := Apply([]byte(torrent), &Edit{})
	if err != nil {
		panic(err)
	}
	var b bytes.Buffer
	_ = torrentOf(t.Bytes).WriteJSON(&b) // a Buffer makes no errors
	return Edit{Whole: whole(b.String()), NewInfoHash: newInfoHash}
}

// whole returns the torrent for JSON.
func whole(json string) []byte {
	b, err := FromJSON([]byte(json))
	if err != nil {
		panic(err)
	}
	return b
}

// A torrent converted to JSON and back is the same, and can be edited further.
func TestFromJSON(t *testing.T) {
	odd := "d1:z0:4:infod3:zzzi-0e6:lengthi005e04:name1:xe1:\xff1:\xfe7:comment1:a7:comment1:be\n"
	simple := "d4:infod3:zzzi-0e6:lengthi005e04:name1:xee"
	checkChanges(t, []change{
		{name: "as it was", in: odd, edit: jsonEdit(odd, false)},
		{name: "back to odd", in: simple, edit: jsonEdit(strings.Replace(odd, "7:comment1:b", "", 1), false), out: strings.Replace(odd, "7:comment1:b", "", 1)},
		{name: "to simple", in: odd, edit: jsonEdit(simple, false), out: simple},
		{name: "and then a tracker", in: odd, edit: Edit{Whole: jsonEdit(simple, false).Whole, Trackers: TrackerEdit{Set: true, Tiers: [][]string{{urlA}}}}, out: "d" + announce(urlA) + simple[1:]},
		{name: "its trackers count, not those of the file", in: "d" + announce(urlA) + info + "e", edit: Edit{Whole: jsonEdit("d"+announce(urlC)+info+"e", false).Whole,
			Trackers: TrackerEdit{Add: []Addition{{URLs: []string{urlB}}}}}, out: "d" + announce(urlC) + tiers(listOf(urlC), listOf(urlB)) + info + "e"},
		{name: "another torrent", in: odd, edit: jsonEdit("d"+info+"e", true), out: "d" + info + "e"},
	})
}

// Warnings are readable, and mask passkeys.
func TestWarnings(t *testing.T) {
	r := mustApply(t, "d"+announce(urlC)+tiers(listOf(urlA))+info+"e", &Edit{Trackers: TrackerEdit{Remove: []string{"a.example"}}})
	want := []Warning{
		{"no-tracker", "no tracker is left"},
		{"announce-dropped", "announce was not in announce-list, which clients prefer, and is replaced: https://c.example/****/announce"},
	}
	if len(r.Warnings) != 2 || r.Warnings[0] != want[0] || r.Warnings[1] != want[1] {
		t.Errorf("got %q, want %q", r.Warnings, want)
	}
	e := setInfo("private", Integer(1))
	r = mustApply(t, "d4:infod4:name1:x6:lengthi5eee", &e)
	if len(r.Warnings) != 1 || r.Warnings[0] != (Warning{"not-canonical", "the info dict is not canonical bencode: a program that encodes it again gets another info-hash"}) {
		t.Errorf("got %q", r.Warnings)
	}
}

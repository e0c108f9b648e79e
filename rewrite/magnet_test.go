package rewrite

import (
	"reflect"
	"strings"
	"testing"

	"bt/internal/metainfo"
)

func TestMagnet(t *testing.T) {
	const (
		head = "magnet:?xt=urn:btih:0123456789abcdef0123456789abcdef01234567"
		v2   = "&xt=urn:btmh:1220" + "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
		trA  = "&tr=http%3A%2F%2Fa.example%2Fannounce"
		trB  = "&tr=udp%3A%2F%2Fb.example%3A6969"
		trM  = "&tr=http%3A%2F%2Fm.example%2Fannounce%3Fpasskey%3Dmmmm"
		ws   = "&ws=http%3A%2F%2Fw.example%2F"
		rest = "&x.pe=[::1]:1&so=0%2C2-3&other=a%3Db%7C%3F%25"
	)
	for _, tt := range []struct {
		name, in string
		edit     Edit
		want     string
	}{
		{"nothing", head + v2 + "&dn=n&xl=5" + trA + ws + strings.ReplaceAll(rest, "%2C", ","), Edit{}, head + v2 + "&dn=n&xl=5" + trA + ws + strings.ReplaceAll(rest, "%2C", ",")},
		{"set", head + trA + trB + ws, setTo([]string{urlB}, []string{urlA}), head + trB + trA + ws},
		{"none", head + trA + trB + ws, setTo(), head + ws},
		{"add", head + trA, add(0, urlB, urlA), head + trA + trB},
		{"add first", head + trA, add(First, urlB), head + trB + trA},
		{"add behind the first", head + trA + trM, add(1, urlB), head + trA + trB + trM},
		{"remove", head + trA + trB, trackerEdit(TrackerEdit{Remove: []string{"a.example"}}), head + trB},
		{"host", head + trA + trB, replace(HowHost, "a.example", "[::2]:1"), head + "&tr=http%3A%2F%2F%5B%3A%3A2%5D%3A1%2Fannounce" + trB},
		{"passkey", head + trA + trM, trackerEdit(TrackerEdit{Passkey: "a=|?%"}), head + trA + "&tr=http%3A%2F%2Fm.example%2Fannounce%3Fpasskey%3Da%3D%257C%253F%2525"},
		{"dedupe", head + trA + trB + trA, trackerEdit(TrackerEdit{Dedupe: true}), head + trA + trB},
		{"a rule that matches", head + trA + trM, Edit{Rules: []Rule{{Match: matching("m.example"), Edit: replace(HowLiteral, "announce", "x")}}}, head + trA + strings.Replace(trM, "announce", "x", 1)},
		{"a rule that does not", head + trA, Edit{Rules: []Rule{{Match: matching("m.example"), Edit: setTo()}}}, head + trA},
		{"web seed", head + ws, Edit{WebSeeds: []string{"http://w.example/", urlA, urlA}}, head + ws + "&ws=http%3A%2F%2Fa.example%2Fannounce"},
		{"no web seeds", head + trA + ws, Edit{NoWebSeeds: true}, head + trA},
		{"other web seeds", head + "&ws=ftp%3A%2F%2Fa", Edit{NoWebSeeds: true, WebSeeds: []string{"http://w.example/"}}, head + ws},
	} {
		m, err := metainfo.ParseMagnet(tt.in)
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		before := *m
		edited, _, err := tt.edit.Magnet(m)
		if err != nil || edited.String() != tt.want {
			t.Errorf("%s: got\n%v, %v, want\n%s", tt.name, edited, err, tt.want)
		}
		if !reflect.DeepEqual(*m, before) || m.String() != tt.in {
			t.Errorf("%s: the link was changed to %s", tt.name, m)
		}
	}
}

// Adding a web seed does not change the list of the original link.
func TestMagnetSharesNoList(t *testing.T) {
	seeds := append(make([]string, 0, 8), "http://w.example/")
	m := &Magnet{HasV1: true, WebSeeds: seeds}
	one, _, err1 := (&Edit{WebSeeds: []string{urlA}}).Magnet(m)
	two, _, err2 := (&Edit{WebSeeds: []string{urlC}}).Magnet(m)
	if err1 != nil || err2 != nil || one.WebSeeds[1] != urlA || two.WebSeeds[1] != urlC {
		t.Errorf("%v %v, %v %v", one, err1, two, err2)
	}
}

func TestMagnetHasNoOtherParts(t *testing.T) {
	m := &Magnet{HasV1: true, Trackers: []string{urlC}}
	for name, e := range map[string]Edit{
		"comment": setKey("comment", Text("c")), "name": setInfo("name", Text("y")), "whole": {Whole: []byte("d4:infodee")},
		"HTTP seed": {HTTPSeeds: []string{urlA}}, "no HTTP seeds": {NoHTTPSeeds: true}, "node": {Nodes: []Node{{Host: "a", Port: 1}}}, "no nodes": {NoNodes: true},
	} {
		if edited, _, err := e.Magnet(m); err == nil || edited != nil || err.Error() != "a magnet link has only trackers and web seeds to edit" {
			t.Errorf("%s: %v, %v", name, edited, err)
		}
	}
	for name, e := range map[string]Edit{
		"tracker": replace(HowLiteral, "https://", ""), "tracker by a rule": {Rules: []Rule{{Match: all, Edit: replace(HowLiteral, "https://", "")}}},
	} {
		if edited, _, err := e.Magnet(m); err == nil || edited != nil || err.Error() != `the tracker "c.example/****/announce" has no scheme` {
			t.Errorf("%s: %v, %v", name, edited, err)
		}
	}
}

package rewrite

import (
	"strings"
	"testing"
)

// fastresume returns a resume file as qBittorrent writes it, with the given trackers
// and web seeds.
func fastresume(trackers, seeds string) string {
	return "d11:active_timei12e10:allocation6:sparse11:file-format22:libtorrent resume file12:file-versioni1e" +
		"9:httpseedsle9:info-hash20:\x00\xff\x02aaaaaaaaaaaaaaaaa12:num_completei16777215e5:peers6:\x7f\x00\x00\x01\x1a\xe16:pieces5:\x01\x01\x00\x01\x01" +
		"12:qBt-category4:abcd12:qBt-savePath2:/t8:qBt-tagsl1:ae14:qBt-ratioLimiti-2000e" + // not sorted
		"9:save_path2:/t8:trackers" + trackers + "17:upload_rate_limiti-1e8:url-list" + seeds + "e"
}

// In a resume file, trackers is a list of tiers, even for one tracker, and there is no
// announce.
func TestFastResume(t *testing.T) {
	two := "l" + listOf(urlA, urlB) + listOf(urlC) + "e"
	file := func(trackers string) string { return fastresume(trackers, "le") }
	none := strings.Replace(file("le"), "8:trackersle", "", 1)
	checkChanges(t, []change{
		{name: "nothing", in: file(two)},
		{name: "nothing, trailing bytes", in: file(two) + "\n\x00"},
		{name: "set one", in: file(two), edit: setTo([]string{urlB}), out: file("l" + listOf(urlB) + "e")},
		{name: "set two tiers", in: file("le"), edit: setTo([]string{urlA, urlB}, []string{urlC}), out: file(two)},
		{name: "set what is there", in: file(two), edit: setTo([]string{urlA, urlB}, []string{urlC})},
		{name: "none", in: file(two) + "x", edit: setTo(), out: file("le") + "x", warning: []string{"no-tracker"}},
		{name: "add", in: file("l" + listOf(urlA) + "e"), edit: add(1, urlB), out: file("l" + listOf(urlA, urlB) + "e")},
		{name: "add where there is no key", in: none, edit: setTo([]string{urlA}), out: strings.Replace(none, "17:upload_rate_limit", "8:trackersl"+listOf(urlA)+"e17:upload_rate_limit", 1)},
		{name: "remove", in: file(two), edit: trackerEdit(TrackerEdit{Remove: []string{"a.example"}}), out: file("l" + listOf(urlB) + listOf(urlC) + "e")},
		{name: "host", in: file(two), edit: replace(HowHost, "c.example", "u.example:1"), out: file("l" + listOf(urlA, urlB) + listOf(strings.Replace(urlC, "c.example", "u.example:1", 1)) + "e")},
		{name: "passkey", in: file(two), edit: trackerEdit(TrackerEdit{Passkey: "a=b|c?d%"}), out: file("l" + listOf(urlA, urlB) + listOf("https://c.example/a=b%7Cc%3Fd%25/announce") + "e")},
		{name: "a rule", in: file(two), edit: Edit{Rules: []Rule{{Match: matching("b.example"), Edit: trackerEdit(TrackerEdit{Remove: []string{"*"}})}}}, out: file("l" + listOf(urlA) + listOf(urlC) + "e")},
		{name: "web seed", in: file(two), edit: Edit{WebSeeds: []string{urlA}}, out: fastresume(two, listOf(urlA))},
		{name: "no web seeds", in: fastresume(two, listOf(urlA, urlC)), edit: Edit{NoWebSeeds: true}, out: strings.Replace(file(two), "8:url-listle", "", 1)},
		{name: "HTTP seed", in: file(two), edit: Edit{HTTPSeeds: []string{urlA}}, out: strings.Replace(file(two), "9:httpseedsle", "9:httpseeds"+listOf(urlA), 1)},
		{name: "trackers twice", in: strings.Replace(file(two), "17:upload", "8:trackersle17:upload", 1), edit: setTo([]string{urlA}), out: file("l" + listOf(urlA) + "e")},
		{name: "info in it", in: strings.Replace(file(two), "9:info-hash", info+"9:info-hash", 1), edit: setTo(),
			out: strings.Replace(file("le"), "9:info-hash", info+"9:info-hash", 1), warning: []string{"no-tracker"}},
	})
}

// Edits of the torrent itself are ignored with a warning, so that one edit can be
// applied to a directory with both kinds of files.
func TestFastResumeHasNoOtherParts(t *testing.T) {
	file := fastresume("l"+listOf(urlA)+"e", "le")
	for name, e := range map[string]Edit{
		"comment": setKey("comment", Text("c")), "private": {Info: []KeyEdit{{"private", Integer(1)}}}, "node": {Nodes: []Node{{Host: "a", Port: 1}}}, "no nodes": {NoNodes: true},
		"in a rule": {Rules: []Rule{{Match: all, Edit: setKey("comment", Text("c"))}}},
	} {
		r := mustApply(t, file, &e)
		if string(r.Bytes) != file || r.Changed || len(r.Changes) > 0 {
			t.Errorf("%s: became %q", name, r.Bytes)
		}
		if codes := warningCodes(r); len(codes) != 1 || codes[0] != "session-file" {
			t.Errorf("%s: warnings %q", name, codes)
		}
		if r.Old != nil || r.New != nil {
			t.Errorf("%s: a session file is not a torrent", name)
		}
	}
	e := replace(HowLiteral, "http://", "")
	if _, err := Apply([]byte(file), &e); err == nil || err.Error() != `the tracker "a.example/announce" has no scheme` {
		t.Errorf("a wrong tracker: %v", err)
	}
}

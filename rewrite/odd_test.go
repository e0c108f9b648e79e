package rewrite

import "testing"

// Torrents that are not canonical keep what an edit does not concern: the order of keys,
// duplicate keys, unusual integers, bytes after the end.
func TestOddTorrentsStay(t *testing.T) {
	const odd = "4:infod3:zzzi-0e6:lengthi005e04:name1:x4:huge" + "i123456789012345678901234567890e12:piece lengthi16384e" + pieces + "1:al1:bi07eee"
	const unknown = "1:Xd1:bi1e1:ai01e1:bi2ee3:\xff\x00\xfe4:\x00\x01\x02\x034:zeroi-0e4:hugei99999999999999999999999e06:padded02:ab"
	_, layers := layers("x")
	setB := setTo([]string{urlB})
	comment := setKey("comment", Text("new"))
	checkChanges(t, []change{
		{name: "nothing", in: "d" + unknown + odd + announce(urlA) + announce(urlB) + "7:comment1:a7:commenti1ee\n\x00d"},
		{name: "unsorted, announce last", in: "d" + odd + unknown + announce(urlA) + "e", edit: setB, out: "d" + odd + unknown + announce(urlB) + "e"},
		{name: "unsorted, a new key stands before the first that sorts after it", in: "d1:A0:" + odd + unknown + "e", edit: setB, out: "d1:A0:" + announce(urlB) + odd + unknown + "e"},
		{name: "a key after all others", in: "d" + info + "e\r\n", edit: setKey("zz", Integer(-1)), out: "d" + info + "2:zzi-1ee\r\n"},
		{name: "info first", in: "d" + info + announce(urlA) + "1:z0:e", edit: comment, out: "d7:comment3:new" + info + announce(urlA) + "1:z0:e"},
		{name: "info last", in: "d1:z0:" + announce(urlA) + odd + "e", edit: comment, out: "d7:comment3:new1:z0:" + announce(urlA) + odd + "e"},
		{name: "trailing bytes", in: "d" + info + "ed4:infodee", edit: setB, out: "d" + announce(urlB) + info + "ed4:infodee"},
		{name: "piece layers and what is beside them", in: "d" + info + "02:aai08e" + layers + "4:zero0:e\n", edit: setB, out: "d" + announce(urlB) + info + "02:aai08e" + layers + "4:zero0:e\n"},
		{name: "a key with a length of its own spelling", in: "d" + info + "007:comment03:olde", edit: comment, out: "d" + info + "007:comment3:newe"},
		{name: "remove such a key", in: "d007:comment03:old" + odd + "e", edit: setKey("comment", nil), out: "d" + odd + "e"},

		{name: "announce twice", in: "d" + announce(urlA) + info + announce(urlC) + "e", edit: setB, out: "d" + announce(urlB) + info + "e"},
		{name: "announce twice, none", in: "d" + announce(urlA) + info + announce(urlC) + "e", edit: setTo(), out: "d" + info + "e", warning: []string{"no-tracker"}},
		{name: "list twice", in: "d" + tiers(listOf(urlA)) + info + tiers(listOf(urlC)) + "e", edit: setTo([]string{urlB, urlA}),
			out: "d" + announce(urlB) + tiers(listOf(urlB, urlA)) + info + "e"},
		{name: "list twice, none", in: "d" + tiers(listOf(urlA)) + info + tiers(listOf(urlC)) + "e", edit: setB, out: "d" + announce(urlB) + info + "e"},
		{name: "comment twice", in: "d7:comment1:a7:comment1:b" + info + "7:comment1:ae", edit: comment, out: "d7:comment3:new" + info + "e"},
		{name: "comment twice, removed", in: "d7:comment1:a7:comment1:b" + info + "7:comment1:ae", edit: setKey("comment", nil), out: "d" + info + "e"},
		{name: "comment twice, the same", in: "d7:comment3:new7:comment1:b" + info + "e", edit: comment, out: "d7:comment3:new" + info + "e"},
		{name: "comment twice, and then the empty key", in: "d7:comment1:a" + info + "7:comment1:be", edit: Edit{Keys: []KeyEdit{{"comment", Text("new")}, {"", Text("e")}}},
			out: "d0:1:e7:comment3:new" + info + "e"},
		{name: "comment twice, not touched", in: "d7:comment1:a7:comment1:b" + odd + "e", edit: setB, out: "d" + announce(urlB) + "7:comment1:a7:comment1:b" + odd + "e"},
		{name: "comment.utf-8 follows comment", in: "d7:comment3:old13:comment.utf-83:\xc3\xa9!" + info + "e", edit: comment,
			out: "d7:comment3:new13:comment.utf-83:new" + info + "e"},
		{name: "comment.utf-8 goes with comment", in: "d7:comment3:old13:comment.utf-83:old" + info + "e", edit: setKey("comment", nil), out: "d" + info + "e"},
		{name: "comment.utf-8 alone", in: "d13:comment.utf-83:old" + info + "e", edit: comment, out: "d7:comment3:new13:comment.utf-83:new" + info + "e"},
		{name: "no comment.utf-8 of its own accord", in: "d" + info + "e", edit: comment, out: "d7:comment3:new" + info + "e"},
		{name: "comment that was a number", in: "d7:commenti07e" + info + "e", edit: comment, out: "d7:comment3:new" + info + "e"},
	})
}

// Trackers in the forms that occur in real torrents.
func TestOddTrackers(t *testing.T) {
	list := func(rest string) string { return "d" + announce(urlA) + "13:announce-list" + rest + info + "e" }
	addB := "d" + announce(urlA) + tiers(listOf(urlA), listOf(urlB)) + info + "e"
	comment := setKey("comment", Text("c"))
	for _, odd := range []string{
		"le", "llee", "l0:e", "0:", "1:x", "i1e", "de", "ll0:ee", "li1ee", "lli1eee", listOf(urlB, urlC), "l" + listOf(urlB) + text(urlC) + "e",
		"l" + listOf() + listOf(urlB) + "e", "l" + listOf(" "+urlB+" ") + "e", "l" + listOf(urlB, urlB) + listOf(urlB) + "e", "l03:abce",
	} {
		in := list(odd)
		checkChanges(t, []change{
			{name: "not touched " + odd, in: in},
			{name: "a comment beside " + odd, in: in, edit: comment, out: "d" + announce(urlA) + "13:announce-list" + odd + "7:comment1:c" + info + "e"},
			{name: "a web seed beside " + odd, in: in, edit: Edit{WebSeeds: []string{urlA}}, out: "d" + announce(urlA) + "13:announce-list" + odd + info + webSeeds(urlA) + "e"},
			{name: "dedupe of what has no duplicate", in: list("l" + listOf(urlA, urlB) + "e"), edit: trackerEdit(TrackerEdit{Dedupe: true})},
		})
	}
	checkChanges(t, []change{
		{name: "list of nothing: announce counts", in: list("le"), edit: add(0, urlB), out: addB},
		{name: "list of an empty tier", in: list("llee"), edit: add(0, urlB), out: addB},
		{name: "list of an empty text", in: list("ll0:ee"), edit: add(0, urlB), out: addB},
		{name: "list that is an empty text", in: list("0:"), edit: add(0, urlB), out: addB},
		{name: "list that is a number", in: list("i1e"), edit: add(0, urlB), out: addB},
		{name: "list without announce", in: "d" + tiers(listOf(urlA)) + info + "e", edit: add(0, urlB), out: addB},
		{name: "list of one", in: list("l" + listOf(urlA) + "e"), edit: add(0, urlB), out: addB},
		{name: "list of one, to another", in: list("l" + listOf(urlA) + "e"), edit: replace(HowHost, "a.example", "z.example"), out: "d" + announce("http://z.example/announce") + info + "e"},
		{name: "plain list: each a tier", in: list(listOf(urlA, urlC)), edit: add(0, urlB),
			out: "d" + announce(urlA) + tiers(listOf(urlA), listOf(urlC), listOf(urlB)) + info + "e"},
		{name: "plain list among tiers", in: list("l" + text(urlA) + listOf(urlC) + "i1ee"), edit: add(2, urlB),
			out: "d" + announce(urlA) + tiers(listOf(urlA), listOf(urlC, urlB)) + info + "e"},
		{name: "empty tiers don't count", in: list("lle" + listOf(urlA) + "le" + listOf(urlC) + "e"), edit: add(2, urlB),
			out: "d" + announce(urlA) + tiers(listOf(urlA), listOf(urlC, urlB)) + info + "e"},
		{name: "a tier that becomes empty goes", in: list("l" + listOf(urlA) + listOf(urlC) + listOf(urlB) + "e"), edit: trackerEdit(TrackerEdit{Remove: []string{"c.example"}}), out: addB},
		{name: "announce not first", in: list("l" + listOf(urlB, urlA) + "e"), edit: add(0, urlC),
			out: "d" + announce(urlB) + tiers(listOf(urlB, urlA), listOf(urlC)) + info + "e"},
		{name: "announce not in the list", in: list("l" + listOf(urlB) + "e"), edit: add(0, urlC),
			out: "d" + announce(urlB) + tiers(listOf(urlB), listOf(urlC)) + info + "e", warning: []string{"announce-dropped"}},
		{name: "announce not in the list, all removed", in: list("l" + listOf(urlB) + "e"), edit: setTo(), out: "d" + info + "e",
			warning: []string{"no-tracker"}},
		{name: "empty announce", in: "d" + announce("") + info + "e", edit: add(0, urlB), out: "d" + announce(urlB) + info + "e"},
		{name: "announce that is a list", in: "d8:announce" + listOf(urlA) + info + "e", edit: add(0, urlB), out: "d" + announce(urlB) + info + "e"},
	})
}

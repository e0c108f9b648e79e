package rewrite

import "testing"

// Web seeds, HTTP seeds and nodes are added, removed and replaced. Entries that are in
// the list already keep their spelling.
func TestSeedsAndNodes(t *testing.T) {
	in := func(rest string) string { return "d" + info + rest + "e" }
	seeds := func(urls ...string) Edit { return Edit{WebSeeds: urls} }
	checkChanges(t, []change{
		{name: "first", in: in(""), edit: seeds(urlA), out: in(webSeeds(urlA))},
		{name: "two", in: in("1:z0:"), edit: seeds(urlA, urlC, urlA), out: in(webSeeds(urlA, urlC) + "1:z0:")},
		{name: "another", in: in(webSeeds(urlA)), edit: seeds(urlC), out: in(webSeeds(urlA, urlC))},
		{name: "one that is there", in: in(webSeeds(urlA, urlC)), edit: seeds(urlC)},
		{name: "a text, not a list", in: in("8:url-list" + text(urlA)), edit: seeds(urlC), out: in(webSeeds(urlA, urlC))},
		{name: "a text that is the one", in: in("8:url-list" + text(urlA)), edit: seeds(urlA)},
		{name: "an empty text", in: in("8:url-list0:"), edit: seeds(urlA), out: in(webSeeds(urlA))},
		{name: "a list with odd things", in: in("8:url-listl02:abi01ed1:b0:1:a0:e0:e"), edit: seeds(urlA), out: in("8:url-listl02:abi01ed1:b0:1:a0:e0:" + text(urlA) + "e")},
		{name: "list twice", in: in(webSeeds(urlA) + webSeeds(urlC)), edit: seeds(urlB), out: in(webSeeds(urlA, urlB))},
		{name: "none", in: in(webSeeds(urlA)), edit: Edit{NoWebSeeds: true}, out: in("")},
		{name: "none of a text", in: in("8:url-list" + text(urlA)), edit: Edit{NoWebSeeds: true}, out: in("")},
		{name: "none of two lists", in: in(webSeeds(urlA) + "1:a0:" + webSeeds(urlB)), edit: Edit{NoWebSeeds: true}, out: in("1:a0:")},
		{name: "none of none", in: in(""), edit: Edit{NoWebSeeds: true}},
		{name: "others", in: in(webSeeds(urlA, urlB)), edit: Edit{NoWebSeeds: true, WebSeeds: []string{urlC, urlA}}, out: in(webSeeds(urlC, urlA))},
		{name: "others, in the place of a text", in: in("8:url-list" + text(urlA)), edit: Edit{NoWebSeeds: true, WebSeeds: []string{urlA}}, out: in(webSeeds(urlA))},

		{name: "HTTP seed", in: in(webSeeds(urlA)), edit: Edit{HTTPSeeds: []string{urlA}}, out: "d9:httpseeds" + listOf(urlA) + info + webSeeds(urlA) + "e"},
		{name: "another HTTP seed", in: in("9:httpseeds" + listOf(urlA)), edit: Edit{HTTPSeeds: []string{urlC, urlA}}, out: in("9:httpseeds" + listOf(urlA, urlC))},
		{name: "no HTTP seed", in: in("9:httpseeds" + listOf(urlA) + webSeeds(urlA)), edit: Edit{NoHTTPSeeds: true}, out: in(webSeeds(urlA))},

		{name: "nodes", in: in("1:z0:"), edit: Edit{Nodes: []Node{{Host: "a.example", Port: 6881}, {Host: "::1", Port: 1}, {Host: "a.example", Port: 6881}}},
			out: in("5:nodesll9:a.examplei6881eel3:::1i1eee1:z0:")},
		{name: "another node", in: in("5:nodesll1:ai1eel1:bi02eee"), edit: Edit{Nodes: []Node{{Host: "a", Port: 1}, {Host: "a", Port: 2}}}, out: in("5:nodesll1:ai1eel1:bi02eel1:ai2eee")},
		{name: "no nodes", in: in("5:nodesll1:ai1eee"), edit: Edit{NoNodes: true}, out: in("")},
		{name: "other nodes", in: in("5:nodesll1:ai1eee"), edit: Edit{NoNodes: true, Nodes: []Node{{Host: "b", Port: 2}}}, out: in("5:nodesll1:bi2eee")},
	})
}

func TestKeys(t *testing.T) {
	in := "d7:comment1:c10:created by2:ab13:creation datei1e" + info + "e"
	_, layers := layers("x")
	checkChanges(t, []change{
		{name: "comment", in: in, edit: setKey("comment", Text("\x00é")), out: "d7:comment3:\x00é10:created by2:ab13:creation datei1e" + info + "e"},
		{name: "no comment", in: in, edit: setKey("comment", nil), out: "d10:created by2:ab13:creation datei1e" + info + "e"},
		{name: "an empty comment", in: in, edit: setKey("comment", Text("")), out: "d7:comment0:10:created by2:ab13:creation datei1e" + info + "e"},
		{name: "created by", in: in, edit: setKey("created by", Text("bt")), out: "d7:comment1:c10:created by2:bt13:creation datei1e" + info + "e"},
		{name: "date", in: in, edit: setKey("creation date", Integer(1<<62)), out: "d7:comment1:c10:created by2:ab13:creation datei4611686018427387904e" + info + "e"},
		{name: "no date", in: in, edit: setKey("creation date", nil), out: "d7:comment1:c10:created by2:ab" + info + "e"},
		{name: "what is there", in: in, edit: setKey("creation date", Integer(1))},
		{name: "remove what is not there", in: in, edit: setKey("publisher", nil)},
		{name: "bytes", in: in, edit: setKey("b", Bytes([]byte{0, 255})), out: "d1:b2:\x00\xff7:comment1:c10:created by2:ab13:creation datei1e" + info + "e"},
		{name: "several", in: in, edit: Edit{Keys: []KeyEdit{{"created by", nil}, {"a", Integer(-5)}, {"comment", nil}, {"a", Integer(6)}, {"z", Text("y")}}},
			out: "d1:ai6e13:creation datei1e" + info + "1:z1:ye"},
		{name: "of v2", in: "d" + v2Info("x", v2Leaf("x")) + layers + "e", edit: setKey("created by", Text("bt")), out: "d10:created by2:bt" + v2Info("x", v2Leaf("x")) + layers + "e"},
		{name: "of a hybrid", in: "d" + hybridInfo("x", v2Leaf("x"), "6:lengthi5e") + layers + "e", edit: setTo([]string{urlA}),
			out: "d" + announce(urlA) + hybridInfo("x", v2Leaf("x"), "6:lengthi5e") + layers + "e"},
	})
}

package krpc

import (
	"encoding/hex"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var compareAddrs = cmpopts.EquateComparable(netip.AddrPort{})

func id(s string) (id ID) {
	copy(id[:], s)
	return id
}

func addr(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

// The strings are hex, except those in quotes, which are themselves.
var messages = []struct {
	name, packet string
	message      Message
}{
	// The examples of BEP 5.
	{"ping", `"d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe"`,
		Message{Kind: Query, Transaction: "aa", Method: Ping, ID: id("abcdefghij0123456789")}},
	{"pong", `"d1:rd2:id20:mnopqrstuvwxyz123456e1:t2:aa1:y1:re"`,
		Message{Kind: Response, Transaction: "aa", ID: id("mnopqrstuvwxyz123456")}},
	{"find_node", `"d1:ad2:id20:abcdefghij01234567896:target20:mnopqrstuvwxyz123456e1:q9:find_node1:t2:aa1:y1:qe"`,
		Message{Kind: Query, Transaction: "aa", Method: FindNode, ID: id("abcdefghij0123456789"), HasTarget: true, Target: id("mnopqrstuvwxyz123456")}},
	{"get_peers", `"d1:ad2:id20:abcdefghij01234567899:info_hash20:mnopqrstuvwxyz123456e1:q9:get_peers1:t2:aa1:y1:qe"`,
		Message{Kind: Query, Transaction: "aa", Method: GetPeers, ID: id("abcdefghij0123456789"), HasTarget: true, Target: id("mnopqrstuvwxyz123456")}},
	{"peers", `"d1:rd2:id20:abcdefghij01234567895:token8:aoeusnth6:valuesl6:axje.u6:idhtnmee1:t2:aa1:y1:re"`,
		Message{Kind: Response, Transaction: "aa", ID: id("abcdefghij0123456789"), Token: "aoeusnth",
			Peers: []netip.AddrPort{addr("97.120.106.101:11893"), addr("105.100.104.116:28269")}}},
	{"announce_peer", `"d1:ad2:id20:abcdefghij012345678912:implied_porti1e9:info_hash20:mnopqrstuvwxyz1234564:porti6881e5:token8:aoeusnthe1:q13:announce_peer1:t2:aa1:y1:qe"`,
		Message{Kind: Query, Transaction: "aa", Method: AnnouncePeer, ID: id("abcdefghij0123456789"), HasTarget: true, Target: id("mnopqrstuvwxyz123456"),
			ImpliedPort: true, Port: 6881, Token: "aoeusnth"}},
	{"error", `"d1:eli201e23:A Generic Error Ocurrede1:t2:aa1:y1:ee"`,
		Message{Kind: Error, Transaction: "aa", Code: CodeGeneric, Text: "A Generic Error Ocurred"}},

	{"nodes of both families",
		`"d2:ip6:" c00002011ae1 "1:rd2:id20:abcdefghij01234567895:nodes26:mnopqrstuvwxyz123456" cb0071091ae1 "6:nodes638:mnopqrstuvwxyz123456"` +
			` 20010db8000000000000000000000001 1ae2 "e1:t1:" 00 "1:v4:bt" 0001 "1:y1:re"`,
		Message{Kind: Response, Transaction: "\x00", Version: "bt\x00\x01", ID: id("abcdefghij0123456789"), External: addr("192.0.2.1:6881"),
			Nodes:  []Node{{id("mnopqrstuvwxyz123456"), addr("203.0.113.9:6881")}},
			Nodes6: []Node{{id("mnopqrstuvwxyz123456"), addr("[2001:db8::1]:6882")}}}},
	{"no nodes", `"d1:rd2:id20:abcdefghij01234567895:nodes0:e1:t2:aa1:y1:re"`,
		Message{Kind: Response, Transaction: "aa", ID: id("abcdefghij0123456789"), Nodes: []Node{}}},
	{"a peer of IPv6", `"d1:rd2:id20:abcdefghij01234567896:valuesl18:" 20010db8000000000000000000000001 1ae2 "ee1:t2:aa1:y1:re"`,
		Message{Kind: Response, Transaction: "aa", ID: id("abcdefghij0123456789"), Peers: []netip.AddrPort{addr("[2001:db8::1]:6882")}}},
	{"a scrape of both families by a read-only node",
		`"d1:ad2:id20:abcdefghij01234567899:info_hash20:mnopqrstuvwxyz1234566:noseedi1e6:scrapei1e4:wantl2:n42:n6ee1:q9:get_peers2:roi1e1:t2:aa1:y1:qe"`,
		Message{Kind: Query, Transaction: "aa", Method: GetPeers, ID: id("abcdefghij0123456789"), HasTarget: true, Target: id("mnopqrstuvwxyz123456"),
			ReadOnly: true, NoSeeds: true, Scrape: true, Want4: true, Want6: true}},
	{"filters", `"d1:rd4:BFpe256:` + strings.Repeat("p", 256) + `4:BFsd256:` + strings.Repeat("s", 256) + `2:id20:abcdefghij0123456789e1:t2:aa1:y1:re"`,
		Message{Kind: Response, Transaction: "aa", ID: id("abcdefghij0123456789"),
			PeerFilter: (*Filter)([]byte(strings.Repeat("p", 256))), SeedFilter: (*Filter)([]byte(strings.Repeat("s", 256)))}},
	{"a seed announces", `"d1:ad2:id20:abcdefghij01234567899:info_hash20:mnopqrstuvwxyz1234564:porti1e4:seedi1e5:token1:xe1:q13:announce_peer1:t2:aa1:y1:qe"`,
		Message{Kind: Query, Transaction: "aa", Method: AnnouncePeer, ID: id("abcdefghij0123456789"), HasTarget: true, Target: id("mnopqrstuvwxyz123456"),
			Port: 1, Seed: true, Token: "x"}},
	{"an unknown method with a target", `"d1:ad2:id20:abcdefghij01234567896:target20:mnopqrstuvwxyz123456e1:q3:get1:t2:aa1:y1:qe"`,
		Message{Kind: Query, Transaction: "aa", Method: "get", ID: id("abcdefghij0123456789"), HasTarget: true, Target: id("mnopqrstuvwxyz123456")}},
}

// packet converts the notation of the tables to bytes.
func packet(t testing.TB, s string) (b []byte) {
	t.Helper()
	for i, part := range strings.Split(s, `"`) {
		if i%2 == 1 {
			b = append(b, part...)
			continue
		}
		raw, err := hex.DecodeString(strings.ReplaceAll(part, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		b = append(b, raw...)
	}
	return b
}

func TestMessages(t *testing.T) {
	for _, tt := range messages {
		t.Run(tt.name, func(t *testing.T) {
			want := packet(t, tt.packet)
			if got := tt.message.Append(nil); string(got) != string(want) {
				t.Errorf("Append: %q", got)
			}
			m, err := Parse(want)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.message, m, compareAddrs); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What other nodes send, although it is not as the BEPs have it.
func TestParseLenient(t *testing.T) {
	node := "mnopqrstuvwxyz123456\xcb\x00\x71\x09\x1a\xe1"
	for _, tt := range []struct {
		name, packet string
		message      Message
	}{
		{"unknown keys, in any order", `d1:y1:q1:t2:aa1:q4:ping4:what3:huh1:ad2:zzi1e2:id20:abcdefghij0123456789eejunk`,
			Message{Kind: Query, Transaction: "aa", Method: Ping, ID: id("abcdefghij0123456789")}},
		{"an unknown method with an info-hash", `d1:ad2:id20:abcdefghij01234567899:info_hash20:mnopqrstuvwxyz123456e1:q4:vote1:t2:aa1:y1:qe`,
			Message{Kind: Query, Transaction: "aa", Method: "vote", ID: id("abcdefghij0123456789"), HasTarget: true, Target: id("mnopqrstuvwxyz123456")}},
		{"an impossible port", `d1:ad2:id20:abcdefghij01234567899:info_hash20:mnopqrstuvwxyz1234564:porti65537e5:token1:xe1:q13:announce_peer1:t2:aa1:y1:qe`,
			Message{Kind: Query, Transaction: "aa", Method: AnnouncePeer, ID: id("abcdefghij0123456789"), HasTarget: true, Target: id("mnopqrstuvwxyz123456"), Token: "x"}},
		{"an address of 4 bytes", `d2:ip4:abcd1:rd2:id20:abcdefghij0123456789e1:t2:aa1:y1:re`,
			Message{Kind: Response, Transaction: "aa", ID: id("abcdefghij0123456789")}},
		{"an error without list", `d1:e3:bad1:t2:aa1:y1:ee`, Message{Kind: Error, Transaction: "aa"}},
		{"a mapped node and peer", "d1:rd2:id20:abcdefghij01234567896:nodes638:mnopqrstuvwxyz123456" + strings.Repeat("\x00", 10) + "\xff\xff\x01\x02\x03\x04\x00\x01" +
			"6:valuesl18:" + strings.Repeat("\x00", 10) + "\xff\xff\x01\x02\x03\x04\x00\x01ee1:t2:aa1:y1:re",
			Message{Kind: Response, Transaction: "aa", ID: id("abcdefghij0123456789"), Nodes6: []Node{}}},
	} {
		m, err := Parse([]byte(tt.packet))
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
		} else if diff := cmp.Diff(tt.message, m, compareAddrs); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
	}
	m, err := Parse([]byte("d1:rd2:id20:abcdefghij01234567895:nodes2600:" + strings.Repeat(node, 100) + "e1:t2:aa1:y1:re"))
	if err != nil || len(m.Nodes) != maxNodes {
		t.Errorf("of 100 nodes %d, %v", len(m.Nodes), err)
	}
}

func TestParseErrors(t *testing.T) {
	for _, tt := range []struct {
		name, packet string
		answerable   bool
	}{
		{"empty", ``, false},
		{"no dict", `le`, false},
		{"not bencode", `hello`, false},
		{"no transaction", `d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:y1:qe`, false},
		{"an empty transaction", `d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t0:1:y1:qe`, false},
		{"a long transaction", `d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t33:` + strings.Repeat("t", 33) + `1:y1:qe`, false},
		{"no kind", `d1:t2:aae`, false},
		{"an unknown kind", `d1:t2:aa1:y1:xe`, false},
		{"a long kind", `d1:t2:aa1:y2:qqe`, false},
		{"a long packet", `d1:rd2:id20:abcdefghij0123456789e1:t2:aa1:v4096:` + strings.Repeat("v", 4096) + `1:y1:re`, false},
		{"a deep packet", strings.Repeat("l", 100) + strings.Repeat("e", 100), false},

		{"no method", `d1:ad2:id20:abcdefghij0123456789e1:t2:aa1:y1:qe`, true},
		{"no arguments", `d1:q4:ping1:t2:aa1:y1:qe`, true},
		{"a short id", `d1:ad2:id19:abcdefghij012345678e1:q4:ping1:t2:aa1:y1:qe`, true},
		{"a short target", `d1:ad2:id20:abcdefghij01234567896:target2:mne1:q9:find_node1:t2:aa1:y1:qe`, true},
		{"a long token", `d1:ad2:id20:abcdefghij01234567899:info_hash20:mnopqrstuvwxyz1234564:porti1e5:token129:` + strings.Repeat("t", 129) + `e1:q13:announce_peer1:t2:aa1:y1:qe`, true},

		{"a response without id", `d1:rde1:t2:aa1:y1:re`, false},
		{"half a node", `d1:rd2:id20:abcdefghij01234567895:nodes13:mnopqrstuvwxye1:t2:aa1:y1:re`, false},
		{"half a node of IPv6", `d1:rd2:id20:abcdefghij01234567896:nodes626:mnopqrstuvwxyz123456abcdefe1:t2:aa1:y1:re`, false},
		{"nodes in a list", `d1:rd2:id20:abcdefghij01234567895:nodeslee1:t2:aa1:y1:re`, false},
		{"a peer of 7 bytes", `d1:rd2:id20:abcdefghij01234567896:valuesl7:abcdefgee1:t2:aa1:y1:re`, false},
		{"a short filter", `d1:rd4:BFpe3:abc2:id20:abcdefghij0123456789e1:t2:aa1:y1:re`, false},
		{"a short filter of seeds", `d1:rd4:BFsd3:abc2:id20:abcdefghij0123456789e1:t2:aa1:y1:re`, false},
		{"a long token in a response", `d1:rd2:id20:abcdefghij01234567895:token129:` + strings.Repeat("t", 129) + `e1:t2:aa1:y1:re`, false},
	} {
		m, err := Parse([]byte(tt.packet))
		if err == nil {
			t.Errorf("%s: no error", tt.name)
		}
		if answerable := m.Kind == Query && m.Transaction == "aa"; answerable != tt.answerable {
			t.Errorf("%s: %+v with %v", tt.name, m, err)
		}
	}
}

// What was parsed is written such that it is parsed to the same.
func FuzzParse(f *testing.F) {
	for _, tt := range messages {
		f.Add(packet(f, tt.packet))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		m, err := Parse(in)
		if err != nil {
			return
		}
		if len(m.Nodes) > maxNodes || len(m.Nodes6) > maxNodes || len(m.Peers) > len(in)/8 {
			t.Fatalf("%d nodes, %d nodes of IPv6 and %d peers in %d bytes", len(m.Nodes), len(m.Nodes6), len(m.Peers), len(in))
		}
		packet := m.Append(nil)
		if len(packet) > MaxPacket {
			return // an error without code gets one
		}
		again, err := Parse(packet)
		if err != nil {
			t.Fatalf("%v in %q", err, packet)
		}
		if diff := cmp.Diff(m, again, compareAddrs, cmpopts.EquateEmpty()); diff != "" {
			t.Fatal(diff)
		}
	})
}

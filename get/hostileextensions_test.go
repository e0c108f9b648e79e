package get

import (
	"fmt"
	"strings"

	"bt/internal/peer"
)

// hello returns the behavior of a peer with an extended handshake of its own.
func hello(payload string) func(b *badPeer) {
	return func(b *badPeer) {
		b.send(peer.Message{ID: peer.IDExtended, Payload: []byte(payload)})
		b.unchoked()
		b.wait()
	}
}

// manyKeys returns n keys with ids.
func manyKeys(n int) string {
	var s strings.Builder
	for i := range n {
		fmt.Fprintf(&s, "8:%08di%de", i, 1+i%255)
	}
	return s.String()
}

// badExtensions are extended messages that are wrong or strange.
var badExtensions = []behavior{
	{"extended handshake of garbage", dropped, hello("d1:")},
	{"an empty extended handshake", dropped, hello("")},
	{"extended handshake that is a list", dropped, hello("le")},
	{"long extended handshake", dropped, hello("d1:v60000:" + string(make([]byte, 60_001)))},
	{"extended handshake with a string beyond its end", dropped, hello("d1:v99999999999999999999:e")},
	{"extended handshake nested too deep", dropped, hello("d1:m" + strings.Repeat("l", 2000) + strings.Repeat("e", 2001))},
	{"extended handshake with too many extensions", tolerated, hello("d1:md" + manyKeys(400) + "ee")},
	{"extended handshake with too many items", dropped, hello("d1:ml" + strings.Repeat("le", 3000) + "ee")},
	{"a long name of an extension", tolerated, hello("d1:md5000:" + strings.Repeat("x", 5000) + "i7eee")},
	{"one id for all extensions", tolerated, hello("d1:md6:ut_pexi7e11:ut_metadatai7e12:ut_holepunchi7eee")},
	{"ids out of range", tolerated, hello("d1:md6:ut_pexi-1e11:ut_metadatai256e12:ut_holepunchi99999999999eee")},
	{"a queue of no requests", tolerated, hello("d4:reqqi0ee")},
	{"a queue of one request", tolerated, hello("d4:reqqi1ee")},
	{"a negative queue", tolerated, hello("d4:reqqi-5ee")},
	{"a huge queue", tolerated, hello("d4:reqqi9223372036854775807ee")},
	{"a negative info dict", tolerated, hello("d1:md11:ut_metadatai3ee13:metadata_sizei-1ee")},
	{"a huge info dict", tolerated, hello("d1:md11:ut_metadatai3ee13:metadata_sizei9223372036854775807ee")},
	{"an address of wrong length", tolerated, hello("d4:ipv43:abc6:yourip5:abcdee")},

	{"an extended message without id", dropped, writes("\x00\x00\x00\x01\x14")},
	{"info dict messages of garbage", dropped, extended(says, peer.MetadataName, "garbage")},
	{"a negative piece of the info dict", dropped, extended(says, peer.MetadataName, "d8:msg_typei0e5:piecei-1ee")},
	{"a piece of the info dict beyond all", dropped, extended(says, peer.MetadataName, "d8:msg_typei1e5:piecei9999999999eex")},
	{"addresses that are garbage", dropped, extended(says, peer.PEXName, "d5:added")},
	{"addresses of wrong length", tolerated, extended(says, peer.PEXName, "d5:added7:abcdefge")},
	{"a holepunch of garbage", dropped, extended(says, peer.HolepunchName, "\xff")},
}

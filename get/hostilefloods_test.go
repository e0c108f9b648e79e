package get

import (
	"net/netip"

	"bt/internal/peer"
)

// floods returns the behavior of a peer that sends messages without end. The index of the
// first one changes.
func floods(messages ...peer.Message) func(b *badPeer) {
	return func(b *badPeer) {
		b.flood(func(i uint32) (out []byte) {
			for _, m := range messages {
				if m.ID == peer.IDHave || m.ID == peer.IDSuggest || m.ID == peer.IDAllowedFast {
					m.Index = i % 4
				}
				out = m.Append(out)
			}
			return out
		})
	}
}

// extended returns the behavior of a peer that sends an extended message for one of our
// extensions. send is says or floods.
func extended(send func(...peer.Message) func(*badPeer), name, payload string) func(b *badPeer) {
	return func(b *badPeer) {
		send(peer.Message{ID: peer.IDExtended, Extension: extensions.IDs()[name], Payload: []byte(payload)})(b)
	}
}

// badFloods are what peers send without end.
var badFloods = []behavior{
	{"keep-alives without end", dropped, func(b *badPeer) { b.flood(func(uint32) []byte { return make([]byte, 64) }) }},
	{"haves without end", dropped, floods(peer.Message{ID: peer.IDHave})},
	{"suggests without end", dropped, floods(peer.Message{ID: peer.IDSuggest})},
	{"allowed fast without end", dropped, floods(peer.Message{ID: peer.IDAllowedFast})},
	{"rejects without end", dropped, floods(peer.Message{ID: peer.IDReject, Length: 16 << 10})},
	{"chokes and unchokes without end", dropped, floods(peer.Message{ID: peer.IDUnchoke}, peer.Message{ID: peer.IDChoke})},
	{"interested and not, without end", dropped, floods(peer.Message{ID: peer.IDInterested}, peer.Message{ID: peer.IDNotInterested})},
	{"has all and none without end", dropped, floods(peer.Message{ID: peer.IDHaveAll}, bits(3))},
	{"requests without end", dropped, floods(peer.Message{ID: peer.IDRequest, Length: 16 << 10})},
	{"cancels without end", dropped, floods(peer.Message{ID: peer.IDCancel, Length: 16 << 10})},
	{"ports without end", dropped, floods(peer.Message{ID: peer.IDPort, Port: 6881})},
	{"unknown messages without end", dropped, floods(peer.Message{ID: 99, Payload: make([]byte, 1000)})},
	{"hash requests without end", tolerated, func(b *badPeer) {
		r := peer.HashRequest{Length: 512}
		b.flood(func(uint32) []byte { return r.Append(nil) })
	}},
	{"hash rejects without end", dropped, func(b *badPeer) {
		r := peer.HashRequest{Length: 512}
		b.flood(func(uint32) []byte { return r.AppendReject(nil) })
	}},
	{"extended handshakes without end", dropped, floods(peer.Message{ID: peer.IDExtended, Payload: []byte("d1:md11:ut_metadatai3eee")})},
	{"unknown extended messages without end", dropped, floods(peer.Message{ID: peer.IDExtended, Extension: 200, Payload: make([]byte, 1000)})},
	{"requests of the info dict without end", dropped, func(b *badPeer) {
		h := peer.ExtendedHandshake{Extensions: map[string]uint8{peer.MetadataName: 3}}
		b.Write(h.Append(nil))
		extended(floods, peer.MetadataName, "d8:msg_typei0e5:piecei0ee")(b)
	}},
	{"the info dict without end", dropped, extended(floods, peer.MetadataName, "d8:msg_typei1e5:piecei0e10:total_sizei4eeabcd")},
	{"rejects of the info dict without end", dropped, extended(floods, peer.MetadataName, "d8:msg_typei2e5:piecei0ee")},
	{"long extended messages without end", dropped, extended(floods, peer.MetadataName, "d8:msg_typei1e5:piecei0e10:total_sizei4ee"+string(make([]byte, 30_000)))},
	{"addresses of peers without end", dropped, func(b *badPeer) {
		var x peer.PEX
		for i := range 50 {
			x.Added = append(x.Added, peer.PEXPeer{Addr: netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 1, 1, byte(i)}), 9)})
		}
		b.flood(func(uint32) []byte { return x.Append(nil, extensions.IDs()[peer.PEXName]) })
	}},
	{"holepunches without end", dropped, func(b *badPeer) {
		x := peer.Holepunch{Kind: peer.HolepunchRendezvous, Addr: netip.MustParseAddrPort("127.0.0.1:9")}
		h := peer.ExtendedHandshake{Extensions: map[string]uint8{peer.HolepunchName: 3}}
		b.Write(h.Append(nil))
		b.flood(func(uint32) []byte { return x.Append(nil, extensions.IDs()[peer.HolepunchName]) })
	}},
}

package get

import "bt/internal/peer"

// says returns the behavior of a peer that sends messages, and nothing more.
func says(messages ...peer.Message) func(b *badPeer) {
	return func(b *badPeer) {
		b.send(messages...)
		b.wait()
	}
}

// writes returns the behavior of a peer that sends bytes, and nothing more.
func writes(out string) func(b *badPeer) {
	return func(b *badPeer) {
		b.Write([]byte(out))
		b.wait()
	}
}

// bits returns a bitfield of so many bytes.
func bits(n int) peer.Message { return peer.Message{ID: peer.IDBitfield, Payload: make([]byte, n)} }

// badStates are what peers say of themselves and what they request, and messages that are
// none.
var badStates = []behavior{
	{"closes at once", tolerated, func(*badPeer) {}},
	{"says nothing", tolerated, says()},
	{"garbage", dropped, writes("this is no message of any kind, and long enough")},
	{"a huge length", dropped, writes("\x7f\xff\xff\xff\x07")},
	{"a length without message", tolerated, writes("\x00\x00\x40\x09\x07")},
	{"a short have", dropped, writes("\x00\x00\x00\x02\x04\x00")},
	{"a long choke", dropped, writes("\x00\x00\x00\x02\x00\x00")},
	{"a piece message without a block", dropped, writes("\x00\x00\x00\x05\x07\x00\x00\x00\x00")},
	{"a long unknown message", dropped, says(peer.Message{ID: 99, Payload: make([]byte, 2000)})},
	{"closes in a message", tolerated, func(b *badPeer) { b.Write([]byte("\x00\x00\x00\x05\x04\x00")) }},
	{"messages byte by byte", tolerated, func(b *badPeer) {
		b.slowly(peer.Message{ID: peer.IDUnchoke}.Append(peer.Message{ID: peer.IDHaveAll}.Append(nil)), 1e8)
		b.wait()
	}},

	{"a short bitfield", dropped, says(bits(1))},
	{"a long bitfield", dropped, says(bits(1000))},
	{"an empty bitfield", dropped, says(bits(0))},
	{"a bitfield with spare bits", dropped, func(b *badPeer) {
		f := peer.FullBitfield(b.meta.PieceCount())
		f[len(f)-1] = 0xff
		b.send(peer.Message{ID: peer.IDBitfield, Payload: f})
		b.wait()
	}},
	{"a bitfield after other messages", tolerated, says(peer.Message{ID: peer.IDUnchoke}, peer.Message{ID: peer.IDHave}, bits(3))},
	{"a bitfield twice", tolerated, says(bits(3), bits(3))},
	{"has all, then none", tolerated, says(peer.Message{ID: peer.IDHaveAll}, peer.Message{ID: peer.IDUnchoke}, bits(3))},
	{"has none, and unchokes", tolerated, says(peer.Message{ID: peer.IDHaveNone}, peer.Message{ID: peer.IDUnchoke})},
	{"have of no piece", dropped, says(peer.Message{ID: peer.IDHave, Index: 1 << 30})},
	{"have of the piece after the last", dropped, says(peer.Message{ID: peer.IDHave, Index: 21})},
	{"suggest of no piece", dropped, says(peer.Message{ID: peer.IDSuggest, Index: 1<<32 - 1})},
	{"allowed fast of no piece", dropped, says(peer.Message{ID: peer.IDAllowedFast, Index: 1 << 30})},
	{"reject of no piece", dropped, says(peer.Message{ID: peer.IDReject, Index: 1 << 30, Length: 16 << 10})},
	{"allowed fast pieces, and no block", tolerated, func(b *badPeer) {
		b.send(peer.Message{ID: peer.IDHaveAll})
		for i := range uint32(10) {
			b.send(peer.Message{ID: peer.IDAllowedFast, Index: i})
		}
		b.each(func(m peer.Message) bool {
			if m.ID == peer.IDRequest {
				m.ID = peer.IDReject
				b.send(m)
			}
			return true
		})
	}},

	{"a request of too much", dropped, says(peer.Message{ID: peer.IDInterested}, peer.Message{ID: peer.IDRequest, Length: 1 << 30})},
	{"a request of nothing", dropped, says(peer.Message{ID: peer.IDInterested}, peer.Message{ID: peer.IDRequest})},
	{"a request of no piece", dropped, says(peer.Message{ID: peer.IDInterested}, peer.Message{ID: peer.IDRequest, Index: 1 << 31, Length: 16 << 10})},
	{"a request beyond the piece", dropped, says(peer.Message{ID: peer.IDInterested}, peer.Message{ID: peer.IDRequest, Begin: 1<<32 - 1, Length: 16 << 10})},
	{"hashes without request", dropped, says(peer.Message{ID: peer.IDHashes, Payload: make([]byte, 48+32)})},
	{"a short hash request", dropped, says(peer.Message{ID: peer.IDHashRequest, Payload: make([]byte, 10)})},
	{"a request of too many hashes", tolerated, func(b *badPeer) {
		r := peer.HashRequest{Length: 1 << 31, ProofLayers: 1<<32 - 1, Index: 1<<32 - 1, BaseLayer: 1<<32 - 1}
		b.Write(r.Append(nil))
		b.wait()
	}},
}

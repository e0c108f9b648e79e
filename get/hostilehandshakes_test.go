package get

import (
	"net"
	"time"

	"bt/internal/peer"
)

// badHandshakes are what peers do instead of a handshake.
var badHandshakes = []behavior{
	{"closes before the handshake", tolerated, func(*badPeer) {}},
	{"accepts, and says nothing", tolerated, (*badPeer).wait},
	{"closes in the handshake", tolerated, func(b *badPeer) {
		b.Write([]byte("\x13BitTorrent prot"))
	}},
	{"resets the connection", tolerated, func(b *badPeer) {
		b.greet(nil)
		b.Conn.(*net.TCPConn).SetLinger(0)
	}},
	{"another protocol", tolerated, writes("\x13BitTorrent protocoX" + string(make([]byte, 48)))},
	{"HTTP", tolerated, writes("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")},
	{"a handshake byte by byte", tolerated, func(b *badPeer) {
		b.slowly([]byte("\x13BitTorrent protocol"+string(make([]byte, 48))), 200*time.Millisecond)
	}},
	{"the handshake of another torrent", tolerated, func(b *badPeer) {
		b.greet(func(h *peer.Handshake) { h.PeerID[7]++; h.InfoHash[7]++ })
		b.wait()
	}},
	{"our own peer id", tolerated, func(b *badPeer) {
		b.greet(func(h *peer.Handshake) {})
		b.wait()
	}},
	{"a handshake twice", dropped, func(b *badPeer) {
		b.greet(func(h *peer.Handshake) { h.PeerID[7]++; b.Write(h.Append(nil)) })
		b.wait()
	}},
	{"no extensions, and uses them", tolerated, func(b *badPeer) {
		b.greet(func(h *peer.Handshake) { h.PeerID[7]++; h.Reserved = [8]byte{} })
		b.unchoked()
		b.wait()
	}},
}

// badEncryption are what peers do in the handshake of MSE.
var badEncryption = []behavior{
	{"closes at our key", tolerated, func(b *badPeer) { b.Read(make([]byte, 96)) }},
	{"a key of zeros", tolerated, writes(string(make([]byte, 96)))},
	{"a key, and nothing more", tolerated, writes("\x01" + string(make([]byte, 95)))},
	{"padding without end", tolerated, func(b *badPeer) { b.flood(func(uint32) []byte { return make([]byte, 1000) }) }},
	{"a plain handshake", tolerated, func(b *badPeer) {
		b.Write((&peer.Handshake{InfoHash: b.meta.InfoHashV1}).Append(nil))
		b.wait()
	}},
	{"a key byte by byte", tolerated, func(b *badPeer) { b.slowly(make([]byte, 96), 200*time.Millisecond) }},
}

// Package peer is the wire of BitTorrent peers in both directions: handshakes,
// messages and extensions (BEP 3, 6, 9, 10, 21, 52). It opens no sockets, reads
// no clock and starts no goroutines. A parser returns sub-slices of what it was
// given and says so: whoever keeps them copies them.
//
// A connection is a handshake each way and then messages each way. Numbers are
// big endian, and a length does not count itself.
//
//	handshake       0    1                     20         28          48        68
//	                | 19 | BitTorrent protocol | reserved | info-hash | peer id |
//
//	message         0        4    5
//	                | length | id | body |
//	keep-alive      | 0      |
//	choke           | 1      | 0  |
//	unchoke         | 1      | 1  |
//	interested      | 1      | 2  |
//	not interested  | 1      | 3  |
//	have            | 5      | 4  | piece 4 |
//	bitfield        | 1 + n  | 5  | a bit a piece, from the highest of the first byte |
//	request         | 13     | 6  | piece 4 | begin 4 | length 4 |
//	piece           | 9 + n  | 7  | piece 4 | begin 4 | block |
//	cancel          | 13     | 8  | piece 4 | begin 4 | length 4 |
//	port            | 3      | 9  | port 2 |
//	suggest         | 5      | 13 | piece 4 |
//	have all        | 1      | 14 |
//	have none       | 1      | 15 |
//	reject          | 13     | 16 | piece 4 | begin 4 | length 4 |
//	allowed fast    | 5      | 17 | piece 4 |
//	extended        | 2 + n  | 20 | extension 1 | bencode, and bytes after it |
//	hash request    | 49     | 21 | pieces root 32 | base layer 4 | index 4 | length 4 | proof layers 4 |
//	hashes          | 49 + n | 22 | the same | hashes of 32 bytes each |
//	hash reject     | 49     | 23 | the same |
//
// It leaves out what a message means for a connection: whether the peer may send
// it now, and whether a piece that it names is there. Peer exchange (BEP 11) has
// its id here, and encryption has a package of its own.
package peer

import "fmt"

// BlockLength is how many bytes of content a request may ask for: more gets the
// connection closed by most clients (BEP 52). A piece of metadata has as many
// (BEP 9), and so has what a leaf of a hash tree is of.
const BlockLength = 16 << 10

// An Error says why bytes are not the message that they should be.
type Error struct{ Msg string }

func (e *Error) Error() string { return e.Msg }

func errorf(format string, args ...any) error {
	return &Error{fmt.Sprintf(format, args...)}
}

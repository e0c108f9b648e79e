// Package peer implements the messages between BitTorrent peers in both directions:
// handshakes, messages and extensions (BEP 3, 6, 9, 10, 11, 21, 52, 55). It opens no
// connections, reads no clock and starts no goroutines. Some parsers return sub-slices
// of their input, as documented.
//
// On a connection, each side sends a handshake and then messages. Numbers are big
// endian, and a length does not include itself.
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
// The package does not know the state of a connection: whether a peer may send a
// message, and whether a piece exists. Encryption is in package mse.
package peer

import "fmt"

// BlockLength is the maximum length in bytes of a requested block: most clients close
// the connection for more (BEP 52). It is also the length of a piece of metadata (BEP
// 9), and of the block of a leaf in a hash tree.
const BlockLength = 16 << 10

// MaxBlock is the maximum length of a block that peers may request from us. Most request
// BlockLength.
const MaxBlock = 128 << 10

// An Error reports an invalid message.
type Error struct{ Msg string }

func (e *Error) Error() string { return e.Msg }

func errorf(format string, args ...any) error {
	return &Error{fmt.Sprintf(format, args...)}
}

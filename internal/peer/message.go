package peer

import (
	"encoding/binary"
	"fmt"
)

// An ID is the type of a message. On the wire it is a byte.
type ID int16

// The messages.
const (
	IDKeepAlive ID = -1 // has neither id nor body on the wire

	IDChoke         ID = 0
	IDUnchoke       ID = 1
	IDInterested    ID = 2
	IDNotInterested ID = 3
	IDHave          ID = 4
	IDBitfield      ID = 5
	IDRequest       ID = 6
	IDPiece         ID = 7
	IDCancel        ID = 8
	IDPort          ID = 9 // the DHT port (BEP 5)

	// BEP 6.
	IDSuggest     ID = 13
	IDHaveAll     ID = 14
	IDHaveNone    ID = 15
	IDReject      ID = 16
	IDAllowedFast ID = 17

	IDExtended ID = 20 // BEP 10

	// BEP 52.
	IDHashRequest ID = 21
	IDHashes      ID = 22
	IDHashReject  ID = 23
)

var names = [...]string{
	IDChoke: "choke", IDUnchoke: "unchoke", IDInterested: "interested", IDNotInterested: "not interested",
	IDHave: "have", IDBitfield: "bitfield", IDRequest: "request", IDPiece: "piece", IDCancel: "cancel", IDPort: "port",
	IDSuggest: "suggest", IDHaveAll: "have all", IDHaveNone: "have none", IDReject: "reject", IDAllowedFast: "allowed fast",
	IDExtended: "extended", IDHashRequest: "hash request", IDHashes: "hashes", IDHashReject: "hash reject",
}

func (id ID) String() string {
	switch {
	case id == IDKeepAlive:
		return "keep-alive"
	case id >= 0 && int(id) < len(names) && names[id] != "":
		return names[id]
	}
	return fmt.Sprintf("ID(%d)", int16(id))
}

// PieceHeaderLength is the length in bytes of a piece message without its block.
const PieceHeaderLength = 4 + 1 + 8

// The maximum lengths of messages in bytes, without the length prefix. Other messages
// have a fixed length, or in the case of a bitfield that of the torrent's pieces.
const (
	MaxPiece = 9 + BlockLength // for a block of BlockLength

	// A piece of metadata and its dict are longer than 16 KiB. A peer exchange with a
	// thousand IPv6 peers, twenty times what BEP 11 allows, is longer than 18 KiB.
	MaxExtended = 64 << 10

	// The longest answer, with an uncle for each layer of the highest tree.
	MaxHashes = hashRequestLength + 32*(MaxLeaves+maxHeight)

	// Unknown messages are skipped, if they are short: extensions use extended
	// messages.
	MaxUnknown = 1 << 10
)

const hashRequestLength = 1 + hashRequestBody

// lengths are the minimum and maximum lengths of each message, except a bitfield.
var lengths = [...]struct{ min, max uint32 }{
	IDChoke: {1, 1}, IDUnchoke: {1, 1}, IDInterested: {1, 1}, IDNotInterested: {1, 1},
	IDHave: {5, 5}, IDRequest: {13, 13}, IDPiece: {9, MaxPiece}, IDCancel: {13, 13}, IDPort: {3, 3},
	IDSuggest: {5, 5}, IDHaveAll: {1, 1}, IDHaveNone: {1, 1}, IDReject: {13, 13}, IDAllowedFast: {5, 5},
	IDExtended: {2, MaxExtended}, IDHashRequest: {hashRequestLength, hashRequestLength},
	IDHashes: {hashRequestLength + 32, MaxHashes}, IDHashReject: {hashRequestLength, hashRequestLength},
}

// A Message is any message. The fields in use depend on ID.
type Message struct {
	ID        ID
	Extension uint8  // extended: ExtHandshake, or an id of the receiver's handshake
	Port      uint16 // port

	Index  uint32 // have, suggest, allowed fast, request, piece, cancel, reject: index of the piece
	Begin  uint32 // request, piece, cancel, reject: offset in the piece, in bytes
	Length uint32 // request, cancel, reject: bytes

	// Payload is the rest of the message: the bits of a bitfield (see ParseBitfield),
	// the block of a piece, an extended message after the extension's id (see
	// ParseExtendedHandshake, ParseMetadata), and the body of a message about hashes
	// (see ParseHashRequest, ParseHashes) or an unknown message.
	Payload []byte
}

// UnknownPieces stands for the number of pieces of a torrent whose info dictionary is
// still fetched, as that of a magnet link (BEP 9).
const UnknownPieces = -1

// maxUnknownPieces is the maximum number of pieces in a bitfield that arrives before the
// number of pieces is known. A v1 torrent has 20 bytes per piece and a v2 torrent 32, so
// one with more pieces would exceed the default limit of package metainfo, 256 MiB.
const maxUnknownPieces = 1 << 24

// Next parses the message at the start of b, for a torrent with the given number of
// pieces, or UnknownPieces: a bitfield may have any length then, up to 2 MiB. n is the length of the message in bytes. If n > len(b), the message is
// incomplete, and b must have at least n bytes for the next call; n is never more than
// the maximum length of a message. m then has only its ID, or IDKeepAlive while the ID
// is unknown, so that the caller can refuse a message before it allocates memory.
//
// Payload is a part of b. Next checks lengths, but not whether the torrent has such a
// piece. After an error the rest of b can't be parsed, and the connection should be
// closed.
func Next(b []byte, pieces int) (m Message, n int, err error) {
	if len(b) < 4 {
		return Message{ID: IDKeepAlive}, 4, nil
	}
	length := binary.BigEndian.Uint32(b)
	if length == 0 {
		return Message{ID: IDKeepAlive}, 4, nil
	}
	if len(b) < 5 {
		return Message{ID: IDKeepAlive}, 5, nil
	}
	m.ID = ID(b[4])
	if !m.ID.allows(length, pieces) {
		return Message{}, 0, errorf("%v message of %d bytes", m.ID, length)
	}
	n = 4 + int(length)
	if len(b) < n {
		return m, n, nil
	}
	body := b[5:n:n]
	switch m.ID {
	case IDRequest, IDCancel, IDReject:
		_ = body[11]
		m.Index = binary.BigEndian.Uint32(body)
		m.Begin = binary.BigEndian.Uint32(body[4:])
		m.Length = binary.BigEndian.Uint32(body[8:])
	case IDHave, IDSuggest, IDAllowedFast:
		m.Index = binary.BigEndian.Uint32(body)
	case IDPiece:
		m.Index = binary.BigEndian.Uint32(body)
		m.Begin = binary.BigEndian.Uint32(body[4:])
		m.Payload = body[8:]
	case IDPort:
		m.Port = binary.BigEndian.Uint16(body)
	case IDExtended:
		m.Extension = body[0]
		m.Payload = body[1:]
	default:
		m.Payload = body
	}
	return m, n, nil
}

// allows reports whether a message may have a length.
func (id ID) allows(length uint32, pieces int) bool {
	switch {
	case id == IDBitfield && pieces < 0:
		return 1 <= length && int64(length) <= 1+int64(bitfieldLength(maxUnknownPieces))
	case id == IDBitfield:
		return int64(length) == 1+int64(bitfieldLength(pieces))
	}
	if int(id) < len(lengths) && lengths[id].max > 0 {
		return lengths[id].min <= length && length <= lengths[id].max
	}
	return length <= MaxUnknown
}

// Append appends the message. It allocates no memory unless b is too short.
func (m Message) Append(b []byte) []byte {
	switch m.ID {
	case IDKeepAlive:
		return append(b, 0, 0, 0, 0)
	case IDRequest, IDCancel, IDReject:
		b = appendHead(b, m.ID, 12)
		b = binary.BigEndian.AppendUint32(b, m.Index)
		b = binary.BigEndian.AppendUint32(b, m.Begin)
		return binary.BigEndian.AppendUint32(b, m.Length)
	case IDHave, IDSuggest, IDAllowedFast:
		b = appendHead(b, m.ID, 4)
		return binary.BigEndian.AppendUint32(b, m.Index)
	case IDPiece:
		b = AppendPieceHeader(b, m.Index, m.Begin, len(m.Payload))
	case IDPort:
		b = appendHead(b, m.ID, 2)
		return binary.BigEndian.AppendUint16(b, m.Port)
	case IDExtended:
		b = appendExtendedHead(b, m.Extension, len(m.Payload))
	default:
		b = appendHead(b, m.ID, len(m.Payload))
	}
	return append(b, m.Payload...)
}

// AppendPieceHeader appends the first PieceHeaderLength bytes of a piece message, for a
// block of the given length, which the caller sends separately.
func AppendPieceHeader(b []byte, index, begin uint32, length int) []byte {
	b = appendHead(b, IDPiece, 8+length)
	b = binary.BigEndian.AppendUint32(b, index)
	return binary.BigEndian.AppendUint32(b, begin)
}

// appendHead appends the part of a message before a body of the given length.
func appendHead(b []byte, id ID, body int) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(1+body))
	return append(b, byte(id))
}

func appendExtendedHead(b []byte, extension uint8, body int) []byte {
	b = appendHead(b, IDExtended, 1+body)
	return append(b, extension)
}

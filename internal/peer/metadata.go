package peer

import "bt/internal/bencode"

// MetadataKind says what a message about metadata is (BEP 9).
type MetadataKind uint8

// The kinds by their numbers. BEP 9 wants any other to be ignored.
const (
	MetadataRequest MetadataKind = 0
	MetadataData    MetadataKind = 1
	MetadataReject  MetadataKind = 2

	MetadataUnknown MetadataKind = 255 // any other number
)

// A Metadata is a message about one piece of the info dict (BEP 9). Pieces have
// BlockLength bytes each, and the last has what is left.
//
//	request  d8:msg_typei0e5:piecei0ee
//	data     d8:msg_typei1e5:piecei0e10:total_sizei3425ee and the piece
//	reject   d8:msg_typei2e5:piecei0ee
type Metadata struct {
	Kind      MetadataKind
	Piece     int    // from 0
	TotalSize int    // bytes of the info dict; 0: not told, as only data needs to
	Data      []byte // data: the piece
}

// Append writes the whole message to a peer whose handshake gives ut_metadata
// that number.
func (m *Metadata) Append(b []byte, extension uint8) []byte {
	var e bencode.Encoder
	e.Dict()
	e.Key("msg_type")
	e.Int(int64(m.Kind))
	e.Key("piece")
	e.Int(int64(m.Piece))
	if m.TotalSize != 0 {
		e.Key("total_size")
		e.Int(int64(m.TotalSize))
	}
	e.End()
	b = appendExtendedHead(b, extension, len(e.Bytes())+len(m.Data))
	b = append(b, e.Bytes()...)
	return append(b, m.Data...)
}

// ParseMetadata reads the payload of an extended message to ExtMetadata. Data is
// a part of it. There may be no such piece, but of data that tells the total
// size the piece is there and has its length. What follows a message that is not
// data is ignored.
func ParseMetadata(payload []byte) (m Metadata, err error) {
	doc, err := extensionParser.Parse(payload)
	if err != nil {
		return m, errorf("a message about metadata: %v", err)
	}
	d := doc.Root()
	kind, ok := d.Get("msg_type").Int()
	if !ok {
		return m, errorf("a message about metadata without a type")
	}
	if kind < 0 || kind > int64(MetadataReject) {
		return Metadata{Kind: MetadataUnknown}, nil
	}
	piece, ok := d.Get("piece").Int()
	if !ok || piece < 0 || piece >= MaxMetadata/BlockLength {
		return m, errorf("a message about metadata without a piece")
	}
	m = Metadata{Kind: MetadataKind(kind), Piece: int(piece), TotalSize: within(d.Get("total_size"), MaxMetadata)}
	if m.Kind != MetadataData {
		return m, nil
	}
	m.Data = doc.Trailing()
	want := BlockLength
	if m.TotalSize != 0 {
		want = min(m.TotalSize-m.Piece*BlockLength, BlockLength)
	}
	if n := len(m.Data); n == 0 || n > want || m.TotalSize != 0 && n < want {
		return Metadata{}, errorf("piece %d of metadata has %d bytes", m.Piece, n)
	}
	return m, nil
}

// MetadataPiece returns a piece of an info dict, as a part of it; false if there
// is no such piece.
func MetadataPiece(info []byte, piece int) ([]byte, bool) {
	if piece < 0 || piece > (len(info)-1)/BlockLength || len(info) == 0 {
		return nil, false
	}
	info = info[piece*BlockLength:]
	return info[:min(len(info), BlockLength)], true
}

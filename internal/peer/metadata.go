package peer

import "bt/internal/bencode"

// A MetadataKind is the type of a metadata message (BEP 9).
type MetadataKind uint8

// The types by their numbers. According to BEP 9, others are to be ignored.
const (
	MetadataRequest MetadataKind = 0
	MetadataData    MetadataKind = 1
	MetadataReject  MetadataKind = 2

	MetadataUnknown MetadataKind = 255 // any other number
)

// A Metadata is a message about a piece of the info dict (BEP 9). All pieces except the
// last have BlockLength bytes.
//
//	request  d8:msg_typei0e5:piecei0ee
//	data     d8:msg_typei1e5:piecei0e10:total_sizei3425ee and the piece
//	reject   d8:msg_typei2e5:piecei0ee
type Metadata struct {
	Kind      MetadataKind
	Piece     int    // counted from 0
	TotalSize int    // bytes of the info dict; 0: unknown, as only data requires it
	Data      []byte // data: the piece
}

// Append appends the whole message. id is the number of ut_metadata in the peer's
// handshake.
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

// ParseMetadata parses the payload of an extended message of MetadataName. Data is
// a part of payload. If a data message has a total size, Piece and the length of Data
// are consistent with it. In other messages Piece is not checked, and bytes after the
// dict are ignored.
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

// MetadataPiece returns a piece of an info dict, without copying it. It returns false
// if there is no such piece.
func MetadataPiece(info []byte, piece int) ([]byte, bool) {
	if piece < 0 || piece > (len(info)-1)/BlockLength || len(info) == 0 {
		return nil, false
	}
	info = info[piece*BlockLength:]
	return info[:min(len(info), BlockLength)], true
}

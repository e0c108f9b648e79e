package peer

import "testing"

// A seed reads requests in batches.
func BenchmarkNextRequest(b *testing.B) {
	const batch = 1024
	var buf []byte
	for i := range uint32(batch) {
		buf = Message{ID: IDRequest, Index: i / 16, Begin: i % 16 * BlockLength, Length: BlockLength}.Append(buf)
	}
	b.SetBytes(int64(len(buf)))
	b.ReportAllocs()
	var sum uint32
	for b.Loop() {
		for rest := buf; len(rest) > 0; {
			m, n, err := Next(rest, batch)
			if err != nil || n > len(rest) {
				b.Fatal(n, err)
			}
			sum += m.Begin
			rest = rest[n:]
		}
	}
	if sum == 0 {
		b.Fatal("nothing read")
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/batch, "ns/request")
}

// And answers each with a header, the block following from elsewhere.
func BenchmarkAppendPieceHeader(b *testing.B) {
	buf := make([]byte, 0, PieceHeaderLength)
	b.ReportAllocs()
	for b.Loop() {
		buf = AppendPieceHeader(buf[:0], 7, 32768, BlockLength)
	}
}

func BenchmarkAppendReject(b *testing.B) {
	m := Message{ID: IDReject, Index: 7, Begin: 32768, Length: BlockLength}
	buf := make([]byte, 0, 17)
	b.ReportAllocs()
	for b.Loop() {
		buf = m.Append(buf[:0])
	}
}

// Of a torrent of 100,000 pieces.
func BenchmarkBitfieldCount(b *testing.B) {
	f := FullBitfield(100_000)
	b.SetBytes(int64(len(f)))
	b.ReportAllocs()
	for b.Loop() {
		if !f.All(100_000) {
			b.Fatal("not all")
		}
	}
}

func BenchmarkHashRequest(b *testing.B) {
	r := HashRequest{BaseLayer: 2, Index: 512, Length: 512, ProofLayers: 17}
	payload := r.Append(nil)[5:]
	b.ReportAllocs()
	for b.Loop() {
		r, err := ParseHashRequest(payload)
		if err != nil || r.Check(1<<20, 2) != nil {
			b.Fatal(err)
		}
	}
}

// Once a connection.
func BenchmarkParseExtendedHandshake(b *testing.B) {
	wire := []byte(extendedHandshakes[4].wire)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseExtendedHandshake(wire); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseMetadataRequest(b *testing.B) {
	wire := []byte("d8:msg_typei0e5:piecei0ee")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseMetadata(wire); err != nil {
			b.Fatal(err)
		}
	}
}

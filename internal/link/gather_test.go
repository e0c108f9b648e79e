package link

import (
	"bytes"
	"context"
	"testing"
	"time"

	"bt/internal/peer"
)

// What a fast peer sends is handled soon, also if it is less than is gathered.
func TestGather(t *testing.T) {
	accepted, dialled := connect(t, EncryptionPrefer, options(false, EncryptionPrefer))
	if accepted.err != nil || dialled.err != nil {
		t.Fatal(accepted.err, dialled.err)
	}
	block := append(peer.AppendPieceHeader(nil, 0, 0, playerBlock), bytes.Repeat([]byte{7}, playerBlock)...)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	arrived := make(chan bool)
	p := &player{Link: accepted.Link, t: t, expects: true, want: playerBlock, end: func() { arrived <- true }}
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx, 1, nil, p) }()
	for range 10 {
		for _, blocks := range []int{64, 1} {
			p.got.Store(int64(1-blocks) * playerBlock)
			if _, err := dialled.socket.TCPConn.Write(bytes.Repeat(block, blocks)); err != nil {
				t.Fatal(err)
			}
			select {
			case <-arrived:
			case err := <-done:
				t.Fatalf("%d blocks have not arrived: %v", blocks, err)
			}
		}
	}
	cancel()
	<-done
}

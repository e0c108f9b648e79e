package link

import (
	"bytes"
	"errors"
	"sync"
	"syscall"
	"testing"
	"time"

	"bt/internal/peer"
)

// cpuTime returns the CPU time of this process so far.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// A sink is a handler that counts messages.
type sink struct {
	player
	left int
}

func (s *sink) Handle(peer.Message) error {
	if s.left--; s.left == 0 {
		return errEnough
	}
	return nil
}

var errEnough = errors.New("all messages have arrived")

// A peer that receives blocks.
func BenchmarkReceive(b *testing.B) {
	message := peer.AppendPieceHeader(nil, 0, 0, playerBlock)
	benchmarkReading(b, append(message, make([]byte, playerBlock)...), 64, true)
}

// A peer that receives requests, as a seed.
func BenchmarkRequests(b *testing.B) {
	benchmarkReading(b, peer.Message{ID: peer.IDRequest, Length: playerBlock}.Append(nil), 10_000, false)
}

// benchmarkReading reads n copies of a message per operation. The CPU time is also that of
// the sender, which costs the same each time.
func benchmarkReading(b *testing.B, message []byte, n int, expects bool) {
	messages := bytes.Repeat(message, n)
	for name, encrypt := range map[string]bool{"plaintext": false, "RC4": true} {
		b.Run(name, func(b *testing.B) {
			var sending sync.WaitGroup
			b.Cleanup(sending.Wait) // after the connection is closed
			accepted, dialled := connect(b, EncryptionPrefer, options(encrypt, EncryptionRequire))
			if accepted.err != nil || dialled.err != nil {
				b.Fatal(accepted.err, dialled.err)
			}
			b.SetBytes(int64(len(messages)))
			b.ReportAllocs()
			before := cpuTime(b)
			b.ResetTimer()
			sending.Go(func() {
				out := make([]byte, len(messages))
				for range b.N {
					copy(out, messages)
					dialled.crypto.Encrypt(out)
					if _, err := dialled.socket.TCPConn.Write(out); err != nil {
						b.Error(err)
					}
				}
			})
			s := &sink{player: player{Link: accepted.Link, expects: expects}, left: b.N * n}
			if err := s.Run(b.Context(), 1, accepted.early, s); err != errEnough {
				b.Fatal(err)
			}
			b.StopTimer()
			b.ReportMetric((cpuTime(b)-before).Seconds()/(float64(b.N)*float64(len(messages))/1e9), "cpu-s/GB")
		})
	}
}

//go:build linux

package seed

import (
	"context"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"bt/internal/peer/mse"
	"bt/maketorrent"
)

// During a flood of encrypted handshakes, each from another address, a connected peer
// keeps most of its rate, and others can connect. The rates are logged, and compared
// only with BT_SOAK, because they are meaningless on a busy machine.
func TestFloodOfExchanges(t *testing.T) {
	r, tt, _ := one(t, Options{}, maketorrent.FormatV1, 4<<20)
	l := r.join(t, tt)
	l.conn.SetDeadline(time.Now().Add(2 * hung))
	all := make([]int, tt.pieces)
	for i := range all {
		all[i] = i
	}
	length := loadedOf(t, tt).lengthOf
	measure := func(d time.Duration) float64 {
		began, n := time.Now(), 0
		for time.Since(began) < d {
			l.download(length, all...)
			n += 4 << 20
		}
		return float64(n) / time.Since(began).Seconds() / 1e6
	}
	measure(time.Second / 2)
	before := measure(2 * time.Second)

	ctx, cancel := context.WithCancel(t.Context())
	var flood sync.WaitGroup
	defer flood.Wait()
	defer cancel()
	var answers, tries atomic.Int64
	for i := range 200 {
		flood.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 100+byte(i), byte(n>>8), byte(n))}}
				conn, err := d.DialContext(ctx, "tcp", r.addr)
				if err != nil {
					return
				}
				tries.Add(1)
				conn.SetDeadline(time.Now().Add(5 * time.Second))
				conn.Write(noise(96 + 600)) // a key and no mark, which is known after the exchange
				if n, _ := io.Copy(io.Discard, conn); n >= 96 {
					answers.Add(1)
				}
				conn.Close()
			}
		})
	}
	time.Sleep(time.Second / 2)
	during := measure(3 * time.Second)
	t.Logf("%.0f MB/s, and %.0f during %d handshakes, %d of them answered", before, during, tries.Load(), answers.Load())
	if os.Getenv("BT_SOAK") != "" && during < before/2 {
		t.Errorf("%.0f MB/s before, %.0f during the flood", before, during)
	}
	if answers.Load() == 0 {
		t.Error("none was answered: this test can't fail")
	}
	began := time.Now()
	_, err := r.seal(t, tt, mse.MethodRC4, 68, nil)
	for tries := 2; err != nil && tries > 0; tries-- { // on a busy machine an exchange may wait too long
		t.Logf("%v after %v", err, time.Since(began))
		_, err = r.seal(t, tt, mse.MethodRC4, 68, nil)
	}
	if err != nil {
		t.Errorf("an honest peer is not let in: %v after %v", err, time.Since(began))
	}
}

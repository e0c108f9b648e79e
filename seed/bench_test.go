package seed

import (
	"fmt"
	"net"
	"testing"
)

// A status of ten thousand torrents, as the status page asks for each second.
func BenchmarkStatus(b *testing.B) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	s := New(Options{Listener: l})
	for i := range 10_000 {
		t := &Torrent{seeder: s, name: fmt.Sprint("torrent ", i), v1: true, swarms: []*swarm{{hash: [20]byte{byte(i), byte(i >> 8)}}}}
		t.announceAt([][]string{{"http://tracker.example/announce"}})
		s.list = append(s.list, t)
	}
	for b.Loop() {
		if status := s.Status(); len(status.Torrents) != 10_000 {
			b.Fatal(len(status.Torrents))
		}
	}
}

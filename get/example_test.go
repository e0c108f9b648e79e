package get_test

import (
	"context"
	"fmt"
	"log"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"bt/get"
	"bt/maketorrent"
	"bt/seed"
)

// The program downloads a file from a seed of its own.
func ExampleGetter() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	torrent, seeder := serve(filepath.Join(dir, "hello.txt"))

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	getter, err := get.New(get.Options{
		Torrent:  torrent,
		Listener: listener,
		Dir:      filepath.Join(dir, "downloads"),
		Peers:    []netip.AddrPort{seeder},
		Client:   "example/1.0",
		Event: func(at time.Time, event get.Event) {
			switch e := event.(type) {
			case get.EventFile:
				fmt.Println("verified:", filepath.Base(e.Path), e.Size, "bytes")
			case get.EventComplete:
				fmt.Println("complete")
			}
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	if err := getter.Run(context.Background()); err != nil {
		log.Fatal(err)
	}
	// Output:
	// verified: hello.txt 13 bytes
	// complete
}

// serve makes a file and a torrent of it, and seeds it.
func serve(path string) (*get.Metainfo, netip.AddrPort) {
	if err := os.WriteFile(path, []byte("hello, world\n"), 0o644); err != nil {
		log.Fatal(err)
	}
	made, err := maketorrent.Make(context.Background(), maketorrent.Options{Path: path})
	if err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	seeder := seed.New(seed.Options{Listener: listener})
	if _, err := seeder.Add(seed.Input{Torrent: made.Torrent, Path: path, Hashed: true}); err != nil {
		log.Fatal(err)
	}
	go seeder.Serve(context.Background())
	return made.Torrent, netip.MustParseAddrPort(listener.Addr().String())
}

package seed_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"os"
	"path/filepath"
	"time"

	"bt/maketorrent"
	"bt/seed"
)

// The program seeds a file until the first event reports that peers can have it. A
// real program runs until it is interrupted.
func ExampleSeeder() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "hello.txt")
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
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	seeder := seed.New(seed.Options{
		Listener: listener,
		Client:   "example/1.0",
		Event: func(at time.Time, event seed.Event) {
			switch e := event.(type) {
			case seed.EventSeeding:
				fmt.Println("seeding", e.Torrent.Name(), e.Pieces, "of", e.Torrent.Pieces(), "pieces")
				stop()
			case seed.EventFailed:
				log.Fatal(e.Err)
			case seed.EventStopped:
				fmt.Println("stopped after", e.Uploaded, "bytes")
			}
		},
	})
	if _, err := seeder.Add(seed.Input{Torrent: made.Torrent, Path: path}); err != nil {
		log.Fatal(err)
	}
	if err := seeder.Serve(ctx); !errors.Is(err, context.Canceled) {
		log.Fatal(err)
	}
	// Output:
	// seeding hello.txt 1 of 1 pieces
	// stopped after 0 bytes
}

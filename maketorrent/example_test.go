package maketorrent_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"
	"time"

	"bt/maketorrent"
)

func ExampleMake() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	content := filepath.Join(dir, "release")
	if err := os.Mkdir(content, 0o755); err != nil {
		log.Fatal(err)
	}
	for name, data := range map[string]string{"hello.txt": "hello, world\n", "notes.tmp": "draft"} {
		if err := os.WriteFile(filepath.Join(content, name), []byte(data), 0o644); err != nil {
			log.Fatal(err)
		}
	}

	result, err := maketorrent.Make(context.Background(), maketorrent.Options{
		Path:     content,
		Exclude:  []string{"*.tmp"},
		Format:   maketorrent.FormatHybrid,
		Trackers: [][]string{{"https://t.example/announce"}, {"udp://u.example:6969"}},
		Date:     time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
	})
	if err != nil {
		log.Fatal(err)
	}
	torrent := result.Torrent
	if err := os.WriteFile(filepath.Join(dir, "release.torrent"), torrent.Bytes(), 0o644); err != nil {
		log.Fatal(err)
	}
	fmt.Println(torrent.Name, torrent.Format(), torrent.Size(), "bytes")
	fmt.Println(torrent.HexV1())
	fmt.Println(torrent.HexV2())
	for _, skipped := range result.Skipped {
		fmt.Println("left out:", skipped.Path, "-", skipped.Reason)
	}
	// Output:
	// release hybrid 13 bytes
	// 26ed3c9cf426ab670bd9da3f46fba603ef98bbb7
	// 63dd2c61919e2bedb30167e9b421bdc9343af4984680f8259a549423182f1400
	// left out: notes.tmp - excluded
}

// Content that is not on disk is hashed as it is read.
func ExampleMake_stream() {
	result, err := maketorrent.Make(context.Background(), maketorrent.Options{
		Name:   "hello.txt",
		Stream: &maketorrent.Stream{Content: strings.NewReader("hello, world\n"), Size: 13},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(result.Torrent.Name, result.Torrent.Size(), "bytes")
	fmt.Println(result.Torrent.HexV1())
	// Output:
	// hello.txt 13 bytes
	// b46e98d0bb72890c143723d35b5d7d27b0e6835f
}

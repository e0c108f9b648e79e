package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// benchmarkTorrent writes the torrent of a directory with many files.
func benchmarkTorrent(b *testing.B, files int, format string) string {
	b.Helper()
	dir := b.TempDir()
	tree := filepath.Join(dir, "many")
	for i := range files {
		sub := filepath.Join(tree, fmt.Sprintf("d%03d", i/1000))
		if i%1000 == 0 {
			if err := os.MkdirAll(sub, 0o755); err != nil {
				b.Fatal(err)
			}
		}
		if err := os.WriteFile(filepath.Join(sub, fmt.Sprintf("f%04d.txt", i%1000)), []byte(fmt.Sprint(i)), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	path := filepath.Join(dir, "many.torrent")
	e, _, stderr := testEnv("make", tree, "-q", "--format", format, "--comment", "old", "-o", path)
	if code := run(e); code != exitOK {
		b.Fatal(stderr)
	}
	return path
}

// BenchmarkInfo shows the torrent of 100,000 files:
//
//	go test -run '^$' -bench Info ./cmd/bt
func BenchmarkInfo(b *testing.B) {
	path := benchmarkTorrent(b, 100_000, "v1")
	for _, flag := range []string{"--files=false", "--json", "--raw", "--field=name", "--files", "--tree"} {
		b.Run(flag, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				e, _, stderr := testEnv("info", flag, path)
				if code := run(e); code != exitOK {
					b.Fatal(stderr)
				}
			}
		})
	}
}

// BenchmarkInfoDirectory shows a directory of 10,000 small torrents, as text and
// as JSON.
func BenchmarkInfoDirectory(b *testing.B) {
	dir := b.TempDir()
	for i := range 10_000 {
		data := fmt.Sprintf("d8:announce23:http://t.example/announ4:infod6:lengthi1e4:name5:%05d12:piece lengthi16384e6:pieces20:aaaaaaaaaaaaaaaaaaaaee", i)
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%05d.torrent", i)), []byte(data), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	for _, flag := range []string{"--no-files", "--json"} {
		b.Run(flag, func(b *testing.B) {
			for b.Loop() {
				e, _, stderr := testEnv("info", flag, dir)
				if code := run(e); code != exitOK {
					b.Fatal(stderr)
				}
			}
		})
	}
}

// BenchmarkRetrackerComment changes the comment of the hybrid of 100,000 files.
func BenchmarkRetrackerComment(b *testing.B) {
	path := benchmarkTorrent(b, 100_000, "hybrid")
	for i := 0; b.Loop(); i++ {
		e, _, stderr := testEnv("retracker", "-q", path, "--comment", fmt.Sprint("comment ", i))
		if code := run(e); code != exitOK {
			b.Fatal(stderr)
		}
	}
}

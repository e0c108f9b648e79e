package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// BenchmarkRetracker edits 10,000 torrents of a few KiB in place, on disk and
// synced:
//
//	go test -run '^$' -bench Retracker -benchtime 3x ./cmd/bt
func BenchmarkRetracker(b *testing.B) {
	const files = 10_000
	dir := b.TempDir()
	const tracker = "http://old.example/0123456789abcdef0123/announce"
	pieces := strings.Repeat("01234567890123456789", 200)
	var bytes int64
	for i := range files {
		data := fmt.Sprintf("d8:announce%[1]d:%[2]s13:announce-listll%[1]d:%[2]sel17:udp://u.example:1ee10:created by8:somebody"+
			"4:infod6:lengthi%[3]de4:name5:%05[4]d12:piece lengthi16384e6:pieces%[5]d:%[6]s7:privatei1eee",
			len(tracker), tracker, 200*16384, i, len(pieces), pieces)
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%05d.torrent", i)), []byte(data), 0o644); err != nil {
			b.Fatal(err)
		}
		bytes += int64(len(data))
	}
	b.SetBytes(bytes)
	hosts := []string{"old.example", "new.example"}
	for i := 0; b.Loop(); i++ {
		e, stdout, stderr := testEnv("retracker", dir, "--host", hosts[i%2], "--with", hosts[(i+1)%2])
		if code := run(e); code != exitOK || !strings.HasSuffix(stdout.String(), "\n10,000 of 10,000 files changed\n") {
			b.Fatalf("exit code %d: %s", code, stderr)
		}
	}
	b.ReportMetric(files*float64(b.N)/b.Elapsed().Seconds(), "files/s")
}

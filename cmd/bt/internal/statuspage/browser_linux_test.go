package statuspage

import (
	"bytes"
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"bt/internal/testenv"
	"bt/maketorrent"
	"bt/seed"
)

// With a real seed, the figures change while a peer downloads.
func TestPageOfSeed(t *testing.T) {
	t.Parallel()
	python := testenv.Python(t, "libtorrent")
	dir := t.TempDir()
	content, file := filepath.Join(dir, "content"), filepath.Join(dir, "content.torrent")
	data := bytes.Repeat([]byte("a publication "), 250_000)
	if err := os.WriteFile(content, data, 0o644); err != nil {
		t.Fatal(err)
	}
	made, err := maketorrent.Make(t.Context(), maketorrent.Options{Path: content})
	if err != nil {
		t.Fatal(err)
	}
	tracker := testenv.Opentracker(t, [][20]byte{made.Torrent.InfoHashV1})
	made, err = maketorrent.Make(t.Context(), maketorrent.Options{Path: content, Trackers: [][]string{{"http://" + tracker.String() + "/announce"}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, made.Torrent.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := seed.New(seed.Options{Listener: listener, MaxUploadRate: 600_000})
	if _, err := s.Add(seed.Input{Torrent: made.Torrent, Path: content}); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = s.Serve(ctx)
	}()
	defer func() { stop(); <-served }()

	b, server := browserPage(t, s.Status)
	b.Window(1280, 860, false)
	b.Open(server.URL + "/")
	row := `document.querySelector("#torrents tbody tr")?`
	b.Until(row + `.textContent.includes("content") && document.querySelector("#uploaded").textContent === "0 B"`)
	to := t.TempDir()
	leech := exec.Command(testenv.Program(t, "timeout"), "--kill-after=1", "90", python, "../../../../seed/testdata/leech.py", file, to)
	var output bytes.Buffer
	leech.Stdout, leech.Stderr = &output, &output
	leech.Env = append(os.Environ(), "HOME="+t.TempDir())
	if err := leech.Start(); err != nil {
		t.Fatal(err)
	}
	seen := make(map[string]bool)
	for len(seen) < 3 {
		var uploaded string
		b.Until(row + `.querySelector("td.uploaded").textContent !== "0 B"`)
		b.Eval(row+`.querySelector("td.uploaded").textContent`, &uploaded)
		seen[uploaded] = true
	}
	b.Until(`document.querySelector("#rate").textContent.includes("KiB/s") && document.querySelector("#peers").textContent === "1"`)
	b.Eval(row+`.querySelector("td.name a").click()`, nil)
	b.Until(`document.querySelector("dialog[open] .peers tbody tr")?.textContent.includes("libtorrent")`)
	b.Screenshot("seed")
	if err := leech.Wait(); err != nil {
		t.Fatalf("%v: %s", err, output.Bytes())
	}
	if got, err := os.ReadFile(filepath.Join(to, "content")); err != nil || !bytes.Equal(got, data) {
		t.Errorf("what was downloaded is not what was seeded: %v", err)
	}
	b.Until(`document.querySelector("#peers").textContent === "0"`)
}

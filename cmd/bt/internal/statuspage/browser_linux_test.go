package statuspage

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

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
	s := seed.New(seed.Options{Listener: listener, MaxUploadRate: 1_000_000})
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

	// The browser sees states of the seed one by one, or it might miss some: the download does
	// not wait for it.
	var shown atomic.Pointer[seed.Status] // nil: the state now
	show := func(status seed.Status) { shown.Store(&status) }
	b, server := browserPage(t, func() seed.Status {
		if status := shown.Load(); status != nil {
			return *status
		}
		return s.Status()
	})
	b.Window(1280, 860, false)
	b.Open(server.URL + "/")
	row := `document.querySelector("#torrents tbody tr")?`
	b.Until(row + `.textContent.includes("content") && document.querySelector("#uploaded").textContent === "0 B"`)
	show(s.Status())
	to := t.TempDir()
	leech := exec.Command(testenv.Program(t, "timeout"), "--kill-after=1", "180", python, "../../../../seed/testdata/leech.py", file, to)
	var output bytes.Buffer
	leech.Stdout, leech.Stderr = &output, &output
	leech.Env = append(os.Environ(), "HOME="+t.TempDir())
	if err := leech.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- leech.Wait() }()
	var states []seed.Status
	for running := true; running; {
		select {
		case err := <-ended:
			if running = false; err != nil {
				t.Fatalf("%v: %s", err, output.Bytes())
			}
		case <-time.After(50 * time.Millisecond):
			states = append(states, s.Status())
		}
	}
	// next shows the next state for which is returns true.
	next := func(is func(status *seed.Status) bool) {
		t.Helper()
		for len(states) > 0 && !is(&states[0]) {
			states = states[1:]
		}
		if len(states) == 0 {
			t.Fatal("there was no such state")
		}
		show(states[0])
	}
	uploaded, text := int64(0), "0 B"
	for range 3 {
		next(func(status *seed.Status) bool { return status.Torrents[0].Uploaded > uploaded+200_000 })
		uploaded = states[0].Torrents[0].Uploaded
		b.Until(fmt.Sprintf(`![%q, undefined].includes(%s.querySelector("td.uploaded").textContent)`, text, row))
		b.Eval(row+`.querySelector("td.uploaded").textContent`, &text)
	}
	next(func(status *seed.Status) bool { return status.Rate >= 1<<10 && status.Peers == 1 })
	b.Until(`document.querySelector("#rate").textContent.includes("KiB/s") && document.querySelector("#peers").textContent === "1"`)
	b.Eval(row+`.querySelector("td.name a").click()`, nil)
	b.Until(`document.querySelector("dialog[open] .peers tbody tr")?.textContent.includes("libtorrent")`)
	b.Screenshot("seed")
	shown.Store(nil)
	if got, err := os.ReadFile(filepath.Join(to, "content")); err != nil || !bytes.Equal(got, data) {
		t.Errorf("what was downloaded is not what was seeded: %v", err)
	}
	b.Until(`document.querySelector("#peers").textContent === "0"`)
}

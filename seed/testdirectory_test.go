package seed

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"bt/internal/tracker"
)

// A testDirectory is a directory of torrents that a Seeder serves.
type testDirectory struct {
	*running
	t       testing.TB
	dir     string
	data    string // where the content is
	d       *Directory
	tracker *announceLog
	rescan  chan struct{}
	close   func() // ends all
}

// openTestDirectory serves a new directory, after fill has written files to it.
func openTestDirectory(t *testing.T, d Directory, o Options, fill func(l *testDirectory)) *testDirectory {
	t.Helper()
	l := &testDirectory{t: t, dir: d.Path, rescan: make(chan struct{})}
	l.tracker = startTracker(t, &tracker.AnnounceResponse{Interval: time.Hour}, nil)
	l.dir = cmp.Or(l.dir, t.TempDir())
	l.data = cmp.Or(d.Data, l.dir)
	if fill != nil {
		fill(l)
	}
	if o.recheckEvery == 0 {
		o.recheckEvery = 20 * time.Millisecond
	}
	l.open(d, o)
	return l
}

func (l *testDirectory) open(d Directory, o Options) {
	l.t.Helper()
	l.running = start(l.t, o)
	d.Seeder, d.Path, d.Rescan = l.Seeder, l.dir, l.rescan
	l.d = &d
	if err := d.Scan(); err != nil {
		l.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { d.Run(ctx) })
	l.close = func() {
		cancel()
		wg.Wait()
		l.stop()
	}
	l.t.Cleanup(l.close)
}

// newTorrent makes a torrent with the tracker of the directory.
func (l *testDirectory) newTorrent(name string, number, size int) *testTorrent {
	l.t.Helper()
	return newTestTorrent(l.t, name, number, size, []string{l.tracker.url})
}

// put writes a torrent file to a path below the directory, atomically.
func (l *testDirectory) put(path string, e *testTorrent) {
	l.t.Helper()
	whole(l.t, filepath.Join(l.dir, path), e.Bytes())
}

// stock writes the content of torrents.
func (l *testDirectory) stock(torrents ...*testTorrent) {
	l.t.Helper()
	for _, e := range torrents {
		whole(l.t, filepath.Join(l.data, e.Name), e.data)
	}
}

func whole(t testing.TB, path string, b []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.WriteFile(path+".part", b, 0o644), os.Rename(path+".part", path)); err != nil {
		t.Fatal(err)
	}
}

func (l *testDirectory) must(err error) {
	l.t.Helper()
	if err != nil {
		l.t.Fatal(err)
	}
}

// An eventIndex is a position in the list of events.
type eventIndex int

func (l *testDirectory) now() eventIndex {
	l.mu.Lock()
	defer l.mu.Unlock()
	return eventIndex(len(l.events))
}

// since returns the events of a type from a position on that contain text: the name of
// the torrent, or an error.
func since[E Event](l *testDirectory, from eventIndex, text string) (list []E) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, d := range l.events[from:] {
		e, ok := d.event.(E)
		if ok && strings.Contains(storyOf(d), text) {
			list = append(list, e)
		}
	}
	return list
}

// sees waits for such an event. Its timeout is shorter than rescanEvery.
func sees[E Event](l *testDirectory, from eventIndex, text string) E {
	l.t.Helper()
	for end := time.Now().Add(rescanEvery * 3 / 4); ; time.Sleep(5 * time.Millisecond) {
		if list := since[E](l, from, text); len(list) > 0 {
			return list[0]
		}
		if time.Now().After(end) {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.t.Fatalf("no %T of %q: %s", *new(E), text, story(l.events[from:]))
		}
	}
}

// story formats events, for messages of tests.
func story(events []datedEvent) string {
	var b strings.Builder
	for _, e := range events {
		if _, ok := e.event.(EventPeer); !ok {
			b.WriteString("\n" + storyOf(e))
		}
	}
	return b.String()
}

func storyOf(e datedEvent) string {
	s := fmt.Sprintf("%s %T", e.time.Format("05.000"), e.event)
	t, err := about(e.event)
	if t != nil {
		s += fmt.Sprintf(" %s %.6s", t.name, t.HexV1())
	}
	if err != nil {
		s += fmt.Sprintf(": %v", err)
	}
	return s
}

// serves checks that a torrent can be downloaded.
func (l *testDirectory) serves(e *testTorrent) {
	l.t.Helper()
	if err := download(l.addr, "127.0.0.1", e); err != nil {
		l.t.Errorf("%s: %v", e.Name, err)
	}
}

// lacks checks that a torrent is not served.
func (l *testDirectory) lacks(e *testTorrent) {
	l.t.Helper()
	if g, err := newDownloader(l.addr, "127.0.0.1", e, nil); err == nil {
		g.conn.Close()
		l.t.Errorf("%s is served", e.Name)
	}
}

// lastEvent returns the last event that the tracker received for a torrent, and the
// number of announces.
func (l *announceLog) lastEvent(of *testTorrent) (last tracker.Event, n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, a := range l.got {
		if a.InfoHash == of.InfoHashV1 {
			last = a.Event
			n++
		}
	}
	return last, n
}

func (l *testDirectory) expectEvent(log *announceLog, of *testTorrent, want tracker.Event) {
	l.t.Helper()
	for end := time.Now().Add(80 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		last, n := log.lastEvent(of)
		if n > 0 && last == want {
			return
		}
		if time.Now().After(end) {
			l.t.Fatalf("%s: the last event was %v, in %d announces, want %v", of.Name, last, n, want)
		}
	}
}

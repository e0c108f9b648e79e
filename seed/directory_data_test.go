package seed

import (
	"bt/internal/tracker"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Changes of the data are noticed at once: the recheck interval here is an hour.
func TestDirectoryDataIsWatched(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		d    Directory
		at   string // of the torrent
	}{
		{name: "beside"},
		{name: "elsewhere", d: Directory{Data: t.TempDir()}},
		{name: "below", d: Directory{Recursive: true}, at: "sub"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var one *testTorrent
			l := openTestDirectory(t, test.d, Options{recheckEvery: time.Hour}, func(l *testDirectory) {
				if test.d.Data == "" {
					l.data = filepath.Join(l.dir, test.at)
				}
				one = l.newTorrent("one", 1, 100_000)
				l.stock(one)
				l.put(filepath.Join(test.at, "one.torrent"), one)
			})
			sees[EventSeeding](l, 0, "one")
			l.must(os.Rename(filepath.Join(l.data, "one"), filepath.Join(l.data, "away")))
			sees[EventFailed](l, 0, "one")
			l.lacks(one)
		})
	}
}

// A torrent stops when its data is removed, and is served again when the data is
// back.
func TestDirectoryDataMoves(t *testing.T) {
	t.Parallel()
	var one, two *testTorrent
	data := filepath.Join(t.TempDir(), "data")
	l := openTestDirectory(t, Directory{Data: data}, Options{recheckEvery: time.Second}, func(l *testDirectory) {
		one, two = l.newTorrent("one", 1, 100_000), l.newTorrent("two", 2, 10)
		l.stock(one)
		l.put("one.torrent", one)
		l.put("two.torrent", two)
	})
	sees[EventSeeding](l, 0, "one")
	sees[EventFailed](l, 0, "two") // its data does not exist yet
	l.stock(two)
	sees[EventSeeding](l, 0, "two")
	for range 2 {
		from := l.now()
		l.must(os.Rename(filepath.Join(data, "one"), filepath.Join(data, "away")))
		sees[EventFailed](l, from, "one")
		l.expectEvent(l.tracker, one, tracker.EventStopped)
		l.lacks(one)
		l.must(os.Rename(filepath.Join(data, "away"), filepath.Join(data, "one")))
		sees[EventSeeding](l, from, "one")
		l.expectEvent(l.tracker, one, tracker.EventStarted)
		l.serves(one)

		// All data, as if a disk were not mounted.
		from = l.now()
		l.must(os.Rename(data, data+".away"))
		sees[EventFailed](l, from, "one")
		sees[EventFailed](l, from, "two")
		l.must(os.Rename(data+".away", data))
		sees[EventSeeding](l, from, "one")
		sees[EventSeeding](l, from, "two")
		l.serves(two)
	}
	l.must(os.RemoveAll(data))
	from := l.now()
	l.stock(one) // in a new directory, which is watched too
	sees[EventSeeding](l, from, "one")
	from = l.now()
	l.stock(two)
	sees[EventSeeding](l, from, "two")
}

// An unreadable directory is not taken for an empty one, and others are still
// followed.
func TestDirectoryUnreadable(t *testing.T) {
	t.Parallel()
	var one, two, three *testTorrent
	data := filepath.Join(t.TempDir(), "data")
	dir := filepath.Join(t.TempDir(), "torrents")
	const long = 250
	l := openTestDirectory(t, Directory{Path: dir, Data: data, Recursive: true}, Options{}, func(l *testDirectory) {
		one, two, three = l.newTorrent("one", 1, 10_000), l.newTorrent("two", 2, 10_000), l.newTorrent("three", 3, 10)
		l.stock(one, two, three)
		l.put("one.torrent", one)
		l.put("two.torrent", two)
		// Not even root can read what has too long a path.
		root, err := os.OpenRoot(l.dir)
		l.must(err)
		defer root.Close()
		l.must(root.MkdirAll(filepath.Join(slices.Repeat([]string{strings.Repeat("x", long)}, 20)...), 0o755))
	})
	sees[EventSeeding](l, 0, "one")
	sees[EventSeeding](l, 0, "two")
	sees[EventWarning](l, 0, "xxxx")
	from := l.now()
	l.must(os.Remove(filepath.Join(dir, "one.torrent")))
	sees[EventStopped](l, from, "one")
	l.put("one.torrent", one)
	sees[EventSeeding](l, from, "one")
	if list := since[EventWarning](l, from, ""); len(list) > 0 {
		t.Errorf("it warns again: %d warnings", len(list))
	}

	from = l.now()
	l.must(os.Rename(dir, dir+".away"))
	sees[EventWarning](l, from, dir)
	if list := since[EventStopped](l, from, ""); len(list) > 0 {
		t.Errorf("%+v", list)
	}
	l.must(os.Rename(dir+".away", dir))
	becomes(t, "all is well again", func() bool {
		return download(l.addr, "127.0.0.1", one) == nil && download(l.addr, "127.0.0.1", two) == nil
	})
	from = l.now()
	l.put("three.torrent", three)
	sees[EventSeeding](l, from, "three")
	if list := since[EventStopped](l, 0, ""); len(list) != 1 {
		t.Errorf("%+v", list)
	}

	d := Directory{Seeder: l.Seeder, Path: filepath.Join(dir, "nowhere")}
	if err := d.Scan(); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

// A directory that is renamed during a scan, and back, does not stop its torrents.
func TestDirectoryRenamedDuringScan(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	dir := filepath.Join(t.TempDir(), "torrents")
	var torrents []*testTorrent
	l := openTestDirectory(t, Directory{Path: dir, Data: data, Recursive: true}, Options{}, func(l *testDirectory) {
		for i := range 20 {
			e := l.newTorrent(fmt.Sprint("content ", i), i, 10)
			torrents = append(torrents, e)
			l.put(fmt.Sprintf("%d/%d/x.torrent", i%4, i), e)
		}
		l.stock(torrents...)
	})
	for _, e := range torrents {
		sees[EventSeeding](l, 0, e.Name)
	}
	l.close()

	// Run has ended, so the scans are those of this goroutine.
	l.running = start(t, Options{})
	d := Directory{Seeder: l.Seeder, Path: dir, Data: data, Recursive: true}
	l.must(d.Scan())
	defer d.watcher.close()
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		for ; ctx.Err() == nil; time.Sleep(time.Millisecond / 10) {
			_ = os.Rename(dir, dir+".away")
			time.Sleep(time.Millisecond / 10)
			_ = os.Rename(dir+".away", dir)
		}
	})
	for range 1000 {
		d.scan(t.Context())
	}
	stop()
	wg.Wait()
	if list := since[EventStopped](l, 0, ""); len(list) > 0 {
		t.Errorf("%d torrents were stopped", len(list))
	}
	for _, e := range since[EventFailed](l, 0, "") {
		if e.Torrent == nil { // the torrent file is at fault; one that is seeded may fail to be read again
			t.Error(e.Err)
		}
	}
}

func becomes(t *testing.T, what string, ready func() bool) {
	t.Helper()
	for end := time.Now().Add(45 * time.Second); !ready(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

// A recheck of a torrent that is being removed emits no error.
func TestDirectoryRecheckDuringRemoval(t *testing.T) {
	t.Parallel()
	var one, other *testTorrent
	l := openTestDirectory(t, Directory{}, Options{recheckEvery: 30 * time.Second}, func(l *testDirectory) {
		one, other = l.newTorrent("one", 1, 10_000), l.newTorrent("other", 2, 10_000)
		l.stock(one, other)
		l.put("one.torrent", one)
	})
	sees[EventSeeding](l, 0, "one")
	seeded := l.find(one.InfoHashV1)
	l.put("one.torrent", other)
	seeded.suspect()
	sees[EventStopped](l, 0, "one")
	sees[EventSeeding](l, 0, "other")
	seeded = l.find(other.InfoHashV1)
	l.must(os.Remove(filepath.Join(l.dir, "one.torrent")))
	seeded.suspect()
	sees[EventStopped](l, 0, "other")
	if list := since[EventFailed](l, 0, ""); len(list) > 0 {
		t.Errorf("%+v", list)
	}
}

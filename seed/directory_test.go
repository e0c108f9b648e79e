package seed

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"bt/internal/testenv"
	"bt/internal/tracker"
)

func TestDirectory(t *testing.T) {
	t.Parallel()
	var one, two, three *testTorrent
	l := openTestDirectory(t, Directory{}, Options{}, func(l *testDirectory) {
		one, two, three = l.newTorrent("one", 1, 100_000), l.newTorrent("two", 2, 100_000), l.newTorrent("three", 3, 1)
		l.stock(one, two, three)
		l.put("one.torrent", one)
		l.put(".hidden.torrent", two)
		l.put("two.torrent.part", two)
	})
	sees[EventSeeding](l, 0, "one")
	l.expectEvent(l.tracker, one, tracker.EventStarted)
	l.serves(one)

	from := l.now()
	l.put("two.TORRENT", two)
	l.put("three.torrent", three)
	sees[EventSeeding](l, from, "two")
	sees[EventSeeding](l, from, "three")
	l.serves(two)
	l.serves(three)
	l.expectEvent(l.tracker, two, tracker.EventStarted)

	from = l.now()
	l.must(os.Remove(filepath.Join(l.dir, "one.torrent")))
	sees[EventStopped](l, from, "one")
	l.expectEvent(l.tracker, one, tracker.EventStopped)
	l.lacks(one)
	l.serves(two)

	// A renamed torrent file is the same torrent.
	from = l.now()
	l.must(os.Rename(filepath.Join(l.dir, "two.TORRENT"), filepath.Join(l.dir, "a.torrent")))
	sees[EventSeeding](l, from, "two")
	l.serves(two)
	if list := since[EventFailed](l, from, ErrDuplicate.Error()); len(list) > 0 {
		t.Errorf("%+v", list)
	}

	// A connected peer is disconnected when the torrent is removed.
	g, err := newDownloader(l.addr, "127.0.0.1", two, nil)
	l.must(err)
	l.must(os.Remove(filepath.Join(l.dir, "a.torrent")))
	if err := g.leaveAtEnd(); err != nil {
		t.Error(err)
	}
	l.serves(three)
	l.close()
	if last, _ := l.tracker.lastEvent(three); last != tracker.EventStopped {
		t.Errorf("at the end the last event was %v", last)
	}
}

// leaveAtEnd waits until the other end leaves.
func (g *downloader) leaveAtEnd() error {
	defer g.conn.Close()
	for {
		if _, err := g.read(); errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		} else if err != nil {
			return nil
		}
	}
}

// A file may be replaced by another torrent, or by the same with other trackers.
func TestDirectoryReplaced(t *testing.T) {
	t.Parallel()
	var one, other *testTorrent
	l := openTestDirectory(t, Directory{}, Options{}, func(l *testDirectory) {
		one, other = l.newTorrent("one", 1, 100_000), l.newTorrent("one", 2, 50_000)
		l.stock(one)
		l.put("x.torrent", one)
	})
	sees[EventSeeding](l, 0, "one")
	l.expectEvent(l.tracker, one, tracker.EventStarted)

	from := l.now()
	l.stock(other)
	l.put("x.torrent", other)
	if e := sees[EventSeeding](l, from, "one"); e.Torrent.hashV1 != other.InfoHashV1 {
		t.Error("it is not the new one")
	}
	l.expectEvent(l.tracker, one, tracker.EventStopped)
	l.expectEvent(l.tracker, other, tracker.EventStarted)
	l.lacks(one)
	l.serves(other)

	// The announces are also in order if the tracker is the same.
	second := startTracker(t, &tracker.AnnounceResponse{Interval: time.Hour}, nil)
	from = l.now()
	l.put("x.torrent", other.withTracker(t, second.url))
	sees[EventSeeding](l, from, "one")
	l.expectEvent(l.tracker, other, tracker.EventStopped)
	l.expectEvent(second, other, tracker.EventStarted)
	l.serves(other)
}

// A dangling symbolic link is reported, until it points to a torrent.
func TestDirectoryDangling(t *testing.T) {
	t.Parallel()
	var e *testTorrent
	var to string
	l := openTestDirectory(t, Directory{}, Options{}, func(l *testDirectory) {
		e = l.newTorrent("linked", 1, 10_000)
		l.stock(e)
		to = filepath.Join(t.TempDir(), "to.torrent")
		l.must(os.Symlink(to, filepath.Join(l.dir, "link.torrent")))
	})
	failed := sees[EventFailed](l, 0, "link.torrent: a symbolic link that leads nowhere")
	if strings.Contains(failed.Err.Error(), "stat ") {
		t.Errorf("%v", failed.Err)
	}
	whole(t, to, e.Bytes())
	l.rescan <- struct{}{}
	sees[EventSeeding](l, 0, "linked")
}

// An incomplete torrent is read again later, and one that stays broken causes an
// event. Others are not affected, and a repaired one is served.
func TestDirectoryBroken(t *testing.T) {
	t.Parallel()
	var good, slow, future *testTorrent
	old := time.Now().Add(-time.Hour)
	l := openTestDirectory(t, Directory{}, Options{}, func(l *testDirectory) {
		good, slow, future = l.newTorrent("good", 1, 10_000), l.newTorrent("slow", 2, 10_000), l.newTorrent("future", 3, 10_000)
		l.stock(good, slow, future)
		whole(t, filepath.Join(l.dir, "a-garbage.torrent"), []byte("<html>"))
		whole(t, filepath.Join(l.dir, "b-empty.torrent"), nil)
		whole(t, filepath.Join(l.dir, "c-huge.torrent"), nil)
		l.must(os.Truncate(filepath.Join(l.dir, "c-huge.torrent"), 1<<40))
		for _, name := range []string{"a-garbage", "b-empty", "c-huge"} {
			l.must(os.Chtimes(filepath.Join(l.dir, name+".torrent"), old, old))
		}
		l.must(os.Mkdir(filepath.Join(l.dir, "d-directory.torrent"), 0o755))
		l.put("good.torrent", good)
	})
	sees[EventSeeding](l, 0, "good")
	for _, name := range []string{"a-garbage", "b-empty", "c-huge"} {
		if e := sees[EventFailed](l, 0, name+".torrent: "); e.Torrent != nil {
			t.Errorf("%+v", e)
		}
	}
	broken := func(want ...string) {
		t.Helper()
		var got []string
		for _, b := range l.d.Status().Torrents {
			if b.State == StateError && b.Message != "" {
				got = append(got, b.Name)
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("broken are %q, want %q", got, want)
		}
	}
	broken("a-garbage.torrent", "b-empty.torrent", "c-huge.torrent")
	if list := since[EventFailed](l, 0, "d-directory"); len(list) > 0 {
		t.Errorf("%+v", list)
	}

	// Half a file, then the rest.
	path := filepath.Join(l.dir, "slow.torrent")
	b := slow.Bytes()
	from, began := l.now(), time.Now()
	l.must(os.WriteFile(path, b[:len(b)/2], 0o644))
	time.Sleep(2 * settle)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	l.must(err)
	_, err = f.Write(b[len(b)/2:])
	l.must(errors.Join(err, f.Close()))
	inTime := time.Since(began) < young // false on a busy machine
	sees[EventSeeding](l, from, "slow")
	if list := since[EventFailed](l, from, ""); len(list) > 0 && inTime {
		t.Errorf("%+v", list)
	}

	// An overwritten torrent is served until it is certain that the file is not a torrent.
	from = l.now()
	l.must(os.WriteFile(path, b[:len(b)/2], 0o644))
	sees[EventFailed](l, from, "slow.torrent")
	sees[EventStopped](l, from, "slow")
	l.lacks(slow)
	from = l.now()
	l.must(os.WriteFile(path, b, 0o644))
	sees[EventSeeding](l, from, "slow")
	l.serves(slow)

	// A file with a modification time in the future is not waited for.
	from = l.now()
	path = filepath.Join(l.dir, "future.torrent")
	l.must(os.WriteFile(path+".part", []byte("d4:info"), 0o644))
	l.must(os.Chtimes(path+".part", time.Time{}, time.Now().Add(24*time.Hour)))
	l.must(os.Rename(path+".part", path))
	sees[EventFailed](l, from, "future.torrent")
	from = l.now()
	l.put("future.torrent", future)
	sees[EventSeeding](l, from, "future")

	from = l.now()
	l.put("a-garbage.torrent", l.newTorrent("mended", 4, 10))
	l.stock(l.newTorrent("mended", 4, 10))
	sees[EventSeeding](l, from, "mended")
	l.serves(good)
	broken("b-empty.torrent", "c-huge.torrent")
	for _, name := range []string{"a-garbage", "b-empty", "c-huge"} {
		if n := len(since[EventFailed](l, 0, name+".torrent")); n != 1 {
			t.Errorf("%s: %d events", name, n)
		}
	}
}

// Of two files with the same torrent one is served, until it is removed or replaced.
func TestDirectoryDuplicates(t *testing.T) {
	t.Parallel()
	var twice, other, third *testTorrent
	l := openTestDirectory(t, Directory{}, Options{}, func(l *testDirectory) {
		twice, other, third = l.newTorrent("twice", 1, 10_000), l.newTorrent("other", 2, 10_000), l.newTorrent("third", 3, 10_000)
		l.stock(twice, other, third)
		for _, name := range []string{"a", "b", "c"} {
			l.put(name+".torrent", twice)
		}
		l.put("third.torrent", third)
	})
	sees[EventSeeding](l, 0, "twice")
	for _, name := range []string{"b", "c"} {
		if e := sees[EventFailed](l, 0, name+".torrent"); !errors.Is(e.Err, ErrDuplicate) {
			t.Error(e.Err)
		}
	}
	from := l.now()
	l.must(os.Remove(filepath.Join(l.dir, "third.torrent")))
	sees[EventStopped](l, from, "third")

	from = l.now()
	l.must(os.Remove(filepath.Join(l.dir, "a.torrent")))
	sees[EventSeeding](l, from, "twice")
	l.serves(twice)

	from = l.now()
	l.put("b.torrent", other)
	sees[EventSeeding](l, from, "other")
	sees[EventSeeding](l, from, "twice")
	l.serves(twice)
	l.serves(other)
	for _, name := range []string{"b", "c"} {
		if list := since[EventFailed](l, 0, name+".torrent"); len(list) != 1 {
			t.Errorf("%+v", list)
		}
	}

	// Two files change places.
	from = l.now()
	l.must(os.Rename(filepath.Join(l.dir, "b.torrent"), filepath.Join(l.dir, "x")))
	l.must(os.Rename(filepath.Join(l.dir, "c.torrent"), filepath.Join(l.dir, "b.torrent")))
	l.must(os.Rename(filepath.Join(l.dir, "x"), filepath.Join(l.dir, "c.torrent")))
	sees[EventSeeding](l, from, "other")
	sees[EventSeeding](l, from, "twice")
	l.serves(twice)
	l.serves(other)
}

// With Recursive, torrents in subdirectories are seeded, each with the data beside it.
func TestDirectoryRecursive(t *testing.T) {
	t.Parallel()
	for _, recursive := range []bool{false, true} {
		t.Run(fmt.Sprint(recursive), func(t *testing.T) {
			t.Parallel()
			var one, two, three, mark *testTorrent
			at := func(l *testDirectory, e *testTorrent, dir ...string) {
				d := filepath.Join(dir...)
				whole(t, filepath.Join(l.dir, d, e.Name), e.data)
				l.put(filepath.Join(d, e.Name+".torrent"), e)
			}
			l := openTestDirectory(t, Directory{Recursive: recursive}, Options{}, func(l *testDirectory) {
				one, two, three, mark = l.newTorrent("one", 1, 10_000), l.newTorrent("two", 2, 10_000), l.newTorrent("three", 3, 10_000), l.newTorrent("mark", 4, 10)
				at(l, one, "sub", "deep")
			})
			if !recursive {
				at(l, two, "sub")
				at(l, mark)
				sees[EventSeeding](l, 0, "mark")
				l.lacks(one)
				l.lacks(two)
				return
			}
			sees[EventSeeding](l, 0, "one")
			l.serves(one)
			from := l.now()
			at(l, two, "new", "and", "deep")
			sees[EventSeeding](l, from, "two")
			from = l.now()
			at(l, three, "new", "and")
			sees[EventSeeding](l, from, "three")

			// A directory gets another name.
			from = l.now()
			l.must(os.Rename(filepath.Join(l.dir, "new"), filepath.Join(l.dir, "newer")))
			sees[EventStopped](l, from, "two")
			sees[EventSeeding](l, from, "two")
			sees[EventSeeding](l, from, "three")
			l.serves(two)
			// Changes deep in it are still noticed, by its new name.
			from = l.now()
			deep := filepath.Join(l.dir, "newer", "and", "deep")
			l.must(os.Remove(filepath.Join(deep, "two.torrent")))
			sees[EventStopped](l, from, "two")
			l.put("newer/and/deep/two.torrent", two)
			sees[EventSeeding](l, from, "two")

			// A directory of that name is created again.
			from = l.now()
			at(l, mark, "new", "and", "deep")
			sees[EventSeeding](l, from, "mark")
			from = l.now()
			l.must(os.Remove(filepath.Join(l.dir, "new", "and", "deep", "mark.torrent")))
			sees[EventStopped](l, from, "mark")

			// It is removed and created again at once.
			from = l.now()
			l.must(os.RemoveAll(filepath.Join(l.dir, "newer")))
			l.must(os.MkdirAll(deep, 0o755))
			sees[EventStopped](l, from, "two")
			sees[EventStopped](l, from, "three")
			from = l.now()
			at(l, two, "newer", "and", "deep")
			sees[EventSeeding](l, from, "two")
			l.serves(two)
			l.serves(one)
		})
	}
}

// The directory may be a link, and so may a torrent; no link to a directory is
// followed below it.
func TestDirectoryLinks(t *testing.T) {
	t.Parallel()
	dir, elsewhere := t.TempDir(), t.TempDir()
	link := filepath.Join(elsewhere, "link")
	if err := os.Symlink(dir, link); err != nil {
		testenv.Missing(t, fmt.Sprint("symbolic links: ", err))
	}
	var one, two, three, four *testTorrent
	l := openTestDirectory(t, Directory{Path: link, Recursive: true}, Options{}, func(l *testDirectory) {
		one, two, three, four = l.newTorrent("one", 1, 10_000), l.newTorrent("two", 2, 10_000), l.newTorrent("three", 3, 10_000), l.newTorrent("four", 4, 10)
		l.stock(one, two, three, four)
		l.put("one.torrent", one)
		whole(t, filepath.Join(elsewhere, "below", "two.torrent"), two.Bytes())
		whole(t, filepath.Join(elsewhere, "below", "two"), two.data)
		l.must(os.Symlink(filepath.Join(elsewhere, "below"), filepath.Join(dir, "below")))
		l.must(os.Symlink(filepath.Join(elsewhere, "target"), filepath.Join(dir, "three.torrent")))
		l.must(os.Symlink(dir, filepath.Join(dir, "loop")))
	})
	sees[EventSeeding](l, 0, "one")
	sees[EventFailed](l, 0, "three.torrent")
	l.lacks(two)
	whole(t, filepath.Join(elsewhere, "target"), three.Bytes())
	l.rescan <- struct{}{}
	sees[EventSeeding](l, 0, "three")
	l.put("four.torrent", four)
	sees[EventSeeding](l, 0, "four")
	l.serves(three)
}

// Without file system events, the directory is read when Rescan receives a value.
func TestDirectoryRescan(t *testing.T) {
	t.Parallel()
	l := &testDirectory{t: t, dir: t.TempDir(), rescan: make(chan struct{})}
	l.data = l.dir
	l.tracker = startTracker(t, &tracker.AnnounceResponse{Interval: time.Hour}, nil)
	one, two := l.newTorrent("one", 1, 10_000), l.newTorrent("two", 2, 10_000)
	l.stock(one, two)
	l.put("one.torrent", one)
	l.running = start(t, Options{recheckEvery: time.Hour})
	d := &Directory{Seeder: l.Seeder, Path: l.dir, Rescan: l.rescan}
	l.must(d.Scan())
	if d.watcher == nil {
		t.Fatal("nothing is watched anyway")
	}
	d.watcher.close()
	d.watcher = nil
	whole(t, filepath.Join(l.dir, "broken.torrent"), []byte("d4:info"))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		d.Run(ctx)
	}()
	defer func() { cancel(); <-done }()
	sees[EventSeeding](l, 0, "one")
	sees[EventFailed](l, 0, "broken.torrent") // by the last scan after the start: the file is not young any more
	l.put("two.torrent", two)
	l.must(os.Remove(filepath.Join(l.dir, "one")))
	time.Sleep(2 * settle)
	if list := since[EventSeeding](l, 0, "two"); len(list) > 0 {
		t.Error("it was heard of: this test can't fail")
	}
	l.rescan <- struct{}{}
	sees[EventSeeding](l, 0, "two")
	sees[EventFailed](l, 0, "one")
}

// Upload totals are known when a torrent is added again.
func TestDirectoryLedger(t *testing.T) {
	t.Parallel()
	ledger, _, err := OpenLedger(filepath.Join(t.TempDir(), "ledger.json"))
	if err != nil {
		t.Fatal(err)
	}
	defer ledger.Close()
	var one *testTorrent
	l := openTestDirectory(t, Directory{Ledger: ledger}, Options{}, func(l *testDirectory) {
		one = l.newTorrent("one", 1, 100_000)
		l.stock(one)
		l.put("one.torrent", one)
	})
	sees[EventSeeding](l, 0, "one")
	for i := range 3 {
		l.serves(one)
		l.empty(t)
		from := l.now()
		l.must(os.Remove(filepath.Join(l.dir, "one.torrent")))
		if e := sees[EventStopped](l, from, "one"); e.Uploaded != int64(i+1)*100_000 {
			t.Errorf("%d bytes uploaded", e.Uploaded)
		}
		l.put("one.torrent", one)
		sees[EventSeeding](l, from, "one")
	}
}

// The directory may be ".", and its changes are noticed.
func TestDirectoryHere(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	var one, two *testTorrent
	l := openTestDirectory(t, Directory{Path: "."}, Options{recheckEvery: time.Hour}, func(l *testDirectory) {
		one, two = l.newTorrent("one", 1, 10_000), l.newTorrent("two", 2, 10_000)
		l.stock(one, two)
		l.put("one.torrent", one)
	})
	sees[EventSeeding](l, 0, "one")
	l.put("two.torrent", two)
	sees[EventSeeding](l, 0, "two")
	l.must(os.Remove("one"))
	sees[EventFailed](l, 0, "one")
}

// When a torrent is added again while the old one is still leaving, the tracker does
// not drop the new one.
func TestDirectoryReplacedWhileAnnouncing(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var received []string
	hold := make(chan struct{})
	answer := &tracker.AnnounceResponse{Interval: time.Hour}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		mu.Lock()
		received = append(received, req.URL.Query().Get("event"))
		first := len(received) == 1
		mu.Unlock()
		if first {
			<-hold
		}
		w.Write(answer.AppendHTTP(nil, false))
	}))
	defer server.Close()
	release := sync.OnceFunc(func() { close(hold) })
	defer release()
	count := func() int {
		mu.Lock()
		defer mu.Unlock()
		return len(received)
	}
	one := newTestTorrent(t, "one", 1, 10_000)
	l := openTestDirectory(t, Directory{}, Options{}, func(l *testDirectory) {
		l.stock(one)
		l.put("one.torrent", one.withTracker(t, server.URL+"/announce"))
	})
	becomes(t, "the tracker receives an announce", func() bool { return count() == 1 })
	from := l.now()
	l.put("one.torrent", one.withTracker(t, server.URL+"//announce")) // the same, by another name
	sees[EventSeeding](l, from, "one")
	time.Sleep(settle)
	release()
	becomes(t, "three announces", func() bool { return count() == 3 })
	mu.Lock()
	defer mu.Unlock()
	if want := []string{"started", "stopped", "started"}; !slices.Equal(received, want) {
		t.Errorf("the tracker received %q, want %q", received, want)
	}
}

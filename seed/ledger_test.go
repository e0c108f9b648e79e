package seed

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"bt/maketorrent"
)

func TestLedger(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state", "one.json")
	open := func() *Ledger {
		t.Helper()
		l, damage, err := OpenLedger(path)
		if err != nil || damage != nil {
			t.Fatal(err, damage)
		}
		return l
	}
	meta, root := makeContent(t, maketorrent.V1, 100_000)
	l := open()
	if _, _, err := OpenLedger(path); !errors.Is(err, ErrInUse) {
		t.Errorf("opened twice: %v", err)
	}
	if uploaded, since := l.recall(meta); uploaded != 0 || !since.IsZero() {
		t.Errorf("%d since %v", uploaded, since)
	}
	r := start(t, Options{}, Input{Torrent: meta, Path: root})
	tt := r.find(meta.InfoHashV1)
	tt.swarms[0].uploaded.Add(1234)
	if err := l.Save(r.Seeder); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	r.stop()

	l = open()
	uploaded, since := l.recall(meta)
	if uploaded != 1234 || time.Since(since) > time.Minute {
		t.Errorf("%d since %v", uploaded, since)
	}
	// What earlier runs did counts, and is told.
	r = start(t, Options{}, Input{Torrent: meta, Path: root, Uploaded: uploaded, Since: since})
	tt = r.find(meta.InfoHashV1)
	tt.swarms[0].uploaded.Add(1)
	if tt.Uploaded() != 1235 || r.Status().Torrents[0].Uploaded != 1235 || !tt.Since().Equal(since) {
		t.Errorf("%+v", r.Status().Torrents)
	}
	if err := l.Save(r.Seeder); err != nil {
		t.Fatal(err)
	}
	l.Close()
	l = open()
	if uploaded, _ := l.recall(meta); uploaded != 1235 {
		t.Errorf("%d", uploaded)
	}
	l.Close()

	// A damaged one is set aside.
	if err := os.WriteFile(path, []byte(`{"a":`), 0o600); err != nil {
		t.Fatal(err)
	}
	l, damage, err := OpenLedger(path)
	if err != nil || damage == nil {
		t.Fatal(err, damage)
	}
	defer l.Close()
	if uploaded, _ := l.recall(meta); uploaded != 0 {
		t.Errorf("%d", uploaded)
	}
	if b, err := os.ReadFile(path + ".damaged"); err != nil || string(b) != `{"a":` {
		t.Errorf("%q, %v", b, err)
	}
}

// A torrent that reaches its ratio is done, also by what earlier runs uploaded,
// and one that has had its time.
func TestDone(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		o        Options
		uploaded int64
		since    time.Time
		why      error
	}{
		"ratio": {Options{UntilRatio: 2}, 200_000, time.Time{}, errRatio},
		"time":  {Options{For: time.Hour}, 0, time.Now().Add(-time.Hour), errTime},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			meta, root := makeContent(t, maketorrent.V1, 100_000)
			r := start(t, test.o)
			if _, err := r.Add(Input{Torrent: meta, Path: root, Uploaded: test.uploaded, Since: test.since}); err != nil {
				t.Fatal(err)
			}
			e := r.awaitEvent(t, func(e Event) bool { return e.Kind == Stopped })
			for _, e := range r.events {
				if e.Kind == Seeding {
					t.Error("it was seeded again")
				}
			}
			if e.Uploaded != test.uploaded || e.Torrent.Name() != meta.Name {
				t.Errorf("%+v", e)
			}
			if status := r.Status().Torrents[0]; status.State != Done || status.Message != test.why.Error() || r.find(meta.InfoHashV1).isServed() {
				t.Errorf("%+v", status)
			}
		})
	}
}

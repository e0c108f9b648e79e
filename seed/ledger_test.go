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
	meta, root := makeContent(t, maketorrent.FormatV1, 100_000)
	l := open()
	if _, _, err := OpenLedger(path); !errors.Is(err, ErrInUse) {
		t.Errorf("opened twice: %v", err)
	}
	if in := recalled(l, meta); in.Uploaded != 0 || !in.Since.IsZero() || in.Served != 0 {
		t.Errorf("%+v", in)
	}
	r := start(t, Options{}, Input{Torrent: meta, Path: root, Served: 5000 * time.Second})
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
	in := recalled(l, meta)
	if in.Uploaded != 1234 || time.Since(in.Since) > time.Minute || in.Served < 5000*time.Second || in.Served > 5030*time.Second {
		t.Errorf("%+v", in)
	}
	// Totals of earlier runs count.
	in.Path = root
	r = start(t, Options{}, *in)
	tt = r.find(meta.InfoHashV1)
	tt.swarms[0].uploaded.Add(1)
	if tt.Uploaded() != 1235 || r.Status().Torrents[0].Uploaded != 1235 || !tt.Since().Equal(in.Since) || tt.Served() < 5000*time.Second {
		t.Errorf("%+v", r.Status().Torrents)
	}
	if err := l.Save(r.Seeder); err != nil {
		t.Fatal(err)
	}
	l.Close()
	l = open()
	if in := recalled(l, meta); in.Uploaded != 1235 {
		t.Errorf("%d", in.Uploaded)
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
	if in := recalled(l, meta); in.Uploaded != 0 {
		t.Errorf("%d", in.Uploaded)
	}
	if b, err := os.ReadFile(path + ".damaged"); err != nil || string(b) != `{"a":` {
		t.Errorf("%q, %v", b, err)
	}
}

func recalled(l *Ledger, meta *Metainfo) *Input {
	in := &Input{Torrent: meta}
	l.recall(in)
	return in
}

// A torrent that has reached its ratio or its time is done, with earlier runs
// counted.
func TestDone(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		o        Options
		uploaded int64
		served   time.Duration
		why      error
	}{
		"ratio": {Options{UntilRatio: 2}, 200_000, 0, ErrRatio},
		"time":  {Options{For: time.Hour}, 0, time.Hour, ErrTime},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			meta, root := makeContent(t, maketorrent.FormatV1, 100_000)
			r := start(t, test.o)
			if _, err := r.Add(Input{Torrent: meta, Path: root, Uploaded: test.uploaded, Served: test.served}); err != nil {
				t.Fatal(err)
			}
			e := awaitEvent(t, r, func(EventStopped) bool { return true })
			for _, e := range r.events {
				if _, ok := e.event.(EventSeeding); ok {
					t.Error("it was seeded again")
				}
			}
			if e.Uploaded != test.uploaded || e.Why != test.why || e.Torrent.Name() != meta.Name {
				t.Errorf("%+v", e)
			}
			if status := r.Status().Torrents[0]; status.State != StateDone || status.Message != test.why.Error() || r.find(meta.InfoHashV1).isServed() {
				t.Errorf("%+v", status)
			}
		})
	}
}

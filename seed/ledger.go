package seed

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"bt/internal/atomicfile"
)

// A Ledger remembers from run to run how much was uploaded of each torrent. It is
// a file of JSON that is replaced whole, so a crash costs no more than what came
// after the last Save.
type Ledger struct {
	path string
	lock *flock.Flock

	mu      sync.Mutex
	entries map[string]ledgerEntry // by info-hash in hex: of v1 if there is one, else of v2
	changed bool
}

type ledgerEntry struct {
	Name     string    `json:"name"` // for whoever looks
	Uploaded int64     `json:"uploaded"`
	Since    time.Time `json:"since"`            // when it was added first
	Served   *int64    `json:"served,omitempty"` // seconds; files of earlier versions have none
}

// maxState is how many bytes a file of what is remembered may have; more was not
// written by this program.
const maxState = 256 << 20

// ErrInUse is wrapped by the error of [OpenLedger] for a ledger that another process
// has open.
var ErrInUse = errors.New("another process is using it")

// OpenLedger opens the ledger in that file, which need not be there. damage is not
// nil if it was damaged, and is now begun anew; the old one is kept beside it.
func OpenLedger(path string) (l *Ledger, damage, err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, nil, err
	}
	l = &Ledger{path: path, lock: flock.New(path + ".lock"), entries: make(map[string]ledgerEntry)}
	if err := atomicfile.CheckLock(path + ".lock"); err != nil {
		return nil, nil, err
	}
	locked, err := l.lock.TryLock()
	if err == nil && !locked {
		err = fmt.Errorf("%s: %w", path, ErrInUse)
	}
	if err != nil {
		return nil, nil, err
	}
	b, err := atomicfile.Read(path, maxState)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return l, nil, nil
	case err != nil:
		_ = l.lock.Unlock()
		return nil, nil, err
	}
	err = json.Unmarshal(b, &l.entries)
	if err == nil && l.entries == nil {
		err = errors.New("it is null")
	}
	if err != nil {
		l.entries = make(map[string]ledgerEntry)
		old := path + ".damaged"
		if err := os.Rename(path, old); err != nil {
			_ = l.lock.Unlock()
			return nil, nil, err
		}
		damage = fmt.Errorf("%s is damaged (%w): what was uploaded before is forgotten, and the file kept as %s", path, err, old)
	}
	return l, damage, nil
}

// HasLedger reports whether OpenLedger was ever called with that path, in whichever
// process.
func HasLedger(path string) bool {
	if path == "" {
		return false
	}
	_, err := os.Stat(path + ".lock")
	return err == nil
}

func ledgerKey(v1, v2 string) string {
	if v1 != "" {
		return v1
	}
	return v2
}

// recall fills in what earlier runs have done.
func (l *Ledger) recall(in *Input) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e, ok := l.entries[ledgerKey(in.Torrent.HexV1(), in.Torrent.HexV2())]
	in.Uploaded, in.Since = e.Uploaded, e.Since
	switch {
	case e.Served != nil:
		in.Served = time.Duration(*e.Served) * time.Second
	case ok: // the time was counted from the first run on
		in.Served = time.Since(e.Since)
	}
}

// note takes note of what was done until now.
func (l *Ledger) note(t *Torrent) {
	l.mu.Lock()
	defer l.mu.Unlock()
	key := ledgerKey(t.HexV1(), t.HexV2())
	served := int64(t.Served() / time.Second)
	e := ledgerEntry{Name: t.name, Uploaded: t.Uploaded(), Since: t.begun.UTC().Truncate(time.Second), Served: &served}
	old, ok := l.entries[key]
	// The time alone is no reason to write every minute, unless it decides something.
	const much = 3600
	late := old.Served == nil || served-*old.Served >= much || t.seeder.options.For > 0 && served != *old.Served
	if !ok || old.Uploaded != e.Uploaded || !old.Since.Equal(e.Since) || late {
		l.entries[key] = e
		l.changed = true
	}
}

// Save writes down what was uploaded of all torrents of s until now.
func (l *Ledger) Save(s *Seeder) error {
	for _, t := range s.all() {
		l.note(t)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.changed {
		return nil
	}
	b, err := json.Marshal(l.entries)
	if err != nil {
		return err
	}
	if err := atomicfile.Write(l.path, b, true); err != nil {
		return err
	}
	l.changed = false
	return nil
}

// Close lets another process use the file. It saves nothing.
func (l *Ledger) Close() error { return l.lock.Unlock() }

package known

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

func key(n int) (k Key) {
	k[0], k[15] = byte(n), byte(n>>8)
	return k
}

// state is the state of an identity with so many good pieces.
func state(identity string, pieces int) State {
	return State{Root: "/data", Identity: identity, Have: []byte(fmt.Sprint(identity, pieces)), Pieces: pieces, Checked: time.Unix(1700000000, 0).UTC()}
}

func add(t testing.TB, s *Store, k Key, x State) {
	t.Helper()
	if err := s.Add(k, x); err != nil {
		t.Fatal(err)
	}
}

func flush(t testing.TB, s *Store) {
	t.Helper()
	if err := s.Flush(); err != nil {
		t.Fatal(err)
	}
}

// knows reports whether a store knows a state as it is.
func knows(s *Store, k Key, x State) bool {
	have, ok := s.Find(k, x.Root, x.Identity)
	return ok && bytes.Equal(have, x.Have)
}

func TestStore(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state", "known")
	s := New(dir)
	a, b := state("a", 1), state("b", 2)
	if knows(s, key(1), a) {
		t.Error("it knows a state that was not added")
	}
	add(t, s, key(1), a)
	add(t, s, key(2), b) // waits for others
	for name, s := range map[string]*Store{"the same": s, "a new one": New(dir)} {
		if !knows(s, key(1), a) {
			t.Errorf("%s: the first is not known", name)
		}
		if knows(s, key(2), a) || knows(s, key(1), b) {
			t.Errorf("%s: it knows a state of other content", name)
		}
		if _, ok := s.Find(key(1), "/elsewhere", "a"); ok {
			t.Errorf("%s: it knows it elsewhere", name)
		}
	}
	if !knows(s, key(2), b) || !knows(New(dir), key(2), b) {
		t.Error("the second is not known, or not written when it was asked for")
	}
	if len(s.waiting) > 0 {
		t.Error("something waits")
	}
	// A later state of the same identity counts.
	again := a
	again.Have = []byte("other")
	add(t, s, key(1), again)
	flush(t, s)
	if !knows(s, key(1), again) || !knows(New(dir), key(1), again) {
		t.Error("the old state is known")
	}
	nothing := New("")
	add(t, nothing, key(1), a)
	if knows(nothing, key(1), a) {
		t.Error("without a directory it remembers")
	}
}

// Beyond maxStates, the state with the fewest pieces is dropped, or the oldest of
// these, but never the latest.
func TestForget(t *testing.T) {
	for name, test := range map[string]struct {
		pieces []int
		gone   []int
	}{
		"equals":             {[]int{5, 5, 5, 5, 5, 5}, []int{0, 1}},
		"the whole is first": {[]int{9, 1, 2, 3, 4, 5}, []int{1, 2}},
		"nothing is there":   {[]int{9, 8, 7, 6, 0}, []int{3}},
	} {
		dir := t.TempDir()
		s := New(dir)
		for i, n := range test.pieces {
			add(t, s, key(0), state(fmt.Sprint(i), n))
		}
		flush(t, s)
		for _, s := range []*Store{s, New(dir)} {
			for i, n := range test.pieces {
				gone := false
				for _, g := range test.gone {
					gone = gone || g == i
				}
				if knows(s, key(0), state(fmt.Sprint(i), n)) == gone {
					t.Errorf("%s: state %d is gone: %v", name, i, !gone)
				}
			}
		}
	}
}

// States that come soon after a batch wait for the next one.
func TestBatches(t *testing.T) {
	s := New(t.TempDir())
	lines := func() int {
		t.Helper()
		b, err := os.ReadFile(s.path())
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		return bytes.Count(b, []byte("{"))
	}
	s.written = time.Now().Add(time.Hour)
	for i := range 1000 {
		add(t, s, key(i), state("x", i))
	}
	if n := lines(); n != 0 {
		t.Errorf("%d lines are written at once", n)
	}
	before := time.Now()
	s.written = before.Add(-batchTime)
	add(t, s, key(1000), state("x", 1000))
	if n := lines(); n != 1001 {
		t.Errorf("%d lines are written after %v", n, batchTime)
	}
	if s.written.Before(before) {
		t.Error("the next batch does not wait")
	}
	fresh := New(s.dir)
	for i := range 1001 {
		if !knows(fresh, key(i), state("x", i)) {
			t.Fatalf("%d is not known", i)
		}
	}
}

// Damaged lines are lost, and no others.
func TestDamage(t *testing.T) {
	dir := t.TempDir()
	s := New(dir)
	for i := range 3 {
		add(t, s, key(i), state("x", i))
	}
	flush(t, s)
	b, err := os.ReadFile(s.path())
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.Fields(b) // there are no blanks in one
	for name, damaged := range map[string][]byte{
		"cut short":        b[:len(b)-20],
		"junk in a line":   bytes.Join([][]byte{lines[0], []byte("\x00junk{"), lines[1], lines[2][:10]}, []byte("\n")),
		"an empty line":    bytes.Join([][]byte{lines[0], nil, nil, lines[1], []byte("{}\n[]\n7\n")}, []byte("\n")),
		"a key of another": bytes.Join([][]byte{lines[0], lines[1], bytes.Replace(lines[2], []byte(`"key":"02`), []byte(`"key":"zz`), 1)}, []byte("\n")),
	} {
		if err := os.WriteFile(s.path(), damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		s := New(dir)
		for i, want := range []bool{true, true, false} {
			if knows(s, key(i), state("x", i)) != want {
				t.Errorf("%s: %d is known: %v", name, i, !want)
			}
		}
		add(t, s, key(7), state("y", 7))
		flush(t, s)
		if !knows(s, key(7), state("y", 7)) || !knows(New(dir), key(7), state("y", 7)) || !knows(New(dir), key(1), state("x", 1)) {
			t.Errorf("%s: what was added then is not known", name)
		}
	}
	// The file is lost under a store.
	if err := os.Remove(s.path()); err != nil {
		t.Fatal(err)
	}
	if knows(s, key(0), state("x", 0)) {
		t.Error("it knows what is in no file")
	}
	add(t, s, key(8), state("z", 8))
	flush(t, s)
	if !knows(s, key(8), state("z", 8)) {
		t.Error("what was added then is not known")
	}
}

// A file with mostly obsolete lines is compacted.
func TestCompact(t *testing.T) {
	dir := t.TempDir()
	s := New(dir)
	big := make([]byte, 10_000)
	for i := range 200 {
		x := state(fmt.Sprint(i), i)
		x.Have = big
		add(t, s, key(i%2), x)
	}
	add(t, s, key(3), state("x", 3))
	flush(t, s)
	before, err := os.Stat(s.path())
	if err != nil || before.Size() < minFile {
		t.Fatal(before, err)
	}
	s = New(dir)
	if !knows(s, key(3), state("x", 3)) {
		t.Error("a state is lost")
	}
	after, err := os.Stat(s.path())
	if err != nil || after.Size() > before.Size()/10 {
		t.Errorf("%d bytes are left of %d, %v", after.Size(), before.Size(), err)
	}
	for i := range 2 {
		x := state(fmt.Sprint(198+i), 198+i)
		x.Have = big
		if !knows(s, key(i), x) || !knows(New(dir), key(i), x) {
			t.Errorf("the last state of %d is lost", i)
		}
	}
}

// Two stores that add to one file don't disturb each other.
func TestTwoStores(t *testing.T) {
	dir := t.TempDir()
	stores := []*Store{New(dir), New(dir)}
	var wg sync.WaitGroup
	for k, s := range stores {
		for range 2 {
			wg.Go(func() {
				for i := range 200 {
					if err := s.Add(key(k*1000+i), state("x", i)); err != nil {
						t.Error(err)
					}
					if rand.IntN(10) == 0 {
						if err := s.Flush(); err != nil {
							t.Error(err)
						}
					}
				}
			})
		}
	}
	wg.Wait()
	for _, s := range stores {
		flush(t, s)
	}
	s := New(dir)
	for k := range stores {
		for i := range 200 {
			if !knows(s, key(k*1000+i), state("x", i)) {
				t.Fatalf("%d of store %d is not known", i, k)
			}
		}
	}
}

// Files of earlier versions are converted.
func TestOldFiles(t *testing.T) {
	a, b := state("a", 1), state("b", 2)
	form := func(s State) map[string]any {
		return map[string]any{"identity": s.Identity, "have": s.Have, "checked": s.Checked}
	}
	single := form(a)
	single["root"] = "/data"
	for name, test := range map[string]struct {
		file  any
		known []State
	}{
		"one state":   {single, []State{a}},
		"some states": {map[string]any{"root": "/data", "states": []any{form(b), form(a)}}, []State{a, b}},
		"junk":        {"junk", nil},
	} {
		dir := t.TempDir()
		k := key(5)
		path := filepath.Join(dir, hex.EncodeToString(k[:])+".json")
		text, err := json.Marshal(test.file)
		if err == nil {
			err = os.WriteFile(path, text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range []*Store{New(dir), New(dir)} {
			for _, x := range []State{a, b} {
				want := false
				for _, y := range test.known {
					want = want || y.Identity == x.Identity
				}
				if knows(s, k, x) != want {
					t.Errorf("%s: %s is known: %v", name, x.Identity, !want)
				}
			}
		}
		if _, err := os.Stat(path); test.known != nil && err == nil {
			t.Errorf("%s: the old file is still there", name)
		}
	}
}

// States that can't be written cause an error and are dropped.
func TestUnwritable(t *testing.T) {
	blocked := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(blocked, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s := New(filepath.Join(blocked, "known"))
	if err := s.Add(key(1), state("a", 1)); err == nil {
		t.Error("no error")
	}
	if len(s.waiting) > 0 || knows(s, key(1), state("a", 1)) {
		t.Error("it is kept")
	}
}

func FuzzFile(f *testing.F) {
	f.Add([]byte(`{"key":"01000000000000000000000000000000","root":"/data","identity":"a","have":"YQ==","pieces":1}` + "\n"))
	f.Add([]byte("{\"key\":\"0100000000000000000000000000000\",\"pieces\":-1}\n\n{"))
	f.Fuzz(func(t *testing.T, file []byte) {
		dir := t.TempDir()
		s := New(dir)
		if err := os.WriteFile(s.path(), file, 0o600); err != nil {
			t.Fatal(err)
		}
		s.Find(key(1), "/data", "a")
		x := state("new", 3)
		add(t, s, key(1), x)
		flush(t, s)
		if !knows(s, key(1), x) || !knows(New(dir), key(1), x) {
			t.Error("what was added is not known")
		}
	})
}

func BenchmarkAdd(b *testing.B) {
	s := New(b.TempDir())
	x := state("x", 3)
	for i := 0; b.Loop(); i++ {
		add(b, s, key(i), x)
	}
	flush(b, s)
}

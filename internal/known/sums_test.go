package known

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// sumKey and sum return the key and sum of record i.
func sumKey(i int) (k SumKey) {
	// Keys are hashes: their first bytes select the slot.
	binary.LittleEndian.PutUint64(k[:], uint64(i)*0x9e3779b97f4a7c15)
	k[15] = byte(i)
	return k
}

func sum(i int) (s Sum) {
	binary.BigEndian.PutUint64(s[:], uint64(i))
	return s
}

// store adds the sums first to last-1 to the cache of a place.
func store(t *testing.T, dir, place string, first, last int) {
	t.Helper()
	s := OpenSums(dir, place)
	for i := first; i < last; i++ {
		s.Add(sumKey(i), sum(i))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// count returns how many of n sums the cache of a place has.
func count(t *testing.T, dir, place string, n int) (found int) {
	t.Helper()
	s := OpenSums(dir, place)
	for i := range n {
		got, ok := s.Find(sumKey(i))
		if ok && got != sum(i) {
			t.Errorf("sum %d is %x", i, got)
		}
		if ok {
			found++
		}
	}
	return found
}

func sumsFile(t *testing.T, dir string) string {
	t.Helper()
	names, _ := filepath.Glob(filepath.Join(dir, "*"+sumsSuffix))
	if len(names) != 1 {
		t.Fatalf("files: %v", names)
	}
	return names[0]
}

func TestSums(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	if n := count(t, dir, "/a", 10); n != 0 {
		t.Errorf("an empty cache has %d sums", n)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("reading made the directory")
	}
	store(t, dir, "/a", 0, 1000)
	store(t, dir, "/a", 1000, 1500)
	if n := count(t, dir, "/a", 2000); n != 1500 {
		t.Errorf("%d sums, want 1500", n)
	}
	if n := count(t, dir, "/b", 2000); n != 0 {
		t.Errorf("another place has %d sums", n)
	}
}

func TestNoSums(t *testing.T) {
	s := OpenSums("", "/a")
	s.Add(sumKey(1), sum(1))
	if _, ok := s.Find(sumKey(1)); ok {
		t.Error("found a sum")
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// What precedes a damaged byte is still found, and the next process that writes repairs
// the file.
func TestDamagedSums(t *testing.T) {
	const blockSize = sumsHeader + 10*recordSize
	for _, tt := range []struct {
		name   string
		damage func(b []byte) []byte
		want   int
	}{
		{"whole", func(b []byte) []byte { return b }, 30},
		{"empty", func(b []byte) []byte { return nil }, 0},
		{"cut in the last block", func(b []byte) []byte { return b[:len(b)-1] }, 20},
		{"cut in the last header", func(b []byte) []byte { return b[:2*blockSize+5] }, 20},
		{"cut between blocks", func(b []byte) []byte { return b[:blockSize] }, 10},
		{"another magic", func(b []byte) []byte { b[blockSize] ^= 1; return b }, 10},
		{"a changed key", func(b []byte) []byte { b[blockSize+sumsHeader] ^= 1; return b }, 10},
		{"a changed sum", func(b []byte) []byte { b[len(b)-1] ^= 1; return b }, 20},
		{"a huge number", func(b []byte) []byte { copy(b[4:], "\xff\xff\xff\xff"); return b }, 0},
		{"zeros at the end", func(b []byte) []byte { return append(b, make([]byte, 100)...) }, 30},
		{"not a cache", func(b []byte) []byte { return []byte("not a cache") }, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			for i := range 3 {
				store(t, dir, "/a", 10*i, 10*i+10)
			}
			path := sumsFile(t, dir)
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, tt.damage(b), 0o600); err != nil {
				t.Fatal(err)
			}
			if n := count(t, dir, "/a", 30); n != tt.want {
				t.Errorf("%d sums, want %d", n, tt.want)
			}
			store(t, dir, "/a", 30, 40)
			if n := count(t, dir, "/a", 40); n != tt.want+10 {
				t.Errorf("%d sums after writing, want %d", n, tt.want+10)
			}
		})
	}
}

// Processes that write at the same time lose nothing.
func TestSumsOfTwoProcesses(t *testing.T) {
	dir := t.TempDir()
	a, b := OpenSums(dir, "/a"), OpenSums(dir, "/a")
	for i := range 100 {
		for j, s := range []*Sums{a, b} {
			s.Add(sumKey(2*i+j), sum(2*i+j))
			if err := s.flush(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if n := count(t, dir, "/a", 200); n != 200 {
		t.Errorf("%d sums, want 200", n)
	}
}

// A process that is killed loses what it added in the last half second.
func TestSumsAreWrittenInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		s := OpenSums(dir, "/a")
		for i := range 100 {
			time.Sleep(100 * time.Millisecond)
			s.Add(sumKey(i), sum(i))
			if n := count(t, dir, "/a", i+1); n < i-4 {
				t.Fatalf("after %d sums, %d are in the file", i+1, n)
			}
		}
	})
}

// The caches that were not used for the longest time are deleted first.
func TestPrune(t *testing.T) {
	dir := t.TempDir()
	for i := range 5 {
		store(t, dir, fmt.Sprint(i), 0, 10)
	}
	other := filepath.Join(dir, "known.jsonl")
	if err := os.WriteFile(other, make([]byte, 10000), 0o600); err != nil {
		t.Fatal(err)
	}
	for i, age := range []int{3, 5, 1, 4, 2} {
		then := time.Now().Add(-time.Duration(age) * time.Hour)
		if err := os.Chtimes(OpenSums(dir, fmt.Sprint(i)).path, then, then); err != nil {
			t.Fatal(err)
		}
	}
	prune(dir, 3*(int64(sumsHeader)+10*int64(recordSize)))
	for i, want := range []int{10, 0, 10, 0, 10} {
		if n := count(t, dir, fmt.Sprint(i), 10); n != want {
			t.Errorf("cache %d has %d sums, want %d", i, n, want)
		}
	}
	if _, err := os.Stat(other); err != nil {
		t.Error(err)
	}
}

// A cache that can't be written costs an error and nothing else.
func TestSumsCannotBeWritten(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s := OpenSums(dir, "/a")
	s.Add(sumKey(1), sum(1))
	if err := s.Close(); err == nil {
		t.Error("no error")
	}
}

// Any file can be read, and what was found in it is found again.
func FuzzSums(f *testing.F) {
	f.Add(block(nil))
	f.Add(block(make([]byte, recordSize)))
	f.Add(append(block(bytes.Repeat([]byte{1}, 2*recordSize)), block(bytes.Repeat([]byte{2}, recordSize))...))
	f.Add([]byte(sumsMagic))
	f.Fuzz(func(t *testing.T, b []byte) {
		s := new(Sums)
		s.load(slices.Clone(b)) // load moves what it reads
		if len(s.records) > len(b) {
			t.Fatalf("%d bytes of records in %d", len(s.records), len(b))
		}
		again := new(Sums)
		again.load(block(s.records))
		for i := 0; i < len(s.records); i += recordSize {
			k := SumKey(s.records[i:])
			want, ok := s.Find(k)
			got, okAgain := again.Find(k)
			if !ok || !okAgain || got != want {
				t.Fatalf("record %d: %v, %v", i/recordSize, ok, okAgain)
			}
		}
	})
}

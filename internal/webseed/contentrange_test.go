package webseed

import (
	"strconv"
	"testing"
)

func TestParseContentRange(t *testing.T) {
	for s, want := range map[string]contentRange{
		"bytes 0-0/1":                   {0, 0, 1},
		"bytes 0-99/1000":               {0, 99, 1000},
		"Bytes 5-5/*":                   {5, 5, -1},
		"bytes */0":                     {0, -1, 0},
		"bytes */1000":                  {0, -1, 1000},
		"bytes  0-1/2":                  {0, 1, 2},
		"bytes 0-9223372036854775806/*": {0, 9223372036854775806, -1},
		"bytes 00-01/02":                {0, 1, 2},
		"bytes 1-2/9223372036854775807": {1, 2, 9223372036854775807},
	} {
		if got, ok := parseContentRange(s); !ok || got != want {
			t.Errorf("%q: %v, %v, want %v", s, got, ok, want)
		}
	}
	for _, s := range []string{
		"", "bytes", "bytes ", "bytes 0-1", "0-1/2", "items 0-1/2", "bytes=0-1/2", "bytes */*", "bytes -1/2", "bytes 0-/2",
		"bytes 1-0/2", "bytes 0-2/2", "bytes 0-1/1", "bytes +0-1/2", "bytes 0-+1/2", "bytes 0-1/+2", "bytes 0-1/2, 3-4/5",
		"bytes 0-9223372036854775808/*", "bytes 0-1/9223372036854775808", "bytes 0 - 1/2", "bytes 0-1/2x", "bytes -1--1/2", "bytes 0-1/-1",
	} {
		if got, ok := parseContentRange(s); ok {
			t.Errorf("%q: %v", s, got)
		}
	}
}

// What is parsed is a range that can be, and its text means the same.
func FuzzParseContentRange(f *testing.F) {
	for _, s := range []string{"bytes 0-99/1000", "bytes 5-5/*", "bytes */1000", "bytes 1-0/2", "bytes */*"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, ok := parseContentRange(s)
		if !ok {
			return
		}
		if r.last >= 0 && (r.first < 0 || r.first > r.last || r.size >= 0 && r.last >= r.size) || r.last < 0 && r.size < 0 {
			t.Errorf("%q: %+v", s, r)
		}
		if again, ok := parseContentRange(r.String()); !ok || again != r {
			t.Errorf("%q: %v, and again: %v, %v", s, r, again, ok)
		}
	})
}

// String writes the header that parseContentRange has read.
func (r contentRange) String() string {
	bytes, size := "*", "*"
	if r.last >= 0 {
		bytes = strconv.FormatInt(r.first, 10) + "-" + strconv.FormatInt(r.last, 10)
	}
	if r.size >= 0 {
		size = strconv.FormatInt(r.size, 10)
	}
	return "bytes " + bytes + "/" + size
}

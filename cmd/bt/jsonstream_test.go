package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"iter"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"
)

type streamed struct {
	Text   string            `json:"text"`
	Empty  string            `json:"empty,omitempty"`
	Number int64             `json:"number"`
	Maybe  *int              `json:"maybe,omitempty"`
	Nil    *int              `json:"nil"`
	Yes    bool              `json:"yes"`
	Time   *time.Time        `json:"time,omitempty"`
	Tiers  [][]string        `json:"tiers"`
	None   []string          `json:"none,omitempty"`
	Things []streamedThing   `json:"things"`
	Hidden string            `json:"-"`
	Map    map[string]string `json:"map"`
	Float  float64           `json:"float"`
}

type streamedThing struct {
	A string `json:"a,omitempty"`
	B int    `json:"b"`
}

// The output of a jsonStream is that of encoding/json, byte for byte, with
// indentation and escapes for the terminal.
func TestJSONStream(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	text := func() string {
		runes := []rune("abc \"\\\n\t\r\b\f\x00\x1f<>&/é漢🎬\u2028\u202e\u200d{}[]:,")
		var b strings.Builder
		for range rnd.IntN(20) {
			b.WriteRune(runes[rnd.IntN(len(runes))])
		}
		if rnd.IntN(4) == 0 {
			b.WriteString("\xff\xe2\x82")
		}
		if rnd.IntN(40) == 0 {
			return strings.Repeat(b.String()+"x", 5000)
		}
		return b.String()
	}
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for range 300 {
		n := rnd.IntN(100)
		docs := make([]any, rnd.IntN(4))
		for i := range docs {
			d := streamed{Text: text(), Number: rnd.Int64(), Yes: rnd.IntN(2) == 0, Map: map[string]string{"k": text()}, Float: rnd.Float64(), Tiers: [][]string{}, Things: []streamedThing{}}
			if rnd.IntN(2) == 0 {
				d.Maybe, d.Time, d.Tiers, d.None = &n, &now, [][]string{{text(), text()}, {}}, []string{text()}
			}
			for range rnd.IntN(3) {
				d.Things = append(d.Things, streamedThing{text(), rnd.IntN(9)})
			}
			docs[i] = d
		}
		for _, jsonl := range []bool{false, true} {
			write := func(f func(u *ui)) string {
				var b bytes.Buffer
				u := &ui{json: true, jsonl: jsonl, out: bufio.NewWriter(&b)}
				f(u)
				u.out.Flush()
				return b.String()
			}
			got := write(func(u *ui) {
				s := u.newJSON(true)
				for _, d := range docs {
					if err := s.item(d); err != nil {
						t.Fatal(err)
					}
				}
				if err := s.end(); err != nil {
					t.Fatal(err)
				}
			})
			want := write(func(u *ui) {
				if !jsonl {
					_ = u.printJSON(docs)
					return
				}
				for _, d := range docs {
					_ = u.printJSON(d)
				}
			})
			if got != want {
				t.Fatalf("%q\nwant\n%q", got, want)
			}
		}
	}
}

// Iterators are encoded, and the indentation of deep nesting is limited.
func TestJSONStreamIterates(t *testing.T) {
	var b bytes.Buffer
	u := &ui{json: true, out: bufio.NewWriter(&b)}
	s := u.newJSON(false)
	doc := struct {
		Items iter.Seq[int] `json:"items"`
		None  iter.Seq[int] `json:"none"`
		Gone  iter.Seq[int] `json:"gone,omitzero"`
	}{Items: func(yield func(int) bool) { _ = yield(1) && yield(2) }}
	if err := s.item(doc); err != nil {
		t.Fatal(err)
	}
	u.out.Flush()
	if want := "{\n  \"items\": [\n    1,\n    2\n  ],\n  \"none\": []\n}\n"; b.String() != want {
		t.Errorf("%q, want %q", b.String(), want)
	}
	b.Reset()
	deep := strings.Repeat("[", 50) + strings.Repeat("]", 50)
	if _, err := (&indenter{w: &b}).Write([]byte(deep)); err != nil {
		t.Fatal(err)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, b.Bytes()); err != nil || compact.String() != deep {
		t.Errorf("%v: %s", err, b.String())
	}
	if strings.Contains(b.String(), strings.Repeat("  ", maxIndent+1)) {
		t.Errorf("indented deeper than %d levels", maxIndent)
	}
}

func TestJSONStreamUnexported(t *testing.T) {
	var b bytes.Buffer
	enc := jsonEncoder{w: &b}
	enc.value(reflect.ValueOf(shownValue{Key: "k", From: []string{}, usual: "not printed"}))
	enc.flush()
	if got, want := b.String(), `{"key":"k","from":[]}`; got != want || enc.err != nil {
		t.Errorf("%s, %v, want %s", got, enc.err, want)
	}
}

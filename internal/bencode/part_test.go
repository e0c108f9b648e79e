package bencode

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

func TestParsePart(t *testing.T) {
	for _, tt := range []struct{ in, part, key string }{
		{"d1:ai1e1:b5:spam", "d1:ai1ee", "b"},
		{"d1:ai1e1:b", "d1:ai1ee", "b"},
		{"d1:ai1e1:", "d1:ai1ee", ""},
		{"d1:ai1e1:bx", "d1:ai1ee", "b"},
		{"d1:ai1ei2ee", "d1:ai1ee", ""},
		{"d1:ali1ei2", "d1:ali1eee", ""},
		{"d1:ali1el", "d1:ali1eleee", ""},
		{"d1:ald1:xi1", "d1:aldeee", "x"},
		{"d1:a", "de", "a"},
		{"d", "de", ""},
		{"lx", "le", ""},
		{"li1e-", "li1ee", ""},
		{"d1:ae", "de", "a"},
		{"d0:", "de", ""},
		{"", "", ""}, {"x", "", ""}, {"i1", "", ""}, {"5:spam", "", ""}, {"e", "", ""},
	} {
		before := strings.Clone(tt.in)
		src := append(make([]byte, 0, 100), tt.in...)
		doc, err := Parser{}.ParsePart(src)
		syntax, ok := errors.AsType[*SyntaxError](err)
		if !ok {
			t.Errorf("%q: the error is %v", tt.in, err)
			continue
		}
		got := ""
		if doc != nil {
			got = string(doc.Root().Raw())
		}
		if got != tt.part || syntax.Key != tt.key {
			t.Errorf("%q: the part %q, the key %q, want %q and %q", tt.in, got, syntax.Key, tt.part, tt.key)
		}
		if string(src) != before || strings.Trim(string(src[:cap(src)][len(src):]), "\x00") != "" {
			t.Errorf("%q: the input was changed", tt.in)
		}
	}
	for _, in := range []string{"d1:ai1ee", "i1e", "le\n"} {
		if doc, err := (Parser{}).ParsePart([]byte(in)); err != nil || doc == nil {
			t.Errorf("%q: %v", in, err)
		}
	}
	deep := strings.Repeat("l", 200)
	if doc, err := (Parser{}).ParsePart([]byte(deep)); err == nil || string(doc.Bytes()) != deep[:100]+strings.Repeat("e", 100) {
		t.Errorf("deep: %v", err)
	}
	if doc, err := (Parser{MaxItems: 3}).ParsePart([]byte("li1ei2ei3ei4ee")); err == nil || string(doc.Bytes()) != "li1ei2ee" {
		t.Errorf("many: %v", err)
	}
	if doc, err := (Parser{MaxSize: 3}).ParsePart([]byte("li1ee")); err == nil || doc != nil {
		t.Errorf("large: %v, %v", doc, err)
	}
}

// The part has the bytes before the error, and is at least as long as that of a shorter
// input.
func FuzzParsePart(f *testing.F) {
	for _, s := range []string{"d4:infod6:lengthi5e4:name1:x", "li1e4:spamd1:ai-3e", "d1:bi1e1:ai007e1:b02:xy", "llle", "d1:al1:xe1:b"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		doc, err := Parser{}.ParsePart(in)
		whole, wholeErr := Parse(in)
		if (err == nil) != (wholeErr == nil) || err == nil && string(doc.Root().Raw()) != string(whole.Root().Raw()) {
			t.Fatalf("%v, and of the whole %v", err, wholeErr)
		}
		if err == nil || doc == nil {
			return
		}
		part := bytes.TrimRight(doc.Bytes(), "e")
		syntax, _ := errors.AsType[*SyntaxError](err)
		if !bytes.HasPrefix(in, part) || len(part) > syntax.Offset || len(doc.Trailing()) > 0 {
			t.Fatalf("the part %q of %q, whose error is at %d", doc.Bytes(), in, syntax.Offset)
		}
	})
}

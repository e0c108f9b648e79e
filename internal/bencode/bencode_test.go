package bencode

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"bt/internal/testenv"
)

func TestRead(t *testing.T) {
	doc, err := Parse([]byte("d1:ai-42e1:bl4:spami7eed0:0:e1:bi1ee"))
	if err == nil {
		t.Fatal("an integer key... parsed:", doc.Root().Len())
	}
	doc, err = Parse([]byte("d1:ai-42e1:bl4:spami7ee1:cd0:0:ee\n"))
	if err != nil {
		t.Fatal(err)
	}
	root := doc.Root()
	if n, ok := root.Get("a").Int(); n != -42 || !ok {
		t.Errorf("a = %d, %v", n, ok)
	}
	list := slices.Collect(root.Get("b").Items())
	if len(list) != 2 || list[0].Text() != "spam" || list[0].Offset() != 13 || string(list[1].Raw()) != "i7e" {
		t.Errorf("b = %v", list)
	}
	if c := root.Get("c"); c.Kind() != KindDict || c.Len() != 1 || !c.Get("").Exists() || string(c.Raw()) != "d0:0:e" {
		t.Errorf("c = %q", c.Raw())
	}
	if v := root.Get("none"); v.Exists() || v.Kind() != KindInvalid || v.Raw() != nil || v.Len() != 0 {
		t.Errorf("an absent key is %v", v)
	}
	if string(doc.Trailing()) != "\n" {
		t.Errorf("trailing %q", doc.Trailing())
	}
}

func TestIrregularities(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want []Irregularity
	}{
		{"d1:ai1e1:bi2ee", nil},
		{"d1:bi1e1:ai2ee", []Irregularity{{IrregularUnsorted, 7}}},
		{"d1:ai1e1:ai2ee", []Irregularity{{IrregularDuplicateKey, 7}}},
		{"d1:bi1e1:ai2e1:bi3ee", []Irregularity{{IrregularUnsorted, 7}, {IrregularDuplicateKey, 13}}},
		{"d1:ai1e2:aai1e1:ai1ee", []Irregularity{{IrregularUnsorted, 14}, {IrregularDuplicateKey, 14}}},
		{"d0:i1e0:i2ee", []Irregularity{{IrregularDuplicateKey, 6}}},
		{"li007ei-0ei-00ei0ee", []Irregularity{{IrregularLeadingZero, 1}, {IrregularNegativeZero, 6}, {IrregularLeadingZero, 10}}},
		{"li999999999999999999ei-999999999999999999ee", nil},
		{"li9223372036854775807ei-9223372036854775808ee", nil},
		{"li0099999999999999999999ei-009223372036854775808ee", []Irregularity{{IrregularLeadingZero, 1}, {IrregularBigInteger, 1}, {IrregularLeadingZero, 25}}},
		{"li9223372036854775808ee", []Irregularity{{IrregularBigInteger, 1}}},
		{"li-9223372036854775809ei99999999999999999999ee", []Irregularity{{IrregularBigInteger, 1}, {IrregularBigInteger, 23}}},
		{"l04:spam00:e", []Irregularity{{IrregularLeadingZeroLength, 1}, {IrregularLeadingZeroLength, 8}}},
		{"i1e\n", []Irregularity{{IrregularTrailingBytes, 3}}},
	} {
		doc, err := Parse([]byte(tt.in))
		if err != nil {
			t.Errorf("%s: %v", tt.in, err)
			continue
		}
		if got, n := doc.Irregularities(); !slices.Equal(got, tt.want) || n != len(tt.want) {
			t.Errorf("%s: irregular %v (%d in all), want %v", tt.in, got, n, tt.want)
		}
		_, err = Parser{Strict: true}.Parse([]byte(tt.in))
		if (err == nil) != (tt.want == nil) {
			t.Errorf("%s: strict parser says %v", tt.in, err)
		}
	}
	many := strings.Repeat("i00e", 5000)
	doc, err := Parse([]byte("l" + many + "e"))
	if err != nil {
		t.Fatal(err)
	}
	if got, n := doc.Irregularities(); len(got) != maxIrregularities || n != 5000 {
		t.Errorf("%d irregularities kept of %d, want 1000 of 5000", len(got), n)
	}
}

func TestErrorOffsets(t *testing.T) {
	for _, tt := range []struct {
		in     string
		offset int
	}{
		{"", 0}, {"x", 0}, {"e", 0}, {"-1:a", 0},
		{"i", 1}, {"ie", 1}, {"i-e", 2}, {"i12", 3}, {"i1x2e", 2}, {"i+1e", 1}, {"i--1e", 2},
		{"5:spam", 0}, {"l6:spame", 1}, {"99999999999999999999:x", 0}, {"1", 1}, {"4", 1}, {"4spam", 1}, {"18446744073709551615:foobar", 0},
		{"l", 1}, {"li1e", 4}, {"d", 1}, {"di1ei2ee", 1}, {"d1:ae", 4}, {"d1:a", 4}, {"dlee", 1}, {"d1:ai1e", 7},
	} {
		_, err := Parse([]byte(tt.in))
		var syntax *SyntaxError
		if !errors.As(err, &syntax) {
			t.Errorf("%q: error %v, want a SyntaxError", tt.in, err)
		} else if syntax.Offset != tt.offset {
			t.Errorf("%q: %v, want offset %d", tt.in, err, tt.offset)
		}
	}
}

func TestLimits(t *testing.T) {
	nested := func(n int) []byte { return []byte(strings.Repeat("l", n) + strings.Repeat("e", n)) }
	list := func(n int) []byte { return []byte("l" + strings.Repeat("0:", n) + "e") }
	for _, tt := range []struct {
		name string
		p    Parser
		in   []byte
		ok   bool
	}{
		{"100 levels", Parser{}, nested(100), true},
		{"101 levels", Parser{}, nested(101), false},
		{"raised", Parser{MaxDepth: 2000000}, nested(2000000), true},
		{"2 million levels", Parser{}, nested(2000000), false},
		{"items at the limit", Parser{MaxItems: 1001}, list(1000), true},
		{"items over it", Parser{MaxItems: 1000}, list(1000), false},
		{"size at the limit", Parser{MaxSize: 22}, list(10), true},
		{"size over it", Parser{MaxSize: 21}, list(10), false},
	} {
		if _, err := tt.p.Parse(tt.in); (err == nil) != tt.ok {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

// The corpus has the result of a strict parser for each input, and that of the project
// that it is from.
func TestVectors(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(testenv.Corpus(t), "bencode_vectors.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	// What strict readers refuse and lenient ones record.
	soft := []string{"leading zero", "negative zero", "unsorted", "duplicate", "trailing", "overflows int64"}
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")[1:]
	if len(lines) < 90 {
		t.Fatalf("only %d vectors", len(lines))
	}
	for _, line := range lines {
		col := strings.Split(line, "\t")
		expectation, id, strict := col[1], col[3], col[6]
		in := vectorInput(t, col[0])
		if id == "item_limit" { // tests a limit of 1000 that its project's test sets
			if _, err := (Parser{MaxItems: 1000}).Parse(in); err == nil {
				t.Errorf("%s: parsed in spite of the limit", id)
			}
			expectation = "ok"
		}
		if strings.HasPrefix(strict, "not run") { // 100 MB of valid string
			strict = "ok"
		}
		_, err := Parser{Strict: true}.Parse(in)
		if (err == nil) != (strict == "ok") {
			t.Errorf("%s: strict parser says %v, want %s", id, err, strict)
		}
		isSoft := slices.ContainsFunc(soft, func(s string) bool { return strings.Contains(strict, s) })
		doc, err := Parse(in)
		switch {
		case strict == "ok" || isSoft:
			if err != nil {
				t.Errorf("%s: lenient parser says %v", id, err)
			} else if _, n := doc.Irregularities(); (n > 0) != isSoft {
				t.Errorf("%s: %d irregularities, strict verdict is %s", id, n, strict)
			}
		case err == nil:
			t.Errorf("%s: parsed, want an error (%s)", id, strict)
		}
		if strings.HasPrefix(expectation, "ok") && err != nil {
			t.Errorf("%s: %v, but its project accepts it", id, err)
		}
	}
}

// vectorInput reads plain hex, or gen:HEX*N,HEX*N.
func vectorInput(t *testing.T, s string) []byte {
	parts := []string{s + "*1"}
	if gen, ok := strings.CutPrefix(s, "gen:"); ok {
		parts = strings.Split(gen, ",")
	}
	var in []byte
	for _, part := range parts {
		h, n, _ := strings.Cut(part, "*")
		b, err := hex.DecodeString(h)
		if err != nil {
			t.Fatal(err)
		}
		count, err := strconv.Atoi(n)
		if err != nil {
			t.Fatal(err)
		}
		in = append(in, strings.Repeat(string(b), count)...)
	}
	return in
}

// print encodes v from the index.
func print(dst []byte, v Value) []byte {
	switch v.Kind() {
	case KindInteger, KindString:
		return append(dst, v.Raw()...)
	case KindList:
		dst = append(dst, 'l')
		for item := range v.Items() {
			dst = print(dst, item)
		}
	case KindDict:
		dst = append(dst, 'd')
		for k, val := range v.Entries() {
			dst = print(print(dst, k), val)
		}
	}
	return append(dst, 'e')
}

func encode(e *Encoder, v Value) {
	switch v.Kind() {
	case KindInteger:
		n, _ := v.Int()
		e.Int(n)
	case KindString:
		e.Blob(v.Bytes())
	case KindList:
		e.List()
		for item := range v.Items() {
			encode(e, item)
		}
		e.End()
	case KindDict:
		e.Dict()
		for k, val := range v.Entries() {
			e.Key(k.Text())
			encode(e, val)
		}
		e.End()
	}
}

// Parse, then print: the identity. What a strict parser accepts the Encoder
// writes the same again.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"d4:infod6:lengthi5e4:name1:xee", "li1e4:spamd1:ai-3eee\n", "d1:bi1e1:ai007e1:b02:xye",
		"i-0e", "llleee", "d", "i", "4:", "d0:0:e", "d1:$0:e", "l2:\xff\xfee", "i99999999999999999999e",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		doc, err := Parse(in)
		strictDoc, strictErr := Parser{Strict: true}.Parse(in)
		if err != nil {
			var syntax *SyntaxError
			if !errors.As(err, &syntax) || syntax.Offset < 0 || syntax.Offset > len(in) {
				t.Fatalf("error without an offset in the input: %v", err)
			}
			if strictErr == nil {
				t.Fatal("strict parser accepts what the lenient one refuses")
			}
			return
		}
		if got := append(print(nil, doc.Root()), doc.Trailing()...); string(got) != string(in) {
			t.Fatalf("printed %q, was %q", got, in)
		}
		_, n := doc.Irregularities()
		if (n == 0) != (strictErr == nil) {
			t.Fatalf("%d irregularities, strict parser says %v", n, strictErr)
		}
		if strictErr == nil {
			var e Encoder
			encode(&e, strictDoc.Root())
			if string(e.Bytes()) != string(in) {
				t.Fatalf("encoded %q, was %q", e.Bytes(), in)
			}
		}
		if j := doc.AppendJSON(nil); !json.Valid(j) {
			t.Fatalf("not JSON: %s", j)
		}
	})
}

func TestEncoderPanics(t *testing.T) {
	for name, f := range map[string]func(e *Encoder){
		"keys out of order":   func(e *Encoder) { e.Dict(); e.Key("b"); e.Int(1); e.Key("a") },
		"a key twice":         func(e *Encoder) { e.Dict(); e.Key(""); e.Int(1); e.Key("") },
		"a key in a list":     func(e *Encoder) { e.List(); e.Key("a") },
		"two keys":            func(e *Encoder) { e.Dict(); e.Key("a"); e.Key("b") },
		"a value, no key":     func(e *Encoder) { e.Dict(); e.Int(1) },
		"a key, no value":     func(e *Encoder) { e.Dict(); e.Key("a"); e.End() },
		"encoded, no key":     func(e *Encoder) { e.Dict(); e.Encoded([]byte("i1e")) },
		"End without a start": func(e *Encoder) { e.End() },
		"Bytes before End":    func(e *Encoder) { e.List(); e.Bytes() },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			f(new(Encoder))
		})
	}
}

func TestJSON(t *testing.T) {
	for in, want := range map[string]string{
		"i42e":                            `42`,
		"i99999999999999999999e":          `99999999999999999999`,
		"i-0e":                            `{"$raw":"692d3065"}`,
		"le":                              `[]`,
		"de":                              `{}`,
		"l4:<&>\"2:\xff\x00e":             `["<&>\"",{"$hex":"ff00"}]`,
		"d1:bi1e1:ai2ee":                  `{"b":1,"a":2}`,
		"d1:ai1e1:ai2ee":                  `{"$pairs":[["a",1],["a",2]]}`,
		"d4:$hex0:2:\xff\xfei1e02:xxi2ee": `{"$$hex":"","$hex:fffe":1,"$raw:30323a7878":2}`,
		"i1e\n":                           `{"$document":1,"$trailing":"0a"}`,
	} {
		doc, err := Parse([]byte(in))
		if err != nil {
			t.Fatal(in, err)
		}
		if got := string(doc.AppendJSON(nil)); got != want {
			t.Errorf("%q:\n%s\nwant\n%s", in, got, want)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	var e Encoder
	e.List()
	for i := range 100_000 {
		e.Dict()
		e.Key("length")
		e.Int(int64(i) * 4096)
		e.Key("path")
		e.List()
		e.String("directory")
		e.String("file" + strconv.Itoa(i))
		e.End()
		e.End()
	}
	e.End()
	b.SetBytes(int64(len(e.Bytes())))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(e.Bytes()); err != nil {
			b.Fatal(err)
		}
	}
}

// Lists and dicts on both sides of longExtent, inside each other, are found
// again where they were written.
func TestExtents(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	var write func(e *Encoder, depth int) string // and returns what it wrote
	write = func(e *Encoder, depth int) string {
		kind := rnd.IntN(4)
		if depth == 0 {
			kind %= 2
		}
		said := ""
		switch kind {
		case 0:
			n := rnd.Int64() >> rnd.IntN(64)
			e.Int(n)
			return fmt.Sprint(n)
		case 1:
			s := strings.Repeat("e", rnd.IntN(2)*rnd.IntN(longExtent/4))
			e.String(s)
			return s
		case 2:
			e.List()
			for range rnd.IntN(8) {
				said += write(e, depth-1) + ","
			}
		case 3:
			e.Dict()
			for i := range rnd.IntN(8) {
				key := fmt.Sprintf("d%02d", i)
				e.Key(key)
				said += key + ":" + write(e, depth-1) + ","
			}
		}
		e.End()
		return "(" + said + ")"
	}
	var read func(v Value) string
	read = func(v Value) string {
		said := ""
		switch v.Kind() {
		case KindInteger:
			return string(v.Raw()[1 : len(v.Raw())-1])
		case KindString:
			return v.Text()
		}
		for item := range v.Items() {
			said += read(item) + ","
		}
		for k, item := range v.Entries() {
			said += k.Text() + ":" + read(item) + ","
		}
		return "(" + said + ")"
	}
	long := 0
	for range 300 {
		var e Encoder
		want := write(&e, 6)
		doc, err := Parser{Strict: true}.Parse(e.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		if got := read(doc.Root()); got != want {
			t.Fatalf("%s read as %s, want %s", e.Bytes(), got, want)
		}
		long += len(doc.long)
	}
	if long < 100 {
		t.Errorf("only %d long ones", long)
	}
}

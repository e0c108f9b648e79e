package bencode

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// lookalikes are inputs whose JSON might be taken for that of another, each
// beside the one that it could be mistaken for.
var lookalikes = []string{
	"2:\xff\x00", "d4:$hex4:ff00e", "d5:$$hex4:ff00e",
	"i007e", "d4:$raw10:6930303765e", "d5:$$raw10:6930303765e", "i7e", "i-7e", "i-0e", "i-07e",
	"d1:ai1e1:ai2ee", "d6:$pairsll1:ai1eel1:ai2eeee", "d7:$$pairsll1:ai1eel1:ai2eeee",
	"d1:ai1e2:$ai2ee", "d1:$i1ee", "d2:$$i1ee", "d3:$$$i1ee",
	"d1:\xffi1ee", "d7:$hex:ffi1ee", "d8:$$hex:ffi1ee", "d7:%hex:ffi1ee",
	"d01:ai1ee", "d13:$raw:30313a61i1ee", "d001:ai1ee", "d1:ai1ee",
	"d1:ai1e01:ai2ee", "d01:ai1e1:ai2ee", "d1:\xffi1e01:\xffi2ee", "d4:$hexi1e4:$hexi2ee", "d4:$hexi1e04:$hexi2ee",
	"d0:i1e00:i2ee", "d00:i2ee", "d0:i2ee",
	"i1e\n", "d9:$documenti1e9:$trailing2:0ae", "d9:$documenti1e9:$trailing2:0ae\n", "d10:$$documenti1ee",
	"d9:$documenti1ee", "d9:$documenti1eex", "d9:$trailing2:0ae\n", "ded1:ae", "deded1:ae", "leleded",
	"3:\xed\xa0\x80", "3:\xef\xbf\xbd", "6:\\ud800", "6:\xed\xa0\xbd\xed\xb8\x80", "4:\xf0\x9f\x98\x80", "1:\x00", "01:\x00",
	"3:\xe2\x80\xa8", "3:<&>", "4:true", "4:null", "3:1e3", "i99999999999999999999e", "20:99999999999999999999",
	"4:\"\\\n\x7f", "le", "de", "lleldeee", "0:", "00:", "d0:lee", "d0:d0:d0:deeee",
}

func TestJSONIsUnambiguous(t *testing.T) {
	madeBy := make(map[string]string)
	for _, in := range lookalikes {
		doc, err := Parse([]byte(in))
		if err != nil {
			t.Fatalf("%q: %v", in, err)
		}
		text := doc.AppendJSON(nil)
		if other, ok := madeBy[string(text)]; ok {
			t.Errorf("%q and %q are both %s", in, other, text)
		}
		madeBy[string(text)] = in
		if got, err := FromJSON(text); string(got) != in {
			t.Errorf("%q became %s and that %q, %v", in, text, got, err)
		}
	}
}

// JSON as written by hand.
func TestFromJSON(t *testing.T) {
	for text, want := range map[string]string{
		" {\t\"a\" :\r\n[ 1 , 2 ] } \n":          "d1:ali1ei2eee",
		"\ufeff{}":                               "de",
		`[]`:                                     "le",
		"[\n]":                                   "le",
		`{"b":1,"a":2,"":3}`:                     "d1:bi1e1:ai2e0:i3ee",
		`"\u0041\/\"\\\b\f\n\r\t\u00e9"`:         "11:A/\"\\\b\f\n\r\t\u00e9",
		`"\u0000\u007f` + "\x7f" + `"`:           "3:\x00\x7f\x7f",
		`"\ud83d\uDE00\uFFFD` + "\ufffd" + `"`:   "10:\U0001f600\ufffd\ufffd",
		`"ü"`:                                    "2:ü",
		`[0,-1,-123456789012345678901234567890]`: "li0ei-1ei-123456789012345678901234567890ee",
		`{"$hex":"FFfe"}`:                        "2:\xff\xfe",
		`{"$hex":""}`:                            "0:",
		`{"\u0024h\u0065x":"\u0066f"}`:           "1:\xff",
		`{"$hex":"61"}`:                          "1:a",
		`{"$raw":"693165"}`:                      "i1e",
		`{ "$raw" : "30313a61" }`:                "01:a",
		`{"$hex:61":1,"$raw:313a62":2,"$raw:30313a63":3,"$$":4,"$$hex":5,"$hex:":6}`: "d1:ai1e1:bi2e01:ci3e1:$i4e4:$hexi5e0:i6ee",
		`{"$pairs":[]}`: "de",
		`{"$pairs":[ ["$hex",1], [{"$hex":"ff"},{"$hex":"fe"}], [{"$raw":"30313a61"},{}] ]}`: "d4:$hexi1e1:\xff1:\xfe01:adee",
		`{"a":{"$pairs":[["$pairs",{"$pairs":[]}],["$pairs",[]]]},"b":{}}`:                   "d1:ad6:$pairsde6:$pairslee1:bdee",
		`{"$document":{"$$document":1}}`:                                                     "d9:$documenti1ee",
		`{ "$document" : 1 , "$trailing" : "0D0a" } `:                                        "i1e\r\n",
		`{"$document":"","$trailing":""}`:                                                    "0:",
		`{"a":1,"A":2,"ａ":3,"e` + "\u0301" + `":4,"é":5}`:                                    "d1:ai1e1:Ai2e3:ａi3e3:e\u0301i4e2:éi5ee",
	} {
		got, err := FromJSON([]byte(text))
		if string(got) != want {
			t.Errorf("%s\nsays %q, %v\nwant %q", text, got, err, want)
		}
	}
}

// Invalid JSON; ‸ marks the position of the error.
func TestFromJSONRefuses(t *testing.T) {
	deep := func(n int, in string) string { return strings.Repeat("[", n) + in + strings.Repeat("]", n) }
	for _, tt := range []struct{ text, msg string }{
		{`‸`, "expected a value, found the end of the text"},
		{" \n\t‸", "expected a value, found the end"},
		{"{}\n‸{}", "expected the end of the text, found '{'"},
		{"1\n‸]", "expected the end of the text"},
		{"{}‸\x00", "expected the end of the text, found '\\x00'"},
		{"\ufeff‸\ufeff1", "found '\\ufeff'"},
		{"‸\xff\xfe{", "found byte 0xff"},
		{`‸“a”`, "expected a value, found '“'"},
		{`‸'a'`, "expected a value"},
		{`‸NaN`, "expected a value, found 'N'"},
		{"‸// x", "expected a value, found '/'"},
		{"1‸\v", "expected the end of the text"},
		{"‸\u00a01", "expected a value, found '\\u00a0'"},

		{`[‸true]`, "bencode has no true"},
		{"{\n  \"a\": 1,\n  \"b\": ‸false\n}", "bencode has no false"},
		{`{"ü€😀":‸null}`, "bencode has no null"},
		{`‸nul`, "expected a value"},

		{`[1,‸1.5]`, "1.5 is not an integer, and bencode has no other numbers"},
		{`‸1.0`, "1.0 is not an integer"}, {`‸1e3`, "1e3 is not an integer"}, {`‸1E+3`, "1E+3 is not an integer"},
		{`[1,‸-0]`, `-0 is not a regular integer; an irregular one is written {"$raw": "..."} with the hex of i-0e`},
		{`[‸007]`, "with the hex of i007e"}, {`‸-01`, "not a regular integer"}, {`‸00`, "not a regular integer"},
		{`‸-`, "not an integer"}, {`‸1-2`, "not an integer"}, {`‸--1`, "not an integer"}, {`‸+1`, "expected a value"}, {`1‸_000`, "expected the end"}, {`0‸x10`, "expected the end"},
		{"‸1." + strings.Repeat("0", 1000), "1." + strings.Repeat("0", 38) + " is"},

		{`[1‸`, "expected ']' or ',', found the end of the text"},
		{`[1‸}`, "expected ']' or ',', found '}'"},
		{`[1 ‸2]`, "expected ']' or ',', found '2'"},
		{`[1,‸]`, "expected a value, found ']'"}, {`[‸,1]`, "expected a value"}, {`[‸`, "expected a value"},
		{`{"a":1‸`, "expected '}' or ','"}, {`{"a":1‸]`, "expected '}' or ','"},
		{`{"a":1,‸}`, "expected a string, found '}'"}, {`{‸a:1}`, "expected a string, found 'a'"}, {`{‸1:1}`, "expected a string"}, {`{‸`, "expected a string"},
		{`{"a" ‸1}`, "expected ':', found '1'"}, {`{"a"‸}`, "expected ':'"}, {`{"a":‸}`, "expected a value, found '}'"},

		{`["a",‸"b]`, "the string that begins here has no end"}, {`‸"`, "no end"}, {`‸"a\"`, "no end"}, {`{‸"a`, "no end"},
		{"[\"a‸\n\"]", `'\n' in a string, which JSON has only as an escape like \u000a`},
		{"\"é‸\x00\"", "\\u0000"}, {"\"‸\x1f\"", "\\u001f"}, {"{\"‸\t\":1}", "\\u0009"},
		{`"a‸\x41"`, "no such escape"}, {`"‸\u12g4"`, "no such escape"}, {`"‸\u+123"`, "no such escape"}, {`"‸\u00"`, "no such escape"}, {`"‸\U0041"`, "no such escape"}, {`"‸\`, "no such escape"}, {`"‸\u123`, "no such escape"}, {`"‸\'"`, "no such escape"},
		{`"a‸\ud800"`, `\ud800 is half a surrogate pair`}, {`"‸\uDFFF\ud800"`, `\uDFFF is half`}, {`"‸\ud800\ud800"`, "half"}, {`"‸\ud800\u0041"`, "half"}, {`"‸\ud800x"`, "half"}, {`{"‸\ud83d":1}`, "half"}, {`"‸\ud83d`, "half"},
		{"\"ü‸\xff\"", `byte 0xff is not UTF-8; {"$hex": "..."} can have any bytes`}, {"{\"‸\xed\xa0\x80\":1}", "byte 0xed is not UTF-8"}, {"\"‸\xc0\x80\"", "not UTF-8"}, {"\"‸\xe2\x82", "not UTF-8"},

		{`{"$hex":"ff‸g0"}`, "'g' is not a hex digit"}, {`{"$hex":"‸ü"}`, "'ü' is not a hex digit"}, {`{"$hex":"f‸ f"}`, "' ' is not a hex digit"},
		{`{"$hex": "‸fff"}`, "even number"}, {`{"$hex":‸5}`, "expected a string, found '5'"}, {`{"$hex":‸null}`, "expected a string"},
		{`{"$hex":"ff"‸,"a":1}`, `nothing can stand beside "$hex"`}, {`{"$hex":"ff"‸]`, "expected '}', found ']'"}, {`{"$hex"‸}`, "expected ':'"},
		{`{"a":1,‸"$hex":"ff"}`, `"$hex" can't stand beside other keys`}, {`{"a":1,‸"$trailing":""}`, "beside other keys"}, {`{"$pairs":[]‸,"$pairs":[]}`, "nothing can stand beside"},
		{`{"$hex:ff‸x0":1}`, "'x' is not a hex digit"}, {`{"$hex:‸f":1}`, "even number"}, {`{"$raw:‸zz":1}`, "'z' is not a hex digit"},

		{`{‸"$foo":1}`, `there is no tag "$foo"; a key that begins with "$" is written with one more in front`},
		{`{‸"$":1}`, `no tag "$"`}, {`{‸"$HEX":"ff"}`, `no tag "$HEX"`}, {`{"a":1,‸"$foo:00":1}`, "no tag"}, {`{‸"$hex ":"ff"}`, "no tag"},

		{`‸{"$raw":""}`, "exactly one bencode integer or string"}, {`‸{"$raw":"6931"}`, "exactly one"}, {`[‸{"$raw":"693165693265"}]`, "exactly one"},
		{`‸{"$raw":"6c65"}`, "exactly one"}, {`‸{"$raw":"6465"}`, "exactly one"}, {`‸{"$raw":"6931650a"}`, "exactly one"}, {`‸{"$raw":"39393a61"}`, "exactly one"},
		{`{"$raw":"6‸X"}`, "not a hex digit"},
		{`{‸"$raw:":1}`, "exactly one"}, {`{‸"$raw:313a6161":1}`, "exactly one"}, {`{‸"$raw:693165":1}`, "the key of a dict is a string"},

		{`{"$pairs":‸{}}`, "expected '[', found '{'"}, {`{"$pairs":[‸1]}`, "expected '['"}, {`{"$pairs":[[‸]]}`, "expected a value"}, {`{"$pairs":[["a"‸]]}`, "expected ','"},
		{`{"$pairs":[["a",1‸,2]]}`, "expected ']', found ','"}, {`{"$pairs":[["a",‸]]}`, "expected a value"}, {`{"$pairs":[["a",1],‸]}`, "expected '['"}, {`{"$pairs":‸"a"}`, "expected '['"},
		{`{"$pairs":[[‸1,1]]}`, "the key of a dict is a string"}, {`{"$pairs":[[ ‸["a"],1]]}`, "the key of a dict is a string"}, {`{"$pairs":[[‸{"$raw":"693165"},1]]}`, "the key of a dict is a string"}, {`{"$pairs":[[‸{},1]]}`, "the key of a dict is a string"},

		{`{"a":1,"b":2,‸"a":3}`, `the key "a" stands twice; {"$pairs": [[key, value], ...]} is the way to have that`},
		{"{\"b\":1,\n \"a\":2,\n ‸\"\\u0062\":3}", `the key "b" stands twice`},
		{`{"a":1,‸"$hex:61":1}`, "twice"}, {`{"$raw:30313a61":1,‸"a":1}`, "twice"}, {`{"$$":1,‸"$hex:24":1}`, "twice"}, {`{"$hex:ff":1,‸"$raw:30313aff":1}`, `the key "\xff" stands twice`}, {`{"":1,‸"":1}`, "twice"},
		{`{"` + strings.Repeat("x", 1000) + `":1,‸"` + strings.Repeat("x", 1000) + `":1}`, `key "` + strings.Repeat("x", 40) + `" stands`},

		{`[‸{"$document":1,"$trailing":""}]`, "only around the whole text"}, {`{"$document":‸{"$document":1}}`, "only around the whole text"}, {`‸{"$trailing":"00","$document":1}`, "only around the whole text"}, {`[‸{"$trailing":"00"}]`, "only around the whole text"},
		{`{"$document":1, ‸"a":1}`, `only "$trailing" can stand beside "$document"`}, {`{"$document":1,‸}`, "expected a string"}, {`{"$document":1,"$trailing":"00"‸,"a":1}`, "expected '}'"},
		{`{"$document":1,"$trailing":‸1}`, "expected a string"}, {`{"$document":1,"$trailing":"‸0"}`, "even number"}, {`{"$document":‸}`, "expected a value"}, {`{"$document":1}‸1`, "expected the end"}, {`{"$document":1‸`, "expected '}'"},

		{deep(100, "‸[]"), "nested deeper than 100 levels"}, {deep(100, "‸{}"), "nested deeper"}, {deep(100, `‸{"$pairs":[]}`), "nested deeper"},
		{strings.Repeat("[", 100) + "‸" + strings.Repeat("[", 1_000_000), "nested deeper"},
		{strings.Repeat(`{"$pairs":[["",`, 100) + "‸" + strings.Repeat(`{"$pairs":[["",`, 1000), "nested deeper"},
		{strings.Repeat(`{"":`, 100) + "‸[", "nested deeper"},
		{strings.Repeat(`{"$pairs":[[`, 100) + `‸{"$pairs":[[`, "nested deeper"},
	} {
		before, after, ok := strings.Cut(tt.text, "‸")
		if !ok {
			t.Fatalf("%s: no ‸", tt.text)
		}
		lines := strings.Split(strings.TrimPrefix(before, "\ufeff"), "\n")
		line, column := len(lines), utf8.RuneCountInString(lines[len(lines)-1])+1
		got, err := FromJSON(slices.Clip([]byte(before + after)))
		var bad *JSONError
		if !errors.As(err, &bad) || got != nil {
			t.Errorf("%.80s\nsays %q, %v, want a JSONError", tt.text, got, err)
		} else if bad.Line != line || bad.Column != column || !strings.Contains(bad.Msg, tt.msg) {
			t.Errorf("%.80s\nis refused: %v\nwant line %d, column %d, %s", tt.text, err, line, column, tt.msg)
		}
	}
	_, err := FromJSON([]byte("{\r\n\t\"über\": nil}"))
	if want := "line 2, column 10 of the JSON: expected a value, found 'n'"; fmt.Sprint(err) != want {
		t.Errorf("%v\nwant %s", err, want)
	}
}

func TestFromJSONLimits(t *testing.T) {
	for _, text := range []string{
		strings.Repeat("[", 100) + strings.Repeat("]", 100),
		strings.Repeat(`{"":`, 99) + `[{"$hex":"ff"}]` + strings.Repeat("}", 99),
		`{"$document":` + strings.Repeat(`{"$pairs":[["",`, 99) + "{}" + strings.Repeat("]]}", 99) + "}",
	} {
		got, err := FromJSON([]byte(text))
		if err != nil {
			t.Errorf("100 levels: %v", err)
		} else if _, err := Parse(got); err != nil {
			t.Errorf("100 levels: %v", err)
		}
	}
	for _, tt := range []struct {
		text     string
		items    int
		size     int
		tooMany  int // where the last item begins
		tooLarge int // where what passes the size is noticed
	}{
		{`[0,"a",{"$hex":"ff"},{"$raw":"30303a"},{}]`, 6, 16, 40, 43},
		{`{"a":0,"$hex:ff":[],"$raw:30303a":1}`, 7, 19, 35, 37},
		{`{"$pairs":[["a",0],["a",1]]}`, 5, 14, 25, 29},
		{`"four"`, 1, 6, 1, 1},
		{`{"$document":42,"$trailing":"0a0a"}`, 1, 6, 14, 36},
	} {
		read := func(maxItems, maxSize int) ([]byte, error) {
			r := jsonReader{text: []byte(tt.text), maxItems: maxItems, maxSize: maxSize}
			return r.read()
		}
		got, err := read(tt.items, tt.size)
		if err != nil || len(got) != tt.size {
			t.Errorf("%s at its limits: %q (%d), %v", tt.text, got, len(got), err)
			continue
		}
		if _, err := (Parser{MaxItems: tt.items, MaxSize: int64(tt.size)}).Parse(got); err != nil {
			t.Errorf("%s is within limits but for the parser: %v", tt.text, err)
		}
		if _, err := (Parser{MaxItems: tt.items - 1}).Parse(got); err == nil && tt.items > 1 {
			t.Errorf("%s has more items for FromJSON than for the parser", tt.text)
		}
		_, err = read(tt.items-1, tt.size)
		if want := fmt.Sprintf("line 1, column %d of the JSON: more than %d items", tt.tooMany, tt.items-1); fmt.Sprint(err) != want {
			t.Errorf("%s: %v, want %s", tt.text, err, want)
		}
		_, err = read(tt.items, tt.size-1)
		if want := fmt.Sprintf("line 1, column %d of the JSON: more than %d bytes of bencode", tt.tooLarge, tt.size-1); fmt.Sprint(err) != want {
			t.Errorf("%s: %v, want %s", tt.text, err, want)
		}
	}
}

// The input is read as bencode, which must come back from its JSON, and as
// JSON, which must not mean more than encoding/json lets it.
func FuzzJSON(f *testing.F) {
	for _, s := range lookalikes {
		f.Add([]byte(s))
	}
	for _, s := range []string{
		"[1, -2, \"\\u0041\\ud83d\\ude00\\n\"]\n", `{"b":{},"a":[{"$hex":"ff"}]}`, `{"$$hex":1,"$hex:ff":2,"$raw:30313a61":3}`,
		`{"$pairs":[["a",1],[{"$hex":"ff"},{"$raw":"693030e5"}]]}`, `{"$document":{"$raw":"692d3065"},"$trailing":"0a"}`,
		`"\ud800"`, "\"\xff\"", "-0", "007", "1.5", "true", "\ufeff{}", `{"$pairs":[["a"`, `{"a":1,"a":2}`, `"\u12`, `{"$raw":"6c65"}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		if doc, err := Parse(in); err == nil {
			mustComeBack(t, doc)
		}

		out, err := FromJSON(in)
		text := bytes.TrimPrefix(in, []byte("\ufeff"))
		var s string
		if bytes.HasPrefix(text, []byte(`"`)) && json.Unmarshal(text, &s) == nil {
			// encoding/json replaces invalid UTF-8, which is an error here, by U+FFFD.
			if err == nil && string(out) != fmt.Sprintf("%d:%s", len(s), s) || err != nil && !strings.ContainsRune(s, utf8.RuneError) {
				t.Fatalf("%s says %q, %v; for encoding/json it is %q", in, out, err, s)
			}
		}
		if err != nil {
			var bad *JSONError
			if !errors.As(err, &bad) || bad.Line > 1+bytes.Count(in, []byte("\n")) || bad.Column > 1+utf8.RuneCount(in) || bad.Line < 1 || bad.Column < 1 {
				t.Fatalf("error without a place in the text: %v", err)
			}
			return
		}
		if !json.Valid(text) {
			t.Fatalf("%q is no JSON, but was accepted as %q", in, out)
		}
		doc, err := Parse(out)
		if err != nil {
			t.Fatalf("%q became %q: %v", in, out, err)
		}
		mustComeBack(t, doc)
	})
}

// mustComeBack turns doc to JSON and back, on one line and indented.
func mustComeBack(t *testing.T, doc *Document) {
	t.Helper()
	text := doc.AppendJSON(nil)
	var indented bytes.Buffer
	if err := json.Indent(&indented, text, "", "  "); err != nil {
		t.Fatalf("%q: not JSON: %v: %s", doc.Bytes(), err, text)
	}
	for _, text := range [][]byte{text, indented.Bytes()} {
		if got, err := FromJSON(text); err != nil || !bytes.Equal(got, doc.Bytes()) {
			t.Fatalf("%q became %s and that %q, %v", doc.Bytes(), text, got, err)
		}
	}
}

package metainfo

import (
	"fmt"
	"strings"
	"testing"

	"bt/internal/testenv"
)

// Two torrents are compared by key, in both directions.
func TestCompare(t *testing.T) {
	const info = "4:infod" + single + "e"
	for _, tt := range []struct{ name, a, b, want string }{
		{"the same", "d" + info + "e", "d" + info + "e", ""},
		{"a comment", "d7:comment1:a" + info + "e", "d7:comment1:b" + info + "e", "comment 1:a 1:b"},
		{"a new key", "d" + info + "e", "d7:comment1:b" + info + "e", "comment - 1:b"},
		{"leading zeros", "d1:ai007e" + info + "e", "d1:ai7e" + info + "e", "a i007e i7e encoding"},
		{"negative zero", "d1:ai-0e" + info + "e", "d1:ai0e" + info + "e", "a i-0e i0e encoding"},
		{"a sign", "d1:ai-7e" + info + "e", "d1:ai7e" + info + "e", "a i-7e i7e"},
		{"a length with a zero", "d1:al02:xye" + info + "e", "d1:al2:xye" + info + "e", "a l02:xye l2:xye encoding"},
		{"keys below in another order", "d1:ad1:b0:1:c0:e" + info + "e", "d1:ad1:c0:1:b0:e" + info + "e", "a d1:b0:1:c0:e d1:c0:1:b0:e encoding"},
		{"one of the keys below twice", "d1:ad1:b0:1:c0:e" + info + "e", "d1:ad1:b0:1:b0:e" + info + "e", "a d1:b0:1:c0:e d1:b0:1:b0:e"},
		{"a longer list", "d1:al0:e" + info + "e", "d1:al0:0:e" + info + "e", "a l0:e l0:0:e"},
		{"a shorter list", "d1:al0:0:e" + info + "e", "d1:al0:e" + info + "e", "a l0:0:e l0:e"},
		{"another kind", "d1:ai1e" + info + "e", "d1:a1:1" + info + "e", "a i1e 1:1"},
		{"a key twice", "d1:a0:1:a1:x" + info + "e", "d1:a0:" + info + "e", "a d1:a0:1:a1:xe 0:"},
		{"the empty key twice", "d0:0:0:1:x0:1:y" + info + "e", "d0:0:" + info + "e", " d0:0:0:1:x0:1:ye 0:"},
		{"another order", "d1:z0:" + info + "e", "d" + info + "1:z0:e", "$order - -"},
		{"another order in info", "d4:infod4:name1:x6:lengthi5e" + "ee", "d4:infod6:lengthi5e4:name1:xee", "info.$order - -"},
		{"a key in info", "d4:infod" + single + "ee", "d4:infod" + single + "6:source1:xee", "info.source - 1:x"},
		{"bytes behind", "d" + info + "e\n", "d" + info + "e", "$trailing 1:\n -"},
	} {
		a, b := mustParse(t, tt.a), mustParse(t, tt.b)
		if got := showChanges(Compare(a, b)); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
		if got, back := len(Compare(a, b)), len(Compare(b, a)); got != back {
			t.Errorf("%s: %d changes, and %d in the other direction", tt.name, got, back)
		}
	}
}

// A dict with too many keys is compared in part, in bounded time: also if they are one
// key.
func TestCompareManyKeys(t *testing.T) {
	testenv.Large(t)
	many := func(key string) string {
		var b strings.Builder
		for i := range MaxEntries {
			fmt.Fprintf(&b, key, i)
		}
		return "d4:infod" + single + "e" + b.String() + "e"
	}
	a := mustParse(t, many("6:%06d0:"))
	b := mustParse(t, many("6:%06d1:x"))
	changes := Compare(a, b)
	if last := changes[len(changes)-1]; len(changes) != MaxEntries+1 || last.Key != "$more" {
		t.Errorf("%d changes, the last %s", len(changes), last.Key)
	}
	twice := mustParse(t, many("1:z6:%06d"))
	if changes := Compare(twice, a); changes[len(changes)-1].Key != "$more" {
		t.Error("not all keys are compared, and no change says so")
	}
}

// Files that have only a length and a path are recognized without parsing them again.
func TestPlainEntry(t *testing.T) {
	const rest = "4:name1:x12:piece lengthi16384e6:pieces" + sha20 + "ee"
	for _, tt := range []struct {
		torrent string
		want    bool
	}{
		{"d4:infod5:filesld6:lengthi5e4:pathl1:d1:aeee" + rest, true},
		{"d4:infod5:filesld4:attr1:x6:lengthi5e4:pathl1:aeee" + rest, false},
		{"d4:infod5:filesld6:lengthi5e4:pathl1:ae4:sha11:xee" + rest, false},
		{"d4:infod5:filesld6:lengthi05e4:pathl1:aeee" + rest, false},
		{v2(leaf("a", 5, fill('a'))+leaf("b", 0, fill(0)), ""), true},
		{v2("1:xd0:d6:lengthi5e11:pieces root"+sha32+"5:zzzzz1:xee", ""), false},
	} {
		if got := mustParse(t, tt.torrent).isPlainEntry(0); got != tt.want {
			t.Errorf("%q: %v, want %v", tt.torrent, got, tt.want)
		}
	}
}

func mustParse(t *testing.T, s string) *Torrent {
	t.Helper()
	tor, err := Parse([]byte(s))
	if err != nil {
		t.Fatal(err)
	}
	return tor
}

func showChanges(list []Change) string {
	var lines []string
	for _, c := range list {
		line := c.Key
		for _, v := range []Value{c.Old, c.New} {
			if v == nil {
				v = Value("-")
			}
			line += " " + string(v)
		}
		if c.OnlyEncoding() {
			line += " encoding"
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

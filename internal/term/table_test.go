package term

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func tableText(t *testing.T, table Table) string {
	t.Helper()
	var b strings.Builder
	if err := table.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

type tableTest struct {
	name  string
	table Table
	want  string
}

// droppingTests are one table in windows of several widths.
func droppingTests() (tests []tableTest) {
	for _, tt := range []struct {
		width int
		want  string
	}{
		{0, "NAME                     RATE  SIZE  STATE\na name of several words   1/s  10 B  ok\nanother                  20/s   2 B  waiting\n"},
		{44, "NAME                     RATE  SIZE  STATE\na name of several words   1/s  10 B  ok\nanother                  20/s   2 B  waiting\n"},
		{43, "NAME                    RATE  SIZE  STATE\na name of s…eral words   1/s  10 B  ok\nanother                 20/s   2 B  waiting\n"},
		{31, "NAME        RATE  SIZE  STATE\na nam…ords   1/s  10 B  ok\nanother     20/s   2 B  waiting\n"},
		{30, "NAME             SIZE  STATE\na name …l words  10 B  ok\nanother           2 B  waiting\n"},
		{25, "NAME        SIZE  STATE\na nam…ords  10 B  ok\nanother      2 B  waiting\n"},
		{24, "NAME             STATE\na name …l words  ok\nanother          waiting\n"},
		{18, "NAME       STATE\na na…ords  ok\nanother    waiting\n"},
	} {
		tests = append(tests, tableTest{fmt.Sprintf("%d columns", tt.width), Table{
			Header: []string{"NAME", "RATE", "SIZE", "STATE"},
			Rows:   [][]string{{"a name of several words", "1/s", "10 B", "ok"}, {"another", "20/s", "2 B", "waiting"}},
			Right:  []bool{1: true, 2: true},
			Drop:   []int{1, 2},
			Least:  []int{10},
			Short:  map[int]func(string, int) string{0: Palette{}.CutMiddle},
			Width:  tt.width,
		}, tt.want})
	}
	return tests
}

func TestTable(t *testing.T) {
	on := NewPalette(true)
	tests := []tableTest{
		{"nothing", Table{}, ""},
		{"header alone", Table{Header: []string{"a", "b"}}, "a  b\n"},
		{"no header", Table{Rows: [][]string{{"a", "b"}, {"ccc", "d"}}}, "a    b\nccc  d\n"},
		{
			"header as it is, right aligned",
			Table{
				Header: []string{"fileName", "info_hash v1", "TOTAL"},
				Rows:   [][]string{{"a", "1", "x"}, {"bb", "1,234", "total"}},
				Right:  []bool{false, true},
			},
			"" +
				"fileName  info_hash v1  TOTAL\n" +
				"a                    1  x\n" +
				"bb               1,234  total\n",
		},
		{
			"first and last right aligned",
			Table{Rows: [][]string{{"1", "a", "2"}, {"100", "b", "200"}}, Right: []bool{true, false, true}},
			"" +
				"  1  a    2\n" +
				"100  b  200\n",
		},
		{
			"ragged rows and empty cells",
			Table{Header: []string{"a"}, Rows: [][]string{{"1", "2", "3"}, {}, {"", "", "9"}, {"", ""}}},
			"a\n1  2  3\n\n      9\n\n",
		},
		{
			"wide characters",
			Table{Rows: [][]string{{"日本語.txt", "1"}, {"한.txt", "2"}, {"plain.txt", "3"}, {"cafe\u0301.txt", "4"}}},
			"日本語.txt  1\n한.txt      2\nplain.txt   3\ncafe\u0301.txt    4\n",
		},
		{
			"lines in a cell, leading blanks",
			Table{Rows: [][]string{{"k", "one\n\n  two"}, {"  l", "x"}}},
			"k    one\n\n       two\n  l  x\n",
		},
		{
			"colour",
			Table{Palette: on, Header: []string{"state", "n"}, Right: []bool{true}, Rows: [][]string{{on.Red("bad"), "1"}, {"good", on.Green("2")}}},
			"" +
				"\x1b[1mstate\x1b[0m  \x1b[1mn\x1b[0m\n" +
				"  \x1b[31mbad\x1b[0m  1\n" +
				" good  \x1b[32m2\x1b[0m\n",
		},
		{
			"wraps, cuts, keeps numbers",
			Table{
				Header: []string{"file", "size"},
				Rows:   [][]string{{"a long name of words.mkv", "1,000 B"}, {"Season01.Episode01.mkv", "10,000 B"}},
				Right:  []bool{false, true},
				Width:  25,
			},
			"" +
				"file                 size\n" +
				"a long name of    1,000 B\n" +
				"words.mkv\n" +
				"Season0…e01.mkv  10,000 B\n",
		},
		{
			"colour does not leave a wrapped cell",
			Table{Rows: [][]string{{on.Red("one two"), "x"}}, Width: 6},
			"\x1b[31mone\x1b[0m  x\n\x1b[31mtwo\x1b[0m\n",
		},
		{
			"nor a wrapped header",
			Table{Palette: on, Header: []string{"one two", "x"}, Rows: [][]string{{"a", "b"}}, Width: 6},
			"\x1b[1mone\x1b[0m  \x1b[1mx\x1b[0m\n\x1b[1mtwo\x1b[0m\na    b\n",
		},
	}
	tests = append(tests, droppingTests()...)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, tableText(t, tt.table)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTableFitsWidth(t *testing.T) {
	on := NewPalette(true)
	table := Table{
		Header:  []string{"path of the file", "size", "what is wrong with it", "頁"},
		Palette: on,
		Right:   []bool{false, true, false, true},
		Rows: [][]string{
			{"Season 01/Episode 000001 of a series.mkv", "1.5 GiB", on.Red("corrupt in 3 of 17 pieces"), "1,234,567"},
			{strings.Repeat("日本語", 40), "1 B", "", "1"},
			{strings.Repeat("x", 300), "999.9 MiB", "short\nand\nchanged while it was read", "22"},
			{"e" + strings.Repeat("\u0301", 50) + strings.Repeat(" y", 100), "", on.Dim(strings.Repeat("z", 99)), ""},
		},
	}
	for width := 11; width <= 400; width++ {
		table.Width = width
		for line := range strings.Lines(tableText(t, table)) {
			line = strings.TrimSuffix(line, "\n")
			if got := displayWidth(line); got > width {
				t.Fatalf("width %d: a line has %d columns: %q", width, got, line)
			}
			if strings.TrimRight(line, " ") != line {
				t.Fatalf("width %d: blanks at the end of %q", width, line)
			}
		}
	}
}

// displayWidth counts columns in its own way, for the characters of these tests.
func displayWidth(line string) int {
	n, escape := 0, false
	for _, r := range line {
		switch {
		case r == '\x1b':
			escape = true
		case escape:
			escape = r != 'm'
		case r == '\u0301':
		case r >= 0x3000 && r < 0xa000:
			n += 2
		default:
			n++
		}
	}
	return n
}

func TestTableReportsWriteErrors(t *testing.T) {
	want := errors.New("disk full")
	table := Table{Rows: [][]string{{"a", "b"}}}
	if err := table.Write(failingWriter{want}); !errors.Is(err, want) {
		t.Errorf("Write = %v, want %v", err, want)
	}
}

type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) { return 0, w.err }

func TestFields(t *testing.T) {
	var b strings.Builder
	err := Fields(&b, NewPalette(true), 24, [][2]string{
		{"name", "a name"},
		{"trackers", "http://a.example\nhttp://b.example/announce"},
		{"comment", "of several words in all"},
		{"empty", ""},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := "" +
		"\x1b[2mname\x1b[0m      a name\n" +
		"\x1b[2mtrackers\x1b[0m  http://…xample\n" +
		"          http://…nounce\n" +
		"\x1b[2mcomment\x1b[0m   of several\n" +
		"          words in all\n" +
		"\x1b[2mempty\x1b[0m\n"
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
}

// The time must grow with the rows, no faster.
func BenchmarkTable(b *testing.B) {
	for _, n := range []int{1_000, 10_000, 100_000} {
		rows := make([][]string, n)
		for i := range rows {
			rows[i] = []string{fmt.Sprintf("Season %02d/Episode %06d.mkv", i%10, i), Size(int64(i) * 1000), "ok", Count(int64(i))}
		}
		table := Table{Header: []string{"file", "size", "status", "pieces"}, Rows: rows, Right: []bool{false, true, false, true}, Width: 80}
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := table.Write(io.Discard); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

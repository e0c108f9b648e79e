package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"

	"bt/internal/term"
	"bt/rewrite"
)

// printDifference prints the changes line by line. For a list it prints only the
// items that are added or removed, or all items if only their order changes.
func (p *retrackerPrinter) printDifference(x retrackerResult) error {
	if err := p.printColored(p.pal.Bold, term.Safe(cmp.Or(x.output, x.name))); err != nil {
		return err
	}
	for _, c := range x.result.Changes {
		p.printChange(c)
	}
	return p.printHashes(x)
}

// printChange prints the lines of a change.
func (u *ui) printChange(c rewrite.Change) {
	old, new := differenceLines(c.Key, c.Old), differenceLines(c.Key, c.New)
	gone, come := without(old, new), without(new, old)
	if len(gone)+len(come) == 0 {
		gone, come = old, new
	}
	for _, text := range u.shownLines(c.Key, gone) {
		_ = u.printColored(u.pal.Red, "- "+text) // the next Flush returns the error
	}
	hidden := len(gone)+len(come) == 0 // only the encoding differs
	first := gone[:min(len(gone), listLimit)]
	for i, text := range u.shownLines(c.Key, come) {
		_ = u.printColored(u.pal.Green, "+ "+text)
		hidden = hidden || i < listLimit && slices.ContainsFunc(first, func(g differenceLine) bool { return g != come[i] && u.shownLine(c.Key, g) == text })
	}
	if hidden {
		_ = u.printColored(u.pal.Yellow, "~ "+term.Safe(c.Key)+"  differs in hidden parts; --reveal or --json shows them")
	}
}

// shownLines returns the first lines of a list as printable text, and the number
// of the others.
func (u *ui) shownLines(key string, lines []differenceLine) []string {
	var texts []string
	for i, line := range lines {
		switch {
		case i < listLimit:
			texts = append(texts, u.shownLine(key, line))
			continue
		case lines[len(lines)-1].text == andMore:
			return append(texts, u.pal.Ellipsis()+" "+andMore+" (--json has all of them)")
		}
		return append(texts, u.more(len(lines)-i, "line"))
	}
	return texts
}

// A differenceLine is one item of a list, or a value that is not a list.
type differenceLine struct{ label, text string }

// without returns the lines of a that are not in b. A line that b has less often
// than a is returned for the difference.
func without(a, b []differenceLine) []differenceLine {
	count := make(map[differenceLine]int)
	for _, line := range b {
		count[line]++
	}
	var left []differenceLine
	for _, line := range a {
		if count[line]--; count[line] < 0 {
			left = append(left, line)
		}
	}
	return left
}

// shownLine returns a line as printable text: secrets masked, and long texts cut.
func (u *ui) shownLine(key string, line differenceLine) string {
	// Mask before cutting: masking changes the length, and a cut URL may not be
	// recognized.
	text, long := line.text, len(line.text) > 8<<10
	if long {
		text = text[:8<<10]
	}
	if slices.Contains(urlKeys, key) {
		text = u.shownURL(text)
	} else {
		text = u.shownText(text)
	}
	const longest = 500
	if len(text) > longest {
		text, long = text[:longest], true
	}
	if text = term.Safe(text); long {
		text += fmt.Sprintf("%s (%s; --json has all of it)", u.pal.Ellipsis(), count(len(line.text), "byte"))
	}
	return term.Safe(line.label) + "  " + text
}

// urlKeys lists the keys whose values are URLs, even if they do not look like
// URLs.
var urlKeys = []string{"announce", "announce-list", "trackers", "url-list", "httpseeds", "tr", "ws"}

// maxLines is the number of items of a list that are compared; andMore is printed
// for the rest.
const (
	maxLines = 10_000
	andMore  = "and more"
)

// differenceLines returns a value as text, one item per line.
func differenceLines(key string, value rewrite.Value) []differenceLine {
	if value == nil {
		return nil
	}
	list, ok := value.Items()
	if !ok {
		return []differenceLine{{key, plainValue(value)}}
	}
	var lines []differenceLine
	add := func(label string, v rewrite.Value) bool {
		if len(lines) == maxLines {
			lines = append(lines, differenceLine{label, andMore})
			return false
		}
		lines = append(lines, differenceLine{label, plainValue(v)})
		return true
	}
	i := 0
	for item := range list {
		i++
		tier, ok := item.Items()
		if !ok || key == "nodes" {
			if !add(key, item) {
				return lines
			}
			continue
		}
		for u := range tier {
			if !add(fmt.Sprintf("%s, tier %d", key, i), u) {
				return lines
			}
		}
	}
	return lines
}

// plainValue returns a value as text: a string as it is, else the beginning of
// its JSON.
func plainValue(v rewrite.Value) string {
	if text, ok := v.Text(); ok && utf8.ValidString(text) {
		return text
	}
	w := &firstBytes{left: 1000}
	_ = v.WriteJSON(w) // fails when left is used up
	return string(w.b)
}

// firstBytes is a Writer that keeps the first left bytes and returns an error
// after them.
type firstBytes struct {
	b    []byte
	left int
}

func (f *firstBytes) Write(p []byte) (int, error) {
	n := min(f.left, len(p))
	f.b = append(f.b, p[:n]...)
	if f.left -= n; n < len(p) {
		return n, io.ErrShortWrite
	}
	return n, nil
}

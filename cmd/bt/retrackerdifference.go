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

// printDifference shows what would change, line by line: of a list only the
// items that come or go, or all if only their order changes.
func (p *retrackerPrinter) printDifference(x retracked) error {
	if _, err := fmt.Fprintln(p.out, p.pal.Bold(term.Safe(cmp.Or(x.output, x.name)))); err != nil {
		return err
	}
	for _, c := range x.result.Changes {
		old, new := differenceLines(c.Key, c.Old), differenceLines(c.Key, c.New)
		gone, come := without(old, new), without(new, old)
		if len(gone)+len(come) == 0 {
			gone, come = old, new
		}
		for _, text := range p.shownLines(c.Key, gone) {
			fmt.Fprintln(p.out, p.pal.Red("- "+text))
		}
		hidden := len(gone)+len(come) == 0 // the form alone
		first := gone[:min(len(gone), listLimit)]
		for i, text := range p.shownLines(c.Key, come) {
			fmt.Fprintln(p.out, p.pal.Green("+ "+text))
			hidden = hidden || i < listLimit && slices.ContainsFunc(first, func(g differenceLine) bool { return g != come[i] && p.shown(c.Key, g) == text })
		}
		if hidden {
			fmt.Fprintln(p.out, p.pal.Yellow("~ "+term.Safe(c.Key)+"  differs in what is not shown; --reveal or --json show it"))
		}
	}
	return p.printHashes(x)
}

// shownLines are the first lines of a list as they may be printed, and how many
// there are more.
func (p *retrackerPrinter) shownLines(key string, lines []differenceLine) []string {
	var texts []string
	for i, line := range lines {
		switch {
		case i < listLimit:
			texts = append(texts, p.shown(key, line))
			continue
		case lines[len(lines)-1].text == andMore:
			return append(texts, p.pal.Ellipsis()+" "+andMore+" (--json has all of them)")
		}
		return append(texts, p.more(len(lines)-i, "line"))
	}
	return texts
}

// A differenceLine is one item of a value, or the whole of it.
type differenceLine struct{ label, text string }

// without returns the lines of a that b has not, or less often.
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

// shown is a line as it may be printed: URLs masked, and a long text cut.
func (p *retrackerPrinter) shown(key string, line differenceLine) string {
	// What is masked may be longer or shorter than what is shown of it.
	text, long := line.text, len(line.text) > 8<<10
	if long {
		text = text[:8<<10]
	}
	if slices.Contains(urlKeys, key) {
		text = p.shownURL(text)
	} else {
		text = p.shownText(text)
	}
	const longest = 500
	if len(text) > longest {
		text, long = text[:longest], true
	}
	if text = term.Safe(text); long {
		text += fmt.Sprintf("%s (%s; --json has all of it)", p.pal.Ellipsis(), count(len(line.text), "byte"))
	}
	return term.Safe(line.label) + "  " + text
}

// urlKeys are the keys whose texts are URLs, though they may not look like it.
var urlKeys = []string{"announce", "announce-list", "trackers", "url-list", "httpseeds"}

// maxLines is how many items of a list are compared; andMore stands for the others.
const (
	maxLines = 10_000
	andMore  = "and more"
)

// differenceLines writes a value for a person, an item a line.
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

// plainValue writes what a person can read of a value: a text, or the beginning
// of its JSON.
func plainValue(v rewrite.Value) string {
	if text, ok := v.Text(); ok && utf8.ValidString(text) {
		return text
	}
	w := &firstBytes{left: 1000}
	_ = v.WriteJSON(w) // it ends early
	return string(w.b)
}

// firstBytes keeps the first bytes that are written, and refuses more.
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

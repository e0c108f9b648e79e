package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"bt/internal/term"
)

// printDifference shows what would change, line by line: of a list only the
// items that come or go, or all if only their order changes.
func (p *retrackerPrinter) printDifference(x retracked) error {
	if _, err := fmt.Fprintln(p.out, p.pal.Bold(term.Safe(cmp.Or(x.output, x.name)))); err != nil {
		return err
	}
	for _, c := range x.result.Changes {
		old, new := p.lines(c.Key, c.Old), p.lines(c.Key, c.New)
		gone, come := without(old, new), without(new, old)
		if len(gone)+len(come) == 0 {
			gone, come = old, new
		}
		for _, line := range gone {
			fmt.Fprintln(p.out, p.pal.Red("- "+p.shown(c.Key, line)))
		}
		hidden := len(gone)+len(come) == 0 // the form alone
		for _, line := range come {
			fmt.Fprintln(p.out, p.pal.Green("+ "+p.shown(c.Key, line)))
			hidden = hidden || slices.ContainsFunc(gone, func(g string) bool { return g != line && p.shown(c.Key, g) == p.shown(c.Key, line) })
		}
		if hidden {
			fmt.Fprintln(p.out, p.pal.Yellow("~ "+term.Safe(c.Key)+"  differs in what is not shown; --reveal or --json show it"))
		}
	}
	return p.printHashes(x)
}

// without returns the lines of a that b has not, or less often.
func without(a, b []string) []string {
	count := make(map[string]int)
	for _, line := range b {
		count[line]++
	}
	var left []string
	for _, line := range a {
		if count[line]--; count[line] < 0 {
			left = append(left, line)
		}
	}
	return left
}

// shown is a line as it may be printed: URLs masked, and a long text cut.
func (p *retrackerPrinter) shown(key, line string) string {
	const longest = 500
	label, text, _ := strings.Cut(line, "  ")
	if slices.Contains(urlKeys, key) {
		text = p.shownURL(text)
	} else {
		text = p.shownText(text)
	}
	if len(text) > longest {
		text = text[:longest] + "…"
	}
	return term.Safe(label + "  " + text)
}

// urlKeys are the keys whose texts are URLs, though they may not look like it.
var urlKeys = []string{"announce", "announce-list", "trackers", "url-list", "httpseeds"}

// lines writes a value for a person, an item a line.
func (p *retrackerPrinter) lines(key string, value json.RawMessage) []string {
	if value == nil {
		return nil
	}
	var v any
	d := json.NewDecoder(strings.NewReader(string(value)))
	d.UseNumber()
	if d.Decode(&v) != nil {
		return []string{key + "  " + string(value)}
	}
	var lines []string
	add := func(label string, v any) {
		lines = append(lines, label+"  "+plainValue(v))
	}
	list, ok := v.([]any)
	if !ok {
		add(key, v)
		return lines
	}
	for i, item := range list {
		tier, ok := item.([]any)
		if !ok || key == "nodes" {
			add(key, item)
			continue
		}
		for _, u := range tier {
			add(fmt.Sprintf("%s, tier %d", key, i+1), u)
		}
	}
	return lines
}

// plainValue writes what a person can read of a value.
func plainValue(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	}
	b, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(b)
}

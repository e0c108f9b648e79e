package config

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// The YAML and TOML parsers are recursive, use up to 600 bytes of memory per
// word, and for some texts need time that grows with the square of the size. So
// Bounds.check limits a file before it is parsed.
const (
	// MaxSize is the maximum size of a file, which the caller must check.
	MaxSize = 1 << 20

	// Memory is a memory limit that suffices to parse a file.
	Memory = 40 << 20

	// maxDepth is the maximum nesting of lists and tables. A typical file
	// nests four levels.
	maxDepth = 100

	// maxYAMLItems and maxTOMLItems limit the total of lines, words, brackets,
	// commas and quoted texts. A short rule has nine in YAML and fifteen in TOML.
	maxYAMLItems = 92_000
	maxTOMLItems = 320_000

	// maxYAMLMarks limits the anchors, aliases and tags of YAML.
	maxYAMLMarks = 1000
)

// Bounds limit the keys and tables of a TOML file.
type Bounds struct {
	List string // the keys of each table [[List]] are counted separately
	Keys int    // the maximum
	What string // what is counted, for errors, such as "keys in one rule"
}

// check returns an error if a text exceeds the limits. It ends quotes and comments
// at the end of the line. So it may count the lines of a longer text, but it misses
// nothing.
func (b Bounds) check(text []byte, syntax Syntax) error {
	m := meter{toml: syntax == TOML, list: "[[" + b.List + "]]"}
	maxItems, maxMarks, marks := maxYAMLItems, maxYAMLMarks, "anchors, aliases and tags"
	if m.toml {
		maxItems, maxMarks, marks = maxTOMLItems, b.Keys, b.What
	}
	n := 0
	for line := range bytes.Lines(text) {
		n++
		m.line(string(bytes.TrimRight(line, "\r\n")))
		switch {
		case m.deep:
			return fmt.Errorf("line %d: nested deeper than %d levels", n, maxDepth)
		case m.items > maxItems:
			return fmt.Errorf("line %d: more than %s words and signs: split the file", n, thousands(maxItems))
		case m.marks > maxMarks:
			return fmt.Errorf("line %d: more than %s %s", n, thousands(maxMarks), marks)
		}
	}
	return nil
}

// thousands formats a number with commas.
func thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// A meter counts what a parser would use memory or time for, without parsing
// the text.
type meter struct {
	toml         bool
	list         string // the TOML header that begins a separate count of marks
	open         int    // open brackets
	indents      []int  // indents of the open YAML blocks, ascending
	deep         bool   // nested deeper than maxDepth
	items, marks int

	// The state within a line.
	begins bool // a value may begin here
	mark   bool // in an anchor, alias or tag of YAML
	dots   int  // dots in the current TOML key
}

func (m *meter) line(s string) {
	m.items++ // blank lines and comments count too
	m.begins, m.mark, m.dots = true, false, 0
	start := m.start(s)
	for i := start; i < len(s); i++ {
		afterBlank := i == start || isBlank(s[i-1])
		switch c := s[i]; {
		case isBlank(c):
			m.mark = false // a value begins here if one could begin before the mark
		case c == '#' && (afterBlank || m.toml):
			return
		case m.begins && isQuote(c) && (afterBlank || isQuoteAfter(s[:i])):
			m.items++
			m.begins = false
			i += quoted(s[i:]) - 1
		case m.isBracket(c):
			m.bracket(c)
		case m.toml:
			m.tomlByte(c, afterBlank)
		default:
			m.yamlByte(c, afterBlank)
		}
	}
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }
func isQuote(c byte) bool { return c == '"' || c == '\'' }

// start counts the YAML blocks that a line is in, or its TOML table, and returns
// the index of its first value.
func (m *meter) start(s string) int {
	switch {
	case m.open > 0: // within brackets, lines have no meaning
	case !m.toml:
		return m.block(s)
	case strings.HasPrefix(strings.ReplaceAll(s, " ", ""), m.list):
		m.marks = 0
	case strings.HasPrefix(strings.TrimLeft(s, " \t"), "["):
		m.marks++
	}
	return 0
}

// isBracket reports whether c opens or closes a list or table. Elsewhere than where
// a value may begin, an opening bracket is text.
func (m *meter) isBracket(c byte) bool {
	switch c {
	case '[', '{':
		return m.begins || m.open > 0
	case ']', '}':
		return true
	}
	return false
}

func (m *meter) bracket(c byte) {
	m.items++
	switch c {
	case '[', '{':
		m.open++
		m.deep = m.deep || m.open+len(m.indents) > maxDepth
	case ']', '}':
		m.open = max(m.open-1, 0)
		m.begins = false
	}
}

// tomlByte counts words, commas and the values after them, keys and the levels of
// dotted keys.
func (m *meter) tomlByte(c byte, afterBlank bool) {
	switch c {
	case '.':
		m.dots++
		m.items += 5 // a dotted key opens a table, which uses as much memory as five items
		m.deep = m.deep || m.dots > maxDepth
	case '=':
		m.marks++
		m.dots = 0
	case ',':
		m.dots = 0
		m.items++ // the value after it is an item too
	}
	if afterBlank || c == ',' {
		m.items++
	}
	m.begins = c == ',' || c == '='
}

// yamlByte counts words, commas and quotes, anchors, aliases and tags.
func (m *meter) yamlByte(c byte, afterBlank bool) {
	if m.begins && strings.IndexByte("&*!", c) >= 0 {
		m.mark = true
		m.marks++
	}
	if afterBlank || strings.IndexByte(`,"'`, c) >= 0 {
		m.items++
	}
	m.begins = m.mark || strings.IndexByte(",:-?", c) >= 0
}

// isQuoteAfter reports whether a quote right after s begins a text: s ends with a
// bracket, a comma, an equals sign, or the colon of a quoted key.
func isQuoteAfter(s string) bool {
	return strings.IndexByte("[{,=", s[len(s)-1]) >= 0 || strings.HasSuffix(s, `":`) || strings.HasSuffix(s, `':`)
}

// block counts the YAML blocks that a line is in, and returns the index of its
// first value.
func (m *meter) block(s string) int {
	at := len(s) - len(strings.TrimLeft(s, " "))
	if at == len(s) || s[at] == '#' {
		return at
	}
	for len(m.indents) > 0 && m.indents[len(m.indents)-1] >= at {
		m.indents = m.indents[:len(m.indents)-1]
	}
	m.indents = append(m.indents, at)
	for at+1 < len(s) && (s[at] == '-' || s[at] == '?') && s[at+1] == ' ' { // a nested list
		m.items++
		at += 2 + len(s[at+2:]) - len(strings.TrimLeft(s[at+2:], " "))
		m.indents = append(m.indents, at)
	}
	m.deep = m.deep || len(m.indents) > maxDepth
	return at
}

// quoted returns the length of the quoted text that s begins with, or of s if it
// does not end.
func quoted(s string) int {
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '\\' && s[0] == '"':
			i++
		case s[i] == s[0]:
			return i + 1
		}
	}
	return len(s)
}

package main

import (
	"bytes"
	"fmt"
	"strings"

	"bt/internal/term"
)

// Parsers of YAML and TOML recurse, take up to 600 bytes of memory for a word, and
// for some texts time that grows with the square of their size. So a rules file is
// measured before a parser sees it.
const (
	maxRulesSize = 1 << 20

	// maxRulesDepth is how many levels lists and tables may nest; a file that
	// makes sense has four.
	maxRulesDepth = 100

	// These bound lines, words, brackets, commas and texts in quotes together. A
	// short rule has nine in YAML and fifteen in TOML.
	maxYAMLItems = 100_000
	maxTOMLItems = 320_000

	// maxRulesMarks bounds YAML's anchors, aliases and tags, and the keys and
	// tables of one rule in TOML.
	maxRulesMarks = 1000

	// rulesMemory is how much the garbage collector is asked to keep to meanwhile.
	rulesMemory = 40 << 20
)

// checkRules refuses a YAML or TOML text that is beyond these limits. Quotes and
// comments end with their line here: what goes on below is counted rather than
// missed.
func checkRules(text []byte, toml bool) error {
	m := rulesMeter{toml: toml}
	maxItems, marks := maxYAMLItems, "anchors, aliases and tags"
	if toml {
		maxItems, marks = maxTOMLItems, "keys in one rule"
	}
	n := 0
	for line := range bytes.Lines(text) {
		n++
		m.line(string(bytes.TrimRight(line, "\r\n")))
		switch {
		case m.deep:
			return fmt.Errorf("line %d: nested deeper than %d levels", n, maxRulesDepth)
		case m.items > maxItems:
			return fmt.Errorf("line %d: more than %s words and signs: split the file", n, term.Count(int64(maxItems)))
		case m.marks > maxRulesMarks:
			return fmt.Errorf("line %d: more than %s %s", n, term.Count(maxRulesMarks), marks)
		}
	}
	return nil
}

type rulesMeter struct {
	toml         bool
	open         int   // brackets
	indents      []int // of YAML's blocks that are open, ascending
	dots         int   // of a dotted key of TOML
	deep         bool
	items, marks int
}

func (m *rulesMeter) line(s string) {
	m.items++ // an empty line or a comment is something too
	m.dots = 0
	at := 0
	switch {
	case m.open > 0:
	case !m.toml:
		at = m.block(s)
	case strings.HasPrefix(strings.ReplaceAll(s, " ", ""), "[[rules]]"):
		m.marks = 0
	case strings.HasPrefix(strings.TrimLeft(s, " \t"), "["):
		m.marks++
	}
	begins := true // a value may begin here
	mark := false  // in an anchor, alias or tag
	for i := at; i < len(s); i++ {
		afterBlank := i == at || s[i-1] == ' ' || s[i-1] == '\t'
		switch c := s[i]; {
		case c == ' ' || c == '\t':
			mark = false // what follows begins a value if what stands before does
		case c == '#' && (afterBlank || m.toml):
			return
		case begins && (c == '"' || c == '\'') && (afterBlank || isQuoteAfter(s[:i])):
			m.items++
			i += quoted(s[i:]) - 1
			begins = false
		case (begins || m.open > 0) && (c == '[' || c == '{'):
			m.items++
			m.open++
			m.deep = m.deep || m.open+len(m.indents) > maxRulesDepth
		case c == ']' || c == '}':
			m.items++
			m.open = max(m.open-1, 0)
			begins = false
		case m.toml:
			m.key(c)
			if afterBlank || c == ',' {
				m.items++
			}
			begins = c == ',' || c == '='
		default:
			if begins && strings.IndexByte("&*!", c) >= 0 {
				mark = true
				m.marks++
			}
			if afterBlank || strings.IndexByte(`,"'`, c) >= 0 {
				m.items++
			}
			begins = mark || strings.IndexByte(",:-?", c) >= 0
		}
	}
}

// key counts the keys of TOML, and the levels that a dotted one opens.
func (m *rulesMeter) key(c byte) {
	switch c {
	case '.':
		m.dots++
		m.items += 5 // it opens a table, which takes as much memory
		m.deep = m.deep || m.dots > maxRulesDepth
	case '=':
		m.marks++
		m.dots = 0
	case ',':
		m.dots = 0
	}
}

// isQuoteAfter reports whether a quote begins a text right after s: behind a
// bracket, a comma, an equals sign, or the colon of a key in quotes.
func isQuoteAfter(s string) bool {
	return strings.IndexByte("[{,=", s[len(s)-1]) >= 0 || strings.HasSuffix(s, `":`) || strings.HasSuffix(s, `':`)
}

// block counts the blocks that a line is in, and returns where its first value
// begins.
func (m *rulesMeter) block(s string) int {
	at := len(s) - len(strings.TrimLeft(s, " "))
	if at == len(s) || s[at] == '#' {
		return at
	}
	for len(m.indents) > 0 && m.indents[len(m.indents)-1] >= at {
		m.indents = m.indents[:len(m.indents)-1]
	}
	m.indents = append(m.indents, at)
	for at+1 < len(s) && (s[at] == '-' || s[at] == '?') && s[at+1] == ' ' { // a list in a list
		m.items++
		at += 2 + len(s[at+2:]) - len(strings.TrimLeft(s[at+2:], " "))
		m.indents = append(m.indents, at)
	}
	m.deep = m.deep || len(m.indents) > maxRulesDepth
	return at
}

// quoted is how long the text in quotes is that s begins with, or s.
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

package main

import (
	"bytes"
	"fmt"
	"strings"
)

// maxRulesDepth is how many levels the lists and tables of a rules file may
// nest; one that makes sense has four. Parsers of YAML and TOML recurse, and
// take time that grows with the square of the depth.
const maxRulesDepth = 100

// checkDepth refuses a YAML or TOML text that nests deeper than maxRulesDepth
// before a parser sees it. It counts brackets where a value may begin, and in
// YAML also what dashes and indentation open. Quotes and comments end with their
// line here: what goes on below is counted rather than missed.
func checkDepth(text []byte, toml bool) error {
	d := depthCounter{toml: toml}
	n := 0
	for line := range bytes.Lines(text) {
		n++
		if d.line(string(bytes.TrimRight(line, "\r\n"))); d.deep {
			return fmt.Errorf("line %d: nested deeper than %d levels", n, maxRulesDepth)
		}
	}
	return nil
}

type depthCounter struct {
	toml    bool
	open    int   // brackets
	indents []int // of YAML's blocks that are open, ascending
	deep    bool
}

func (d *depthCounter) line(s string) {
	at := 0
	if d.open == 0 && !d.toml {
		at = d.block(s)
	}
	begins := true // a value may begin here
	for i := at; i < len(s); i++ {
		switch c := s[i]; {
		case c == ' ' || c == '\t':
			// What follows begins a value if what stands before does.
		case c == '#' && (i == 0 || s[i-1] == ' ' || s[i-1] == '\t' || d.toml):
			return
		case begins && (c == '"' || c == '\''):
			i += quoted(s[i:]) - 1
			begins = false
		case begins && (c == '[' || c == '{'):
			d.open++
			d.deep = d.deep || d.open+len(d.indents) > maxRulesDepth
		case c == ']' || c == '}':
			d.open = max(d.open-1, 0)
			begins = false
		default:
			begins = c == ',' || d.toml && c == '=' || !d.toml && (c == ':' || c == '-' || c == '?')
		}
	}
}

// block counts the blocks that a line is in, and returns where its first value
// begins.
func (d *depthCounter) block(s string) int {
	at := len(s) - len(strings.TrimLeft(s, " "))
	if at == len(s) || s[at] == '#' {
		return at
	}
	for len(d.indents) > 0 && d.indents[len(d.indents)-1] >= at {
		d.indents = d.indents[:len(d.indents)-1]
	}
	d.indents = append(d.indents, at)
	for at+1 < len(s) && (s[at] == '-' || s[at] == '?') && s[at+1] == ' ' { // a list in a list
		at += 2 + len(s[at+2:]) - len(strings.TrimLeft(s[at+2:], " "))
		d.indents = append(d.indents, at)
	}
	d.deep = d.deep || len(d.indents) > maxRulesDepth
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

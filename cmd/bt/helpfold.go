package main

import (
	"strings"
	"unicode/utf8"
)

// foldCommand breaks a command line into lines of at most width bytes, which a shell reads
// as the same command: behind a blank if possible, else in a word.
func foldCommand(line string, width int) (lines []string) {
	quotes := quotesOf(line)
	prefix := ""
	for len(prefix)+len(line) > width {
		end, more, next := foldAt(line, quotes, width-len(prefix))
		if end == 0 {
			break
		}
		lines = append(lines, prefix+line[:end]+more)
		if next == foldIndent {
			end++ // the blank
		}
		prefix, line, quotes = next, line[end:], quotes[end:]
	}
	return append(lines, prefix+line)
}

// foldIndent is the beginning of a line below one that ends with a blank.
const foldIndent = "    "

// foldAt returns how much of a line is on the first of two, what ends that, and with what
// the second begins. end is 0 if the line can't be broken.
func foldAt(line string, quotes []byte, room int) (end int, more, next string) {
	start := len(line) - len(strings.TrimLeft(line, " "))
	for i := min(room-len(" \\"), len(line)-1); i > start; i-- {
		if line[i] == ' ' && quotes[i] == 0 && line[i-1] != '\\' {
			return i, " \\", foldIndent
		}
	}
	for i := min(room-len("\\"), len(line)-1); i > start; i-- {
		switch {
		case line[i-1] == '\\' || !utf8.RuneStart(line[i]) || line[i] == ' ' && quotes[i] == 0:
		case quotes[i] != '\'':
			return i, "\\", ""
		case i+len("'\\") <= room:
			return i, "'\\", "'"
		}
	}
	return 0, "", ""
}

// quotesOf returns the quotes that are open before each byte of a command line, 0 if there
// are none.
func quotesOf(line string) []byte {
	quotes := make([]byte, len(line))
	open, escaped := byte(0), false
	for i := range len(line) {
		quotes[i] = open
		switch c := line[i]; {
		case escaped:
			escaped = false
		case c == '\\' && open != '\'':
			escaped = true
		case c == open:
			open = 0
		case open == 0 && (c == '\'' || c == '"'):
			open = c
		}
	}
	return quotes
}

package main

import "strings"

// A bashLine is a line of bash up to the cursor, in words. bash itself divides words
// also at characters such as : and =, and replaces only what is behind the last of them.
type bashLine struct {
	words     []string // without quotes; the last is the one at the cursor, without what follows it
	kept      int      // bytes of the last word that bash keeps
	open      byte     // the quote that is open at the cursor, or 0
	redirects bool     // the word at the cursor is the file of > or <
}

// splitBash divides a line into words, without expanding them. The first word, which is
// the command, is left out. breaks are the characters at which bash divides words.
func splitBash(line, breaks string) *bashLine {
	s := bashSplitter{breaks: breaks}
	for rest := line; rest != ""; {
		c := rest[0]
		rest = rest[1:]
		switch {
		case c == '\\' && s.open != '\'':
			rest = s.escaped(rest)
		case s.open != 0:
			s.quoted(c)
		case c == '\'' || c == '"':
			s.open, s.inWord = c, true
		case c == ' ' || c == '\t' || c == '\n':
			s.end()
		case c == '<' || c == '>':
			s.redirect()
		default:
			s.plain(c)
		}
	}
	s.words = append(s.words, s.word.String())
	if len(s.words) > 1 {
		s.words = s.words[1:]
	}
	return &s.bashLine
}

// A bashSplitter is the state of splitBash.
type bashSplitter struct {
	bashLine
	breaks string
	word   strings.Builder // the current word
	inWord bool            // it has begun; it may be empty, as ''
}

// end ends a word, unless none has begun. That after > or < is none of the command's.
func (s *bashSplitter) end() {
	if s.inWord && !s.redirects {
		s.words = append(s.words, s.word.String())
	}
	if s.inWord {
		s.redirects = false
	}
	s.word.Reset()
	s.inWord, s.kept = false, 0
}

// escaped takes the character after a backslash from the rest of the line.
func (s *bashSplitter) escaped(rest string) string {
	s.inWord = true
	if rest == "" {
		return ""
	}
	if s.open == '"' && strings.IndexByte("$`\"\\", rest[0]) < 0 {
		s.word.WriteByte('\\')
	}
	s.word.WriteByte(rest[0])
	return rest[1:]
}

// quoted takes a character inside of quotes.
func (s *bashSplitter) quoted(c byte) {
	if c == s.open {
		s.open = 0
		return
	}
	s.word.WriteByte(c)
}

// redirect takes > or <, before which there may be the number of a file descriptor.
func (s *bashSplitter) redirect() {
	if strings.Trim(s.word.String(), "0123456789") == "" {
		s.word.Reset()
		s.inWord = false
	}
	s.end()
	s.redirects = true
}

// plain takes a character that is not special to the shell.
func (s *bashSplitter) plain(c byte) {
	isBreak := strings.IndexByte(s.breaks, c) >= 0
	if isBreak {
		s.kept = s.word.Len()
	}
	s.word.WriteByte(c)
	s.inWord = true
	if isBreak && c != '@' { // bash replaces the @ too
		s.kept = s.word.Len()
	}
}

// quoteBash quotes a value for the place of the cursor.
func quoteBash(l *bashLine, value string) string {
	special := "|&;()<>$`\\\"' \t*?[]{}#~!"
	switch l.open {
	case '\'':
		return strings.ReplaceAll(value, "'", `'\''`)
	case '"':
		special = "$`\"\\!"
	}
	var b strings.Builder
	for i := range len(value) {
		if strings.IndexByte(special, value[i]) >= 0 {
			b.WriteByte('\\')
		}
		b.WriteByte(value[i])
	}
	return b.String()
}

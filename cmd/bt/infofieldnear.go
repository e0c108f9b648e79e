package main

import (
	"slices"
	"strings"
)

// otherFields maps names of what bt calls otherwise to names of fields.
var otherFields = []otherWords{
	{"announce announcelist tracker tier tiers", "trackers"},
	{"urllist webseed", "web_seeds"},
	{"httpseed", "http_seeds"},
	{"length bytes totalsize totallength", "size"},
	{"numfiles nfiles filecounts", "file_count"},
	{"numpieces npieces", "piece_count"},
	{"creator createdwith client", "created_by"},
	{"created createdat time", "creation_date"},
	{"title", "name"},
	{"link uri", "magnet"},
	{"warnings errors problems", "findings"},
	{"file filename", "path"},
}

// nearFields returns the names of fields that a name probably means: those that differ only
// in case and separators, else those in which it is, else the most similar one.
func nearFields(typed string, names []string) []string {
	word := fieldWord(typed)
	which := func(is func(name string) bool) []string {
		return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return !is(fieldWord(n)) })
	}
	if near := which(func(n string) bool { return n == word }); len(near) > 0 {
		return near
	}
	if other := lookUp(word, otherFields); slices.Contains(names, other) {
		return []string{other}
	}
	if len(word) < 3 {
		return nil // it is in too many
	}
	if near := which(func(n string) bool { return strings.Contains(n, word) }); len(near) > 0 {
		return near
	}
	var words []string
	for _, n := range names {
		words = append(words, fieldWord(n))
	}
	best := suggest(word, words)
	return which(func(n string) bool { return n == best })
}

// fieldWord returns a name in lower case, and without what separates its words.
func fieldWord(name string) string {
	return strings.NewReplacer("_", "", "-", "", " ", "").Replace(strings.ToLower(name))
}

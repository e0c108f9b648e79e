package rewrite

import (
	"slices"
	"strconv"
	"strings"
)

// An independent parser of bencode, for checks. It panics on invalid input.

// A cut is an entry of a dict, with its bytes in the file.
type cut struct{ key, value, whole string }

// cutDict cuts the dict that s begins with, and returns what follows it.
func cutDict(s string) (cuts []cut, rest string) {
	for s = s[1:]; s[0] != 'e'; {
		keyEnd := valueEnd(s)
		end := keyEnd + valueEnd(s[keyEnd:])
		_, key, _ := strings.Cut(s[:keyEnd], ":")
		cuts = append(cuts, cut{key, s[keyEnd:end], s[:end]})
		s = s[end:]
	}
	return cuts, s[1:]
}

// valueEnd is the length of the value that s begins with.
func valueEnd(s string) int {
	switch s[0] {
	case 'i':
		return strings.Index(s, "e") + 1
	case 'l', 'd':
		at := 1
		for s[at] != 'e' {
			at += valueEnd(s[at:])
		}
		return at + 1
	}
	length, _, _ := strings.Cut(s, ":")
	n, err := strconv.Atoi(length)
	if err != nil {
		panic(err)
	}
	return len(length) + 1 + n
}

// cutList cuts a list into its values.
func cutList(s string) (values []string) {
	for s = s[1:]; s[0] != 'e'; {
		end := valueEnd(s)
		values = append(values, s[:end])
		s = s[end:]
	}
	return values
}

// without returns a dict without the entries of some keys. The others are unchanged.
func without(cuts []cut, keys ...string) string {
	var b strings.Builder
	for _, c := range cuts {
		if !slices.Contains(keys, c.key) {
			b.WriteString(c.whole)
		}
	}
	return b.String()
}

// valueOf returns the first value of a key; "" if there is none.
func valueOf(cuts []cut, key string) string {
	for _, c := range cuts {
		if c.key == key {
			return c.value
		}
	}
	return ""
}

func count(cuts []cut, key string) (n int) {
	for _, c := range cuts {
		if c.key == key {
			n++
		}
	}
	return n
}

// sorted reports whether keys are strictly ascending.
func sorted(cuts []cut) bool {
	for i := 1; i < len(cuts); i++ {
		if cuts[i-1].key >= cuts[i].key {
			return false
		}
	}
	return true
}

// isCanonical reports whether a value is as a program that writes it anew would
// write it.
func isCanonical(s string) bool {
	switch s[0] {
	case 'i':
		n, err := strconv.ParseInt(s[1:len(s)-1], 10, 64)
		return err == nil && "i"+strconv.FormatInt(n, 10)+"e" == s
	case 'l':
		return !slices.ContainsFunc(cutList(s), func(v string) bool { return !isCanonical(v) })
	case 'd':
		cuts, _ := cutDict(s)
		return sorted(cuts) && !slices.ContainsFunc(cuts, func(c cut) bool {
			return !isCanonical(c.value) || text(c.key)+c.value != c.whole
		})
	}
	_, bytes, _ := strings.Cut(s, ":")
	return text(bytes) == s
}

// canonicalTrackers reports whether announce and announce-list are as an edit
// writes them: announce alone, or the first of a list of two or more.
func canonicalTrackers(cuts []cut) bool {
	first, list := valueOf(cuts, "announce"), valueOf(cuts, "announce-list")
	if first == "" {
		return list == ""
	}
	isURL := func(v string) bool {
		_, u, _ := strings.Cut(v, ":")
		return v[0] >= '0' && v[0] <= '9' && u != "" && strings.TrimSpace(u) == u
	}
	if list == "" || !isURL(first) {
		return isURL(first)
	}
	if list[0] != 'l' {
		return false
	}
	var urls []string
	for _, tier := range cutList(list) {
		if tier[0] != 'l' || tier == "le" {
			return false
		}
		urls = append(urls, cutList(tier)...)
	}
	return len(urls) > 1 && urls[0] == first && !slices.ContainsFunc(urls, func(v string) bool { return !isURL(v) })
}

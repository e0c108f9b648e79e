package main

import (
	"fmt"
	"net/url"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"unicode"

	"bt/maketorrent"
)

// Templates of --output: {name}, {tracker}, {format}, {infohash}, {date} and {source}
// stand for values of the torrent. Each value becomes one path component, or a part of
// one: it can't lead to another directory. {{ and }} are braces.

// An outputTemplate is the value of --output.
type outputTemplate struct {
	text  string // as the user wrote it
	parts []templatePart
}

// A templatePart is a literal text, or the name of a placeholder.
type templatePart struct {
	text          string
	isPlaceholder bool
}

const infoHashPlaceholder = "infohash"

var placeholders = []string{"name", "tracker", "format", infoHashPlaceholder, "date", "source"}

// readTemplate parses the value of --output.
func readTemplate(s string) (outputTemplate, error) {
	t := outputTemplate{text: s}
	if s == "" {
		return t, fmt.Errorf("the path is empty")
	}
	literal := ""
	for rest := s; rest != ""; {
		switch {
		case strings.HasPrefix(rest, "{{"), strings.HasPrefix(rest, "}}"):
			literal, rest = literal+rest[:1], rest[2:]
		case rest[0] != '{':
			literal, rest = literal+rest[:1], rest[1:]
		default:
			name, after, ok := strings.Cut(rest[1:], "}")
			if !ok || !slices.Contains(placeholders, name) {
				return t, unknownPlaceholder(name, ok)
			}
			t.parts = append(t.parts, templatePart{text: literal}, templatePart{name, true})
			literal, rest = "", after
		}
	}
	t.parts = append(t.parts, templatePart{text: literal})
	if _, after, ok := strings.Cut(s, "{"+infoHashPlaceholder+"}"); ok && strings.ContainsAny(after, "/"+string(filepath.Separator)) {
		// The directory must exist before the content is read.
		return t, failf(exitUsage, "{%s} can be in the name of the file only", infoHashPlaceholder)
	}
	return t, nil
}

func unknownPlaceholder(name string, closed bool) error {
	if !closed {
		return withHint(failf(exitUsage, "{ without }"), "{{ is a brace itself")
	}
	hint := "the placeholders are {" + strings.Join(placeholders, "}, {") + "}; {{ is a brace itself"
	if near := suggest(name, placeholders); near != "" {
		hint = "did you mean {" + near + "}?"
	}
	return withHint(failf(exitUsage, "there is no placeholder {%s}", name), hint)
}

// has reports whether a placeholder is in the template.
func (t *outputTemplate) has(placeholder string) bool {
	return slices.Contains(t.parts, templatePart{placeholder, true})
}

// expand replaces the placeholders by values. A placeholder whose value is empty is an
// error.
func (t *outputTemplate) expand(values map[string]string) (string, error) {
	var b strings.Builder
	for _, p := range t.parts {
		if !p.isPlaceholder {
			b.WriteString(p.text)
			continue
		}
		value := values[p.text]
		if value == "" {
			return "", failf(exitUsage, "--output: the torrent has nothing for {%s}", p.text)
		}
		b.WriteString(safeComponent(value))
	}
	return b.String(), nil
}

// templateValues returns the values of the placeholders for a torrent, except that of
// {infohash}.
func templateValues(o *maketorrent.Options, name string) map[string]string {
	values := map[string]string{"name": name, "format": o.Format.String(), "source": o.Source}
	if !o.Date.IsZero() {
		values["date"] = o.Date.UTC().Format("2006-01-02")
	}
	if len(o.Trackers) > 0 && len(o.Trackers[0]) > 0 {
		if parsed, err := url.Parse(o.Trackers[0][0]); err == nil {
			values["tracker"] = parsed.Hostname()
		}
	}
	return values
}

// safeComponent returns a text with the characters replaced that can't be in one
// component of a path.
func safeComponent(value string) string {
	unsafe := string(filepath.Separator) + "/"
	if runtime.GOOS == "windows" {
		unsafe += `<>:"|?*`
	}
	value = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || strings.ContainsRune(unsafe, r) {
			return '_'
		}
		return r
	}, value)
	switch {
	case strings.Trim(value, ".") == "": // . and ..
		return strings.Repeat("_", len(value))
	case !filepath.IsLocal(value): // a device of Windows
		return "_" + value
	}
	return value
}

package main

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// A fieldPath is one name of --field: a key of the JSON of bt info, or "info" for the info
// dict of the torrent, and the keys and indexes that lead to what is below it:
//
//	name
//	trackers.0.1         the second URL of the first tier
//	files.path           of every file
//	info.source
//	info."a.b".c         the key a.b of the info dict, and in it the key c
//
// A key that has a dot, a comma, a quote, or bytes that are not UTF-8 is quoted as in Go.
// An index counts from 0. A key of a list is that of each of its items.
type fieldPath []string

// infoField is the first part of the fields of the info dict.
const infoField = "info"

// fieldHelp describes the names of --field.
const fieldHelp = "--field takes any key of the JSON, and with dots what is below it: files.path (of every file), trackers.0.1 (counted from 0), " +
	"and info.KEY for any key of the torrent's info dict, such as info.source or info.files.length; quote a key that has a dot or comma: info.\"a.b\", and write \\\" for a quote in it: info.\"a\\\"b\". " +
	"Items of a list are separated by blanks, and quoted if they have any; what a torrent has not is empty; bytes that are not UTF-8 are in hex, and dicts in JSON."

// fieldList parses names of fields, separated by commas.
func fieldList(s string) ([]fieldPath, error) {
	var fields []fieldPath
	for {
		f, rest, err := cutField(s)
		if err != nil {
			shown := s
			if !strings.Contains(s, `"`) {
				shown = strconv.Quote(s)
			}
			return nil, failf(exitUsage, "%s: %w", shown, err)
		}
		if err := f.check(); err != nil {
			return nil, err
		}
		fields = append(fields, f)
		if rest == "" {
			return fields, nil
		}
		s = rest[1:]
	}
}

// cutField parses the name at the start of s. The rest is empty, or begins with a comma.
func cutField(s string) (f fieldPath, rest string, err error) {
	for rest = s; ; rest = rest[1:] { // without the dot
		var part string
		if part, rest, err = cutPart(rest, len(f) == 0); err != nil {
			return nil, "", err
		}
		f = append(f, part)
		if rest == "" || rest[0] == ',' {
			return f, rest, nil
		}
	}
}

// cutPart parses the part of a name at the start of s. The rest is empty, or begins with a
// dot or comma.
func cutPart(s string, first bool) (part, rest string, err error) {
	if first {
		s = strings.TrimLeftFunc(s, unicode.IsSpace)
	}
	if strings.HasPrefix(s, `"`) {
		quoted, err := strconv.QuotedPrefix(s)
		if err != nil {
			return "", "", fmt.Errorf("a quote does not end, or has an escape that is not one of Go")
		}
		part, _ = strconv.Unquote(quoted) // QuotedPrefix has checked it
		if rest = strings.TrimLeftFunc(s[len(quoted):], unicode.IsSpace); rest != "" && rest[0] != '.' && rest[0] != ',' {
			return "", "", fmt.Errorf("a dot or comma is missing behind %s", quoted)
		}
		return part, rest, nil
	}
	end := strings.IndexAny(s, ".,")
	if end < 0 {
		end = len(s)
	}
	part, rest = s[:end], s[end:]
	if rest == "" || rest[0] == ',' {
		part = strings.TrimRightFunc(part, unicode.IsSpace)
	}
	if part == "" {
		return "", "", fmt.Errorf("a name is missing; an empty key is written \"\"")
	}
	return part, rest, nil
}

// String returns the name of the field.
func (f fieldPath) String() string {
	parts := make([]string, len(f))
	for i, part := range f {
		if parts[i] = part; part == "" || part != strings.TrimSpace(part) || strings.ContainsAny(part, `.,"`) || strconv.Quote(part) != `"`+part+`"` {
			parts[i] = strconv.Quote(part)
		}
	}
	return strings.Join(parts, ".")
}

// check returns an error if no torrent can have the field.
func (f fieldPath) check() error {
	if f[0] == infoField {
		return nil
	}
	return checkField(f, 0, reflect.TypeFor[infoDocument]())
}

// checkField checks the parts of a field from one on, which are below a type of the JSON.
func checkField(f fieldPath, from int, t reflect.Type) error {
	if from == len(f) {
		return nil
	}
	part := f[from]
	switch t = jsonType(t); {
	case isJSONList(t) && isIndex(part):
		return checkField(f, from+1, jsonItem(t))
	case isJSONList(t) && hasJSONKeys(jsonItem(t)):
		return checkField(f, from, jsonItem(t))
	case isJSONList(t):
		return withHint(failf(exitUsage, "there is no field %q: %s is a list", f, f[:from]), fmt.Sprintf("its items are %s.0, %[1]s.1 ...", f[:from]))
	case !hasJSONKeys(t):
		return failf(exitUsage, "there is no field %q: there is nothing below %s", f, f[:from])
	}
	fields := jsonFieldsOf(t)
	i := slices.IndexFunc(fields, func(x jsonField) bool { return x.name() == part })
	if i >= 0 {
		return checkField(f, from+1, t.Field(fields[i].index).Type)
	}
	var names, whole []string
	for _, x := range fields {
		names = append(names, x.name())
		whole = append(whole, slices.Concat(f[:from], fieldPath{x.name()}).String())
	}
	if from == 0 {
		names = append(names, infoField)
		whole = append(whole, infoField+".KEY")
	}
	hint := "the fields are " + strings.Join(whole, ", ")
	var near []string
	for _, name := range nearFields(part, names) {
		near = append(near, slices.Concat(f[:from], fieldPath{name}, f[from+1:]).String())
	}
	if near != nil {
		hint = "did you mean " + strings.Join(near, " or ") + "?"
	}
	return withHint(failf(exitUsage, "there is no field %q", f), hint)
}

func (f jsonField) name() string { return strings.Trim(f.key, `":`) }

// isIndex reports whether a part of a field is the index of an item.
func isIndex(part string) bool { return part != "" && strings.Trim(part, "0123456789") == "" }

// jsonType returns the type that a pointer points to.
func jsonType(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer {
		return t.Elem()
	}
	return t
}

// isJSONList reports whether values of a type are lists: slices and iterators.
func isJSONList(t reflect.Type) bool { return t.Kind() == reflect.Slice || t.Kind() == reflect.Func }

// jsonItem returns the type of the items of a list.
func jsonItem(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Func {
		return t.In(0).In(0) // of func(yield func(T) bool)
	}
	return t.Elem()
}

func hasJSONKeys(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && t != reflect.TypeFor[time.Time]()
}

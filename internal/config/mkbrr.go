package config

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// The files presets.yaml and batch.yaml of mkbrr, version 1, are converted, by
// https://github.com/autobrr/mkbrr/blob/main/internal/preset/preset.go and
// https://github.com/autobrr/mkbrr/blob/main/torrent/batch.go. Where mkbrr ignores a
// key, or bt has nothing that is the same, a warning names it.

// mkbrrKeys maps the keys of mkbrr to those of bt.
var mkbrrKeys = map[string]string{
	"trackers":           "announce",
	"webseeds":           "web-seed",
	"private":            "private",
	"piece_length":       "piece-length",     // the exponent of 2
	"max_piece_length":   "max-piece-length", // the exponent of 2
	"target_piece_count": "target-pieces",
	"comment":            "comment",
	"source":             "source",
	"no_date":            "no-date",
	"no_creator":         "no-created-by",
	"entropy":            "entropy",
	"exclude_patterns":   "exclude",
	"include_patterns":   "include",
	"workers":            "jobs", // 0 means automatic
	"output":             "output",
	"output_dir":         "output",
}

func (r *reader) readMkbrr(top map[string]any) error {
	if version, ok := wholeNumber(top["version"]); !ok || version != "1" {
		return r.errorf([]string{"version"}, "want 1, the version of the files of mkbrr that bt reads; the files of bt have none")
	}
	for _, key := range sortedKeys(top) {
		var err error
		switch key {
		case "version":
		case "default":
			err = r.readMkbrrDefault(top[key])
		case "presets":
			err = r.readMkbrrPresets(top[key], top["default"])
		case "jobs":
			err = r.readMkbrrJobs(top[key])
		default:
			r.warn("it has no meaning", key)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *reader) warn(why string, at ...string) {
	r.Warnings = append(r.Warnings, fmt.Sprintf("%s: not taken over from mkbrr: %s", r.place(at...), why))
}

// readMkbrrDefault reads the values that mkbrr adds to all presets: those of the
// preset default.
func (r *reader) readMkbrrDefault(v any) error {
	p, err := r.mkbrrPreset("default", v, true, "default")
	if p != nil {
		r.Presets[p.Name] = p
	}
	return err
}

func (r *reader) readMkbrrPresets(v, defaults any) error {
	presets, err := r.table(v, "presets")
	shared, _ := defaults.(map[string]any)
	for _, name := range sortedKeys(presets) {
		if name == "default" && shared != nil {
			r.warn("default names the values of all presets", "presets", name)
			continue
		}
		p, err := r.mkbrrPreset(name, presets[name], shared == nil, "presets", name)
		if err != nil {
			return err
		}
		r.Presets[name] = p
	}
	return err
}

// mkbrrPreset reads a preset. private adds mkbrrPrivate.
func (r *reader) mkbrrPreset(name string, v any, private bool, at ...string) (*Preset, error) {
	table, err := r.table(v, at...)
	if err != nil {
		return nil, err
	}
	values, err := r.mkbrrValues(table, nil, at...)
	if private {
		values = append(values, r.mkbrrPrivate(table, at)...)
	}
	return &Preset{Name: name, Values: values}, err
}

// mkbrrPrivate returns what mkbrr adds to a preset or job that does not say whether it is
// private: it is.
func (r *reader) mkbrrPrivate(table map[string]any, at []string) []Value {
	if table["private"] != nil {
		return nil
	}
	return []Value{{"private", false, []string{"true"}, r.place(at...)}}
}

func (r *reader) readMkbrrJobs(v any) error {
	return r.eachJob(v, func(job *Job, table map[string]any, path []string) (err error) {
		if _, err = r.text(table["output"], append(path, "output")...); err != nil {
			return err
		}
		if job.Values, err = r.mkbrrValues(table, []string{"path"}, path...); err != nil {
			return err
		}
		job.Defaults = r.mkbrrPrivate(table, path)
		if table["source"] == "" { // not that of the tracker
			job.Values = append(job.Values, Value{"source", false, []string{""}, r.place(append(path, "source")...)})
		}
		return nil
	})
}

// mkbrrValues converts the values of a preset or job, less those of other.
func (r *reader) mkbrrValues(table map[string]any, other []string, at ...string) ([]Value, error) {
	var values []Value
	for _, name := range sortedKeys(table) {
		path := append(slices.Clip(at), name)
		value := table[name]
		if slices.Contains(other, name) || mkbrrUnset(value) {
			continue
		}
		key := r.vocabulary.Find(mkbrrKeys[name])
		switch {
		case name == "skip_prefix" || name == "fail_on_season_warning":
			r.warnSwitch(name, value, path)
			continue
		case name == "exclude_patterns" && !mkbrrUnset(table["include_patterns"]):
			r.warn("mkbrr ignores it beside include_patterns", path...)
			continue
		case name == "name":
			r.warn("mkbrr ignores it", path...)
			continue
		case key == nil:
			r.warn("bt has no such key", path...)
			continue
		}
		texts, err := key.texts(value)
		if err != nil {
			return nil, &Error{r.place(path...), err}
		}
		var converted []string
		for _, text := range texts {
			converted = append(converted, mkbrrTexts(name, text)...)
		}
		values = append(values, Value{key.Name, false, converted, r.place(path...)})
	}
	return values, nil
}

// mkbrrUnset reports whether a value is the zero value, which for mkbrr is none.
func mkbrrUnset(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case string:
		return v == ""
	case uint64:
		return v == 0
	case []any:
		return len(v) == 0
	}
	return false
}

// warnSwitch warns of a switch that asks for what bt does not do.
func (r *reader) warnSwitch(name string, value any, path []string) {
	switch {
	case name == "skip_prefix" && value != true:
		r.warn("bt adds no prefix to the name of a torrent file", path...)
	case name == "fail_on_season_warning" && value != false:
		r.warn("use --strict", path...)
	}
}

// mkbrrTexts converts a value.
func mkbrrTexts(name, text string) []string {
	switch name {
	case "exclude_patterns", "include_patterns":
		var globs []string
		for _, glob := range splitGlobs(text) {
			globs = append(globs, anyCase(glob))
		}
		return globs
	case "piece_length", "max_piece_length":
		text = "2^" + text
	case "output_dir":
		text = strings.TrimRight(text, "/") + "/"
	case "output":
		if path.Ext(text) != ".torrent" {
			text += ".torrent"
		}
	}
	return []string{text}
}

// splitGlobs splits a list of globs at the commas that are not in braces.
func splitGlobs(list string) (globs []string) {
	depth := 0
	for glob := range strings.FieldsFuncSeq(list, func(c rune) bool {
		switch c {
		case '{':
			depth++
		case '}':
			depth--
		}
		return c == ',' && depth <= 0
	}) {
		if glob = strings.TrimSpace(glob); glob != "" {
			globs = append(globs, glob)
		}
	}
	return globs
}

// anyCase returns a glob that matches as glob does, and also names whose ASCII letters are
// in the other case.
func anyCase(glob string) string {
	var b strings.Builder
	for i := 0; i < len(glob); i++ {
		c := glob[i]
		end := strings.IndexByte(glob[i:], ']')
		switch {
		case c == '\\' && i+1 < len(glob):
			i++
			b.WriteString(glob[i-1 : i+1])
		case c == '[' && end > 0:
			class := glob[i : i+end]
			b.WriteString(class + strings.Map(otherCase, strings.TrimLeft(class, "[^!")) + "]")
			i += end
		case otherCase(rune(c)) != rune(c):
			b.WriteString("[" + string(c) + string(otherCase(rune(c))) + "]")
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// otherCase returns an ASCII letter in the other case, and any other character as it is.
func otherCase(c rune) rune {
	if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' {
		return c ^ ' '
	}
	return c
}

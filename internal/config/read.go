package config

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// bounds limits a file.
var bounds = Bounds{List: "jobs", Keys: 3000, What: "keys"}

// Read reads a file. Every error but that of the syntax is an *[Error].
func Read(name string, text []byte, syntax Syntax, v *Vocabulary) (*File, error) {
	top, err := Decode(text, syntax, bounds)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	f := &File{Name: name, Presets: map[string]*Preset{}, lines: sync.OnceValue(func() map[string]int { return lines(text, syntax) })}
	r := reader{File: f, vocabulary: v}
	return f, r.read(top)
}

// A reader reads a File.
type reader struct {
	*File
	vocabulary *Vocabulary
}

func (r *reader) place(path ...string) Place { return Place{r.File, slices.Clone(path)} }

func (r *reader) errorf(path []string, format string, args ...any) error {
	return &Error{r.place(path...), fmt.Errorf(format, args...)}
}

func (r *reader) read(v any) error {
	top, err := r.table(v)
	if err != nil {
		return err
	}
	if _, ok := top["version"]; ok {
		return r.readMkbrr(top)
	}
	for _, key := range sortedKeys(top) {
		switch key {
		case "presets":
			err = r.readPresets(top[key])
		case "trackers":
			err = r.readTrackers(top[key])
		case "jobs":
			err = r.readJobs(top[key])
		default:
			err = r.unknown("key", key, []string{"presets", "trackers", "jobs"}, key)
		}
		if err != nil {
			return err
		}
	}
	return r.checkExtends()
}

// table returns a table, which may be empty or absent.
func (r *reader) table(v any, path ...string) (map[string]any, error) {
	table, ok := v.(map[string]any)
	if v != nil && !ok {
		return nil, r.errorf(path, "want keys and values")
	}
	return table, nil
}

func (r *reader) unknown(what, name string, known []string, path ...string) error {
	return &Error{r.place(path...), &UnknownError{what, name, known}}
}

// text returns a text that is not empty.
func (r *reader) text(v any, path ...string) (string, error) {
	if s, ok := v.(string); ok && s != "" {
		return s, nil
	}
	return "", r.errorf(path, "want a text, in quotes")
}

func (r *reader) readPresets(v any) error {
	presets, err := r.table(v, "presets")
	for _, name := range sortedKeys(presets) {
		var values map[string]any
		if values, err = r.table(presets[name], "presets", name); err != nil {
			return err
		}
		p := &Preset{Name: name}
		if v, ok := values["extends"]; ok {
			if p.Extends, err = r.text(v, "presets", name, "extends"); err != nil {
				return err
			}
		}
		if p.Values, err = r.values(values, []string{"extends"}, false, "presets", name); err != nil {
			return err
		}
		r.Presets[name] = p
	}
	return err
}

// checkExtends checks that the presets that others extend exist, and that no preset
// extends itself, also through others.
func (r *reader) checkExtends() error {
	checkedBy := map[string]string{} // the preset whose chain has this one
	for _, name := range sortedKeys(r.Presets) {
		for p := r.Presets[name]; checkedBy[p.Name] == ""; p = r.Presets[p.Extends] {
			checkedBy[p.Name] = name
			path := []string{"presets", p.Name, "extends"}
			switch {
			case p.Extends == "":
			case r.Presets[p.Extends] == nil:
				return r.unknown("preset", p.Extends, sortedKeys(r.Presets), path...)
			case checkedBy[p.Extends] == name:
				return r.errorf(path, "%s extends itself", p.Extends)
			default:
				continue
			}
			break
		}
	}
	return nil
}

func (r *reader) readTrackers(v any) error {
	trackers, err := r.table(v, "trackers")
	hosts := map[string]bool{}
	for _, name := range sortedKeys(trackers) {
		path := []string{"trackers", name}
		t := Tracker{Host: strings.TrimSuffix(strings.ToLower(name), "."), File: r.Name}
		switch {
		case !hostText.MatchString(name):
			return r.errorf(path, "want the name of a host")
		case hosts[t.Host]:
			return r.errorf(path, "the host is there twice")
		}
		hosts[t.Host] = true
		if err := r.readTracker(&t, trackers[name], path); err != nil {
			return err
		}
		r.Trackers = append(r.Trackers, t)
	}
	return err
}

func (r *reader) readTracker(t *Tracker, v any, path []string) error {
	table, err := r.table(v, path...)
	for _, key := range sortedKeys(table) {
		at := append(slices.Clip(path), key)
		switch key {
		case "source":
			t.Source, err = r.text(table[key], at...)
		case "defaults":
			var values map[string]any
			if values, err = r.table(table[key], at...); err == nil {
				t.Defaults, err = r.values(values, nil, true, at...)
			}
		case "limits":
			err = r.readLimits(&t.Limits, table[key], at)
		default:
			err = r.unknown("key", key, []string{"source", "defaults", "limits"}, at...)
			_, isTable := table[key].(map[string]any)
			if isTable && !strings.Contains(t.Host, ".") { // TOML splits a name without quotes at its dots
				err = r.errorf(at, "there is no such key; the name of a host needs quotes")
			}
		}
		if err != nil {
			return err
		}
	}
	return err
}

func (r *reader) readJobs(v any) error {
	return r.eachJob(v, func(job *Job, table map[string]any, path []string) (err error) {
		if v, ok := table["preset"]; ok {
			presets := Key{List: true}
			if job.Presets, err = presets.texts(v); err != nil {
				return &Error{r.place(append(path, "preset")...), err}
			}
		}
		job.Values, err = r.values(table, []string{"path", "preset"}, false, path...)
		return err
	})
}

// eachJob reads the paths of jobs, and calls read for the rest of each.
func (r *reader) eachJob(v any, read func(job *Job, table map[string]any, path []string) error) error {
	list, ok := v.([]any)
	if v != nil && !ok {
		return r.errorf([]string{"jobs"}, "want a list of jobs")
	}
	for i, v := range list {
		path := []string{"jobs", strconv.Itoa(i + 1)}
		table, err := r.table(v, path...)
		if err != nil {
			return err
		}
		if _, ok := table["path"]; !ok {
			return r.errorf(path, "there is no path")
		}
		job := Job{Place: r.place(path...)}
		if job.Path, err = r.text(table["path"], append(path, "path")...); err != nil {
			return err
		}
		if err := read(&job, table, path); err != nil {
			return err
		}
		r.Jobs = append(r.Jobs, job)
	}
	return nil
}

// values reads the values of keys, less those of other.
func (r *reader) values(table map[string]any, other []string, ofTracker bool, path ...string) ([]Value, error) {
	var values []Value
	for _, name := range sortedKeys(table) {
		if slices.Contains(other, name) {
			continue
		}
		at := append(slices.Clip(path), name)
		bare, add := strings.CutPrefix(name, "+")
		k := r.vocabulary.Find(bare)
		switch {
		case k == nil:
			return nil, r.unknown("key", name, append(r.vocabulary.names(), other...), at...)
		case add && !k.List:
			return nil, r.errorf(at, "%s has one value, to which nothing can be added", bare)
		case ofTracker && k.NotTracker:
			return nil, r.errorf(at, "it can't be the default of a tracker")
		}
		texts, err := k.texts(table[name])
		if err != nil {
			return nil, &Error{r.place(at...), err}
		}
		values = append(values, Value{bare, add, texts, r.place(at...)})
	}
	return values, nil
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

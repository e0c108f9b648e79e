// Package config reads presets, tracker rules and batch files, which are YAML or
// TOML and have one JSON schema:
//
//	presets:
//	  base:
//	    private: true
//	    exclude: ['*.nfo']
//	  movies:
//	    extends: base
//	    announce: https://tracker.example/${env:PASSKEY}/announce
//	    +exclude: ['*.txt']
//	trackers:
//	  tracker.example:
//	    source: https://tracker.example/rules
//	    defaults: {source: EX}
//	    limits: {max-piece-length: 16M}
//	jobs:
//	  - {path: /srv/movie, preset: movies}
//
// The values of presets, defaults and jobs are the text of flags. The caller defines and
// sets the flags. A file with the key version is one of mkbrr
// and is converted.
package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A Vocabulary is what the values of a file may be.
type Vocabulary struct {
	Keys []Key
	Size func(string) (int64, error) // parses the sizes in limits
}

// Find returns the key of a name, or nil.
func (v *Vocabulary) Find(name string) *Key {
	for i := range v.Keys {
		if v.Keys[i].Name == name {
			return &v.Keys[i]
		}
	}
	return nil
}

func (v *Vocabulary) names() []string {
	var names []string
	for _, k := range v.Keys {
		names = append(names, k.Name)
	}
	return names
}

// A File is the content of a file.
type File struct {
	Name     string
	Presets  map[string]*Preset
	Trackers []Tracker // sorted by host
	Jobs     []Job

	// Warnings name what in a file of mkbrr can't be converted.
	Warnings []string

	lines func() map[string]int
}

// A Preset is a named list of values.
type Preset struct {
	Name    string
	Extends string // the preset that it adds to, or ""
	Values  []Value
}

// A Value is the value of a key.
type Value struct {
	Key   string
	Add   bool     // adds to a list instead of replacing it
	Texts []string // one, unless the key takes a list
	Place Place
}

// A Tracker is the rules of a tracker.
type Tracker struct {
	Host     string // in lower case
	Source   string // where the rules are from, for people
	Defaults []Value
	Limits   Limits
	File     string // the name of the file; "" if the rules are built in
}

// A Job is an item of a batch file.
type Job struct {
	Path     string // may have ${env:NAME}, as may Presets
	Presets  []string
	Values   []Value
	Defaults []Value // what a job of mkbrr has if no preset decides
	Place    Place
}

// A Place is a place in a file.
type Place struct {
	file *File
	path []string // keys, and numbers of items, from 1
}

// Line returns the line of the place, or of the nearest one around it; 0 if it is
// unknown.
func (p Place) Line() int {
	for n := len(p.path); n > 0; n-- {
		if line := p.file.lines()[joinPath(p.path[:n])]; line > 0 {
			return line
		}
	}
	return 0
}

// String returns the name of the file, the line and the path of the key.
func (p Place) String() string {
	s := p.file.Name
	if line := p.Line(); line > 0 {
		s += ": line " + strconv.Itoa(line)
	}
	if len(p.path) > 0 {
		s += ": " + strings.Join(p.path, ".")
	}
	return s
}

// An Error is an error at a place in a file.
type Error struct {
	Place Place
	Err   error
}

func (e *Error) Error() string { return e.Place.String() + ": " + e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

// An UnknownError reports a key or a preset that does not exist.
type UnknownError struct {
	What  string // "key" or "preset"
	Name  string
	Known []string // the names that exist
}

func (e *UnknownError) Error() string {
	if e.What == "key" { // the place names it
		return "there is no such key"
	}
	return fmt.Sprintf("there is no %s %q", e.What, e.Name)
}

// Chain returns a preset and those that it extends, which come first.
func (f *File) Chain(name string) ([]*Preset, error) {
	var chain []*Preset
	for name != "" {
		p := f.Presets[name]
		if p == nil {
			return nil, &UnknownError{"preset", name, sortedKeys(f.Presets)}
		}
		chain = append(chain, p)
		name = p.Extends
	}
	slices.Reverse(chain)
	return chain, nil
}

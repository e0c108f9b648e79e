package main

import (
	"encoding/json"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// Every schema has a file and the other way round. An input that failed is the same in
// all; each key has a description; objects have no other keys.
func TestJSONSchemas(t *testing.T) {
	files, err := filepath.Glob("schema/*.json")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range jsonSchemas {
		names = append(names, filepath.Join("schema", s.name+".json"))
	}
	slices.Sort(names)
	if !slices.Equal(files, names) {
		t.Errorf("the files are %q, jsonSchemas has %q", files, names)
	}
	var failed any
	for i := range jsonSchemas {
		s := &jsonSchemas[i]
		var v map[string]any
		if err := json.Unmarshal([]byte(s.text()), &v); err != nil {
			t.Fatal(s.name, err)
		}
		if v["title"] == nil || v["description"] == nil {
			t.Errorf("%s: it has no title or description", s.name)
		}
		strictSchema(t, s.name, v)
		defs := v["$defs"].(map[string]any)
		if s.isFile || s.name == "scrape" { // which has the time too
			continue
		}
		if same := []any{defs["failure"], defs["error"]}; failed == nil {
			failed = same
		} else if !reflect.DeepEqual(failed, same) {
			t.Errorf("%s: an input that failed is not as in the others", s.name)
		}
	}
}

func strictSchema(t *testing.T, at string, v any) {
	switch v := v.(type) {
	case []any:
		for _, x := range v {
			strictSchema(t, at, x)
		}
	case map[string]any:
		if v["type"] == "object" && v["additionalProperties"] != false {
			t.Errorf("%s: it allows other keys", at)
		}
		properties, _ := v["properties"].(map[string]any)
		for name, p := range properties {
			p := p.(map[string]any)
			if p["description"] == nil && p["$ref"] == nil {
				t.Errorf("%s.%s: it has no description", at, name)
			}
		}
		for name, x := range v {
			strictSchema(t, at+"."+name, x)
		}
	}
}

// The examples of bt help units are read.
func TestUnitsHelp(t *testing.T) {
	p := topics[0].page()
	read := map[string]func(string) error{
		"sizes":     func(s string) error { _, err := parseSize(s); return err },
		"rates":     func(s string) error { _, err := readRate(s); return err },
		"times":     func(s string) error { _, err := timeReader(time.Now)(s); return err },
		"durations": func(s string) error { _, err := parseDuration(s); return err },
	}
	n := 0
	for _, b := range p.blocks {
		for _, r := range b.rows {
			for example := range strings.SplitSeq(r[0], ", ") {
				n++
				if err := read[b.title](example); err != nil {
					t.Errorf("%s: %s: %v", b.title, example, err)
				}
			}
		}
	}
	if n < 15 {
		t.Errorf("%d examples", n)
	}
	for _, unit := range []string{"K", "M", "G", "T"} {
		for _, size := range []string{"1" + unit, "1" + unit + "iB", "1" + unit + "B"} {
			if _, err := parseSize(size); err != nil {
				t.Errorf("%s: %v", size, err)
			}
		}
	}
}

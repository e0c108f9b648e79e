package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bt/internal/config"
	"bt/internal/testenv"
)

// The layers of a job: flags, the job, its presets, those of --preset, the preset
// default, and the defaults of trackers.
func TestConfigureJob(t *testing.T) {
	const file = `presets:
  default: {comment: default, created-by: default, name: default, source: default}
  line: {comment: line, created-by: line, name: line}
  job: {comment: job preset, created-by: job preset}
trackers:
  t.example: {defaults: {comment: tracker, entropy: true, +exclude: [c]}}
jobs:
  - path: /content
    preset: job
    announce: http://t.example/
    comment: job
    +exclude: [b]
    private: false
  - path: /other
    preset: nothing
  - path: /wrong
    web-seed: [x]
`
	name := filepath.Join(t.TempDir(), "batch.yaml")
	if err := os.WriteFile(name, []byte(file), 0o644); err != nil {
		t.Fatal(err)
	}
	v := makeVocabulary()
	for _, tt := range []struct {
		job   int
		given []givenFlag
		want  string // the flags that are set
		err   string
	}{
		{0, nil, "announce=http://t.example/ comment=job created-by=job preset entropy=true exclude=c exclude=b name=line private=false source=default", ""},
		{0, []givenFlag{{"comment", "flag"}, {"exclude", "a"}, {"private", "true"}}, "announce=http://t.example/ created-by=job preset entropy=true name=line source=default", ""},
		{0, []givenFlag{{"no-created-by", "true"}, {"announce", "http://u.example/"}}, "comment=job exclude=b name=line private=false source=default", ""},
		{1, nil, "", name + `: there is no preset "nothing"`},
		{2, nil, "", name + `: line 17: jobs.3.web-seed: the URL "x" has no scheme`},
	} {
		e, _, _ := testEnv()
		u := &ui{env: e, out: bufio.NewWriter(new(bytes.Buffer))}
		batch, err := readConfig(t.Context(), u, name, v)
		if err != nil {
			t.Fatal(err)
		}
		var f makeFlags
		f.config.file, f.config.presets = option[string]{name, true}, []string{"line"}
		source, err := f.config.source(t.Context(), u)
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range tt.given {
			if g.name == "announce" {
				f.announce = [][]string{{g.value}}
			}
		}
		var set []string
		flags, setErr := setFlags(makeCommand(e).Flags, nil)
		if setErr != nil {
			t.Fatal(setErr)
		}
		_, err = f.configure(u, source, func(name, value string) error {
			set = append(set, name+"="+value)
			if name == "announce" {
				f.announce = append(f.announce, []string{value})
			}
			return flags.Set(name, value)
		}, tt.given, &batch.Jobs[tt.job])
		text := ""
		if err != nil {
			text = err.Error()
		}
		if tt.err != text || tt.err == "" && strings.Join(set, " ") != tt.want {
			t.Errorf("job %d, %v: %q, %v", tt.job, tt.given, set, err)
		}
	}
}

// The keys of a config file are the flags of bt make, with the values that these accept.
func TestMakeVocabulary(t *testing.T) {
	v := makeVocabulary()
	for name, want := range map[string]string{
		"announce": "text list", "web-seed": "text list", "exclude": "text list", "allow": "text list", "node": "text list",
		"source": "text", "comment": "text", "name": "text", "output": "text",
		"private": "switch", "no-date": "switch", "force": "switch", "strict": "switch", "entropy": "switch",
		"format": "word v1,v2,hybrid list", "read": "word auto,sequential,parallel",
		"piece-length": "size auto", "max-piece-length": "size", "date": "time", "jobs": "number",
		"config": "", "preset": "", "json": "", "quiet": "", "help": "", "dir": "", "show-config": "", "a": "", "tracker": "",
	} {
		k, got := v.Find(name), ""
		if k != nil {
			got = map[config.Form]string{config.FormText: "text", config.FormSwitch: "switch", config.FormWord: "word", config.FormSize: "size", config.FormTime: "time", config.FormNumber: "number"}[k.Form]
			if len(k.Words) > 0 {
				got += " " + strings.Join(k.Words, ",")
			}
			if k.List {
				got += " list"
			}
		}
		if got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	flags := makeCommand(&env{}).Flags
	for _, name := range notInConfig {
		if findFlag(flags, name) == nil {
			t.Errorf("notInConfig has %s, which is no flag", name)
		}
	}
	for _, name := range notOfTracker {
		if v.Find(name) == nil {
			t.Errorf("notOfTracker has %s, which is no key", name)
		}
	}
	// All that has a default is shown with it.
	for name, want := range map[string]string{"format": "v1", "piece-length": "auto", "symlinks": "follow", "read": "auto", "source": "", "date": "SOURCE_DATE_EPOCH, else now"} {
		if got := defaultOf(v.Find(name)); got != want {
			t.Errorf("%s: default %q, want %q", name, got, want)
		}
	}
}

// bt help config-schema prints a schema by which the rules that are built in are valid.
func TestConfigSchema(t *testing.T) {
	e, stdout, _ := testEnv("help", "config-schema")
	if code := run(e); code != exitOK {
		t.Fatal(code)
	}
	check := testenv.JSONSchema(t, stdout.Bytes())
	v := makeVocabulary()
	if _, err := config.BuiltIn(v); err != nil {
		t.Error(err)
	}
	for text, ok := range map[string]bool{
		`{"presets":{"a":{"extends":"b","piece-length":"1M","+announce":["http://t.example/"],"private":true}}}`: true,
		`{"presets":{"a":{"piece-length":"1X"}}}`:                                                    false,
		`{"presets":{"a":{"json":true}}}`:                                                            false,
		`{"presets":{"a":{"symlinks":"never"}}}`:                                                     false,
		`{"trackers":{"t.example":{"defaults":{"source":"T"},"limits":{"max-piece-length":"16M"}}}}`: true,
		`{"trackers":{"t.example":{"defaults":{"force":true}}}}`:                                     false,
		`{"jobs":[{"path":"a","preset":"b","format":"v2"}]}`:                                         true,
		`{"jobs":[{"format":"v2"}]}`:                                                                 false,
	} {
		if err := check([]byte(text)); (err == nil) != ok {
			t.Errorf("%s: %v", text, err)
		}
		if _, err := config.Read("x", []byte(text), config.YAML, v); (err == nil) != ok && !strings.Contains(fmt.Sprint(err), "there is no preset") {
			t.Errorf("reader: %s: %v", text, err)
		}
	}
}

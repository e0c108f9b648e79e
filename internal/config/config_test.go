package config

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func read(t *testing.T, text string, syntax Syntax) *File {
	t.Helper()
	name := "x.yaml"
	if syntax == TOML {
		name = "x.toml"
	}
	f, err := Read(name, []byte(text), syntax, testVocabulary)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// summary writes the content of a file as text, with the lines of its values.
func summary(f *File) string {
	var b strings.Builder
	values := func(list []Value) {
		for _, v := range list {
			sign := ""
			if v.Add {
				sign = "+"
			}
			fmt.Fprintf(&b, " %d:%s%s=%s", v.Place.Line(), sign, v.Key, strings.Join(v.Texts, "|"))
		}
		b.WriteString("\n")
	}
	for _, name := range sortedKeys(f.Presets) {
		p := f.Presets[name]
		fmt.Fprintf(&b, "preset %s(%s)", name, p.Extends)
		values(p.Values)
	}
	for _, t := range f.Trackers {
		fmt.Fprintf(&b, "tracker %s(%s) %v", t.Host, t.Source, t.Limits.PieceLengthBySize)
		values(t.Defaults)
	}
	for _, j := range f.Jobs {
		fmt.Fprintf(&b, "job %d:%s(%s)", j.Place.Line(), j.Path, strings.Join(j.Presets, ","))
		values(j.Values)
	}
	for _, w := range f.Warnings {
		b.WriteString(w + "\n")
	}
	return b.String()
}

const sample = `# a comment
presets:
  base: {private: true, "announce": ['http://a/', "http://b/"]}
  child:
    extends: base
    +announce:
      - http://c/
    source: "X"   # quoted
trackers:
  T.Example:
    source: https://rules/
    defaults: {source: EX}
    limits:
      piece-length-by-size:
        - [1M, 16K]
        - [2M, 32K]
jobs:
  - path: /a
    preset: child
    comment: first
  - {path: /b, preset: [base, child],
     comment: second}
`

const sampleTOML = `# a comment
[presets]
base = {private = true, announce = ['http://a/', "http://b/"]}
[presets.child]
extends = "base"
"+announce" = [
  "http://c/", # a comment
]
source = "X"
[trackers."T.Example"]
source = "https://rules/"
defaults.source = "EX"
[trackers."T.Example".limits]
piece-length-by-size = [
  ["1M", "16K"], ["2M", "32K"]]

[[jobs]]
path = "/a"
preset = "child"
comment = "first"
[[jobs]]
path = "/b"
preset = ["base", "child"]
comment = "second"
`

func TestRead(t *testing.T) {
	for _, tt := range []struct {
		text   string
		syntax Syntax
		want   string
	}{
		{sample, YAML, `preset base() 3:announce=http://a/|http://b/ 3:private=true
preset child(base) 6:+announce=http://c/ 8:source=X
tracker t.example(https://rules/) [{1048576 16384} {2097152 32768}] 12:source=EX
job 18:/a(child) 20:comment=first
job 21:/b(base,child) 22:comment=second
`},
		{sampleTOML, TOML, `preset base() 3:announce=http://a/|http://b/ 3:private=true
preset child(base) 6:+announce=http://c/ 9:source=X
tracker t.example(https://rules/) [{1048576 16384} {2097152 32768}] 12:source=EX
job 17:/a(child) 20:comment=first
job 21:/b(base,child) 24:comment=second
`},
		{"\xef\xbb\xbfpresets:\r\n  a:\r\n    source: b\r\n", YAML, "preset a() 3:source=b\n"},
		{"\xef\xbb\xbf[presets.a]\r\nsource = 'b'\r\n", TOML, "preset a() 2:source=b\n"},
		{"x: &x {source: b}\n", YAML, ""},
		{"presets:\n  a: &x\n    source: b\n  c: *x\n  d:\n    <<: *x\n    comment: e\n", YAML,
			"preset a() 3:source=b\npreset c() 4:source=b\npreset d() 7:comment=e 5:source=b\n"}, // the nearest line that is known
		{"[presets.a]\ndate = 2020-01-02\n[presets.b]\ndate = 2020-01-02T03:04:05+01:00", TOML,
			"preset a() 2:date=2020-01-02\npreset b() 4:date=2020-01-02T03:04:05+01:00\n"},
	} {
		if strings.HasPrefix(tt.text, "x:") {
			if _, err := Read("x", []byte(tt.text), tt.syntax, testVocabulary); err == nil || err.Error() != "x: line 1: x: there is no such key" {
				t.Error(err)
			}
			continue
		}
		if diff := cmp.Diff(tt.want, summary(read(t, tt.text, tt.syntax))); diff != "" {
			t.Errorf("%s\n%s", tt.text, diff)
		}
	}
}

// Errors are at the line of what is wrong, in both syntaxes.
func TestErrorLines(t *testing.T) {
	for _, tt := range []struct{ old, new, yaml, toml string }{
		{"EX", "EX", "", ""},
		{"first", "${env:A}", "", ""},
		{"extends: base", "extends: bass", `x.yaml: line 5: presets.child.extends: there is no preset "bass"`, ""},
		{`extends = "base"`, `extends = "bass"`, "", `x.toml: line 5: presets.child.extends: there is no preset "bass"`},
		{"private", "privat", "x.yaml: line 3: presets.base.privat: there is no such key", "x.toml: line 3: presets.base.privat: there is no such key"},
		{"comment: first", "comments: first", "x.yaml: line 20: jobs.1.comments: there is no such key", ""},
		{"comment = \"second", "comments = \"second", "", "x.toml: line 24: jobs.2.comments: there is no such key"},
		{"2M", "x", "x.yaml: line 16: trackers.T.Example.limits.piece-length-by-size.2: want a size such as 256K", "x.toml: line 14: trackers.T.Example.limits.piece-length-by-size.2: want a size such as 256K"},
	} {
		for syntax, text := range map[Syntax]string{YAML: sample, TOML: sampleTOML} {
			name, want := "x.yaml", tt.yaml
			if syntax == TOML {
				name, want = "x.toml", tt.toml
			}
			got := ""
			if _, err := Read(name, []byte(strings.Replace(text, tt.old, tt.new, 1)), syntax, testVocabulary); err != nil {
				got = err.Error()
			}
			if got != want {
				t.Errorf("%s for %s: %q, want %q", tt.new, tt.old, got, want)
			}
		}
	}
}

// A file of many presets and jobs is read, and one of which the parsers would need
// seconds is refused.
func TestLargeFiles(t *testing.T) {
	var presets, jobs, keys strings.Builder
	for i := range 700 {
		fmt.Fprintf(&presets, "[presets.p%d]\nprivate = true\nsource = \"x\"\nannounce = [\"http://t.example/\"]\n", i)
	}
	for i := range 9000 {
		fmt.Fprintf(&jobs, "[[jobs]]\npath = \"/srv/%d\"\nsource = \"x\"\n", i)
	}
	for i := range 4000 {
		fmt.Fprintf(&keys, "[presets.p%d]\n", i)
	}
	var chain strings.Builder
	chain.WriteString("presets:\n  p0: {}\n")
	for i := range 9000 {
		fmt.Fprintf(&chain, "  p%d: {extends: p%d}\n", i+1, i)
	}
	if presets, err := read(t, chain.String(), YAML).Chain("p9000"); len(presets) != 9001 || err != nil {
		t.Errorf("%d presets, %v", len(presets), err)
	}
	if f := read(t, presets.String(), TOML); len(f.Presets) != 700 {
		t.Errorf("%d presets", len(f.Presets))
	}
	f := read(t, jobs.String(), TOML)
	if len(f.Jobs) != 9000 || f.Jobs[8999].Place.Line() != 3*8999+1 {
		t.Errorf("%d jobs, %s", len(f.Jobs), f.Jobs[len(f.Jobs)-1].Place)
	}
	if _, err := Read("x", []byte(keys.String()), TOML, testVocabulary); err == nil || err.Error() != "x: line 3001: more than 3,000 keys" {
		t.Error(err)
	}
}

func TestHosts(t *testing.T) {
	for text, want := range map[string]string{
		"[trackers.'t.example.'.limits]": "",
		"[trackers.t.example.limits]":    "x.toml: line 1: trackers.t.example: there is no such key; the name of a host needs quotes",
		"[trackers.t.limts]":             "x.toml: line 1: trackers.t.limts: there is no such key; the name of a host needs quotes",
		"[trackers.'t.example'.limts]":   "x.toml: line 1: trackers.t.example.limts: there is no such key",
		"[trackers.'*.example']":         "x.toml: line 1: trackers.*.example: want the name of a host",
	} {
		f, err := Read("x.toml", []byte(text), TOML, testVocabulary)
		switch {
		case want == "" && (err != nil || f.Trackers[0].Host != "t.example"):
			t.Errorf("%s: %v", text, err)
		case want != "" && (err == nil || err.Error() != want):
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

func TestExtends(t *testing.T) {
	for text, want := range map[string]string{
		"a: {}":                                 "",
		"a: {extends: b}, b: {extends: c}, c: ": "",
		"c: {extends: b}, b: {extends: a}, a: ": "",
		"b: {extends: d}, c: {extends: d}, a: {extends: b}, d: ": "",
		"a: {extends: a}":                                                         "a: a extends itself",
		"a: {extends: b}, b: {extends: a}":                                        "b: a extends itself",
		"a: {extends: b}, b: {extends: c}, c: {extends: b}":                       "c: b extends itself",
		"a: {}, b: {extends: c}, c: {extends: d}, d: {extends: c}":                "d: c extends itself",
		"a: {extends: b}":                                                         `a: there is no preset "b"`,
		"a: {extends: b}, b: {extends: c}":                                        `b: there is no preset "c"`,
		"a: , b: {extends: a}, c: {extends: b}, d: {extends: c}, e: {extends: x}": `e: there is no preset "x"`,
	} {
		_, err := Read("x", []byte("presets: {"+text+"}"), YAML, testVocabulary)
		got := ""
		if err != nil {
			got = strings.Replace(strings.TrimPrefix(err.Error(), "x: line 1: presets."), ".extends", "", 1)
		}
		if got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

func TestChain(t *testing.T) {
	f := read(t, "presets: {a: {extends: b}, b: {extends: c}, c: {}}", YAML)
	chain, err := f.Chain("a")
	var names []string
	for _, p := range chain {
		names = append(names, p.Name)
	}
	if err != nil || !slices.Equal(names, []string{"c", "b", "a"}) {
		t.Errorf("%v, %v", names, err)
	}
	if _, err := f.Chain("d"); err == nil || err.Error() != `there is no preset "d"` {
		t.Error(err)
	}
}

func TestExpandEnv(t *testing.T) {
	getenv := func(name string) string { return map[string]string{"A": "1", "B_2": "${env:A}"}[name] }
	for _, tt := range []struct{ text, want, err string }{
		{"", "", ""},
		{"x", "x", ""},
		{"${env:A}", "1", ""},
		{"x${env:A}y${env:A}", "x1y1", ""},
		{"${env:B_2}", "${env:A}", ""}, // what a variable holds is not expanded
		{"$A ${A} $env:A ${ENV:A} {env:A} ${env:A", "$A ${A} $env:A ${ENV:A} {env:A} ${env:A", ""},
		{"${env:}", "", `${env:}: "" is not the name of an environment variable`},
		{"${env:1}", "", `${env:1}: "1" is not the name of an environment variable`},
		{"${env:A B}", "", `${env:A B}: "A B" is not the name of an environment variable`},
		{"${env:C}", "", "the environment variable C is not set"},
	} {
		got, err := ExpandEnv(tt.text, getenv)
		if tt.err == "" && (got != tt.want || err != nil) || tt.err != "" && (err == nil || err.Error() != tt.err) {
			t.Errorf("%s: %q, %v", tt.text, got, err)
		}
	}
}

// A parsed file has what its values say, and every place has a text.
func FuzzRead(f *testing.F) {
	for _, text := range []string{
		sample, sampleTOML, string(builtIn), "", "a", "- a", "a: &a [*a]", "a: &a {<<: *a}", "presets: {a: &b {extends: a}}", "? [a]\n: b", "presets:\n  ? a\n  : {}",
		"version: 1\ndefault: {private: true}\npresets: {a: {trackers: [b]}}", "version: 1\njobs: [{path: a, output: b, piece_length: 20}]", "version: 2",
		"[[jobs]]\npath = 'a'\n[jobs.b]\nc.d = 1", "a.b = 1\n[a]\n", "[presets.a]\ndate = 1979-05-27T07:32:00", "jobs = [{path = 'a'}, {path = 'b', x = {y = 1}}]",
	} {
		f.Add([]byte(text), false)
		f.Add([]byte(text), true)
	}
	f.Fuzz(func(t *testing.T, text []byte, toml bool) {
		syntax := YAML
		if toml {
			syntax = TOML
		}
		file, err := Read("x", text, syntax, testVocabulary)
		if err != nil {
			if err.Error() == "" {
				t.Error("an error without a text")
			}
			return
		}
		_ = summary(file)
		var lists [][]Value
		for _, p := range file.Presets {
			if _, err := file.Chain(p.Name); err != nil {
				t.Error(err)
			}
			lists = append(lists, p.Values)
		}
		for _, tracker := range file.Trackers {
			lists = append(lists, tracker.Defaults)
			_ = tracker.Limits.PieceLength(1 << 20)
		}
		for _, job := range file.Jobs {
			if job.Path == "" {
				t.Error("a job without a path")
			}
			lists = append(lists, job.Values)
		}
		lineCount := strings.Count(string(text), "\n") + strings.Count(string(text), "\r") + 1
		var layers []Layer
		for _, list := range lists {
			layers = append(layers, Layer{"x", list})
			for _, v := range list {
				k := testVocabulary.Find(v.Key)
				if k == nil || !k.List && (len(v.Texts) != 1 || v.Add) {
					t.Errorf("%+v", v)
				}
				if line := v.Place.Line(); line < 0 || line > lineCount {
					t.Errorf("%s of %d lines", v.Place, lineCount)
				}
			}
		}
		for _, s := range Merge(layers) {
			if len(s.Parts) == 0 {
				t.Errorf("%s has no value", s.Key)
			}
		}
	})
}

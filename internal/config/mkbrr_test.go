package config

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReadMkbrr(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"presets", `version: 1
default:
  private: true
  no_date: true
  no_creator: false
  skip_prefix: false
  output_dir: "/torrents"
  workers: 2
presets:
  ptp:
    source: "PTP"
    output_dir: "/torrents/ptp/"
    trackers: ["https://t.example/announce", "https://u.example/announce"]
    webseeds: ["https://w.example/"]
    exclude_patterns: ["*.nfo", "*sample*"]
    include_patterns: ["*.mkv"]
    entropy: true
    fail_on_season_warning: true
    piece_length: 20
    max_piece_length: 24
    comment: C
  public:
    private: false
    no_creator: true
    skip_prefix: true
    fail_on_season_warning: false
    workers: 0
    piece_length: 0
    comment: ""
    trackers: []
    target_piece_count: 1000
    colour: red
`, `preset default() 5:no-created-by=false 4:no-date=true 7:output=/torrents/ 3:private=true 8:jobs=2
preset ptp() 21:comment=C 17:entropy=true 16:include=*.[mM][kK][vV] 20:max-piece-length=2^24 12:output=/torrents/ptp/ 19:piece-length=2^20 11:source=PTP 13:announce=https://t.example/announce|https://u.example/announce 14:web-seed=https://w.example/
preset public() 24:no-created-by=true 23:private=false
x.yaml: line 6: default.skip_prefix: not taken over from mkbrr: bt adds no prefix to the name of a torrent file
x.yaml: line 15: presets.ptp.exclude_patterns: not taken over from mkbrr: mkbrr ignores it beside include_patterns
x.yaml: line 18: presets.ptp.fail_on_season_warning: not taken over from mkbrr: use --strict
x.yaml: line 32: presets.public.colour: not taken over from mkbrr: bt has no such key
x.yaml: line 31: presets.public.target_piece_count: not taken over from mkbrr: bt has no such key
`},
		{"private unless a preset says otherwise", "version: 1\npresets:\n  a: {source: A}\n  b: {private: false}\n  c:\n", `preset a() 3:source=A 3:private=true
preset b() 4:private=false
preset c() 5:private=true
`},
		{"as the defaults say", "version: 1\ndefault: {private: false}\npresets: {a: {source: A}}", "preset a() 3:source=A\npreset default() 2:private=false\n"},
		{"private by default", "version: 1\ndefault: {source: D}\npresets: {a: {source: A}}", "preset a() 3:source=A\npreset default() 2:source=D 2:private=true\n"},
		{"a preset called default", "version: 1\ndefault: {private: true}\npresets: {default: {source: A}}", "preset default() 2:private=true\nx.yaml: line 3: presets.default: not taken over from mkbrr: default names the values of all presets\n"},
		{"it without defaults", "version: 1\npresets: {default: {source: A}}", "preset default() 2:source=A 2:private=true\n"},
		{"a batch file", `version: 1
jobs:
  - output: a.torrent
    path: /a
    trackers: [https://t.example/announce]
    private: false
  - path: /b
    output: b
    piece_length: 18
    skip_prefix: false
`, `job 3:/a() 3:output=a.torrent 6:private=false 5:announce=https://t.example/announce
job 7:/b() 8:output=b.torrent 9:piece-length=2^18
x.yaml: line 10: jobs.2.skip_prefix: not taken over from mkbrr: bt adds no prefix to the name of a torrent file
`},
		{"lists of globs", "version: 1\npresets: {a: {private: true, exclude_patterns: ['*.nfo, B2 ,', '*.{a,b}']}}", "preset a() 2:exclude=*.[nN][fF][oO]|[Bb]2|*.{[aA],[bB]} 2:private=true\n"},
		{"a name, and no source", "version: 1\njobs:\n- {path: a, output: a, name: N, source: ''}\n", "job 3:a() 3:output=a.torrent 3:source=\nx.yaml: line 3: jobs.1.name: not taken over from mkbrr: mkbrr ignores it\n"},
		{"other keys", "version: 1\nextra: {}\npresets: {}", "x.yaml: line 2: extra: not taken over from mkbrr: it has no meaning\n"},
	} {
		if diff := cmp.Diff(tt.want, summary(read(t, tt.text, YAML))); diff != "" {
			t.Errorf("%s:\n%s", tt.name, diff)
		}
	}
	for text, want := range map[string]string{
		"version: 2":              "x.yaml: line 1: version: want 1, the version of the files of mkbrr that bt reads; the files of bt have none",
		"version: '1'":            "x.yaml: line 1: version: want 1, the version of the files of mkbrr that bt reads; the files of bt have none",
		"version: 1\npresets: []": "x.yaml: line 2: presets: want keys and values",
		"version: 1\npresets: {a: {private: 'yes'}}":    "x.yaml: line 2: presets.a.private: want true or false",
		"version: 1\npresets: {a: {piece_length: big}}": "x.yaml: line 2: presets.a.piece_length: want auto or a size such as 256K",
		"version: 1\njobs: {}":                          "x.yaml: line 2: jobs: want a list of jobs",
		"version: 1\njobs: [{output: a}]":               "x.yaml: line 2: jobs.1: there is no path",
		"version: 1\njobs: [{path: a}]":                 "x.yaml: line 2: jobs.1.output: want a text, in quotes",
	} {
		if _, err := Read("x.yaml", []byte(text), YAML, testVocabulary); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

func TestAnyCase(t *testing.T) {
	for _, tt := range []struct{ glob, want string }{
		{"", ""},
		{"*.1", "*.1"},
		{"a?B", "[aA]?[Bb]"},
		{"[ab]", "[abAB]"},
		{"[^a-c1]x", "[^a-c1A-C1][xX]"},
		{"[!Z]", "[!Zz]"},
		{`\[a\]`, `\[[aA]\]`},
		{"[a", "[[aA]"},
		{"ä", "ä"},
	} {
		if got := anyCase(tt.glob); got != tt.want {
			t.Errorf("%q: %q, want %q", tt.glob, got, tt.want)
		}
	}
}

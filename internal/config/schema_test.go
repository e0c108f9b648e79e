package config

import (
	"encoding/json"
	"testing"

	"bt/internal/testenv"
)

// checkSchema returns a function that checks a document by the schema.
func checkSchema(t *testing.T, v *Vocabulary) func([]byte) error {
	t.Helper()
	text, err := Schema(v)
	if err != nil {
		t.Fatal(err)
	}
	return testenv.JSONSchema(t, text)
}

// The schema accepts what the reader accepts, and rejects what it rejects.
func TestSchemaAgrees(t *testing.T) {
	check := checkSchema(t, testVocabulary)
	for _, tt := range []struct {
		text string
		ok   bool
	}{
		{``, true},
		{`{}`, true},
		{`[]`, false},
		{`text`, false},
		{`1`, false},
		{`presets:`, true},
		{`trackers:`, true},
		{`jobs:`, true},
		{`presets: {}`, true},
		{`presets: []`, false},
		{`presets: x`, false},
		{`trackers: [a]`, false},
		{`jobs: {}`, false},
		{`jobs: x`, false},
		{`preset: {}`, false},
		{`rules: []`, false},

		{`presets: {a: }`, true},
		{`presets: {a: x}`, false},
		{`presets: {a: []}`, false},
		{`presets: {a: {extends: }}`, false},
		{`presets: {a: {extends: ''}}`, false},
		{`presets: {a: {extends: [b]}}`, false},
		{`presets: {b: {}, a: {extends: b}}`, true},
		{`presets: {a: {privat: true}}`, false},
		{`presets: {a: {a: b}}`, false},
		{`presets: {a: {path: b}}`, false},
		{`presets: {a: {preset: b}}`, false},

		{`presets: {a: {private: true}}`, true},
		{`presets: {a: {private: false}}`, true},
		{`presets: {a: {private: 'true'}}`, false},
		{`presets: {a: {private: 1}}`, false},
		{`presets: {a: {private: }}`, false},
		{`presets: {a: {private: [true]}}`, false},
		{`presets: {a: {private: '${env:A}'}}`, false},
		{`presets: {a: {+private: true}}`, false},
		{`presets: {a: {no-date: true}}`, true},

		{`presets: {a: {source: x}}`, true},
		{`presets: {a: {source: ''}}`, true},
		{`presets: {a: {source: '${env:A}'}}`, true},
		{`presets: {a: {source: 1}}`, false},
		{`presets: {a: {source: true}}`, false},
		{`presets: {a: {source: 1.5}}`, false},
		{`presets: {a: {source: }}`, false},
		{`presets: {a: {source: [x]}}`, false},
		{`presets: {a: {source: {x: y}}}`, false},
		{`presets: {a: {+source: x}}`, false},

		{`presets: {a: {announce: x}}`, true},
		{`presets: {a: {announce: []}}`, true},
		{`presets: {a: {announce: [x, y]}}`, true},
		{`presets: {a: {announce: [x, 1]}}`, false},
		{`presets: {a: {announce: [[x]]}}`, false},
		{`presets: {a: {announce: [x, ]}}`, true},
		{`presets: {a: {announce: [x, null]}}`, false},
		{`presets: {a: {announce: 1}}`, false},
		{`presets: {a: {+announce: x, announce: [y]}}`, true},
		{`presets: {a: {+announce: [x]}}`, true},
		{`presets: {a: {++announce: [x]}}`, false},

		{`presets: {a: {format: v1}}`, true},
		{`presets: {a: {format: '${env:A}'}}`, true},
		{`presets: {a: {format: v3}}`, false},
		{`presets: {a: {format: ''}}`, false},
		{`presets: {a: {format: 1}}`, false},
		{`presets: {a: {format: [v1]}}`, false},
		{`presets: {a: {read: [auto, parallel]}}`, true},
		{`presets: {a: {read: auto}}`, true},
		{`presets: {a: {+read: auto}}`, true},
		{`presets: {a: {read: [auto, x]}}`, false},

		{`presets: {a: {piece-length: auto}}`, true},
		{`presets: {a: {piece-length: 65536}}`, true},
		{`presets: {a: {piece-length: '65536'}}`, true},
		{`presets: {a: {piece-length: 64K}}`, true},
		{`presets: {a: {piece-length: 64KiB}}`, true},
		{`presets: {a: {piece-length: 1.5Mb}}`, true},
		{`presets: {a: {piece-length: 2^18}}`, true},
		{`presets: {a: {piece-length: '${env:A}K'}}`, true},
		{`presets: {a: {piece-length: -1}}`, false},
		{`presets: {a: {piece-length: 1.5}}`, false},
		{`presets: {a: {piece-length: large}}`, false},
		{`presets: {a: {piece-length: 64X}}`, false},
		{`presets: {a: {piece-length: ''}}`, false},
		{`presets: {a: {piece-length: true}}`, false},
		{`presets: {a: {piece-length: [64K]}}`, false},
		{`presets: {a: {max-piece-length: auto}}`, false},
		{`presets: {a: {max-piece-length: 1G}}`, true},

		{`presets: {a: {jobs: 4}}`, true},
		{`presets: {a: {jobs: '4'}}`, true},
		{`presets: {a: {jobs: four}}`, false},
		{`presets: {a: {jobs: -4}}`, false},
		{`presets: {a: {jobs: '${env:A}'}}`, true},

		{`presets: {a: {date: 0}}`, true},
		{`presets: {a: {date: now}}`, true},
		{`presets: {a: {date: 2020-01-31}}`, true},
		{`presets: {a: {date: -1}}`, false},
		{`presets: {a: {date: true}}`, false},
		{`presets: {a: {date: [now]}}`, false},

		{`trackers: {t.example: }`, true},
		{`trackers: {t.example: {}}`, true},
		{`trackers: {T.example: {}}`, true},
		{`trackers: {t.example: x}`, false},
		{`trackers: {'http://t.example': {}}`, false},
		{`trackers: {'t.example:80': {}}`, false},
		{`trackers: {'a b': {}}`, false},
		{`trackers: {'*.example': {}}`, false},
		{`trackers: {t.example.: {}}`, true},
		{`trackers: {'': {}}`, false},
		{`trackers: {t: {source: x, defaults: , limits: }}`, true},
		{`trackers: {t: {source: }}`, false},
		{`trackers: {t: {source: ''}}`, false},
		{`trackers: {t: {source: 1}}`, false},
		{`trackers: {t: {name: x}}`, false},
		{`trackers: {t: {defaults: {source: x, private: true}}}`, true},
		{`trackers: {t: {defaults: {+exclude: [x]}}}`, true},
		{`trackers: {t: {defaults: {announce: x}}}`, false},
		{`trackers: {t: {defaults: {+announce: x}}}`, false},
		{`trackers: {t: {defaults: {output: x}}}`, false},
		{`trackers: {t: {defaults: {extends: x}}}`, false},
		{`trackers: {t: {defaults: []}}`, false},
		{`trackers: {t: {limits: []}}`, false},
		{`trackers: {t: {limits: {max-piece-length: 16M, min-pieces: 1, max-pieces: 2, max-torrent-size: 1, formats: [v1], private: false, source: X}}}`, true},
		{`trackers: {t: {limits: {max-piece-length: 16777216}}}`, true},
		{`trackers: {t: {limits: {max-piece-length: auto}}}`, false},
		{`trackers: {t: {limits: {max-piece-length: '${env:A}'}}}`, false},
		{`trackers: {t: {limits: {max-piece-length: [1]}}}`, false},
		{`trackers: {t: {limits: {max-pieces: '2'}}}`, false},
		{`trackers: {t: {limits: {max-pieces: -2}}}`, false},
		{`trackers: {t: {limits: {max-pieces: 2147483648}}}`, false},
		{`trackers: {t: {limits: {max-pieces: 2147483647}}}`, true},
		{`trackers: {t: {limits: {formats: v1}}}`, true},
		{`trackers: {t: {limits: {formats: []}}}`, true},
		{`trackers: {t: {limits: {formats: [v4]}}}`, false},
		{`trackers: {t: {limits: {formats: '${env:A}'}}}`, false},
		{`trackers: {t: {limits: {formats: {v1: v2}}}}`, false},
		{`trackers: {t: {limits: {source: '${env:A}'}}}`, false},
		{`trackers: {t: {limits: {private: 1}}}`, false},
		{`trackers: {t: {limits: {private: }}}`, false},
		{`trackers: {t: {limits: {source: ''}}}`, false},
		{`trackers: {t: {limits: {source: [X]}}}`, false},
		{`trackers: {t: {limits: {comment: X}}}`, false},
		{`trackers: {t: {limits: {piece-length-by-size: []}}}`, true},
		{`trackers: {t: {limits: {piece-length-by-size: }}}`, false},
		{`trackers: {t: {limits: {piece-length-by-size: [[1M, 16K], [2097152, 32768]]}}}`, true},
		{`trackers: {t: {limits: {piece-length-by-size: [[1M]]}}}`, false},
		{`trackers: {t: {limits: {piece-length-by-size: [[1M, 16K, 1]]}}}`, false},
		{`trackers: {t: {limits: {piece-length-by-size: [1M, 16K]}}}`, false},
		{`trackers: {t: {limits: {piece-length-by-size: [[x, 16K]]}}}`, false},
		{`trackers: {t: {limits: {piece-length-by-size: [[1M, auto]]}}}`, false},
		{`trackers: {t: {limits: {piece-length-by-size: {1M: 16K}}}}`, false},

		{`jobs: []`, true},
		{`jobs: [{path: x}]`, true},
		{`jobs: [{path: x, preset: a, source: b, +announce: [c]}]`, true},
		{`jobs: [{path: x, preset: [a, b]}]`, true},
		{`jobs: [{path: x, preset: [1]}]`, false},
		{`jobs: [{path: x, preset: }]`, false},
		{`jobs: [{path: x, preset: {a: b}}]`, false},
		{`jobs: [{path: x, extends: a}]`, false},
		{`jobs: [{path: x, output: y}]`, true},
		{`jobs: [{path: x, nothing: y}]`, false},
		{`jobs: [{path: [x]}]`, false},
		{`jobs: [{path: ''}]`, false},
		{`jobs: [{path: 1}]`, false},
		{`jobs: [{source: x}]`, false},
		{`jobs: [x]`, false},
		{`jobs: [[{path: x}]]`, false},
		{`jobs: [null]`, false},
		{"presets: {a: }\ntrackers: {t: }\njobs: [{path: x}]", true},
	} {
		_, err := Read("x.yaml", []byte(tt.text), YAML, testVocabulary)
		if (err == nil) != tt.ok {
			t.Errorf("reader: %s: %v", tt.text, err)
		}
		value, err := Decode([]byte(tt.text), YAML, bounds)
		if err != nil {
			t.Fatalf("%s: %v", tt.text, err)
		}
		if value == nil {
			value = map[string]any{} // an empty file
		}
		text, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		if err := check(text); (err == nil) != tt.ok {
			t.Errorf("schema: %s: %v", tt.text, err)
		}
	}
}

// What a schema can't say is checked by the reader alone.
func TestReaderAlone(t *testing.T) {
	check := checkSchema(t, testVocabulary)
	for text, want := range map[string]string{
		"presets: {a: {extends: b}}":                                        `x.yaml: line 1: presets.a.extends: there is no preset "b"`,
		"presets: {a: {extends: a}}":                                        `x.yaml: line 1: presets.a.extends: a extends itself`,
		"trackers:\n  t: {limits: {min-pieces: 3, max-pieces: 2}}":          `x.yaml: line 2: trackers.t.limits: min-pieces is more than max-pieces`,
		"trackers:\n  t: {}\n  t.: {}":                                      `x.yaml: line 3: trackers.t.: the host is there twice`,
		"trackers:\n  t: {}\n  T: {}":                                       `x.yaml: line 2: trackers.t: the host is there twice`,
		"trackers: {t: {limits: {max-piece-length: 2^99}}}":                 `x.yaml: line 1: trackers.t.limits.max-piece-length: no size: "2^99"`,
		"trackers: {t: {limits: {piece-length-by-size: [[2, 1], [2, 1]]}}}": `x.yaml: line 1: trackers.t.limits.piece-length-by-size.2: the sizes must ascend`,
	} {
		if _, err := Read("x.yaml", []byte(text), YAML, testVocabulary); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
		value, _ := Decode([]byte(text), YAML, bounds)
		b, _ := json.Marshal(value)
		if err := check(b); err != nil {
			t.Errorf("%s: the schema rejects it too, so it belongs into the other test: %v", text, err)
		}
	}
}

package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bt/internal/testenv"
)

func TestSizeSteps(t *testing.T) {
	for size, want := range map[int64]int64{
		0: 1 << 10, 1: 1 << 10, 1 << 10: 1 << 10, 1<<10 + 1: 1 << 12, 1 << 12: 1 << 12, 1 << 11: 1 << 12, 1<<12 + 1: 1 << 14,
		1 << 40: 1 << 40, 1<<40 + 1: 1 << 42, 1 << 62: 1 << 62, 1<<62 + 1: math.MaxInt64, math.MaxInt64: math.MaxInt64,
	} {
		if got := sizeStep(size); got != want {
			t.Errorf("the step of %d is %d, want %d", size, got, want)
		}
	}
	got := sizeSteps(map[int64]int{1 << 10: 2, 1 << 16: 3, math.MaxInt64: 1})
	if len(got) != 28 || got[0] != (sizeCount{1 << 10, 2}) || got[1] != (sizeCount{1 << 12, 0}) || got[3] != (sizeCount{1 << 16, 3}) || got[27] != (sizeCount{math.MaxInt64, 1}) {
		t.Errorf("the steps are %v", got)
	}
}

// What a tally keeps is bounded, whatever torrents have.
func TestTallyIsBounded(t *testing.T) {
	var hosts tally[string]
	for i := range maxTally + 500 {
		addText(&hosts, fmt.Sprint("host", i))
		addText(&hosts, "host1")
	}
	addText(&hosts, strings.Repeat("x", longestTally+1))
	if len(hosts.counts) != maxTally || hosts.counts["host1"] != maxTally+501 || hosts.more != 501 {
		t.Errorf("%d hosts, %d times host1, %d more", len(hosts.counts), hosts.counts["host1"], hosts.more)
	}
}

// statsCollection writes torrents like those of an archive, with a few thousand bytes of
// hashes and paths each, and returns their directory.
func statsCollection(tb testing.TB, torrents int) string {
	tb.Helper()
	dir := tb.TempDir()
	for i := range torrents {
		var files strings.Builder
		for k := range 20 {
			name := fmt.Sprintf("Some.Release.%d.Part.%d.mkv", i, k)
			fmt.Fprintf(&files, "d6:lengthi%de4:pathl5:Files%d:%see", 1<<18*10, len(name), name)
		}
		pieces := strings.Repeat(fmt.Sprintf("%020d", i%(torrents*9/10)), 200) // a tenth has the same content as another
		data := fmt.Sprintf("d8:announce%d:https://t%d.example/%032d/announce10:created by8:bt/0.1.013:creation datei%de4:infod5:filesl%se4:name5:%05d12:piece lengthi262144e6:pieces%d:%s7:privatei1eee",
			len(fmt.Sprintf("https://t%d.example/%032d/announce", i%50, i)), i%50, i, 1_500_000_000+i*10_000, &files, i, len(pieces), pieces)
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%05d.torrent", i)), []byte(data), 0o644); err != nil {
			tb.Fatal(err)
		}
	}
	return dir
}

// The JSON of a collection has the sums, and the groups in the order of the files.
func TestStatsOfCollection(t *testing.T) {
	dir := statsCollection(t, 200)
	e, stdout, stderr := testEnv("info", "--stats", "--json", dir)
	if code := run(e); code != exitOK || stderr.Len() > 0 {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	check := testenv.JSONSchema(t, []byte(statsSchema))
	if err := check(stdout.Bytes()); err != nil {
		t.Error(err)
	}
	var doc statsDocument
	if err := json.Unmarshal(stdout.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	if doc.Torrents != 200 || doc.Files != 4000 || doc.Bytes != 200*20*10<<18 || len(doc.Trackers) != 50 || len(doc.Duplicates) != 0 || len(doc.SameContent) != 20 {
		t.Errorf("%+v", doc)
	}
	for i, group := range doc.SameContent {
		if len(group) != 2 || filepath.Base(group[0]) != fmt.Sprintf("%05d.torrent", i) || filepath.Base(group[1]) != fmt.Sprintf("%05d.torrent", 180+i) {
			t.Errorf("group %d is %q", i, group)
		}
	}
}

// statsSchema is the JSON of bt info --stats.
const statsSchema = `{
	"$schema": "https://json-schema.org/draft/2020-12/schema",
	"type": "object",
	"additionalProperties": false,
	"required": ["torrents", "bytes", "files", "formats", "sizes", "piece_lengths", "trackers", "duplicates", "same_content", "keys", "creators", "years", "failed"],
	"properties": {
		"torrents": {"$ref": "#/$defs/count"},
		"bytes": {"$ref": "#/$defs/count"},
		"files": {"$ref": "#/$defs/count"},
		"formats": {"type": "object", "propertyNames": {"enum": ["v1", "v2", "hybrid"]}, "additionalProperties": {"$ref": "#/$defs/count"}},
		"sizes": {"type": "array", "items": {"type": "object", "additionalProperties": false, "required": ["up_to", "count"],
			"properties": {"up_to": {"$ref": "#/$defs/count"}, "count": {"$ref": "#/$defs/count"}}}},
		"piece_lengths": {"type": "array", "items": {"type": "object", "additionalProperties": false, "required": ["length", "count"],
			"properties": {"length": {"$ref": "#/$defs/count"}, "count": {"$ref": "#/$defs/count"}}}},
		"trackers": {"type": "array", "items": {"type": "object", "additionalProperties": false, "required": ["host", "count"],
			"properties": {"host": {"type": "string", "minLength": 1}, "count": {"$ref": "#/$defs/count"}}}},
		"keys": {"type": "array", "items": {"type": "object", "additionalProperties": false, "required": ["key", "count"],
			"properties": {"key": {"type": "string"}, "count": {"$ref": "#/$defs/count"}, "unknown": {"const": true}}}},
		"creators": {"type": "array", "items": {"type": "object", "additionalProperties": false, "required": ["creator", "count"],
			"properties": {"creator": {"type": "string"}, "count": {"$ref": "#/$defs/count"}}}},
		"years": {"type": "array", "items": {"type": "object", "additionalProperties": false, "required": ["year", "count"],
			"properties": {"year": {"type": "integer"}, "count": {"$ref": "#/$defs/count"}}}},
		"duplicates": {"$ref": "#/$defs/groups"},
		"same_content": {"$ref": "#/$defs/groups"},
		"failed": {"type": "array", "items": {"type": "object", "additionalProperties": false, "required": ["path", "error"],
			"properties": {"path": {"type": "string"}, "error": {"type": "object", "additionalProperties": false, "required": ["code", "message"],
				"properties": {"code": {"type": "string"}, "message": {"type": "string"}}}}}}
	},
	"$defs": {
		"count": {"type": "integer", "minimum": 0},
		"groups": {"type": "array", "items": {"type": "array", "minItems": 2, "items": {"type": "string"}}}
	}
}`

// BenchmarkInfoStats sums up 10,000 torrents of 6 KiB:
//
//	go test -run '^$' -bench InfoStats ./cmd/bt
func BenchmarkInfoStats(b *testing.B) {
	dir := statsCollection(b, 10_000)
	for b.Loop() {
		e, _, stderr := testEnv("info", "--stats", dir)
		if code := run(e); code != exitOK {
			b.Fatal(stderr)
		}
	}
}

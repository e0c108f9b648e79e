package main

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"bt/internal/testenv"
)

// An interopRow is a row of the manifest of the corpus, by the names of the columns.
type interopRow map[string]string

// accepted reports whether programs accept the file, possibly with a warning.
func (r interopRow) accepted() bool { return strings.HasPrefix(r["expectation"], "accept") }

// disputed reports whether programs disagree about the file, so that bt may accept
// or refuse it.
func (r interopRow) disputed() bool { return r["disputed"] != "" }

// interopCorpus returns the directory of the corpus and its manifest.
func interopCorpus(t *testing.T) (dir string, rows []interopRow) {
	t.Helper()
	dir = testenv.Corpus(t)
	manifest, err := os.ReadFile(filepath.Join(dir, "manifest.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	// Not encoding/csv: a note may begin with a quote.
	var columns []string
	for line := range strings.Lines(string(manifest)) {
		cells := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if columns == nil {
			columns = cells
			continue
		}
		if len(cells) != len(columns) {
			t.Fatalf("the manifest has a row of %d columns: %s", len(cells), line)
		}
		row := interopRow{}
		for i, name := range columns {
			row[name] = cells[i]
		}
		rows = append(rows, row)
	}
	if len(rows) < 100 {
		t.Fatalf("the manifest has only %d rows", len(rows))
	}
	return dir, rows
}

// For every file bt info ends with one of two exit codes and a JSON document.
func TestInteropCorpusInfo(t *testing.T) {
	dir, rows := interopCorpus(t)
	for _, row := range rows {
		t.Run(row["path"], func(t *testing.T) {
			path := filepath.Join(dir, row["path"])
			var doc interopFacts
			e, stdout, stderr := testEnv("info", "--json", path)
			code := run(e)
			if err := json.Unmarshal(stdout.Bytes(), &doc); err != nil {
				t.Fatalf("%v\n%s", err, stdout)
			}
			interopCheckDocument(t, row, path, code, doc)
			interopHarmless(t, stderr.String())
		})
	}
}

// With all files at once and all details, each file has an item in the JSON list,
// and the terminal output is harmless.
func TestInteropCorpusInfoOfAll(t *testing.T) {
	t.Parallel()
	dir, rows := interopCorpus(t)
	var paths []string
	for _, row := range rows {
		paths = append(paths, filepath.Join(dir, row["path"]))
	}
	for _, flags := range [][]string{{"--json", "--pads", "--pieces"}, {"--raw"}, {"--files", "--pieces"}, {"--tree", "--pads"}, {"--field", "name,comment,source,trackers"}, {"--magnet"}} {
		t.Run(strings.Join(flags, " "), func(t *testing.T) {
			e, stdout, stderr := testEnv(append(append([]string{"info"}, flags...), paths...)...)
			if code := run(e); code != exitTorrent {
				t.Errorf("exit code %d, want the highest, %d", code, exitTorrent)
			}
			interopHarmless(t, stderr.String())
			if flags[0] != "--json" && flags[0] != "--raw" {
				interopHarmless(t, stdout.String())
				return
			}
			var list []json.RawMessage
			if err := json.Unmarshal(stdout.Bytes(), &list); err != nil || len(list) != len(rows) {
				t.Errorf("%d documents for %d files: %v", len(list), len(rows), err)
			}
		})
	}
}

// interopCheckDocument compares the output of bt for a file with the exit code
// and with the manifest.
func interopCheckDocument(t *testing.T, row interopRow, path string, code int, doc interopFacts) {
	t.Helper()
	if doc.Path != path {
		t.Errorf("path is %q", doc.Path)
	}
	interopCheckCode(t, code, doc)
	broken := slices.ContainsFunc(doc.Findings, func(f interopFinding) bool { return f.Severity == "error" })
	switch {
	case row.disputed():
	case !row.accepted():
		if code == exitOK && !broken {
			t.Errorf("no finding of severity error, want one for %s: %v", row["expectation"], doc.Findings)
		}
	case code != exitOK || row["expectation"] == "accept" && broken:
		t.Errorf("exit code %d, findings %v, want it to be accepted", code, doc.Findings)
	default:
		interopCheckFacts(t, row, doc)
	}
}

// interopCheckCode compares the exit code with the document: that of a torrent, or
// an error.
func interopCheckCode(t *testing.T, code int, doc interopFacts) {
	t.Helper()
	switch code {
	case exitOK:
		if doc.Error != nil || doc.Format == "" || doc.Name == "" && doc.FileCount == 0 {
			t.Errorf("exit code 0, with the error %v, the format %q, the name %q and %d files", doc.Error, doc.Format, doc.Name, doc.FileCount)
		}
	case exitTorrent:
		if doc.Error == nil || doc.Error.Code != "torrent" || doc.Error.Message == "" || doc.Format != "" {
			t.Errorf("exit code 3, with the error %v and the format %q", doc.Error, doc.Format)
		}
	default:
		t.Errorf("exit code %d", code)
	}
}

// interopCheckFacts compares the values of a torrent with the manifest.
func interopCheckFacts(t *testing.T, row interopRow, doc interopFacts) {
	t.Helper()
	private := ""
	if doc.Private != nil {
		private = map[bool]string{false: "0", true: "1"}[*doc.Private]
	}
	for _, c := range []struct{ column, got string }{
		{"protocol", doc.Format},
		{"infohash_v1", doc.InfoHashV1},
		{"infohash_v2", doc.InfoHashV2},
		{"total_size", strconv.FormatInt(doc.Size, 10)},
		{"files_count", strconv.Itoa(doc.FileCount)},
		{"piece_length", strconv.FormatInt(doc.PieceLength, 10)},
		{"num_pieces", strconv.Itoa(doc.PieceCount)},
		{"private", private},
	} {
		if want := row[c.column]; want != "" && c.got != want {
			t.Errorf("%s is %s, want %s", c.column, c.got, want)
		}
	}
}

// interopHarmless checks that a text can't move the cursor, change colours or
// reverse the direction of writing.
func interopHarmless(t *testing.T, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		bad := func(r rune) bool {
			return r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r))
		}
		if !utf8.ValidString(line) || strings.ContainsFunc(line, bad) {
			t.Errorf("reaches the terminal: %q", line)
		}
	}
}

// bt info needs less than 100 MiB for every torrent. The binary is built without
// the race detector, which needs much more.
func TestInteropCorpusMemory(t *testing.T) {
	t.Parallel()
	dir, rows := interopCorpus(t)
	python := testenv.Python(t, "resource")
	bt := filepath.Join(t.TempDir(), "bt")
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	// with the environment of the test, for the build cache
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	if out, err := exec.CommandContext(ctx, testenv.Program(t, "go"), "build", "-o", bt, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	args := []string{filepath.Join(here, "testdata", "interop", "peakrss.py"), bt, "info", "--json", "--"}
	for _, row := range rows {
		args = append(args, filepath.Join(dir, row["path"]))
	}
	var runs []struct {
		Code int   `json:"code"`
		Peak int64 `json:"peak"`
	}
	if err := json.Unmarshal([]byte(interopRun(t, python, args...)), &runs); err != nil {
		t.Fatal(err)
	}
	if len(runs) != len(rows) {
		t.Fatalf("%d runs for %d files", len(runs), len(rows))
	}
	most := int64(0)
	for i, r := range runs {
		if r.Code != exitOK && r.Code != exitTorrent {
			t.Errorf("%s: exit code %d", rows[i]["path"], r.Code)
		}
		if r.Peak >= 100*mib || r.Peak < mib {
			t.Errorf("%s: %d KiB of memory", rows[i]["path"], r.Peak/kib)
		}
		most = max(most, r.Peak)
	}
	t.Logf("at most %d KiB", most/kib)
}

package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The data of other projects verifies against their torrents, and bt makes the
// same torrents of it with the options in the manifest.
func TestInteropCorpusPayload(t *testing.T) {
	t.Parallel()
	dir, rows := interopCorpus(t)
	verified, made := map[string]int{}, map[string]int{} // by format
	for _, row := range rows {
		if row["payload"] == "" {
			continue
		}
		t.Run(row["path"], func(t *testing.T) {
			torrent := filepath.Join(dir, row["path"])
			var facts interopFacts
			interopBt(t, exitOK, &facts, "info", "--json", torrent)
			payload := interopPayload(t, dir, row, &facts)
			if payload == "" {
				return
			}
			var v struct {
				OK     bool           `json:"ok"`
				Pieces map[string]int `json:"pieces"`
			}
			interopBt(t, exitOK, &v, "verify", "--json", torrent, payload)
			if !v.OK || v.Pieces["good"] != facts.PieceCount {
				t.Errorf("ok is %t, pieces %v of %d", v.OK, v.Pieces, facts.PieceCount)
			}
			verified[facts.Format]++
			if interopMakeAsHinted(t, row, filepath.Join(payload, facts.Name)) {
				made[facts.Format]++
			}
		})
	}
	for format, least := range map[string]int{"v1": 8, "v2": 5, "hybrid": 2} {
		if verified[format] < least || made[format] < least {
			t.Errorf("%s: only %d torrents verified and %d made", format, verified[format], made[format])
		}
	}
}

// interopPayload returns the directory with the content, or "".
func interopPayload(t *testing.T, dir string, row map[string]string, facts *interopFacts) string {
	t.Helper()
	if !strings.HasPrefix(row["payload"], "zeros") {
		payload := filepath.Join(dir, row["payload"])
		switch _, err := os.Stat(payload); {
		case errors.Is(err, fs.ErrNotExist):
			t.Logf("left out: its payload is not there: %s", row["payload"])
			return ""
		case err != nil:
			t.Fatal(err)
		}
		return payload
	}
	if facts.Size > 64*mib {
		t.Logf("left out: %d bytes of zeros", facts.Size)
		return ""
	}
	payload := t.TempDir()
	for _, f := range facts.Files {
		path := filepath.Join(facts.Name, f.Path)
		if facts.FileCount == 1 && f.Path == facts.Name { // a single-file torrent
			path = facts.Name
		}
		if !filepath.IsLocal(path) {
			t.Fatalf("the path %q leads elsewhere", path)
		}
		path = filepath.Join(payload, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(path, f.Size); err != nil {
			t.Fatal(err)
		}
	}
	return payload
}

// interopMakeAsHinted makes the torrent of a row again, and reports whether that
// is possible.
func interopMakeAsHinted(t *testing.T, row map[string]string, content string) bool {
	t.Helper()
	hint, ok := strings.CutPrefix(row["make_hint"], "yes: "+row["protocol"]+" ")
	if !ok {
		t.Logf("not made: make_hint is %q", row["make_hint"])
		return false
	}
	if strings.Contains(hint, "file_order=as listed") {
		t.Log("not made: its files are not sorted, and bt has no option for that")
		return false
	}
	args := []string{"make", content, "--json", "--allow", "small-pieces", "--format", row["protocol"], "--output", filepath.Join(t.TempDir(), "again.torrent")}
	for _, option := range strings.Fields(hint) {
		switch name, value, _ := strings.Cut(option, "="); {
		case option == "private=0":
			t.Log("not made: it says private=0, and bt has no option for that")
			return false
		case option == "private=1":
			args = append(args, "--private")
		case name == "piece_length":
			args = append(args, "--piece-length", value)
		case name == "source" && value != "absent":
			args = append(args, "--source", value)
		case value != "absent" && name != "file_order":
			t.Fatalf("the hint %q is new to this test", option)
		}
	}
	var got interopHashes
	interopBt(t, exitOK, &got, args...)
	if want := (interopHashes{row["infohash_v1"], row["infohash_v2"]}); got != want {
		t.Errorf("bt %q: info-hashes %v, want %v", args, got, want)
	}
	return true
}

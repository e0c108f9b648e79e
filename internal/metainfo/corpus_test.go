package metainfo

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"bt/internal/testenv"
)

// Other projects' torrents, with what their authors expect of a reader.
func TestCorpus(t *testing.T) {
	dir := testenv.Corpus(t)
	manifest, err := os.ReadFile(filepath.Join(dir, "manifest.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	var rows [][]string
	for line := range strings.Lines(string(manifest)) { // no CSV: quotes mean nothing
		rows = append(rows, strings.Split(strings.TrimSuffix(line, "\n"), "\t"))
	}
	accepted, rejected := 0, 0
	for _, row := range rows[1:] {
		col := make(map[string]string)
		for i, name := range rows[0] {
			col[name] = row[i]
		}
		b, err := os.ReadFile(filepath.Join(dir, col["path"]))
		if err != nil {
			t.Fatal(err)
		}
		tor, err := Parse(b)
		disputed := col["disputed"] != ""
		switch expectation := col["expectation"]; {
		case strings.HasPrefix(expectation, "reject"):
			rejected++
			if err != nil || disputed {
				continue
			}
			if _, err := tor.Content(); err == nil {
				t.Errorf("%s: no finding of severity error, want one for %s", col["path"], expectation)
			}
		case err != nil:
			if !disputed {
				t.Errorf("%s: %v", col["path"], err)
			}
		default:
			accepted++
			if string(tor.Bytes()) != string(b) {
				t.Errorf("%s: bytes changed", col["path"])
			}
			compareToManifest(t, tor, col)
			if _, err := tor.Content(); err != nil && expectation == "accept" {
				t.Errorf("%s: %v", col["path"], err)
			}
		}
	}
	if accepted < 20 || rejected < 10 {
		t.Errorf("only %d accepted and %d rejected torrents were tried", accepted, rejected)
	}
}

func compareToManifest(t *testing.T, tor *Torrent, col map[string]string) {
	private := ""
	if tor.HasPrivate {
		private = strconv.Itoa(map[bool]int{false: 0, true: 1}[tor.Private])
	}
	for _, c := range []struct{ name, got string }{
		{"protocol", tor.Format()},
		{"infohash_v1", tor.HexV1()},
		{"infohash_v2", tor.HexV2()},
		{"total_size", strconv.FormatInt(tor.Size(), 10)},
		{"files_count", strconv.Itoa(tor.FileCount())},
		{"piece_length", strconv.FormatInt(tor.PieceLength, 10)},
		{"num_pieces", strconv.Itoa(tor.PieceCount())},
		{"private", private},
	} {
		if want := col[c.name]; want != "" && want != "n/a" && c.got != want {
			t.Errorf("%s: %s is %s, want %s", col["path"], c.name, c.got, want)
		}
	}
}

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"bt/internal/bencode"
	"bt/internal/testenv"
)

// Every torrent of the corpus is edited that a program accepts. libtorrent then
// reads the new trackers, and otherwise the same values and info-hash as before;
// a torrent that it could not read before is exempt. A file that is not a torrent
// is refused.
func TestInteropCorpusRetracker(t *testing.T) {
	tiers := interopTiers()
	edits := interopEditCorpus(t, slices.Concat([]string{"--comment", "edited", "--web-seed", "http://w.invalid/f/"}, interopAnnounce(tiers))...)
	var accepted []*interopEdit
	unsorted := 0
	for _, e := range edits {
		e.check(t)
		if e.row.accepted() {
			accepted = append(accepted, e)
		}
		if e.doc.Error == nil && !e.isCanonical() {
			unsorted++
		}
	}
	var requests []ltRequest
	for _, e := range accepted {
		requests = append(requests, ltRequest{Op: "read", Torrent: e.original}, ltRequest{Op: "read", Torrent: e.copy})
	}
	answers := interopTried(t, requests)
	read, refused := 0, 0
	for i, e := range accepted {
		was, is := answers[2*i], answers[2*i+1]
		if was.Error != "" {
			refused++
			continue
		}
		read++
		e.checkRead(t, was, is, tiers)
	}
	t.Logf("%d files edited and read by libtorrent, which refused %d before; %d with an info dict that is not canonical", read, refused, unsorted)
	if read < 80 || unsorted < 2 {
		t.Errorf("that is too few")
	}
}

// An interopEdit is an edit of a copy of a file of the corpus.
type interopEdit struct {
	row            interopRow
	original, copy string // paths
	before, after  []byte
	doc            interopRetracked
}

// interopEditCorpus edits a copy of each file of the corpus.
func interopEditCorpus(t *testing.T, flags ...string) []*interopEdit {
	t.Helper()
	dir, rows := interopCorpus(t)
	out := t.TempDir()
	var edits []*interopEdit
	args := slices.Concat([]string{"retracker", "--json"}, flags)
	for i, row := range rows {
		e := &interopEdit{row: row, original: filepath.Join(dir, row["path"]), copy: filepath.Join(out, fmt.Sprintf("%03d.torrent", i))}
		e.before = interopFileOf(t, e.original)
		if err := os.WriteFile(e.copy, e.before, 0o644); err != nil {
			t.Fatal(err)
		}
		edits = append(edits, e)
		args = append(args, e.copy)
	}
	var docs []interopRetracked
	interopBt(t, exitTorrent, &docs, args...)
	if len(docs) != len(rows) {
		t.Fatalf("%d documents for %d files", len(docs), len(rows))
	}
	for i, e := range edits {
		e.doc, e.after = docs[i], interopFileOf(t, e.copy)
	}
	return edits
}

// check checks that the edit was refused and the file is the same, or that the
// trackers, the comment and the web seeds were edited, and nothing else.
func (e *interopEdit) check(t *testing.T) {
	t.Helper()
	name := e.row["path"]
	if e.doc.Error != nil {
		if same := bytes.Equal(e.before, e.after); e.doc.Error.Code != "torrent" || !same {
			t.Errorf("%s: %+v, and the file is changed: %t", name, e.doc.Error, !same)
		}
		if e.row.accepted() && !e.row.disputed() {
			t.Errorf("%s: not edited: %s", name, e.doc.Error.Message)
		}
		return
	}
	if old := e.doc.OldV1 + e.doc.OldV2; !e.doc.Changed || old != "" {
		t.Errorf("%s: changed is %t, another info-hash was %q", name, e.doc.Changed, old)
	}
	for column, got := range map[string]string{"infohash_v1": e.doc.V1, "infohash_v2": e.doc.V2} {
		if want := e.row[column]; len(want) >= 40 && !strings.Contains(want, " ") && !e.row.disputed() && got != want {
			t.Errorf("%s: %s is %s, want %s", name, column, got, want)
		}
	}
	interopOnlyEdited(t, name, e.before, e.after, "announce", "announce-list", "comment", "comment.utf-8", "url-list")
}

// isCanonical reports whether the info dict is canonical bencode.
func (e *interopEdit) isCanonical() bool {
	doc, err := bencode.Parse(e.before)
	if err == nil {
		_, err = bencode.Parser{Strict: true}.Parse(doc.Root().Get("info").Raw())
	}
	return err == nil
}

// checkRead compares what libtorrent read before the edit and after it.
func (e *interopEdit) checkRead(t *testing.T, was, is ltAnswer, tiers [][]string) {
	t.Helper()
	name := e.row["path"]
	if is.Error != "" {
		t.Errorf("%s: libtorrent read it, and does not after the edit: %s", name, is.Error)
		return
	}
	if is.Comment != "edited" || !reflect.DeepEqual(is.Trackers, tiers) || !slices.Contains(is.WebSeeds, "http://w.invalid/f/") {
		t.Errorf("%s: libtorrent reads the comment %q, the web seeds %q, the trackers %q", name, is.Comment, is.WebSeeds, is.Trackers)
	}
	for _, u := range was.WebSeeds {
		if !slices.Contains(is.WebSeeds, u) {
			t.Errorf("%s: the web seed %s is lost", name, u)
		}
	}
	was.Trackers, was.Comment, was.WebSeeds = is.Trackers, is.Comment, is.WebSeeds
	if !reflect.DeepEqual(was, is) {
		t.Errorf("%s: libtorrent read\n%+v\nand reads\n%+v", name, was, is)
	}
}

// interopTried sends libtorrent torrents that it may refuse, and returns its
// errors in the answers.
func interopTried(t *testing.T, requests []ltRequest) []ltAnswer {
	t.Helper()
	in, err := json.Marshal(requests)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), processTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, testenv.Python(t, "libtorrent"), filepath.Join("testdata", "interop", "ltorrent.py"))
	cmd.Stdin = bytes.NewReader(in)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("ltorrent.py: %v", err)
	}
	var answers []ltAnswer
	if err := json.Unmarshal(out, &answers); err != nil || len(answers) != len(requests) {
		t.Fatalf("ltorrent.py: %d answers to %d requests, %v", len(answers), len(requests), err)
	}
	return answers
}

// interopOnlyEdited checks that two files are the same, byte for byte and in
// order, except for the entries of the keys.
func interopOnlyEdited(t *testing.T, name string, before, after []byte, keys ...string) {
	t.Helper()
	var rest [2][]string
	var trailing [2][]byte
	for i, data := range [][]byte{before, after} {
		doc, err := bencode.Parse(data)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		for k, v := range doc.Root().Entries() {
			if !slices.Contains(keys, k.Text()) {
				rest[i] = append(rest[i], string(k.Raw())+string(v.Raw()))
			}
		}
		trailing[i] = doc.Trailing()
	}
	if !slices.Equal(rest[0], rest[1]) || !bytes.Equal(trailing[0], trailing[1]) {
		t.Errorf("%s: more than %q was changed", name, keys)
	}
}

// bt info --raw and --from-json reproduce the bytes of every bencoded dict that
// has an info dict.
func TestInteropCorpusFromJSON(t *testing.T) {
	dir, rows := interopCorpus(t)
	scratch := t.TempDir()
	var n atomic.Int32
	var jobs []func()
	for i, row := range rows {
		jobs = append(jobs, func() {
			path := filepath.Join(dir, row["path"])
			e, stdout, _ := testEnv("info", "--raw", path)
			if code := run(e); code != exitOK {
				if row.accepted() && !row.disputed() {
					t.Errorf("%s: bt info --raw: exit code %d", row["path"], code)
				}
				return
			}
			text, out := filepath.Join(scratch, fmt.Sprint(i, ".json")), filepath.Join(scratch, fmt.Sprint(i, ".torrent"))
			if err := os.WriteFile(text, stdout.Bytes(), 0o644); err != nil {
				t.Error(err)
			}
			e, _, stderr := testEnv("retracker", path, "--from-json", text, "-o", out)
			if code := run(e); code != exitOK {
				t.Errorf("%s: exit code %d: %s", row["path"], code, stderr)
				return
			}
			before, err := os.ReadFile(path)
			after, err2 := os.ReadFile(out)
			if err != nil || err2 != nil || !bytes.Equal(before, after) {
				t.Errorf("%s: there and back it is another (%v, %v)", row["path"], err, err2)
			}
			n.Add(1)
		})
	}
	interopAtOnce(jobs)
	if t.Logf("%d files came back", n.Load()); n.Load() < 100 {
		t.Error("that is too few")
	}
}

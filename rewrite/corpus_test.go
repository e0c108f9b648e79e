package rewrite

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bt/internal/testenv"
)

// An edit of other projects' torrents, valid or not, keeps their info bytes and all that
// it does not concern, and the inverse edit restores the file.
func TestCorpus(t *testing.T) {
	dir := testenv.Corpus(t)
	manifest, err := os.ReadFile(filepath.Join(dir, "manifest.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	edited, restored := 0, 0
	for line := range strings.Lines(string(manifest)) {
		cols := strings.Split(line, "\t")
		if cols[0] == "path" {
			continue
		}
		b, err := os.ReadFile(filepath.Join(dir, cols[0]))
		if err != nil {
			t.Fatal(err)
		}
		r, err := Apply(b, &Edit{})
		if err != nil {
			if disputed := cols[15] != ""; strings.HasPrefix(cols[4], "accept") && !disputed {
				t.Errorf("%s: %v", cols[0], err)
			}
			continue
		}
		if r.Changed || string(r.Bytes) != string(b) || len(r.Changes)+len(r.Warnings) > 0 {
			t.Errorf("%s: changed by no edit: %s %q", cols[0], r.Changes, r.Warnings)
		}
		edited++
		if r.Old == nil { // its info makes no sense
			commentAndBack(t, cols[0], string(b))
			continue
		}
		if setAndBack(t, cols[0], string(b), torrentOf(b).Trackers()) {
			restored++
		}
		commentAndBack(t, cols[0], string(b))
	}
	if edited < 110 || restored < 100 {
		t.Errorf("only %d torrents were edited, and %d of them restored to the byte", edited, restored)
	}
}

// setAndBack sets a tracker, and then the trackers before that. It reports whether that
// must restore the bytes of the torrent.
func setAndBack(t *testing.T, path, was string, before [][]string) bool {
	set, back := setTo([]string{"http://new.example/0123456789abcdef/announce"}), setTo(before...)
	there := mustApply(t, was, &set)
	again := mustApply(t, string(there.Bytes), &back)
	old, oldRest := cutDict(was)
	for _, r := range []*Result{there, again} {
		now, rest := cutDict(string(r.Bytes))
		if a, b := without(old, "announce", "announce-list"), without(now, "announce", "announce-list"); a != b || rest != oldRest {
			t.Errorf("%s: an edit of trackers changed more: %s", path, r.Changes)
		}
		if r.New.HexV1() != r.Old.HexV1() || r.New.HexV2() != r.Old.HexV2() || valueOf(now, "info") != valueOf(old, "info") {
			t.Errorf("%s: another info-hash", path)
		}
	}
	if !sorted(old) || !canonicalTrackers(old) {
		return false
	}
	if string(again.Bytes) != was {
		t.Errorf("%s: set and set back made\n%.300q of\n%.300q", path, again.Bytes, was)
	}
	return true
}

func commentAndBack(t *testing.T, path, was string) {
	comment, none := setKey("comment", Text("\x00 a new comment")), setKey("comment", nil)
	there := mustApply(t, was, &comment)
	again := mustApply(t, string(there.Bytes), &none)
	old, _ := cutDict(was)
	if got, want := string(again.Bytes), was; count(old, "comment")+count(old, "comment.utf-8") == 0 && got != want {
		t.Errorf("%s: a comment added and removed made\n%.300q of\n%.300q", path, got, want)
	}
	for _, r := range []*Result{there, again} {
		now, _ := cutDict(string(r.Bytes))
		if without(old, "comment", "comment.utf-8") != without(now, "comment", "comment.utf-8") {
			t.Errorf("%s: an edit of the comment changed more: %s", path, r.Changes)
		}
	}
	if there.New != nil && (torrentOf(there.Bytes).Comment != "\x00 a new comment" || torrentOf(again.Bytes).Comment != "") {
		t.Errorf("%s: %q and %q", path, there.Bytes, again.Bytes)
	}
}

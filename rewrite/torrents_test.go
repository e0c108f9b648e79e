package rewrite

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"bt/internal/metainfo"
)

// Parts of torrents for the tables. A canonical torrent has sorted keys. It has an
// announce-list only for several trackers, and announce is the first of them.
const (
	urlA = "http://a.example/announce"
	urlB = "udp://b.example:6969"
	urlC = "https://c.example/0123456789abcdef0123/announce"

	pieces = "6:pieces20:aaaaaaaaaaaaaaaaaaaa"
	info   = "4:infod6:lengthi5e4:name1:x12:piece lengthi16384e" + pieces + "e"
)

// text is a string of bencode, listOf a list.
func text(s string) string { return strconv.Itoa(len(s)) + ":" + s }

func listOf(texts ...string) string {
	var b strings.Builder
	for _, s := range texts {
		b.WriteString(text(s))
	}
	return "l" + b.String() + "e"
}

func announce(u string) string { return "8:announce" + text(u) }

func tiers(tiers ...string) string { return "13:announce-listl" + strings.Join(tiers, "") + "e" }

func webSeeds(urls ...string) string { return "8:url-list" + listOf(urls...) }

// v2Leaf is a file of 5 bytes in a file tree.
func v2Leaf(name string) string {
	return text(name) + "d0:d6:lengthi5e11:pieces root32:" + strings.Repeat("r", 32) + "ee"
}

func v2Info(name, tree string) string {
	return "4:infod9:file treed" + tree + "e12:meta versioni2e4:name" + text(name) + "12:piece lengthi16384ee"
}

func hybridInfo(name, tree, v1 string) string {
	return "4:infod9:file treed" + tree + "e" + v1 + "12:meta versioni2e4:name" + text(name) + "12:piece lengthi16384e" + pieces + "e"
}

// layers are the piece layers of a file of two pieces, with its root and the
// leaf of a file tree that has it.
func layers(name string) (leaf, layers string) {
	layer := strings.Repeat("l", 64)
	root := fmt.Sprintf("32:%s", sha256.Sum256([]byte(layer)))
	return text(name) + "d0:d6:lengthi20000e11:pieces root" + root + "ee", "12:piece layersd" + root + text(layer) + "e"
}

// A change is one line of a table: what an edit must make of a file.
type change struct {
	name    string
	in      string
	edit    Edit
	out     string   // "" for the same as in
	again   string   // what the edit makes of out; "" for out itself
	warning []string // codes
}

func checkChanges(t *testing.T, table []change) {
	t.Helper()
	for _, tt := range table {
		t.Run(tt.name, func(t *testing.T) {
			if tt.out == "" {
				tt.out = tt.in
			}
			if tt.again == "" {
				tt.again = tt.out
			}
			r := mustApply(t, tt.in, &tt.edit)
			if string(r.Bytes) != tt.out {
				t.Fatalf("got\n%q, want\n%q", r.Bytes, tt.out)
			}
			if r.Changed != (tt.in != tt.out) || (len(r.Changes) > 0) != r.Changed {
				t.Errorf("changed %v, changes %s", r.Changed, r.Changes)
			}
			if codes := warningCodes(r); !slices.Equal(codes, tt.warning) {
				t.Errorf("warnings %q, want %q", r.Warnings, tt.warning)
			}
			if twice := mustApply(t, tt.out, &tt.edit); string(twice.Bytes) != tt.again {
				t.Errorf("the second time\n%q, want\n%q", twice.Bytes, tt.again)
			}
		})
	}
}

// mustApply applies an edit, and checks that its input is unchanged.
// torrentOf reads what is a torrent.
func torrentOf(b []byte) *metainfo.Torrent {
	t, err := metainfo.Parse(b)
	if err != nil {
		panic(err)
	}
	return t
}

func mustApply(t *testing.T, in string, e *Edit) *Result {
	t.Helper()
	file := []byte(in)
	r, err := Apply(file, e)
	if err != nil {
		t.Fatalf("%q: %v", in, err)
	}
	if !bytes.Equal(file, []byte(in)) {
		t.Fatalf("the input was changed to %q", file)
	}
	return r
}

func warningCodes(r *Result) []string {
	var codes []string
	for _, w := range r.Warnings {
		codes = append(codes, w.Code)
	}
	return codes
}

// Shorthands for edits.
func trackerEdit(e TrackerEdit) Edit { return Edit{Trackers: e} }

func setTo(tiers ...[]string) Edit { return Edit{Trackers: TrackerEdit{Set: true, Tiers: tiers}} }

func add(tier int, urls ...string) Edit {
	return Edit{Trackers: TrackerEdit{Add: []Addition{{URLs: urls, Tier: tier}}}}
}

func replace(how How, old, new string) Edit {
	return Edit{Trackers: TrackerEdit{Replace: []Replacement{{How: how, Old: old, New: new}}}}
}

func setKey(key string, value []byte) Edit { return Edit{Keys: []KeyEdit{{key, value}}} }

func setInfo(key string, value []byte) Edit {
	return Edit{Info: []KeyEdit{{key, value}}, NewInfoHash: true}
}

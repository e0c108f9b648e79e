package rewrite

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
)

// In the info dict only the edited value changes.
func TestInfo(t *testing.T) {
	const rest = "6:lengthi5e4:name1:x12:piece lengthi16384e" + pieces
	const odd = "3:zzzi-0e6:lengthi005e04:name1:x12:piece lengthi16384e" + pieces
	in := func(info string) string { return "d4:infod" + info + "e1:zi07ee\n" }
	notCanonical := []string{"not-canonical"}
	_, layers := layers("x")
	checkChanges(t, []change{
		{name: "private", in: in(rest), edit: setInfo("private", Integer(1)), out: in(rest + "7:privatei1e")},
		{name: "public", in: in(rest + "7:privatei1e"), edit: setInfo("private", nil), out: in(rest)},
		{name: "private that was 0", in: in(rest + "7:privatei0e"), edit: setInfo("private", Integer(1)), out: in(rest + "7:privatei1e")},
		{name: "private twice", in: in("7:privatei1e" + rest + "7:privatei0e"), edit: setInfo("private", Integer(1)), out: in("7:privatei1e" + rest), warning: notCanonical},
		{name: "public, where there is none", in: in(rest), edit: setInfo("private", nil)},
		{name: "source", in: in(rest), edit: setInfo("source", Text("ABC")), out: in(rest + "6:source3:ABC")},
		{name: "source among others", in: in(rest + "7:privatei1e6:source1:A1:zle"), edit: setInfo("source", Text("B")), out: in(rest + "7:privatei1e6:source1:B1:zle")},
		{name: "no source", in: in(rest + "6:source3:ABC"), edit: setInfo("source", nil), out: in(rest)},
		{name: "entropy", in: in(rest), edit: setInfo("entropy", Bytes([]byte{0, 255})), out: in("7:entropy2:\x00\xff" + rest)},
		{name: "odd", in: in(odd), edit: setInfo("source", Text("A")), out: in("6:source1:A" + odd), warning: notCanonical},
		{name: "odd, and not touched", in: in(odd), edit: setInfo("source", nil)},
		{name: "odd outside only", in: "d1:zi07e4:infod" + rest + "e1:a0:e", edit: setInfo("private", Integer(1)), out: "d1:zi07e4:infod" + rest + "7:privatei1ee1:a0:e"},
		{name: "several", in: in(rest), edit: Edit{NewInfoHash: true, Info: []KeyEdit{{"private", Integer(1)}, {"source", Text("A")}, {"name", Text("y")}}},
			out: in(strings.Replace(rest, "1:x", "1:y", 1) + "7:privatei1e6:source1:A")},
		{name: "nothing inside, though it is allowed", in: in(odd), edit: Edit{NewInfoHash: true, Trackers: TrackerEdit{Set: true, Tiers: [][]string{{urlA}}}},
			out: "d" + announce(urlA) + in(odd)[1:]},
		{name: "info twice", in: "d4:infod" + rest + "e4:infod6:lengthi6e" + rest[11:] + "ee", edit: setInfo("private", Integer(1)), out: "d4:infod" + rest + "7:privatei1eee"},
		{name: "v2 with piece layers", in: "d" + v2Info("x", v2Leaf("x")) + layers + "e", edit: setInfo("private", Integer(1)),
			out: "d" + strings.TrimSuffix(v2Info("x", v2Leaf("x")), "e") + "7:privatei1ee" + layers + "e"},
	})
}

// The one file of a torrent has the name of the torrent, in v2 in the file tree
// as well.
func TestRename(t *testing.T) {
	const files = "5:filesld6:lengthi5e4:pathl1:xeee"
	to := setInfo("name", Text("new"))
	leaf, layers := layers("x")
	newLeaf := "3:new" + strings.TrimPrefix(leaf, "1:x")
	v1 := func(head, rest string) string {
		return "d4:infod" + head + rest + "12:piece lengthi16384e" + pieces + "ee"
	}
	outer := func(info string) string { return "d" + info + layers + "1:zi07ee" }
	checkChanges(t, []change{
		{name: "v1", in: v1("6:lengthi5e", "4:name1:x"), edit: to, out: v1("6:lengthi5e", "4:name3:new")},
		{name: "v1, a directory", in: v1(files, "4:name1:x"), edit: to, out: v1(files, "4:name3:new")},
		{name: "v1 with name.utf-8", in: v1("6:lengthi5e", "4:name1:\xff10:name.utf-82:\xc3\xa9"), edit: to, out: v1("6:lengthi5e", "4:name3:new10:name.utf-83:new")},
		{name: "v1, odd", in: v1("5:other1:x6:lengthi05e", "04:name01:x"), edit: to, out: v1("5:other1:x6:lengthi05e", "04:name3:new"), warning: []string{"not-canonical"}},
		{name: "v1, to its name", in: v1("6:lengthi5e", "4:name3:new"), edit: to},
		{name: "v2", in: outer(v2Info("x", leaf)), edit: to, out: outer(v2Info("new", newLeaf))},
		{name: "v2 with name.utf-8", in: "d" + strings.Replace(v2Info("\xff", v2Leaf("é")), "12:piece length", "10:name.utf-82:é12:piece length", 1) + "e", edit: to,
			out: "d" + strings.Replace(v2Info("new", v2Leaf("new")), "12:piece length", "10:name.utf-83:new12:piece length", 1) + "e"},
		{name: "v2 without name.utf-8 and a name of many bytes", in: "d" + v2Info("é", v2Leaf("é")) + "e", edit: to, out: "d" + v2Info("new", v2Leaf("new")) + "e"},
		{name: "v2, a directory of one file", in: outer(v2Info("d", leaf)), edit: to, out: outer(v2Info("new", leaf))},
		{name: "v2, a directory in a directory", in: outer(v2Info("x", "1:xd"+leaf+"e")), edit: to, out: outer(v2Info("new", "1:xd"+leaf+"e"))},
		{name: "v2, two files, one of the torrent's name", in: outer(v2Info("x", leaf+v2Leaf("y"))), edit: to, out: outer(v2Info("new", leaf+v2Leaf("y")))},
		{name: "hybrid", in: "d" + hybridInfo("x", v2Leaf("x"), "6:lengthi5e") + "e", edit: to, out: "d" + hybridInfo("new", v2Leaf("new"), "6:lengthi5e") + "e"},
		{name: "hybrid, a directory", in: "d" + hybridInfo("d", v2Leaf("x"), files) + "e", edit: to, out: "d" + hybridInfo("new", v2Leaf("x"), files) + "e"},
		{name: "twice in one edit", in: outer(v2Info("x", leaf)), edit: Edit{NewInfoHash: true, Info: []KeyEdit{{"name", Text("other")}, {"name", Text("new")}}}, out: outer(v2Info("new", newLeaf))},
	})
	for _, in := range []string{v1("6:lengthi5e", "4:name1:x"), outer(v2Info("x", leaf)), "d" + hybridInfo("x", v2Leaf("x"), "6:lengthi5e") + "e"} {
		r := mustApply(t, in, &to)
		now := torrentOf(r.Bytes)
		if now.Name != "new" || !now.Single || now.Files[0].Path()[0] != "new" {
			t.Errorf("%q: name %q, files %+v", in, now.Name, now.Files)
		}
		for _, f := range now.Findings {
			if f.Code != "leading-zero" {
				t.Errorf("%q: %s", r.Bytes, f.Message)
			}
		}
	}
}

// The info-hashes of a result are those of its own info bytes.
func TestInfoHashes(t *testing.T) {
	v2 := v2Info("x", v2Leaf("x"))
	for _, tt := range []struct {
		in, info, edited string
		v1, v2           bool
	}{
		{info, info[6:], info[6:len(info)-1] + "7:privatei1ee", true, false},
		{v2, v2[6:], v2[6:len(v2)-1] + "7:privatei1ee", false, true},
	} {
		for _, inside := range []bool{false, true} {
			e, want := setTo([]string{urlA}), tt.info
			if inside {
				e, want = setInfo("private", Integer(1)), tt.edited
			}
			r := mustApply(t, "d"+tt.in+"e", &e)
			sum1, sum2 := sha1.Sum([]byte(want)), sha256.Sum256([]byte(want))
			hex1, hex2 := hex.EncodeToString(sum1[:]), hex.EncodeToString(sum2[:])
			if !tt.v1 {
				hex1 = ""
			}
			if !tt.v2 {
				hex2 = ""
			}
			if r.New.HexV1() != hex1 || r.New.HexV2() != hex2 {
				t.Errorf("info-hashes %q and %q, want %q and %q", r.New.HexV1(), r.New.HexV2(), hex1, hex2)
			}
			if same := r.Old.HexV1() == r.New.HexV1() && r.Old.HexV2() == r.New.HexV2(); same == inside {
				t.Errorf("inside info %v, the same info-hash %v", inside, same)
			}
		}
	}
}

// Entropy gives each torrent a different info-hash, also in a rule.
func TestEntropy(t *testing.T) {
	in := "d" + announce(urlA) + info + "e"
	seen := make(map[string]bool)
	for _, e := range []Edit{
		{Entropy: true, NewInfoHash: true},
		{Rules: []Rule{{Match: all, Edit: Edit{Entropy: true}}}, NewInfoHash: true},
	} {
		for range 2 {
			r := mustApply(t, in, &e)
			if hash := r.New.HexV1(); seen[hash] || hash == r.Old.HexV1() {
				t.Errorf("the info-hash %s again", hash)
			} else {
				seen[hash] = true
			}
		}
		e.NewInfoHash = false
		if r, err := Apply([]byte(in), &e); !errors.Is(err, ErrInfo) {
			t.Errorf("not allowed: %+v, %v", r, err)
		}
	}
}

package rewrite

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"bt/internal/metainfo"
)

// fuzzTorrents are canonical and odd, of all formats, and one session file.
func fuzzTorrents() []string {
	leaf, layers := layers("x")
	outside := announce(urlC) + tiers(listOf(urlC, urlK), listOf(urlM, urlB), listOf("http://[2001:db8::1]:6969/a")) + "7:comment3:old10:created by2:ab13:creation datei5e"
	return []string{
		"d" + info + "e",
		"d" + announce(urlK) + info + "e\n",
		"d" + outside + "9:httpseeds" + listOf(urlA) + strings.TrimSuffix(info, "e") + "7:privatei1e6:source1:ae5:nodesll1:ai1eee" + webSeeds(urlA, urlC) + "2:zzi1ee",
		"d" + outside + v2Info("x", leaf) + layers + webSeeds(urlA) + "e",
		"d" + announce(urlM) + hybridInfo("x", v2Leaf("x"), "6:lengthi5e") + "e",
		"d" + v2Info("d", v2Leaf("x")+v2Leaf("y")) + "12:piece layersdee",
		"d" + info + "1:\xff1:\xfe" + announce(urlA) + tiers(text(urlA), listOf(), "i1e", listOf(urlB, " "+urlB)) + "7:comment1:a7:commenti07e" + announce(urlB) + "13:comment.utf-81:ue\x00tail",
		"d8:url-list" + text(urlA) + "5:nodesi1e4:infod1:z0:6:lengthi05e04:name1:x1:huge2:e" + info + "4:zzzzi-0ee",
		"d8:url-list" + text(urlA) + "5:nodesi1e4:infod1:z0:6:lengthi05e04:name1:x4:hugei123456789012345678901234567890e7:privatei1e7:privatei0ee" + info + "4:zzzzi-0ee",
		fastresume("l"+listOf(urlA, urlK)+listOf(urlM)+"e", listOf(urlA)),
		fastresume("le", "le") + "\n",
	}
}

// FuzzApply edits the fuzzer's bytes or, if there are none, a random torrent.
func FuzzApply(f *testing.F) {
	for i, in := range fuzzTorrents() {
		for seed := range uint64(10) {
			f.Add([]byte(in), seed*11+uint64(i))
			f.Add([]byte{}, seed*11+uint64(i))
		}
	}
	f.Fuzz(func(t *testing.T, in []byte, seed uint64) {
		if len(in) == 0 {
			in = []byte(newRandomTorrent(seed))
		}
		checkRandom(t, in, newRandomEdit(seed, trackersOf(in)))
	})
}

func trackersOf(in []byte) []string {
	m, err := metainfo.Parse(in)
	if err != nil {
		return nil
	}
	return slices.Concat(m.Trackers()...)
}

// The same without a fuzzer. Each property must have been tested.
func TestPromises(t *testing.T) {
	var sum promised
	check := func(in string, seed uint64) {
		p := checkRandom(t, []byte(in), newRandomEdit(seed, trackersOf([]byte(in))))
		sum.done += p.done
		sum.changed += p.changed
		sum.setting += p.setting
		sum.inverted += p.inverted
		sum.inside += p.inside
	}
	for _, in := range fuzzTorrents() {
		for seed := range uint64(200) {
			check(in, seed)
		}
	}
	for seed := range uint64(4000) {
		check(newRandomTorrent(seed), seed)
	}
	if sum.changed < 2000 || sum.setting < 1300 || sum.inverted < 1000 || sum.inside < 250 {
		t.Errorf("too few edits prove anything: %+v", sum)
	}
}

// promised counts the edits that were applied, and those that tested a property.
type promised struct{ done, changed, setting, inverted, inside int }

// checkRandom applies an edit, and parses the result independently: all bytes that the
// edit does not concern must be the same.
func checkRandom(t *testing.T, in []byte, e *randomEdit) (p promised) {
	t.Helper()
	was := string(in)
	r, err := Apply(in, &e.Edit)
	if string(in) != was {
		t.Fatalf("%q: the input was changed; %v", was, e)
	}
	if err != nil {
		return p
	}
	c := applied{t, e, r, was, string(r.Bytes)}
	p.done = 1
	c.keepsOuter()
	if c.keepsInner() {
		p.inside = 1
	}
	if !r.Changed {
		return p
	}
	p.changed = 1
	if e.setting {
		c.changesNothingAgain()
		p.setting = 1
	}
	if c.isInvertible() {
		c.canBeInverted()
		p.inverted = 1
	}
	return p
}

// An applied is an edit that was applied to the torrent was, with the result is.
type applied struct {
	t       *testing.T
	e       *randomEdit
	r       *Result
	was, is string
}

// keepsOuter checks that only the edited entries of the outer dict have changed, and
// that the result says whether.
func (c *applied) keepsOuter() {
	c.t.Helper()
	old, oldRest := cutDict(c.was)
	now, nowRest := cutDict(c.is)
	if without(old, c.e.outer...) != without(now, c.e.outer...) {
		c.t.Fatalf("%q became\n%q; other entries changed; %v", c.was, c.is, c.e)
	}
	if oldRest != nowRest {
		c.t.Fatalf("%q: trailing bytes became %q; %v", c.was, nowRest, c.e)
	}
	if sorted(old) && !sorted(now) {
		c.t.Fatalf("%q: out of order: %q; %v", c.was, c.is, c.e)
	}
	if c.r.Changed != (c.was != c.is) || c.r.Changed != (len(c.r.Changes) > 0) {
		c.t.Fatalf("%q became\n%q; changed %v, changes %s; %v", c.was, c.is, c.r.Changed, c.r.Changes, c.e)
	}
	checkTrackers(c.t, c.r, old, now)
}

// keepsInner checks that only the edited entries of the info dict have changed. It
// reports whether there are any.
func (c *applied) keepsInner() bool {
	c.t.Helper()
	old, _ := cutDict(c.was)
	now, _ := cutDict(c.is)
	oldInfo, nowInfo := valueOf(old, "info"), valueOf(now, "info")
	if oldInfo == nowInfo || c.r.Old == nil {
		return false
	}
	a, _ := cutDict(oldInfo)
	b, _ := cutDict(nowInfo)
	if without(a, c.e.inner...) != without(b, c.e.inner...) || len(c.e.Info) == 0 {
		c.t.Fatalf("%q: info became\n%q; %v", oldInfo, nowInfo, c.e)
	}
	return true
}

// changesNothingAgain checks that the same edit has no effect on its result.
func (c *applied) changesNothingAgain() {
	c.t.Helper()
	again, err := Apply(c.r.Bytes, &c.e.Edit)
	if err != nil {
		c.t.Fatalf("%q became\n%q, and the second time %v; %v", c.was, c.is, err, c.e)
	}
	if string(again.Bytes) != c.is || again.Changed {
		c.t.Fatalf("%q became\n%q, and the second time\n%q; %v", c.was, c.is, again.Bytes, c.e)
	}
}

// isInvertible reports whether another edit can restore the old bytes: they are as bt
// writes them.
func (c *applied) isInvertible() bool {
	old, rest := cutDict(c.was)
	return c.r.Old != nil && canBeUndone(old, c.e) && isCanonical(strings.TrimSuffix(c.was, rest)) && canonicalTrackers(old) && !strings.Contains(c.was, "10:name.utf-8")
}

// canBeInverted checks that the inverse edit restores the old bytes.
func (c *applied) canBeInverted() {
	c.t.Helper()
	old, _ := cutDict(c.was)
	back, err := Apply(c.r.Bytes, inverse(torrentOf([]byte(c.was)), old, c.e))
	if err != nil {
		c.t.Fatalf("%q became\n%q, and back %v; %v", c.was, c.is, err, c.e)
	}
	if string(back.Bytes) != c.was {
		c.t.Fatalf("%q became\n%q, and back\n%q; %v", c.was, c.is, back.Bytes, c.e)
	}
}

// canBeUndone is false of a name for a torrent that had none, or one that no
// edit would give it.
func canBeUndone(old []cut, e *randomEdit) bool {
	inner, _ := cutDict(valueOf(old, "info"))
	_, name, _ := strings.Cut(valueOf(inner, "name"), ":")
	return metainfo.CheckComponent(name) == nil || !slices.ContainsFunc(e.Info, func(k KeyEdit) bool { return k.Key == "name" })
}

// checkTrackers checks that announce and announce-list conform to BEP 12, if they were
// edited.
func checkTrackers(t *testing.T, r *Result, old, now []cut) {
	t.Helper()
	keys := []string{"announce", "announce-list"}
	edited := slices.ContainsFunc(keys, func(k string) bool { return valueOf(old, k) != valueOf(now, k) || count(old, k) != count(now, k) })
	if r.New == nil || !edited {
		return
	}
	if !canonicalTrackers(now) || count(now, keys[0]) > 1 || count(now, keys[1]) > 1 {
		t.Fatalf("announce and announce-list don't agree: %q", r.Bytes)
	}
}

// inverse returns the edit that reverts the result.
func inverse(old *metainfo.Torrent, cuts []cut, e *randomEdit) *Edit {
	back := &Edit{Trackers: TrackerEdit{Set: true, Tiers: old.Trackers()}, NewInfoHash: true}
	restore := func(cuts []cut, key string) KeyEdit {
		if v := valueOf(cuts, key); v != "" {
			return KeyEdit{key, []byte(v)}
		}
		return KeyEdit{Key: key}
	}
	// An edit of comment also changes comment.utf-8, which is restored after it.
	for _, key := range slices.Compact(slices.Sorted(slices.Values(e.outer))) {
		if CheckKey(key) == nil && key != "trackers" {
			back.Keys = append(back.Keys, restore(cuts, key))
		}
	}
	inner, _ := cutDict(valueOf(cuts, "info"))
	for _, k := range e.Info {
		back.Info = append(back.Info, restore(inner, k.Key))
	}
	return back
}

// An edit may be applied to several files concurrently.
func TestEditIsShared(t *testing.T) {
	e := &Edit{
		Rules:    []Rule{{Match: all, Edit: Edit{Trackers: TrackerEdit{Set: true, Tiers: [][]string{{urlA, urlA}, {urlK}}, Dedupe: true}}}},
		Trackers: TrackerEdit{Passkey: "new", Add: []Addition{{URLs: []string{urlC, urlB, urlC}, Tier: 1}, {URLs: []string{urlM}, Tier: First}}, Dedupe: true},
		WebSeeds: []string{urlA}, Keys: []KeyEdit{{"comment", Text("c")}},
	}
	in := []byte("d" + announce(urlA) + info + webSeeds(urlC) + "e")
	newK := strings.Replace(urlK, "kkkkkkkkkk0123456789", "new", 1)
	want := "d" + announce(urlM) + tiers(listOf(urlM), listOf(urlA, urlC, urlB), listOf(newK)) + "7:comment1:c" + info + webSeeds(urlC, urlA) + "e"
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 20 {
				if r, err := Apply(in, e); err != nil || string(r.Bytes) != want {
					t.Errorf("%v; got\n%q, want\n%q", err, r.Bytes, want)
					return
				}
			}
		})
	}
	group.Wait()
}

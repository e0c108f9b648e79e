package rewrite

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
)

// A randomEdit is an edit and its expected effects.
type randomEdit struct {
	Edit
	outer   []string // keys of the outer dict that it may change
	inner   []string // the same, of the info dict
	setting bool     // the second time it changes nothing
}

// randomURLs are unusual URLs: IPv6, user and password, passkeys with = | ? %.
var randomURLs = []string{
	urlA, urlB, urlC, urlK, urlM,
	"http://[2001:db8::1]:6969/announce", "udp://[::1]:80", "http://u:p%40ss@a.example:80/announce",
	"http://a.example/announce?passkey=a=b|c?d%25&uid=1", "https://c.example/a%3Db%7Cc/announce", "wss://B.Example",
}

var randomHosts = []string{"a.example", "B.example", "c.example:443", "k.example", "[2001:db8::1]", "::1", "a.example:80", "[::1]:80", "n.example:1"}

// newRandomEdit makes an edit of a torrent that has those trackers.
func newRandomEdit(seed uint64, trackers []string) *randomEdit {
	rnd := rand.New(rand.NewPCG(seed, 0))
	e := &randomEdit{setting: true}
	urls := slices.Concat(randomURLs, trackers)
	switch rnd.IntN(4) {
	case 0:
	case 1:
		e.rules(rnd, urls)
	default:
		e.Trackers = e.trackers(rnd, urls, rnd.IntN(8))
	}
	for rnd.IntN(3) == 0 { // many parts in one edit; few have two of trackers
		e.part(rnd, urls)
	}
	return e
}

func pickOne[T any](rnd *rand.Rand, list []T) T { return list[rnd.IntN(len(list))] }

func some(rnd *rand.Rand, list []string, n int) (picked []string) {
	for range rnd.IntN(n + 1) {
		picked = append(picked, pickOne(rnd, list))
	}
	return picked
}

// trackers makes an edit of one kind, or of several.
func (e *randomEdit) trackers(rnd *rand.Rand, urls []string, kind int) (t TrackerEdit) {
	e.outer = append(e.outer, "announce", "announce-list", "trackers")
	switch kind {
	case 0:
		t.Set = true
		for range rnd.IntN(4) {
			t.Tiers = append(t.Tiers, some(rnd, urls, 4))
		}
		if rnd.IntN(10) == 0 {
			t.Tiers = append(t.Tiers, slices.Repeat(urls, 5)[:50])
		}
	case 1:
		t.Remove = append(some(rnd, urls, 2), some(rnd, append([]string{"*.example", "?.example", "*", "*:6969"}, randomHosts...), 1)...)
		drop := some(rnd, urls, 2)
		t.Drop = func(u string) bool { return slices.Contains(drop, u) }
	case 2:
		t.Replace = []Replacement{{How: HowHost, Old: pickOne(rnd, randomHosts), New: pickOne(rnd, randomHosts)}}
	case 3:
		t.Passkey = pickOne(rnd, []string{"k", "a=b|c?d%e", "0123456789abcdef0123", "é/&#"})
	case 4:
		t.Dedupe = true
	case 5:
		e.setting = false // a second addition may find other tiers
		t.Add = []Addition{{URLs: some(rnd, urls, 3), Tier: rnd.IntN(4) - 1}, {URLs: some(rnd, urls, 1), Tier: rnd.IntN(60) - 1}}
	case 6:
		e.setting = false
		t.Replace = []Replacement{{How: HowLiteral, Old: pickOne(rnd, []string{"a", "example", "http", "announce"}), New: pickOne(rnd, []string{"b", "", "aa"})},
			{How: HowRegexp, Regexp: regexp.MustCompile(`/[0-9a-f]{20}/(.*)`), New: "/$1?passkey=x"}}
	case 7:
		for _, part := range rnd.Perm(7) {
			more := e.trackers(rnd, urls, part)
			t.Set, t.Tiers = t.Set || more.Set, append(t.Tiers, more.Tiers...)
			t.Remove, t.Replace, t.Add = append(t.Remove, more.Remove...), append(t.Replace, more.Replace...), append(t.Add, more.Add...)
			t.Passkey, t.Dedupe = t.Passkey+more.Passkey, t.Dedupe || more.Dedupe
		}
		e.setting = false
	}
	return t
}

func (e *randomEdit) rules(rnd *rand.Rand, urls []string) {
	for range 1 + rnd.IntN(2) {
		kind := 3 // of those that do one thing to some trackers, a new passkey does it to the same ones again
		if rnd.IntN(3) == 0 {
			kind = rnd.IntN(8)
			e.setting = false
		}
		host := pickOne(rnd, randomHosts)
		e.Rules = append(e.Rules, Rule{Match: matching(host), Edit: Edit{Trackers: e.trackers(rnd, urls, kind)}})
	}
}

// part adds something that is not about trackers.
func (e *randomEdit) part(rnd *rand.Rand, urls []string) {
	outer := func(keys ...string) { e.outer = append(e.outer, keys...) }
	switch rnd.IntN(6) {
	case 0:
		outer("url-list")
		e.NoWebSeeds, e.WebSeeds = rnd.IntN(2) == 0, some(rnd, urls, 2)
	case 1:
		outer("httpseeds")
		e.NoHTTPSeeds, e.HTTPSeeds = rnd.IntN(2) == 0, some(rnd, urls, 2)
	case 2:
		outer("nodes")
		e.NoNodes, e.Nodes = rnd.IntN(2) == 0, []Node{{Host: "a.example", Port: 1}, {Host: "::1", Port: 6881}}[:rnd.IntN(3)]
	case 3, 4:
		k := KeyEdit{pickOne(rnd, []string{"comment", "created by", "creation date", "encoding", "\xffodd", "1:z", "", "zz"}), pickOne(rnd, [][]byte{nil, Text("new"), Integer(7), Bytes([]byte{0xff, 0}), []byte("ld1:ai1eee")})}
		if !slices.ContainsFunc(e.Keys, func(other KeyEdit) bool { return other.Key == k.Key }) {
			e.Keys = append(e.Keys, k)
			outer(k.Key)
		}
		if k.Key == "comment" {
			outer("comment.utf-8")
		}
	case 5:
		outer("info")
		e.NewInfoHash = true
		k := KeyEdit{pickOne(rnd, []string{"private", "source", "entropy", "name"}), pickOne(rnd, [][]byte{Text("new"), Text("x"), Text("é")})}
		if rnd.IntN(3) == 0 && k.Key != "name" {
			k.Value = pickOne(rnd, [][]byte{nil, Integer(1)})
		}
		e.Info = []KeyEdit{k}
		e.inner = []string{k.Key}
		if k.Key == "name" {
			e.inner = []string{"name", "name.utf-8", "file tree"}
		}
	}
}

// String says which edit it was that failed.
func (e *randomEdit) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "trackers %+v, %d rules, keys %q, info %q, seeds %v %q, %v %q, nodes %v %v",
		e.Trackers, len(e.Rules), e.Keys, e.Info, e.NoWebSeeds, e.WebSeeds, e.NoHTTPSeeds, e.HTTPSeeds, e.NoNodes, e.Nodes)
	for _, r := range e.Rules {
		fmt.Fprintf(&b, ", rule %+v", r.Edit.Trackers)
	}
	return b.String()
}

package rewrite

import (
	"math/rand/v2"
	"slices"
	"strings"
)

// newRandomTorrent makes a random torrent of valid bencode, which a fuzzer that changes
// bytes seldom does. Half of them are canonical; half have unsorted and duplicate keys,
// unusual values and bytes after the end.
func newRandomTorrent(seed uint64) string {
	rnd := rand.New(rand.NewPCG(seed, 1))
	odd := rnd.IntN(2) == 0
	entries := []string{"4:info" + randomInfo(rnd, odd)}
	entries = append(entries, randomTrackers(rnd, odd)...)
	for _, key := range []string{"", "1:z", "comment", "comment.utf-8", "created by", "creation date", "encoding", "httpseeds", "nodes", "piece layers", "url-list", "zz", "\xffodd"} {
		for n := rnd.IntN(3); n > 0 && (odd || n == 1); n-- {
			value := pickOne(rnd, []string{text("old"), text(""), "i5e", "de", "le", listOf(urlA), listOf(urlB, urlK, urlM), "d1:ai1e1:bllee" + "e"})
			if odd && rnd.IntN(2) == 0 {
				value = pickOne(rnd, []string{"i-0e", "i007e", "03:abc", "i99999999999999999999e", "d1:bi1e1:ai1e1:ai2ee", listOf(" " + urlA), "l" + text(urlA) + "i1ee", text(urlA), "5:\xff\x00\xfee4"})
			}
			entries = append(entries, text(key)+value)
		}
	}
	slices.SortFunc(entries, func(a, b string) int { return strings.Compare(keyOf(a), keyOf(b)) })
	trailing := ""
	if odd {
		if rnd.IntN(2) == 0 {
			rnd.Shuffle(len(entries), func(i, j int) { entries[i], entries[j] = entries[j], entries[i] })
		}
		trailing = pickOne(rnd, []string{"", "\n", "e", "d4:infodee"})
	}
	return "d" + strings.Join(entries, "") + "e" + trailing
}

func keyOf(entry string) string {
	_, key, _ := strings.Cut(entry[:valueEnd(entry)], ":")
	return key
}

func randomInfo(rnd *rand.Rand, odd bool) string {
	list := []string{
		info, v2Info("x", v2Leaf("x")), v2Info("d", v2Leaf("x")+v2Leaf("y")), hybridInfo("x", v2Leaf("x"), "6:lengthi5e"),
		strings.TrimSuffix(info, "e") + "7:privatei1e6:source1:a1:zlee", strings.Replace(info, "4:name", "7:entropy1:a4:name", 1),
	}
	if odd {
		list = append(list, "4:infod1:z02:ab7:privatei01e4:name1:x6:lengthi-0e7:privatei0e4:name1:ye", "4:infod6:source0:12:piece lengthi16384e"+pieces+"04:name1:x6:lengthi5ee")
	}
	return strings.TrimPrefix(pickOne(rnd, list), "4:info")
}

func randomTrackers(rnd *rand.Rand, odd bool) []string {
	urls := append(some(rnd, randomURLs, 6), pickOne(rnd, randomURLs))
	switch kind := rnd.IntN(4); {
	case kind == 0:
		return nil
	case kind == 1 || len(urls) == 1:
		return []string{announce(urls[0])}
	case !odd || kind == 2:
		cut := rnd.IntN(len(urls))
		if cut == 0 {
			return []string{announce(urls[0]), tiers(listOf(urls...))}
		}
		return []string{announce(urls[0]), tiers(listOf(urls[:cut]...), listOf(urls[cut:]...))}
	}
	var list []string
	for range rnd.IntN(4) {
		list = append(list, pickOne(rnd, []string{"le", "0:", "i1e", text(urls[0]), listOf(urls...), listOf("", " "+urls[0]+"\n"), "de", "l" + listOf(urlA) + text(urlB) + "i05ee"}))
	}
	entries := []string{tiers(list...), announce(urls[0]), announce(pickOne(rnd, []string{"", " ", urlA, urlB + " ", "nonsense"}))}
	return append(entries[:1+rnd.IntN(3)], pickOne(rnd, [][]string{nil, {tiers(listOf(urlC))}, {"13:announce-list0:"}})...)
}

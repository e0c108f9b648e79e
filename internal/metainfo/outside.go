package metainfo

import (
	"strings"
	"time"

	"bt/internal/bencode"
)

// outside parses the keys outside the info dict.
func (r *reader) outside() {
	t, root := r.t, r.root
	r.announce()
	t.WebSeeds = r.seeds("url-list")
	t.HTTPSeeds = r.seeds("httpseeds")
	r.nodes()
	t.Comment = r.text(root, "comment")
	if u := root.Get("comment.utf-8").Text(); u != "" {
		t.Comment = u
	}
	t.CreatedBy = r.text(root, "created by")
	r.date()
}

// announce parses announce and announce-list (BEP 12).
func (r *reader) announce() {
	r.t.Announce = r.text(r.root, "announce")
	first := r.root.Get("announce")
	if r.t.Announce != "" {
		r.tracker(r.t.Announce, first.Offset())
	}
	l := tierList{reader: r, seen: make(map[string]string)}
	l.read(r.root.Get("announce-list"))
	if a := CanonicalURL(r.t.Announce[:min(len(r.t.Announce), maxURL)]); a != "" && len(l.seen) > 0 && l.seen[a] == "" {
		r.add(CodeAnnounceNotFirst, first.Offset(), "announce is not in announce-list: clients that know tiers ignore it")
	}
}

// A tierList parses announce-list.
type tierList struct {
	*reader
	seen   map[string]string // trackers by their canonical URL
	listed int               // number of tiers and trackers
}

// room counts a tier or tracker. It returns false, and adds a finding once, if there are
// too many.
func (l *tierList) room(v bencode.Value) bool {
	if l.listed == maxListed {
		if !l.t.MoreTrackers {
			l.add(CodeBadTrackerList, v.Offset(), "announce-list has more than %d tiers and trackers; the rest is left out", maxListed)
		}
		l.t.MoreTrackers = true
		return false
	}
	l.listed++
	return true
}

func (l *tierList) read(list bencode.Value) {
	none := list.Kind() == bencode.KindString && len(list.Bytes()) == 0 // common in practice, and treated as absent
	if list.Exists() && list.Kind() != bencode.KindList && !none {
		l.add(CodeBadTrackerList, list.Offset(), "announce-list is %v and not a list of tiers", list.Kind())
	}
	for tier := range list.Items() {
		if !l.room(tier) {
			break
		}
		l.tier(tier)
	}
}

// tier parses a tier. In a plain list of URLs, each is its own tier.
func (l *tierList) tier(tier bencode.Value) {
	if tier.Kind() != bencode.KindList {
		l.add(CodeBadTrackerList, tier.Offset(), "a tier of announce-list is %v and not a list", tier.Kind())
	}
	var urls []string
	switch tier.Kind() {
	case bencode.KindList:
		for v := range tier.Items() {
			if !l.room(v) {
				break
			}
			urls = l.appendURL(urls, v)
		}
	case bencode.KindString:
		urls = l.appendURL(urls, tier)
	default:
		return
	}
	l.t.AnnounceList = append(l.t.AnnounceList, urls)
}

// appendURL checks the URL of a tracker and appends it to those of its tier.
func (l *tierList) appendURL(urls []string, v bencode.Value) []string {
	if v.Kind() != bencode.KindString {
		l.add(CodeBadTrackerList, v.Offset(), "a tracker of announce-list is %v and not a text", v.Kind())
		return urls
	}
	u := v.Text()
	if u == "" || u != l.t.Announce { // announce was checked before
		l.tracker(u, v.Offset())
	}
	if strings.TrimSpace(u) != "" && len(u) <= maxURL {
		l.twice(CodeDuplicateTracker, "a tracker", l.seen, u, v.Offset())
	}
	return append(urls, u)
}

// twice returns a URL, as seen before, that is the same except for its spelling.
func (r *reader) twice(code Code, what string, seen map[string]string, u string, at int) {
	key := CanonicalURL(u)
	switch before, known := seen[key]; {
	case !known:
		seen[key] = u
	case strings.TrimSpace(before) == strings.TrimSpace(u):
		r.add(code, at, "%s is listed twice: %s", what, MaskURL(u))
	default:
		r.add(code, at, "%s is listed twice, as %s and as %s", what, MaskURL(before), MaskURL(u))
	}
}

// maxURL is the maximum length of a URL, in bytes. Hardly any server accepts longer
// ones.
const maxURL = 8 << 10

// tracker checks the URL of a tracker.
func (r *findings) tracker(s string, at int) {
	trimmed := strings.TrimSpace(s)
	if trimmed != s && len(trimmed) <= maxURL {
		r.add(CodeBadTracker, at, "a tracker's URL has blanks around it: %q", MaskURL(s))
	}
	if trimmed == "" {
		r.add(CodeBadTracker, at, "a tracker's URL is empty")
		return
	}
	if len(trimmed) > maxURL {
		r.add(CodeBadTracker, at, "a tracker's URL has %d bytes", len(trimmed))
		return
	}
	if err := CheckURL(trimmed, TrackerSchemes...); err != nil {
		r.addBadURL(CodeBadTracker, at, "a tracker", err, trimmed)
	}
}

// seeds parses url-list (BEP 19) or httpseeds (BEP 17), which is a URL or a list of
// URLs.
func (r *reader) seeds(key string) []string {
	var urls []string
	seen := make(map[string]string)
	add := func(v bencode.Value) {
		if v.Kind() != bencode.KindString {
			r.add(CodeBadWebSeed, v.Offset(), "an entry of %s is %v and not a URL", key, v.Kind())
			return
		}
		u := strings.TrimSpace(v.Text())
		if u == "" {
			return // an empty string means none
		}
		if urls = append(urls, u); len(u) > maxURL {
			r.add(CodeBadWebSeed, v.Offset(), "a web seed's URL has %d bytes", len(u))
			return
		}
		if err := CheckURL(u, "http", "https", "ftp"); err != nil {
			r.addBadURL(CodeBadWebSeed, v.Offset(), "a web seed", err, u)
		}
		r.twice(CodeDuplicateWebSeed, "a web seed", seen, u, v.Offset())
	}
	switch v := r.root.Get(key); v.Kind() {
	case bencode.KindInvalid:
	case bencode.KindList:
		for item := range v.Items() {
			if len(urls) == maxListed {
				r.add(CodeBadWebSeed, item.Offset(), "%s has more than %d URLs; the rest is left out", key, maxListed)
				break
			}
			add(item)
		}
	default:
		add(v)
	}
	return urls
}

// nodes parses the DHT nodes (BEP 5), which are a list of [host, port].
func (r *reader) nodes() {
	v := r.root.Get("nodes")
	if v.Exists() && v.Kind() != bencode.KindList {
		r.add(CodeBadNode, v.Offset(), "nodes is %v and not a list", v.Kind())
	}
	seen := make(map[Node]bool)
	for item := range v.Items() {
		if len(r.t.Nodes) == maxListed {
			r.add(CodeBadNode, item.Offset(), "there are more than %d nodes; the rest is left out", maxListed)
			break
		}
		var parts []bencode.Value
		for p := range item.Items() {
			if parts = append(parts, p); len(parts) > 2 {
				break
			}
		}
		if len(parts) != 2 || parts[0].Kind() != bencode.KindString || parts[1].Kind() != bencode.KindInteger {
			r.add(CodeBadNode, item.Offset(), "an entry of nodes is not a host and port")
			continue
		}
		port, _ := parts[1].Int()
		node := Node{parts[0].Text(), int(min(max(port, 0), 1<<16))}
		switch err := node.Check(); {
		case err != nil:
			r.add(CodeBadNode, item.Offset(), "a DHT node %v: %s", err, quote(node.Host))
			continue
		case seen[node.canonical()]:
			r.add(CodeDuplicateNode, item.Offset(), "a DHT node is listed twice: %s", quote(node.Host))
		}
		seen[node.canonical()] = true
		r.t.Nodes = append(r.t.Nodes, node)
	}
}

// LastDate is the latest creation date, in seconds since 1970: 9999-12-31T23:59:59Z,
// the last that RFC 3339 can represent.
const LastDate = 253402300799

func (r *reader) date() {
	v := r.root.Get("creation date")
	if !v.Exists() {
		return
	}
	n, ok := v.Int()
	if !ok || n < 0 || n > LastDate {
		r.add(CodeBadDate, v.Offset(), "the creation date is %s; it should be seconds since 1970", describe(v))
		return
	}
	r.t.CreationDate = time.Unix(n, 0).UTC()
}

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

func (r *reader) announce() {
	t := r.t
	t.Announce = r.text(r.root, "announce")
	first := r.root.Get("announce")
	if t.Announce != "" {
		r.tracker(t.Announce, first.Offset())
	}
	list := r.root.Get("announce-list")
	switch {
	case list.Kind() == bencode.KindString && len(list.Bytes()) == 0: // common in practice, and treated as absent
	case list.Exists() && list.Kind() != bencode.KindList:
		r.add(CodeBadTrackerList, list.Offset(), "announce-list is %v and not a list of tiers", list.Kind())
	}
	seen := make(map[string]string)
	listed := 0 // number of tiers and trackers
	for tier := range list.Items() {
		if listed++; listed > maxListed {
			r.add(CodeBadTrackerList, tier.Offset(), "announce-list has more than %d tiers and trackers; the rest is left out", maxListed)
			t.MoreTrackers = true
			break
		}
		if tier.Kind() != bencode.KindList {
			r.add(CodeBadTrackerList, tier.Offset(), "a tier of announce-list is %v and not a list", tier.Kind())
			if tier.Kind() != bencode.KindString {
				continue
			}
		}
		var urls []string
		add := func(v bencode.Value) {
			if v.Kind() != bencode.KindString {
				r.add(CodeBadTrackerList, v.Offset(), "a tracker of announce-list is %v and not a text", v.Kind())
				return
			}
			u := v.Text()
			urls = append(urls, u)
			if u == "" || u != t.Announce { // announce was checked above
				r.tracker(u, v.Offset())
			}
			if strings.TrimSpace(u) != "" && len(u) <= maxURL {
				r.twice(CodeDuplicateTracker, "a tracker", seen, u, v.Offset())
			}
		}
		if tier.Kind() == bencode.KindString { // a plain list of URLs: each is its own tier
			add(tier)
		} else {
			for v := range tier.Items() {
				if listed++; listed > maxListed {
					break // the next tier adds the finding
				}
				add(v)
			}
		}
		t.AnnounceList = append(t.AnnounceList, urls)
	}
	if a := CanonicalURL(t.Announce[:min(len(t.Announce), maxURL)]); a != "" && len(seen) > 0 && seen[a] == "" {
		r.add(CodeAnnounceNotFirst, first.Offset(), "announce is not in announce-list: clients that know tiers ignore it")
	}
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
		r.add(CodeBadTracker, at, "a tracker's URL %v: %s", err, MaskURL(trimmed))
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
			r.add(CodeBadWebSeed, v.Offset(), "a web seed's URL %v: %s", err, MaskURL(u))
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
			r.add(CodeBadNode, item.Offset(), "an entry of nodes is no host and port")
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

package metainfo

import (
	"errors"
	"net/url"
	"strings"
	"time"

	"bt/internal/bencode"
)

// outside reads what stands outside the info dict.
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
	case list.Kind() == bencode.String && len(list.Bytes()) == 0: // seen in the field: as good as absent
	case list.Exists() && list.Kind() != bencode.List:
		r.add(BadTrackerList, list.Offset(), "announce-list is %v and not a list of tiers", list.Kind())
	}
	seen := make(map[string]bool)
	for tier := range list.Items() {
		if tier.Kind() != bencode.List {
			r.add(BadTrackerList, tier.Offset(), "a tier of announce-list is %v and not a list", tier.Kind())
			if tier.Kind() != bencode.String {
				continue
			}
		}
		var urls []string
		add := func(v bencode.Value) {
			if v.Kind() != bencode.String {
				r.add(BadTrackerList, v.Offset(), "a tracker of announce-list is %v and not a text", v.Kind())
				return
			}
			u := v.Text()
			urls = append(urls, u)
			r.tracker(u, v.Offset())
			if key := strings.TrimSpace(u); seen[key] {
				r.add(DuplicateTracker, v.Offset(), "a tracker is listed twice: %s", MaskURL(u))
			} else {
				seen[key] = true
			}
		}
		if tier.Kind() == bencode.String { // a plain list of URLs: each its own tier
			add(tier)
		} else {
			for v := range tier.Items() {
				add(v)
			}
		}
		t.AnnounceList = append(t.AnnounceList, urls)
	}
	if a := strings.TrimSpace(t.Announce); a != "" && len(seen) > 0 && !seen[a] {
		r.add(AnnounceNotFirst, first.Offset(), "announce is not in announce-list: clients that know tiers ignore it")
	}
}

// tracker checks a tracker's URL.
func (r *findings) tracker(s string, at int) {
	trimmed := strings.TrimSpace(s)
	if trimmed != s {
		r.add(BadTracker, at, "a tracker's URL has blanks around it: %q", MaskURL(s))
	}
	if trimmed == "" {
		r.add(BadTracker, at, "a tracker's URL is empty")
		return
	}
	if err := CheckURL(trimmed, "http", "https", "udp", "ws", "wss"); err != nil {
		r.add(BadTracker, at, "a tracker's URL %v: %s", err, MaskURL(trimmed))
	}
}

// seeds reads url-list (BEP 19) or httpseeds (BEP 17): a URL or a list of them.
func (r *reader) seeds(key string) []string {
	var urls []string
	seen := make(map[string]bool)
	add := func(v bencode.Value) {
		if v.Kind() != bencode.String {
			r.add(BadWebSeed, v.Offset(), "an entry of %s is %v and not a URL", key, v.Kind())
			return
		}
		u := strings.TrimSpace(v.Text())
		if u == "" {
			return // an empty text stands for none
		}
		urls = append(urls, u)
		if err := CheckURL(u, "http", "https", "ftp"); err != nil {
			r.add(BadWebSeed, v.Offset(), "a web seed's URL %v: %s", err, MaskURL(u))
		}
		if seen[u] {
			r.add(DuplicateWebSeed, v.Offset(), "a web seed is listed twice: %s", MaskURL(u))
		}
		seen[u] = true
	}
	switch v := r.root.Get(key); v.Kind() {
	case bencode.Invalid:
	case bencode.List:
		for item := range v.Items() {
			add(item)
		}
	default:
		add(v)
	}
	return urls
}

// CheckURL says why s is no URL of one of those schemes with a host.
func CheckURL(s string, schemes ...string) error {
	u, err := url.Parse(s)
	if err != nil {
		return errors.New("can't be read")
	}
	for _, scheme := range schemes {
		if strings.EqualFold(u.Scheme, scheme) {
			if u.Hostname() == "" {
				return errors.New("has no host")
			}
			return nil
		}
	}
	if u.Scheme == "" {
		return errors.New("has no scheme")
	}
	return errors.New("does not begin with " + strings.Join(schemes, ":, ") + ":")
}

// nodes reads the DHT nodes (BEP 5): a list of [host, port].
func (r *reader) nodes() {
	v := r.root.Get("nodes")
	if v.Exists() && v.Kind() != bencode.List {
		r.add(BadNode, v.Offset(), "nodes is %v and not a list", v.Kind())
	}
	for item := range v.Items() {
		var parts []bencode.Value
		for p := range item.Items() {
			parts = append(parts, p)
		}
		if len(parts) == 2 && parts[0].Kind() == bencode.String {
			if port, ok := parts[1].Int(); ok && 0 < port && port < 1<<16 && len(parts[0].Bytes()) > 0 {
				r.t.Nodes = append(r.t.Nodes, Node{parts[0].Text(), int(port)})
				continue
			}
		}
		r.add(BadNode, item.Offset(), "an entry of nodes is no host and port")
	}
}

// LastDate is the last second that RFC 3339 can write, 9999-12-31T23:59:59Z, in
// seconds since 1970: no creation date is later.
const LastDate = 253402300799

func (r *reader) date() {
	v := r.root.Get("creation date")
	if !v.Exists() {
		return
	}
	n, ok := v.Int()
	if !ok || n < 0 || n > LastDate {
		r.add(BadDate, v.Offset(), "the creation date is %s; it should be seconds since 1970", describe(v))
		return
	}
	r.t.CreationDate = time.Unix(n, 0).UTC()
}

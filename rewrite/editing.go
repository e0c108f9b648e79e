package rewrite

import (
	"errors"
	"fmt"
	"slices"

	"bt/internal/bencode"
	"bt/internal/metainfo"
)

// editing is an edit being done to one file.
type editing struct {
	*Result
	session     bool // a client's session file, and no torrent
	newInfoHash bool
	root        *dict
	tiers       [][]string
}

func (ed *editing) run(doc *bencode.Document, e *Edit) error {
	ed.root = splitDict(doc.Root())
	was, err := ed.trackers(doc)
	if err != nil {
		return err
	}
	ed.tiers = was
	for i := range e.Rules {
		if rule := &e.Rules[i]; rule.matches(ed.tiers) {
			if err := ed.do(&rule.Edit, rule.Match); err != nil {
				return err
			}
		}
	}
	if err := ed.do(e, nil); err != nil {
		return err
	}
	if !same(was, ed.tiers) {
		ed.setTrackers(doc, was)
	}
	ed.Bytes = append(ed.root.append(nil), doc.Trailing()...)
	return nil
}

// do does one edit, of trackers only to those that match.
func (ed *editing) do(e *Edit, match func(url string) bool) (err error) {
	if ed.tiers, err = e.Trackers.apply(ed.tiers, match); err != nil {
		return err
	}
	ed.list("url-list", e.NoWebSeeds, texts(e.WebSeeds))
	ed.list("httpseeds", e.NoHTTPSeeds, texts(e.HTTPSeeds))
	if ed.session {
		if len(e.Keys) > 0 || len(e.Info) > 0 || e.JSON != nil || e.NoNodes || len(e.Nodes) > 0 {
			ed.warn("session-file", "a client's session file has only trackers and seeds to edit; the rest is the torrent's")
		}
		return nil
	}
	ed.list("nodes", e.NoNodes, nodeValues(e.Nodes))
	for _, k := range e.Keys {
		if err := CheckKey(k.Key); err != nil {
			return err
		}
		ed.root.edit(k)
		// Where there are both, readers take this one.
		if other := k.Key + ".utf-8"; k.Key == "comment" && ed.root.has(other) {
			ed.root.edit(KeyEdit{other, k.Value})
		}
	}
	if len(e.Info) > 0 {
		return ed.info(e.Info)
	}
	return nil
}

// notByKey are keys of the outer dict that have an edit of their own, or none.
var notByKey = map[string]string{
	"info":          "is the torrent itself",
	"announce":      "belongs to announce-list: edit the trackers",
	"announce-list": "belongs to announce: edit the trackers",
	"piece layers":  "belongs to the info dict",
}

// CheckKey says why a key of the outer dict can't be edited by itself.
func CheckKey(key string) error {
	if reason, ok := notByKey[key]; ok {
		return fmt.Errorf("the key %q %s", key, reason)
	}
	return nil
}

// trackers returns the tiers that the client uses.
func (ed *editing) trackers(doc *bencode.Document) ([][]string, error) {
	if !ed.session {
		t, err := metainfo.Parse(doc.Bytes())
		if err != nil {
			return nil, err
		}
		return t.Trackers(), nil
	}
	var tiers [][]string
	for tier := range doc.Root().Get("trackers").Items() {
		var urls []string
		for u := range tier.Items() {
			if u.Kind() == bencode.String {
				urls = append(urls, u.Text())
			}
		}
		tiers = append(tiers, urls)
	}
	return tiers, nil
}

// setTrackers writes the tiers. In a torrent announce is the first tracker of
// the first tier, and there is no list of one (BEP 12).
func (ed *editing) setTrackers(doc *bencode.Document, was [][]string) {
	root, tiers := ed.root, ed.tiers
	if len(tiers) == 0 {
		ed.warn("no-tracker", "no tracker is left")
	}
	if ed.session {
		root.set("trackers", tierList(tiers))
		return
	}
	if a := doc.Root().Get("announce").Text(); a != "" && !contains(was, a) {
		ed.warn("announce-dropped", "announce was not in announce-list, which clients prefer, and is replaced: %s", metainfo.MaskURL(a))
	}
	if len(tiers) == 0 {
		root.remove("announce")
		root.remove("announce-list")
		return
	}
	root.set("announce", Text(tiers[0][0]))
	if len(tiers) == 1 && len(tiers[0]) == 1 {
		root.remove("announce-list")
	} else {
		root.set("announce-list", tierList(tiers))
	}
}

// list removes a list, or adds to it.
func (ed *editing) list(key string, removeAll bool, add [][]byte) {
	if removeAll && len(add) == 0 {
		ed.root.remove(key)
		return
	}
	old := ed.root.get(key)
	if removeAll {
		old = bencode.Value{}
	}
	if edited, more := appendTo(old, add); more {
		ed.root.set(key, edited)
	}
}

// infoKeys are the keys inside the info dict that can be edited: those that do
// not say what the content is.
var infoKeys = []string{"private", "source", "name", "entropy"}

// info edits the info dict. Of it only the touched values are written anew.
func (ed *editing) info(keys []KeyEdit) error {
	old := ed.root.get("info")
	info := splitDict(old)
	for _, k := range keys {
		switch {
		case !slices.Contains(infoKeys, k.Key):
			return fmt.Errorf("the key %q of the info dict can't be edited", k.Key)
		case k.Key == "name":
			if err := rename(info, old, k.Value); err != nil {
				return err
			}
		default:
			info.edit(k)
		}
	}
	edited := info.append(nil)
	switch {
	case string(edited) == string(old.Raw()):
		return nil
	case !ed.newInfoHash:
		return fmt.Errorf("the edit changes the info dict: %w", ErrInfo)
	case !canonical(old.Raw()):
		ed.warn("not-canonical", "the info dict is not canonical bencode: a program that writes it anew comes to another info-hash")
	}
	ed.root.set("info", edited)
	return nil
}

func canonical(raw []byte) bool {
	_, err := bencode.Parser{Strict: true}.Parse(raw)
	return err == nil
}

// rename gives a torrent another name, and with it the one file of a v2 torrent
// that is no directory: its name stands in the file tree too.
func rename(info *dict, old bencode.Value, value []byte) error {
	if value == nil {
		return errors.New("a torrent needs a name")
	}
	before := old.Get("name").Text()
	info.set("name", value)
	if u := old.Get("name.utf-8"); u.Exists() { // where there are both, readers take this one
		before = u.Text()
		info.set("name.utf-8", value)
	}
	tree := old.Get("file tree")
	if file := tree.Get(before).Get(""); tree.Len() == 1 && file.Exists() {
		d := splitDict(tree)
		d.entries[0].rawKey = value
		info.set("file tree", d.append(nil))
	}
	return nil
}

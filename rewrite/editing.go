package rewrite

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"

	"bt/internal/bencode"
	"bt/internal/metainfo"
)

// editing is the state of applying an edit to one file.
type editing struct {
	*Result
	session     bool // the file is a client's resume file, not a torrent
	newInfoHash bool
	oldSingle   bool                   // the content of the original torrent is one file
	oldCodes    map[metainfo.Code]bool // its findings
	original    *metainfo.Torrent      // nil after its trackers were read
	single      bool                   // the content of the edited torrent is one file
	root        *dict
	tiers       [][]string // the trackers that clients use
	extra       string     // an announce that is not in tiers; only clients without BEP 12 use it
	more        bool       // there are more trackers than were read
	touched     bool       // write the trackers even if tiers are the same
}

// run applies an edit to doc, and keeps the result in root.
func (ed *editing) run(doc *bencode.Document, e *Edit) error {
	var err error
	if ed.root, err = splitDict(doc.Root()); err != nil {
		return err
	}
	if err := ed.trackers(doc); err != nil {
		return err
	}
	if ed.more && e.editsTrackers() {
		return errors.New("it has more trackers than can be edited one by one; they can only be replaced all")
	}
	was := ed.tiers
	if err := ed.applyRules(e.Rules); err != nil {
		return err
	}
	if err := ed.apply(e, nil); err != nil {
		return err
	}
	if ed.touched || !same(was, ed.tiers) {
		ed.setTrackers()
		ed.warnTrackers(was, e)
	}
	return nil
}

// applyRules applies the edits of the rules that match one of the trackers.
func (ed *editing) applyRules(rules []Rule) error {
	for i := range rules {
		rule := &rules[i]
		if !rule.matches(ed.tiers) && (ed.extra == "" || !rule.Match(ed.extra)) {
			continue
		}
		if err := ed.apply(&rule.Edit, rule.Match); err != nil {
			return err
		}
	}
	return nil
}

// setOriginal records the original torrent, for comparison with the edited one.
func (ed *editing) setOriginal(t *metainfo.Torrent) {
	ed.Old, ed.original, ed.oldSingle = hashesOf(t), t, t.Single
	ed.oldCodes = make(map[metainfo.Code]bool)
	for _, f := range t.Findings {
		ed.oldCodes[f.Code] = true
	}
}

// apply applies one edit. Edits of single trackers apply only to those that match; nil
// matches all.
func (ed *editing) apply(e *Edit, match func(url string) bool) error {
	if err := ed.editTrackers(&e.Trackers, match); err != nil {
		return err
	}
	ed.list("url-list", e.NoWebSeeds, texts(e.WebSeeds))
	ed.list("httpseeds", e.NoHTTPSeeds, texts(e.HTTPSeeds))
	if ed.session {
		if e.needsTorrent() {
			ed.warn("session-file", "a client's session file has only trackers and seeds to edit; the rest is the torrent's")
		}
		return nil
	}
	ed.list("nodes", e.NoNodes, nodeValues(e.Nodes))
	for _, k := range e.Keys {
		if err := ed.key(k); err != nil {
			return err
		}
	}
	if !e.inside() {
		return nil
	}
	keys := e.Info
	if e.Entropy {
		keys = append(slices.Clip(keys), KeyEdit{"entropy", Text(rand.Text())})
	}
	return ed.info(keys)
}

// key edits a key of the outer dict.
func (ed *editing) key(k KeyEdit) error {
	if err := k.check(); err != nil {
		return err
	}
	ed.root.edit(k)
	// Clients prefer comment.utf-8 to comment.
	if other := k.Key + ".utf-8"; k.Key == "comment" && ed.root.has(other) {
		ed.root.edit(KeyEdit{other, k.Value})
	}
	return nil
}

// needsTorrent reports whether an edit has parts that apply to a torrent only, and not
// to a resume file or magnet link.
func (e *Edit) needsTorrent() bool {
	return e.Whole != nil || len(e.Keys) > 0 || e.NoNodes || len(e.Nodes) > 0 || e.inside()
}

// inside reports whether an edit changes the info dict.
func (e *Edit) inside() bool { return len(e.Info) > 0 || e.Entropy }

// notByKey lists the keys of the outer dict that Edit.Keys can't edit, and why.
var notByKey = map[string]string{
	"info":          "is the torrent itself",
	"announce":      "belongs to announce-list: edit the trackers",
	"announce-list": "belongs to announce: edit the trackers",
	"piece layers":  "belongs to the info dict",
}

// CheckKey returns an error if Edit.Keys can't edit a key: the info dict, and keys that
// other fields of Edit are for.
func CheckKey(key string) error {
	if reason, ok := notByKey[key]; ok {
		return fmt.Errorf("the key %q %s", key, reason)
	}
	return nil
}

// check returns an error if the edit can't be applied.
func (k *KeyEdit) check() error {
	if err := CheckKey(k.Key); err != nil || k.Value == nil {
		return err
	}
	if _, err := (bencode.Parser{Strict: true}).Parse(k.Value); err != nil {
		return fmt.Errorf("the value of the key %q: %w", k.Key, err)
	}
	return nil
}

// list removes all values from the list of a key, and adds others.
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

// infoKeys are the keys of the info dict that can be edited: those that do not describe
// the content.
var infoKeys = []string{"private", "source", "name", "entropy"}

// info edits keys of the info dict, and keeps the bytes of all others.
func (ed *editing) info(keys []KeyEdit) error {
	old := ed.root.get("info")
	if old.Kind() != bencode.KindDict {
		return errors.New("its info is not a dict")
	}
	info, err := splitDict(old)
	if err != nil {
		return err
	}
	for _, k := range keys {
		if !slices.Contains(infoKeys, k.Key) {
			return fmt.Errorf("the key %q of the info dict can't be edited", k.Key)
		}
		if err := k.check(); err != nil {
			return err
		}
		switch k.Key {
		case "name":
			if err := ed.rename(info, old, k.Value); err != nil {
				return err
			}
		default:
			info.edit(k)
		}
	}
	edited := info.append(make([]byte, 0, info.size()))
	switch {
	case bytes.Equal(edited, old.Raw()):
		return nil
	case !ed.newInfoHash:
		return fmt.Errorf("the edit changes the info dict: %w", ErrInfo)
	case !canonical(old.Raw()):
		ed.warn("not-canonical", "the info dict is not canonical bencode: a program that encodes it again gets another info-hash")
	}
	ed.root.set("info", edited)
	return nil
}

func canonical(raw []byte) bool {
	_, err := bencode.Parser{Strict: true}.Parse(raw)
	return err == nil
}

// rename sets the name of the torrent. If the content of a v2 torrent is one file, its
// name is also in the file tree.
func (ed *editing) rename(info *dict, old bencode.Value, value []byte) error {
	if value == nil {
		return errors.New("a torrent needs a name")
	}
	doc, err := bencode.Parse(value)
	if err != nil {
		return err
	}
	if err := metainfo.CheckComponent(doc.Root().Text()); err != nil {
		return fmt.Errorf("the name %q %w", doc.Root().Text(), err)
	}
	info.set("name", value)
	if info.has("name.utf-8") { // clients prefer it to name
		info.set("name.utf-8", value)
	}
	if tree := old.Get("file tree"); ed.single && tree.Len() == 1 {
		d, err := splitDict(tree)
		if err != nil {
			return err
		}
		d.entries[0].RawKey = value
		info.set("file tree", d.append(nil))
	}
	return nil
}

package rewrite

import (
	"strings"

	"bt/internal/bencode"
	"bt/internal/metainfo"
)

// trackers reads the trackers of the file. It then drops the original torrent, to free
// its memory.
func (ed *editing) trackers(doc *bencode.Document) error {
	if ed.session {
		ed.sessionTrackers(doc.Root().Get("trackers"))
		return nil
	}
	t := ed.original
	ed.original = nil
	if t == nil || &t.Bytes()[0] != &doc.Bytes()[0] { // doc is not the original
		var err error
		if t, err = metainfo.FromDocument(doc); err != nil { // its info dict is invalid: parse it with another one
			valid := ed.root.with("info", []byte("d6:lengthi1e4:name1:xe"))
			if t, err = metainfo.Parse(valid.append(nil)); err != nil {
				return err
			}
		}
	}
	ed.tiers, ed.single, ed.more = t.Trackers(), t.Single, t.MoreTrackers
	if a := strings.TrimSpace(t.Announce); a != "" && !contains(ed.tiers, a) {
		ed.extra = a
	}
	return nil
}

// maxSessionTrackers is the maximum number of trackers that are read from a resume file.
const maxSessionTrackers = 10_000

func (ed *editing) sessionTrackers(list bencode.Value) {
	n := 0
	for tier := range list.Items() {
		var urls []string
		add := func(v bencode.Value) {
			if n++; v.Kind() == bencode.KindString && n <= maxSessionTrackers {
				urls = append(urls, v.Text())
			}
		}
		if tier.Kind() == bencode.KindString {
			add(tier)
		}
		for u := range tier.Items() {
			add(u)
		}
		if len(urls) > 0 {
			ed.tiers = append(ed.tiers, urls)
		}
	}
	ed.more = n > maxSessionTrackers
}

// editsTrackers reports whether an edit depends on the present trackers.
func (e *Edit) editsTrackers() bool {
	t := &e.Trackers
	return len(e.Rules) > 0 || !t.Set && (len(t.Remove)+len(t.Replace)+len(t.Add) > 0 || t.Drop != nil || t.Passkey != "" || t.Dedupe)
}

// editTrackers edits the tiers. It also applies the edits of single trackers to an
// announce that is not in the tiers, but only to find out whether it would change:
// setTrackers replaces it in any case.
func (ed *editing) editTrackers(e *TrackerEdit, match func(url string) bool) (err error) {
	if ed.tiers, err = e.apply(ed.tiers, match, &ed.Unedited); err != nil {
		return err
	}
	ed.touched = ed.touched || e.Set
	if ed.extra == "" {
		return nil
	}
	extra := [][]string{{ed.extra}}
	single := TrackerEdit{Remove: e.Remove, Drop: e.Drop, Replace: e.Replace, Passkey: e.Passkey}
	edited, err := single.apply(extra, match, &ed.Unedited)
	ed.touched = ed.touched || !same(edited, extra)
	return err
}

// setTrackers writes the tiers. In a torrent, announce is the first tracker of the first
// tier, and there is no announce-list for a single tracker (BEP 12).
func (ed *editing) setTrackers() {
	root, tiers := ed.root, ed.tiers
	if ed.session {
		root.set("trackers", tierList(tiers))
		return
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

// warnTrackers warns about trackers that the edit removes and that the user may want
// to keep.
func (ed *editing) warnTrackers(was [][]string, e *Edit) {
	if len(ed.tiers) == 0 && (len(was) > 0 || ed.extra != "") {
		ed.warn("no-tracker", "no tracker is left")
	}
	if ed.extra != "" && !e.Trackers.Set && !contains(ed.tiers, ed.extra) {
		ed.warn("announce-dropped", "announce was not in announce-list, which clients prefer, and is replaced: %s", metainfo.MaskURL(ed.extra))
	}
}

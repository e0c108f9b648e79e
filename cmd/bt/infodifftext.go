package main

import (
	"fmt"
	"strings"

	"bt/inspect"
	"bt/internal/term"
)

// maxKeys is the maximum number of keys that are listed on a line.
const maxKeys = 20

// printText prints the difference for people: first what it means, then each key that
// differs, then files.
func (d *diffResult) printText(u *ui, f *infoFlags) error {
	c := d.count()
	l := infoLines{u: u}
	l.add("- a", u.shownArg(d.a.name))
	l.add("+ b", u.shownArg(d.b.name))
	l.add("result", d.verdict(c))
	l.addHashes("info-hash v1", d.InfoHashV1, d.a.facts.InfoHashV1, d.b.facts.InfoHashV1)
	l.addHashes("info-hash v2", d.InfoHashV2, d.a.facts.InfoHashV2, d.b.facts.InfoHashV2)
	l.add("differs in", d.reasons(c))
	l.add("files", c.text())
	l.add("note", d.limits(c))
	if err := u.printFields(l.fields); err != nil {
		return err
	}
	d.printChanges(u)
	if f.noFiles {
		return nil
	}
	if f.files {
		return d.printAll(u)
	}
	return d.printGroups(u, c)
}

// verdict says in one sentence how the torrents are related.
func (d *diffResult) verdict(c *diffCount) string {
	links := d.a.torrent == nil || d.b.torrent == nil
	switch {
	case d.Same() && links:
		return "the same torrent"
	case d.Same():
		return "no difference: the same bytes"
	case d.InfoHashV1 == inspect.HashDiffers || d.InfoHashV2 == inspect.HashDiffers:
		return c.verdict()
	case links && d.InfoHashV1 == inspect.HashUnknown && d.InfoHashV2 == inspect.HashUnknown:
		return "unknown: one has only a v1 info-hash, and the other only a v2 info-hash"
	case links:
		return "the same torrent, in a link with other values"
	}
	return "the same torrent, edited: its info-hash is the same"
}

// verdict says how the files of two torrents with different info-hashes are related.
func (c *diffCount) verdict() string {
	changed := c.changed + c.groups[diffOnlyA] + c.groups[diffOnlyB]
	switch {
	case c.root+c.pieces+c.empty+c.size == 0: // also two magnet links, which have no files
		return "different torrents"
	case changed > 0 && c.root+c.pieces == 0:
		return "another release: files differ, and of the others only names or sizes agree"
	case changed > 0:
		return "another release: some files are the same, and others are not"
	case c.size > 0:
		return "another info-hash; the files have the same sizes, but not all have hashes that show more"
	case c.groups[diffMoved] > 0:
		return "the same content with other names, which make another info-hash"
	}
	return "the same content with another info-hash (a cross-seed)"
}

// addHashes adds the info-hashes of one kind.
func (l *infoLines) addHashes(name string, match inspect.HashMatch, a, b string) {
	switch {
	case match == inspect.HashSame:
		l.add(name, "the same: "+a)
	case a != "" && b != "":
		l.add("- "+name, a)
		l.add("+ "+name, b)
	case a != "":
		l.add("- "+name, a)
	case b != "":
		l.add("+ "+name, b)
	}
}

// reasons lists the keys that differ, those in the info dict first. They are the reason
// for another info-hash.
func (d *diffResult) reasons(c *diffCount) string {
	var inside, outside []string
	for _, change := range d.Changes {
		if key, isInfo := strings.CutPrefix(change.Key, "info."); isInfo {
			inside = append(inside, d.reason(&change, key, c))
		} else {
			outside = append(outside, d.reason(&change, key, c))
		}
	}
	switch {
	case d.a.torrent == nil || d.b.torrent == nil, len(inside)+len(outside) == 0:
		return joinFirst(outside)
	case len(inside) == 0:
		return "outside of the info dict: " + joinFirst(outside)
	case len(outside) == 0:
		return "the info dict: " + joinFirst(inside)
	}
	return "the info dict: " + joinFirst(inside) + "; outside of it: " + joinFirst(outside)
}

// joinFirst joins the first items of a list, and says how many others there are.
func joinFirst(list []string) string {
	if more := len(list) - maxKeys; more > 0 {
		return strings.Join(list[:maxKeys], ", ") + " and " + term.Count(int64(more)) + " more"
	}
	return strings.Join(list, ", ")
}

// reason describes a key that differs.
func (d *diffResult) reason(change *inspect.Change, key string, c *diffCount) string {
	text := diffLists[change.Key]
	switch {
	case key == "$order":
		return "the order of its keys, which all have the same values"
	case key == "$more":
		return "further keys, which are too many to compare"
	case key == "$trailing":
		return "bytes after its end"
	case text == "":
		text = key
	}
	switch {
	case c.areSame() && change.OnlyEncoding():
		text += " (the same value in another encoding)"
	case change.Key == "info.files" && d.Reordered:
		text += " (in another order)"
	case strings.HasPrefix(change.Key, "info.file") && diffLists[change.Key] != "" && len(c.keys) > 0:
		text += " (also other keys of files: " + strings.Join(c.keys, ", ") + ")"
	}
	return text
}

// limits says why files are compared by size only, or "" if none is.
func (d *diffResult) limits(c *diffCount) string {
	a, b := d.a.torrent, d.b.torrent
	switch {
	case c.size == 0:
		return ""
	case !(a.V1 && b.V1) && !(a.V2 && b.V2):
		return "one torrent has hashes of v1 and the other of v2: only the sizes of files can be compared"
	case a.PieceLength != b.PieceLength:
		return fmt.Sprintf("pieces of %s and of %s can't be compared: only the sizes of files are", term.SizeDistinct(a.PieceLength), term.SizeDistinct(b.PieceLength))
	}
	return "files of the same size have no hash that shows more: they begin at another place in their pieces, or share them with files that differ"
}

// printChanges prints the keys that differ, with their values.
func (d *diffResult) printChanges(u *ui) {
	shown := 0
	for i, c := range d.Changes {
		switch {
		case diffLists[c.Key] != "" || c.Old == nil && c.New == nil: // the reasons name it
			continue
		case shown == 0:
			fmt.Fprintln(u.out)
		case shown == listLimit:
			_ = u.printText(u.more(len(d.Changes)-i, "key")) // the next Flush returns the error
			return
		}
		shown++
		u.printChange(c)
	}
}

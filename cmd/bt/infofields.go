package main

import (
	"fmt"
	"strings"
	"time"

	"bt/inspect"
	"bt/internal/term"
)

// An infoLines collects the fields that are printed, one per line.
type infoLines struct {
	u      *ui
	fields [][2]string
}

// add adds a field, unless its text is empty.
func (l *infoLines) add(name, text string) {
	if text != "" {
		l.fields = append(l.fields, [2]string{name, l.u.pal.Shorten(text, "--json has all of it")})
	}
}

// addIf adds a field if its value is known.
func (l *infoLines) addIf(known bool, name, text string) {
	if known {
		l.add(name, text)
	}
}

// addEach adds a field for each item, up to listLimit of them.
func (l *infoLines) addEach(name string, items []string, text func(string) string) {
	for i, item := range items {
		if i == listLimit {
			l.add(name, l.u.more(len(items)-i, name))
			return
		}
		l.add(name, text(item))
	}
}

// addTrackers adds a field for each tracker, up to listLimit of them.
func (l *infoLines) addTrackers(tiers [][]string) {
	n := 0
	for i, tier := range tiers {
		for _, url := range tier {
			if n++; n <= listLimit {
				l.add(fmt.Sprintf("tracker, tier %d", i+1), l.u.shownURL(url))
			}
		}
	}
	l.addIf(n > listLimit, "trackers", l.u.more(n-listLimit, "tracker"))
}

// printFields prints fields, their values wrapped to the width of the terminal, except a
// magnet link, which users copy.
func (u *ui) printFields(fields [][2]string) error {
	if u.env.width > 0 {
		keys := 0
		for _, f := range fields {
			keys = max(keys, len(f[0]))
		}
		for i, f := range fields {
			if f[0] != "magnet" {
				fields[i][1] = term.Wrap(f[1], u.env.width-keys-2)
			}
		}
	}
	return term.Fields(u.out, u.pal, 0, fields)
}

// infoFields returns the fields of a torrent or magnet link.
func infoFields(u *ui, x infoInput) [][2]string {
	l := infoLines{u: u}
	l.addIdentity(x)
	l.addTrackers(x.facts.Trackers)
	l.addOthers(x)
	return l.fields
}

// addIdentity adds the fields that say what a torrent is.
func (l *infoLines) addIdentity(x infoInput) {
	u, f := l.u, x.facts
	l.add("torrent", u.shownArg(x.name))
	l.add("name", f.Name)
	l.add("format", f.Format)
	l.fields = append(l.fields, hashFields(f.InfoHashV1, f.InfoHashV2)...)
	l.addIf(f.Size != inspect.Unknown, "size", term.SizeExact(f.Size))
	l.addIf(f.FileCount != inspect.Unknown, "files", term.Count(int64(f.FileCount)))
	l.addIf(f.PieceLength > 0, "pieces", u.pieces(f.PieceCount, f.PieceLength))
	l.addIf(f.HasPrivate, "private", map[bool]string{true: "yes", false: "no"}[f.Private])
	l.add("source", u.shownText(f.Source))
}

// addOthers adds the fields that are not about the trackers.
func (l *infoLines) addOthers(x infoInput) {
	u, f := l.u, x.facts
	l.addEach("web seed", f.WebSeeds, u.shownURL)
	l.addEach("http seed", f.HTTPSeeds, u.shownURL)
	var nodes []string
	for _, n := range f.Nodes {
		nodes = append(nodes, n.String())
	}
	l.addEach("dht node", nodes, func(s string) string { return s })
	l.add("comment", u.shownText(f.Comment))
	l.add("created by", u.shownText(f.CreatedBy))
	l.addIf(!f.CreationDate.IsZero(), "created", f.CreationDate.Format(time.RFC3339))
	l.add("encoding", f.Encoding)
	l.add("unknown keys", strings.Join(f.UnknownKeys, ", "))
	l.addIf(x.bare, "magnet", f.Magnet)
	l.addIf(f.TorrentSize != inspect.Unknown, "torrent size", term.SizeExact(int64(f.TorrentSize)))
}

// hashFields returns the fields of the info-hashes. For a v2 torrent they include
// the first 20 bytes, which trackers and the DHT use (BEP 52).
func hashFields(v1, v2 string) [][2]string {
	var fields [][2]string
	if v1 != "" {
		fields = append(fields, [2]string{"info-hash v1", v1})
	}
	if v2 != "" {
		fields = append(fields, [2]string{"info-hash v2", v2}, [2]string{"v2 truncated", v2[:40]})
	}
	return fields
}

package main

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"bt/internal/metainfo"
	"bt/internal/term"
	"bt/rewrite"
)

// retrackerDocument is the JSON of bt retracker for one input.
type retrackerDocument struct {
	Path          string             `json:"path"`
	Output        string             `json:"output"`
	Changed       bool               `json:"changed"`
	InfoHashV1    string             `json:"info_hash_v1,omitempty"`
	InfoHashV2    string             `json:"info_hash_v2,omitempty"`
	OldInfoHashV1 string             `json:"old_info_hash_v1,omitempty"` // only if it differs
	OldInfoHashV2 string             `json:"old_info_hash_v2,omitempty"`
	Changes       []changeDocument   `json:"changes"`
	Warnings      []retrackerWarning `json:"warnings"`
}

type changeDocument struct {
	Key string        `json:"key"`
	Old rewrite.Value `json:"old,omitempty"`
	New rewrite.Value `json:"new,omitempty"`
}

type retrackerWarning struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// retrackerPrinter prints the result of each input and a summary.
type retrackerPrinter struct {
	*ui
	dryRun, isList bool

	doc                        *jsonStream // nil unless JSON is printed
	total, changed, failedOnes int
	files, links               int
	noPasskey                  int  // trackers without a passkey, for --passkey
	hinted                     bool // the hint for trackers with two passkeys was printed
	hintedLast                 bool // the hint for last trackers was printed
}

func (p *retrackerPrinter) print(x retrackerResult) error {
	if p.skipForeign(x.input, x.err) {
		return nil
	}
	p.total++
	if x.err != nil {
		p.failedOnes++
		p.report(x.err)
		return p.add(p.failedInput(x.name, x.err))
	}
	p.unedited(x)
	if x.magnet != nil {
		p.links++
		return p.printMagnet(x)
	}
	p.files++
	for _, w := range x.result.Warnings {
		p.warn("%s: %s", x.name, w.Message)
	}
	if x.result.Changed {
		p.changed++
	}
	switch {
	case p.json:
		return p.add(documentOf(x))
	case x.output == stdinName && !p.dryRun || !x.result.Changed:
		return nil
	case p.dryRun:
		return stdoutError(p.printDifference(x))
	case p.quiet:
		return nil
	}
	return stdoutError(p.printChanged(x))
}

// unedited reports the trackers that the edit had to leave unchanged, and counts
// those without a passkey.
func (p *retrackerPrinter) unedited(x retrackerResult) {
	p.noPasskey += len(x.unedited.None)
	for i, u := range x.unedited.Unclear {
		if i == listLimit {
			p.report(failf(exitNo, "%s: %s with more than one passkey are not changed", p.shownArg(x.name), p.more(len(x.unedited.Unclear)-i, "tracker")))
			break
		}
		err := failf(exitNo, "%s: %s: %s", p.shownArg(x.name), p.shownURL(u), unclearPasskey)
		if !p.hinted {
			p.hinted = true
			err = withHint(err, "--replace OLD --with NEW replaces the one that you name")
		}
		p.report(err)
	}
	for i, u := range x.unedited.Last {
		if i == listLimit {
			p.warn("%s: %s that are dead are kept", p.shownArg(x.name), p.more(len(x.unedited.Last)-i, "tracker"))
			break
		}
		p.warn("%s: %s: %s", p.shownArg(x.name), p.shownURL(u), lastTracker)
		if !p.hintedLast {
			p.hintedLast = true
			p.hint("--force removes the last tracker too; --add names another")
		}
	}
}

const (
	unclearPasskey = "it has more than one passkey and is not changed"
	lastTracker    = "it is dead but kept, because it is the last tracker"
)

func withoutPasskey(n int) string { return count(n, "tracker") + " without a passkey not changed" }

// uneditedWarnings returns the JSON warnings for the same trackers. URLs are not
// masked.
func uneditedWarnings(x rewrite.Unedited) []retrackerWarning {
	list := []retrackerWarning{}
	for _, u := range x.Unclear {
		list = append(list, retrackerWarning{"two-passkeys", u + ": " + unclearPasskey})
	}
	if n := len(x.None); n > 0 {
		list = append(list, retrackerWarning{"no-passkey", withoutPasskey(n)})
	}
	for _, u := range x.Last {
		list = append(list, retrackerWarning{"last-tracker", u + ": " + lastTracker})
	}
	return list
}

// add writes a JSON document, if JSON is printed.
func (p *retrackerPrinter) add(doc any) error {
	if p.doc == nil {
		return nil
	}
	return p.doc.item(doc)
}

func (p *retrackerPrinter) finish() error {
	switch {
	case p.doc != nil:
		return p.doc.end()
	case p.quiet:
		return nil
	case p.links > 0 && p.files == 0: // stdout holds only links
		if p.noPasskey > 0 {
			p.warn("%s", withoutPasskey(p.noPasskey))
		}
		return nil
	}
	if p.isList || p.changed+p.failedOnes == 0 {
		_ = p.printText(p.summary()) // Flush returns the error
	}
	if p.noPasskey > 0 {
		_ = p.printText(withoutPasskey(p.noPasskey))
	}
	return stdoutError(p.out.Flush())
}

// summary returns the number of files that were changed.
func (p *retrackerPrinter) summary() string {
	verb := "changed"
	if p.dryRun {
		verb = "would change"
	}
	text := fmt.Sprintf("%s of %s %s", term.Count(int64(p.changed)), count(p.total, "file"), verb)
	if p.failedOnes > 0 {
		text += ", " + p.pal.Red(term.Count(int64(p.failedOnes))+" failed")
	}
	return text
}

func documentOf(x retrackerResult) retrackerDocument {
	r := x.result
	doc := retrackerDocument{Path: x.name, Output: x.output, Changed: r.Changed, Changes: []changeDocument{}, Warnings: uneditedWarnings(x.unedited)}
	for _, c := range r.Changes {
		doc.Changes = append(doc.Changes, changeDocument(c))
	}
	for _, w := range r.Warnings {
		doc.Warnings = append(doc.Warnings, retrackerWarning(w))
	}
	if r.New != nil {
		doc.InfoHashV1, doc.InfoHashV2 = r.New.HexV1(), r.New.HexV2()
		if old := r.Old.HexV1(); old != doc.InfoHashV1 {
			doc.OldInfoHashV1 = old
		}
		if old := r.Old.HexV2(); old != doc.InfoHashV2 {
			doc.OldInfoHashV2 = old
		}
	}
	return doc
}

func (p *retrackerPrinter) printMagnet(x retrackerResult) error {
	old, err := metainfo.ParseMagnet(x.name)
	if err != nil {
		return err
	}
	link := x.magnet.String()
	changed := link != old.String()
	if changed {
		p.changed++
	} else {
		link = metainfo.TrimMagnet(x.name) // as the user wrote it
	}
	if p.json {
		doc := retrackerDocument{
			Path: x.name, Output: link, Changed: changed, Changes: []changeDocument{}, Warnings: uneditedWarnings(x.unedited),
		}
		for _, list := range []struct {
			key      string
			old, new []string
		}{{"tr", old.Trackers, x.magnet.Trackers}, {"ws", old.WebSeeds, x.magnet.WebSeeds}} {
			if !slices.Equal(list.old, list.new) {
				doc.Changes = append(doc.Changes, changeDocument{Key: list.key, Old: rewrite.Texts(list.old), New: rewrite.Texts(list.new)})
			}
		}
		if old.HasV1 {
			doc.InfoHashV1 = hex.EncodeToString(old.V1[:])
		}
		if old.HasV2 {
			doc.InfoHashV2 = hex.EncodeToString(old.V2[:])
		}
		return p.add(doc)
	}
	_, err = fmt.Fprintln(p.out, term.Safe(link))
	return stdoutError(err)
}

// printChanged prints one line with the keys that were changed.
func (p *retrackerPrinter) printChanged(x retrackerResult) error {
	var keys []string
	for _, c := range x.result.Changes {
		keys = append(keys, c.Key)
	}
	line := term.Safe(x.output) + ": " + term.Safe(strings.Join(keys, ", "))
	if err := p.printText(line); err != nil {
		return err
	}
	return p.printHashes(x)
}

// printHashes prints the old and new info-hashes of a torrent whose info dict was
// changed.
func (p *retrackerPrinter) printHashes(x retrackerResult) error {
	old, new := x.result.Old, x.result.New
	if old == nil {
		return nil
	}
	for _, h := range [][3]string{{"info-hash v1", old.HexV1(), new.HexV1()}, {"info-hash v2", old.HexV2(), new.HexV2()}} {
		if h[1] == h[2] {
			continue
		}
		_ = p.printColored(p.pal.Red, "- "+h[0]+"  "+h[1]) // the next line returns the error too
		if err := p.printColored(p.pal.Green, "+ "+h[0]+"  "+h[2]); err != nil {
			return err
		}
	}
	return nil
}

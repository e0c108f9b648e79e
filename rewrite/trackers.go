package rewrite

import (
	"cmp"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"bt/internal/bencode"
	"bt/internal/metainfo"
)

// A TrackerEdit changes the tiers of trackers (BEP 12). The zero TrackerEdit changes
// nothing. The fields are applied in order.
type TrackerEdit struct {
	Set   bool       // replace all tiers by Tiers
	Tiers [][]string // if empty, Set removes all trackers

	Remove   []string              // remove the trackers that match any of these patterns; see [MatchURL]
	Drop     func(url string) bool // if not nil, remove the trackers for which it returns true
	KeepLast bool                  // do not let Drop remove the last tracker

	Replace []Replacement

	// Passkey, if not empty, replaces the passkey of each tracker: the value of a query
	// key such as passkey or torrent_pass, or else the only path segment that looks like
	// a passkey. Result.Unedited lists the trackers with no or several candidates.
	Passkey string

	Add    []Addition
	Dedupe bool // remove duplicates, also those that are spelled differently
}

// A Replacement changes the text of tracker URLs.
type Replacement struct {
	How      How
	Old, New string
	Regexp   *regexp.Regexp // for HowRegexp, instead of Old; New may contain $1
}

// How says what a Replacement replaces.
type How uint8

// The kinds of replacements.
const (
	HowLiteral How = iota // all occurrences of Old
	HowRegexp             // all matches of Regexp
	HowHost               // the host of a URL if it is Old, which may have a port
)

// String returns "literal", "regexp" or "host".
func (h How) String() string { return [...]string{"literal", "regexp", "host"}[h] }

// MatchURL reports whether a URL matches a pattern, which is one of:
//
//   - the URL itself
//   - its host, with or without a port
//   - a glob: over the whole URL, and without "://" also over its host. In a glob *
//     matches any text, slashes included, [a-z] one of a class of characters, and ?
//     one character; but in a glob with "://" a ? is a question mark.
func MatchURL(rawURL, pattern string) bool { return metainfo.MatchURL(rawURL, pattern) }

// An Addition adds trackers to one tier, except those that are in any tier already.
type Addition struct {
	URLs []string
	Tier int // counted from 1; First means a new first tier; 0, or a tier that does not exist, a new last one
}

// First is the Tier of an Addition that makes a new first tier.
const First = -1

// checkTracker returns an error if a URL is not valid for a tracker.
func checkTracker(u string) error {
	if err := metainfo.CheckURL(u, metainfo.TrackerSchemes...); err != nil {
		return fmt.Errorf("the tracker %q %w", metainfo.MaskURL(u), err)
	}
	return nil
}

// Unedited lists the trackers that a TrackerEdit could not change, each once.
type Unedited struct {
	Unclear []string // trackers with several candidates for the passkey
	None    []string // trackers without a passkey
	Last    []string // the last tracker, which KeepLast keeps
}

// note records a tracker that does not have exactly one candidate for the passkey.
func (p *Unedited) note(u string, candidates int) {
	list := &p.Unclear
	switch candidates {
	case 1:
		return
	case 0:
		list = &p.None
	}
	if !slices.Contains(*list, u) {
		*list = append(*list, strings.Clone(u))
	}
}

// keep records a tracker that was dropped and is kept because it is the last.
func (p *Unedited) keep(u string) {
	if !slices.Contains(p.Last, u) {
		p.Last = append(p.Last, u)
	}
}

// apply returns the tiers after the edit. Edits of single trackers apply only to those
// that match; nil matches all.
func (e *TrackerEdit) apply(tiers [][]string, match func(url string) bool, unedited *Unedited) ([][]string, error) {
	if e.Set {
		tiers = e.Tiers
	}
	dropped := "" // the first tracker that Drop removes
	edited, err := editMatching(tiers, match, func(u string) (string, error) {
		switch {
		case e.removes(u):
			return "", nil
		case e.Drop != nil && e.Drop(u):
			dropped = cmp.Or(dropped, u)
			return "", nil
		}
		return e.rewrite(u, unedited)
	})
	if err != nil {
		return nil, err
	}
	for _, a := range e.Add {
		edited = a.apply(edited)
	}
	if e.KeepLast && dropped != "" && len(edited) == 0 {
		edited = [][]string{{dropped}}
		unedited.keep(dropped)
	}
	if e.Dedupe {
		edited = metainfo.DistinctTrackers(edited)
	}
	return edited, nil
}

// editMatching returns a copy of the tiers in which each tracker that matches is
// replaced by the result of edit, or removed if that is empty. Empty tiers are left out.
func editMatching(tiers [][]string, match func(url string) bool, edit func(url string) (string, error)) ([][]string, error) {
	var edited [][]string
	for _, tier := range tiers {
		var urls []string
		for _, u := range tier {
			if match == nil || match(u) {
				var err error
				if u, err = edit(u); err != nil {
					return nil, err
				}
				if u == "" {
					continue
				}
			}
			urls = append(urls, u)
		}
		if len(urls) > 0 {
			edited = append(edited, urls)
		}
	}
	return edited, nil
}

func (e *TrackerEdit) removes(u string) bool {
	return slices.ContainsFunc(e.Remove, func(pattern string) bool { return metainfo.MatchURL(u, pattern) })
}

// rewrite changes the text of one URL. The result is empty if a replacement deletes all
// of an invalid URL.
func (e *TrackerEdit) rewrite(old string, unedited *Unedited) (string, error) {
	u := old
	for _, r := range e.Replace {
		switch r.How {
		case HowLiteral:
			u = strings.ReplaceAll(u, r.Old, r.New)
		case HowRegexp:
			u = r.Regexp.ReplaceAllString(u, r.New)
		case HowHost:
			u, _ = metainfo.ReplaceHost(u, r.Old, r.New)
		}
	}
	if e.Passkey != "" {
		edited, candidates := metainfo.ReplacePasskey(u, e.Passkey)
		unedited.note(u, candidates)
		u = edited
	}
	if u == old {
		return u, nil // even if it is invalid
	}
	u = strings.TrimSpace(u) // as a parser does
	if checkTracker(old) != nil {
		return u, nil // it was invalid before the edit
	}
	return u, checkTracker(u)
}

func (a *Addition) apply(tiers [][]string) [][]string {
	var missing []string
	for _, u := range a.URLs {
		if !slices.ContainsFunc(tiers, func(tier []string) bool { return slices.Contains(tier, u) }) && !slices.Contains(missing, u) {
			missing = append(missing, u)
		}
	}
	switch {
	case len(missing) == 0:
		return tiers
	case a.Tier == First:
		return slices.Insert(tiers, 0, missing)
	case a.Tier < 1 || a.Tier > len(tiers):
		return append(tiers, missing)
	}
	tiers[a.Tier-1] = append(tiers[a.Tier-1], missing...)
	return tiers
}

func same(a, b [][]string) bool { return len(a) == 0 && len(b) == 0 || reflect.DeepEqual(a, b) }

func contains(tiers [][]string, u string) bool {
	return slices.ContainsFunc(tiers, func(tier []string) bool { return slices.Contains(tier, u) })
}

func tierList(tiers [][]string) []byte {
	var e bencode.Encoder
	e.List()
	for _, tier := range tiers {
		e.List()
		for _, u := range tier {
			e.String(u)
		}
		e.End()
	}
	e.End()
	return e.Bytes()
}

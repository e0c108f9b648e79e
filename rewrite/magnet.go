package rewrite

import (
	"errors"
	"slices"
)

// Magnet applies the edit to a magnet link. It returns the edited link and the trackers
// that the edit could not change. Only the trackers, each in a tier of its own, and web
// seeds of a link can be edited. Any other edit is an error.
func (e *Edit) Magnet(m *Magnet) (*Magnet, Unedited, error) {
	ed := newMagnetEditing(m)
	for i := range e.Rules {
		if rule := &e.Rules[i]; rule.matches(ed.tiers) {
			if err := ed.apply(&rule.Edit, rule.Match); err != nil {
				return nil, Unedited{}, err
			}
		}
	}
	if err := ed.apply(e, nil); err != nil {
		return nil, Unedited{}, err
	}
	ed.link.Trackers = slices.Concat(ed.tiers...)
	return &ed.link, ed.unedited, nil
}

// magnetEditing is the state of applying an edit to a magnet link.
type magnetEditing struct {
	link     Magnet
	tiers    [][]string
	unedited Unedited
}

func newMagnetEditing(m *Magnet) *magnetEditing {
	ed := &magnetEditing{link: *m}
	ed.link.Findings = nil // those of m do not apply to the edited link
	ed.link.WebSeeds = slices.Clone(m.WebSeeds)
	for _, u := range m.Trackers {
		ed.tiers = append(ed.tiers, []string{u})
	}
	return ed
}

// apply applies one edit. Edits of single trackers apply only to those that match; nil
// matches all.
func (ed *magnetEditing) apply(e *Edit, match func(url string) bool) (err error) {
	if e.needsTorrent() || e.NoHTTPSeeds || len(e.HTTPSeeds) > 0 {
		return errors.New("a magnet link has only trackers and web seeds to edit")
	}
	if e.NoWebSeeds {
		ed.link.WebSeeds = nil
	}
	for _, u := range e.WebSeeds {
		if !slices.Contains(ed.link.WebSeeds, u) {
			ed.link.WebSeeds = append(ed.link.WebSeeds, u)
		}
	}
	ed.tiers, err = e.Trackers.apply(ed.tiers, match, &ed.unedited)
	return err
}

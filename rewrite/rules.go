package rewrite

import "slices"

// A Rule is an edit of torrents that have a matching tracker.
type Rule struct {
	// Match reports whether a tracker matches; it may use [MatchURL]. Edits of single
	// trackers (Remove, Drop, Replace, Passkey) apply to matching trackers only, so that
	// no tracker gets the passkey of another.
	Match func(url string) bool

	Edit Edit // Whole, Rules and NewInfoHash are ignored
}

func (r *Rule) matches(tiers [][]string) bool {
	return slices.ContainsFunc(tiers, func(tier []string) bool { return slices.ContainsFunc(tier, r.Match) })
}

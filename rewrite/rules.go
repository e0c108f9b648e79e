package rewrite

import "slices"

// A Rule is an edit for torrents that have a tracker that matches.
type Rule struct {
	// Match picks trackers. What the edit does to single trackers (remove,
	// replace, passkey) it does to these alone: no tracker gets the passkey of
	// another.
	Match func(url string) bool
	Edit  Edit // of which Whole, Rules and NewInfoHash mean nothing here
}

func (r *Rule) matches(tiers [][]string) bool {
	return slices.ContainsFunc(tiers, func(tier []string) bool { return slices.ContainsFunc(tier, r.Match) })
}

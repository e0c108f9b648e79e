package rewrite

import "slices"

// A Rule is an edit of those torrents that have a tracker that matches.
type Rule struct {
	// Match reports whether the rule is about a tracker; [MatchURL] helps. What Edit
	// does to single trackers (Remove, Drop, Replace, Passkey) it does to these alone,
	// so that no tracker gets the passkey of another.
	Match func(url string) bool

	Edit Edit // Whole, Rules and NewInfoHash are ignored
}

func (r *Rule) matches(tiers [][]string) bool {
	return slices.ContainsFunc(tiers, func(tier []string) bool { return slices.ContainsFunc(tier, r.Match) })
}

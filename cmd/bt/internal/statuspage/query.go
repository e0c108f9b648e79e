package statuspage

import (
	"cmp"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"bt/seed"
)

// A pageQuery is the parsed query of /status.json.
type pageQuery struct {
	words         []string // in lower case
	states        []seed.State
	trouble       bool
	compare       func(a, b *namedTorrent) int // nil for the order of the seed
	offset, limit int
	history       bool
}

// A namedTorrent is a torrent and its name in lower case, for searching and
// sorting.
type namedTorrent struct {
	*seed.TorrentStatus
	name string
}

var pageOrders = map[string]func(a, b *namedTorrent) int{
	"name":     func(a, b *namedTorrent) int { return strings.Compare(a.name, b.name) },
	"state":    func(a, b *namedTorrent) int { return cmp.Compare(a.State, b.State) },
	"size":     func(a, b *namedTorrent) int { return cmp.Compare(a.Size, b.Size) },
	"uploaded": func(a, b *namedTorrent) int { return cmp.Compare(a.Uploaded, b.Uploaded) },
	"ratio":    func(a, b *namedTorrent) int { return cmp.Compare(ratio(a.TorrentStatus), ratio(b.TorrentStatus)) },
	"rate":     func(a, b *namedTorrent) int { return cmp.Compare(a.Rate, b.Rate) },
	"peers":    func(a, b *namedTorrent) int { return cmp.Compare(len(a.Peers), len(b.Peers)) },
	"tracker":  compareTrackers,
}

// compareTrackers orders torrents by their trackers: working before failing, then
// by message.
func compareTrackers(a, b *namedTorrent) int {
	key := func(t *namedTorrent) (place int, message string) {
		tr := mainTracker(t.TorrentStatus)
		switch {
		case tr == nil:
			return 0, ""
		case tr.Failed:
			return 2, tr.Message
		}
		return 1, tr.Message
	}
	aPlace, aMessage := key(a)
	bPlace, bMessage := key(b)
	return cmp.Or(cmp.Compare(aPlace, bPlace), strings.Compare(aMessage, bMessage))
}

// parsePageQuery parses a query. It rejects unknown keys and values: to ignore a
// misspelt filter would show too much.
func parsePageQuery(raw string) (*pageQuery, error) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return nil, err
	}
	q := &pageQuery{limit: math.MaxInt}
	for key, list := range values {
		value := list[len(list)-1]
		switch key {
		case "q":
			q.words = strings.Fields(strings.ToLower(value))
		case "state":
			for _, v := range list {
				if !slices.Contains(pageStates, seed.State(v)) {
					return nil, fmt.Errorf("state=%q: unknown state; the states are %q", v, pageStates)
				}
				q.states = append(q.states, seed.State(v))
			}
		case "trouble":
			q.trouble, err = strconv.ParseBool(value)
		case "history":
			q.history, err = strconv.ParseBool(value)
		case "offset":
			q.offset, err = parseCount(value)
		case "limit":
			q.limit, err = parseCount(value)
		case "sort":
			name, descending := strings.CutPrefix(value, "-")
			order, ok := pageOrders[name]
			if !ok {
				return nil, fmt.Errorf("sort=%q: unknown key", value)
			}
			q.compare = order
			if descending {
				q.compare = func(a, b *namedTorrent) int { return order(b, a) }
			}
		default:
			return nil, fmt.Errorf("%q: unknown parameter", key)
		}
		if err != nil {
			return nil, fmt.Errorf("%s=%q: %w", key, value, err)
		}
	}
	return q, nil
}

func parseCount(s string) (int, error) {
	n, err := strconv.ParseUint(s, 10, 31)
	return int(n), err
}

// choose returns the torrents that match the query, in its order.
func (q *pageQuery) choose(torrents []seed.TorrentStatus) []*seed.TorrentStatus {
	chosen := make([]namedTorrent, 0, len(torrents))
	for i := range torrents {
		t := namedTorrent{TorrentStatus: &torrents[i]}
		if q.trouble && !hasProblem(t.TorrentStatus) || len(q.states) > 0 && !slices.Contains(q.states, t.State) {
			continue
		}
		if q.compare != nil || q.words != nil {
			t.name = strings.ToLower(t.Name)
		}
		if !slices.ContainsFunc(q.words, func(w string) bool { return !t.has(w) }) {
			chosen = append(chosen, t)
		}
	}
	if q.compare != nil {
		slices.SortStableFunc(chosen, func(a, b namedTorrent) int {
			if c := q.compare(&a, &b); c != 0 {
				return c
			}
			return strings.Compare(a.name, b.name)
		})
	}
	list := make([]*seed.TorrentStatus, len(chosen))
	for i := range chosen {
		list[i] = chosen[i].TorrentStatus
	}
	return list
}

func (t *namedTorrent) has(word string) bool {
	return strings.Contains(t.name, word) || strings.HasPrefix(t.InfoHashV1, word) || strings.HasPrefix(t.InfoHashV2, word)
}

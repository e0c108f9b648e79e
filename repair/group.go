package repair

import (
	"maps"
	"slices"
)

// groups returns the changes in groups, in the order of their first files. Changes that
// share a piece are a group, as they are proven together, and so are a change that replaces
// a file and one that gets bytes from that file: nothing else may have them.
func (p *placement) groups() (groups [][]*change) {
	group := make(map[int]int) // by file
	first := make(map[int]int) // the first file of a group that was joined with another
	find := func(i int) int {
		root := i
		for next, ok := first[root]; ok; next, ok = first[root] {
			root = next
		}
		for i != root { // chains stay short
			first[i], i = root, first[i]
		}
		return root
	}
	join := func(i, k int) {
		if a, b := find(i), find(k); a != b {
			first[max(a, b)] = min(a, b)
		}
	}
	for _, index := range slices.Sorted(maps.Keys(p.writes)) {
		writes := p.writes[index]
		for _, w := range writes[1:] {
			join(writes[0].File, w.File)
		}
	}
	for i, readers := range p.readers {
		for _, k := range readers {
			join(i, k)
		}
	}
	for _, i := range slices.Sorted(maps.Keys(p.changes)) {
		k, ok := group[find(i)]
		if !ok {
			k = len(groups)
			group[find(i)] = k
			groups = append(groups, nil)
		}
		groups[k] = append(groups[k], p.changes[i])
	}
	return groups
}

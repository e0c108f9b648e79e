package picker

import "slices"

// A rarity keeps pieces in the order of their availability. Each availability has its own
// group in the order, and a piece moves to the next group by one swap.
type rarity struct {
	order []uint32 // pieces to choose from, those that the fewest peers have first
	place []uint32 // of each piece in order, or absent
	count []uint32 // peers that have each piece, not counting those that have all
	first []uint32 // first[n] is the place of the group that n peers have; the last one is len(order)
	stale bool     // order and first are to be sorted
}

const absent = ^uint32(0)

func newRarity(pieces int) rarity {
	r := rarity{order: make([]uint32, 0, pieces), place: make([]uint32, pieces), count: make([]uint32, pieces)}
	for i := range r.place {
		r.place[i] = absent
	}
	r.sort()
	return r
}

// has reports whether a piece is among those to choose from.
func (r *rarity) has(piece int) bool { return r.place[piece] != absent }

// sort sorts the pieces into their groups.
func (r *rarity) sort() {
	r.first = append(r.first[:0], 0, 0)
	for piece, n := range r.count {
		if !r.has(piece) {
			continue
		}
		for len(r.first) < int(n)+2 {
			r.first = append(r.first, 0)
		}
		r.first[n+1]++
	}
	for n := range len(r.first) - 1 {
		r.first[n+1] += r.first[n]
	}
	next := slices.Clone(r.first) // where the rest of each group is to be
	for piece, n := range r.count {
		if r.has(piece) {
			i := next[n]
			next[n]++
			r.order[i], r.place[piece] = uint32(piece), i
		}
	}
	r.stale = false
}

func (r *rarity) swap(i, j uint32) {
	a, b := r.order[i], r.order[j]
	r.order[i], r.order[j] = b, a
	r.place[a], r.place[b] = j, i
}

// raise counts one more peer that has the piece.
func (r *rarity) raise(piece int) {
	n := r.count[piece]
	r.count[piece]++
	if r.stale || !r.has(piece) {
		return
	}
	r.extend(n + 1)
	r.first[n+1]--
	r.swap(r.place[piece], r.first[n+1])
}

// lower counts one peer less that has the piece.
func (r *rarity) lower(piece int) {
	n := r.count[piece]
	r.count[piece]--
	if r.stale || !r.has(piece) {
		return
	}
	r.swap(r.place[piece], r.first[n])
	r.first[n]++
}

// extend makes sure that there is a group that n peers have.
func (r *rarity) extend(n uint32) {
	for len(r.first) < int(n)+2 {
		r.first = append(r.first, r.first[len(r.first)-1])
	}
}

// add adds a piece to those to choose from.
func (r *rarity) add(piece int) {
	i := uint32(len(r.order))
	r.order = append(r.order, uint32(piece))
	r.place[piece] = i
	if r.stale {
		return
	}
	n := r.count[piece]
	r.extend(n)
	last := uint32(len(r.first) - 1)
	r.first[last]++
	for group := last - 1; group > n; group-- { // the first of each group becomes its last
		to := r.first[group]
		r.swap(i, to)
		r.first[group]++
		i = to
	}
}

// remove removes a piece from those to choose from.
func (r *rarity) remove(piece int) {
	i := r.place[piece]
	if r.stale {
		r.swap(i, uint32(len(r.order)-1))
	} else {
		for group := int(r.count[piece]); group+1 < len(r.first); group++ { // the last of each group becomes its first
			r.first[group+1]--
			r.swap(i, r.first[group+1])
			i = r.first[group+1]
		}
	}
	r.order = r.order[:len(r.order)-1]
	r.place[piece] = absent
}

// group returns the pieces to choose from that n peers have.
func (r *rarity) group(n int) []uint32 { return r.order[r.first[n]:r.first[n+1]] }

// groups returns the number of groups.
func (r *rarity) groups() int { return len(r.first) - 1 }

package infofetch

import (
	"slices"
	"time"
)

// finish checks an attempt that has all pieces, and returns the liars that it proves.
func (f *Fetch[P]) finish(a *attempt[P], now time.Time) (liars []P) {
	if f.sums != nil {
		f.succeed(a)
		return nil
	}
	if a.proves(&f.options) {
		return f.prove(a)
	}
	f.release(a)
	givers := a.givers(func(int, gift[P]) bool { return true })
	if len(givers) == 1 {
		a.start(now)
		return f.convict(givers)
	}
	for piece := range a.got {
		a.drop(piece)
	}
	f.mixed[a.size] = a.got
	f.remove(a)
	for _, s := range f.order {
		if s.attempt == a {
			f.assign(s)
		}
	}
	return nil
}

// givers returns the peers that have given some of the pieces for which f returns true.
func (a *attempt[P]) givers(f func(piece int, g gift[P]) bool) (givers []*source[P]) {
	for i := range a.pieces() {
		if g, ok := a.got[i]; ok && f(i, g) && !slices.Contains(givers, g.from) {
			givers = append(givers, g.from)
		}
	}
	return givers
}

// convict excludes peers that have lied.
func (f *Fetch[P]) convict(guilty []*source[P]) (liars []P) {
	for _, s := range guilty {
		liars = append(liars, s.id)
		f.exclude(s)
	}
	return liars
}

// prove takes the hashes of the pieces from an attempt that is proven, and returns the
// peers that have sent other pieces. It is no proof of a lie to name another size. All
// peers that name the right one supply what the attempt has not kept.
func (f *Fetch[P]) prove(a *attempt[P]) (liars []P) {
	f.sums = make([][32]byte, a.pieces())
	for i := range f.sums {
		f.sums[i] = a.got[i].sum
	}
	var guilty []*source[P]
	for _, o := range append(f.attempts, &attempt[P]{size: a.size, got: f.mixed[a.size]}) {
		if o.size != a.size {
			continue
		}
		for _, s := range o.givers(func(piece int, g gift[P]) bool { return g.sum != f.sums[piece] }) {
			if !slices.Contains(guilty, s) {
				guilty = append(guilty, s)
			}
		}
	}
	a.joint = true
	f.attempts, f.mixed = []*attempt[P]{a}, nil
	for _, s := range f.order {
		if s.Lapse(); s.size == a.size {
			s.attempt = a
		} else {
			s.attempt = nil
		}
	}
	f.order = slices.DeleteFunc(f.order, func(s *source[P]) bool { return s.attempt == nil })
	liars = f.convict(guilty)
	a.thin, a.next, a.again = false, 0, nil
	for piece, g := range a.got {
		if g.data == nil {
			delete(a.got, piece)
		}
	}
	if len(a.got) == a.pieces() {
		f.succeed(a)
	}
	return liars
}

// succeed keeps the info dict.
func (f *Fetch[P]) succeed(a *attempt[P]) {
	f.info = make([]byte, 0, a.size)
	for i := range a.pieces() {
		f.info = append(f.info, a.got[i].data...)
	}
	for _, s := range f.order {
		s.attempt = nil
	}
	f.order, f.attempts, f.sums = nil, nil, nil
}

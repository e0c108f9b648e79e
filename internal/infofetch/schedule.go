package infofetch

import (
	"slices"
	"time"
)

// At most maxYoung attempts are in their first youth. This keeps many peers from sending
// all pieces at once, where one of them will do.
const (
	maxYoung = 8
	youth    = 10 * time.Second
)

// assign gives a peer its attempt: one of its own if the joint attempt for its size has
// failed.
func (f *Fetch[P]) assign(s *source[P]) {
	joint := f.mixed[s.size] == nil
	if joint {
		for _, a := range f.attempts {
			if a.size == s.size {
				s.attempt = a
				return
			}
		}
	}
	s.attempt = &attempt[P]{size: s.size, joint: joint}
	f.attempts = append(f.attempts, s.attempt)
}

// remove removes an attempt.
func (f *Fetch[P]) remove(a *attempt[P]) {
	f.attempts = slices.DeleteFunc(f.attempts, func(o *attempt[P]) bool { return o == a })
}

// release lapses the requests of an attempt. Late answers are still accepted.
func (f *Fetch[P]) release(a *attempt[P]) {
	for _, s := range f.order {
		if s.attempt == a {
			s.Lapse()
		}
	}
}

// schedule starts the attempts that wait, in their order.
func (f *Fetch[P]) schedule(now time.Time) {
	young := 0
	for _, a := range f.attempts {
		if a.runs() && now.Sub(a.began) < youth {
			young++
		}
	}
	for _, a := range f.attempts {
		if !a.runs() && young < maxYoung {
			a.start(now)
			young++
		}
	}
}

// trim makes the attempts thin that hold most, if all together hold too much.
func (f *Fetch[P]) trim() {
	for {
		sum := 0
		var most *attempt[P]
		for _, a := range f.attempts {
			sum += a.held
			if !a.thin && (most == nil || a.held > most.held) {
				most = a
			}
		}
		if sum <= f.options.MaxSize || most == nil {
			return
		}
		most.makeThin()
	}
}

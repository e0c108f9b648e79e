package client

import "errors"

// sampleSize is the number of torrents that are scraped one by one if the tracker has
// answered for none.
const sampleSize = 64

// A probe scrapes a sample of torrents one by one. If all of the sample fail with the
// same status, the rest fail with it too: nine thousand more requests would only annoy
// the tracker. Torrents are indexes. A probe uses neither the network nor a clock.
type probe struct {
	running bool
	alone   []int  // to be scraped one by one
	held    []int  // wait for the verdict
	verdict *Error // the error of all that were scraped; nil: none yet
	mixed   bool   // their statuses differ
}

// start begins a probe of the torrents.
func (p *probe) start(torrents []int) {
	*p = probe{running: true}
	n := len(torrents)
	for i, at := range torrents {
		if n <= sampleSize || i == 0 || i*sampleSize/n != (i-1)*sampleSize/n {
			p.alone = append(p.alone, at)
		} else {
			p.held = append(p.held, at)
		}
	}
}

// next takes a torrent of the sample, as a list; nil: all were taken.
func (p *probe) next() []int {
	if len(p.alone) == 0 {
		return nil
	}
	at := p.alone[:1:1]
	p.alone = p.alone[1:]
	return at
}

// judge records the error of a torrent that was scraped alone.
func (p *probe) judge(e *Error) {
	switch {
	case !p.running || p.mixed:
	case p.verdict == nil:
		p.verdict = e
	case p.verdict.Status != e.Status:
		p.verdict, p.mixed = nil, true
	case p.verdict.Msg != e.Msg && p.verdict.Err != errLikeOthers:
		p.verdict = &Error{Status: e.Status, Msg: "as it does with others that were asked about first: " + e.Msg, Err: errLikeOthers}
	}
}

// end ends the probe. It returns the torrents that were not scraped, and the verdict on
// them, nil if there is none.
func (p *probe) end() (held []int, verdict *Error) {
	held, verdict = p.held, p.verdict
	*p = probe{}
	return held, verdict
}

// errLikeOthers is wrapped by a verdict on torrents whose errors have the same status
// and different messages.
var errLikeOthers = errors.New("by a sample")

package main

import (
	"errors"
	"fmt"
	"strings"

	"bt/get"
	"bt/internal/netguard"
	"bt/internal/term"
)

// shownWebSeeds is the maximum number of web seeds of which a live screen has a line.
const shownWebSeeds = 4

// webSeedEvent returns the JSON of an event of a web seed.
func (s *getScreen) webSeedEvent(e get.EventWebSeed) jsonEvent {
	d := s.about("web-seed")
	d.URL, d.State, d.Downloaded, d.Error = s.shownURL(e.URL), string(e.State), &e.Downloaded, s.webSeedError(e.Err)
	return d
}

// webSeedText describes the state of a web seed.
func (s *getScreen) webSeedText(url string, state get.WebSeedState, err error) string {
	text := s.shownURL(url)
	switch state {
	case get.WebSeedUsed:
		return text + " is used"
	case get.WebSeedFailed:
		return text + " is asked again later: " + s.webSeedError(err)
	case get.WebSeedDropped:
		return text + " is not used any more: " + s.webSeedError(err)
	}
	return text
}

// webSeedError returns the text of the error of a web seed, or "".
func (s *getScreen) webSeedError(err error) string {
	if _, private := errors.AsType[*netguard.Error](err); private {
		return s.errorText(err) + "; --allow-local allows it"
	}
	return s.errorText(err)
}

// webSeedFields returns the field of the live screen about web seeds, if there are any: how
// many, and a line for each of the first ones that are used or have failed.
func (s *getScreen) webSeedFields(list []get.WebSeedStatus) [][2]string {
	if len(list) == 0 {
		return nil
	}
	usable, sending := 0, 0
	var lines []string
	for i := range list {
		w := &list[i]
		if w.State != get.WebSeedDropped {
			usable++
		}
		if w.DownloadRate > 0 {
			sending++
		}
		if w.State == get.WebSeedUnused || len(lines) == shownWebSeeds {
			continue
		}
		text := s.webSeedText(w.URL, w.State, w.Err)
		if w.State == get.WebSeedUsed {
			text = fmt.Sprintf("%s: %s, %s", s.shownURL(w.URL), term.Rate(float64(w.DownloadRate)), term.Size(w.Downloaded))
		}
		lines = append(lines, term.Safe(text))
	}
	head := fmt.Sprintf("%s, %s sending", term.Count(int64(usable)), term.Count(int64(sending)))
	if usable < len(list) {
		head += fmt.Sprintf(", %s dropped", term.Count(int64(len(list)-usable)))
	}
	return [][2]string{{"web seeds", strings.Join(append([]string{head}, lines...), "\n")}}
}

package get

import "time"

// A WebSeedState is the state of a web seed.
type WebSeedState string

// States of web seeds.
const (
	WebSeedUnused  WebSeedState = "unused"  // it has sent nothing yet
	WebSeedUsed    WebSeedState = "used"    // it has sent blocks
	WebSeedFailed  WebSeedState = "failed"  // it has failed, and is asked again later
	WebSeedDropped WebSeedState = "dropped" // it is not asked again
)

// A WebSeedStatus is a snapshot of one web seed.
type WebSeedStatus struct {
	URL          string // may contain a password
	State        WebSeedState
	Err          error // why it is not used; nil unless it has failed or was dropped
	Downloaded   int64 // bytes of blocks that it has sent
	DownloadRate int64 // bytes per second, over the last seconds
	Connections  int
}

// become changes the state of the web seed, and emits an event. Getter.mu is locked.
func (w *webSeed) become(s WebSeedState, err error) {
	w.state, w.err = s, err
	if w.isMixed() {
		if s == WebSeedDropped {
			w.getter.events.Put(EventWarning{errMixed})
		}
		return
	}
	w.getter.events.Put(EventWebSeed{URL: w.url, State: s, Downloaded: w.sent, Err: err})
}

// fail records that the last requests have failed.
func (w *webSeed) fail(err error) {
	w.getter.mu.Lock()
	defer w.getter.mu.Unlock()
	w.failed = time.Now()
	if w.isUsable() && w.state != WebSeedFailed {
		w.become(WebSeedFailed, err)
		w.getter.mix(w.getter.missingFiles()) // others may give what it does not
	}
}

// count counts a block that has arrived. Getter.mu is locked.
func (w *webSeed) count(bytes int64) {
	if w.sent += bytes; w.isUsable() && w.state != WebSeedUsed {
		failed := w.state == WebSeedFailed
		if w.become(WebSeedUsed, nil); failed {
			w.getter.mix(w.getter.missingFiles())
		}
	}
}

// status returns the status of the web seed. Getter.mu is locked.
func (w *webSeed) status() WebSeedStatus {
	return WebSeedStatus{
		URL: w.url, State: w.state, Err: w.err, Downloaded: w.sent, DownloadRate: int64(w.speed.Rate), Connections: len(w.conns),
	}
}

// measureWebSeeds updates the rates of the web seeds, and returns how many are in use and how
// many connections they have. It is called once per second with g.mu locked.
func (g *Getter) measureWebSeeds() (used, conns int) {
	for _, w := range g.web {
		w.speed.Tick(w.sent, len(w.conns))
		if conns += len(w.conns); w.state == WebSeedUsed {
			used++
		}
	}
	return used, conns
}

// fromWebSeeds returns the bytes of blocks that web seeds have sent.
func (g *Getter) fromWebSeeds() (bytes int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, w := range g.web {
		bytes += w.sent
	}
	return bytes
}

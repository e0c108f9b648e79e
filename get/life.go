package get

import (
	"slices"
	"time"
)

// A State is the state of a Getter.
type State string

// States of a Getter.
const (
	StateMetadata    State = "metadata" // fetches the torrent from peers
	StateChecking    State = "checking" // checks the data that is there
	StateDownloading State = "downloading"
	StateComplete    State = "complete" // all that is wanted is there
	StateStopped     State = "stopped"
)

// transitions maps each state to the states that may follow it.
var transitions = map[State][]State{
	"":               {StateMetadata, StateChecking, StateStopped},
	StateMetadata:    {StateChecking, StateStopped},
	StateChecking:    {StateDownloading, StateStopped},
	StateDownloading: {StateComplete, StateStopped},
	StateComplete:    {StateStopped},
}

// A life is the state of a download. It is changed by setState only.
type life struct {
	state          State
	since          time.Time // of state
	torrent        *Metainfo // nil: not known yet
	checked, total int64     // StateChecking: bytes
}

// setState changes the state and emits e, unless it is nil, if the transition is legal.
// set, if non-nil, is called with g.mu locked.
func (g *Getter) setState(to State, e Event, set func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !slices.Contains(transitions[g.life.state], to) {
		return
	}
	g.life.state, g.life.since = to, time.Now()
	g.needs.Store(to == StateMetadata || to == StateDownloading)
	g.hub.Wake()
	if set != nil {
		set()
	}
	if e != nil {
		g.events.Put(e)
	}
}

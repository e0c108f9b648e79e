package config

import (
	_ "embed"
	"fmt"
)

//go:embed trackers.yaml
var builtIn []byte

// BuiltIn returns the rules of trackers that are built in, sorted by host.
func BuiltIn(v *Vocabulary) ([]Tracker, error) {
	f, err := Read("trackers.yaml", builtIn, YAML, v)
	if err != nil {
		return nil, fmt.Errorf("built-in rules: %w", err)
	}
	for i := range f.Trackers {
		f.Trackers[i].File = ""
	}
	return f.Trackers, nil
}

package config

import "slices"

// A Layer is the values of one origin, such as a preset.
type Layer struct {
	From   string // the origin, for people
	Values []Value
}

// A Part is a value and its origin.
type Part struct {
	Value
	From string
}

// A Setting is the effective value of a key: one part, or one and those that add to
// its list.
type Setting struct {
	Key   string
	Parts []Part
	layer int // of the last part
}

// Texts returns the texts of all parts.
func (s *Setting) Texts() []string {
	var texts []string
	for _, p := range s.Parts {
		texts = append(texts, p.Texts...)
	}
	return texts
}

// From returns the origins of the parts, each once.
func (s *Setting) From() []string {
	var from []string
	for _, p := range s.Parts {
		if !slices.Contains(from, p.From) {
			from = append(from, p.From)
		}
	}
	return from
}

// rivals lists keys of which each replaces the other of a lower layer.
var rivals = [][2]string{{"piece-length", "target-pieces"}}

// Merge returns the effective values of layers, the lowest first, sorted by key. A
// value replaces that of a lower layer, or adds to it. A key and its opposite, with no-
// before it, replace each other too, as do rivals.
func Merge(layers []Layer) []Setting {
	settings := stack(layers)
	for _, key := range sortedKeys(settings) {
		if opposite := settings["no-"+key]; opposite != nil && !slices.Equal(opposite.Texts(), []string{"false"}) {
			keepHigher(settings, key, "no-"+key)
		}
	}
	for _, pair := range rivals {
		keepHigher(settings, pair[0], pair[1])
	}
	var merged []Setting
	for _, key := range sortedKeys(settings) {
		merged = append(merged, *settings[key])
	}
	return merged
}

// stack returns the settings of each key by itself.
func stack(layers []Layer) map[string]*Setting {
	settings := map[string]*Setting{}
	for i, l := range layers {
		for _, adding := range []bool{false, true} {
			for _, v := range l.Values {
				if v.Add != adding {
					continue
				}
				s := settings[v.Key]
				if s == nil || !v.Add {
					s = &Setting{Key: v.Key}
					settings[v.Key] = s
				}
				s.Parts = append(s.Parts, Part{v, l.From})
				s.layer = i
			}
		}
	}
	return settings
}

// keepHigher deletes the one of two keys that is of the lower layer.
func keepHigher(settings map[string]*Setting, a, b string) {
	switch x, y := settings[a], settings[b]; {
	case x == nil || y == nil:
	case x.layer < y.layer:
		delete(settings, a)
	case x.layer > y.layer:
		delete(settings, b)
	}
}

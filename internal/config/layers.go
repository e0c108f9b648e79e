package config

import "strings"

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

// Merge returns the effective values of layers, the lowest first, sorted by key. A
// value replaces that of a lower layer, or adds to it. A key and its opposite, with no-
// before it, replace each other too.
func Merge(layers []Layer) []Setting {
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
	for key, s := range settings {
		opposite := settings["no-"+key]
		if opposite == nil || strings.Join(opposite.Texts(), "") == "false" {
			continue
		}
		switch {
		case s.layer < opposite.layer:
			delete(settings, key)
		case s.layer > opposite.layer:
			delete(settings, "no-"+key)
		}
	}
	var merged []Setting
	for _, key := range sortedKeys(settings) {
		merged = append(merged, *settings[key])
	}
	return merged
}

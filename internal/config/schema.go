package config

import (
	"encoding/json"
	"maps"
)

// Schema returns a JSON schema of files that Read accepts, except those of mkbrr.
func Schema(v *Vocabulary) ([]byte, error) {
	preset, tracker, job := object{}, object{}, object{}
	for i := range v.Keys {
		k := &v.Keys[i]
		preset[k.Name] = k.schema()
		if k.List {
			preset["+"+k.Name] = k.schema()
		}
		if !k.NotTracker {
			tracker[k.Name] = k.schema()
			if k.List {
				tracker["+"+k.Name] = k.schema()
			}
		}
	}
	maps.Copy(job, preset)
	name := object{"type": "string", "minLength": 1}
	preset["extends"] = with(name, "the preset that this one adds to")
	job["path"] = with(name, "the content of the torrent")
	presets := Key{List: true, Usage: "the presets of the job; later ones win"}
	job["preset"] = presets.schema()
	return json.MarshalIndent(object{
		"$schema":     "https://json-schema.org/draft/2020-12/schema",
		"title":       "bt: presets, tracker rules and batch files",
		"description": "Keys of presets, defaults and jobs are flags of bt make. A text may hold ${env:NAME}, an environment variable.",
		"type":        optionalObject,
		"properties": object{
			"presets":  with(mapOf(ref("preset")), "presets by name; the preset default applies unless --no-preset is given"),
			"trackers": with(merge(mapOf(ref("tracker")), object{"propertyNames": object{"pattern": hostPattern}}), "rules of trackers by host; they are for its subdomains too"),
			"jobs":     object{"type": []string{"array", "null"}, "items": ref("job"), "description": "the jobs of a batch file"},
		},
		"additionalProperties": false,
		"$defs": object{
			"preset":  closed(preset),
			"tracker": closed(object{"source": with(name, "where the rules are from"), "defaults": closed(tracker), "limits": ref("limits")}),
			"job":     merge(closed(job), object{"type": "object", "required": []string{"path"}}),
			"limits":  limitsSchema(name),
			"size":    sizeSchema,
			"env":     object{"type": "string", "pattern": envPattern},
		},
	}, "", "  ")
}

type object = map[string]any

// optionalObject is the type of tables, which may be empty: a key without a value.
var optionalObject = []string{"object", "null"}

var sizeSchema = object{"anyOf": []any{object{"type": "integer", "minimum": 0}, object{"type": "string", "pattern": sizePattern}}}

func ref(name string) object { return object{"$ref": "#/$defs/" + name} }

func merge(a, b object) object {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

func with(schema object, description string) object {
	return merge(schema, object{"description": description})
}

// closed returns the schema of a table that has no other keys.
func closed(properties object) object {
	return object{"type": optionalObject, "properties": properties, "additionalProperties": false}
}

// mapOf returns the schema of a table with any keys.
func mapOf(value object) object {
	return object{"type": optionalObject, "additionalProperties": value}
}

func limitsSchema(text object) object {
	count := object{"type": "integer", "minimum": 0, "maximum": 1<<31 - 1}
	format := object{"enum": formatNames}
	formats := object{"anyOf": []any{format, object{"type": "array", "items": format}}}
	pair := object{"type": "array", "prefixItems": []any{ref("size"), ref("size")}, "minItems": 2, "maxItems": 2}
	properties := object{
		"max-piece-length":     with(ref("size"), "the longest pieces"),
		"piece-length-by-size": object{"type": "array", "items": pair, "description": "pairs of a size of content, ascending, and the piece length up to it; the last is also for larger content"},
		"min-pieces":           with(count, "the smallest number of pieces"),
		"max-pieces":           with(count, "the largest number of pieces"),
		"max-torrent-size":     with(ref("size"), "the largest .torrent"),
		"formats":              with(formats, "the formats that are accepted"),
		"private":              object{"type": "boolean", "description": "what private must be"},
		"source":               with(merge(text, object{"not": ref("env")}), "what the source must be"),
	}
	return closed(properties)
}

// schema returns the schema of the values of k.
func (k *Key) schema() object {
	var s object
	switch k.Form {
	case FormSwitch:
		s = object{"type": "boolean"}
	case FormWord:
		s = anyOf(object{"enum": k.Words})
	case FormNumber:
		s = anyOf(object{"type": "integer", "minimum": 0}, object{"type": "string", "pattern": numberPattern})
	case FormSize:
		s = anyOf(ref("size"))
		if len(k.Words) > 0 {
			s = anyOf(ref("size"), object{"enum": k.Words})
		}
	case FormTime:
		s = object{"anyOf": []any{object{"type": "integer", "minimum": 0}, object{"type": "string"}}}
	default:
		s = object{"type": "string"}
	}
	if k.List {
		s = object{"anyOf": []any{s, object{"type": "array", "items": s}}}
	}
	if k.Usage != "" {
		s = with(s, k.Usage)
	}
	return s
}

// anyOf returns the schema of what one of the schemas accepts, or a text with an
// environment variable.
func anyOf(schemas ...object) object {
	list := []any{}
	for _, s := range schemas {
		list = append(list, s)
	}
	return object{"anyOf": append(list, ref("env"))}
}

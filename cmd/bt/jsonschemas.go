package main

import (
	"embed"
	"encoding/json"
	"fmt"
	"strings"
)

//go:embed schema/*.json
var schemaFiles embed.FS

// A jsonSchema is the schema of the JSON of a command.
type jsonSchema struct {
	name    string // of the file below schema, and of the topic NAME-schema
	command string
	flags   string // the command prints it if one of these is given; "" if none of the others is
	isFile  bool   // it is that of the file that the flag names, not of the output
}

// jsonSchemas lists the schemas in the order in which bt help json shows them.
var jsonSchemas = []jsonSchema{
	{"make", "make", "", false},
	{"show-config", "make", "show-config", false},
	{"info", "info", "", false},
	{"diff", "info", "diff", false},
	{"stats", "info", "stats", false},
	{"raw", "info", "raw bencode", false},
	{"verify", "verify", "", false},
	{"plan", "verify", "write-plan", true},
	{"retracker", "retracker", "", false},
	{"scrape", "scrape", "", false},
	{"seed", "seed", "", false},
	{"get", "get", "", false},
}

// text returns the schema as JSON.
func (s *jsonSchema) text() string {
	b, err := schemaFiles.ReadFile("schema/" + s.name + ".json")
	if err != nil {
		panic(err) // it is built in
	}
	return string(b)
}

// jsonSchemaHelp returns the text of a topic such as make-schema.
func jsonSchemaHelp(topic string) (text string, ok bool) {
	name, ok := strings.CutSuffix(topic, "-schema")
	if !ok {
		return "", false
	}
	for i := range jsonSchemas {
		if jsonSchemas[i].name == name {
			return jsonSchemas[i].text(), true
		}
	}
	return "", false
}

// A schemaNode is a part of a schema.
type schemaNode struct {
	Title, Description string
	Type               any // a text or a list of texts
	Enum               []string
	Const              any
	Ref                string `json:"$ref"`
	Required           []string
	Properties         schemaMap
	Items              *schemaNode
	AnyOf              []*schemaNode
	Defs               schemaMap `json:"$defs"`
}

// A schemaMap holds schemas by name in the order of the file.
type schemaMap []namedSchema

type namedSchema struct {
	name string
	schemaNode
}

// UnmarshalJSON implements json.Unmarshaler.
func (m *schemaMap) UnmarshalJSON(b []byte) error {
	d := json.NewDecoder(strings.NewReader(string(b)))
	if _, err := d.Token(); err != nil {
		return err
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		s := namedSchema{name: name.(string)}
		if err := d.Decode(&s.schemaNode); err != nil {
			return err
		}
		*m = append(*m, s)
	}
	return nil
}

func (m schemaMap) find(name string) *schemaNode {
	for i := range m {
		if m[i].name == name {
			return &m[i].schemaNode
		}
	}
	return nil
}

func (s *jsonSchema) parse() *schemaNode {
	n := new(schemaNode)
	if err := json.Unmarshal([]byte(s.text()), n); err != nil {
		panic(fmt.Errorf("schema/%s.json: %w", s.name, err)) // it is built in
	}
	return n
}

// jsonRules are what is the same in the JSON of all commands.
var jsonRules = []string{
	"bt make, info, verify, retracker, scrape, seed and get print JSON with --json. --jsonl prints one document per line, as each is done; bt scrape --watch, bt seed and bt get do so with --json.",
	"One input gives one document. Several inputs, or a directory, give a list. An input that failed is in the list as {\"path\", \"error\": {\"code\", \"message\"}}; if all fails, that is the document. The code is the name of the exit code: " + exitNames() + ".",
	"A key is absent if there is no value: it is never null or empty. Lists are always there, and [] if empty. Hashes are hex in lower case. Sizes are in bytes. Times are RFC 3339 in UTC. Tiers are counted from 1. Keys may be added in a later version, and are not removed or changed without a note in the changelog.",
	"The JSON of make, info, retracker and scrape has whole tracker URLs, with passkeys. Secrets are masked in messages of errors, in the events of seed and get unless --reveal is given, and by --show-config.",
	"bt help NAME-schema prints a JSON schema, for programs: a schema has no man page. The names and their keys are below; [] is an item of a list, and a key with a question mark may be absent.",
}

func exitNames() string {
	var names []string
	for _, e := range exits {
		if e.name != "" {
			names = append(names, e.name)
		}
	}
	return strings.Join(names, ", ")
}

// fillJSON writes the rules, and the keys of each schema.
func fillJSON(p *helpPage) {
	for _, rule := range jsonRules {
		p.paragraph(rule)
	}
	for i := range jsonSchemas {
		s := &jsonSchemas[i]
		root := s.parse()
		p.paragraph(s.name + "-schema: " + root.Description)
		for _, form := range root.AnyOf {
			if form.Ref == "" || form.Ref == failureRef {
				continue
			}
			keys := schemaKeys{root: root}
			document, description := keys.resolve(form)
			keys.add("", document)
			p.table(description, keys.rows)
		}
	}
}

// failureRef is the reference to an input that failed, which is the same in all schemas.
const failureRef = "#/$defs/failure"

// schemaKeys collects the keys of a document for the help.
type schemaKeys struct {
	root *schemaNode
	rows [][2]string
}

func (k *schemaKeys) add(path string, n *schemaNode) {
	for i := range n.Properties {
		p := &n.Properties[i]
		at := path + p.name
		mark := "?"
		for _, r := range n.Required {
			if r == p.name {
				mark = ""
			}
		}
		node, description := k.resolve(&p.schemaNode)
		k.rows = append(k.rows, [2]string{at + mark, k.typeOf(node) + ": " + description})
		k.below(at, node)
	}
}

// below adds the keys below a key.
func (k *schemaKeys) below(path string, n *schemaNode) {
	if _, ok := n.Type.([]any); ok {
		return // it may be any value, which the description says
	}
	for n.Items != nil {
		path += "[]"
		n, _ = k.resolve(n.Items)
		for _, form := range n.AnyOf {
			if item, _ := k.resolve(form); form.Ref != failureRef {
				k.add(path+".", item)
			}
		}
	}
	k.add(path+".", n)
}

// resolve follows a reference, whose own description precedes.
func (k *schemaKeys) resolve(n *schemaNode) (target *schemaNode, description string) {
	description = n.Description
	if name, ok := strings.CutPrefix(n.Ref, "#/$defs/"); ok {
		n = k.root.Defs.find(name)
		if description == "" {
			description = n.Description
		}
	}
	return n, description
}

// typeOf returns the type of a value as text.
func (k *schemaKeys) typeOf(n *schemaNode) string {
	switch t := n.Type.(type) {
	case string:
		if t == "array" {
			return "list"
		}
		return t
	case []any:
		return "any"
	}
	switch {
	case len(n.Enum) > 0:
		return strings.Join(n.Enum, ", ")
	case n.Const != nil:
		return fmt.Sprint(n.Const)
	}
	return "any"
}

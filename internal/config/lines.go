package config

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/pelletier/go-toml/v2/unstable"
)

// joinPath joins keys and indices to a key of lines.
func joinPath(path []string) string { return strings.Join(path, "\x00") }

// lines returns the lines of the keys and items of a file that has been decoded. Items
// are counted from 1.
func lines(text []byte, syntax Syntax) map[string]int {
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	found := map[string]int{}
	if syntax == TOML {
		tomlLines(found, text)
		return found
	}
	file, err := parser.ParseBytes(text, 0)
	if err == nil {
		for _, doc := range file.Docs {
			yamlLines(found, doc.Body, nil)
		}
	}
	return found
}

func yamlLines(found map[string]int, n ast.Node, path []string) {
	entry := func(m *ast.MappingValueNode) {
		at := append(path[:len(path):len(path)], m.Key.GetToken().Value)
		found[joinPath(at)] = m.Key.GetToken().Position.Line
		yamlLines(found, m.Value, at)
	}
	switch n := n.(type) {
	case *ast.MappingNode:
		for _, m := range n.Values {
			entry(m)
		}
	case *ast.MappingValueNode:
		entry(n)
	case *ast.SequenceNode:
		for i, item := range n.Values {
			at := append(path[:len(path):len(path)], strconv.Itoa(i+1))
			if token := item.GetToken(); token != nil {
				found[joinPath(at)] = token.Position.Line
			}
			yamlLines(found, item, at)
		}
	case *ast.AnchorNode:
		yamlLines(found, n.Value, path)
	case *ast.TagNode:
		yamlLines(found, n.Value, path)
	}
}

// A tomlMap collects the lines of a TOML file.
type tomlMap struct {
	found  map[string]int
	starts []int // the offset of each line
}

// line returns the line of a key.
func (m *tomlMap) line(key *unstable.Node) int {
	after, _ := slices.BinarySearch(m.starts, int(key.Raw.Offset)+1)
	return after
}

func tomlLines(found map[string]int, text []byte) {
	m := tomlMap{found: found}
	at := 0
	for line := range bytes.Lines(text) {
		m.starts = append(m.starts, at)
		at += len(line)
	}
	p := unstable.Parser{}
	p.Reset(text)
	var table []string        // the current one
	items := map[string]int{} // number of the tables of each list of tables
	for p.NextExpression() {
		e := p.Expression()
		switch e.Kind {
		case unstable.Table, unstable.ArrayTable:
			table = nil
			line := 0
			for keys := e.Key(); keys.Next(); {
				key := keys.Node()
				if n, ok := items[joinPath(table)]; ok {
					table = append(table, strconv.Itoa(n))
				}
				table = append(table, string(key.Data))
				line = m.line(key)
				if at := joinPath(table); found[at] == 0 {
					found[at] = line
				}
			}
			if e.Kind == unstable.ArrayTable {
				list := joinPath(table)
				items[list]++
				table = append(table, strconv.Itoa(items[list]))
			}
			found[joinPath(table)] = line
		case unstable.KeyValue:
			m.key(e, table)
		}
	}
}

// key adds the lines of a key and of what is in its value.
func (m *tomlMap) key(e *unstable.Node, path []string) {
	at := path[:len(path):len(path)]
	for keys := e.Key(); keys.Next(); {
		at = append(at, string(keys.Node().Data))
		if key := joinPath(at); m.found[key] == 0 {
			m.found[key] = m.line(keys.Node())
		}
	}
	m.value(e.Value(), at)
}

func (m *tomlMap) value(v *unstable.Node, path []string) {
	i := 0
	for children := v.Children(); children.Next(); {
		child := children.Node()
		switch {
		case v.Kind == unstable.InlineTable && child.Kind == unstable.KeyValue:
			m.key(child, path)
		case v.Kind == unstable.Array && child.Kind != unstable.Comment:
			at := append(path[:len(path):len(path)], strconv.Itoa(i+1))
			m.value(child, at)
			i++
		}
	}
}

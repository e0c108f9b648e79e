package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/pelletier/go-toml/v2"
)

// A Syntax is the syntax of a file.
type Syntax uint8

// The syntaxes.
const (
	YAML Syntax = iota
	TOML
)

// SyntaxOf returns TOML if the name of a file ends in .toml, else YAML.
func SyntaxOf(name string) Syntax {
	if strings.EqualFold(filepath.Ext(name), ".toml") {
		return TOML
	}
	return YAML
}

// Decode parses a file into maps, lists and single values, so that the caller, not
// the parser, words the errors in the structure. An empty file is nil.
func Decode(text []byte, syntax Syntax, bounds Bounds) (any, error) {
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	if err := bounds.check(text, syntax); err != nil {
		return nil, err
	}
	if syntax == TOML {
		return decodeTOML(text)
	}
	return decodeYAML(text)
}

func decodeTOML(text []byte) (any, error) {
	var file map[string]any
	err := toml.Unmarshal(text, &file)
	if bad, ok := errors.AsType[*toml.DecodeError](err); ok {
		line, column := bad.Position()
		return nil, fmt.Errorf("line %d, column %d: not TOML: %s", line, column, strings.TrimPrefix(err.Error(), "toml: "))
	}
	if err != nil {
		return nil, fmt.Errorf("not TOML: %s", strings.TrimPrefix(err.Error(), "toml: "))
	}
	return file, nil
}

func decodeYAML(text []byte) (any, error) {
	var file any
	d := yaml.NewDecoder(bytes.NewReader(text))
	err := d.Decode(&file)
	switch bad := yaml.Error(nil); {
	case err == io.EOF: // the file has only comments
		return nil, nil
	case errors.As(err, &bad) && bad.GetToken() != nil:
		at := bad.GetToken().Position
		return nil, fmt.Errorf("line %d, column %d: not YAML: %s", at.Line, at.Column, bad.GetMessage())
	case err != nil:
		what, _, _ := strings.Cut(err.Error(), "\n") // the other lines quote the file
		return nil, fmt.Errorf("not YAML: %s", what)
	}
	if d.Decode(new(any)) != io.EOF {
		return nil, errors.New("there is a second document in it")
	}
	return file, nil
}

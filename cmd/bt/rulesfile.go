package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/pelletier/go-toml/v2"

	"bt/rewrite"
)

// A rules file edits a whole archive. Each rule selects trackers and lists
// actions for them and their torrents; the actions have the names of the flags.
// In YAML:
//
//	rules:
//	  - match: old.example                # as --remove: a URL, a host or a glob
//	    host: {old: old.example, with: new.example}
//	    passkey: 0123456789abcdef
//	  - match: {regex: '^http://[^/]*\.dead\.example/'}
//	    remove: ['*']                     # of those that match
//	    add: [udp://tracker.example:6969]
//
// In TOML each rule is a table [[rules]].

// loadRules reads a rules file. It is TOML if its name ends in .toml, else YAML.
// loadRules returns when ctx ends. A parser can't be interrupted, so its
// goroutine may run until the process exits.
func loadRules(ctx context.Context, e *env, path string) ([]rewrite.Rule, error) {
	b, err := readInput(ctx, e, path, rulesInput)
	if err != nil {
		return nil, err
	}
	e.limitMemory(rulesMemory)
	type result struct {
		rules []map[string]any
		err   error
	}
	parsed := make(chan result, 1)
	go func() {
		rules, err := parseRules(b, strings.EqualFold(filepath.Ext(path), ".toml"))
		parsed <- result{rules, err}
	}()
	var file result
	select {
	case file = <-parsed:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if file.err != nil {
		return nil, failf(exitUsage, "%s: %w", path, file.err)
	}
	var rules []rewrite.Rule
	for i, values := range file.rules {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		rule, err := readRule(ctx, e, values)
		if err != nil {
			return nil, failf(exitUsage, "%s: rule %d: %w", path, i+1, err)
		}
		rules = append(rules, rule)
	}
	return rules, nil
}

// parseRules returns the values of each rule. It decodes into maps and lists
// only, so that bt, not the decoder, words the errors in the structure.
func parseRules(b []byte, isTOML bool) ([]map[string]any, error) {
	b = bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))
	if err := checkRules(b, isTOML); err != nil {
		return nil, err
	}
	var file any
	var err error
	if isTOML {
		file, err = readTOML(b)
	} else {
		file, err = readYAML(b)
	}
	if err != nil {
		return nil, err
	}
	top, ok := file.(map[string]any)
	if file != nil && !ok {
		return nil, errors.New("want rules: and a list of rules below it")
	}
	for _, key := range slices.Sorted(maps.Keys(top)) {
		if key != "rules" {
			return nil, fmt.Errorf("there is no %q at the top of a rules file, only rules", key)
		}
	}
	list, ok := top["rules"].([]any)
	if top["rules"] != nil && !ok {
		return nil, errors.New("rules: want a list of rules")
	}
	if len(list) == 0 {
		return nil, errors.New("there are no rules in it")
	}
	var rules []map[string]any
	for i, item := range list {
		values, ok := item.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("rule %d: want match: and what to do", i+1)
		}
		rules = append(rules, values)
	}
	return rules, nil
}

func readTOML(b []byte) (any, error) {
	var file map[string]any
	err := toml.Unmarshal(b, &file)
	if bad, ok := errors.AsType[*toml.DecodeError](err); ok {
		line, column := bad.Position()
		return nil, fmt.Errorf("line %d, column %d: not TOML: %s", line, column, strings.TrimPrefix(err.Error(), "toml: "))
	}
	if err != nil {
		return nil, fmt.Errorf("not TOML: %s", strings.TrimPrefix(err.Error(), "toml: "))
	}
	return file, nil
}

func readYAML(b []byte) (any, error) {
	var file any
	d := yaml.NewDecoder(bytes.NewReader(b))
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

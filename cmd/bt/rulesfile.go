package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"bt/internal/config"
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
// In TOML each rule is a table [[rules]]. ${env:NAME} in a text is an environment
// variable.

// ruleBounds limits a rules file.
var ruleBounds = config.Bounds{List: "rules", Keys: 1000, What: "keys in one rule"}

// loadRules reads a rules file. It is TOML if its name ends in .toml, else YAML.
// loadRules returns when ctx ends.
func loadRules(ctx context.Context, e *env, path string) ([]rewrite.Rule, error) {
	b, err := readInput(ctx, e, path, rulesInput)
	if err != nil {
		return nil, err
	}
	e.limitMemory(config.Memory)
	parsed, err := interruptible(ctx, func() ([]map[string]any, error) { return parseRules(b, config.SyntaxOf(path)) })
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, failf(exitUsage, "%s: %w", path, err)
	}
	var rules []rewrite.Rule
	for i, values := range parsed {
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

// parseRules returns the values of each rule.
func parseRules(b []byte, syntax config.Syntax) ([]map[string]any, error) {
	file, err := config.Decode(b, syntax, ruleBounds)
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

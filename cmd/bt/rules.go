package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/pelletier/go-toml/v2"

	"bt/internal/metainfo"
	"bt/rewrite"
)

// A rules file serves a whole archive: each rule says which trackers it is
// about, and what to do with them and their torrents, in the words of the
// flags. In YAML:
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

// loadRules reads a rules file, YAML unless its name ends in .toml.
func loadRules(ctx context.Context, e *env, path string) ([]rewrite.Rule, error) {
	b, err := readInput(ctx, e, path, textInput)
	if err != nil {
		return nil, err
	}
	var file rulesFile
	b = bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))
	isTOML := strings.EqualFold(filepath.Ext(path), ".toml")
	if err = checkDepth(b, isTOML); err == nil && isTOML {
		err = readTOML(b, &file)
	} else if err == nil {
		err = readYAML(b, &file)
	}
	if err == nil && len(file.Rules) == 0 {
		err = errors.New("there are no rules in it")
	}
	if err != nil {
		return nil, failf(exitUsage, "%s: %w", path, err)
	}
	var rules []rewrite.Rule
	for i, values := range file.Rules {
		rule, err := readRule(ctx, e, values)
		if err != nil {
			return nil, failf(exitUsage, "%s: rule %d: %w", path, i+1, err)
		}
		rules = append(rules, rule)
	}
	return rules, nil
}

type rulesFile struct {
	Rules []map[string]any `yaml:"rules" toml:"rules"`
}

func readTOML(b []byte, file *rulesFile) error {
	err := toml.NewDecoder(bytes.NewReader(b)).DisallowUnknownFields().Decode(file)
	if bad, ok := errors.AsType[*toml.DecodeError](err); ok {
		line, column := bad.Position()
		return fmt.Errorf("line %d, column %d: %w", line, column, err)
	}
	return err
}

func readYAML(b []byte, file *rulesFile) error {
	d := yaml.NewDecoder(bytes.NewReader(b), yaml.Strict())
	err := d.Decode(file)
	if err == nil && d.Decode(new(rulesFile)) != io.EOF {
		err = errors.New("there is a second document in it")
	}
	if err != nil && err != io.EOF {
		what, _, _ := strings.Cut(err.Error(), "\n") // the rest shows the place, in many lines
		return errors.New(what)
	}
	return nil
}

func readRule(ctx context.Context, e *env, values map[string]any) (rule rewrite.Rule, err error) {
	if rule.Match, err = readMatch(values["match"]); err != nil {
		return rule, err
	}
	delete(values, "match")
	pairs, err := rulePairs(values)
	if err != nil {
		return rule, err
	}
	v, err := newRuleValues(values)
	if err != nil {
		return rule, err
	}
	if rule.Edit, err = readEdit(ctx, e, v, pairs); err != nil {
		return rule, err
	}
	if isEmpty(&rule.Edit) {
		return rule, errors.New("it changes nothing")
	}
	return rule, nil
}

// readMatch reads a pattern as that of --remove, or {host: H}, {glob: G} or
// {regex: R}.
func readMatch(v any) (func(url string) bool, error) {
	byPattern := func(pattern string) func(string) bool {
		return func(u string) bool { return metainfo.MatchURL(u, pattern) }
	}
	switch v := v.(type) {
	case string:
		if v != "" {
			return byPattern(v), nil
		}
	case map[string]any:
		for kind, x := range v {
			s, ok := x.(string)
			if len(v) != 1 || !ok || s == "" {
				break
			}
			switch kind {
			case "host", "glob":
				return byPattern(s), nil
			case "regex":
				re, err := regexp.Compile(s)
				if err != nil {
					return nil, fmt.Errorf("match: %w", err)
				}
				return re.MatchString, nil
			}
		}
	}
	return nil, errors.New("match: want a URL, host or glob, or one of {host: H}, {glob: G}, {regex: R}")
}

// rulePairs takes the replacements out of a rule: {old: O, with: N}, or a list
// of those.
func rulePairs(values map[string]any) (pairList, error) {
	var pairs pairList
	for _, kind := range []pair{
		{name: "replace", how: rewrite.Literal}, {name: "replace-regex", how: rewrite.Regexp}, {name: "host", how: rewrite.Host},
	} {
		v, ok := values[kind.name]
		if !ok {
			continue
		}
		delete(values, kind.name)
		list, ok := v.([]any)
		if !ok {
			list = []any{v}
		}
		for _, item := range list {
			p := kind
			m, _ := item.(map[string]any)
			var isOld, isNew bool
			p.old, isOld = m["old"].(string)
			p.new, isNew = m["with"].(string)
			if p.complete = true; len(m) != 2 || !isOld || !isNew {
				return nil, fmt.Errorf("%s: want {old: TEXT, with: TEXT}, or a list of those", kind.name)
			}
			pairs = append(pairs, p)
		}
	}
	return pairs, nil
}

// ruleValues are the flags of one rule.
type ruleValues map[string][]string

// newRuleValues checks that a rule holds flags and that their values are of the
// right kind.
func newRuleValues(values map[string]any) (ruleValues, error) {
	flags := editFlags(new(pairList))
	v := make(ruleValues)
	for name, value := range values {
		f := findFlag(flags, name)
		if f == nil || isShort(name) || name == "with" {
			return nil, fmt.Errorf("there is no action %q", name)
		}
		list, isList := value.([]any)
		if !isList {
			list = []any{value}
		}
		for _, item := range list {
			text, err := ruleText(item)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			_, isBool := item.(bool)
			_, isText := item.(string)
			switch {
			case isBool != isSwitch(f):
				return nil, fmt.Errorf("%s: want %s", name, map[bool]string{true: "true or false", false: "a text"}[isSwitch(f)])
			case !isBool && !isText && name != "tier" && name != "date": // a number has lost how it was written
				return nil, fmt.Errorf("%s: want a text, in quotes", name)
			}
			v[name] = append(v[name], text)
		}
	}
	return v, nil
}

func ruleText(v any) (string, error) {
	switch v := v.(type) {
	case string:
		return v, nil
	case bool, int, int64, uint64:
		return fmt.Sprint(v), nil
	case time.Time:
		return v.Format(time.RFC3339), nil
	case toml.LocalDate:
		return v.String(), nil
	}
	return "", fmt.Errorf("want a text or a list of texts")
}

func (v ruleValues) IsSet(name string) bool           { return len(v[name]) > 0 }
func (v ruleValues) StringSlice(name string) []string { return v[name] }
func (v ruleValues) Bool(name string) bool            { return slices.Equal(v[name], []string{"true"}) }

func (v ruleValues) String(name string) string {
	if len(v[name]) == 0 {
		return ""
	}
	return v[name][len(v[name])-1]
}

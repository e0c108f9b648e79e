package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"time"

	"github.com/pelletier/go-toml/v2"
	"github.com/urfave/cli/v2"

	"bt/internal/config"
	"bt/rewrite"
)

func readRule(ctx context.Context, e *env, values map[string]any) (rule rewrite.Rule, err error) {
	if rule.Match, err = readMatch(values["match"], e.getenv); err != nil {
		return rule, err
	}
	delete(values, "match")
	var f editFlags
	if f.pairs, err = rulePairs(values, e.getenv); err != nil {
		return rule, err
	}
	flags := f.flags(e.now)
	given, err := ruleFlags(flags, values, e.getenv)
	if err != nil {
		return rule, err
	}
	if _, err := setFlags(flags, given); err != nil {
		return rule, err
	}
	if rule.Edit, err = f.edit(ctx, e); err != nil {
		return rule, err
	}
	if isEmpty(&rule.Edit) {
		return rule, errors.New("it changes nothing")
	}
	return rule, nil
}

// readMatch parses the value of match: a pattern as for --remove, or {host: H},
// {glob: G} or {regex: R}.
func readMatch(v any, getenv func(string) string) (func(url string) bool, error) {
	byPattern := func(pattern string) func(string) bool {
		return func(u string) bool { return rewrite.MatchURL(u, pattern) }
	}
	switch v := v.(type) {
	case string:
		v, err := config.ExpandEnv(v, getenv)
		if err != nil {
			return nil, fmt.Errorf("match: %w", err)
		}
		if v != "" {
			return byPattern(v), nil
		}
	case map[string]any:
		for kind, x := range v {
			s, ok := x.(string)
			if len(v) != 1 || !ok || s == "" {
				break
			}
			s, err := config.ExpandEnv(s, getenv)
			if err != nil {
				return nil, fmt.Errorf("match: %w", err)
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

// rulePairs removes the replacements from a rule and returns them. Each is {old:
// O, with: N}, or a list of these.
func rulePairs(values map[string]any, getenv func(string) string) ([]pair, error) {
	var pairs []pair
	for _, kind := range []pair{
		{name: "replace", how: rewrite.HowLiteral}, {name: "replace-regex", how: rewrite.HowRegexp}, {name: "host", how: rewrite.HowHost},
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
			for _, text := range []*string{&p.old, &p.new} {
				var err error
				if *text, err = config.ExpandEnv(*text, getenv); err != nil {
					return nil, fmt.Errorf("%s: %w", kind.name, err)
				}
			}
			pairs = append(pairs, p)
		}
	}
	return pairs, nil
}

// ruleFlags returns the actions of a rule as flags. It checks that the flags
// exist and that the values have the right types.
func ruleFlags(flags []cli.Flag, values map[string]any, getenv func(string) string) ([]givenFlag, error) {
	var given []givenFlag
	for _, name := range slices.Sorted(maps.Keys(values)) {
		f := findFlag(flags, name)
		if f == nil || isShort(name) || name == "with" {
			return nil, fmt.Errorf("there is no action %q", name)
		}
		list, isList := values[name].([]any)
		if !isList {
			list = []any{values[name]}
		}
		for _, item := range list {
			text, err := ruleText(item, getenv)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			_, isBool := item.(bool)
			_, isText := item.(string)
			switch {
			case isBool != isSwitch(f):
				return nil, fmt.Errorf("%s: want %s", name, map[bool]string{true: "true or false", false: "a text"}[isSwitch(f)])
			case !isBool && !isText && name != "tier" && name != "date": // the spelling of a number, such as leading zeros, is lost
				return nil, fmt.Errorf("%s: want a text, in quotes", name)
			}
			given = append(given, givenFlag{f.Names()[0], text})
		}
	}
	return given, nil
}

func ruleText(v any, getenv func(string) string) (string, error) {
	switch v := v.(type) {
	case string:
		return config.ExpandEnv(v, getenv)
	case bool, int, int64, uint64:
		return fmt.Sprint(v), nil
	case time.Time:
		return v.Format(time.RFC3339), nil
	case toml.LocalDate:
		return v.String(), nil
	}
	return "", fmt.Errorf("want a text or a list of texts")
}

package main

import (
	"strings"
	"testing"
)

func TestRulesDepth(t *testing.T) {
	many := func(s string, n int) string { return strings.Repeat(s, n) }
	indented := func(n int) string {
		var b strings.Builder
		for i := range n {
			b.WriteString(many(" ", i) + "a:\n")
		}
		return b.String()
	}
	for _, tt := range []struct {
		name string
		text string
		toml bool
		ok   bool
	}{
		{"lists", "rules: " + many("[", 20_000), false, false},
		{"lists that end", "rules: " + many("[", 20_000) + many("]", 20_000), false, false},
		{"lists with blanks", "rules: " + many("[ ", 20_000), false, false},
		{"a list a line", "rules:\n" + many("  [\n", 20_000), false, false},
		{"tables", "rules: " + many("{a: ", 20_000), false, false},
		{"mixed", "rules: " + many("[{a: ", 20_000), false, false},
		{"dashes", many("- ", 20_000) + "x", false, false},
		{"keys", many("? ", 20_000) + "x", false, false},
		{"dashes and lists", many("- ", 60) + many("[", 60), false, false},
		{"indentation", indented(200), false, false},
		{"behind an apostrophe", "a: don't\nrules: " + many("[", 200), false, false},
		{"behind an open quote", "a: 'x\nrules: " + many("[", 200), false, false},
		{"behind a comment", "# '\nrules: " + many("[", 200), false, false},
		{"in a second document", "a: b\n---\nrules: " + many("[", 200), false, false},
		{"TOML, lists", "a = " + many("[", 20_000), true, false},
		{"TOML, no blank", "a=" + many("[", 20_000), true, false},
		{"TOML, a list a line", "a = [\n" + many("[\n", 20_000), true, false},
		{"TOML, tables", "a = " + many("{a=", 20_000), true, false},
		{"TOML, behind a long quote", "a = \"\"\"\nb = " + many("[", 200), true, false},

		{"nothing", "", false, true},
		{"rules", many("rules:\n  - match: {regex: '^http://[^/]*'}\n    remove: ['*', \"[a\\\"[\"]\n", 1000), false, true},
		{"brackets in quotes", "rules: ['" + many("[", 200) + "']", false, true},
		{"brackets in a plain text", "comment: see a" + many("[", 200), false, true},
		{"brackets in a comment", "a: b # " + many("[", 200) + "\n", false, true},
		{"many short lists", many("- [a, [b]]\n", 1000), false, true},
		{"open brackets in many rules", many("- regex: '\\[x'\n", 1000), false, true},
		{"TOML", many("[[rules]]\nmatch = {regex = '^[[]'}\nremove = [\"*\", '[']\n", 1000), true, true},
	} {
		if err := checkDepth([]byte(tt.text), tt.toml); (err == nil) != tt.ok {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

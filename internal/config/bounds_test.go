package config

import (
	"strings"
	"testing"
)

func TestBounds(t *testing.T) {
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
		{"quotes behind a colon", "{a:' " + many("[ ", 200), false, false},
		{"anchors", many("&a ", 2000), false, false},
		{"anchors at one", many("&", 2000), false, false},
		{"aliases", "a: [" + many("*a,", 2000), false, false},
		{"tags", many("- !a b\n", 2000), false, false},
		{"empty texts", "- \"\"" + many("\"\"", 200_000), false, false},
		{"words", many("- match: a\n", 40_000), false, false},
		{"short lists", "rules: [" + many("[],", 40_000), false, false},
		{"empty lines", many("\n", 200_000), false, false},
		{"comments", many("#\n", 200_000), false, false},
		{"documents", many("---\n", 60_000), false, false},
		{"TOML, tables of another name", many("[[a]]\n", 2000), true, false},
		{"TOML, keys", many("[[rules]]\n", 10) + many("a=1\n", 2000), true, false},
		{"TOML, keys in a line", "a={" + many("a=1,", 2000) + "}", true, false},
		{"TOML, dots", many("a.", 200) + "a=1", true, false},
		{"TOML, dots in many rules", many("[[rules]]\n"+many("a.", 90)+"a=1\n", 2000), true, false},
		{"TOML, numbers", "a=[" + many("1,", 400_000), true, false},
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
		{"rules of every day", many("  - match: h.example\n    remove: ['*']\n", 10_000), false, true},
		{"URLs", many("- add: [http://a.example/x?a=1&b=2*3!, udp://b.example:1]\n", 10_000), false, true},
		{"anchors and aliases", many("- &a b\n- *a\n", 400), false, true},
		{"an ampersand in a text", many("- a & b\n", 3000), false, true},
		{"TOML, many", many("[[rules]]\nmatch = 'h.example'\nremove = ['*']\n", 20_000), true, true},
		{"TOML, tables in rules", many("[[rules]]\nmatch = 'h.example'\n[[rules.replace]]\nold = 'a'\nwith = 'b'\n", 10_000), true, true},
		{"TOML", many("[[rules]]\nmatch = {regex = '^[[]'}\nremove = [\"*\", '[']\n", 1000), true, true},
	} {
		syntax := YAML
		if tt.toml {
			syntax = TOML
		}
		bounds := Bounds{List: "rules", Keys: 1000, What: "keys in one rule"}
		if err := bounds.check([]byte(tt.text), syntax); (err == nil) != tt.ok {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

package main

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"bt/internal/testenv"
)

// manFiles writes the man pages and returns them by path.
func manFiles(t *testing.T) map[string]manPage {
	t.Helper()
	e, _, _ := testEnv()
	app := newApp(e, commands(e))
	dir := t.TempDir()
	if _, err := writeManPages(app, dir, time.Unix(1700000000, 0)); err != nil {
		t.Fatal(err)
	}
	files := map[string]manPage{}
	for _, p := range manPages(app) {
		files[filepath.Join(dir, p.file())] = p
	}
	return files
}

// There is a page for bt, for each command that bt help lists, and for each topic, except
// the schemas of JSON, which the page of the topic json names.
func TestManPageList(t *testing.T) {
	e, _, _ := testEnv()
	app := newApp(e, commands(e))
	var got []string
	var json *manPage
	for _, p := range manFiles(t) {
		got = append(got, p.reference())
		if p.name == "bt json" {
			json = &p
		}
	}
	want := []string{"bt(1)"}
	for _, c := range app.VisibleCommands() {
		want = append(want, "bt-"+c.Name+"(1)")
	}
	schemas := 0
	for _, name := range topicNames() {
		if schema, ok := strings.CutSuffix(name, "-schema"); ok && name != "config-schema" {
			schemas++
			if !strings.Contains(json.text(helpWidth), "\n"+schema+"-schema: ") {
				t.Errorf("the page of the topic json does not name %s", name)
			}
			continue
		}
		want = append(want, "bt-"+name+"(7)")
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) || len(want) < 16 || schemas != len(jsonSchemas) {
		t.Errorf("%d schemas, and the pages\n%q, want\n%q", schemas, got, want)
	}
}

var overstrike = regexp.MustCompile(`.\x08`)

// Formatters have no complaint, and print what the help says, with the characters that
// can be copied.
func TestManPages(t *testing.T) {
	mandoc, man := testenv.Program(t, "mandoc"), testenv.Program(t, "man")
	for name, page := range manFiles(t) {
		lint := processStart(t, processCommand(t, mandoc, "-T", "lint", "-W", "warning", name))()
		if lint.code != 0 || lint.stdout+lint.stderr != "" {
			t.Errorf("mandoc: exit code %d: %s%s", lint.code, lint.stdout, lint.stderr)
		}
		cmd := processCommand(t, man, "--warnings=w,mac,reg,el,break", "-P", "cat", "-l", name)
		cmd.Env = append(cmd.Env, "MANWIDTH=80", "LC_ALL=C.UTF-8", "MAN_KEEP_FORMATTING=")
		groff := processStart(t, cmd)()
		if groff.code != 0 || groff.stderr != "" {
			t.Errorf("%s: man: exit code %d: %s", page.title(), groff.code, groff.stderr)
		}
		for formatter, text := range map[string]string{
			"man":    groff.stdout,
			"mandoc": processStart(t, processCommand(t, mandoc, "-T", "utf8", "-O", "width=78", name))().stdout,
		} {
			text = overstrike.ReplaceAllString(text, "")
			checkManText(t, formatter, page, text)
		}
	}
}

// checkManText checks a formatted page.
func checkManText(t *testing.T, formatter string, page manPage, text string) {
	words := func(s string) string { return " " + strings.Join(strings.Fields(s), " ") + " " }
	all := words(text)
	copied := map[string]bool{}
	has := func(s string) {
		if !strings.Contains(all, words(s)) {
			t.Errorf("%s: %s: %q is not in it", page.title(), formatter, s)
		}
		copied[strings.TrimSpace(s)] = true
	}
	has(page.title() + " - " + page.summary)
	for _, line := range page.usage {
		has(line)
	}
	for _, x := range page.blocks {
		if x.text != "" {
			has(x.text)
		}
		for _, line := range x.lines {
			has(line)
		}
		for _, r := range x.rows {
			for _, cell := range r {
				if cell != "" {
					has(cell)
				}
			}
		}
	}
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if words := strings.Fields(line); utf8.RuneCountInString(line) > 80 && len(words) > 1 && !copied[strings.TrimSpace(line)] {
			t.Errorf("%s: %s: longer than 80: %s", page.title(), formatter, line)
		}
		if strings.ContainsFunc(line, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
			t.Errorf("%s: %s: control characters in %q", page.title(), formatter, line)
		}
	}
}

func TestRoff(t *testing.T) {
	for text, want := range map[string]string{
		"a-b":    `a\-b`,
		`a\b`:    `a\eb`,
		".TH x":  `\&.TH x`,
		"'br":    `\(aqbr`,
		"it's":   `it\(aqs`,
		"2^18 ~": `2\(ha18 \(ti`,
		"`x` \"": `\(gax\(ga \(dq`,
		"16 × x": `16 \[u00D7] x`,
		"":       "",
	} {
		if got := roffLine(text); got != want+"\n" {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestRoffLine(t *testing.T) {
	for text, want := range map[string]string{
		"":                  "\n",
		"a word":            "a word\n",
		".a":                "\\&.a\n",
		"'":                 "\\(aq\n",
		"It is so.":         "It is so.\\&\n",
		"Is it?":            "Is it?\\&\n",
		"(It is!)":          "(It is!)\\&\n",
		`"It is so."`:       "\\(dqIt is so.\\(dq\\&\n",
		"It is so. And so,": "It is so. And so,\n",
		"...":               "\\&...\\&\n",
	} {
		if got := roffLine(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

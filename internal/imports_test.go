// Package internal_test holds the import table of README.md over the module.
package internal_test

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
)

// A rule is what the table says of one package. Packages have their path
// inside the module, less "internal/".
type rule struct {
	allowed []string
	reason  string
}

func TestImports(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	rules, err := parseRules(string(readme))
	if err != nil {
		t.Fatal(err)
	}
	imports, err := findImports(os.DirFS(".."))
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range violations(rules, imports) {
		t.Error(v)
	}
}

const tableHead = "| package | may import, of this module | because |\n|---|---|---|\n"

func parseRules(readme string) (map[string]rule, error) {
	_, table, ok := strings.Cut(readme, tableHead)
	if !ok {
		return nil, fmt.Errorf("no table that begins with %q", tableHead)
	}
	rules := map[string]rule{}
	for line := range strings.Lines(table) {
		line = strings.TrimSpace(line)
		if line == "" {
			break
		}
		cells := strings.Split(line, "|")
		if len(cells) != 5 {
			return nil, fmt.Errorf("not three cells: %s", line)
		}
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if cells[1] == "" || cells[2] == "" || cells[3] == "" {
			return nil, fmt.Errorf("an empty cell: %s", line)
		}
		r := rule{reason: cells[3]}
		if cells[2] != "nothing" {
			r.allowed = strings.Split(cells[2], ", ")
		}
		for _, name := range strings.Split(cells[1], ", ") {
			if _, ok := rules[name]; ok {
				return nil, fmt.Errorf("two rows for %s", name)
			}
			rules[name] = r
		}
	}
	return rules, nil
}

// findImports returns what each package of the module imports of the module,
// outside its tests. It reads the sources itself, because "go list" sees only
// the files of one operating system and one set of build tags.
func findImports(module fs.FS) (map[string][]string, error) {
	gomod, err := fs.ReadFile(module, "go.mod")
	if err != nil {
		return nil, err
	}
	first, _, _ := strings.Cut(string(gomod), "\n")
	prefix, ok := strings.CutPrefix(first, "module ")
	if !ok {
		return nil, fmt.Errorf("go.mod begins with %q", first)
	}
	prefix = strings.TrimSpace(prefix) + "/"

	imports := map[string][]string{}
	err = fs.WalkDir(module, ".", func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil || p == ".":
			return err
		case d.IsDir():
			// What "go list ./..." leaves out too.
			if strings.HasPrefix(d.Name(), ".") || strings.HasPrefix(d.Name(), "_") || d.Name() == "testdata" {
				return fs.SkipDir
			}
			if _, err := fs.Stat(module, path.Join(p, "go.mod")); err == nil {
				return fs.SkipDir
			}
			return nil
		case path.Ext(p) != ".go" || strings.HasSuffix(p, "_test.go") || strings.HasPrefix(d.Name(), ".") || strings.HasPrefix(d.Name(), "_"):
			return nil
		}
		src, err := fs.ReadFile(module, p)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), p, src, parser.ImportsOnly)
		if err != nil {
			return err
		}
		pkg := strings.TrimPrefix(path.Dir(p), "internal/")
		ours := imports[pkg]
		for _, spec := range file.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return fmt.Errorf("%s: %w", p, err)
			}
			if name, ok := strings.CutPrefix(name, prefix); ok {
				ours = append(ours, strings.TrimPrefix(name, "internal/"))
			}
		}
		slices.Sort(ours)
		imports[pkg] = slices.Compact(ours)
		return nil
	})
	return imports, err
}

// violations says in what the imports of the packages differ from the rules.
func violations(rules map[string]rule, imports map[string][]string) []string {
	var all []string
	for _, pkg := range slices.Sorted(maps.Keys(rules)) {
		for _, name := range append([]string{pkg}, rules[pkg].allowed...) {
			if _, ok := imports[name]; !ok {
				all = append(all, fmt.Sprintf("the row of %s names %s, and there is no such package", pkg, name))
			}
		}
	}
	for _, pkg := range slices.Sorted(maps.Keys(imports)) {
		r, ok := rules[pkg]
		if !ok {
			all = append(all, fmt.Sprintf("%s has no row: a new package takes a row before it takes an import", pkg))
			continue
		}
		for _, name := range imports[pkg] {
			switch {
			case name == "testenv":
				all = append(all, fmt.Sprintf("%s imports testenv outside its tests: only tests may", pkg))
			case !slices.Contains(r.allowed, name):
				all = append(all, fmt.Sprintf("%s must not import %s: %s", pkg, name, r.reason))
			}
		}
	}
	return all
}

func TestParseRules(t *testing.T) {
	got, err := parseRules("# Map\n\n" + tableHead +
		"| low, base | nothing | ground |\n| verb | low, base | jobs |\n\n| later | nothing | another table |\n")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]rule{
		"low":  {nil, "ground"},
		"base": {nil, "ground"},
		"verb": {[]string{"low", "base"}, "jobs"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	for name, readme := range map[string]string{
		"no table":    "# Map\n",
		"two cells":   tableHead + "| low | nothing |\n",
		"no reason":   tableHead + "| low | nothing | |\n",
		"no imports":  tableHead + "| low | | ground |\n",
		"no package":  tableHead + "| | nothing | ground |\n",
		"no table's":  tableHead + "and so on\n",
		"a row twice": tableHead + "| low | nothing | ground |\n| low | nothing | ground |\n",
	} {
		if rules, err := parseRules(readme); err == nil {
			t.Errorf("%s: accepted as %v", name, rules)
		}
	}
}

func TestFindImports(t *testing.T) {
	module := fstest.MapFS{}
	for name, src := range map[string]string{
		"go.mod":                     "module m\n\ngo 1.26\n",
		"verb/verb.go":               `package verb; import ("fmt"; "mm/x"; "m/internal/low")`,
		"verb/verb_windows.go":       `package verb; import win "m/internal/win"; import "m/internal/low"`,
		"verb/verb_test.go":          `package verb; import "m/other"`,
		"verb/_draft.go":             `package verb; import "m/other"`,
		"verb/testdata/x.go":         `package x; import "m/other"`,
		"verb/_asm/main.go":          `package main; import "m/other"`,
		"internal/low/low_purego.go": "//go:build purego\n\npackage low",
		"internal/all_test.go":       `package internal_test`,
		"nested/go.mod":              "module nested\n",
		"nested/nested.go":           `package nested; import "m/other"`,
	} {
		module[name] = &fstest.MapFile{Data: []byte(src)}
	}
	got, err := findImports(module)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{"verb": {"low", "win"}, "low": nil}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}

	module["verb/verb.go"] = &fstest.MapFile{Data: []byte("no Go")}
	if got, err := findImports(module); err == nil {
		t.Errorf("a file that is no Go: %v", got)
	}
	module["verb/verb.go"] = &fstest.MapFile{Data: []byte("package verb")}
	module["go.mod"] = &fstest.MapFile{Data: []byte("go 1.26\n")}
	if got, err := findImports(module); err == nil {
		t.Errorf("a module without a name: %v", got)
	}
}

func TestViolations(t *testing.T) {
	rules := map[string]rule{
		"low":     {nil, "ground"},
		"testenv": {nil, "for tests"},
		"verb":    {[]string{"low"}, "no verb imports a verb"},
		"other":   {[]string{"low"}, "no verb imports a verb"},
	}
	imports := map[string][]string{"low": nil, "testenv": nil, "verb": {"low"}, "other": nil}
	if got := violations(rules, imports); len(got) > 0 {
		t.Errorf("a house in order: %q", got)
	}
	for _, test := range []struct {
		name   string
		change func(map[string]rule, map[string][]string)
		want   string
	}{
		{"no row", func(_ map[string]rule, imports map[string][]string) {
			imports["new"] = nil
		}, "new has no row: a new package takes a row before it takes an import"},
		{"an import too many", func(_ map[string]rule, imports map[string][]string) {
			imports["verb"] = []string{"low", "other"}
		}, "verb must not import other: no verb imports a verb"},
		{"a row for nothing", func(rules map[string]rule, _ map[string][]string) {
			rules["gone"] = rule{nil, "was"}
		}, "the row of gone names gone, and there is no such package"},
		{"a name for nothing", func(rules map[string]rule, _ map[string][]string) {
			rules["verb"] = rule{[]string{"low", "gone"}, "jobs"}
		}, "the row of verb names gone, and there is no such package"},
		{"testenv, even where a row allows it", func(rules map[string]rule, imports map[string][]string) {
			rules["verb"] = rule{[]string{"low", "testenv"}, "jobs"}
			imports["verb"] = []string{"low", "testenv"}
		}, "verb imports testenv outside its tests: only tests may"},
	} {
		rules, imports := maps.Clone(rules), maps.Clone(imports)
		test.change(rules, imports)
		if got := violations(rules, imports); !slices.Equal(got, []string{test.want}) {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

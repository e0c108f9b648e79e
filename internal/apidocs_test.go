package internal_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/doc"
	"go/doc/comment"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestAPIDocs holds that everything exported by a verb has a doc, and that no doc sends
// its reader to what he can't see: a name that is not exported, or one of an internal
// package.
func TestAPIDocs(t *testing.T) {
	for _, verb := range verbs {
		if list := docProblems(t, verb); len(list) > 0 {
			t.Errorf("%s: %d names have a doc that does not stand alone\n%s", verb, len(list), strings.Join(list, "\n"))
		}
	}
}

func docProblems(t *testing.T, verb string) (list []string) {
	t.Helper()
	fset := token.NewFileSet()
	var files []*ast.File
	paths, err := filepath.Glob("../" + verb + "/*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(fset, path, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	hidden := hiddenNames(files)
	p, err := doc.NewFromFiles(fset, files, "bt/"+verb)
	if err != nil {
		t.Fatal(err)
	}
	d := docCheck{parser: p.Parser(), internal: internalPackages(t), hidden: hidden}
	check := func(name, text string, decl ast.Node) {
		if why := d.problem(text, decl); why != "" {
			list = append(list, name+": "+why)
		}
	}
	checkNamed := func(in, name, text string, decl ast.Node) {
		check(in+name, text, decl)
		first, _, _ := strings.Cut(text, ".")
		if text != "" && !slices.Contains(strings.Fields(first), name) {
			list = append(list, in+name+": its first sentence is not about it")
		}
	}
	values := func(in string, values []*doc.Value) {
		for _, v := range values {
			check(in+v.Names[0], v.Doc, v.Decl)
		}
	}
	funcs := func(in string, funcs []*doc.Func) {
		for _, f := range funcs {
			if f.Name != "Error" && f.Name != "Unwrap" { // of errors, which need no doc
				checkNamed(in, f.Name, f.Doc, f.Decl.Type)
			}
		}
	}
	check("package", p.Doc, nil)
	values("", p.Consts)
	values("", p.Vars)
	funcs("", p.Funcs)
	for _, typ := range p.Types {
		checkNamed("", typ.Name, typ.Doc, typ.Decl)
		values("", typ.Consts)
		values("", typ.Vars)
		funcs("", typ.Funcs)
		funcs(typ.Name+".", typ.Methods)
	}
	slices.Sort(list)
	return list
}

// hiddenNames are the names of a package that are not exported.
func hiddenNames(files []*ast.File) map[string]bool {
	names := make(map[string]bool)
	add := func(id *ast.Ident) { names[id.Name] = !id.IsExported() }
	for _, f := range files {
		for _, decl := range f.Decls {
			switch decl := decl.(type) {
			case *ast.FuncDecl:
				if decl.Recv == nil {
					add(decl.Name)
				}
			case *ast.GenDecl:
				for _, spec := range decl.Specs {
					switch spec := spec.(type) {
					case *ast.TypeSpec:
						add(spec.Name)
					case *ast.ValueSpec:
						for _, name := range spec.Names {
							add(name)
						}
					}
				}
			}
		}
	}
	return names
}

// internalPackages matches "metainfo.Torrent" and the like.
func internalPackages(t *testing.T) *regexp.Regexp {
	t.Helper()
	var names []string
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && path != "." && d.Name() != "testdata" {
			names = append(names, regexp.QuoteMeta(d.Name()))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return regexp.MustCompile(`\b(` + strings.Join(names, "|") + `)\.[A-Z]\w*`)
}

type docCheck struct {
	parser   *comment.Parser
	internal *regexp.Regexp
	hidden   map[string]bool
}

var (
	seeName = regexp.MustCompile(`\b[Ss]ee (\w+)`)
	camel   = regexp.MustCompile(`\b([a-z]\w*[A-Z]\w*)\b`)
	link    = regexp.MustCompile(`\[\*?[A-Z]\w*(\.\w+)?\]`)
)

// problem says why a doc, with the comments in its declaration, does not stand alone.
func (d *docCheck) problem(text string, decl ast.Node) string {
	if strings.TrimSpace(text) == "" {
		return "no doc"
	}
	var b bytes.Buffer
	fmt.Fprintln(&b, text)
	if decl != nil { // of which only what is exported is left
		ast.Inspect(decl, func(n ast.Node) bool {
			if g, ok := n.(*ast.CommentGroup); ok {
				fmt.Fprintln(&b, g.Text())
			}
			return true
		})
	}
	if name := d.internal.FindString(b.String()); name != "" {
		return "it names " + name
	}
	for _, names := range []*regexp.Regexp{seeName, camel} {
		for _, m := range names.FindAllStringSubmatch(b.String(), -1) {
			if d.hidden[m[1]] {
				return "it names " + m[1] + ", which is not exported"
			}
		}
	}
	if broken := link.FindString(plainText(d.parser.Parse(text))); broken != "" {
		return "the link " + broken + " leads nowhere"
	}
	return ""
}

// plainText is what of a doc is neither code nor a link.
func plainText(d *comment.Doc) string {
	var b strings.Builder
	writePlain(&b, d.Content)
	return b.String()
}

func writePlain(b *strings.Builder, blocks []comment.Block) {
	for _, block := range blocks {
		switch block := block.(type) {
		case *comment.Paragraph:
			for _, x := range block.Text {
				if plain, ok := x.(comment.Plain); ok {
					b.WriteString(string(plain))
				}
			}
		case *comment.List:
			for _, item := range block.Items {
				writePlain(b, item.Content)
			}
		}
	}
}

package internal_test

import (
	"go/importer"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// verbs are the packages that programs outside of this module use.
var verbs = []string{"get", "inspect", "maketorrent", "repair", "rewrite", "scrape", "seed"}

// TestAPITypes holds that a caller can name every type of this module that the
// exported declarations of a verb lead to. A type of a declaration itself has an alias
// in that verb; one that an alias leads to, by its fields and methods, has one there or
// in inspect.
func TestAPITypes(t *testing.T) {
	packages := loadVerbs(t)
	aliased := make(map[string]map[*types.TypeName]bool) // by verb
	for verb, p := range packages {
		aliased[verb] = make(map[*types.TypeName]bool)
		for _, name := range p.Scope().Names() {
			if o, ok := p.Scope().Lookup(name).(*types.TypeName); ok && o.Exported() && o.IsAlias() {
				if n, ok := types.Unalias(o.Type()).(*types.Named); ok {
					aliased[verb][n.Obj()] = true
				}
			}
		}
	}
	for _, verb := range verbs {
		p := packages[verb]
		for _, name := range p.Scope().Names() {
			o := p.Scope().Lookup(name)
			if !o.Exported() {
				continue
			}
			w := apiWalk{seen: make(map[*types.TypeName]bool), visit: func(n *types.TypeName, throughAlias bool) {
				if n.Pkg() == p || aliased[verb][n] || throughAlias && aliased["inspect"][n] {
					return
				}
				t.Errorf("%s.%s leads to %s, which a caller can't name", verb, name, n.Type())
			}}
			if tn, ok := o.(*types.TypeName); ok && tn.IsAlias() {
				w.throughAlias = true
			}
			w.declared(o)
		}
	}
}

// loadVerbs type-checks the verbs.
func loadVerbs(t *testing.T) map[string]*types.Package {
	t.Helper()
	args := []string{"list", "-export", "-deps", "-f", "{{.ImportPath}}\t{{.Export}}"}
	for _, verb := range verbs {
		args = append(args, "bt/"+verb)
	}
	out, err := exec.CommandContext(t.Context(), "go", args...).Output()
	if err != nil {
		t.Fatal(err)
	}
	files := make(map[string]string)
	for line := range strings.Lines(string(out)) {
		path, file, _ := strings.Cut(strings.TrimSpace(line), "\t")
		files[path] = file
	}
	imp := importer.ForCompiler(token.NewFileSet(), "gc", func(path string) (io.ReadCloser, error) { return os.Open(files[path]) })
	packages := make(map[string]*types.Package)
	for _, verb := range verbs {
		if packages[verb], err = imp.Import("bt/" + verb); err != nil {
			t.Fatal(err)
		}
	}
	return packages
}

// An apiWalk visits the types of this module that a declaration leads to.
type apiWalk struct {
	seen         map[*types.TypeName]bool
	throughAlias bool
	visit        func(n *types.TypeName, throughAlias bool)
}

func (w *apiWalk) declared(o types.Object) {
	if n, ok := types.Unalias(o.Type()).(*types.Named); ok {
		if _, isType := o.(*types.TypeName); isType {
			w.members(n)
			return
		}
	}
	w.types(o.Type())
}

// members walks through the exported fields and methods of a type.
func (w *apiWalk) members(n *types.Named) {
	if w.seen[n.Obj()] {
		return
	}
	w.seen[n.Obj()] = true
	methods := types.NewMethodSet(types.NewPointer(n))
	for m := range methods.Methods() {
		if m.Obj().Exported() {
			w.types(m.Obj().Type())
		}
	}
	w.types(n.Underlying())
}

func (w *apiWalk) types(t types.Type) {
	switch t := t.(type) {
	case *types.Alias:
		w.types(types.Unalias(t))
	case *types.Named:
		for arg := range t.TypeArgs().Types() {
			w.types(arg)
		}
		if o := t.Obj(); o.Pkg() != nil && strings.HasPrefix(o.Pkg().Path(), "bt/") {
			w.visit(o, w.throughAlias)
			if w.throughAlias {
				w.members(t)
			}
		}
	case *types.Pointer:
		w.types(t.Elem())
	case *types.Slice:
		w.types(t.Elem())
	case *types.Array:
		w.types(t.Elem())
	case *types.Chan:
		w.types(t.Elem())
	case *types.Map:
		w.types(t.Key())
		w.types(t.Elem())
	case *types.Signature:
		w.types(t.Params())
		w.types(t.Results())
	case *types.Tuple:
		for v := range t.Variables() {
			w.types(v.Type())
		}
	case *types.Struct:
		for f := range t.Fields() {
			if f.Exported() {
				w.types(f.Type())
			}
		}
	case *types.Interface:
		for m := range t.Methods() {
			if m.Exported() {
				w.types(m.Type())
			}
		}
	}
}

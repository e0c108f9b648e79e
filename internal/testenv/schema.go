package testenv

import (
	"bytes"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// JSONSchema compiles a JSON schema. The function that it returns checks a document.
func JSONSchema(t testing.TB, schema []byte) (check func(document []byte) error) {
	t.Helper()
	c := jsonschema.NewCompiler()
	if err := c.AddResource("schema.json", parseJSON(t, schema)); err != nil {
		t.Fatal(err)
	}
	compiled, err := c.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return func(document []byte) error {
		t.Helper()
		return compiled.Validate(parseJSON(t, document))
	}
}

// parseJSON parses JSON as the schema's numbers need it.
func parseJSON(t testing.TB, b []byte) any {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

package testenv

import (
	"bytes"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// JSONSchema is like [CompileJSONSchema] for a test, which fails if the schema is not
// valid.
func JSONSchema(t testing.TB, schema []byte) (check func(document []byte) error) {
	t.Helper()
	check, err := CompileJSONSchema(schema)
	if err != nil {
		t.Fatal(err)
	}
	return check
}

// CompileJSONSchema compiles a JSON schema. The function that it returns checks a
// document, which must be JSON.
func CompileJSONSchema(schema []byte) (check func(document []byte) error, err error) {
	parsed, err := parseJSON(schema)
	if err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("schema.json", parsed); err != nil {
		return nil, err
	}
	compiled, err := c.Compile("schema.json")
	if err != nil {
		return nil, err
	}
	return func(document []byte) error {
		parsed, err := parseJSON(document)
		if err != nil {
			return err
		}
		return compiled.Validate(parsed)
	}, nil
}

// parseJSON parses JSON as the schema's numbers need it.
func parseJSON(b []byte) (any, error) { return jsonschema.UnmarshalJSON(bytes.NewReader(b)) }

package testenv

import (
	"encoding/json"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"
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
	var parsed jsonschema.Schema
	if err := json.Unmarshal(schema, &parsed); err != nil {
		return nil, err
	}
	resolved, err := parsed.Resolve(nil)
	if err != nil {
		return nil, err
	}
	return func(document []byte) error {
		var instance any
		if err := json.Unmarshal(document, &instance); err != nil {
			return err
		}
		return resolved.Validate(instance)
	}, nil
}

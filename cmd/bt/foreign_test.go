package main

import (
	"os"
	"regexp"
	"testing"

	"bt/internal/metainfo"
)

// Every form has a hint, and every hint belongs to a form.
func TestFormHints(t *testing.T) {
	source, err := os.ReadFile("../../internal/metainfo/foreign.go")
	if err != nil {
		t.Fatal(err)
	}
	forms := regexp.MustCompile(`(?m)^\t\w+ +Form = "([^"]+)"`).FindAllSubmatch(source, -1)
	if len(forms) < 30 {
		t.Fatalf("only %d forms found", len(forms))
	}
	for _, m := range forms {
		if formHints[metainfo.Form(m[1])] == "" {
			t.Errorf("%s has no hint", m[1])
		}
	}
	if len(forms) != len(formHints) {
		t.Errorf("%d forms, %d hints", len(forms), len(formHints))
	}
}

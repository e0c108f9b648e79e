package main

import (
	"bufio"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// SIGINT ends the command while it reads rules, and no summary is printed.
func TestRulesInterrupted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rules.yaml")
	if err := os.WriteFile(path, []byte("rules:\n"+strings.Repeat("- {match: a, comment: b}\n", 5000)), 0o644); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 20 {
		if rules, err := loadRules(ctx, &env{}, path); !errors.Is(err, context.Canceled) {
			t.Fatalf("%d rules, %v", len(rules), err)
		}
	}
	e, out, _ := testEnv()
	u := &ui{env: e, out: bufio.NewWriter(out)}
	r := &retrackerRun{ctx: ctx, u: u, dryRun: true}
	if err := r.run([]input{{name: path}}, false); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if u.out.Flush(); out.Len() > 0 {
		t.Errorf("%q", out)
	}
}

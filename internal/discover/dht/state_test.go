package dht

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"bt/internal/discover/krpc"
)

// Files that are not ours are ignored with a warning, and replaced.
func TestState(t *testing.T) {
	good := stateHead + "\nexternal 124.31.75.21\nnode 5fbfbff10c5d6a4ec8a88e4c6ab4c28b95eee401 203.0.113.9:6881\n"
	for name, tt := range map[string]struct {
		data  string
		nodes int
	}{
		"good":         {good, 1},
		"empty":        {"", 0},
		"foreign":      {"d2:id20:", 0},
		"binary":       {stateHead + "\n\x00\xff", 0},
		"short id":     {strings.Replace(good, "5fbf", "", 1), 0},
		"no address":   {strings.Replace(good, "203", "host", 1), 0},
		"no port":      {strings.Replace(good, ":6881", ":0", 1), 0},
		"bad external": {strings.Replace(good, "124.", "", 1), 0},
		"too long":     {stateHead + "\n" + strings.Repeat("node 5fbfbff10c5d6a4ec8a88e4c6ab4c28b95eee401 203.0.113.9:6881\n", maxSaved+1), 0},
		"huge":         {strings.Repeat("x", maxState+1), 0},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "dht")
			if err := os.WriteFile(file, []byte(tt.data), 0o600); err != nil {
				t.Fatal(err)
			}
			var warnings []error
			n := New(Options{
				Conns: []fakePacketConn{newFakeNet().listen("10.0.0.1:6881")}, State: file,
				Warn: func(err error) { warnings = append(warnings, err) },
			})
			n.load()
			if len(n.bootstrap.saved) != tt.nodes || (len(warnings) == 0) != (tt.nodes > 0) {
				t.Errorf("%d nodes, warnings %v", len(n.bootstrap.saved), warnings)
			}
			if fits := n.families[0].id.FitsAddr(netip.MustParseAddr("124.31.75.21")); fits != (tt.nodes > 0) {
				t.Errorf("the id fits the saved address: %t", fits)
			}
			node := krpc.Node{ID: hashNumber(1), Addr: netip.MustParseAddrPort("10.0.0.2:1")}
			n.families[0].table.insert(node, time.Now())
			n.save()
			saved, _, err := parseStateFile(file)
			if err != nil || !slices.Equal(saved, []krpc.Node{node}) {
				t.Errorf("saved %v, %v", saved, err)
			}
		})
	}
}

func parseStateFile(file string) ([]krpc.Node, []netip.Addr, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, nil, err
	}
	return parseState(string(data))
}

// A missing file is no error, and a node that knows no others does not overwrite one.
func TestStateKept(t *testing.T) {
	file := filepath.Join(t.TempDir(), "dht")
	n := New(Options{
		Conns: []fakePacketConn{newFakeNet().listen("10.0.0.1:6881")}, State: file,
		Warn: func(err error) { t.Error(err) },
	})
	n.load()
	n.save()
	if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file without nodes: %v", err)
	}
}

// The warning of a file that can't be used names it once.
func TestStateWarning(t *testing.T) {
	for name, content := range map[string]string{"foreign": "something else\n", "too large": strings.Repeat("x", maxState+1)} {
		file := filepath.Join(t.TempDir(), "dht")
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		var warnings []string
		New(Options{State: file, Warn: func(err error) { warnings = append(warnings, err.Error()) }}).load()
		if len(warnings) != 1 || strings.Count(warnings[0], file) != 1 {
			t.Errorf("%s: %q", name, warnings)
		}
	}
}

// Bad lines are errors, and never more.
func FuzzState(f *testing.F) {
	f.Add(stateHead + "\nexternal 124.31.75.21\nnode 5fbfbff10c5d6a4ec8a88e4c6ab4c28b95eee401 203.0.113.9:6881\n")
	f.Fuzz(func(t *testing.T, data string) {
		nodes, _, err := parseState(data)
		if err != nil && (nodes != nil) {
			t.Errorf("%v with %d nodes", err, len(nodes))
		}
		for _, n := range nodes {
			if !isUnicast(n.Addr) {
				t.Errorf("the node %s", n.Addr)
			}
		}
	})
}

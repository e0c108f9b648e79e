package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bt/internal/testenv"
)

// The output of every bt with --json that a test runs as a process is recorded, and after
// all tests compared with the schemas. A process that is killed, whose reader ends early, or
// whose memory is measured is not recorded.

// recordVariable is the environment variable for the directory of the records.
const recordVariable = "BT_TEST_JSON"

// maxRecord is the size of the longest output that is recorded.
const maxRecord = 4 << 20

// A record is an output of bt. Its file has the fields as one line of JSON, then the
// output.
type record struct {
	Args    []string
	Schemas []string // each document is of one of these
}

// recordingMain is like main and records the output.
func recordingMain() {
	dir := os.Getenv(recordVariable)
	if dir == "" {
		main()
	}
	e := osEnv()
	inv, _ := parseArgs(e.args, newApp(e, commands(e)).Flags, newApp(e, commands(e)).Commands)
	info, err := os.Stdout.Stat()
	if !printsJSON(inv) || err != nil || info.Mode().IsRegular() {
		main()
	}
	setUp()
	e = osEnv() // the flags of the other were set
	out := &recorder{to: os.Stdout, file: newRecord(dir, record{e.args, schemasOf(inv)})}
	e.stdout = out
	code := run(e)
	out.end()
	for _, s := range jsonSchemas {
		if name := inv.lastGiven(s.flags); s.isFile && inv.name() == s.command && name != "" && code <= exitNo {
			if b, err := os.ReadFile(name); err == nil && len(b) <= maxRecord {
				saveRecord(dir, record{e.args, []string{s.name}}, b)
			}
		}
	}
	os.Exit(code)
}

// printsJSON reports whether a command line asks for JSON.
func printsJSON(inv *invocation) bool {
	on := inv.mentions("--json") || inv.mentions("--jsonl") || inv.lastGiven("raw") == "true"
	return !inv.help && !inv.version && (on || inv.lastGiven("json") == "true" || inv.lastGiven("jsonl") == "true")
}

// schemasOf returns the names of the schemas of the output of a command line. If it
// names no command, the output is an error, which is in every schema.
func schemasOf(inv *invocation) []string {
	names := []string{jsonSchemas[0].name}
	for _, s := range jsonSchemas {
		if s.isFile || s.command != inv.name() {
			continue
		}
		given := func(flag string) bool { return inv.lastGiven(flag) == "true" }
		if flags := strings.Fields(s.flags); len(flags) == 0 || slices.ContainsFunc(flags, given) {
			names = []string{s.name}
		}
	}
	if inv.name() == "make" || inv.name() == "get" {
		names = append(names, "seed") // with --seed, also in a preset
	}
	return names
}

// newRecord begins the file of a record. It returns nil if it can't: the user of the
// process may not be allowed to write there.
func newRecord(dir string, r record) *os.File {
	b, err := json.Marshal(r)
	if err != nil {
		return nil
	}
	f, err := os.CreateTemp(dir, "*.part")
	if err != nil {
		return nil
	}
	_, _ = f.Write(append(b, '\n'))
	return f
}

// saveRecord saves a record of an output.
func saveRecord(dir string, r record, output []byte) {
	out := &recorder{to: io.Discard, file: newRecord(dir, r)}
	_, _ = out.Write(output)
	out.end()
}

// A recorder writes an output, and what was written to the file of a record.
type recorder struct {
	to     io.Writer
	file   *os.File // nil if the output is not recorded
	size   int
	failed bool
}

func (r *recorder) Write(b []byte) (int, error) {
	n, err := r.to.Write(b)
	r.size, r.failed = r.size+n, r.failed || err != nil
	if r.file != nil && !r.failed && r.size <= maxRecord {
		_, _ = r.file.Write(b)
	}
	return n, err
}

// end completes the record, unless the output was too long or not written.
func (r *recorder) end() {
	if r.file != nil && r.file.Close() == nil && !r.failed && r.size <= maxRecord {
		_ = os.Rename(r.file.Name(), r.file.Name()+".json")
	}
}

// recordedTests runs tests, then checks the records.
type recordedTests struct{ *testing.M }

func (m recordedTests) Run() int {
	dir, err := os.MkdirTemp("", "bt-json-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	os.Setenv(recordVariable, dir)
	code := m.M.Run()
	n, err := checkRecords(dir)
	if err != nil {
		fmt.Printf("FAIL: JSON and schemas differ:\n%v\n", err)
		return max(code, 1)
	}
	if testing.Verbose() {
		fmt.Printf("%d outputs of --json are as their schemas say\n", n)
	}
	return code
}

// checkRecords checks the records in a directory and returns how many there are.
func checkRecords(dir string) (n int, err error) {
	names, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return 0, err
	}
	checks := map[string]func([]byte) error{}
	for _, s := range jsonSchemas {
		if checks[s.name], err = testenv.CompileJSONSchema([]byte(s.text())); err != nil {
			return 0, fmt.Errorf("schema/%s.json: %w", s.name, err)
		}
	}
	var all []error
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			return 0, err
		}
		var r record
		first, output, _ := bytes.Cut(b, []byte("\n"))
		if err = json.Unmarshal(first, &r); err == nil {
			err = r.check(output, checks)
		}
		if err != nil && len(all) < 20 {
			all = append(all, fmt.Errorf("bt %q: %w", r.Args, err))
		}
	}
	return len(names), errors.Join(all...)
}

// check checks each document of the output of a record.
func (r *record) check(output []byte, checks map[string]func([]byte) error) error {
	d := json.NewDecoder(bytes.NewReader(output))
	for {
		var document json.RawMessage
		if err := d.Decode(&document); err == io.EOF {
			return nil
		} else if err != nil {
			return fmt.Errorf("no JSON: %w", err)
		}
		var err error
		if !slices.ContainsFunc(r.Schemas, func(name string) bool {
			err = checks[name](document)
			return err == nil
		}) {
			return fmt.Errorf("not as schema/%s.json says: %w\n%.2000s", r.Schemas[len(r.Schemas)-1], err, document)
		}
	}
}

// The records of a wrong output fail.
func TestRecords(t *testing.T) {
	for _, test := range []struct {
		schema, output string
		ok             bool
	}{
		{"info", `{"error":{"code":"usage","message":"x"}}`, true},
		{"info", `[{"path":"x","error":{"code":"read","message":"x"}}]`, true},
		{"info", `[]`, true},
		{"info", ``, true},
		{"info", `{}`, false},
		{"info", `{"error":{"code":"usage"}}`, false},
		{"info", `{"error":{"code":"nope","message":"x"}}`, false},
		{"info", `{"error":{"code":"usage","message":"x"},"more":1}`, false},
		{"info", `[] {`, false},
		{"seed", `{"time":"2026-01-31T12:00:00Z","event":"stats","uploaded":1,"rate":0,"peers":0}`, true},
		{"seed", `{"time":"2026-01-31T12:00:00Z","event":"stats","uploaded":1,"rate":0,"peers":0,"name":"x"}`, false},
		{"seed", `{"time":"2026-01-31T12:00:00Z","event":"other"}`, false},
		{"get", `{"time":"2026-01-31T12:00:00Z","event":"complete","name":"x","path":"x","seconds":1.5}`, true},
		{"get", `{"time":"2026-01-31T12:00:00Z","event":"complete","name":"x","path":"x"}`, false},
		{"get", `{"time":"2026-01-31T12:00:00Z","event":"list","name":"x","files":[{"path":"x","size":0}]}`, true},
		{"raw", `{"info":{"a":[1,"x",{}]}}`, true},
		{"raw", `{"info":null}`, false},
	} {
		dir := t.TempDir()
		saveRecord(dir, record{[]string{"x"}, []string{test.schema}}, []byte(test.output))
		if n, err := checkRecords(dir); n != 1 || (err == nil) != test.ok {
			t.Errorf("%s %s: %d, %v", test.schema, test.output, n, err)
		}
	}
}

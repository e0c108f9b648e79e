package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bt/maketorrent"
)

// A torrent that is not on disk as it was made is an error of writing, and stays.
func TestCheckWritten(t *testing.T) {
	dir := t.TempDir()
	content := filepath.Join(dir, "content")
	if err := os.WriteFile(content, []byte("hello"), 0o644); err != nil {
		t.Fatal(err)
	}
	r, err := maketorrent.Make(context.Background(), maketorrent.Options{Path: content, Comment: "c"})
	if err != nil {
		t.Fatal(err)
	}
	good := string(r.Torrent.Bytes())
	path := filepath.Join(dir, "x.torrent")
	for name, test := range map[string]struct{ written, want string }{
		"the same":          {good, ""},
		"another info-hash": {strings.Replace(good, "6:lengthi5e", "6:lengthi6e", 1), "another info-hash"},
		"another comment":   {strings.Replace(good, "1:c", "1:d", 1), "another torrent"},
		"cut short":         {good[:len(good)/2], "can't be read"},
		"empty":             {"", "can't be read"},
		"one byte more":     {good + "x", "x.torrent: it was written, but"},
	} {
		if err := os.WriteFile(path, []byte(test.written), 0o644); err != nil {
			t.Fatal(err)
		}
		err := checkWritten(path, r.Torrent)
		switch {
		case test.want == "" && err != nil, test.want != "" && (codeOf(err) != exitWrite || !strings.Contains(err.Error(), test.want)):
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
		if b, err := os.ReadFile(path); err != nil || string(b) != test.written {
			t.Errorf("%s: the file was changed: %v", name, err)
		}
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := checkWritten(path, r.Torrent); codeOf(err) != exitWrite {
		t.Errorf("no file: %v", err)
	}
}

// Whatever a torrent has, a value in a template is one path component.
func TestSafeComponent(t *testing.T) {
	for value, want := range map[string]string{
		"plain": "plain", "a b": "a b", "ü": "ü", ".hidden": ".hidden", "a..b": "a..b", "-x": "-x",
		".": "_", "..": "__", "...": "___", "/": "_", "a/b": "a_b", "/etc/passwd": "_etc_passwd", "../x": ".._x",
		"a\x00b": "a_b", "a\nb": "a_b", "a\x1b[31m": "a_[31m", "::1": "::1", "\x7f": "_", "\u0085": "_",
	} {
		got := safeComponent(value)
		if got != want && os.PathSeparator == '/' {
			t.Errorf("%q: %q, want %q", value, got, want)
		}
		if filepath.Base(got) != got || !filepath.IsLocal(got) {
			t.Errorf("%q: %q is not one component", value, got)
		}
	}
}

// FuzzTemplate expands templates with a hostile value: it leads to no other directory.
func FuzzTemplate(f *testing.F) {
	f.Add("out/{source}.torrent", "../x")
	f.Add("{{{source}}}", "..")
	f.Add("{source}{source}/{name}", ".")
	f.Fuzz(func(t *testing.T, text, value string) {
		template, err := readTemplate(text)
		if err != nil || value == "" {
			return
		}
		values := map[string]string{"source": value}
		for _, name := range placeholders {
			if name != "source" {
				values[name] = "v"
			}
		}
		got, err := template.expand(values)
		if err != nil {
			t.Fatal(err)
		}
		values["source"] = "v"
		plain, err := template.expand(values)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Count(got, "/") != strings.Count(plain, "/") || strings.IndexByte(got, 0) >= 0 && strings.IndexByte(plain, 0) < 0 {
			t.Errorf("%q with %q: %q", text, value, got)
		}
	})
}

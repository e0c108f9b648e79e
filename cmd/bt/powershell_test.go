package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// No PowerShell runs these tests: none of the registries that the tests install programs
// from has it. They check the form of the script and the quoting of values with a reader
// of the part of PowerShell's syntax that both use.

// A powerShellReader reads tokens of PowerShell.
type powerShellReader struct {
	rest []rune
	open []rune // brackets
}

// closing maps brackets to those that close them.
var closing = map[rune]rune{'(': ')', '{': '}', '[': ']'}

// read reads to the end of a script.
func (r *powerShellReader) read() error {
	for len(r.rest) > 0 {
		c := r.rest[0]
		switch {
		case c == '#':
			r.rest = r.rest[max(slices.Index(append(r.rest, '\n'), '\n'), 0):]
			continue
		case strings.ContainsRune(powerShellSingle+powerShellDouble, c):
			if _, err := r.text(); err != nil {
				return err
			}
			continue
		case c == '@' && len(r.rest) > 1 && strings.ContainsRune(powerShellSingle+powerShellDouble, r.rest[1]):
			return fmt.Errorf("a here-string, which this test does not read")
		case c == '`':
			r.rest = r.rest[min(2, len(r.rest)):]
			continue
		case closing[c] != 0:
			r.open = append(r.open, closing[c])
		case c == ')' || c == '}' || c == ']':
			if len(r.open) == 0 || r.open[len(r.open)-1] != c {
				return fmt.Errorf("%c closes nothing before %q", c, string(r.rest[:min(30, len(r.rest))]))
			}
			r.open = r.open[:len(r.open)-1]
		}
		r.rest = r.rest[1:]
	}
	if len(r.open) > 0 {
		return fmt.Errorf("%q are missing", string(r.open))
	}
	return nil
}

// text reads a quoted text and returns its value. In double quotes a backquote escapes, and
// $ is taken for itself.
func (r *powerShellReader) text() (string, error) {
	quotes := powerShellSingle
	if strings.ContainsRune(powerShellDouble, r.rest[0]) {
		quotes = powerShellDouble
	}
	var b strings.Builder
	for i := 1; i < len(r.rest); i++ {
		c := r.rest[i]
		switch {
		case c == '`' && quotes == powerShellDouble:
			if i++; i == len(r.rest) {
				return "", fmt.Errorf("a backquote at the end")
			}
			c = r.rest[i]
		case strings.ContainsRune(quotes, c):
			if i+1 == len(r.rest) || !strings.ContainsRune(quotes, r.rest[i+1]) {
				r.rest = r.rest[i+1:]
				return b.String(), nil
			}
			i++ // two are one
		}
		b.WriteRune(c)
	}
	return "", fmt.Errorf("a quote does not end: %q", string(r.rest[:min(30, len(r.rest))]))
}

// argument returns the value of the only argument in a line of a command.
func (r *powerShellReader) argument() (string, error) {
	if len(r.rest) > 0 && r.rest[0] == '\'' {
		text, err := r.text()
		if err == nil && len(r.rest) > 0 {
			err = fmt.Errorf("there is more behind the quotes: %q", string(r.rest))
		}
		return text, err
	}
	word := string(r.rest)
	if i := strings.IndexFunc(word, func(c rune) bool {
		return unicode.IsSpace(c) || strings.ContainsRune(powerShellSingle+powerShellDouble+"`$(){};,|&<>@#", c)
	}); i >= 0 || word == "" || word == "--%" {
		return "", fmt.Errorf("%q is not one word", word)
	}
	if strings.ContainsAny(word, "*?[]") || strings.HasPrefix(word, "~") {
		return "", fmt.Errorf("%q may be expanded", word)
	}
	return word, nil
}

func TestPowerShellReader(t *testing.T) {
	for text, ok := range map[string]bool{
		"{ f 'a''}' \"`\"}\" } # {": true, "": true, "(": false, "(]": false, "'": false, "\"`\"": false, "@'\nx\n'@": false, "}": false,
		"'it’s'": false, "'it’’s'": true, "'it’": true, "“x\"": true, "# '": true, "`{": true,
	} {
		r := powerShellReader{rest: []rune(text)}
		if err := r.read(); (err == nil) != ok {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// The quotes and brackets of the script end, and it has what PowerShell calls.
func TestPowerShellScriptForm(t *testing.T) {
	r := powerShellReader{rest: []rune(powerShellScript)}
	if err := r.read(); err != nil {
		t.Error(err)
	}
	for _, r := range powerShellScript {
		if r >= 0x80 || r < ' ' && r != '\n' {
			t.Errorf("%q: PowerShell 5.1 reads scripts in the encoding of the system", r)
		}
	}
	for _, part := range []string{
		"Register-ArgumentCompleter -Native -CommandName bt -ScriptBlock {", "param($wordToComplete, $commandAst, $cursorPosition)",
		"'__complete', 'powershell', '--'", "[System.Management.Automation.CompletionResult]::new(",
	} {
		if !strings.Contains(powerShellScript, part) {
			t.Errorf("%s is not in it", part)
		}
	}
}

// PowerShell reads a quoted value as one argument, which is the value.
func TestPowerShellArguments(t *testing.T) {
	values := []string{
		"plain", "info.\"a.b\"", "it's", "it’s", "‘quoted’", "“x”", "„x‚‛", "two words", "a\u00a0b", "a\u2003b", "a\u0085b", "tab\t", "line\nline",
		"$HOME", "$(x)", "${x}", "`x", "a;b", "a,b", "a|b", "a&b", "a>b", "<b", "@x", "#x", "*", "a?", "[a]", "{a}", "(a)", "~", "~/x", "--%", "%PATH%",
		"!x", "^x", "=x", "a=b", "C:\\dir\\x", "-x", "–x", "https://t.example/a?b=c&d", "日本語", "''", "'", "’’", "v1,hybrid", "--format=v1,hybrid",
	}
	for r := rune(' '); r < 0x7f; r++ {
		values = append(values, string(r), "a"+string(r)+"b", "a"+string(r))
	}
	for _, value := range values {
		r := powerShellReader{rest: []rune(quotePowerShell(nil, value))}
		if got, err := r.argument(); err != nil || got != value {
			t.Errorf("%q is quoted as %s, which is %q, %v", value, quotePowerShell(nil, value), got, err)
		}
	}
	for _, value := range []string{"plain", "--format", "https://t.example:443/x", "info_hash_v1", "16K", "2^18", "a.b", "C:\\x"} {
		if got := quotePowerShell(nil, value); got != value {
			t.Errorf("%q is quoted as %s", value, got)
		}
	}
}

func FuzzPowerShellArgument(f *testing.F) {
	f.Add("it’s $(x)")
	f.Fuzz(func(t *testing.T, value string) {
		value = strings.ToValidUTF8(value, "?")
		if value == "" {
			return // no completion is empty
		}
		r := powerShellReader{rest: []rune(quotePowerShell(nil, value))}
		if got, err := r.argument(); err != nil || got != value {
			t.Errorf("%q is quoted as %s, which is %q, %v", value, quotePowerShell(nil, value), got, err)
		}
	})
}

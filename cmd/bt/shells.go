package main

import (
	"context"
	_ "embed"
	"strings"
	"unicode"

	"github.com/urfave/cli/v2"
)

// A shell is one for which bt completion prints a script. cli/v2 has a completion of
// its own, but it knows only the names of commands and flags, not their values, and
// stops at the first argument as its parser does.
type shell struct {
	name, usage, script string

	// quote, if non-nil, quotes a value, because the script does not, nor does it
	// compare values with the word at the cursor.
	quote func(line *bashLine, value string) string
}

//go:embed completion/bt.bash
var bashScript string

//go:embed completion/bt.zsh
var zshScript string

//go:embed completion/bt.fish
var fishScript string

//go:embed completion/bt.ps1
var powerShellScript string

var shells = []shell{
	{"bash", "bash, from version 3.2", bashScript, quoteBash},
	{"zsh", "zsh", zshScript, nil},
	{"fish", "fish, from version 3", fishScript, nil},
	{"powershell", "PowerShell, from version 5.1", powerShellScript, quotePowerShell},
}

// otherShells maps shells to the name under which bt knows them.
var otherShells = []otherWords{
	{"sh dash ash", "bash"},
	{"pwsh ps ps1 power-shell", "powershell"},
}

func shellNames() (names []string) {
	for _, s := range shells {
		names = append(names, s.name)
	}
	return names
}

func findShell(name string) (*shell, error) {
	for i := range shells {
		if shells[i].name == name {
			return &shells[i], nil
		}
	}
	hint := "use bt completion " + strings.Join(shellNames(), "|")
	known := lookUp(spelling(name), otherShells)
	if known == "" {
		known = suggest(spelling(name), shellNames())
	}
	if known != "" {
		hint = "did you mean " + known + "?"
	}
	return nil, withHint(failf(exitUsage, "%q is none of %s", name, strings.Join(shellNames(), ", ")), hint)
}

func completionCommand(e *env) *cli.Command {
	return &cli.Command{
		Name:      "completion",
		Usage:     "print the script with which a shell completes bt",
		UsageText: "bt completion " + strings.Join(shellNames(), "|"),
		ArgsUsage: "The shell runs the script at its start. The script asks the bt in PATH, so it need not be printed again for a new version. Presets and trackers are those of the config file. Tracker URLs with a passkey are completed up to the host.",
		Description: `bt completion bash > ~/.local/share/bash-completion/completions/bt
echo 'eval "$(bt completion bash)"' >> ~/.bashrc
bt completion zsh > ~/.zfunc/_bt
echo 'fpath+=~/.zfunc; autoload -Uz compinit; compinit' >> ~/.zshrc
bt completion fish > ~/.config/fish/completions/bt.fish
bt completion powershell >> $PROFILE`,
		Action: action(e, func(_ context.Context, u *ui, args []string) error {
			if len(args) != 1 {
				return withHint(failf(exitUsage, "want one shell"), "use bt completion "+strings.Join(shellNames(), "|"))
			}
			s, err := findShell(args[0])
			if err != nil {
				return err
			}
			_, err = u.out.WriteString(s.script)
			return stdoutError(err)
		}),
	}
}

// The quotes of PowerShell, which takes typographic ones for ' and ".
const (
	powerShellSingle = "'‘’‚‛"
	powerShellDouble = "\"“”„"
)

// quotePowerShell quotes a value for PowerShell.
func quotePowerShell(_ *bashLine, value string) string {
	special := func(r rune) bool {
		return unicode.IsSpace(r) || unicode.In(r, unicode.Z, unicode.C) || strings.ContainsRune(powerShellSingle+powerShellDouble+"`$(){}[];,|&<>@#*?", r)
	}
	if !strings.ContainsFunc(value, special) && !strings.HasPrefix(value, "~") && value != "--%" {
		return value
	}
	var b strings.Builder
	b.WriteByte('\'')
	for _, r := range value {
		b.WriteRune(r)
		if strings.ContainsRune(powerShellSingle, r) {
			b.WriteRune(r)
		}
	}
	b.WriteByte('\'')
	return b.String()
}

package main

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/urfave/cli/v2"

	"bt/internal/metainfo"
)

// The help is built from the fields of a cli.Command: UsageText holds the usage
// lines, Usage the description in one line, ArgsUsage a text about the arguments,
// Flags the table of flags (the word in backquotes in a flag's Usage names its
// value), and Description the examples. The help is as wide as the terminal, up
// to maxHelpWidth columns, or helpWidth columns if stdout is not a terminal.
// Lines of usage and examples are not wrapped, so that they can be copied.
const (
	helpWidth    = 80
	maxHelpWidth = 100 // longer lines are hard to read
)

// helpColumns returns the width of the help; columns is 0 if unknown.
func helpColumns(terminal bool, columns int) int {
	if !terminal || columns <= 0 {
		return helpWidth
	}
	return min(columns, maxHelpWidth)
}

// commandHelp returns the output of bt help COMMAND.
func commandHelp(c *cli.Command, width int) string {
	var b strings.Builder
	writeUsage(&b, width, c.UsageText, c.Usage)
	if c.ArgsUsage != "" {
		b.WriteString("\n" + strings.Join(wrap(c.ArgsUsage, width), "\n") + "\n")
	}
	own, global := splitFlags(c.Flags)
	writeFlags(&b, width, "flags", own)
	writeFlags(&b, width, "flags of every command", global)
	if c.Description != "" {
		b.WriteString("\nexamples:\n")
		for line := range strings.Lines(strings.TrimSpace(c.Description)) {
			b.WriteString("  " + strings.TrimSpace(line) + "\n")
		}
	}
	return b.String()
}

// appHelp returns the output of bt help.
func appHelp(app *cli.App, width int) string {
	var b strings.Builder
	writeUsage(&b, width, app.UsageText, app.Usage)
	var rows [][2]string
	for _, c := range app.VisibleCommands() {
		rows = append(rows, [2]string{c.Name, c.Usage})
	}
	writeTable(&b, width, "commands", rows)
	rows = nil
	for _, t := range topics {
		rows = append(rows, [2]string{t.name, t.usage})
	}
	writeTable(&b, width, "topics of bt help", rows)
	writeFlags(&b, width, "flags, before or after the command", app.Flags)
	rows = nil
	for _, e := range exits {
		rows = append(rows, [2]string{fmt.Sprint(e.code), e.meaning})
	}
	writeTable(&b, width, "exit codes", rows)
	return b.String()
}

// topics lists the topics of bt help that are not commands.
var topics = []struct {
	name, usage string
	text        func(width int) string
}{
	{"findings", "the findings of make and info, and the codes for --allow", findingsHelp},
	{"report-csv", "the columns of bt verify --report FILE.csv", reportHelp},
	{"config-schema", "the JSON schema of presets, tracker rules and batch files", configSchema},
}

//go:generate go test . -run ^TestFindingsDoc$ -update

// aboutFindings is the beginning of the list of findings, here and in docs.
const aboutFindings = "The findings of bt make and bt info. --strict counts warnings and errors, except those whose codes --allow names."

// findingsHelp returns the output of bt help findings: a table of all findings.
func findingsHelp(width int) string {
	var b strings.Builder
	for _, line := range wrap(aboutFindings, width) {
		b.WriteString(line + "\n")
	}
	var rows [][2]string
	for _, k := range metainfo.Kinds {
		rows = append(rows, [2]string{string(k.Code), fmt.Sprintf("%s: %s", k.Severity, k.Meaning)}, [2]string{"", k.Advice})
	}
	writeTable(&b, width, "findings", rows)
	return b.String()
}

func writeUsage(b *strings.Builder, width int, lines, description string) {
	label := "usage: "
	for line := range strings.Lines(lines) {
		b.WriteString(label + strings.TrimSpace(line) + "\n")
		label = "       "
	}
	b.WriteString("\n" + strings.Join(wrap(description, width), "\n") + "\n")
}

// splitFlags splits flags into a command's own and those of every command.
func splitFlags(flags []cli.Flag) (own, global []cli.Flag) {
	everywhere := new(commonOptions).flags()
	for _, f := range flags {
		if findFlag(everywhere, f.Names()[0]) == nil {
			own = append(own, f)
		} else {
			global = append(global, f)
		}
	}
	return own, global
}

func writeFlags(b *strings.Builder, width int, title string, flags []cli.Flag) {
	var rows [][2]string
	for _, f := range flags {
		if v, ok := f.(cli.VisibleFlag); ok && !v.IsVisible() {
			continue
		}
		rows = append(rows, flagRow(f))
	}
	writeTable(b, width, title, rows)
}

// flagRow returns a flag as the help shows it: the short name first, in a column
// that is blank if there is none, then the long names and the name of the value.
func flagRow(f cli.Flag) [2]string {
	var names []string
	for _, n := range f.Names() {
		if isShort(n) {
			names = slices.Insert(names, 0, "-"+n)
		} else {
			names = append(names, "--"+n)
		}
	}
	left := strings.Join(names, ", ")
	if strings.HasPrefix(left, "--") {
		left = "    " + left
	}
	var usage string
	if d, ok := f.(cli.DocGenerationFlag); ok {
		usage = d.GetUsage()
	}
	if !isSwitch(f) {
		left += " " + valueName(usage)
	}
	return [2]string{left, strings.ReplaceAll(usage, "`", "")}
}

func valueName(usage string) string {
	if parts := strings.SplitN(usage, "`", 3); len(parts) == 3 {
		return parts[1]
	}
	return "VALUE"
}

// writeTable writes two columns and wraps the right one. A left cell that is
// wider than the column is on a line of its own.
func writeTable(b *strings.Builder, width int, title string, rows [][2]string) {
	if len(rows) == 0 {
		return
	}
	widest := min(28, width*7/20)
	column := 0
	for _, r := range rows {
		if n := utf8.RuneCountInString(r[0]); n <= widest {
			column = max(column, n)
		}
	}
	b.WriteString("\n" + title + ":\n")
	indent := strings.Repeat(" ", column+4)
	for _, r := range rows {
		left := fmt.Sprintf("  %-*s  ", column, r[0])
		if utf8.RuneCountInString(r[0]) > column {
			b.WriteString("  " + r[0] + "\n")
			left = indent
		}
		for _, line := range wrap(r[1], width-len(indent)) {
			b.WriteString(strings.TrimRight(left+line, " ") + "\n")
			left = indent
		}
	}
}

// wrap breaks text at blanks into lines of at most width characters. A longer
// word is not broken. wrap returns at least one line.
func wrap(text string, width int) []string {
	lines := []string{""}
	for _, word := range strings.Fields(text) {
		last := &lines[len(lines)-1]
		switch {
		case *last == "":
			*last = word
		case utf8.RuneCountInString(*last)+1+utf8.RuneCountInString(word) <= width:
			*last += " " + word
		default:
			lines = append(lines, word)
		}
	}
	return lines
}

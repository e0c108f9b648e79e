package main

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/urfave/cli/v2"

	"bt/internal/term"
)

// The help is built from the fields of a cli.Command: UsageText holds the usage
// lines, Usage the description in one line, ArgsUsage a text about the arguments,
// Flags the table of flags (the word in backquotes in a flag's Usage names its
// value), and Description the examples. The help is as wide as the terminal, up
// to maxHelpWidth columns, or helpWidth columns if stdout is not a terminal.
// An example that is too long is broken as a shell allows, so that it can be copied.
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

// A helpPage is the help of bt, of a command or of a topic. From it are made the output
// of bt help and the man page.
type helpPage struct {
	name, summary string
	usage         []string // none for a topic
	blocks        []helpBlock
}

// A helpBlock is a part of a page: a paragraph, a table or lines.
type helpBlock struct {
	title string // of a table or lines
	text  string // wrapped
	rows  [][2]string
	lines []string // commands
}

// text returns the output of bt help.
func (p *helpPage) text(width int) string {
	var b strings.Builder
	label := "usage: "
	for _, line := range p.usage {
		b.WriteString(term.WrapHanging(label+line, strings.Repeat(" ", len(label)+4), width) + "\n")
		label = "       "
	}
	blocks := p.blocks
	if len(p.usage) > 0 {
		blocks = append([]helpBlock{{text: p.summary}}, blocks...)
	}
	for _, block := range blocks {
		if b.Len() > 0 {
			b.WriteByte('\n')
		}
		block.write(&b, width)
	}
	return b.String()
}

func (x *helpBlock) write(b *strings.Builder, width int) {
	if x.text != "" {
		b.WriteString(term.Wrap(x.text, width) + "\n")
		return
	}
	b.WriteString(term.Wrap(x.title+":", width) + "\n")
	for _, line := range x.lines {
		b.WriteString(strings.Join(foldCommand("  "+line, width), "\n") + "\n")
	}
	writeRows(b, width, x.rows)
}

// commandPage returns the page of a command.
func commandPage(c *cli.Command) *helpPage {
	p := &helpPage{name: "bt " + c.Name, summary: c.Usage, usage: trimmedLines(c.UsageText)}
	if c.ArgsUsage != "" {
		p.blocks = append(p.blocks, helpBlock{text: c.ArgsUsage})
	}
	own, global := splitFlags(c.Flags)
	p.table("flags", flagRows(own))
	p.table("flags of every command", flagRows(global))
	if c.Description != "" {
		p.blocks = append(p.blocks, helpBlock{title: "examples", lines: trimmedLines(strings.TrimSpace(c.Description))})
	}
	return p
}

// appPage returns the page of bt.
func appPage(app *cli.App) *helpPage {
	p := &helpPage{name: "bt", summary: app.Usage, usage: trimmedLines(app.UsageText)}
	var rows [][2]string
	for _, c := range app.VisibleCommands() {
		rows = append(rows, [2]string{c.Name, c.Usage})
	}
	p.table("commands", rows)
	rows = nil
	for _, t := range topics {
		rows = append(rows, [2]string{t.name, t.usage})
	}
	p.table("topics of bt help", append(rows, [2]string{"NAME-schema", "the JSON schema of a command's output, such as make-schema"}))
	p.table("flags, before or after the command", flagRows(app.Flags))
	rows = nil
	for _, e := range exits {
		rows = append(rows, [2]string{fmt.Sprint(e.code), e.meaning})
	}
	p.table("exit codes", rows)
	return p
}

// paragraph adds a text.
func (p *helpPage) paragraph(text string) { p.blocks = append(p.blocks, helpBlock{text: text}) }

// table adds a table, unless it is empty.
func (p *helpPage) table(title string, rows [][2]string) {
	if len(rows) > 0 {
		p.blocks = append(p.blocks, helpBlock{title: title, rows: rows})
	}
}

func trimmedLines(text string) (lines []string) {
	for line := range strings.Lines(text) {
		lines = append(lines, strings.TrimSpace(line))
	}
	return lines
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

// flagRows returns the table of flags.
func flagRows(flags []cli.Flag) (rows [][2]string) {
	for _, f := range flags {
		if v, ok := f.(cli.VisibleFlag); !ok || v.IsVisible() {
			rows = append(rows, flagRow(f))
		}
	}
	return rows
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

// writeRows writes two columns and wraps the right one. A left cell that is wider than
// the column is on a line of its own.
func writeRows(b *strings.Builder, width int, rows [][2]string) {
	widest := min(28, width*7/20)
	column := 0
	for _, r := range rows {
		if n := utf8.RuneCountInString(r[0]); n <= widest {
			column = max(column, n)
		}
	}
	indent := strings.Repeat(" ", column+4)
	for _, r := range rows {
		left := fmt.Sprintf("  %-*s  ", column, r[0])
		if utf8.RuneCountInString(r[0]) > column {
			b.WriteString(term.WrapHanging("  "+r[0], "    ", width) + "\n")
			left = indent
		}
		for line := range strings.SplitSeq(term.Wrap(r[1], width-len(indent)), "\n") {
			b.WriteString(strings.TrimRight(left+line, " ") + "\n")
			left = indent
		}
	}
}

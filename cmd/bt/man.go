package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/urfave/cli/v2"

	"bt/internal/atomicfile"
)

// The man pages are made from the pages of bt help by the program itself, so that a
// binary brings those of its version, and none are kept in the repository. Those of
// commands are in section 1, those of topics in section 7. They use the macros of
// man(7), which every formatter knows.

// A manPage is a page of a section.
type manPage struct {
	*helpPage
	section int
}

// title returns the name of the page, such as bt-make.
func (p *manPage) title() string { return strings.ReplaceAll(p.name, " ", "-") }

// file returns the path of the page below the directory of all pages.
func (p *manPage) file() string {
	return filepath.Join(fmt.Sprintf("man%d", p.section), fmt.Sprintf("%s.%d", p.title(), p.section))
}

func (p *manPage) reference() string { return fmt.Sprintf("%s(%d)", p.title(), p.section) }

// manPages returns the pages of bt, its commands and its topics.
func manPages(app *cli.App) []manPage {
	pages := []manPage{{appPage(app), 1}}
	for _, c := range app.VisibleCommands() {
		pages = append(pages, manPage{commandPage(c), 1})
	}
	for _, t := range topics {
		p := t.page()
		p.name = "bt " + t.name
		pages = append(pages, manPage{p, 7})
	}
	return pages
}

// writeManPages writes the pages to the directories man1 and man7 in dir, which it makes,
// and replaces those of another version. It returns the number of pages.
func writeManPages(app *cli.App, dir string, date time.Time) (int, error) {
	pages := manPages(app)
	for _, p := range pages {
		name := filepath.Join(dir, p.file())
		err := os.MkdirAll(filepath.Dir(name), 0o755)
		if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
			return 0, failf(exitWrite, "%s: %w", pathErr.Path, pathErr.Err)
		}
		if err := atomicfile.Write(name, []byte(p.roff(pages, date)), true); err != nil {
			return 0, outputError(name, err)
		}
	}
	return len(pages), nil
}

// roff returns the source of the page. all are the pages to which it refers.
func (p *manPage) roff(all []manPage, date time.Time) string {
	var b strings.Builder
	fmt.Fprintf(&b, ".TH %s %d %s \"bt %s\"\n", roffText(strings.ToUpper(p.title())), p.section, date.UTC().Format(time.DateOnly), roffText(version))
	b.WriteString(".nh\n.ad l\n") // words and names of files are not hyphenated, nor are lines stretched
	fmt.Fprintf(&b, ".SH NAME\n%s \\- %s\n", roffText(p.title()), roffText(p.summary))
	if len(p.usage) > 0 {
		b.WriteString(".SH SYNOPSIS\n")
		writeRoffLines(&b, p.usage)
	}
	described := false
	for _, x := range p.blocks {
		switch {
		case !described && (x.text != "" || p.section == 7):
			b.WriteString(".SH DESCRIPTION\n")
		case x.text != "":
			b.WriteString(".PP\n")
		}
		described = true
		p.writeBlock(&b, &x)
	}
	if p.section == 1 && p.title() != "bt" {
		b.WriteString(".SH EXIT STATUS\n" + roffParagraph("0 if all is done, else a code that bt-exit-codes(7) describes."))
	}
	b.WriteString(".SH SEE ALSO\n")
	others := slices.DeleteFunc(slices.Clone(all), func(q manPage) bool { return q.helpPage == p.helpPage })
	slices.SortFunc(others, func(a, b manPage) int {
		if a.section != b.section {
			return a.section - b.section
		}
		return strings.Compare(a.title(), b.title())
	})
	var references []string
	for _, q := range others {
		references = append(references, q.reference())
	}
	b.WriteString(roffParagraph(strings.Join(references, ", ")))
	return b.String()
}

// writeBlock writes a block: in section 1 a table has a heading of its own, in section 7
// one below that of the description.
func (p *manPage) writeBlock(b *strings.Builder, x *helpBlock) {
	switch {
	case x.text != "":
		b.WriteString(roffParagraph(x.text))
		return
	case p.section == 1:
		fmt.Fprintf(b, ".SH %s\n", roffText(strings.ToUpper(x.title)))
	default:
		fmt.Fprintf(b, ".SS %s\n", roffText(x.title))
	}
	writeRoffLines(b, x.lines)
	for _, r := range x.rows {
		if r[0] == "" { // more about the row above
			b.WriteString(".br\n")
		} else {
			fmt.Fprintf(b, ".TP\n\\fB%s\\fR\n", roffText(strings.TrimSpace(r[0])))
		}
		b.WriteString(roffParagraph(r[1]))
	}
}

// writeRoffLines writes lines that are not filled.
func writeRoffLines(b *strings.Builder, lines []string) {
	if len(lines) == 0 {
		return
	}
	b.WriteString(".nf\n")
	for _, line := range lines {
		b.WriteString(roffLine(line))
	}
	b.WriteString(".fi\n")
}

// roffParagraph returns text that is filled.
func roffParagraph(text string) string {
	var b strings.Builder
	for _, line := range fillLines(text, 72) {
		b.WriteString(roffLine(line))
	}
	return b.String()
}

// fillLines breaks text at blanks into lines of at most width characters. A longer word is
// not broken. There is at least one line.
func fillLines(text string, width int) []string {
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

// roffLine returns a line of text. A period or quote at its beginning would make it a
// request, and a sentence at its end would be followed by two blanks.
func roffLine(s string) string {
	end := strings.TrimRight(s, `"')]`)
	s = roffText(s)
	if strings.HasPrefix(s, ".") || strings.HasPrefix(s, "'") {
		s = `\&` + s
	}
	if end != "" && strings.ContainsAny(end[len(end)-1:], ".?!") {
		s += `\&`
	}
	return s + "\n"
}

// roffText escapes text. Characters of ASCII stay what they are, so that what is copied
// from a page works: a formatter may show others for - ' ` ^ ~ and ".
func roffText(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch r {
		case '\\':
			b.WriteString(`\e`)
		case '-':
			b.WriteString(`\-`)
		case '\'':
			b.WriteString(`\(aq`)
		case '`':
			b.WriteString(`\(ga`)
		case '^':
			b.WriteString(`\(ha`)
		case '~':
			b.WriteString(`\(ti`)
		case '"':
			b.WriteString(`\(dq`)
		default:
			if r < 0x80 {
				b.WriteRune(r)
			} else {
				fmt.Fprintf(&b, `\[u%04X]`, r)
			}
		}
	}
	return b.String()
}

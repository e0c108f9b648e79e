// Package web has what bt's pages share: their style, and the frame of a page that is
// one file and needs nothing else.
package web

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html"
	"io"
)

// Style is the CSS of every page: light and dark colours as variables, text, header,
// footer and tables.
//
//go:embed base.css
var Style string

// Report is the CSS of pages that report about torrents, in addition to Style: a section
// for each, with its verdict, figures and facts, and tables that become lists in a narrow
// window.
//
//go:embed report.css
var Report string

// Icon is the icon of bt as SVG.
//
//go:embed icon.svg
var Icon string

// A Document is a page in one file. It runs no script, and a browser requests nothing
// for it: its content security policy allows only its own style and images that are
// part of it.
type Document struct {
	Title string
	CSS   string      // added to Style
	Body  io.WriterTo // HTML, in which all text from outside is escaped
}

// WriteTo writes the page. It implements io.WriterTo.
func (d *Document) WriteTo(w io.Writer) (int64, error) {
	css := Style + d.CSS
	sum := sha256.Sum256([]byte(css))
	head, err := fmt.Fprintf(w, `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'sha256-%s'; img-src data:; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<meta name="robots" content="noindex">
<title>%s</title>
<link rel="icon" href="data:image/svg+xml;base64,%s">
<style>%s</style>
</head>
<body>
`, base64.StdEncoding.EncodeToString(sum[:]), html.EscapeString(d.Title), base64.StdEncoding.EncodeToString([]byte(Icon)), css)
	if err != nil {
		return int64(head), err
	}
	body, err := d.Body.WriteTo(w)
	if err != nil {
		return int64(head) + body, err
	}
	foot, err := io.WriteString(w, "</body>\n</html>\n")
	return int64(head) + body + int64(foot), err
}

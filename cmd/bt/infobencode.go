package main

import (
	"context"
	"os"

	"github.com/urfave/cli/v2"

	"bt/cmd/bt/internal/bencodetree"
	"bt/internal/metainfo"
	"bt/internal/term"
)

// infoBencodeFlags holds --bencode.
type infoBencodeFlags struct{ on bool }

func (f *infoBencodeFlags) flags() []cli.Flag {
	return []cli.Flag{switchFlag(&f.on, "bencode", "show any bencoded file as a tree, also resume data and state of clients; with -v with offsets, with --json as --raw")}
}

// run prints bencoded files.
func (f *infoBencodeFlags) run(ctx context.Context, u *ui, args []string, flags *infoFlags) error {
	inputs, isList := bencodeInputs(args, u.json)
	p := infoPrinter{ui: u}
	if u.json {
		p.doc = u.newJSON(isList)
	}
	var answer error
	for _, in := range inputs {
		u.subject = in.name
		file, err := readBencode(ctx, u.env, in, &flags.fetch)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err == nil && flags.strict.refusesAny(file.Findings()) {
			answer = errNo
		}
		if err := p.bencode(in.name, file, err); err != nil {
			return err
		}
	}
	if p.doc != nil {
		if err := p.doc.end(); err != nil {
			return err
		}
	}
	return answer
}

// bencodeInputs expands directories to the torrents in and under them.
func bencodeInputs(args []string, asJSON bool) (inputs []input, isList bool) {
	isList = len(args) > 1
	for _, arg := range args {
		if info, err := os.Stat(arg); err == nil && info.IsDir() {
			inputs, isList = append(inputs, ordered(torrentsIn(arg), asJSON)...), true
			continue
		}
		inputs = append(inputs, input{name: arg})
	}
	return inputs, isList
}

// readBencode reads a bencoded file. The error is nil for a damaged file of which something
// can be shown.
func readBencode(ctx context.Context, e *env, in input, fetch *fetchFlags) (*bencodetree.File, error) {
	switch {
	case in.err != nil:
		return nil, in.err
	case in.name == "":
		return nil, failf(exitUsage, "the name of a file is empty")
	case metainfo.IsMagnet(in.name):
		return nil, failf(exitUsage, "--bencode: a magnet link has no bencode")
	}
	var b []byte
	var err error
	if !in.found {
		b, err = fetch.read(ctx, e, in.name, bencodeInput)
	}
	if b == nil && err == nil {
		b, err = readInput(ctx, e, in.name, bencodeInput)
	}
	if err != nil {
		return nil, err
	}
	file, err := bencodetree.Parse(b)
	if err != nil {
		return nil, notBencode(in.name, err)
	}
	return file, nil
}

// bencode prints a file, or the error of reading it. A damaged file is shown up to the
// damage, and then reported.
func (p *infoPrinter) bencode(name string, file *bencodetree.File, err error) error {
	if err == nil {
		if err = file.Err(); err != nil {
			err = failf(exitTorrent, "%s: %w", name, err)
		}
	}
	if p.doc != nil {
		if err != nil {
			return p.fail(name, err)
		}
		return p.doc.item(file)
	}
	if file != nil {
		if err := p.bencodeTree(name, file); err != nil {
			return stdoutError(err)
		}
	}
	p.report(err)
	return nil
}

func (p *infoPrinter) bencodeTree(name string, file *bencodetree.File) error {
	if p.torrents++; p.torrents > 1 {
		p.out.WriteByte('\n')
	}
	o := bencodetree.Options{Width: p.env.width, Palette: p.pal, Offsets: p.verbose, Mask: p.shownText}
	if err := file.Print(p.out, term.Safe(p.shownArg(name)), o); err != nil {
		return err
	}
	return printFindings(p.ui, file.Findings())
}

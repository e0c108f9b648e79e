package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"bt/inspect"
	"bt/internal/metainfo"
)

func infoCommand(e *env) *cli.Command {
	return &cli.Command{
		Name:      "info",
		Usage:     "show what torrents and magnet links hold, and what is wrong with them",
		UsageText: "bt info X... [FLAGS]",
		ArgsUsage: "X is a torrent, a directory (all torrents in and under it), a magnet link, or - for stdin: a torrent, or magnet links, one per line.",
		Description: `bt info movie.torrent
bt info --files --json *.torrent
bt info --field name,info_hash_v1,size ~/torrents
bt info --magnet movie.torrent
bt info --strict --no-files -q ~/torrents && echo all in order`,
		Flags: slices.Concat([]cli.Flag{
			&cli.BoolFlag{Name: "files", Usage: "list all files with their sizes, one per line; on a terminal in natural order, elsewhere and in JSON in that of the torrent"},
			&cli.BoolFlag{Name: "tree", Usage: "show all files as a tree (default: the first 200)"},
			&cli.BoolFlag{Name: "no-files", Usage: "show no files"},
			&cli.BoolFlag{Name: "pads", Usage: "count and show pad files (BEP 47) too"},
			&cli.BoolFlag{Name: "pieces", Usage: "list the hashes of the pieces"},
			&cli.BoolFlag{Name: "raw", Usage: "print the whole torrent as lossless JSON"},
			&cli.StringFlag{Name: "field", Usage: "print these fields of the JSON, one torrent per line with tabs between; on a terminal a long value is cut; `NAME,...`"},
			&cli.BoolFlag{Name: "magnet", Usage: "print the magnet link"},
			&cli.BoolFlag{Name: "reveal", Usage: "show passkeys and passwords; only JSON, and --field and --magnet into a file or pipe, have them unasked"},
		}, strictFlags("exit with 1 if there are findings that are more than a note"), []cli.Flag{maxSizeFlag()}, jsonFlags()),
		Action: action(e, runInfo),
	}
}

// infoInput is one torrent or magnet link, read.
type infoInput struct {
	facts   *inspect.Facts
	torrent *metainfo.Torrent // nil for a magnet link
}

func runInfo(ctx context.Context, u *ui, c *cli.Context) error {
	if c.NArg() == 0 {
		return failf(exitUsage, "no torrent given")
	}
	fields, err := infoChoices(u, c)
	if err != nil {
		return err
	}
	strict, err := readStrictness(c)
	if err != nil {
		return err
	}
	u.env.lean = true
	asJSON := u.json || c.Bool("raw")
	inputs, isList := infoInputs(ctx, u.env, c.Args().Slice(), asJSON)
	var doc *jsonStream // nil: none
	if asJSON {
		doc = u.newJSON(isList)
	}
	shown := 0
	var answer error
	for _, in := range inputs {
		u.subject = in.name
		x, err := readInfo(ctx, u.env, in, c)
		if ctx.Err() != nil {
			return errors.Join(ctx.Err(), doc.stop())
		}
		if u.passOver(in, err) {
			continue
		}
		if err == nil && slices.ContainsFunc(x.facts.Findings, func(f inspect.Finding) bool {
			return strict.refuses(metainfo.Code(f.Code), metainfo.Severity(f.Severity))
		}) {
			answer = errNo
		}
		switch {
		case err != nil:
			u.report(err)
			failed := u.failedInput(in.name, err)
			if err = nil; doc != nil {
				err = doc.item(failed)
			}
		case doc != nil:
			err = doc.item(infoDocument(x, c))
		case fields != nil:
			err = stdoutError(printFieldsOf(u, mask(u, x.facts, slices.Contains(fields, "magnet")), fields))
		case c.Bool("magnet"):
			_, err = fmt.Fprintln(u.out, mask(u, x.facts, true).Magnet)
			err = stdoutError(err)
		default:
			if shown++; shown > 1 {
				fmt.Fprintln(u.out)
			}
			err = stdoutError(printInfo(u, c, x))
		}
		if err != nil {
			return err
		}
	}
	if doc != nil {
		if err := doc.end(); err != nil {
			return err
		}
	}
	return answer
}

// infoChoices checks that the flags agree, and returns the fields of --field.
func infoChoices(u *ui, c *cli.Context) (fields []string, err error) {
	exclusive := func(flags ...string) error {
		var given []string
		for _, f := range flags {
			if c.IsSet(f) {
				given = append(given, "--"+f)
			}
		}
		if len(given) > 1 {
			return failf(exitUsage, "%s: only one of them", strings.Join(given, ", "))
		}
		return nil
	}
	if err := exclusive("files", "tree", "no-files"); err != nil {
		return nil, err
	}
	if err := exclusive("raw", "field", "magnet"); err != nil {
		return nil, err
	}
	if u.json && (c.IsSet("field") || c.IsSet("magnet")) {
		return nil, failf(exitUsage, "--field and --magnet print plain lines, and not JSON")
	}
	if !c.IsSet("field") {
		return nil, nil
	}
	known := fieldNames()
	for _, f := range strings.Split(c.String("field"), ",") {
		if f = strings.TrimSpace(f); !slices.Contains(known, f) {
			return nil, withHint(failf(exitUsage, "--field: there is no field %q", f), "the fields are "+strings.Join(known, ", "))
		}
		fields = append(fields, f)
	}
	return fields, nil
}

// infoDocument is the JSON for one input.
func infoDocument(x infoInput, c *cli.Context) any {
	if c.Bool("raw") {
		return x.torrent
	}
	if c.Bool("no-files") {
		x.facts.Files = nil
	}
	if c.Bool("pieces") && x.torrent != nil && len(x.torrent.Pieces) > 0 {
		x.facts.Pieces = inspect.PieceHashes(x.torrent)
	}
	return x.facts
}

// infoInputs replaces directories by the torrents in and under them, and
// standard input by the links that it lists; isList reports whether the JSON is
// a list.
func infoInputs(ctx context.Context, e *env, args []string, asJSON bool) (inputs []input, isList bool) {
	isList = len(args) > 1
	for _, arg := range args {
		if arg == stdinName {
			more := stdinInputs(ctx, e)
			inputs, isList = append(inputs, more...), isList || len(more) > 1
			continue
		}
		info, err := os.Stat(arg)
		if metainfo.IsMagnet(arg) || err != nil || !info.IsDir() {
			inputs = append(inputs, input{name: arg})
			continue
		}
		isList = true
		inputs = append(inputs, ordered(torrentsIn(arg), asJSON)...)
	}
	return inputs, isList
}

func readInfo(ctx context.Context, e *env, in input, c *cli.Context) (infoInput, error) {
	name := in.name
	switch {
	case in.err != nil:
		return infoInput{}, in.err
	case metainfo.IsMagnet(name) && c.Bool("raw"):
		return infoInput{}, failf(exitUsage, "--raw: a magnet link has no bencode")
	case metainfo.IsMagnet(name):
		m, err := metainfo.ParseMagnet(name)
		if err != nil {
			return infoInput{}, failf(exitTorrent, "%s: %w", shown(name), err)
		}
		return infoInput{facts: inspect.DescribeMagnet(name, m)}, nil
	}
	t, err := in.torrent(ctx, e)
	if err != nil {
		return infoInput{}, err
	}
	return infoInput{inspect.Describe(name, t, c.Bool("pads")), t}, nil
}

// mask returns the facts without secrets where a person may see them: what goes
// into a file or a pipe is data. asked says that the magnet link was asked for.
func mask(u *ui, f *inspect.Facts, asked bool) *inspect.Facts {
	if u.reveal || !u.env.stdoutTerminal {
		return f
	}
	masked := *f
	masked.Path = shown(f.Path)
	masked.Source, masked.Comment, masked.CreatedBy = u.shownText(f.Source), u.shownText(f.Comment), u.shownText(f.CreatedBy)
	link, left := u.shownMagnet(f.Magnet)
	if masked.Magnet = link; left != "" && asked {
		u.warn("%s", left)
	}
	masked.Trackers = nil
	for _, tier := range f.Trackers {
		masked.Trackers = append(masked.Trackers, maskAll(tier))
	}
	masked.WebSeeds, masked.HTTPSeeds = maskAll(f.WebSeeds), maskAll(f.HTTPSeeds)
	return &masked
}

func maskAll(urls []string) []string {
	masked := []string{}
	for _, u := range urls {
		masked = append(masked, metainfo.MaskURL(u))
	}
	return masked
}

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/urfave/cli/v2"

	"bt/inspect"
	"bt/internal/metainfo"
)

type infoFlags struct {
	files, tree, noFiles, pads, pieces, raw, magnet bool
	field                                           []fieldPath
	strict                                          strictness
	fetch                                           fetchFlags
	diff                                            diffFlags
	stats                                           infoStatsFlags
	bencode                                         infoBencodeFlags
	page                                            infoPageFlags
}

func infoCommand(e *env) *cli.Command {
	f := infoFlags{fetch: fetchFlags{command: "bt info"}}
	return &cli.Command{
		Name:      "info",
		Usage:     "show torrents and magnet links, and problems in them",
		UsageText: "bt info X... [FLAGS]\nbt info --diff A B [FLAGS]",
		ArgsUsage: "X is a torrent, a directory (all torrents in and under it), an http(s) URL of a torrent, a magnet link, an info-hash, or - for stdin: a torrent, or a list of magnet links and info-hashes, one per line. " + fieldHelp,
		Description: `bt info movie.torrent
bt info --files --json *.torrent
bt info https://t.example/download/1234.torrent
bt info --field name,info_hash_v1,size ~/torrents
bt info --field name,info.source,files.0.path movie.torrent
bt info --diff old.torrent new.torrent
bt info --diff movie.torrent 0123456789abcdef0123456789abcdef01234567 && echo the same
bt info --magnet movie.torrent
bt info --strict --no-files -q ~/torrents && echo all in order`,
		Flags: slices.Concat([]cli.Flag{
			switchFlag(&f.files, "files", "list all files with their sizes, one per line; in natural order on a terminal, else in the order of the torrent"),
			switchFlag(&f.tree, "tree", "show all files as a tree (default: the first 200)"),
			switchFlag(&f.noFiles, "no-files", "show no files"),
			switchFlag(&f.pads, "pads", "count and show pad files (BEP 47) too"),
			switchFlag(&f.pieces, "pieces", "list the hashes of the pieces"),
			switchFlag(&f.raw, "raw", "print the whole torrent as lossless JSON"),
			listFlag(&f.field, fieldList, "field", "print the fields `NAME,...`, again for further ones, such as name, files.path or info.source, one torrent per line, separated by tabs; only on a terminal a value of more than 500 bytes is cut, except the magnet link"),
			switchFlag(&f.magnet, "magnet", "print the magnet link"),
			e.options.revealFlag("show passkeys and passwords; JSON, and --field and --magnet to a file or pipe, always have them"),
		}, f.diff.flags(), f.stats.flags(), f.bencode.flags(), f.page.flags(), f.strict.flags("exit with 1 if there are warnings or errors among the findings"), []cli.Flag{e.options.maxSizeFlag("torrent or list")}, f.fetch.flags(), e.options.jsonFlags()),
		Action: action(e, func(ctx context.Context, u *ui, args []string) error { return runInfo(ctx, u, args, &f) }),
	}
}

// infoInput is a torrent or magnet link that was read.
type infoInput struct {
	name    string // a file, a URL, "-", a magnet link or an info-hash
	facts   *inspect.Facts
	torrent *metainfo.Torrent // nil for a magnet link or an info-hash
	magnet  *metainfo.Magnet  // nil for a torrent
	bare    bool              // an info-hash
}

func runInfo(ctx context.Context, u *ui, args []string, f *infoFlags) error {
	if len(args) == 0 {
		return failf(exitUsage, "no torrent given")
	}
	if err := f.check(u.json); err != nil {
		return err
	}
	u.env.boundsMemory = true
	if f.bencode.on {
		return f.bencode.run(ctx, u, args, f)
	}
	asJSON := u.json || f.raw
	inputs, isList := infoInputs(ctx, u.env, args, asJSON)
	if f.diff.on {
		return runDiff(ctx, u, inputs, f)
	}
	if f.stats.on {
		return f.stats.run(ctx, u, inputs, f)
	}
	p := infoPrinter{ui: u, flags: f, page: f.page.writer(u)}
	if asJSON {
		p.doc = u.newJSON(isList)
	}
	answer, err := p.all(ctx, inputs)
	if err != nil {
		return err
	}
	if p.doc != nil {
		if err := p.doc.end(); err != nil {
			return err
		}
	}
	if err := p.page.write(); err != nil {
		return err
	}
	return answer
}

// all reads and prints the inputs. answer is errNo if --strict counts a finding.
func (p *infoPrinter) all(ctx context.Context, inputs []input) (answer, err error) {
	for _, in := range inputs {
		p.subject = in.name
		x, err := readInfo(ctx, p.env, in, p.flags)
		if ctx.Err() != nil {
			return nil, errors.Join(ctx.Err(), p.doc.stop())
		}
		if p.skipForeign(in, err) {
			continue
		}
		if err != nil {
			if err := p.fail(in.name, err); err != nil {
				return nil, err
			}
			continue
		}
		if p.flags.strict.refusesAny(x.facts.Findings) {
			answer = errNo
		}
		if err := p.print(x); err != nil {
			return nil, err
		}
	}
	return answer, nil
}

// An infoPrinter prints inputs one after the other.
type infoPrinter struct {
	*ui
	flags    *infoFlags
	doc      *jsonStream // nil unless JSON is printed
	page     *pageWriter // nil unless a page is written
	torrents int         // printed as text
}

// fail reports an input that could not be read.
func (p *infoPrinter) fail(name string, err error) error {
	p.report(err)
	p.page.fail(name, err)
	if p.doc == nil {
		return nil
	}
	return p.doc.item(p.failedInput(name, err))
}

func (p *infoPrinter) print(x infoInput) error {
	p.page.add(x)
	fields := p.flags.field
	switch {
	case p.doc != nil:
		return p.doc.item(infoJSON(x, p.flags))
	case fields != nil:
		doc := mask(p.ui, x.document().withFields(x, fields), slices.ContainsFunc(fields, fieldPath.isMagnet))
		return stdoutError(printFieldsOf(p.ui, x, doc, fields))
	case p.flags.magnet:
		_, err := fmt.Fprintln(p.out, mask(p.ui, x.document(), true).Magnet)
		return stdoutError(err)
	}
	if p.torrents++; p.torrents > 1 {
		fmt.Fprintln(p.out)
	}
	return stdoutError(printInfo(p.ui, p.flags, x))
}

// check returns an error if flags exclude each other.
func (f *infoFlags) check(json bool) error {
	if err := oneFlag(givenSwitch{"files", f.files}, givenSwitch{"tree", f.tree}, givenSwitch{"no-files", f.noFiles}); err != nil {
		return err
	}
	if err := oneFlag(givenSwitch{"html", f.page.path.given}, givenSwitch{"diff", f.diff.on}, givenSwitch{"stats", f.stats.on}, givenSwitch{"bencode", f.bencode.on}); err != nil {
		return err
	}
	if err := oneFlag(givenSwitch{"raw", f.raw}, givenSwitch{"field", len(f.field) > 0}, givenSwitch{"magnet", f.magnet}, givenSwitch{"diff", f.diff.on}, givenSwitch{"stats", f.stats.on}, givenSwitch{"bencode", f.bencode.on}); err != nil {
		return err
	}
	if err := f.diff.check(f); err != nil {
		return err
	}
	if json && (len(f.field) > 0 || f.magnet) {
		return failf(exitUsage, "--field and --magnet print plain lines, not JSON")
	}
	return f.page.check()
}

// infoJSON returns the JSON value for one input.
func infoJSON(x infoInput, f *infoFlags) any {
	if f.raw {
		return x.torrent
	}
	doc := x.document()
	if !f.noFiles {
		doc.Files = fileDocuments(x.facts.Files)
	}
	if f.pieces && x.torrent != nil && len(x.torrent.Pieces) > 0 {
		doc.Pieces = pieceHashes(x.torrent.Pieces)
	}
	return doc
}

// infoInputs expands directories to the torrents in and under them, and standard
// input to the links that it lists. isList reports whether the JSON is a list.
func infoInputs(ctx context.Context, e *env, args []string, asJSON bool) (inputs []input, isList bool) {
	isList = len(args) > 1
	for _, arg := range args {
		if arg == stdinName {
			more := stdinInputs(ctx, e, torrentOrHashes)
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

func readInfo(ctx context.Context, e *env, in input, f *infoFlags) (infoInput, error) {
	switch {
	case in.err != nil:
		return infoInput{}, in.err
	case in.data == nil && !in.found:
		if x, ok, err := readLink(in.name, f); ok || err != nil {
			return x, err
		}
		data, err := f.fetch.read(ctx, e, in.name, torrentInput)
		if err != nil {
			return infoInput{}, err
		}
		in.data = data
	}
	t, err := in.torrent(ctx, e)
	if err != nil {
		return infoInput{}, err
	}
	return infoInput{name: in.name, facts: inspect.Describe(t, inspect.DescribeOptions{Pads: f.pads}), torrent: t}, nil
}

// magnetOf parses an argument that is a magnet link, or an info-hash that is no name of a
// file. It returns nil for any other.
func magnetOf(name string) (*metainfo.Magnet, error) {
	if metainfo.IsMagnet(name) {
		m, err := metainfo.ParseMagnet(name)
		if err != nil {
			return nil, failf(exitTorrent, "%s: %w", shown(name), err)
		}
		return m, nil
	}
	m, err := metainfo.ParseInfoHash(name)
	if err != nil {
		return nil, nil
	}
	if _, err := os.Stat(name); err == nil {
		return nil, nil
	}
	return m, nil
}

// readLink describes an argument that is a magnet link or an info-hash. ok is false for any
// other.
func readLink(name string, f *infoFlags) (x infoInput, ok bool, err error) {
	m, err := magnetOf(name)
	if m == nil || err != nil {
		return x, false, err
	}
	isMagnet := metainfo.IsMagnet(name)
	if f.raw {
		return x, false, failf(exitUsage, "--raw: %s has no bencode", map[bool]string{true: "a magnet link", false: "an info-hash"}[isMagnet])
	}
	return infoInput{name: name, facts: inspect.DescribeMagnet(m), magnet: m, bare: !isMagnet}, true, nil
}

// mask returns a document without secrets if stdout is a terminal. Output to a
// file or pipe is data and is not masked. asked reports whether the user asked
// for the magnet link.
func mask(u *ui, doc *infoDocument, asked bool) *infoDocument {
	if u.reveal || !u.env.stdoutTerminal {
		return doc
	}
	masked := *doc
	masked.Path = shown(doc.Path)
	masked.Source, masked.Comment, masked.CreatedBy = u.shownText(doc.Source), u.shownText(doc.Comment), u.shownText(doc.CreatedBy)
	link, left := u.shownMagnet(doc.Magnet)
	if masked.Magnet = link; left != "" && asked {
		u.warn("%s", left)
	}
	masked.Trackers = nil
	for _, tier := range doc.Trackers {
		masked.Trackers = append(masked.Trackers, maskAll(tier))
	}
	masked.WebSeeds, masked.HTTPSeeds = maskAll(doc.WebSeeds), maskAll(doc.HTTPSeeds)
	return &masked
}

func maskAll(urls []string) []string {
	masked := []string{}
	for _, u := range urls {
		masked = append(masked, metainfo.MaskURL(u))
	}
	return masked
}

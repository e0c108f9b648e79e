package main

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"bt/internal/atomicfile"
	"bt/internal/metainfo"
	"bt/internal/term"
	"bt/maketorrent"
)

func makeCommand(e *env) *cli.Command {
	return &cli.Command{
		Name:      "make",
		Usage:     "make a torrent of a file or a directory",
		UsageText: "bt make PATH [FLAGS]\nbt make --dir DIR --announce URL [FLAGS]\nbt make --file FILE --announce URL [FLAGS]",
		Description: `bt make movie --announce http://tracker.example/announce
bt make movie -a http://a.example/announce,http://b.example/announce -a udp://c.example:6969
bt make . --private --source ABC -o ~/torrents/
bt make image.iso --web-seed https://mirror.example/image.iso --json
bt make data --exclude '*.tmp' --no-date --no-created-by -o - | bt info -`,
		Flags: slices.Concat([]cli.Flag{
			&cli.StringFlag{Name: "dir", Usage: "make a torrent of the directory `DIR`"},
			&cli.StringSliceFlag{Name: "file", Usage: "make a torrent of the one file `FILE`"},
			&cli.StringSliceFlag{Name: "announce", Aliases: []string{"a", "tracker"}, Usage: "`URL` of a tracker; again for each further tier, commas inside one tier"},
			&cli.StringSliceFlag{Name: "web-seed", Aliases: []string{"w"}, Usage: "`URL` of a web seed (BEP 19); again for more"},
			&cli.StringSliceFlag{Name: "http-seed", Usage: "`URL` of an HTTP seed (BEP 17); again for more"},
			&cli.StringSliceFlag{Name: "node", Usage: "`HOST:PORT` of a DHT node (BEP 5); again for more"},
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write to `PATH`, into a directory if it is one or ends in a slash, to stdout if - (default: NAME.torrent beside the content)"},
			&cli.BoolFlag{Name: "force", Aliases: []string{"f"}, Usage: "replace an existing output"},
			&cli.StringFlag{Name: "name", Usage: "call the torrent `NAME` (default: as the file or directory)"},
			&cli.StringFlag{Name: "piece-length", Aliases: []string{"l"}, Usage: "cut pieces of `SIZE`, such as 256K or 2^18, of 16 KiB at least; auto chooses 1000 to 2000 pieces of 16 KiB to 16 MiB, in v2 and hybrid smaller ones where padding would be over 10 % (default auto)"},
			&cli.StringFlag{Name: "max-piece-length", Usage: "let auto choose `SIZE` at most"},
			&cli.StringFlag{Name: "format", Usage: "make a torrent of `FORMAT` v1, v2 (BEP 52), or hybrid, which is both (default v1)"},
			&cli.BoolFlag{Name: "private", Usage: "peers from its trackers only (BEP 27)"},
			&cli.StringFlag{Name: "source", Usage: "set the source to `TEXT`: private trackers use it to make their torrents unique"},
			&cli.StringFlag{Name: "comment", Usage: "add a comment `TEXT`"},
			&cli.StringFlag{Name: "created-by", Usage: "say that `TEXT` made it (default bt and its version)"},
			&cli.BoolFlag{Name: "no-created-by", Usage: "do not say what made it"},
			&cli.StringFlag{Name: "date", Usage: "set the creation date to `TIME`: RFC 3339, YYYY-MM-DD, Unix seconds or now (default: SOURCE_DATE_EPOCH, else now)"},
			&cli.BoolFlag{Name: "no-date", Usage: "do not say when it was made"},
			&cli.BoolFlag{Name: "entropy", Usage: "add random bytes: another info-hash for the same content"},
			&cli.StringSliceFlag{Name: "include", Usage: "take only files that match `GLOB`, or are in a directory that does; again for more"},
			&cli.StringSliceFlag{Name: "exclude", Usage: "leave out what matches `GLOB`, such as '*.tmp', 'a/**/b' or ./a (not that in other directories); again for more"},
			&cli.BoolFlag{Name: "seed", Usage: "then serve it to peers, as bt seed does"},
			&cli.BoolFlag{Name: "reveal", Usage: "show passkeys and passwords; JSON has them unasked"},
			&cli.StringFlag{Name: "symlinks", Usage: "on a symbolic link below PATH `DO`: follow it, skip it, or error (default follow)"},
		}, strictFlags("write nothing and exit with 1 if there are warnings"), hashingFlags(), jsonFlags()),
		Action: action(e, runMake),
	}
}

func runMake(ctx context.Context, u *ui, c *cli.Context) error {
	strict, err := readStrictness(c)
	if err != nil {
		return err
	}
	// Wrong usage first, whatever the disk holds.
	o, err := makeOptions(u, c, strict)
	if err != nil {
		return err
	}
	if err := o.Check(); err != nil {
		return makeError(u, c, o, err)
	}
	if err := checkOutputFlag(u, c); err != nil {
		return err
	}
	if err := checkContent(c, o.Path); err != nil {
		return err
	}
	out, err := makeOutput(u, c, &o)
	if err != nil {
		return err
	}
	start := time.Now()
	bar := u.progress("hashing " + filepath.Base(o.Path))
	o.Progress = bar.Update
	r, err := maketorrent.Make(ctx, o)
	if err != nil {
		return makeError(u, c, o, err)
	}
	bar.Finish()
	seconds := time.Since(start).Seconds()
	for _, s := range r.Skipped {
		u.explain("left out %s: %s", s.Path, s.Reason)
	}
	for _, f := range r.Findings {
		if f.Severity == metainfo.Note {
			u.explain("note: %s", f.Message)
		} else {
			u.warn("%s", f.Message)
		}
	}
	u.explain("%s of %s: %s", count(r.Torrent.PieceCount(), "piece"), term.Size(r.Torrent.PieceLength), r.Choice)
	if err := refusal(o.Path, r.Findings, strict); err != nil {
		return err
	}
	if out == stdinName {
		if _, err := u.out.Write(r.Torrent.Bytes()); err != nil {
			return stdoutError(err)
		}
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err // between the last piece and here
	}
	if err := atomicfile.Write(out, r.Torrent.Bytes(), c.Bool("force")); err != nil {
		return outputError(out, err)
	}
	if u.json {
		return u.printJSON(madeDocument(r, out, seconds))
	}
	if err := printMade(u, r, out, seconds); err != nil || !c.Bool("seed") {
		return err
	}
	if err := stdoutError(u.out.Flush()); err != nil {
		return err
	}
	return seedMade(ctx, u, r)
}

// makeOptions reads the flags that say what to make.
func makeOptions(u *ui, c *cli.Context, strict strictness) (o maketorrent.Options, err error) {
	if o.Path, err = contentPath(u, c); err != nil {
		return o, err
	}
	o.Name = c.String("name")
	switch f := c.String("format"); f {
	case "", "v1":
		o.Format = maketorrent.V1
	case "v2":
		o.Format = maketorrent.V2
	case "hybrid":
		o.Format = maketorrent.Hybrid
	default:
		return o, failf(exitUsage, "--format: %q is none of v1, v2, hybrid", f)
	}
	// Of v2 Make says what it needs.
	small := o.Format != maketorrent.V1 || strict.allows(metainfo.SmallPieces)
	if o.PieceLength, o.MaxPieceLength, err = pieceLengths(c, small); err != nil {
		return o, err
	}
	if o.Trackers, err = tierList(c, "announce"); err != nil {
		return o, err
	}
	if o.WebSeeds, err = urlList("web-seed", c.StringSlice("web-seed"), "http", "https", "ftp"); err != nil {
		return o, err
	}
	if o.HTTPSeeds, err = urlList("http-seed", c.StringSlice("http-seed"), "http", "https"); err != nil {
		return o, err
	}
	if o.Nodes, err = nodes(c.StringSlice("node")); err != nil {
		return o, err
	}
	o.Private, o.Entropy = c.Bool("private"), c.Bool("entropy")
	o.Source, o.Comment = c.String("source"), c.String("comment")
	if o.CreatedBy = "bt/" + version; c.IsSet("created-by") {
		o.CreatedBy = c.String("created-by")
	}
	if c.Bool("no-created-by") {
		if c.IsSet("created-by") {
			return o, failf(exitUsage, "--created-by and --no-created-by contradict each other")
		}
		o.CreatedBy = ""
	}
	if o.Date, o.HasDate, err = creationDate(u.env, c); err != nil {
		return o, err
	}
	o.Include, o.Exclude = c.StringSlice("include"), c.StringSlice("exclude")
	for _, flag := range []string{"include", "exclude"} {
		if slices.Contains(c.StringSlice(flag), "") {
			return o, failf(exitUsage, "--%s: the glob is empty", flag)
		}
	}
	switch s := c.String("symlinks"); s {
	case "", "follow":
		o.Symlinks = maketorrent.Follow
	case "skip":
		o.Symlinks = maketorrent.Skip
	case "error":
		o.Symlinks = maketorrent.Refuse
	default:
		return o, failf(exitUsage, "--symlinks: %q is none of follow, skip, error", s)
	}
	o.Jobs, o.Read, err = hashingChoices(c)
	return o, err
}

// contentPath is PATH, --dir or --file, of which there must be one. It is not
// looked for yet.
func contentPath(u *ui, c *cli.Context) (string, error) {
	paths := c.Args().Slice()
	if len(paths) > 1 {
		return "", withHint(failf(exitUsage, "one PATH at a time, not %d", len(paths)), "put several files into a directory, and make a torrent of that")
	}
	files := c.StringSlice("file")
	if len(files) > 1 {
		return "", withHint(failf(exitUsage, "--file is for a torrent of one file"), "put several files into a directory, and use --dir")
	}
	paths = append(paths, files...)
	if c.IsSet("dir") {
		paths = append(paths, c.String("dir"))
	}
	switch {
	case len(paths) == 0:
		return "", withHint(failf(exitUsage, "nothing to make a torrent of"), "bt make PATH, or bt make --dir DIR")
	case len(paths) > 1:
		return "", failf(exitUsage, "PATH, --dir and --file: only one of them")
	case paths[0] == "":
		return "", failf(exitUsage, "the path is empty")
	}
	u.subject = paths[0]
	return paths[0], nil
}

// checkContent looks for the content.
func checkContent(c *cli.Context, path string) error {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return readError(path, err)
	case c.IsSet("dir") && !info.IsDir():
		return withHint(failf(exitUsage, "--dir: %s is not a directory", path), "use --file for a file")
	case c.IsSet("file") && info.IsDir():
		return withHint(failf(exitUsage, "--file: %s is a directory", path), "use --dir for a directory")
	}
	return nil
}

// urlList checks the URLs given to a flag.
func urlList(flag string, list []string, schemes ...string) ([]string, error) {
	var urls []string
	for _, s := range list {
		s = strings.TrimSpace(s)
		if err := metainfo.CheckURL(s, schemes...); err != nil {
			return nil, failf(exitUsage, "--%s: the URL %q %w", flag, metainfo.MaskURL(s), err)
		}
		urls = append(urls, s)
	}
	return urls, nil
}

func nodes(list []string) ([]maketorrent.Node, error) {
	var nodes []maketorrent.Node
	for _, s := range list {
		host, port, err := net.SplitHostPort(s)
		n, portErr := strconv.ParseUint(port, 10, 16)
		node := maketorrent.Node{Host: host, Port: int(n)}
		if err != nil || portErr != nil || node.Check() != nil {
			return nil, failf(exitUsage, "--node: %q is not HOST:PORT", s)
		}
		nodes = append(nodes, node)
	}
	return nodes, nil
}

// creationDate is --date, else SOURCE_DATE_EPOCH (reproducible-builds.org),
// else now.
func creationDate(e *env, c *cli.Context) (unix int64, has bool, err error) {
	if c.Bool("no-date") {
		if c.IsSet("date") {
			return 0, false, failf(exitUsage, "--date and --no-date contradict each other")
		}
		return 0, false, nil
	}
	if c.IsSet("date") {
		t, err := parseTime(c.String("date"), e.now())
		if err != nil {
			return 0, false, failf(exitUsage, "--date: %w", err)
		}
		return t.Unix(), true, nil
	}
	if epoch := e.getenv("SOURCE_DATE_EPOCH"); epoch != "" {
		n, err := strconv.ParseInt(epoch, 10, 64)
		if err != nil || n < 0 || n > metainfo.LastDate {
			return 0, false, failf(exitUsage, "SOURCE_DATE_EPOCH: %q is not a number of seconds since 1970", epoch)
		}
		return n, true, nil
	}
	return e.now().Unix(), true, nil
}

// makeError gives the errors of Make their exit codes; of several problems each
// gets its line.
func makeError(u *ui, c *cli.Context, o maketorrent.Options, err error) error {
	if problems, ok := errors.AsType[maketorrent.Problems](err); ok {
		for _, p := range problems[:len(problems)-1] {
			u.report(fail(exitRead, p))
		}
		err := fail(exitRead, problems[len(problems)-1])
		if info, statErr := os.Stat(o.Path); statErr != nil || !info.IsDir() {
			return err // it is about PATH itself
		}
		return withHint(err, problemsHint(problems))
	}
	if bad, ok := errors.AsType[*maketorrent.OptionError](err); ok {
		err = fail(exitUsage, err)
		switch bad.Option {
		case "name":
			err = withHint(err, "choose one with --name")
		case "piece length":
			err = withHint(err, pieceLengthHint(c.String("piece-length")))
		}
		return err
	}
	if errors.Is(err, maketorrent.ErrEmpty) {
		err = failf(exitRead, "%s: %w", o.Path, err)
		if len(o.Include)+len(o.Exclude) > 0 {
			err = withHint(err, "--include and --exclude may have left out too much")
		}
		return err
	}
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		return readError(pathErr.Path, err)
	}
	return err
}

// problemsHint says how to make the torrent without what is a problem.
func problemsHint(problems maketorrent.Problems) string {
	links := 0
	for _, p := range problems {
		if _, ok := errors.AsType[*maketorrent.LinkError](p); ok {
			links++
		}
	}
	switch links {
	case 0:
		return "nothing was written; --exclude leaves files out"
	case len(problems):
		return "nothing was written; --symlinks skip leaves symbolic links out, --exclude single ones"
	}
	return "nothing was written; --symlinks skip leaves symbolic links out, --exclude other files"
}

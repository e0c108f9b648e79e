package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"bt/internal/metainfo"
	"bt/maketorrent"
)

type makeFlags struct {
	content contentChoice
	each    bool
	batch   option[string]

	name                option[string]
	formats             []maketorrent.Format // none means v1
	pieceLength         option[pieceLength]
	maxPieceLength      option[int64]
	targetPieces        option[int]
	maxTorrentSize      option[int64]
	announce            [][]string // tiers
	webSeeds, httpSeeds []string
	checkWebSeeds       bool
	nodes               []maketorrent.Node
	private, entropy    bool
	source, comment     option[string]
	createdBy           option[string]
	noCreatedBy         bool
	date                option[time.Time]
	noDate              bool

	output  option[outputTemplate]
	force   bool
	dryRun  bool
	noCache bool
	seed    bool
	seeding seedFlags
	strict  strictness
	hashing hashingOptions
	reuse   reuseOptions
	config  configFlags
}

func makeCommand(e *env) *cli.Command {
	var f makeFlags
	return &cli.Command{
		Name:      "make",
		Usage:     "make a torrent of a file or a directory",
		UsageText: "bt make PATH [FLAGS]\nbt make PATH... --name NAME [FLAGS]\nbt make PATH... --each [FLAGS]\nbt make --batch FILE [FLAGS]\nbt make --dir DIR --announce URL [FLAGS]\nbt make --file FILE --announce URL [FLAGS]\nbt make URL [FLAGS]\nbt make - --name NAME [FLAGS]",
		ArgsUsage: "A file at an http or https URL is hashed as it arrives and is not stored; the URL becomes a web seed. With - the content is one file from standard input. The torrent is then written to the current directory, and if the size of the content is not known, pieces have 4 MiB.",
		Description: `bt make movie --announce http://tracker.example/announce
bt make movie -a http://a.example/announce,http://b.example/announce -a udp://c.example:6969
bt make . --private --source ABC -o ~/torrents/
bt make image.iso --web-seed https://mirror.example/image.iso --check-web-seeds
bt make https://mirror.example/image.iso --format hybrid
tar c photos | bt make - --name photos.tar
bt make data --exclude '*.tmp' --no-date --no-created-by -o - | bt info -
bt make releases/* --each --format v1,hybrid -o 'out/{name}.{format}.torrent' --json
bt make disc1 disc2 booklet.pdf --name album
git ls-files -z | bt make . --files-from - -0`,
		Flags:  f.all(e),
		Action: action(e, func(ctx context.Context, u *ui, args []string) error { return runMake(ctx, u, args, &f) }),
	}
}

// all declares the flags of bt make.
func (f *makeFlags) all(e *env) []cli.Flag {
	return slices.Concat(f.content.pathFlags(), []cli.Flag{
		listFlag(&f.announce, tiers, "announce", "`URL` of a tracker; again for each further tier, commas inside one tier; @FILE has a tier on each line", "a", "tracker"),
		listFlag(&f.webSeeds, urls(webSeedSchemes...), "web-seed", "`URL` of a web seed (BEP 19); again for more", "w"),
		listFlag(&f.httpSeeds, urls(httpSeedSchemes...), "http-seed", "`URL` of an HTTP seed (BEP 17); again for more"),
		switchFlag(&f.checkWebSeeds, "check-web-seeds", "compare each web seed and HTTP seed with the torrent: the size of every file, whether it sends ranges, and the hashes of some pieces"),
		listFlag(&f.nodes, nodes, "node", "`HOST:PORT` of a DHT node (BEP 5); again for more"),
		valueFlag(&f.output, readTemplate, "output", "write to `PATH`, into a directory if it is one or ends in a slash, to stdout if -; {name}, {tracker}, {format}, {infohash}, {date} and {source} in it stand for those of the torrent (default: NAME.torrent beside the content, NAME.FORMAT.torrent for several formats)", "o"),
		switchFlag(&f.force, "force", "replace an existing output", "f"),
		valueFlag(&f.name, text, "name", "call the torrent `NAME` (default: as the file or directory)"),
		valueFlag(&f.pieceLength, wordOr("auto", readPieceLength), "piece-length", "cut pieces of `SIZE`, such as 256K or 2^18, of 16 KiB at least; auto chooses 1000 to 2000 pieces of 16 KiB to 16 MiB, for v2 and hybrid smaller ones if padding would exceed 10 % (default auto)", "l"),
		valueFlag(&f.maxPieceLength, readMaxPieceLength, "max-piece-length", "let auto choose `SIZE` at most"),
		valueFlag(&f.targetPieces, numberFrom(1), "target-pieces", "let auto choose the power of two that makes about `N` pieces"),
		valueFlag(&f.maxTorrentSize, readMaxTorrentSize, "max-torrent-size", "let auto choose longer pieces if the .torrent would be larger than `SIZE`; if none fits, write nothing"),
		listFlag(&f.formats, formats, "format", "make a torrent of `FORMAT` v1, v2 (BEP 52), or hybrid, which is both; again, or with commas, for several torrents with the same piece length (default v1)"),
		switchFlag(&f.private, "private", "use only peers from its trackers (BEP 27)"),
		valueFlag(&f.source, text, "source", "set the source to `TEXT`: private trackers use it to make their torrents unique"),
		valueFlag(&f.comment, text, "comment", "add a comment `TEXT`"),
		valueFlag(&f.createdBy, text, "created-by", "set the program that made it to `TEXT` (default: bt and its version)"),
		switchFlag(&f.noCreatedBy, "no-created-by", "leave out the program that made it"),
		valueFlag(&f.date, timeReader(e.now), "date", "set the creation date to `TIME`: RFC 3339, YYYY-MM-DD, Unix seconds or now (default: SOURCE_DATE_EPOCH, else now)"),
		switchFlag(&f.noDate, "no-date", "leave out the creation date"),
		switchFlag(&f.entropy, "entropy", "add random bytes, for another info-hash of the same content"),
	}, f.content.choiceFlags(), []cli.Flag{
		switchFlag(&f.each, "each", "make a torrent of each PATH"),
		valueFlag(&f.batch, nonEmpty("the path"), "batch", "make the torrents of the jobs in `FILE`, YAML or TOML, or batch.yaml of mkbrr; flags are for all of them (bt help config-schema)"),
		switchFlag(&f.dryRun, "dry-run", "write nothing, and show what would be made, how large it is and how long it takes"),
		switchFlag(&f.noCache, "no-cache", "read all content, also what was hashed before and has not changed since"),
		switchFlag(&f.seed, "seed", "then seed it, as bt seed does and with its flags below"),
		e.options.revealFlag("show passkeys and passwords; JSON always has them"),
	}, f.strict.flags("write nothing and exit with 1 if there are warnings"), f.reuse.flags(), f.hashing.flags(), f.config.flags(), e.options.jsonFlags(), f.seeding.flags())
}

func runMake(ctx context.Context, u *ui, args []string, f *makeFlags) error {
	source, err := f.config.source(ctx, u)
	if err != nil {
		return err
	}
	if f.batch.given {
		return f.runBatch(ctx, u, source, args)
	}
	values, err := f.configure(u, source, u.set, u.env.given, nil)
	if err != nil {
		return err
	}
	if f.config.show {
		return values.show(u)
	}
	// Report wrong usage before the content is read.
	contents, err := f.contents(args)
	if err != nil {
		return err
	}
	var jobs []*makeJob
	for _, c := range contents {
		more, err := f.jobs(u, c, values)
		if err != nil {
			return err
		}
		jobs = append(jobs, more...)
	}
	return makeAll(ctx, u, f, jobs)
}

// options returns the options for maketorrent, for any format.
func (f *makeFlags) options(u *ui, paths []string) (o maketorrent.Options, err error) {
	o = maketorrent.Options{
		Path: paths[0], Name: f.name.value, PieceLength: f.pieceLength.value.bytes, MaxPieceLength: f.maxPieceLength.value,
		TargetPieces: f.targetPieces.value, MaxTorrentSize: f.maxTorrentSize.value,
		Trackers: f.announce, WebSeeds: f.webSeeds, HTTPSeeds: f.httpSeeds, Nodes: f.nodes,
		Private: f.private, Entropy: f.entropy, Source: f.source.value, Comment: f.comment.value,
		Jobs: f.hashing.jobs.value, Read: f.hashing.read.value,
	}
	if len(paths) > 1 {
		o.Path, o.Inputs = "", paths
	}
	u.subject = contentName(&o)
	f.content.set(&o)
	switch {
	case f.createdBy.given && f.noCreatedBy:
		return o, failf(exitUsage, "--created-by and --no-created-by contradict each other")
	case f.createdBy.given:
		o.CreatedBy = f.createdBy.value
	case !f.noCreatedBy:
		o.CreatedBy = "bt/" + version
	}
	o.Date, err = f.creationDate(u.env)
	return o, err
}

// formats parses formats, separated by commas.
func formats(s string) ([]maketorrent.Format, error) {
	read := oneOf(
		choice[maketorrent.Format]{"v1", maketorrent.FormatV1},
		choice[maketorrent.Format]{"v2", maketorrent.FormatV2},
		choice[maketorrent.Format]{"hybrid", maketorrent.FormatHybrid},
	)
	var list []maketorrent.Format
	for word := range strings.SplitSeq(s, ",") {
		format, err := read(strings.TrimSpace(word))
		if err != nil {
			return nil, err
		}
		list = append(list, format)
	}
	return list, nil
}

// URL schemes of web seeds (BEP 19) and HTTP seeds (BEP 17).
var (
	webSeedSchemes  = []string{"http", "https", "ftp"}
	httpSeedSchemes = []string{"http", "https"}
)

// nodes parses HOST:PORT of a DHT node.
func nodes(s string) ([]maketorrent.Node, error) {
	host, port, err := net.SplitHostPort(s)
	n, portErr := strconv.ParseUint(port, 10, 16)
	node := maketorrent.Node{Host: host, Port: int(n)}
	if err != nil || portErr != nil || node.Check() != nil {
		return nil, fmt.Errorf("%q is not HOST:PORT", s)
	}
	return []maketorrent.Node{node}, nil
}

// creationDate returns the date of --date, else that of currentDate.
func (f *makeFlags) creationDate(e *env) (time.Time, error) {
	switch {
	case f.date.given && f.noDate:
		return time.Time{}, failf(exitUsage, "--date and --no-date contradict each other")
	case f.noDate:
		return time.Time{}, nil
	case f.date.given:
		return f.date.value, nil
	}
	return currentDate(e)
}

// currentDate returns SOURCE_DATE_EPOCH (reproducible-builds.org), else the current time.
func currentDate(e *env) (time.Time, error) {
	if epoch := e.getenv("SOURCE_DATE_EPOCH"); epoch != "" {
		n, err := strconv.ParseInt(epoch, 10, 64)
		if err != nil || n < 0 || n > metainfo.LastDate {
			return time.Time{}, failf(exitUsage, "SOURCE_DATE_EPOCH: %q is not a number of seconds since 1970", epoch)
		}
		return time.Unix(n, 0), nil
	}
	return e.now(), nil
}

// makeError gives an error of maketorrent its exit code and hint. If there are
// several problems, it reports all but the last.
func makeError(u *ui, f *makeFlags, o maketorrent.Options, err error) error {
	if problems, ok := errors.AsType[maketorrent.Problems](err); ok {
		for _, p := range problems[:len(problems)-1] {
			u.report(fail(exitRead, p))
		}
		err := fail(exitRead, problems[len(problems)-1])
		if info, statErr := os.Stat(o.Path); len(o.Inputs) == 0 && (statErr != nil || !info.IsDir()) {
			return err // the problem is with PATH itself
		}
		return withHint(err, problemsHint(problems))
	}
	if _, ok := errors.AsType[*failure](err); ok { // of a stream
		return err
	}
	if bad, ok := errors.AsType[*maketorrent.OptionError](err); ok {
		return f.optionError(bad)
	}
	if errors.Is(err, maketorrent.ErrEmpty) {
		err = failf(exitRead, "%s: %w", contentName(&o), err)
		switch {
		case len(o.Include)+len(o.Exclude) > 0:
			err = withHint(err, "--include and --exclude may have left out too much")
		case o.NoHidden:
			err = withHint(err, "--no-hidden may have left out too much")
		}
		return err
	}
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		return readError(pathErr.Path, err)
	}
	return err
}

// optionError returns the error of an option, with the flag that sets it.
func (f *makeFlags) optionError(bad *maketorrent.OptionError) error {
	err := fail(exitUsage, bad)
	switch bad.Option {
	case "name":
		return withHint(err, "choose one with --name")
	case "only":
		return failf(exitUsage, "--files-from: %w", bad)
	case "piece length":
		return withHint(err, pieceLengthHint(f.pieceLength.value.text))
	case "torrent size":
		return withHint(err, f.torrentSizeHint())
	case "stream":
		return withHint(err, "--dry-run is for files on disk")
	}
	return err
}

// problemsHint says how to leave out the files that cause the problems.
func problemsHint(problems maketorrent.Problems) string {
	links, listed := 0, 0
	for _, p := range problems {
		if errors.Is(p, maketorrent.ErrListed) {
			listed++
		}
		if _, ok := errors.AsType[*maketorrent.LinkError](p); ok {
			links++
		}
	}
	switch {
	case listed > 0:
		return "nothing was written; paths of --files-from are absolute, or relative to PATH: find PATH -type f -printf '%P\\n'"
	case links == 0:
		return "nothing was written; --exclude leaves files out"
	case links == len(problems):
		return "nothing was written; --symlinks skip leaves symbolic links out, --exclude single ones"
	}
	return "nothing was written; --symlinks skip leaves symbolic links out, --exclude other files"
}

package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/urfave/cli/v2"

	"bt/internal/config"
	"bt/internal/metainfo"
	"bt/internal/term"
	"bt/rewrite"
)

type retrackerFlags struct {
	edit            editFlags
	rules, fromJSON option[string]
	newInfoHash     bool
	output          option[string]
	backup          backupFlag
	dryRun          bool
	recursive       bool
	force           bool
}

func retrackerCommand(e *env) *cli.Command {
	var f retrackerFlags
	return &cli.Command{
		Name:      "retracker",
		Usage:     "edit trackers and other keys of torrents, and no other byte",
		UsageText: "bt retracker TORRENT|DIR|MAGNET... [FLAGS]",
		ArgsUsage: "Torrents and qBittorrent's .fastresume files, also in a directory, are edited in place. Magnet links, also from stdin (-), one per line, are printed edited. The order of edits is: --from-json, --rules, --announce, --remove, --replace, --passkey, --add, --dedupe, the rest.",
		Description: `bt retracker movie.torrent --announce http://tracker.example/announce
bt retracker ~/torrents --host old.example --with new.example --dry-run
bt retracker ~/torrents --recursive --passkey 0123456789abcdef0123456789abcdef --backup
bt retracker *.torrent --remove '*.dead.example' --add udp://tracker.example:6969 --tier first
bt retracker ~/torrents --rules rules.yaml --json
bt info --raw x.torrent > x.json; bt retracker x.torrent --from-json x.json -o y.torrent
bt retracker x.torrent --source ABC --new-infohash -o abc.torrent`,
		Flags: slices.Concat(f.edit.flags(e.now), []cli.Flag{
			valueFlag(&f.rules, text, "rules", "apply the rules in `FILE` (YAML or TOML, at most "+term.Size(config.MaxSize)+") to the trackers that match, and their torrents"),
			valueFlag(&f.fromJSON, text, "from-json", "replace the torrent by that in `FILE`, the JSON of bt info --raw, possibly edited"),
			switchFlag(&f.newInfoHash, "new-infohash", "allow edits inside info, which change the info-hash"),
			valueFlag(&f.output, nonEmpty("the path"), "output", "do not edit in place but write to `PATH`, into a directory if it is one or ends in a slash, to stdout if -", "o"),
			&cli.GenericFlag{Name: "backup", Usage: "keep the original as X.torrent.bak; --backup=.SUFFIX sets the suffix", Value: &f.backup},
			switchFlag(&f.dryRun, "dry-run", "show what would change, and change nothing"),
			switchFlag(&f.recursive, "recursive", "edit the torrents below a directory too"),
			switchFlag(&f.force, "force", "edit read-only files and those of a running client, replace an existing output or backup, and let --drop-dead remove the last tracker", "f"),
			e.options.revealFlag("show passkeys and passwords; JSON, and a magnet link or torrent on stdout, always have them"),
			e.options.maxSizeFlag("torrent, rules or list"),
		}, e.options.jsonFlags()),
		Action: action(e, func(ctx context.Context, u *ui, args []string) error { return runRetracker(ctx, u, args, &f) }),
	}
}

// backupFlag is the value of --backup or --backup=SUFFIX.
type backupFlag struct{ suffix string }

func (f *backupFlag) Set(s string) error {
	switch s {
	case "true":
		s = ".bak"
	case "false":
		s = ""
	case "":
		return errors.New("the suffix is empty")
	}
	if strings.ContainsAny(s, `/\`) {
		return errors.New("a suffix, not a path")
	}
	f.suffix = s
	return nil
}

func (f *backupFlag) String() string   { return "" }
func (f *backupFlag) IsBoolFlag() bool { return true }

// retrackerRun is the state of one run of bt retracker.
type retrackerRun struct {
	ctx    context.Context
	u      *ui
	edit   rewrite.Edit
	dryRun bool
	force  bool
	backup string // "" if there is no backup
	output string // "" for in place, "-" for stdout
	toDir  bool   // output is a directory

	fromJSON string // the file that edit.Whole was read from

	large   sync.Mutex // held while a large input is edited, so that only one is in memory
	running sync.Map   // map[session]func() (string, bool)
}

func runRetracker(ctx context.Context, u *ui, args []string, f *retrackerFlags) error {
	if len(args) == 0 {
		return failf(exitUsage, "no torrent given")
	}
	u.subject = args[0]
	u.env.boundsMemory = true
	r := &retrackerRun{ctx: ctx, u: u, dryRun: f.dryRun, force: f.force, backup: f.backup.suffix, output: f.output.value}
	if err := r.readEdit(f); err != nil {
		return err
	}
	inputs, isList := r.inputs(args, f.recursive)
	if r.edit.Whole != nil && (isList || len(inputs) != 1) {
		return failf(exitUsage, "--from-json is for one torrent")
	}
	if err := r.checkOutput(inputs, isList); err != nil {
		return err
	}
	return r.run(inputs, isList)
}

func (r *retrackerRun) readEdit(f *retrackerFlags) (err error) {
	if r.edit, err = f.edit.edit(r.ctx, r.u.env); err != nil {
		return err
	}
	if f.rules.given {
		if r.edit.Rules, err = loadRules(r.ctx, r.u.env, f.rules.value); err != nil {
			return err
		}
	}
	if f.fromJSON.given {
		name := f.fromJSON.value
		b, err := readInput(r.ctx, r.u.env, name, textInput)
		if err != nil {
			return err
		}
		if r.edit.Whole, err = rewrite.FromJSON(b); err != nil {
			err = failf(exitUsage, "--from-json: %s: %w", name, err)
			if bytes.Contains(b, []byte(`"torrent_size":`)) && bytes.Contains(b, []byte(`"findings":`)) {
				err = withHint(err, "it looks like the JSON of bt info --json; --from-json needs that of bt info --raw")
			}
			return err
		}
		r.fromJSON = name
	}
	r.edit.Trackers.KeepLast = !r.force
	for i := range r.edit.Rules {
		r.edit.Rules[i].Edit.Trackers.KeepLast = !r.force
	}
	r.edit.NewInfoHash = f.newInfoHash
	for _, flag := range f.edit.infoFlags() {
		if flag.given && !r.edit.NewInfoHash {
			return newInfoHash(failf(exitWrite, "--%s: %w", flag.name, rewrite.ErrInfo))
		}
	}
	if isEmpty(&r.edit) {
		return withHint(failf(exitUsage, "nothing to change"), "bt help retracker lists what can be")
	}
	return nil
}

func newInfoHash(err error) error {
	return withHint(err, "use --new-infohash to allow that")
}

// inputs expands the arguments to a list of files and magnet links.
func (r *retrackerRun) inputs(args []string, recursive bool) (inputs []input, isList bool) {
	isList = len(args) > 1
	for _, arg := range args {
		if arg == "" {
			inputs = append(inputs, input{err: failf(exitUsage, "the name of a torrent is empty")})
			continue
		}
		if arg == stdinName {
			more := stdinInputs(r.ctx, r.u.env, torrentOrLinks)
			inputs, isList = append(inputs, more...), isList || len(more) > 1
			continue
		}
		if info, err := os.Stat(arg); metainfo.IsMagnet(arg) || err != nil || !info.IsDir() {
			inputs = append(inputs, input{name: arg})
			continue
		}
		isList = true
		inputs = append(inputs, ordered(filesIn(arg, recursive, ".torrent", ".fastresume"), r.u.json)...)
	}
	// Edit a file only once, even if it is named twice or by a symbolic link.
	seen := make(map[string]bool)
	return slices.DeleteFunc(inputs, func(in input) bool {
		real, err := filepath.EvalSymlinks(in.name)
		if in.err != nil || err != nil || in.name == stdinName {
			return false
		}
		if abs, err := filepath.Abs(real); err == nil {
			real = abs
		}
		was := seen[real]
		seen[real] = true
		return was
	}), isList
}

// retrackerResult is the result of one input.
type retrackerResult struct {
	input
	output string // where the result is, or would be, written
	result *rewrite.Result
	magnet *metainfo.Magnet // the edited magnet link

	unedited rewrite.Unedited
}

// run edits the inputs, several at once, and prints the results in the order of the
// inputs.
func (r *retrackerRun) run(inputs []input, isList bool) error {
	// If the reader of stdout exits (| head), the files in work must still be
	// written.
	signal.Ignore(syscall.SIGPIPE)
	p := retrackerPrinter{ui: r.u, dryRun: r.dryRun, isList: isList}
	if r.u.json {
		p.doc = r.u.newJSON(isList)
	}
	var failed error
	for x := range inOrder(r.ctx, inputs, r.one) {
		if failed == nil && !errors.Is(x.err, context.Canceled) { // inputs that an interrupt left unedited are not failures
			failed = p.print(x)
		}
	}
	if p.total == 0 && r.ctx.Err() != nil {
		return r.ctx.Err() // there are no results to sum up
	}
	return cmp.Or(failed, p.finish(), r.ctx.Err())
}

// one edits one input.
func (r *retrackerRun) one(in input) retrackerResult {
	x := retrackerResult{input: in}
	switch {
	case x.err != nil:
	case metainfo.IsMagnet(in.name):
		x.err = r.magnet(&x)
	default:
		x.err = r.file(&x)
	}
	return x
}

func (r *retrackerRun) magnet(x *retrackerResult) error {
	m, err := metainfo.ParseMagnet(x.name)
	if err != nil {
		return failf(exitTorrent, "%s: %w", shown(x.name), err)
	}
	x.magnet, x.unedited, err = r.edit.Magnet(m)
	return fail(exitUsage, err)
}

// file edits a torrent or session file.
func (r *retrackerRun) file(x *retrackerResult) error {
	var before fs.FileInfo // nil for stdin
	if x.name != stdinName {
		info, err := os.Stat(x.name)
		if err != nil {
			return readError(x.name, err)
		}
		before = info
		if info.Size() > smallInput {
			r.large.Lock()
			defer r.large.Unlock()
		}
	}
	b, err := x.read(r.ctx, r.u.env)
	if err != nil {
		return err
	}
	if x.result, err = rewrite.Apply(b, &r.edit); err != nil {
		return r.editError(x.name, err)
	}
	x.unedited = x.result.Unedited
	x.output = r.outputOf(x.name)
	err = r.write(x, before)
	x.result.Bytes = nil // only the changes are printed, so free the rest
	return err
}

// editError returns the error of an edit that can't be applied to a file.
func (r *retrackerRun) editError(name string, err error) error {
	if _, ok := errors.AsType[*rewrite.WholeError](err); ok {
		return failf(exitUsage, "--from-json: %s: %w", r.fromJSON, err)
	}
	if _, ok := errors.AsType[*rewrite.NotTorrentError](err); ok {
		return notTorrent(name, err)
	}
	err = failf(exitWrite, "%s: %w", name, err)
	if errors.Is(err, rewrite.ErrInfo) {
		return newInfoHash(err)
	}
	return err
}

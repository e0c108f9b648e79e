package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"bt/inspect"
	"bt/internal/metainfo"
	"bt/internal/term"
)

func verifyCommand(e *env) *cli.Command {
	return &cli.Command{
		Name:      "verify",
		Usage:     "check data on disk against a torrent, and say exactly what is damaged",
		UsageText: "bt verify TORRENT [PATH] [FLAGS]",
		ArgsUsage: pathHelp + " TORRENT may be - for stdin.",
		Description: `bt verify movie.torrent
bt verify movie.torrent /srv/archive
bt verify movie.torrent --json | jq '.files[] | select(.status != "ok")'
bt verify movie.torrent /mnt/disk --read sequential`,
		Flags:  slices.Concat(hashingFlags(), jsonFlags()),
		Action: action(e, runVerify),
	}
}

func runVerify(ctx context.Context, u *ui, c *cli.Context) error {
	name, at, err := torrentAndPath("verify", c.Args().Slice())
	if err != nil {
		return err
	}
	u.subject = name
	var o inspect.VerifyOptions
	if o.Jobs, o.Read, err = hashingChoices(c); err != nil {
		return err
	}
	t, err := readTorrent(ctx, u.env, name)
	if err != nil {
		return err
	}
	if err := at.check("verify", name, t); err != nil {
		return err
	}
	start := time.Now()
	bar := u.progress("verifying " + t.Name)
	o.Progress, o.Damaged = bar.Update, !u.json
	v, err := inspect.Verify(ctx, t, at.path, o)
	if err != nil {
		return verifyError(t, name, at.path, err)
	}
	bar.Finish()
	v.Seconds = time.Since(start).Seconds()
	sayRenamed(u, v)
	if len(v.Files) == v.FileCount && !slices.ContainsFunc(v.Files, func(f inspect.FileVerdict) bool { return f.Status != inspect.StatusMissing }) {
		u.warn("nothing of the content is at %s; say where it is: bt verify TORRENT PATH", at.path)
	}
	if u.json {
		err = u.printJSON(v)
	} else {
		err = stdoutError(printVerdict(u, t, v))
	}
	switch {
	case err != nil:
		return err
	case slices.ContainsFunc(v.Files, func(f inspect.FileVerdict) bool { return f.Status == inspect.StatusUnreadable }):
		return failf(exitRead, "%s: some of its data could not be read", name)
	case !v.OK:
		return errNo
	}
	return nil
}

// sayRenamed tells what was found by another name: once, and with -v each.
func sayRenamed(u *ui, v *inspect.Verdict) {
	if v.As != "" {
		u.warn("the content is called %s on disk", v.As)
	}
	for _, r := range v.Renamed {
		u.explain("%s is called %s on disk", r.Path, r.At)
	}
	if n := len(v.Renamed); n > 0 && !u.verbose {
		u.warn("%s found by another name; -v lists them", count(n, "file"))
	}
}

func verifyError(t *metainfo.Torrent, name, path string, err error) error {
	if _, ok := errors.AsType[*metainfo.UnusableError](err); ok {
		err = usable(name, err)
		if _, bad := t.Content(); bad != nil { // else only the data showed it
			err = withHint(err, "bt info lists what is wrong with it")
		}
		return err
	}
	if errors.Is(err, context.Canceled) {
		return err
	}
	return readError(path, err)
}

// verdictRows is how many damaged files a person is shown.
const verdictRows = 500

// printVerdict shows what is wrong, and sums up in one line.
func printVerdict(u *ui, t *metainfo.Torrent, v *inspect.Verdict) error {
	table := term.Table{Width: u.env.width, Palette: u.pal}
	bad := 0
	for i := range v.Files {
		f := &v.Files[i]
		if f.Status == inspect.StatusOK {
			continue
		}
		if bad++; !u.quiet && bad <= verdictRows {
			table.Rows = append(table.Rows, []string{colored(u.pal, f.Status), term.SafeJoin(f.Components), term.Safe(details(f))})
		}
	}
	if len(table.Rows) > 0 {
		if err := table.Write(u.out); err != nil {
			return err
		}
		if more := bad - len(table.Rows); more > 0 {
			fmt.Fprintf(u.out, "… and %s; --json names all\n", count(more, "more file"))
		}
		fmt.Fprintln(u.out)
	}
	p := v.Pieces
	if v.OK {
		_, err := fmt.Fprintf(u.out, "%s: %s: %s, %s in %s\n", term.Safe(t.Name), u.pal.Green("ok"),
			count(v.FileCount, "file"), term.Size(v.Size), count(p.Total, "piece"))
		return err
	}
	counts := []string{term.Count(int64(p.Good)) + " of " + count(p.Total, "piece") + " good"}
	for _, c := range []struct {
		n    int
		name string
	}{{p.Bad, "bad"}, {p.Missing, "missing"}, {p.Unverifiable, "unverifiable"}, {p.Unreadable, "unreadable"}} {
		if c.n > 0 {
			counts = append(counts, term.Count(int64(c.n))+" "+c.name)
		}
	}
	_, err := fmt.Fprintf(u.out, "%s: %s: %s of %s not in order; %s\n", term.Safe(t.Name), u.pal.Red("damaged"),
		term.Count(int64(bad)), count(v.FileCount, "file"), strings.Join(counts, ", "))
	return err
}

func colored(pal term.Palette, s inspect.Status) string {
	if s == inspect.StatusUnverifiable {
		return pal.Yellow(string(s))
	}
	return pal.Red(string(s))
}

// details says about a file what its status does not.
func details(f *inspect.FileVerdict) string {
	var parts []string
	switch f.Status {
	case inspect.StatusMissing, inspect.StatusNotAFile:
		return term.Size(f.Size)
	case inspect.StatusUnreadable:
		if f.Err != nil {
			parts = append(parts, readError("", f.Err).Error()[len(": "):])
		}
	case inspect.StatusShort:
		parts = append(parts, fmt.Sprintf("%d of %d bytes", f.Found, f.Size))
	case inspect.StatusLong:
		parts = append(parts, count(int(f.Found-f.Size), "byte")+" too many")
	}
	var list []int
	changed := false
	for _, r := range f.Bad {
		list = append(list, r.Pieces...)
		changed = changed || r.Cause == inspect.Changed
	}
	switch {
	case len(list) == 0:
	case f.Status == inspect.StatusUnverifiable:
		parts = append(parts, "shares "+ranges(list)+" with a file that is not whole")
	case changed:
		parts = append(parts, "changed while it was read")
	default:
		parts = append(parts, "not good: "+ranges(list))
	}
	return strings.Join(parts, "; ")
}

// ranges writes piece numbers in ascending order: "pieces 3, 5-9".
func ranges(list []int) string {
	const most = 8 // enough to see where the damage is; --json has all
	var parts []string
	for i := 0; i < len(list); {
		j := i
		for j+1 < len(list) && list[j+1] == list[j]+1 {
			j++
		}
		part := strconv.Itoa(list[i])
		if j > i {
			part += "-" + strconv.Itoa(list[j])
		}
		parts = append(parts, part)
		i = j + 1
	}
	s := strings.Join(parts[:min(most, len(parts))], ", ")
	if len(parts) > most {
		s += ", ..."
	}
	if len(list) == 1 {
		return "piece " + s
	}
	return "pieces " + s
}

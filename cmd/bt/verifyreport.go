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

	"github.com/urfave/cli/v2"

	"bt/cmd/bt/internal/verifyreport"
	"bt/inspect"
	"bt/internal/atomicfile"
	"bt/internal/term"
)

// verifyReportFlags holds --map, --report and what belongs to them.
type verifyReportFlags struct {
	picture bool
	path    option[string]
	force   bool
}

func (f *verifyReportFlags) flags(o *commonOptions) []cli.Flag {
	return []cli.Flag{
		switchFlag(&f.picture, "map", "draw the pieces and the files, sized to the window; with -q only the pieces"),
		onceFlag(&f.path, reportPath, "report", "also write a report to `FILE`: .html for one page with pictures, .csv for a line per file, .txt for everything as text"),
		switchFlag(&f.force, "force", "replace an existing report or plan", "f"),
		o.revealFlag("show passkeys and passwords in the report"),
	}
}

// reportPath parses the value of --report.
func reportPath(s string) (string, error) {
	if _, ok := verifyreport.FormatOf(s); !ok {
		return "", fmt.Errorf("%q ends with none of %s, which choose the format", s, strings.Join(verifyreport.Endings, ", "))
	}
	return s, nil
}

// check checks the flags, and that the report can be written.
func (f *verifyReportFlags) check(u *ui) error {
	if err := oneFlag(givenSwitch{"map", f.picture}, givenSwitch{"json", u.json}); err != nil {
		return err
	}
	if !f.path.given {
		return nil
	}
	return reportError("--report", f.path.value, atomicfile.Check(f.path.value, f.force))
}

// reportError returns the error of writing a report or page, or nil. flag named it.
func reportError(flag, path string, err error) error {
	if errors.Is(err, fs.ErrExist) {
		return withHint(failf(exitWrite, "%s: exists", path), "use --force to replace it, or choose another name for "+flag)
	}
	if err != nil {
		return outputError(path, err)
	}
	return nil
}

// A reportWriter collects the verdicts of torrents for --report. A nil one does nothing.
type reportWriter struct {
	u      *ui
	flags  *verifyReportFlags
	report *verifyreport.Report
	added  bool
	err    error // the report must not be written
}

// writer returns the writer of the report, or nil.
func (f *verifyReportFlags) writer(u *ui) *reportWriter {
	if !f.path.given {
		return nil
	}
	plain := *u
	plain.pal = term.Palette{}
	format, _ := verifyreport.FormatOf(f.path.value)
	return &reportWriter{u: &plain, flags: f, report: verifyreport.New(verifyreport.Options{
		Format: format, Version: version, Time: u.env.now(), Revealed: u.reveal,
		Spool: func() (*os.File, error) { return createTemp(filepath.Dir(f.path.value)) },
	})}
}

// createTemp creates a temporary file in a directory. Where that is possible, it has no
// name any more, so that no interruption leaves it behind.
func createTemp(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, atomicfile.TempName()), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		_ = os.Remove(f.Name()) // else it is removed when it is closed
	}
	return f, err
}

// close releases what the report keeps.
func (w *reportWriter) close() {
	if w != nil {
		w.u.report(w.report.Close())
	}
}

// add adds a torrent with its verdict.
func (w *reportWriter) add(x *verified) {
	if w == nil {
		return
	}
	name, t, v := x.name, x.torrent, x.verdict
	linked := x.mending.linkedReport()
	if path := w.flags.path.value; isContentFile(path, v) || isLinkedFile(path, v, linked) {
		w.err = failf(exitWrite, "%s: it is a file of %s, so no report is written there", path, t.Name)
	}
	line, _ := resultOf(w.u.pal, x)
	damaged, _ := damagedFiles(t, v) // also if nothing is there
	result, summary, _ := strings.Cut(line, ": ")
	w.added = true
	w.report.Add(&verifyreport.Torrent{
		Path: w.u.shownArg(name), Name: t.Name, Size: t.Size(), Result: result, Summary: summary,
		Facts:   infoFields(w.u, infoInput{name: name, facts: inspect.Describe(t, inspect.DescribeOptions{})}),
		Proof:   fmt.Sprintf("%s, in %s, by %s", proofText(v), term.Duration(x.took), w.u.env.now().UTC().Format(time.RFC3339)),
		Verdict: v, Damaged: damaged, Detail: problem,
		Repaired: x.mending.repairedReport(), Linked: linked,
	})
}

// fillReport writes the help of the topic report-csv.
func fillReport(p *helpPage) {
	p.paragraph("The columns of bt verify --report FILE.csv. " + verifyreport.ColumnsNote)
	p.table("columns", verifyreport.Columns)
}

// proofText says what was read. A report is of all pieces.
func proofText(v *inspect.Verdict) string {
	if v.Basis == inspect.BasisCached {
		return term.Size(v.Cached) + " were hashed before and have not changed since, and the rest was read and hashed"
	}
	return "every byte was read and hashed"
}

// isContentFile reports whether a path is that of a file of the content, which may be
// missing, or of one that was found elsewhere, or that proves others.
func isContentFile(path string, v *inspect.Verdict) bool {
	for f := range v.Files {
		if isSamePath(path, v.Where(f.Index)) {
			return true
		}
	}
	for n := range neighborsOf(v) {
		if isSamePath(path, n.At) {
			return true
		}
	}
	return slices.ContainsFunc(v.Found, func(f inspect.Found) bool { return isSamePath(path, f.At) })
}

// isLinkedFile reports whether a path is that of a file in the tree of --link.
func isLinkedFile(path string, v *inspect.Verdict, l *verifyreport.Linked) bool {
	for f := range v.Files {
		if isSamePath(path, l.At(f.Path)) {
			return true
		}
	}
	return false
}

func isSamePath(a, b string) bool {
	return filepath.Base(a) == filepath.Base(b) && resolved(a) == resolved(b)
}

// resolved returns a path without links, also of a file that does not exist.
func resolved(path string) string {
	abs, err := filepath.Abs(path)
	if err != nil {
		return path
	}
	if whole, err := filepath.EvalSymlinks(abs); err == nil {
		return whole
	}
	if dir, err := filepath.EvalSymlinks(filepath.Dir(abs)); err == nil {
		return filepath.Join(dir, filepath.Base(abs))
	}
	return abs
}

// fail adds a torrent without a verdict, unless the command line was wrong.
func (w *reportWriter) fail(name string, err error) {
	if w == nil || codeOf(err) == exitUsage {
		return
	}
	w.added = true
	w.report.Add(&verifyreport.Torrent{
		Path: w.u.shownArg(name), Result: "error", Summary: w.u.shownText(err.Error()),
		Facts: [][2]string{{"torrent", w.u.shownArg(name)}},
	})
}

// write writes the report, if it has a torrent.
func (w *reportWriter) write() error {
	if w == nil || !w.added {
		return nil
	}
	if w.err != nil {
		return w.err
	}
	path := w.flags.path.value
	if err := atomicfile.WriteTo(path, w.report, w.flags.force); err != nil {
		return reportError("--report", path, err)
	}
	w.u.explain("the report is in %s", path)
	return nil
}

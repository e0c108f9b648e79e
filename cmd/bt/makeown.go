package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"bt/internal/atomicfile"
)

// An ownFile is an output of bt that exists.
type ownFile struct {
	info fs.FileInfo
	name string // of the file itself, if the output is a link
}

// An ownSet recognizes files that bt itself has written: the outputs of an earlier run,
// and temporary files of a run that was killed.
type ownSet struct {
	outputs map[int64][]ownFile // by size
	hashed  []ownPattern
}

// An ownPattern matches outputs with an info-hash in their name.
type ownPattern struct {
	dir  fs.FileInfo
	name *regexp.Regexp
}

// ownOutputs returns the files of all jobs.
func ownOutputs(u *ui, jobs []*makeJob) *ownSet {
	own := &ownSet{outputs: make(map[int64][]ownFile)}
	for _, j := range jobs {
		switch {
		case j.err != nil:
		case j.output == stdinName:
			own.addStdout(u.env)
		case j.late:
			own.addPattern(j.output)
		default:
			own.add(j.output)
		}
	}
	return own
}

func (s *ownSet) add(out string) {
	info, err := os.Stat(out)
	place, placeErr := filepath.EvalSymlinks(out)
	if err == nil && placeErr == nil {
		s.outputs[info.Size()] = append(s.outputs[info.Size()], ownFile{info, filepath.Base(place)})
	}
}

// addStdout adds the file that stdout is, as in bt make . -o - > x.torrent.
func (s *ownSet) addStdout(e *env) {
	if f, ok := e.stdout.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
			s.outputs[info.Size()] = append(s.outputs[info.Size()], ownFile{info: info})
		}
	}
}

func (s *ownSet) addPattern(out string) {
	dir, err := os.Stat(filepath.Dir(out))
	if err != nil {
		return
	}
	const hash = "[0-9a-f]{40}(?:[0-9a-f]{24})?"
	name := strings.ReplaceAll(regexp.QuoteMeta(filepath.Base(out)), standInHash, hash)
	s.hashed = append(s.hashed, ownPattern{dir, regexp.MustCompile("^" + name + "$")})
}

// reason returns why a file is not content, see maketorrent.Options.Own.
func (s *ownSet) reason(path string, info fs.FileInfo) string {
	base := filepath.Base(path)
	if atomicfile.IsTemp(base) {
		return "temporary"
	}
	for _, f := range s.outputs[info.Size()] {
		if os.SameFile(f.info, info) && (f.name == "" || hasRealName(path, f.name)) {
			return "output"
		}
	}
	for _, p := range s.hashed {
		if !p.name.MatchString(base) {
			continue
		}
		if dir, err := os.Stat(filepath.Dir(path)); err == nil && os.SameFile(dir, p.dir) {
			return "output"
		}
	}
	return ""
}

// hasRealName reports whether a file has a name, links resolved: another hard link to
// the same file is content. The file system may ignore case.
func hasRealName(path, name string) bool {
	real, err := filepath.EvalSymlinks(path)
	return err == nil && strings.EqualFold(filepath.Base(real), name)
}

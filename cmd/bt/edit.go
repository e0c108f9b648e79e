package main

import (
	"context"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode"

	"github.com/urfave/cli/v2"

	"bt/internal/metainfo"
	"bt/rewrite"
)

// The flags that say what to change in a torrent. A rule of a rules file has the
// same names with the same meaning, so both are read by readEdit.

// editFlags returns the flags; pairs gets those that come in pairs.
func editFlags(pairs *pairList) []cli.Flag {
	pair := func(name, usage string, how rewrite.How) cli.Flag {
		return &cli.GenericFlag{Name: name, Usage: usage, Value: &pairFlag{list: pairs, name: name, how: how}}
	}
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "announce", Aliases: []string{"a"}, Usage: "replace all trackers by `URL`; again for each further tier, commas inside one tier"},
		&cli.BoolFlag{Name: "no-trackers", Usage: "remove all trackers"},
		&cli.StringFlag{Name: "from", Usage: "replace all trackers by those of `TORRENT`"},
		&cli.StringSliceFlag{Name: "remove", Usage: "remove trackers that match `PATTERN`: a URL, else a host, else a glob such as '*.example.org'; again for more"},
		&cli.StringSliceFlag{Name: "drop-dead", Usage: "remove the trackers that `FILE`, JSON of bt scrape, says are dead for good; given twice, with files an hour or more apart, also those that both say do not answer as trackers; each document of bt scrape --watch --json counts as a file. The last tracker of a torrent only with --force"},
		pair("replace", "replace the text `OLD` in trackers by that of the next --with; again for more", rewrite.Literal),
		pair("replace-regex", "replace what the regular expression `RE` matches in trackers by the next --with, where $1 is a group", rewrite.Regexp),
		pair("host", "replace the host `OLD` (HOST or HOST:PORT) of trackers by the next --with", rewrite.Host),
		&cli.GenericFlag{Name: "with", Usage: "the `NEW` text for the --replace, --replace-regex or --host before it", Value: &withFlag{pairs}},
		&cli.StringFlag{Name: "passkey", Usage: "replace the passkey in trackers by `NEW`; a tracker in which two could be it stays, and the exit code is 1"},
		&cli.StringSliceFlag{Name: "add", Usage: "add the tracker `URL` as a new last tier, unless it is there; commas inside one tier"},
		&cli.StringFlag{Name: "tier", Usage: "add into tier `N`, or as a new first one: first"},
		&cli.BoolFlag{Name: "dedupe", Usage: "remove trackers that are there twice"},
		&cli.StringSliceFlag{Name: "web-seed", Aliases: []string{"w"}, Usage: "add the web seed `URL` (BEP 19), unless it is there; again for more"},
		&cli.BoolFlag{Name: "no-web-seeds", Usage: "remove all web seeds, but for those of --web-seed"},
		&cli.StringSliceFlag{Name: "http-seed", Usage: "add the HTTP seed `URL` (BEP 17), unless it is there; again for more"},
		&cli.BoolFlag{Name: "no-http-seeds", Usage: "remove all HTTP seeds, but for those of --http-seed"},
		&cli.StringSliceFlag{Name: "node", Usage: "add the DHT node `HOST:PORT` (BEP 5), unless it is there; again for more"},
		&cli.BoolFlag{Name: "no-nodes", Usage: "remove all DHT nodes, but for those of --node"},
		&cli.StringFlag{Name: "comment", Usage: "set the comment to `TEXT`"},
		&cli.BoolFlag{Name: "no-comment", Usage: "remove the comment"},
		&cli.StringFlag{Name: "created-by", Usage: "say that `TEXT` made it"},
		&cli.BoolFlag{Name: "no-created-by", Usage: "do not say what made it"},
		&cli.StringFlag{Name: "date", Usage: "set the creation date to `TIME`: RFC 3339, YYYY-MM-DD, Unix seconds or now"},
		&cli.BoolFlag{Name: "no-date", Usage: "do not say when it was made"},
		&cli.StringSliceFlag{Name: "set", Usage: "set a key outside info, `KEY=VALUE`; the value is a text, or int:N, str:TEXT, hex:BYTES; again for more"},
		&cli.StringSliceFlag{Name: "unset", Usage: "remove `KEY` outside info; again for more"},
		&cli.BoolFlag{Name: "private", Usage: "peers from its trackers only (BEP 27); needs --new-infohash, as the next ones do"},
		&cli.BoolFlag{Name: "public", Usage: "peers from everywhere: remove private"},
		&cli.StringFlag{Name: "source", Usage: "set the source to `TEXT`"},
		&cli.BoolFlag{Name: "no-source", Usage: "remove the source"},
		&cli.StringFlag{Name: "name", Usage: "call the torrent `NAME`"},
		&cli.BoolFlag{Name: "entropy", Usage: "add random bytes: another info-hash for the same content"},
	}
}

// A pair is a replacement as it was given.
type pair struct {
	name     string
	how      rewrite.How
	old, new string
	complete bool
}

// pairList has the pairs in the order of the command line, which tells to which
// OLD a NEW belongs.
type pairList []pair

type pairFlag struct {
	list *pairList
	name string
	how  rewrite.How
}

func (f *pairFlag) Set(old string) error {
	*f.list = append(*f.list, pair{name: f.name, how: f.how, old: old})
	return nil
}

func (f *pairFlag) String() string { return "" }

type withFlag struct{ list *pairList }

func (f *withFlag) Set(s string) error {
	last := len(*f.list) - 1
	if last < 0 || (*f.list)[last].complete {
		*f.list = append(*f.list, pair{}) // which replacements refuses
		return nil
	}
	(*f.list)[last].new, (*f.list)[last].complete = s, true
	return nil
}

func (f *withFlag) String() string { return "" }

// flagValues is where an edit is read from: a command line, or a rule.
type flagValues interface {
	IsSet(name string) bool
	String(name string) string
	StringSlice(name string) []string
	Bool(name string) bool
}

// infoFlags are those that change the info dict.
var infoFlags = []string{"private", "public", "source", "no-source", "name", "entropy"}

// readEdit reads what to change.
func readEdit(ctx context.Context, e *env, v flagValues, pairs pairList) (edit rewrite.Edit, err error) {
	for _, both := range [][2]string{
		{"announce", "no-trackers"}, {"announce", "from"}, {"from", "no-trackers"}, {"comment", "no-comment"},
		{"created-by", "no-created-by"}, {"date", "no-date"}, {"private", "public"}, {"source", "no-source"},
	} {
		if given(v, both[0]) && given(v, both[1]) {
			return edit, failf(exitUsage, "--%s and --%s contradict each other", both[0], both[1])
		}
	}
	if edit.Trackers, err = readTrackerEdit(ctx, e, v, pairs); err != nil {
		return edit, err
	}
	edit.NoWebSeeds, edit.NoHTTPSeeds, edit.NoNodes = v.Bool("no-web-seeds"), v.Bool("no-http-seeds"), v.Bool("no-nodes")
	if edit.WebSeeds, err = urlList("web-seed", v.StringSlice("web-seed"), "http", "https", "ftp"); err != nil {
		return edit, err
	}
	if edit.HTTPSeeds, err = urlList("http-seed", v.StringSlice("http-seed"), "http", "https"); err != nil {
		return edit, err
	}
	if edit.Nodes, err = nodes(v.StringSlice("node")); err != nil {
		return edit, err
	}
	if edit.Keys, err = readKeys(e, v); err != nil {
		return edit, err
	}
	edit.Entropy = v.Bool("entropy")
	edit.Info, err = readInfoKeys(v)
	return edit, err
}

// editSwitches has the names of editFlags, and whether each is a switch.
var editSwitches = sync.OnceValue(func() map[string]bool {
	switches := make(map[string]bool)
	for _, f := range editFlags(new(pairList)) {
		for _, name := range f.Names() {
			switches[name] = isSwitch(f)
		}
	}
	return switches
})

// given tells switches that are on and other flags that are there.
func given(v flagValues, name string) bool {
	if editSwitches()[name] {
		return v.Bool(name)
	}
	return v.IsSet(name)
}

func readTrackerEdit(ctx context.Context, e *env, v flagValues, pairs pairList) (t rewrite.TrackerEdit, err error) {
	tiers, err := tierList(v, "announce")
	if err != nil {
		return t, err
	}
	t.Tiers, t.Set = tiers, len(tiers) > 0 || v.Bool("no-trackers")
	if v.IsSet("from") {
		from, err := readTorrent(ctx, e, v.String("from"))
		if err != nil {
			return t, err
		}
		t.Tiers, t.Set = from.Trackers(), true
	}
	t.Remove = v.StringSlice("remove")
	if slices.Contains(t.Remove, "") {
		return t, failf(exitUsage, "--remove: the pattern is empty")
	}
	if v.IsSet("drop-dead") {
		var scrapes []*scrapeReport
		for _, name := range v.StringSlice("drop-dead") {
			b, err := readInput(ctx, e, name, textInput)
			if err != nil {
				return t, err
			}
			list, err := readScrapes(b)
			if err != nil {
				return t, failf(exitUsage, "--drop-dead: %s: %w", name, err)
			}
			scrapes = append(scrapes, list...)
		}
		t.Drop = deadTrackers(scrapes)
	}
	if t.Replace, err = replacements(pairs); err != nil {
		return t, err
	}
	if t.Passkey = v.String("passkey"); v.IsSet("passkey") && t.Passkey == "" {
		return t, failf(exitUsage, "--passkey: it is empty")
	}
	if strings.ContainsFunc(t.Passkey, unicode.IsControl) {
		return t, failf(exitUsage, "--passkey: it holds a line break or another control character")
	}
	t.Dedupe = v.Bool("dedupe")
	t.Add, err = additions(v)
	return t, err
}

// tierList reads a flag that has a tier of trackers each time it is given.
func tierList(v flagValues, flag string) ([][]string, error) {
	var tiers [][]string
	for _, tier := range v.StringSlice(flag) {
		urls, err := urlList(flag, strings.Split(tier, ","), metainfo.TrackerSchemes...)
		if err != nil {
			return nil, err
		}
		tiers = append(tiers, urls)
	}
	return tiers, nil
}

func additions(v flagValues) ([]rewrite.Addition, error) {
	tiers, err := tierList(v, "add")
	if err != nil {
		return nil, err
	}
	tier := 0
	switch s := v.String("tier"); {
	case !v.IsSet("tier"):
	case len(tiers) == 0:
		return nil, failf(exitUsage, "--tier says where --add adds, which is missing")
	case s == "first":
		tier = rewrite.First
		slices.Reverse(tiers) // each comes before the one before it
	default:
		if tier, err = strconv.Atoi(s); err != nil || tier < 1 {
			return nil, failf(exitUsage, "--tier: %q is neither a number from 1 nor first", s)
		}
	}
	var list []rewrite.Addition
	for _, urls := range tiers {
		list = append(list, rewrite.Addition{URLs: urls, Tier: tier})
	}
	return list, nil
}

func replacements(pairs pairList) ([]rewrite.Replacement, error) {
	var list []rewrite.Replacement
	for _, p := range pairs {
		r := rewrite.Replacement{How: p.how, Old: p.old, New: p.new}
		switch {
		case p.name == "":
			return nil, failf(exitUsage, "--with: it belongs behind --replace, --replace-regex or --host")
		case !p.complete:
			return nil, withHint(failf(exitUsage, "--%s %s: with what", p.name, metainfo.MaskURL(p.old)), "--with NEW must follow it")
		case p.old == "":
			return nil, failf(exitUsage, "--%s: what to replace is empty", p.name)
		case p.how == rewrite.Host:
			for _, host := range []string{p.old, p.new} {
				if err := metainfo.CheckHost(host); err != nil {
					return nil, failf(exitUsage, "--host: %q %w", host, err)
				}
			}
		case p.how == rewrite.Regexp:
			var err error
			if r.Regexp, err = regexp.Compile(p.old); err != nil {
				return nil, failf(exitUsage, "--replace-regex: %w", err)
			}
		}
		list = append(list, r)
	}
	return list, nil
}

// readKeys reads what to change in the outer dict.
func readKeys(e *env, v flagValues) ([]rewrite.KeyEdit, error) {
	var keys []rewrite.KeyEdit
	for _, text := range []struct{ flag, key string }{{"comment", "comment"}, {"created-by", "created by"}} {
		if v.Bool("no-" + text.flag) {
			keys = append(keys, rewrite.KeyEdit{Key: text.key})
		} else if v.IsSet(text.flag) {
			keys = append(keys, rewrite.KeyEdit{Key: text.key, Value: rewrite.Text(v.String(text.flag))})
		}
	}
	if v.Bool("no-date") {
		keys = append(keys, rewrite.KeyEdit{Key: "creation date"})
	} else if v.IsSet("date") {
		t, err := parseTime(v.String("date"), e.now())
		if err != nil {
			return nil, failf(exitUsage, "--date: %w", err)
		}
		keys = append(keys, rewrite.KeyEdit{Key: "creation date", Value: rewrite.Integer(t.Unix())})
	}
	for _, s := range v.StringSlice("set") {
		key, value, ok := strings.Cut(s, "=")
		if !ok || key == "" {
			return nil, failf(exitUsage, "--set: %q is not KEY=VALUE", s)
		}
		raw, err := parseValue(value)
		if err != nil {
			return nil, failf(exitUsage, "--set %s: %w", key, err)
		}
		keys = append(keys, rewrite.KeyEdit{Key: key, Value: raw})
	}
	for _, key := range v.StringSlice("unset") {
		keys = append(keys, rewrite.KeyEdit{Key: key})
	}
	for _, k := range keys {
		if err := rewrite.CheckKey(k.Key); err != nil {
			return nil, failf(exitUsage, "--set and --unset: %w", err)
		}
	}
	return keys, nil
}

// parseValue reads int:N, hex:BYTES, str:TEXT or a plain text.
func parseValue(s string) ([]byte, error) {
	kind, rest, ok := strings.Cut(s, ":")
	switch {
	case ok && kind == "int":
		n, err := strconv.ParseInt(rest, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%q is not a whole number of 64 bits", rest)
		}
		return rewrite.Integer(n), nil
	case ok && kind == "hex":
		b, err := hex.DecodeString(rest)
		if err != nil {
			return nil, fmt.Errorf("%q is not hex", rest)
		}
		return rewrite.Bytes(b), nil
	case ok && kind == "str":
		s = rest
	}
	return rewrite.Text(s), nil
}

// readInfoKeys reads what to change in the info dict.
func readInfoKeys(v flagValues) ([]rewrite.KeyEdit, error) {
	var keys []rewrite.KeyEdit
	add := func(key string, value []byte) { keys = append(keys, rewrite.KeyEdit{Key: key, Value: value}) }
	switch {
	case v.Bool("private"):
		add("private", rewrite.Integer(1))
	case v.Bool("public"):
		add("private", nil)
	}
	switch {
	case v.Bool("no-source"):
		add("source", nil)
	case v.IsSet("source"):
		add("source", rewrite.Text(v.String("source")))
	}
	if v.IsSet("name") {
		name := v.String("name")
		if err := metainfo.CheckComponent(name); err != nil {
			return nil, failf(exitUsage, "--name: the name %q %w", name, err)
		}
		add("name", rewrite.Text(name))
	}
	return keys, nil
}

// isEmpty tells an edit that changes nothing whatever it is done to.
func isEmpty(e *rewrite.Edit) bool {
	t := &e.Trackers
	return e.Whole == nil && len(e.Rules)+len(e.WebSeeds)+len(e.HTTPSeeds)+len(e.Nodes)+len(e.Keys)+len(e.Info) == 0 &&
		!e.Entropy && !e.NoWebSeeds && !e.NoHTTPSeeds && !e.NoNodes &&
		!t.Set && len(t.Remove)+len(t.Replace)+len(t.Add) == 0 && t.Drop == nil && t.Passkey == "" && !t.Dedupe
}

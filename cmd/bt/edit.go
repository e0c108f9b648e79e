package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/urfave/cli/v2"

	"bt/internal/metainfo"
	"bt/rewrite"
)

// These flags describe an edit of a torrent. The actions of a rule in a rules
// file have the same names and meanings, so editFlags parses both.

// editFlags holds the values of the flags.
type editFlags struct {
	announce            [][]string // tiers
	noTrackers          bool
	from                option[string]
	remove, dropDead    []string
	pairs               []pair
	passkey             option[string]
	add                 [][]string
	tier                option[int]
	dedupe              bool
	webSeeds, httpSeeds []string
	noWebSeeds          bool
	noHTTPSeeds         bool
	nodes               []rewrite.Node
	noNodes             bool

	comment, createdBy     option[string]
	noComment, noCreatedBy bool
	date                   option[time.Time]
	noDate                 bool
	set, unset             []rewrite.KeyEdit

	private, public bool
	source          option[string]
	noSource        bool
	name            option[string]
	entropy         bool
}

func (f *editFlags) flags(now func() time.Time) []cli.Flag {
	pairFlag := func(name, usage string, how rewrite.How) cli.Flag {
		return &cli.GenericFlag{Name: name, Usage: usage, Value: listSetter{func(old string) error {
			f.pairs = append(f.pairs, pair{name: name, how: how, old: old})
			return nil
		}}}
	}
	return []cli.Flag{
		listFlag(&f.announce, tiers, "announce", "replace all trackers by `URL`; again for each further tier, commas inside one tier; @FILE has a tier on each line", "a"),
		switchFlag(&f.noTrackers, "no-trackers", "remove all trackers"),
		valueFlag(&f.from, text, "from", "replace all trackers by those of `TORRENT`"),
		listFlag(&f.remove, nonEmpties("the pattern"), "remove", "remove trackers that match `PATTERN`: a URL, else a host, else a glob such as '*.example.org'; again for more"),
		listFlag(&f.dropDead, texts, "drop-dead", "remove the trackers that are permanently dead in `FILE`, JSON of bt scrape; with two files that are an hour or more apart, also those that do not answer as trackers in both; each document of bt scrape --watch --json counts as a file. The last tracker of a torrent is removed only with --force"),
		pairFlag("replace", "replace the text `OLD` in trackers by that of the next --with; again for more", rewrite.HowLiteral),
		pairFlag("replace-regex", "replace matches of the regular expression `RE` in trackers by the next --with, in which $1 is a group", rewrite.HowRegexp),
		pairFlag("host", "replace the host `OLD` (HOST or HOST:PORT) of trackers by the next --with", rewrite.HowHost),
		&cli.GenericFlag{Name: "with", Usage: "the `NEW` text, or @FILE with it, for the --replace, --replace-regex or --host before it", Value: listSetter{f.setWith}},
		valueFlag(&f.passkey, passkey, "passkey", "replace the passkey in trackers by `NEW`, or by the text in @FILE; a tracker with two possible passkeys is not changed, and the exit code is 1"),
		listFlag(&f.add, tiers, "add", "add the tracker `URL` as a new last tier, unless it is already there; commas inside one tier"),
		valueFlag(&f.tier, tierNumber, "tier", "add into tier `N`, or as a new first one: first"),
		switchFlag(&f.dedupe, "dedupe", "remove duplicate trackers"),
		listFlag(&f.webSeeds, urls(webSeedSchemes...), "web-seed", "add the web seed `URL` (BEP 19), unless it is already there; again for more", "w"),
		switchFlag(&f.noWebSeeds, "no-web-seeds", "remove all web seeds, but for those of --web-seed"),
		listFlag(&f.httpSeeds, urls(httpSeedSchemes...), "http-seed", "add the HTTP seed `URL` (BEP 17), unless it is already there; again for more"),
		switchFlag(&f.noHTTPSeeds, "no-http-seeds", "remove all HTTP seeds, but for those of --http-seed"),
		listFlag(&f.nodes, nodes, "node", "add the DHT node `HOST:PORT` (BEP 5), unless it is already there; again for more"),
		switchFlag(&f.noNodes, "no-nodes", "remove all DHT nodes, but for those of --node"),
		valueFlag(&f.comment, text, "comment", "set the comment to `TEXT`"),
		switchFlag(&f.noComment, "no-comment", "remove the comment"),
		valueFlag(&f.createdBy, text, "created-by", "set the program that made it to `TEXT`"),
		switchFlag(&f.noCreatedBy, "no-created-by", "leave out the program that made it"),
		valueFlag(&f.date, timeReader(now), "date", "set the creation date to `TIME`: RFC 3339, YYYY-MM-DD, Unix seconds or now"),
		switchFlag(&f.noDate, "no-date", "leave out the creation date"),
		listFlag(&f.set, keyValue, "set", "set a key outside info, `KEY=VALUE`; the value is a text, or int:N, str:TEXT, hex:BYTES; again for more"),
		listFlag(&f.unset, keyName, "unset", "remove `KEY` outside info; again for more"),
		switchFlag(&f.private, "private", "use only peers from its trackers (BEP 27); needs --new-infohash, as the next ones do"),
		switchFlag(&f.public, "public", "remove private: use peers from all sources"),
		valueFlag(&f.source, text, "source", "set the source to `TEXT`"),
		switchFlag(&f.noSource, "no-source", "remove the source"),
		valueFlag(&f.name, component, "name", "call the torrent `NAME`"),
		switchFlag(&f.entropy, "entropy", "add random bytes, for another info-hash of the same content"),
	}
}

// A pair is a replacement as the user gave it.
type pair struct {
	name     string
	how      rewrite.How
	old, new string
	complete bool
}

// setWith sets NEW of the last pair.
func (f *editFlags) setWith(s string) error {
	last := len(f.pairs) - 1
	if last < 0 || f.pairs[last].complete {
		return errors.New("it must follow --replace, --replace-regex or --host")
	}
	s, err := secret(s)
	f.pairs[last].new, f.pairs[last].complete = s, true
	return err
}

// infoFlags returns the flags that change the info dict.
func (f *editFlags) infoFlags() []givenSwitch {
	return []givenSwitch{
		{"private", f.private}, {"public", f.public}, {"source", f.source.given}, {"no-source", f.noSource},
		{"name", f.name.given}, {"entropy", f.entropy},
	}
}

// passkey parses the value of --passkey.
func passkey(s string) (string, error) {
	s, err := secret(s)
	switch {
	case err != nil:
		return "", err
	case s == "":
		return "", errors.New("it is empty")
	case strings.ContainsFunc(s, unicode.IsControl):
		return "", errors.New("it holds a line break or another control character")
	}
	return s, nil
}

// tierNumber parses the value of --tier.
func tierNumber(s string) (int, error) {
	if s == "first" {
		return rewrite.First, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("%q is neither a number from 1 nor first", s)
	}
	return n, nil
}

// component parses the name of a torrent, which must be a valid path component.
func component(s string) (string, error) {
	if err := metainfo.CheckComponent(s); err != nil {
		return "", fmt.Errorf("the name %q %w", s, err)
	}
	return s, nil
}

// keyValue parses KEY=VALUE.
func keyValue(s string) ([]rewrite.KeyEdit, error) {
	key, value, ok := strings.Cut(s, "=")
	if !ok || key == "" {
		return nil, fmt.Errorf("%q is not KEY=VALUE", s)
	}
	raw, err := parseValue(value)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", key, err)
	}
	return []rewrite.KeyEdit{{Key: key, Value: raw}}, rewrite.CheckKey(key)
}

// keyName parses the KEY of --unset.
func keyName(s string) ([]rewrite.KeyEdit, error) {
	return []rewrite.KeyEdit{{Key: s}}, rewrite.CheckKey(s)
}

// edit returns the edit that the flags describe.
func (f *editFlags) edit(ctx context.Context, e *env) (edit rewrite.Edit, err error) {
	for _, both := range [][2]givenSwitch{
		{{"announce", len(f.announce) > 0}, {"no-trackers", f.noTrackers}},
		{{"announce", len(f.announce) > 0}, {"from", f.from.given}},
		{{"from", f.from.given}, {"no-trackers", f.noTrackers}},
		{{"comment", f.comment.given}, {"no-comment", f.noComment}},
		{{"created-by", f.createdBy.given}, {"no-created-by", f.noCreatedBy}},
		{{"date", f.date.given}, {"no-date", f.noDate}},
		{{"private", f.private}, {"public", f.public}},
		{{"source", f.source.given}, {"no-source", f.noSource}},
	} {
		if both[0].given && both[1].given {
			return edit, failf(exitUsage, "--%s and --%s contradict each other", both[0].name, both[1].name)
		}
	}
	edit = rewrite.Edit{
		WebSeeds: f.webSeeds, NoWebSeeds: f.noWebSeeds,
		HTTPSeeds: f.httpSeeds, NoHTTPSeeds: f.noHTTPSeeds,
		Nodes: f.nodes, NoNodes: f.noNodes,
		Keys: f.keys(), Info: f.infoKeys(), Entropy: f.entropy,
	}
	edit.Trackers, err = f.trackers(ctx, e)
	return edit, err
}

func (f *editFlags) trackers(ctx context.Context, e *env) (t rewrite.TrackerEdit, err error) {
	t = rewrite.TrackerEdit{
		Tiers: f.announce, Set: len(f.announce) > 0 || f.noTrackers,
		Remove: f.remove, Passkey: f.passkey.value, Dedupe: f.dedupe,
	}
	if f.from.given {
		from, err := readTorrent(ctx, e, f.from.value)
		if err != nil {
			return t, err
		}
		t.Tiers, t.Set = from.Trackers(), true
	}
	if len(f.dropDead) > 0 {
		var scrapes []*scrapeReport
		for _, name := range f.dropDead {
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
	if t.Replace, err = replacements(f.pairs); err != nil {
		return t, err
	}
	t.Add, err = f.additions()
	return t, err
}

func (f *editFlags) additions() ([]rewrite.Addition, error) {
	if f.tier.given && len(f.add) == 0 {
		return nil, failf(exitUsage, "--tier is for --add, which is missing")
	}
	var list []rewrite.Addition
	for _, urls := range f.add {
		list = append(list, rewrite.Addition{URLs: urls, Tier: f.tier.value})
	}
	if f.tier.value == rewrite.First {
		slices.Reverse(list) // each is inserted before the one before it
	}
	return list, nil
}

func replacements(pairs []pair) ([]rewrite.Replacement, error) {
	var list []rewrite.Replacement
	for _, p := range pairs {
		r := rewrite.Replacement{How: p.how, Old: p.old, New: p.new}
		switch {
		case !p.complete:
			return nil, withHint(failf(exitUsage, "--%s %s: with what", p.name, metainfo.MaskURL(p.old)), "--with NEW must follow it")
		case p.old == "":
			return nil, failf(exitUsage, "--%s: what to replace is empty", p.name)
		case p.how == rewrite.HowHost:
			for _, host := range []string{p.old, p.new} {
				if err := metainfo.CheckHost(host); err != nil {
					return nil, failf(exitUsage, "--host: %q %w", host, err)
				}
			}
		case p.how == rewrite.HowRegexp:
			var err error
			if r.Regexp, err = regexp.Compile(p.old); err != nil {
				return nil, failf(exitUsage, "--replace-regex: %w", err)
			}
		}
		list = append(list, r)
	}
	return list, nil
}

// keys returns the edits of the outer dict.
func (f *editFlags) keys() []rewrite.KeyEdit {
	var keys []rewrite.KeyEdit
	text := func(key string, text option[string], remove bool) {
		switch {
		case remove:
			keys = append(keys, rewrite.KeyEdit{Key: key})
		case text.given:
			keys = append(keys, rewrite.KeyEdit{Key: key, Value: rewrite.Text(text.value)})
		}
	}
	text("comment", f.comment, f.noComment)
	text("created by", f.createdBy, f.noCreatedBy)
	switch {
	case f.noDate:
		keys = append(keys, rewrite.KeyEdit{Key: "creation date"})
	case f.date.given:
		keys = append(keys, rewrite.KeyEdit{Key: "creation date", Value: rewrite.Integer(f.date.value.Unix())})
	}
	return slices.Concat(keys, f.set, f.unset)
}

// parseValue parses int:N, hex:BYTES, str:TEXT or a plain text, and returns it as
// bencode.
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

// infoKeys returns the edits of the info dict.
func (f *editFlags) infoKeys() []rewrite.KeyEdit {
	var keys []rewrite.KeyEdit
	add := func(key string, value []byte) { keys = append(keys, rewrite.KeyEdit{Key: key, Value: value}) }
	switch {
	case f.private:
		add("private", rewrite.Integer(1))
	case f.public:
		add("private", nil)
	}
	switch {
	case f.noSource:
		add("source", nil)
	case f.source.given:
		add("source", rewrite.Text(f.source.value))
	}
	if f.name.given {
		add("name", rewrite.Text(f.name.value))
	}
	return keys
}

// isEmpty reports whether an edit changes no torrent.
func isEmpty(e *rewrite.Edit) bool {
	t := &e.Trackers
	return e.Whole == nil && len(e.Rules)+len(e.WebSeeds)+len(e.HTTPSeeds)+len(e.Nodes)+len(e.Keys)+len(e.Info) == 0 &&
		!e.Entropy && !e.NoWebSeeds && !e.NoHTTPSeeds && !e.NoNodes &&
		!t.Set && len(t.Remove)+len(t.Replace)+len(t.Add) == 0 && t.Drop == nil && t.Passkey == "" && !t.Dedupe
}

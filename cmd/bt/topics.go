package main

import (
	"fmt"

	"bt/internal/metainfo"
)

// A topic is a page of bt help that is not of a command.
type topic struct {
	name, usage string
	fill        func(p *helpPage)
}

// topics lists the topics. The schemas of jsonSchemas are topics too, and are listed by
// the topic json.
var topics = []topic{
	{"units", "how sizes, rates, times and durations are written", fillUnits},
	{"exit-codes", "the exit codes, and what 1 means for each command", fillExitCodes},
	{"json", "the JSON of each command: its keys, errors and schemas", fillJSON},
	{"magnet", "magnet links: what is read, and what is in those of bt", fillMagnet},
	{"findings", "the findings of make and info, and the codes for --allow", fillFindings},
	{"report-csv", "the columns of bt verify --report FILE.csv", fillReport},
	{"config-schema", "the JSON schema of presets, tracker rules and batch files", fillConfig},
}

// page returns the page of a topic.
func (t *topic) page() *helpPage {
	p := &helpPage{name: t.name, summary: t.usage}
	t.fill(p)
	return p
}

// topicNames returns the names of all topics.
func topicNames() (names []string) {
	for _, t := range topics {
		names = append(names, t.name)
	}
	for _, s := range jsonSchemas {
		names = append(names, s.name+"-schema")
	}
	return names
}

// topicHelp returns the text of a topic.
func topicHelp(name string, width int) (text string, ok bool) {
	if name == "config-schema" {
		return configSchema(), true
	}
	for _, t := range topics {
		if t.name == name {
			return t.page().text(width), true
		}
	}
	return jsonSchemaHelp(name)
}

func fillUnits(p *helpPage) {
	p.table("sizes", [][2]string{
		{"262144", "bytes"},
		{"256K, 256KiB", "units of 1024: K, M, G and T, alone or with iB"},
		{"256KB, 1.5MB", "units of 1000"},
		{"2^18", "a power of two"},
	})
	p.table("rates", [][2]string{
		{"2M, 2MiB/s", "bytes per second, with the units of sizes"},
		{"500kbit, 16mbit, 1gbit", "bits per second, in units of 1000"},
	})
	p.table("times", [][2]string{
		{"2026-01-31T12:00:00Z", "RFC 3339"},
		{"2026-01-31", "the beginning of the day in UTC"},
		{"1769817600", "seconds since 1970, as Unix counts them"},
		{"now", "the current time"},
	})
	p.table("durations", [][2]string{
		{"1h30m, 2.5s, 300ms", "hours, minutes, seconds, milliseconds"},
		{"2d", "days of 24 hours"},
	})
	p.paragraph("bt prints sizes in units of 1024 with one decimal, such as 1.5 MiB, and the exact number of bytes beside it where that matters. JSON and CSV have plain numbers.")
}

func fillExitCodes(p *helpPage) {
	p.paragraph("Scripts may rely on the exit codes. With several inputs all are tried, each failure is reported, and the highest code is used. In JSON the code of an error is the name of its exit code.")
	var rows [][2]string
	for _, e := range exits {
		text := e.meaning
		if e.name != "" {
			text = e.name + ": " + text
		}
		rows = append(rows, [2]string{fmt.Sprint(e.code), text})
	}
	p.table("exit codes, and their names in JSON", rows)
	p.table("what 1 means", [][2]string{
		{"bt make", "--strict refused the torrent, and nothing was written"},
		{"bt info", "there are findings that --strict counts, or with --diff the two inputs differ"},
		{"bt verify", "not every file is ok"},
		{"bt retracker", "a tracker with two possible passkeys was not changed"},
		{"bt scrape", "no tracker answered with numbers, and with --availability no peer, and with --dht the DHT knows none; without a torrent, none answered as a tracker does, with numbers or a refusal"},
	})
}

func fillMagnet(p *helpPage) {
	p.paragraph("A magnet link names a torrent by its info-hash (BEP 9). bt info, bt get, bt retracker and bt scrape take links as arguments. A shell needs quotes around a link, because & ends a command. bt info - and bt scrape - read one link per line, and bt get - reads one link.")
	p.table("keys", [][2]string{
		{"xt", "the info-hash: urn:btih: and 40 hex digits or 32 letters of base32 (v1), or urn:btmh:1220 and 64 hex digits (v2, BEP 52); the link of a hybrid torrent has both"},
		{"dn", "the name"},
		{"xl", "the size in bytes"},
		{"tr", "the URL of a tracker; again for more"},
		{"ws", "the URL of a web seed (BEP 19); again for more"},
		{"so", "the files to download (BEP 53), unless bt get --files chooses others"},
		{"x.pe", "the address of a peer, as HOST:PORT; again for more"},
	})
	p.paragraph("A link may be pasted with blanks, quotes or &amp; in it. What is wrong with a link is a finding (bt help findings).")
	p.paragraph("The links of bt make, bt info and bt seed carry the name, the size, the trackers and the web seeds. On a terminal, and in the events of bt seed, trackers whose URLs hold a secret are left out, and a line says so; with --reveal they are there. JSON and bt info --magnet to a file or pipe always have them.")
	p.paragraph("bt info --magnet prints only the link. bt retracker edits the trackers and web seeds of a link, and prints the edited link.")
}

//go:generate go test . -run ^TestFindingsDoc$ -update

// aboutFindings is the beginning of the list of findings, here and in docs.
const aboutFindings = "The findings of bt make and bt info. --strict counts warnings and errors, except those whose codes --allow names."

// fillFindings writes a table of all findings.
func fillFindings(p *helpPage) {
	p.paragraph(aboutFindings)
	var rows [][2]string
	for _, k := range metainfo.Kinds {
		rows = append(rows, [2]string{string(k.Code), fmt.Sprintf("%s: %s", k.Severity, k.Meaning)}, [2]string{"", k.Advice})
	}
	p.table("findings", rows)
}

// fillConfig writes the keys of a config file, for the man page: bt help config-schema
// prints the schema.
func fillConfig(p *helpPage) {
	p.paragraph("bt help config-schema prints a JSON schema of the files of bt make --config and --batch, for editors. They are YAML or TOML, with the keys presets, trackers and jobs. Presets, the defaults of trackers and jobs have flags of bt make as keys, without dashes. A + before a key adds to a list. ${env:NAME} is an environment variable.")
	var rows [][2]string
	for _, k := range makeVocabulary().Keys {
		rows = append(rows, [2]string{k.Name, k.Usage})
	}
	p.table("keys of presets and jobs", rows)
}

package verifyreport

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"bt/inspect"
	"bt/internal/testenv"
)

func TestPageInBrowser(t *testing.T) {
	t.Parallel()
	b := testenv.Chromium(t)
	long := demoTorrent()
	huge := rangeOf(0, 1<<20, inspect.CauseCorrupt)
	huge.Offset = 1 << 60
	huge.Pieces = []int{1 << 40, 1<<40 + 1<<20}
	long.Verdict.File = func(int) inspect.FileVerdict {
		return inspect.FileVerdict{Path: "huge", Status: inspect.StatusCorrupt, Size: 1 << 61, Found: 1 << 61, Certain: true, Bad: []inspect.Range{huge}}
	}
	long.Name = strings.Repeat("Ñ", 300) + strings.Repeat("W", 400)
	failed := &Torrent{Path: "/srv/torrents/broken.torrent", Result: "error", Summary: "/srv/torrents/broken.torrent: bad bencode at byte 0: " + strings.Repeat("x", 300)}
	reports := map[string]string{
		"demo":  reportOf(t, HTML, demoTorrent()),
		"small": reportOf(t, HTML, torrentOf(verdict([]file{ok("a", 5_000_000), {path: "b", size: 3_000_000, status: inspect.StatusMissing, bad: []inspect.Range{{Length: 3_000_000, Cause: inspect.CauseMissing}}}}))),
		"ok":    reportOf(t, HTML, torrentOf(verdict([]file{ok("a", 5_000_000_000)}))),
		"many":  reportOf(t, HTML, demoTorrent(), torrentOf(verdict([]file{ok("a", 1)})), failed, long, doubtful()),
		"none":  reportOf(t, HTML),

		"missing":  reportOf(t, HTML, torrentOf(verdict([]file{absent("a", 5_000_000), absent("dir/b", 3_000_000_000), {path: "empty", status: inspect.StatusMissing}}))),
		"mended":   reportOf(t, HTML, mendedTorrent(false)),
		"dry":      reportOf(t, HTML, mendedTorrent(true)),
		"hostile":  reportOf(t, HTML, hostileTorrent("<b onclick='x'>\u202egpj.exe\x1b[2J日本語</b> "+strings.Repeat("long", 60))),
		"thousand": reportOf(t, HTML, mixedTorrent(1000)),
	}
	// A narrower window, and a wider one.
	windows := append(slices.Clone(testenv.Windows), testenv.Windows[0], testenv.Windows[4])
	windows[5].Name, windows[5].Width = "360", 360
	windows[6].Name, windows[6].Width = "1600-dark", 1600
	for name, report := range reports {
		for _, w := range windows {
			b.Window(w.Width, w.Height, w.Dark)
			b.OpenPage(report)
			if problems := b.UnreadableParts(); len(problems) > 0 {
				t.Errorf("%s in the window %s: %q", name, w.Name, problems)
			}
			b.Screenshot(name + "-" + w.Name)
		}
	}
	// Light and dark differ.
	var colors []string
	for _, dark := range []bool{false, true} {
		b.Window(1280, 900, dark)
		b.OpenPage(reports["demo"])
		var color string
		b.Eval(`getComputedStyle(document.body).backgroundColor + getComputedStyle(document.querySelector("svg.pieces .bad")).fill`, &color)
		colors = append(colors, color)
	}
	if colors[0] == colors[1] {
		t.Errorf("light and dark are both %s", colors[0])
	}
	b.CheckOffline()
}

// A page is printed dark on light, also by a browser that prefers dark colours, and its
// pictures keep their colours.
func TestPageInPrint(t *testing.T) {
	t.Parallel()
	b := testenv.Chromium(t)
	b.Window(794, 1123, true) // A4
	b.OpenPage(reportOf(t, HTML, demoTorrent(), mendedTorrent(false)))
	b.Print(true)
	if problems := b.UnreadableParts(); len(problems) > 0 {
		t.Errorf("printed: %q", problems)
	}
	var light, exact bool
	b.Eval(`getComputedStyle(document.body).backgroundColor === "rgb(251, 251, 250)" && getComputedStyle(document.body).color === "rgb(28, 29, 31)"`, &light)
	b.Eval(`[...document.querySelectorAll("svg, .verdict strong")].every(e => getComputedStyle(e).printColorAdjust === "exact")`, &exact)
	if !light || !exact {
		t.Errorf("dark on light: %t, colours of pictures: %t", light, exact)
	}
	b.Screenshot("print")
	b.CheckOffline()
}

// The links of a list of torrents can be reached by the keyboard, and lead to the
// sections. What is not ok is first.
func TestListOfTorrents(t *testing.T) {
	t.Parallel()
	b := testenv.Chromium(t)
	fine := torrentOf(verdict([]file{ok("a", 1)}))
	fine.Name, fine.Path = "fine", "/srv/torrents/fine.torrent"
	b.OpenPage(reportOf(t, HTML, fine, demoTorrent(), &Torrent{Path: "/srv/torrents/broken.torrent", Result: "error", Summary: "bad bencode"}))
	for what, expression := range map[string]string{
		"the list is first":           `document.querySelector("main > section").querySelector("table.torrents") !== null`,
		"what is not ok is first":     `[...document.querySelectorAll(".torrents td.status")].map(e => e.firstChild.data).join() === "damaged,error,ok"`,
		"so are the sections":         `[...document.querySelectorAll("section.torrent")].map(e => e.id).join() === "t2,t3,t1"`,
		"each link leads to a name":   `[...document.querySelectorAll(".torrents a")].every(e => document.querySelector(e.hash + " h2").textContent === e.textContent)`,
		"each link can be focused":    `[...document.querySelectorAll(".torrents a")].every(e => { e.focus(); return document.activeElement === e && e.tabIndex === 0; })`,
		"each row has the path":       `document.querySelector(".torrents tbody tr:last-child small").textContent === "/srv/torrents/fine.torrent"`,
		"each section has a name":     `[...document.querySelectorAll("section")].every(e => document.getElementById(e.getAttribute("aria-labelledby")))`,
		"the pictures are described":  `[...document.querySelectorAll("svg.pieces")].every(e => e.getAttribute("role") === "img" && e.getAttribute("aria-label"))`,
		"headings leave no level out": `[...document.querySelectorAll("h1, h2, h3")].map(e => +e.tagName[1]).every((n, i, all) => n <= (all[i - 1] ?? 0) + 1)`,
	} {
		var holds bool
		if b.Eval(expression, &holds); !holds {
			t.Errorf("not so: %s", what)
		}
	}
	b.CheckOffline()
}

// mixedTorrent returns a torrent with files of every status.
func mixedTorrent(n int) *Torrent {
	var files []file
	for i := range n {
		f := ok(fmt.Sprintf("disc %d/%04d some title of a track.flac", i%7, i), int64(i*37_777+1))
		whole := func(c inspect.Cause) []inspect.Range { return []inspect.Range{{Length: f.size, Cause: c}} }
		switch i % 9 {
		case 1:
			f.status, f.found, f.bad = inspect.StatusMissing, 0, whole(inspect.CauseMissing)
		case 2:
			f.status, f.bad = inspect.StatusCorrupt, whole(inspect.CauseCorrupt)
		case 3:
			f.status, f.bad, f.err = inspect.StatusUnreadable, whole(inspect.CauseUnreadable), errors.New("input/output error")
		case 4:
			f.status, f.doubt, f.bad = inspect.StatusUnverifiable, true, whole(inspect.CauseUnverifiable)
		}
		files = append(files, f)
	}
	return torrentOf(verdict(files))
}

// doubtful returns a torrent with a piece that many files share.
func doubtful() *Torrent {
	var files []file
	for range 300 {
		files = append(files, file{path: "small/file", size: 1000, found: 1000, status: inspect.StatusUnverifiable, doubt: true})
	}
	v := verdict(files, inspect.BadPiece{Index: 7, Cause: inspect.CauseUnverifiable, Files: slices.Values([]string{"small/a", "small/b"}), FileCount: 300, Doubtful: true})
	return torrentOf(v)
}

func TestPageShowsTheDamage(t *testing.T) {
	t.Parallel()
	b := testenv.Chromium(t)
	b.OpenPage(reportOf(t, HTML, demoTorrent()))
	for what, expression := range map[string]string{
		"the damaged files are first":       `[...document.querySelectorAll(".files td.status")].slice(0, 6).map(e => e.textContent).join() === "corrupt,missing,short,unreadable,long,unverifiable"`,
		"every file is listed":              `document.querySelectorAll(".files tbody tr").length === 25`,
		"the picture has tooltips":          `[...document.querySelectorAll("svg.pieces .bad title")].some(e => e.textContent.includes("at worst bad"))`,
		"the picture has every cell":        `[...document.querySelectorAll("svg.pieces path")].map(e => e.getAttribute("d").split("M").length - 1).reduce((a, b) => a + b) === 640`,
		"each table has column headers":     `[...document.querySelectorAll("table")].every(e => e.querySelectorAll("thead th[scope=col]").length > 3)`,
		"each row has a header":             `[...document.querySelectorAll("tbody tr")].every(e => e.querySelector("th[scope=row]"))`,
		"the legend has a shape per state":  `new Set([...document.querySelectorAll(".legend path")].map(e => e.getAttribute("d"))).size === 5`,
		"the ranges are listed":             `document.body.textContent.includes("bytes 11,534,336-12,582,911: corrupt, piece")`,
		"the error is shown":                `document.body.textContent.includes("input/output error")`,
		"the facts are shown":               `document.querySelector(".facts").textContent.includes("https://tracker.example.org/****/announce")`,
		"the proof is shown":                `document.querySelector(".facts").textContent.includes("every byte was read and hashed")`,
		"the other name is shown":           `document.body.textContent.includes("on disk: Planet.Survey.S01/Planet.Survey.S01E22.1080p.BluRay.x264.mkv.part")`,
		"there is no script":                `document.scripts.length === 0`,
		"the title begins with the verdict": `document.title === "damaged: Planet.Survey.S01.1080p.BluRay.x264-GROUP - bt verify"`,
	} {
		var holds bool
		if b.Eval(expression, &holds); !holds {
			t.Errorf("not so: %s", what)
		}
	}
	b.CheckOffline()
}

func TestPageShowsHostileTextAsText(t *testing.T) {
	t.Parallel()
	b := testenv.Chromium(t)
	const evil = "<script>document.title='pwned'</script><img src=http://evil.invalid/x onerror=alert(1)>\" onload='x' {{.}} \u202egpj.exe\x1b[2J\n"
	x := torrentOf(verdict([]file{
		ok(evil, 1), {path: "b" + evil, size: 5, at: "c" + evil, status: inspect.StatusMissing, bad: []inspect.Range{{Length: 5, Cause: inspect.CauseMissing}}},
	}, inspect.BadPiece{Index: 0, Cause: inspect.CauseCorrupt, Files: slices.Values([]string{evil, evil}), FileCount: 2, Doubtful: true}))
	x.Name, x.Path, x.Summary, x.Result, x.Proof, x.Verdict.Content, x.Verdict.Extra = evil, evil, evil, evil, evil, evil, []string{evil}
	x.Facts = [][2]string{{evil, evil}}
	b.OpenPage(reportOf(t, HTML, x, &Torrent{Path: evil, Result: evil, Summary: evil}))
	var text, title string
	var made int
	b.Eval(`document.body.textContent`, &text)
	b.Eval(`document.title`, &title)
	b.Eval(`document.querySelectorAll("script, img, [onerror], [onload]").length`, &made)
	if want := `<script>document.title='pwned'</script><img src=http://evil.invalid/x onerror=alert(1)>" onload='x' {{.}} \u202egpj.exe\x1b[2J\n`; strings.Count(text, want) < 12 {
		t.Errorf("the page has the text %d times: %q", strings.Count(text, want), text)
	}
	if strings.ContainsAny(text, "\u202e\x1b") || strings.HasPrefix(title, "pwned") || made > 0 {
		t.Errorf("%q, %q, %d elements", title, text, made)
	}
	b.CheckOffline()
}

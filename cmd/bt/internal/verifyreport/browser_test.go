package verifyreport

import (
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bt/inspect"
	"bt/internal/testenv"
)

// open shows a report in a browser, from a file.
func open(t *testing.T, b *testenv.Browser, report string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "report.html")
	if err := os.WriteFile(path, []byte(report), 0o644); err != nil {
		t.Fatal(err)
	}
	b.Open((&url.URL{Scheme: "file", Path: filepath.ToSlash(path)}).String())
}

// unreadableParts returns what is hard to read: it checks that nothing is wider than the window, and that the contrast of each
// text with its background is at least 4.5, as WCAG wants it.
const unreadableParts = `(() => {
	const problems = [document.documentElement, document.body, ...document.querySelectorAll("body *")]
		.filter(e => getComputedStyle(e).display !== "inline" && e.getBoundingClientRect().right > innerWidth + 0.5 && !e.closest("thead, svg"))
		.map(e => e.tagName + "." + e.className + " ends at " + e.getBoundingClientRect().right);
	const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
	const rgb = color => {
		canvas.clearRect(0, 0, 1, 1);
		canvas.fillStyle = color;
		canvas.fillRect(0, 0, 1, 1);
		return canvas.getImageData(0, 0, 1, 1).data;
	};
	const light = color => {
		const [r, g, b] = [...rgb(color)].map(c => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
		return 0.2126 * r + 0.7152 * g + 0.0722 * b;
	};
	const seen = new Set();
	for (const e of document.querySelectorAll("body *")) {
		if (![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()) || e.closest("svg, thead")) continue;
		let back = e;
		while (back.parentElement && rgb(getComputedStyle(back).backgroundColor)[3] === 0) back = back.parentElement;
		const [x, y] = [light(getComputedStyle(e).color), light(getComputedStyle(back).backgroundColor)].sort((a, b) => b - a);
		const contrast = (x + 0.05) / (y + 0.05);
		if (contrast < 4.5) seen.add(e.tagName + "." + e.className + " has the contrast " + contrast.toFixed(2));
	}
	return problems.concat([...seen]);
})()`

func TestPageInBrowser(t *testing.T) {
	t.Parallel()
	b := testenv.Chromium(t)
	long := demoTorrent()
	long.Name = strings.Repeat("Ñ", 300) + strings.Repeat("W", 400)
	failed := &Torrent{Path: "/srv/torrents/broken.torrent", Result: "error", Summary: "/srv/torrents/broken.torrent: bad bencode at byte 0: " + strings.Repeat("x", 300)}
	reports := map[string]string{
		"demo":  reportOf(t, HTML, demoTorrent()),
		"small": reportOf(t, HTML, torrentOf(verdict([]file{ok("a", 5_000_000), {path: "b", size: 3_000_000, status: inspect.StatusMissing, bad: []inspect.Range{{Length: 3_000_000, Cause: inspect.CauseMissing}}}}))),
		"ok":    reportOf(t, HTML, torrentOf(verdict([]file{ok("a", 5_000_000_000)}))),
		"many":  reportOf(t, HTML, demoTorrent(), torrentOf(verdict([]file{ok("a", 1)})), failed, long, doubtful()),
		"none":  reportOf(t, HTML),
	}
	for name, report := range reports {
		for _, w := range testenv.Windows {
			b.Window(w.Width, w.Height, w.Dark)
			open(t, b, report)
			var problems []string
			if b.Eval(unreadableParts, &problems); len(problems) > 0 {
				t.Errorf("%s in the window %s: %q", name, w.Name, problems)
			}
			b.Screenshot(name + "-" + w.Name)
		}
	}
	// Light and dark differ.
	var colors []string
	for _, dark := range []bool{false, true} {
		b.Window(1280, 900, dark)
		open(t, b, reports["demo"])
		var color string
		b.Eval(`getComputedStyle(document.body).backgroundColor + getComputedStyle(document.querySelector("svg.pieces .bad")).fill`, &color)
		colors = append(colors, color)
	}
	if colors[0] == colors[1] {
		t.Errorf("light and dark are both %s", colors[0])
	}
	checkPage(t, b)
}

// checkPage checks that the pages caused no problems, and requested nothing.
func checkPage(t *testing.T, b *testenv.Browser) {
	t.Helper()
	for _, problem := range b.Problems() {
		t.Errorf("the page: %s", problem)
	}
	for _, r := range b.Requests() {
		if !strings.HasPrefix(r, "file:") && !strings.HasPrefix(r, "data:") && r != "about:blank" {
			t.Errorf("the page asked for %s", r)
		}
	}
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
	open(t, b, reportOf(t, HTML, demoTorrent()))
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
	checkPage(t, b)
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
	open(t, b, reportOf(t, HTML, x, &Torrent{Path: evil, Result: evil, Summary: evil}))
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
	checkPage(t, b)
}

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"bt/inspect"
	"bt/internal/testenv"
)

// pageOf returns the page that bt info --html writes.
func pageOf(tb testing.TB, args ...string) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "page.html")
	e, _, stderr := testEnv(append([]string{"info", "-q", "--html", path}, args...)...)
	run(e)
	page, err := os.ReadFile(path)
	if err != nil {
		tb.Fatalf("%v\n%s", err, stderr)
	}
	return string(page)
}

// writeTorrent writes bencode to a file.
func writeTorrent(tb testing.TB, name, data string) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), name)
	if err := os.WriteFile(path, []byte(data), 0o644); err != nil {
		tb.Fatal(err)
	}
	return path
}

func bencodeText(s string) string { return fmt.Sprintf("%d:%s", len(s), s) }

// filesTorrent is a torrent of files of 1 MiB, given by their paths.
func filesTorrent(name string, paths []string, outside string) string {
	var list strings.Builder
	for _, path := range paths {
		list.WriteString("d6:lengthi1048576e4:pathl")
		for c := range strings.SplitSeq(path, "/") {
			list.WriteString(bencodeText(c))
		}
		list.WriteString("ee")
	}
	return "d" + outside + "4:infod5:filesl" + list.String() + "e4:name" + bencodeText(name) + "12:piece lengthi262144e6:pieces" +
		bencodeText(strings.Repeat("a", 80*len(paths))) + "e"
}

const hostileText = "<script>document.title='pwned'</script><img src=http://evil.invalid/x onerror=alert(1)>\" onload='x' {{.}} \u202egpj.exe\x1b[2J\n</title></style><!--"

// The kinds of pages that are looked at.
func demoPages(t *testing.T) map[string]string {
	t.Helper()
	var season, many []string
	for i := range 24 {
		season = append(season, fmt.Sprintf("Season 1/Planet.Survey.S01E%02d.1080p.BluRay.x264-GROUP.mkv", i+1), fmt.Sprintf("Season 1/Subs/Planet.Survey.S01E%02d.srt", i+1))
	}
	for i := range 6000 {
		many = append(many, fmt.Sprintf("disc%d/photo-%04d.jpg", i/1000, i))
	}
	trackers := "8:announce" + bencodeText("https://tracker.example.org/0123456789abcdef0123/announce") +
		"13:announce-listll" + bencodeText("https://tracker.example.org/0123456789abcdef0123/announce") + "el" + bencodeText("udp://open.example.net:6969/announce") + "ee" +
		"7:comment" + bencodeText("The whole first season, with subtitles") + "10:created by8:bt/0.1.013:creation datei1700000000e"
	demo := writeTorrent(t, "demo.torrent", filesTorrent("Planet.Survey.S01.1080p.BluRay.x264-GROUP", season, trackers)+"e")
	hostile := writeTorrent(t, "hostile.torrent", filesTorrent(hostileText, []string{"a" + hostileText[:20] + "/b", strings.Repeat("W", 400) + "/" + strings.Repeat("d/", 40) + "x", "CON", "con", "../up"},
		"8:announce"+bencodeText(hostileText)+"7:comment"+bencodeText(hostileText))+bencodeText("x"+strings.ReplaceAll(hostileText, "/", ""))+"i1ee")
	thousands := writeTorrent(t, "thousands.torrent", filesTorrent("photos", many, "")+"e")
	single := writeTorrent(t, "single.torrent", "d4:infod6:lengthi5e4:name10:readme.txt12:piece lengthi16384e6:pieces20:aaaaaaaaaaaaaaaaaaaaee")
	magnet := "magnet:?xt=urn:btih:c12fe1c06bba254a9dc9f519b335aa7c1367a88a&dn=Some+name&tr=https%3A%2F%2Ft.example%2F0123456789abcdef0123%2Fannounce"
	bad := writeTorrent(t, "bad.torrent", "<html>"+strings.Repeat("x", 300))
	return map[string]string{
		"demo": pageOf(t, demo), "hostile": pageOf(t, hostile), "thousands": pageOf(t, thousands), "single": pageOf(t, single), "magnet": pageOf(t, magnet),
		"several": pageOf(t, demo, hostile, single, magnet, bad, filepath.Join(t.TempDir(), "none.torrent")),
	}
}

func TestInfoPageInBrowser(t *testing.T) {
	t.Parallel()
	b := testenv.Chromium(t)
	pages := demoPages(t)
	for name, page := range pages {
		for _, w := range testenv.Windows {
			b.Window(w.Width, w.Height, w.Dark)
			b.OpenPage(page)
			if problems := b.UnreadableParts(); len(problems) > 0 {
				t.Errorf("%s in the window %s: %q", name, w.Name, problems)
			}
			b.Screenshot("info-" + name + "-" + w.Name)
		}
	}
	// Light and dark differ.
	var colors []string
	for _, dark := range []bool{false, true} {
		b.Window(1280, 900, dark)
		b.OpenPage(pages["hostile"])
		var color string
		b.Eval(`getComputedStyle(document.body).backgroundColor + getComputedStyle(document.querySelector(".finding.error strong")).color`, &color)
		colors = append(colors, color)
	}
	if colors[0] == colors[1] {
		t.Errorf("light and dark are both %s", colors[0])
	}
	for _, c := range []struct{ page, what, expression string }{
		{"demo", "the title is the name", `document.title === "Planet.Survey.S01.1080p.BluRay.x264-GROUP - bt info"`},
		{"demo", "each file is in the tree", `document.querySelectorAll(".tree li:not(:has(> details))").length === 48`},
		{"demo", "the tree is open", `[...document.querySelectorAll(".tree details")].every(e => e.open)`},
		{"demo", "directories have their number of files", `document.querySelector(".tree details details summary").textContent === "Season 1/ 48 files"`},
		{"demo", "trackers are masked", `document.querySelector(".trackers").textContent.includes("https://tracker.example.org/****/announce")`},
		{"demo", "trackers have tiers", `[...document.querySelectorAll(".trackers td")].map(e => e.textContent).join() === "1,2"`},
		{"demo", "the link lacks the tracker with a secret", `(a => a.startsWith("magnet:?xt=urn:btih:") && a.includes("open.example.net") && !a.includes("tracker.example.org"))(document.querySelector(".magnet a").href)`},
		{"demo", "the link fills its first line", `(a => a.getClientRects()[0].width > a.parentElement.clientWidth - 40)(document.querySelector(".magnet a"))`},
		{"demo", "no secret is on the page", `!document.documentElement.outerHTML.includes("0123456789abcdef0123")`},
		{"demo", "there is no script", `document.scripts.length === 0`},
		{"hostile", "errors are first", `document.querySelector(".finding").classList.contains("error")`},
		{"hostile", "findings say what to do", `document.querySelector(".finding.error p").textContent.length > 20`},
		{"hostile", "hostile text is text", `document.body.textContent.includes("<script>document.title='pwned'</script><img src=http://evil.invalid/x onerror=alert(1)>")`},
		{"hostile", "it makes no element", `document.querySelectorAll("script, img, [onerror], [onload]").length === 0`},
		{"hostile", "it is escaped", `document.body.textContent.includes("\\u202egpj.exe\\x1b[2J\\n")`},
		{"thousands", "the tree is bounded", `document.querySelectorAll(".tree li:not(:has(> details))").length === 5000`},
		{"thousands", "what is left out is counted", `document.body.textContent.includes("… and 1,000 more files.")`},
		{"thousands", "only the root is open", `document.querySelectorAll(".tree details[open]").length === 1`},
		{"magnet", "the note says what the link lacks", `document.body.textContent.includes("1 tracker with secrets left out of the magnet link")`},
		{"several", "each torrent has a row", `document.querySelectorAll(".torrents tbody tr").length === 6`},
		{"several", "each row leads to its section", `[...document.querySelectorAll(".torrents a")].every(e => document.querySelector(e.getAttribute("href")))`},
		{"several", "errors are shown", `document.querySelector(".torrents").textContent.includes("no such file or directory")`},
	} {
		b.OpenPage(pages[c.page])
		var holds bool
		if b.Eval(c.expression, &holds); !holds {
			t.Errorf("%s: not so: %s", c.page, c.what)
		}
	}
	b.CheckOffline()
}

// pageElements are the elements of a page with their attributes.
var pageElements = map[string][]string{
	"html": {"lang"}, "head": nil, "meta": {"charset", "http-equiv", "content", "name"}, "title": nil, "link": {"rel", "href"}, "style": nil,
	"body": nil, "header": nil, "main": nil, "footer": {"class"}, "section": {"class", "id", "aria-labelledby"}, "h1": nil, "h2": {"id"}, "h3": nil, "h4": nil,
	"p": {"class"}, "span": {"class"}, "strong": nil, "small": nil, "time": {"datetime"}, "a": {"href"}, "div": {"class"}, "ul": {"class"}, "li": {"class"},
	"dl": {"class"}, "dt": nil, "dd": nil, "table": {"class"}, "thead": nil, "tbody": nil, "tr": nil, "th": {"scope", "class"}, "td": {"class", "data-label"},
	"details": {"open"}, "summary": nil, "svg": {"xmlns", "viewbox"}, "rect": {"width", "height", "rx", "fill"}, "path": {"d", "fill", "stroke", "stroke-width", "stroke-linecap", "stroke-linejoin"},
}

// checkMarkup checks that a page has no other elements, attributes and links.
func checkMarkup(t *testing.T, page string) {
	t.Helper()
	for z := html.NewTokenizer(strings.NewReader(page)); ; {
		kind := z.Next()
		if kind == html.ErrorToken {
			return
		}
		token := z.Token()
		switch kind {
		case html.CommentToken:
			t.Fatalf("a comment: %.200q", token.Data)
		case html.StartTagToken, html.SelfClosingTagToken:
			allowed, ok := pageElements[token.Data]
			if !ok {
				t.Fatalf("an element: %.200q", token)
			}
			for _, a := range token.Attr {
				link := token.Data != "a" || strings.HasPrefix(a.Val, "#t") || strings.HasPrefix(a.Val, "magnet:?")
				if !slices.Contains(allowed, strings.ToLower(a.Key)) || !link || strings.Contains(a.Val, "ZgotmplZ") {
					t.Fatalf("an attribute: %.200q", token)
				}
			}
		}
	}
}

// Whatever a torrent has, the page has bt's elements only, and its size is bounded.
func FuzzInfoPage(f *testing.F) {
	f.Add([]byte(filesTorrent(hostileText, []string{hostileText, "a/b"}, "8:announce"+bencodeText(hostileText)+"7:comment"+bencodeText(hostileText)) + "e"))
	f.Add([]byte("d4:infod9:file treed1:ad0:d6:lengthi1e11:pieces root32:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaeeee12:meta versioni2e4:name1:x12:piece lengthi16384eee"))
	f.Add([]byte("d8:announce23:javascript:alert(1)//&<4:infod6:lengthi5e4:name9:</style>'12:piece lengthi16384e6:pieces20:aaaaaaaaaaaaaaaaaaaae8:url-list12:data:text/htme"))
	f.Add([]byte("magnet:?xt=urn:btih:c12fe1c06bba254a9dc9f519b335aa7c1367a88a&dn=%22%3E%3Cscript%3E&tr=javascript%3Aalert(1)"))
	f.Fuzz(func(t *testing.T, in []byte) {
		var x infoInput
		if torrent, err := inspect.Parse(in); err == nil {
			x = infoInput{name: "x<y>.torrent", facts: inspect.Describe(torrent, inspect.DescribeOptions{}), torrent: torrent}
		} else if m, err := inspect.ParseMagnet(string(in)); err == nil {
			x = infoInput{name: string(in), facts: inspect.DescribeMagnet(m), magnet: m}
		} else {
			return
		}
		for _, reveal := range []bool{false, true} {
			e, _, _ := testEnv()
			u := newUI(t.Context(), e, "info")
			u.reveal = reveal
			w := (&infoPageFlags{path: option[string]{"page.html", true}}).writer(u)
			w.add(x)
			w.fail(string(in), fmt.Errorf("it is %s", in))
			var b strings.Builder
			if _, err := w.page.WriteTo(&b); err != nil {
				t.Fatal(err)
			}
			if b.Len() > 8<<20 {
				t.Errorf("%d bytes", b.Len())
			}
			checkMarkup(t, b.String())
			interopHarmless(t, b.String())
		}
	})
}

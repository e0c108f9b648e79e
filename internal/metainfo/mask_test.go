package metainfo

import (
	"strings"
	"testing"
)

const (
	keyA = "0123456789abcdef0123456789abcdef"
	keyB = "FEDCBA9876543210FEDCBA9876543210"
	uuid = "550e8400-e29b-41d4-a716-446655440000"
)

// maskedURLs are URLs in which <...> marks each part that is masked.
var maskedURLs = []string{
	// nothing to hide
	"",
	"http://t.example/announce",
	"http://t.example/announce.php",
	"http://t.example/scrape",
	"http://t.example/scrape.php?info_hash",
	"HTTP://T.Example.:80/announce",
	"https://tracker.a-very-long-host-name-indeed.example:65535/announce",
	"http://" + keyA + ".example/announce",
	"udp://t.example:6969",
	"udp://t.example:6969/announce",
	"wss://t.example",
	"udp://[2001:db8:1111:2222:3333:4444:5555:6666]:80/announce",
	"http://[fe80::1%25eth0]/announce",
	"http://t.example/0123456789abcde/announce",
	"http://t.example/a/b/c/tracker/index/announce.php",
	"http://w.example/debian-12.5.0-amd64-netinst.iso",
	"http://w.example/pub/Some.Movie.2020.1080p.WEB-DL.x264-GROUP.mkv",
	"http://w.example/Big%20Buck%20Bunny%20%282008%29%20%5B1080p%5D.mkv",
	"http://w.example/caf%C3%A9/R%C3%A9sum%C3%A9.pdf",
	"http://w.example/a,b!c'd(e)[f].txt",
	"http://w.example/100%25%20real",
	"http://t.example/announce?compact=1&numwant=50&event=started&port=6881&left=0&no_peer_id=1&corrupt=0",
	"http://t.example/announce?PORT=80",
	"http://t.example/seed.php?piece=0&ranges=0-16383",
	"http://t.example/announce?passkey=&passkey",
	"http://t.example/announce?",
	"http://t.example/announce#f",
	"http://@t.example/announce",
	"http://w.example/@scope/x",
	"t.example/announce",
	"//t.example:80/announce",
	"http:\\\\t.example\\announce",

	// user and password
	"http://<user>:<secret>@t.example/announce",
	"http://<user>@t.example:80/announce",
	"http://<" + keyA + ">@t.example/announce",
	"http://:<pw>@t.example/announce",
	"http://<user>:<>@t.example",
	"http://:<>@t.example",
	"http://<user>:<p@ss>@t.example/a",
	"http://<user>:<p%40%3A%2Fs>@t.example:1/a",
	"http://<user>:<pa/ss>@t.example/announce",
	"http://<user>:<p?s#s>@t.example/announce",
	"http://<domain\\user>:<pw>@t.example/announce",
	"<user>:<pw>@t.example/announce",
	"//<user>:<pw>@t.example/announce",
	"http:\\\\<user>:<pw>@t.example\\announce",
	"http://proxy.example/http://<user:pw>@t.example/announce",

	// segments of the path
	"http://t.example/<" + keyA + ">/announce",
	"https://t.example:443/announce/<0123456789ABCDEFxyz>",
	"http://t.example/<0123456789abcdef>",
	"http://t.example/<0123456789abcdef0123456789abcdef01234567>/announce",
	"http://t.example/<MFRGGZDFMZTWQ2LKNNWG23TPOBYXE43U>/announce",
	"http://t.example/<YEX6DQDLXISUVHOJ6UM3GNNK====>/announce",
	"http://t.example/<dGhpcyBpcyBh-IHNlY3JldA_x>/announce",
	"http://t.example/<dGhpcyBp+yBhIHNlY3Jld==>/announce",
	"http://t.example/<" + uuid + ">/announce",
	"http://t.example/<" + keyA + ".php>",
	"http://t.example/<" + keyA + "-announce>",
	"http://t.example/<announce-" + keyA + ".php>?compact=1",
	"http://t.example/<announce." + keyA + ".php>",
	"http://t.example/<announce:" + keyA + ">",
	"http://t.example/<a b " + keyA + ">/announce",
	"http://t.example/<1234567890123456>/announce",
	"http://t.example/<correct-horse-battery-staple>/announce",
	"http://t.example/<abcdefghijklmnop>/announce",
	"http://t.example/<%30%31%32%33%34%35%36%37%38%39%61%62%63%64%65%66>/announce",
	"http://t.example/<0123%3456%3789abcdef>/announce",
	"http://t.example/<%2530%2531%2532%2533%2534%2535%2536%2537%2538>/announce",
	"http://t.example/<x%2F" + keyA + ">/announce",
	"http://t.example/<announce%3Fpasskey%3Dabc>",
	"http://t.example/<%9A%12%FF%00%9A%12%FF%00%9A%12%FF%00%9A%12%FF%00>/announce",
	"http://t.example/<" + keyA + ">//<" + keyB + ">",
	"http://t.example\\<" + keyA + ">\\announce",
	"http:\\\\t.example\\<" + keyA + ">\\a",
	"http:/t.example/<" + keyA + ">/a",
	"https:///<" + keyA + ">/announce",
	"<" + keyA + ">",
	"<" + keyA + ">/announce",
	"<" + keyA + ">/<" + keyB + "x:>//<" + keyA + ">",
	"//<" + keyA + ">/<" + keyB + ">/",
	"/announce/<" + keyA + ">",
	"udp://[::1]:80/<" + keyA + ">//<" + keyB + ">",
	"udp://t.example:6969/<" + keyA + ">",

	// parameters in the path
	"http://t.example/announce;passkey=<abc>",
	"http://t.example/announce&passkey=<abc>&port=1",
	"http://t.example/passkey=<abc>/announce",
	"http://t.example/announce;passkey=<abc>;<def>/x",
	"http://t.example/announce;<" + keyA + ">",
	"http://t.example/announce/compact=1;pk=<x>",

	// the query
	"http://t.example/announce.php?passkey=<abc>&port=1",
	"http://t.example/announce?torrent_pass=<abc>&authkey=<d>&uid=<1>&id=<2>&x=<3>&key=<4>&ip=<192.0.2.1>",
	"http://t.example/a?compact=1;PK=<abc>;authkey=<d>&auth=<e>&token=<f>",
	"http://t.example/a?passkey=<abc>;<def>&port=1",
	"http://t.example/a?port=1&amp;passkey=<abc>",
	"http://t.example/a?passkey=<a=b?c|d%25>",
	"http://t.example/a?p%61sskey=<abc>",
	"http://t.example/?p%zz=<a>&PassKey=<=>",
	"http://t.example?passkey=<a/" + keyA + ">",
	"http://t.example/a?port=<0123456789abcdef>",
	"http://t.example/a?info_hash=<%124Vx%9A%BC%DE%F1%23Eg%89%AB%CD%EF%124Vx%9A>",
	"http://t.example/a?event=<a%26passkey%3Dabc>",
	"http://t.example/a?port=<1?passkey=abc>",
	"http://t.example/a?left=<18446744073709551615>",
	"http://t.example/a?<" + keyA + ">",
	"http://t.example/a?<abc123>",
	"http://t.example/a?<abcdefghijklmnop>&ssl",
	"http://t.example/a?<" + keyA + ">=<1>",
	"http://w.example/x.iso?X-Amz-Signature=<abc>&X-Amz-Credential=<a%2Fb>",
	"?<" + keyA + ">&key=<a://b@c:d@e>",
	"announce.php?passkey=<abc>",

	// the fragment
	"http://t.example/a?uid=<1>&key=<2>#f",
	"http://t.example#<" + keyA + ">",
	"http://t.example/a#x=<" + keyA + ">&y",
	"http://t.example?#passkey=<a>",
	"http://t.example/#/a/<" + keyA + ">",

	// blanks
	" \thttp://t.example/<" + keyA + ">\n",
	"http://t.example/announce?passkey=<ab cd>\u00a0",
	"http://t.example:<x " + keyA + ">",
}

// unmarked returns the URL of a line of maskedURLs, what is hidden in it, and
// the URL as it is shown.
func unmarked(line string) (rawURL string, hidden []string, shown string) {
	parts := strings.Split(strings.ReplaceAll(line, ">", "<"), "<")
	for i, part := range parts {
		if i%2 == 0 {
			shown += part
		} else {
			hidden = append(hidden, part)
			shown += mask
		}
		rawURL += part
	}
	return rawURL, hidden, shown
}

func TestMaskURL(t *testing.T) {
	for _, line := range maskedURLs {
		in, hidden, want := unmarked(line)
		got := MaskURL(in)
		if got != want {
			t.Errorf("%q:\n got %q\nwant %q", in, got, want)
		}
		if HasSecret(in) != (len(hidden) > 0) {
			t.Errorf("%q: HasSecret is %t", in, !HasSecret(in))
		}
	}
}

// Masking removes the secrets and keeps the rest, and masking a masked URL changes
// nothing. A text without a scheme may be divided in another way after it was masked, so
// that more of it is masked.
func FuzzMaskURL(f *testing.F) {
	for _, line := range maskedURLs {
		in, _, _ := unmarked(line)
		f.Add(in)
	}
	for _, u := range oddURLs {
		f.Add(u)
	}
	f.Fuzz(func(t *testing.T, in string) {
		out := MaskURL(in)
		before, s, after := cutBlanks(in)
		if again := MaskURL(out); again != out && splitURL(s).hostKnown {
			t.Fatalf("%q became %q, then %q", in, out, again)
		}
		places := secrets(s)
		want, done := before, 0
		for i, p := range places {
			if p.start < done || p.end < p.start || p.end > len(s) || i > 0 && p.start == done {
				t.Fatalf("%q has the secrets %v", s, places)
			}
			want += s[done:p.start] + mask
			done = p.end
		}
		if want += s[done:] + after; out != want {
			t.Fatalf("%q became %q, want %q", in, out, want)
		}
		// A passkey is masked anywhere except in the host.
		u := splitURL(s)
		for _, part := range []span{u.user, u.path, u.query, u.fragment} {
			if strings.Contains(s[part.start:part.end], keyA) && strings.Contains(out, keyA) && !strings.Contains(s[u.host.start:u.host.end], keyA) {
				t.Fatalf("%q became %q", in, out)
			}
		}
		// It is also masked in the message of a tracker that repeats the URL, or a part.
		text := lowerASCII(MaskText("bad "+in+", "+decoded(in), in))
		for _, p := range places {
			secret := lowerASCII(s[p.start:p.end])
			if len(secret) >= shortestPart && !strings.Contains(secret, "*") && strings.Contains(text, secret) {
				t.Fatalf("%q became %q", in, text)
			}
		}
	})
}

func TestMaskText(t *testing.T) {
	own := "http://me:p%40ss@t.example/" + keyA + "/announce?key=a%2Fbc&pk=x&uid=77&pw=a+b"
	for in, want := range map[string]string{
		// what it repeats of its own URL
		"invalid passkey " + keyA + "!":                      "invalid passkey ****!",
		"invalid passkey " + strings.ToUpper(keyA):           "invalid passkey ****",
		"key=a%2Fbc, (a/bc), a%2fbc":                         "key=****, (****), ****",
		"user me, password p@ss or p%40ss":                   "user ****, password **** or ****",
		"no user 77 here, nor 770":                           "no user **** here, nor 770",
		"a b, a+b":                                           "****, ****",
		"x":                                                  "x", // too short to be looked for
		"you sent " + keyA[:20] + "...":                      "you sent ****...",
		"you sent " + keyA[:4] + "\u2026":                    "you sent ****\u2026",
		"seen 0123, not cut":                                 "seen 0123, not cut",
		`it says "bad ` + keyA[:9] + `..."; retry`:           `it says "bad ****..."; retry`,
		keyA[:9] + "... or " + keyA[:8] + "\u2026 or 012...": "****... or ****\u2026 or 012...",
		`Get "http://t.example/` + keyA + `/announce": EOF`:  `Get "http://t.example/****/announce": EOF`,
		"bad key /echo/" + keyA + "/scrape":                  "bad key /echo/****/scrape",

		// other URLs
		"moved to https://u.example/" + keyB + "/announce.":          "moved to https://u.example/****/announce.",
		"(see http://u.example/announce.php?passkey=abc)":            "(see http://u.example/announce.php?passkey=****)",
		`<a href='http://u:pw@h.example/'>`:                          `<a href='http://****:****@h.example/'>`,
		"http://a.example/announce http://a.example/" + uuid:         "http://a.example/announce http://a.example/****",
		"use u.example/" + keyB + "/announce":                        "use u.example/****/announce",
		"use //u.example/" + keyB + " or /" + keyB + "/announce.php": "use //u.example/**** or /****/announce.php",
		"redirect to /login.php?passkey=abc":                         "redirect to /login.php?passkey=****",
		"http%3A%2F%2Fu.example%2F" + keyB:                           "****",
		"user:pw@u.example":                                          "****:****@u.example",
		"passkey=abc is invalid, compact=1":                          "passkey=**** is invalid, compact=1",
		"try magnet:?xt=urn:btih:" + keyB + "&tr=http://u/" + keyB:   "try magnet:?xt=****&tr=****",
		`parse "http:\\u.example\` + keyB + `": bad`:                 `parse "http:\\u.example\****": bad`,

		// what is none stays
		"":        "",
		"nothing": "nothing",
		"torrent " + keyB[:20] + " is not registered":        "torrent " + keyB[:20] + " is not registered",
		"dial tcp 192.0.2.1:80: connect: connection refused": "dial tcp 192.0.2.1:80: connect: connection refused",
		"lookup t.example on 127.0.0.53:53: no such host":    "lookup t.example on 127.0.0.53:53: no such host",
		"Transmission/4.0.6 and/or bt/1.0: 5 = 2 + 3":        "Transmission/4.0.6 and/or bt/1.0: 5 = 2 + 3",
		"open /srv/A_Long_Directory_Name/x: EIO":             "open /srv/A_Long_Directory_Name/x: EIO",
		"http://u.example/announce is gone,\n\tgo away":      "http://u.example/announce is gone,\n\tgo away",
	} {
		if got := MaskText(in, own); got != want {
			t.Errorf("%q:\n got %q\nwant %q", in, got, want)
		}
	}
	if got := MaskText(keyA+" "+keyB, own, "http://u.example/"+keyB); got != "**** ****" {
		t.Errorf("of two trackers: %q", got)
	}
}

func TestMeansURL(t *testing.T) {
	for s, want := range map[string]bool{
		"http://t.example": true, "t.example/announce?passkey=abc": true, "?k=abc": true, "//t.example/?k=abc": true,
		"u:pw@t.example:80": true, "http:/t.example/x": true, `http:\\t.example`: true, "http:u:pw@t.example": true,
		"http%3A%2F%2Ft.example%2Fx": true, "t.example%2F%3Fk%3Dabc": true,

		"": false, "a": false, "a/b.torrent": false, "/srv/A_Long_Directory_Name/x.torrent": false, `C:\A_Long_Directory_Name\x`: false, "C:/x": false,
		`\\server\A_Long_Directory_Name`: false, "//server/x": false, "what?.torrent": false, "a=b": false, "me@home/a:b": false, "a/b:c@d": false, "2:3": false, "note: x": false,
	} {
		if got := MeansURL(s); got != want {
			t.Errorf("%q: %v", s, got)
		}
	}
}

func TestMagnetSecrets(t *testing.T) {
	const hash = "magnet:?xt=urn:btih:c12fe1c06bba254a9dc9f519b335aa7c1367a88a&dn=x&xl=5"
	const open = "&tr=udp%3A%2F%2Ft.example%3A1&ws=http%3A%2F%2Fw.example%2Fx.iso&kt=" + keyA
	in := hash + "&tr=http%3A%2F%2Ft.example%2F" + keyA + "%2Fannounce&tr=http%3A%2F%2Fu%3Ap%40t.example%2F" + open +
		"&ws=http%3A%2F%2Fw.example%2F%3Fkey%3Dabc&xs=http%3A%2F%2Fx.example%2F%3Fkey%3Dabc"
	m, err := ParseMagnet(in)
	if err != nil {
		t.Fatal(err)
	}
	whole := m.String()
	public, trackers, others := m.WithoutSecrets()
	if public.String() != hash+open || trackers != 2 || others != 2 {
		t.Errorf("%s without %d trackers and %d others", public, trackers, others)
	}
	masked := hash + "&tr=http%3A%2F%2Ft.example%2F%2A%2A%2A%2A%2Fannounce&tr=http%3A%2F%2F%2A%2A%2A%2A%3A%2A%2A%2A%2A%40t.example%2F&tr=udp%3A%2F%2Ft.example%3A1" +
		"&ws=http%3A%2F%2Fw.example%2Fx.iso&ws=http%3A%2F%2Fw.example%2F%3Fkey%3D%2A%2A%2A%2A&kt=" + keyA + "&xs=http%3A%2F%2Fx.example%2F%3Fkey%3D%2A%2A%2A%2A"
	if got := m.Masked().String(); got != masked {
		t.Errorf("masked:\n got %s\nwant %s", got, masked)
	}
	if m.String() != whole {
		t.Errorf("the link itself changed: %s", m)
	}
	if _, trackers, others := public.WithoutSecrets(); trackers+others != 0 {
		t.Errorf("%d and %d are left out of a link without secrets", trackers, others)
	}
}

package metainfo

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
)

const (
	hash1  = "c12fe1c06bba254a9dc9f519b335aa7c1367a88a"
	hash1b = "d12fe1c06bba254a9dc9f519b335aa7c1367a88a"
	base1  = "YEX6DQDLXISUVHOJ6UM3GNNKPQJWPKEK"
	hash2  = "d8dd32ac93357c368556af3ac1d95c9d76bd0dff6fa9833ecdac3d53134efabb"
	link1  = "magnet:?xt=urn:btih:" + hash1
)

// What people paste for a link is read, and each oddity is a finding.
func TestMagnetLeniency(t *testing.T) {
	for _, tt := range []struct {
		in, out  string
		findings string // CODE@BYTE, with blanks between
	}{
		{link1, link1, ""},
		// around it
		{" " + link1, link1, "odd-blanks@0"},
		{link1 + " ", link1, "odd-blanks@60"},
		{link1 + "\n", link1, "odd-blanks@60"},
		{link1 + "\r\n\r\n", link1, "odd-blanks@60"},
		{"\t\n " + link1 + " \t", link1, "odd-blanks@0"},
		{"\ufeff" + link1, link1, "odd-blanks@0"},
		{"\u00a0\u200b" + link1 + "\u200e\u3000\x00", link1, "odd-blanks@0"},
		{"<" + link1 + ">", link1, "odd-blanks@0"},
		{`"` + link1 + `"`, link1, "odd-blanks@0"},
		{"'" + link1 + "'\n", link1, "odd-blanks@0"},
		{"`" + link1 + "`", link1, "odd-blanks@0"},
		{"“" + link1 + "”", link1, "odd-blanks@0"},
		{"(<" + link1 + ">)", link1, "odd-blanks@0"},
		{`"` + link1 + "&dn=x", link1 + "&dn=x", "odd-blanks@0"},
		{link1 + "&dn=x(2020)", link1 + "&dn=x%282020%29", ""},
		{"(" + link1 + "&dn=x(2020))", link1 + "&dn=x%282020%29", "odd-blanks@0"},
		// in it
		{"magnet:?xt=urn:btih:\n" + hash1 + "&d\tn=x\r\ny", link1 + "&dn=xy", "odd-blanks@20"},
		{"magnet:?xt= urn:btih:" + hash1 + "+&xl=%205&ws= http://w/ ", link1 + "&xl=5&ws=http%3A%2F%2Fw%2F", "odd-blanks@84 odd-blanks@8 odd-blanks@63 odd-blanks@71"},
		{link1 + "&dn= x+", link1 + "&dn=%20x%20", ""},
		// glued to it
		{link1 + "#frag", link1, "odd-info-hash@8"},
		{link1 + ",", link1, "odd-info-hash@8"},
		{link1 + "...", link1, "odd-info-hash@8"},
		{link1 + ";dn=x&xl=5", link1 + "&xl=5", "odd-info-hash@8"},
		// its beginning
		{"magnet://?xt=urn:btih:" + hash1, link1, "odd-scheme@0"},
		{"magnet:/?xt=urn:btih:" + hash1, link1, "odd-scheme@0"},
		{"magnet:??xt=urn:btih:" + hash1, link1, "odd-scheme@0"},
		{" magnet:xt=urn:btih:" + hash1 + "&dn=what?", link1 + "&dn=what%3F", "odd-blanks@0 odd-scheme@1"},
		{"magnet:?&&xt=urn:btih:" + hash1 + "&", link1, ""},
		// copied out of HTML
		{link1 + "&amp;dn=x&amp;tr=http://t/a", link1 + "&dn=x&tr=http%3A%2F%2Ft%2Fa", "html-escape@8"},
		{link1 + "&#38;dn=x", link1 + "&dn=x", "html-escape@8"},
		{link1 + "&#038;dn=x", link1 + "&dn=x", "html-escape@8"},
		{link1 + "&#x26;dn=x", link1 + "&dn=x", "html-escape@8"},
		{link1 + "&#X26;dn=x", link1 + "&dn=x", "html-escape@8"},
		{link1 + "&AMP;dn=x", link1 + "&dn=x", "html-escape@8"},
		{link1 + "&amp;amp;dn=x", link1 + "&dn=x", "html-escape@8"},
		{link1 + "&dn=x&amp;xl=5", link1 + "&dn=x&xl=5", "html-escape@61"},
		{link1 + "&amp;dn=It&#39;s&#x27;&quot;&lt;&gt;&amp;xl=5", link1 + "&dn=It%27s%27%22%3C%3E&xl=5", "html-escape@8"},
		{"magnet:?xt&#x3D;urn:btih:" + hash1 + "&amp;dn&equals;x", link1 + "&dn=x", "html-escape@8"},
		{link1 + "&amp;", link1, "html-escape@8"},
		{link1 + "&amp=x", link1 + "&amp=x", ""},
		{link1 + "&notit;dn=x&dn=AT;T", link1 + "&dn=AT%3BT&notit%3Bdn=x", ""},
		// names in any case
		{"magnet:?XT=urn:btih:" + hash1 + "&DN=x&Tr.1=http://t/a&xL=5&X.PE=h:1&So=1&WS=ftp://w", link1 + "&dn=x&xl=5&tr=http%3A%2F%2Ft%2Fa&ws=ftp%3A%2F%2Fw&x.pe=h:1&so=1",
			"odd-key@8 odd-key@61 odd-key@66 odd-key@82 odd-key@87 odd-key@96 odd-key@101"},
		{link1 + "&Foo=1&foo=2", link1 + "&Foo=1&foo=2", ""},
		// escapes that are none
		{link1 + "&dn=%zz", link1 + "&dn=%25zz", "odd-escape@61"},
		{link1 + "&dn=100%", link1 + "&dn=100%25", "odd-escape@61"},
		{link1 + "&dn=100%2", link1 + "&dn=100%252", "odd-escape@61"},
		{link1 + "&dn=%%20%2zx%41", link1 + "&dn=%25%20%252zxA", "odd-escape@61"},
		{link1 + "&x%=1&tr=http://t/%", link1 + "&tr=http%3A%2F%2Ft%2F%25&x%25=1", "odd-escape@61 odd-escape@66 bad-tracker@66"},
		// info-hashes
		{"magnet:?xt=urn:btih:" + base1, link1, "odd-info-hash@8"},
		{"magnet:?xt=urn:btih:" + hash1[1:] + "&xt=urn:btih:" + hash1, link1 + "&xt=urn%3Abtih%3A" + hash1[1:], "bad-info-hash@8"},
		{link1 + "&xt=urn:btih:", link1 + "&xt=urn%3Abtih%3A", "bad-info-hash@61"},
		{link1 + "&xt.2=urn:btmh:" + hash2, link1 + "&xt.2=urn%3Abtmh%3A" + hash2, "bad-info-hash@61"},
		{link1 + "&xt=urn:btmh:1220" + hash2[2:] + "zz", link1 + "&xt=urn%3Abtmh%3A1220" + hash2[2:] + "zz", "bad-info-hash@61"},
		{link1 + "&xt=urn:btih:" + hash1, link1, ""},
		{link1 + "&xt=urn:btih:" + hash1b, link1 + "&xt=urn%3Abtih%3A" + hash1b, "ambiguous-info-hash@61"},
		{"magnet:?xt=urn:btmh:1220" + hash2 + "&xt=urn:btmh:1220" + strings.Repeat("0", 64), "magnet:?xt=urn:btmh:1220" + hash2 + "&xt=urn%3Abtmh%3A1220" + strings.Repeat("0", 64), "ambiguous-info-hash@89"},
		{link1 + "&xt=urn:sha1:ABC&xt=urn:ed2k:00&xt=urn:tree:tiger:X&xt=", link1 + "&xt=urn%3Asha1%3AABC&xt=urn%3Aed2k%3A00&xt=urn%3Atree%3Atiger%3AX&xt=", "unknown-hash@61 unknown-hash@77 unknown-hash@92 unknown-hash@112"},
		// one parameter of many
		{link1 + "&xl=many&dn=x", link1 + "&dn=x&xl=many", "bad-size@61"},
		{link1 + "&xl=-1&xl=&xl=5&xl=99999999999999999999", link1 + "&xl=5&xl=-1&xl=&xl=99999999999999999999", "bad-size@61 bad-size@67 bad-size@76"},
		{link1 + "&xl=5&xl=6&dn=x&dn=y&so=1&so=2", link1 + "&dn=x&xl=5&so=1&xl=6&dn=y&so=2", "repeated-parameter@66 repeated-parameter@76 repeated-parameter@86"},
		{link1 + "&so=3-1&so=a&so=&so=1,&so=99999999999", link1 + "&so=3-1&so=a&so=&so=1%2C&so=99999999999", "bad-selection@61 bad-selection@68 bad-selection@73 bad-selection@77 bad-selection@83"},
		{link1 + "&x.pe=h&x.pe=h:0&x.pe=h:65536&x.pe=:1&x.pe=::1:1&x.pe=[::1]:1", link1 + "&x.pe=[::1]:1&x.pe=h&x.pe=h%3A0&x.pe=h%3A65536&x.pe=%3A1&x.pe=%3A%3A1%3A1", "bad-peer@61 bad-peer@68 bad-peer@77 bad-peer@90 bad-peer@98"},
		{link1 + "&dn=%e9", link1 + "&dn=%E9", "not-utf8@61"},
		// trackers and web seeds
		{link1 + "&tr=&tr=+&tr", link1 + "&tr=&tr=&tr=", "bad-tracker@61 bad-tracker@65 bad-tracker@65 bad-tracker@70"},
		{link1 + "&tr=t.example&tr=gopher://t/&tr=http:///a", link1 + "&tr=t.example&tr=gopher%3A%2F%2Ft%2F&tr=http%3A%2F%2F%2Fa", "bad-tracker@61 bad-tracker@74 bad-tracker@89"},
		{link1 + "&tr=http://t/a&tr=%20http://t/a", link1 + "&tr=http%3A%2F%2Ft%2Fa&tr=http%3A%2F%2Ft%2Fa", "bad-tracker@75 duplicate-tracker@75"},
		{link1 + "&ws=&ws=x&ws=http://w/&ws=http://w/", link1 + "&ws=x&ws=http%3A%2F%2Fw%2F&ws=http%3A%2F%2Fw%2F&ws=", "bad-web-seed@61 bad-web-seed@65 duplicate-web-seed@83"},
		// what has no meaning here is kept
		{link1 + "&kt=a+b&as=http%3A%2F%2Fw&=v&n&=", link1 + "&kt=a%20b&as=http%3A%2F%2Fw&=v&n=&=", ""},
	} {
		m, err := ParseMagnet(tt.in)
		if err != nil {
			t.Errorf("%q: %v", tt.in, err)
			continue
		}
		if got := m.String(); got != tt.out {
			t.Errorf("%q:\n got %s\nwant %s", tt.in, got, tt.out)
		}
		var found []string
		for _, f := range m.Findings {
			found = append(found, fmt.Sprintf("%s@%d", f.Code, f.Offset))
			if severity, ok := severities[f.Code]; !ok || severity != f.Severity {
				t.Errorf("%q: %+v", tt.in, f)
			}
		}
		if got := strings.Join(found, " "); got != tt.findings {
			t.Errorf("%q:\nfound %s\n want %s", tt.in, got, tt.findings)
		}
	}
}

// What has no info-hash that can be read is no link, and an error names why.
func TestMagnetWithoutHash(t *testing.T) {
	for in, want := range map[string]string{
		"":                                   "not a magnet link",
		"magne:?xt=urn:btih:" + hash1:        "not a magnet link",
		"x " + link1:                         "not a magnet link",
		"magnet:":                            "bad magnet link: it has no info-hash (xt=urn:btih:... or xt=urn:btmh:...)",
		" magnet:?dn=x&xt=urn:sha1:" + hash1: "bad magnet link: it has no info-hash (xt=urn:btih:... or xt=urn:btmh:...)",
		"magnet:?xt=urn:btih:12\n":           `bad magnet link: "12" is not an info-hash of 40 hex or 32 base32 digits`,
		"magnet:?xt=urn:btmh:12":             `bad magnet link: "12" is not a SHA-256 multihash (1220 and 64 hex digits)`,
	} {
		if m, err := ParseMagnet(in); err == nil || err.Error() != want {
			t.Errorf("%q: %v, %v", in, m, err)
		}
		if IsMagnet(in) != (want != "not a magnet link") {
			t.Errorf("IsMagnet(%q) is %v", in, IsMagnet(in))
		}
	}
}

func TestTrimMagnet(t *testing.T) {
	for in, want := range map[string]string{
		link1:                         link1,
		"\ufeff\"" + link1 + "\"\r\n": link1,
		"MAGNET:?x ":                  "MAGNET:?x",
		" x.torrent ":                 " x.torrent ",
		"":                            "",
	} {
		if got := TrimMagnet(in); got != want {
			t.Errorf("%q: %q", in, got)
		}
	}
}

// A link of any size costs what its bytes cost, and its findings are bounded.
func TestMagnetBounds(t *testing.T) {
	const n = 200_000
	for name, in := range map[string]string{
		"parameters": link1 + strings.Repeat("&tr=", n),
		"references": link1 + strings.Repeat("&amp;", n) + strings.Repeat("&quot;", n),
		"quotes":     strings.Repeat(`"`, n) + link1 + strings.Repeat(`"`, n),
		"escapes":    link1 + strings.Repeat("&a=%", n),
		"hashes":     link1 + strings.Repeat("&xt=urn:btih:"+hash1b, n/10),
		"files":      link1 + "&so=0-2147483647" + strings.Repeat(",0-2147483647", n/10),
		"one value":  link1 + "&xl=" + strings.Repeat("9", n),
	} {
		m, err := ParseMagnet(in)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		size := 0
		for _, f := range m.Findings {
			size += len(f.Message)
		}
		if len(m.Findings) > 2*(maxFindings+1) || size > 100_000 {
			t.Errorf("%s: %d findings, %d bytes of text", name, len(m.Findings), size)
		}
	}
}

// What a finding or an error says of a link has none of its passkeys.
func TestMagnetMessagesHideSecrets(t *testing.T) {
	const secret = "0123456789abcdef0123456789abcdef"
	url := "http://t.example/" + secret + "/announce"
	for _, in := range []string{
		link1 + "&tr= " + url + "&tr=" + url + "&ws=x" + url + "&ws=" + url + "&ws=" + url,
		link1 + "&xl=5;tr=" + url + "&so=" + url + "&x.pe=" + url + "&xt=" + url,
		link1 + "&xt=urn:btih:" + hash1 + ";tr=" + url,
		"magnet:?xt=urn:btih:" + hash1 + ";tr=" + url,
	} {
		m, err := ParseMagnet(in)
		text := fmt.Sprint(err)
		if err == nil {
			text = fmt.Sprint(m.Findings)
		}
		if strings.Contains(text, secret) || !strings.Contains(text, "t.example") {
			t.Errorf("%s: %s", in, text)
		}
	}
}

// syntaxCodes are of oddities that a link loses when it is written anew.
var syntaxCodes = []Code{CodeOddBlanks, CodeOddScheme, CodeOddEscape, CodeHTMLEscape, CodeOddKey, CodeOddInfoHash}

func FuzzMagnet(f *testing.F) {
	f.Add(link1 + "&dn=x&so=1-2,5&tr=a&foo.1=2&dn=y")
	f.Add(" <magnet://?XT=urn:btih:" + base1 + "&amp;dn=%zz&#38;XL=a&TR=%20&x.pe=h&amp;amp;tr=http://t\n/>\r\n")
	f.Add("magnet:?xt.1=urn:btmh:1220" + hash2 + "&xt=urn:sha1:x&xt=urn:btih:" + hash1 + "&xt=urn:btih:" + hash1b + "&dn=It&#39;s")
	f.Fuzz(func(t *testing.T, in string) {
		trimmed := TrimMagnet(in)
		if TrimMagnet(trimmed) != trimmed || IsMagnet(in) != IsMagnet(trimmed) {
			t.Fatalf("trimmed to %q", trimmed)
		}
		m, err := ParseMagnet(in)
		if err != nil {
			return
		}
		for _, f := range m.Findings {
			if f.Offset < 0 || f.Offset >= len(in) {
				t.Fatalf("%+v in %d bytes", f, len(in))
			}
		}
		again, err := ParseMagnet(m.String())
		if err != nil {
			t.Fatalf("%s: %v", m, err)
		}
		if i := slices.IndexFunc(again.Findings, func(f Finding) bool { return slices.Contains(syntaxCodes, f.Code) }); i >= 0 {
			t.Fatalf("%s: %+v", m, again.Findings[i])
		}
		m.Findings, again.Findings = nil, nil
		if !reflect.DeepEqual(again, m) {
			t.Fatalf("%+v became %+v", m, again)
		}
	})
}

package metainfo

import (
	"net/url"
	"path"
	"strings"
	"testing"
)

// oddURLs are what the fuzzers begin with.
var oddURLs = []string{
	"",
	"://",
	"http://",
	"announce",
	" http://t.example/announce\n",
	"HTTP://T.Example.:80/announce?x=1#f",
	"http://t.example?passkey=ab=cd==;key=",
	"http://t.example/0123456789abcdef0123/0123456789abcdef0123?uid=1",
	"http://user:p@s:s%40%2F@t.example:6969/t.example",
	"http://[2001:DB8::1]:6969/announce",
	"udp://[::1]",
	"udp://t.example:6969",
	"http://[fe80::1%25eth0]/a",
	"http://t.example:/a",
	"http://t.example:80x/a",
	"http://t.example/a?u=http://t.example/b",
	"http://\xff.example/\xfe",
}

func TestReplaceHost(t *testing.T) {
	for _, tt := range []struct{ in, old, new, out string }{
		{"http://t.example/announce", "t.example", "u.example", "http://u.example/announce"},
		{"HTTP://T.Example:80/a%2f?x=%zz#f", "t.eXample", "U.example", "HTTP://U.example:80/a%2f?x=%zz#f"},
		{"udp://t.example:6969", "t.example", "u.example", "udp://u.example:6969"},
		{"http://t.example.:1/a", "t.example", "u.example", "http://u.example:1/a"},
		{"http://t.example:1/a", "t.example.", "u.example.", "http://u.example.:1/a"},
		{"http://t.example?t.example", "t.example", "u.example", "http://u.example?t.example"},
		{"http://t.example#t.example", "t.example", "u.example", "http://u.example#t.example"},
		{" http://t.example\t", "t.example", "u.example", " http://u.example\t"},
		{"http://bücher.example/a", "BÜCHER.example", "xn--bcher-kva.example", "http://xn--bcher-kva.example/a"},
		{"http://xn--bcher-kva.example/a", "bücher.example", "u", ""},
		{"http://t.example/a", "t.example", "t.example", "http://t.example/a"},

		// users
		{"http://t.example:t.example@t.example:1/t.example", "t.example", "u", "http://t.example:t.example@u:1/t.example"},
		{"http://u:p@s:s@t.example/a", "t.example", "x", "http://u:p@s:s@x/a"},
		{"http://u%40:p%3A%2F@t.example/a", "t.example", "x", "http://u%40:p%3A%2F@x/a"},
		{"http://t.example@x/a", "t.example", "u", ""},
		{"http://t.example:80@x/a", "t.example", "u", ""},
		{"http://u:p/@t.example/a", "t.example", "x", ""},

		// IPv6
		{"http://[2001:db8::1]:6969/announce", "2001:DB8:0::1", "::2", "http://[::2]:6969/announce"},
		{"http://[2001:db8:0:0::1]:6969/announce", "[2001:db8::1]", "t.example", "http://t.example:6969/announce"},
		{"http://[2001:db8::1]:6969/announce", "[2001:db8::1]:6969", "[2001:db8::2]:1", "http://[2001:db8::2]:1/announce"},
		{"udp://[::1]", "::1", "[::2]:80", "udp://[::2]:80"},
		{"http://1.2.3.4/a", "1.2.3.4", "::1", "http://[::1]/a"},
		{"http://[::ffff:1.2.3.4]/a", "::ffff:102:304", "::1", "http://[::1]/a"},
		{"http://[::ffff:1.2.3.4]/a", "1.2.3.4", "::1", ""},
		{"http://[fe80::1%25eth0]/a", "fe80::1", "::1", ""},
		{"http://[::1/a", "::1", "::2", ""},
		{"http://[::1]x/a", "::1", "::2", ""},
		{"http://::1/a", "::1", "::2", ""},
		{"http://[1.2.3.4]/a", "1.2.3.4", "::2", ""},

		// ports
		{"http://t.example/a", "t.example", "u.example:8080", "http://u.example:8080/a"},
		{"http://t.example:1/a", "t.example", "u.example:8080", "http://u.example:8080/a"},
		{"http://t.example:/a", "t.example", "u.example", "http://u.example:/a"},
		{"http://t.example:/a", "t.example", "u.example:80", "http://u.example:80/a"},
		{"http://t.example:6969/a", "t.example:6969", "u.example:1", "http://u.example:1/a"},
		{"http://t.example:6969/a", "t.example:6969", "u.example", "http://u.example/a"},
		{"udp://t.example:6969/a", "t.example:6969", "u.example", "udp://u.example:6969/a"},
		{"udp://t.example:6969/a", "t.example:6969", "u.example:1", "udp://u.example:1/a"},
		{"http://t.example/a", "t.example:80", "u.example", "http://u.example/a"},
		{"http://t.example:/a", "t.example:80", "u.example", "http://u.example/a"},
		{"http://t.example:0080/a", "t.example:80", "u.example", "http://u.example/a"},
		{"ws://t.example/a", "t.example:80", "u.example:1", "ws://u.example:1/a"},
		{"HTTPS://t.example/a", "t.example:443", "u.example:1", "HTTPS://u.example:1/a"},
		{"wss://t.example:443/a", "t.example:0443", "u.example:01", "wss://u.example:1/a"},
		{"http://t.example/a", "t.example:443", "u.example", ""},
		{"http://t.example:8080/a", "t.example:80", "u.example", ""},
		{"http://t.example:0/a", "t.example:80", "u.example", ""},
		{"udp://t.example/a", "t.example:80", "u.example", ""},
		{"http://t.example:80x/a", "t.example", "u.example", ""},

		// what is not a URL, no such host, or no host
		{"http://t.example/a", "example", "u", ""},
		{"http://t.example/a", ".example", "u", ""},
		{"t.example", "t.example", "u", ""},
		{"//t.example/a", "t.example", "u", ""},
		{"x/y://t.example/a", "t.example", "u", ""},
		{"announce?u=http://t.example/a", "t.example", "u", ""},
		{"http:///a", "", "u", ""},
		{"http://./a", ".", "u", ""},
		{"", "", "u", ""},
		{"http://t.example/a", "t.example", "", ""},
		{"http://t.example/a", "t.example", "u.example/a", ""},
		{"http://t.example/a", "t.example", "u@u.example", ""},
		{"http://t.example/a", "t.example", "http://u.example", ""},
		{"http://t.example/a", "t.example", "u.example:", ""},
		{"http://t.example/a", "t.example", "u.example:0", ""},
		{"http://t.example/a", "t.example", "u.example:65536", ""},
		{"http://t.example/a", "t.example", "u.example:+1", ""},
		{"http://t.example/a", "t.example", "u.example ", ""},
		{"http://t.example/a", "t.example", "u..example", ""},
		{"http://t.example/a", "t.example", "[::1", ""},
		{"http://t.example/a", "t.example", "[::1]]", ""},
		{"http://t.example/a", "t.example", "fe80::1%eth0", ""},
		{"http://t.example/a", "t.example", "\xff", ""},
		{"http://\xff.example/a", "\xfe.example", "u", ""},
	} {
		want := tt.out
		if want == "" {
			want = tt.in
		}
		got, found := ReplaceHost(tt.in, tt.old, tt.new)
		if got != want || found != (tt.out != "") {
			t.Errorf("%q, %q, %q:\n got %q, %t\nwant %q", tt.in, tt.old, tt.new, got, found, want)
		}
	}
}

func FuzzReplaceHost(f *testing.F) {
	for _, u := range oddURLs {
		f.Add(u, "t.example", "[2001:db8::2]:80")
		f.Add(u, "t.example:80", "u.example")
		f.Add(u, "2001:db8::1", "T.example")
	}
	f.Fuzz(func(t *testing.T, in, old, new string) {
		out, found := ReplaceHost(in, old, new)
		if !found {
			if out != in {
				t.Fatalf("%q changed to %q", in, out)
			}
			return
		}
		if CheckHost(old) != nil || CheckHost(new) != nil {
			t.Fatalf("%q or %q is no host", old, new)
		}
		if again, _ := ReplaceHost(out, old, new); again != out {
			t.Fatalf("%q became %q, then %q", in, out, again)
		}
		if _, found := ReplaceHost(out, new, new); !found {
			t.Fatalf("%q became %q without %q", in, out, new)
		}
		checkHostOnly(t, in, out, new)
	})
}

// checkHostOnly makes sure that in and out differ only in host and port, and that a
// changed port is that of new.
func checkHostOnly(t *testing.T, in, out, new string) {
	t.Helper()
	host, port, ok := hostOf(in)
	newHost, newPort, newOK := hostOf(out)
	if !ok || !newOK {
		t.Fatalf("%q became %q", in, out)
	}
	if newPort != port && newPort != "" && !strings.HasSuffix(new, newPort) {
		t.Fatalf("%q became %q", in, out)
	}
	head, tail := around(t, in, host)
	newHead, newTail := around(t, out, newHost)
	if head != newHead || tail != newTail {
		t.Fatalf("%q became %q", in, out)
	}
	before, err := url.Parse(strings.TrimSpace(in))
	if err != nil {
		return
	}
	if after, err := url.Parse(strings.TrimSpace(out)); err != nil || strings.ToLower(after.Hostname()) != newHost || after.Port() != newPort || before.RequestURI() != after.RequestURI() || before.User.String() != after.User.String() {
		t.Fatalf("%q became %q: %v", in, out, err)
	}
}

// around returns the parts of a URL before and after its host and port. It shares no code
// with the code under test.
func around(t *testing.T, u, host string) (head, tail string) {
	t.Helper()
	first := strings.Index(u, "://") + 3
	end := first + strings.IndexAny(u[first:]+"/", "/?#")
	if trimmed := strings.TrimRight(u, "\t\n\v\f\r \u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"); end > len(trimmed) {
		end = len(trimmed)
	}
	for first < end && strings.Contains(u[first:end], "@") {
		first++
	}
	if got := strings.ToLower(u[first:end]); !strings.HasPrefix(got, strings.ToLower(host)) && !strings.HasPrefix(got, "["+host+"]") {
		t.Fatalf("the host of %q is %q", u, host)
	}
	return u[:first], u[end:]
}

// hostOf is a URL's host in lower case and without brackets, and its port.
func hostOf(rawURL string) (host, port string, ok bool) {
	h, ok := findHost(rawURL)
	if !ok {
		return "", "", false
	}
	return lower(strings.Trim(h.name, "[]")), h.port, true
}

func TestFindHost(t *testing.T) {
	for _, tt := range []struct {
		in, host, port string
		ok             bool
	}{
		{"http://T.Example/a", "t.example", "", true},
		{"UDP://t.example:6969", "t.example", "6969", true},
		{"http://[2001:DB8::1]:6969/announce", "2001:db8::1", "6969", true},
		{"udp://[::1]", "::1", "", true},
		{"http://u:p@s:s@t.example./", "t.example.", "", true},
		{"http://t.example:?x", "t.example", "", true},
		{" http://t.example\n", "t.example", "", true},
		{"http://BÜCHER.example:80#x", "bücher.example", "80", true},
		{"http://[fe80::1%25eth0]/a", "fe80::1%25eth0", "", true},
		{"http://\xffA/", "\xffa", "", true},
		{"http://t.example:x", "", "", false},
		{"http://a b/", "", "", false},
		{`http://a\b/`, "", "", false},
		{"http://a\x00b/", "", "", false},
		{"http://u@/", "", "", false},
		{"http://:80/", "", "", false},
		{"http://a[::1]/", "", "", false},
		{"http:t.example", "", "", false},
		{"1http://t.example", "", "", false},
		{"", "", "", false},
	} {
		if host, port, ok := hostOf(tt.in); host != tt.host || port != tt.port || ok != tt.ok {
			t.Errorf("%q: %q, %q, %t", tt.in, host, port, ok)
		}
	}
}

func TestMatchURL(t *testing.T) {
	const v6 = "http://[2001:db8::1]:6969/announce"
	for _, tt := range []struct {
		url, pattern string
		want         bool
	}{
		// exact
		{"http://t.example/a?x=1", "http://t.example/a?x=1", true},
		{" http://t.example/a\n", "\thttp://t.example/a ", true},
		{"http://t.example/aQx=1", "http://t.example/a?x=1", false},
		{"http://T.example/a", "http://t.example/a", false},
		{"http://t.example/[a", "http://t.example/[a", true},
		{"http://t.example/[ab]", "http://t.example/[ab]", true},
		{"http://t.example/a", "http://t.example/", false},
		{"not a url", "not a url", true},
		{"", " ", true},

		// host
		{"http://T.example.:80/a", "t.Example", true},
		{"http://T.example:80/a", "t.Example.:80", true},
		{"https://t.example/a", "t.example:443", true},
		{"https://t.example/a", "t.example:80", false},
		{"udp://t.example/a", "t.example:80", false},
		{"http://u.t.example/a", "t.example", false},
		{"http://x/t.example", "t.example", false},
		{"http://t.example@x/", "t.example", false},
		{v6, "2001:DB8:0::1", true},
		{v6, "[2001:db8::1]", true},
		{v6, "[2001:db8::1]:6969", true},
		{v6, "[2001:db8::1]:80", false},
		{"http://1/", "[::1]", false},
		{"announce", "announce", true},
		{"http://x/announce", "announce", false},

		// glob over the host
		{"http://T.Example.org./a", "*.EXAMPLE.org", true},
		{"http://t.example.org:80/a", "*.example.org", true},
		{"http://example.org/a", "*.example.org", false},
		{"http://t.example.orgy/a", "*.example.org", false},
		{"http://t1.example/a", "t?.example", true},
		{"http://t1.example/a", "T[0-9].example", true},
		{"http://tx.example/a", "t[^0-9].example", true},
		{"http://t1.example/a", "t[!0-9].example", false},
		{"http://tü.example/a", "t?.example", true},
		{"http://t\xff.example/a", "t?.example", true},
		{"http://10.0.0.7:11/a", "10.0.0.*", true},
		{"http://10.0.0.7:11/a", "*1", false},
		{"http://t.example/a", "*.example:80", true},
		{"udp://t.example:6969/a", "*.example:6969", true},
		{"udp://t.example:6969/a", "*.example:80", false},
		{"udp://t.example/a", "*.example:*", false},
		{v6, "2001:db8:*", true},
		{v6, "[2001:db8:*]", true},
		{v6, "[2001:db8:*]:6969", true},
		{v6, "[2001:db8:*]:6968", false},

		// glob over the whole URL
		{"http://t.example/x/announce", "http://*/announce", true},
		{"http://t.example/x/announce", "HTTP://*/announce", false},
		{"http://t.example/x/Announce", "*/announce", false},
		{"http://t.example/x/announce", "*/announce", true},
		{"http://t.example/x/announce", "*announce*", true},
		{"http://t.example/x/announce", "*t.example*", true},
		{"http://t.example/ann?x=12", "http://t.example/ann?x=*", true},
		{"http://t.example/annQx=12", "http://t.example/ann?x=*", false},
		{"http://t.example/ann?x=12", "*/ann?x=*", true},
		{"http://t.example/annQx=12", "*/ann?x=*", true},
		{"http://t.example/ann?x=12", "http://t.example/ann[?/]x=*", true},
		{"http://t.example/" + keyA + "/a", MaskURL("http://t.example/" + keyA + "/a"), true},
		{v6, "http://[2001:db8::1]:6969/*", true},
		{v6, "*//[2001:db8::*]*", true},
		{"not a url", "not*", true},
		{"not a url", "*.example", false},
		{"http://t.example/*", "http://t.example/[*]", true},
		{"http://t.example/x", "http://t.example/[*]", false},
		{"http://t.example/]", "http://t.example/[]-]", true},
		{"http://t.example/-", "http://t.example/[]-]", true},
		{"http://t.example/[^]", "http*[^]", true},
		{"http://t.example/[", "http*[", true},
		{"http://t.example/\xff", "http*/\xfe", false},
		{"http://t.example", "", false},
		{"", "*", true},
		{"", "?", false},
	} {
		if got := MatchURL(tt.url, tt.pattern); got != tt.want {
			t.Errorf("%q, %q: %t", tt.url, tt.pattern, got)
		}
	}
}

func TestGlobTime(t *testing.T) {
	if parseGlob(strings.Repeat("*a", 500)+"b", true).match(strings.Repeat("a", 5000)) {
		t.Error("there is no b")
	}
}

func FuzzGlob(f *testing.F) {
	for _, p := range []string{"", "*", "a*b*c", "*a?*[^b]**", "[a-cx-]", "[!]a]", "[", "[^]", "[]", "[:]*", "[a-", "é?[à-ÿ]*"} {
		f.Add(p, "abcabc", true)
		f.Add(p, "[a-]?*:é", false)
	}
	f.Fuzz(func(t *testing.T, pattern, text string, anyByQuestion bool) {
		if len(pattern) > 12 || len(text) > 12 { // the naive one takes too long
			t.Skip()
		}
		got := parseGlob(pattern, anyByQuestion).match(text)
		if want := naiveGlob(characters(pattern), characters(text), anyByQuestion); got != want {
			t.Fatalf("%q, %q: %t", pattern, text, got)
		}
		if anyByQuestion && !strings.ContainsAny(pattern, `[\`) && !strings.Contains(text, "/") {
			if want, err := path.Match(pattern, text); err != nil || got != want {
				t.Fatalf("%q, %q: %t, and path.Match %t", pattern, text, got, want)
			}
		}
		MatchURL(text, pattern)
		MatchURL("http://"+text, pattern)
	})
}

// naiveGlob tries everything.
func naiveGlob(p, s []rune, anyByQuestion bool) bool {
	if len(p) == 0 {
		return len(s) == 0
	}
	if p[0] == '*' {
		return naiveGlob(p[1:], s, anyByQuestion) || len(s) > 0 && naiveGlob(p, s[1:], anyByQuestion)
	}
	if len(s) == 0 {
		return false
	}
	if p[0] == '[' {
		if in, rest, ok := naiveClass(p[1:], s[0]); ok {
			return in && naiveGlob(rest, s[1:], anyByQuestion)
		}
	}
	return (p[0] == s[0] || p[0] == '?' && anyByQuestion) && naiveGlob(p[1:], s[1:], anyByQuestion)
}

// naiveClass reports whether a character class, after its [, has c, and returns the
// pattern after it. ok is false if it is no class.
func naiveClass(p []rune, c rune) (in bool, rest []rune, ok bool) {
	not := len(p) > 0 && (p[0] == '^' || p[0] == '!')
	if not {
		p = p[1:]
	}
	for i := 0; i < len(p) && p[i] != ':'; i++ {
		switch {
		case p[i] == ']' && i > 0:
			return in != not, p[i+1:], true
		case i+2 < len(p) && p[i+1] == '-' && p[i+2] != ']':
			in = in || p[i] <= c && c <= p[i+2]
			if p[i+2] == ':' {
				return false, nil, false
			}
			i += 2
		default:
			in = in || p[i] == c
		}
	}
	return false, nil, false
}

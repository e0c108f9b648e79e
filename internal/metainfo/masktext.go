package metainfo

import (
	"cmp"
	"net/url"
	"slices"
	"strings"
)

// MaskText masks the URLs in a text, such as a tracker's message, like MaskURL. It also
// masks the secrets of urls, the tracker's own, anywhere in the text: trackers repeat a
// passkey in their messages.
func MaskText(text string, urls ...string) string {
	text = MaskWords(text, func(word string) string {
		if mayBeURL(word) {
			return MaskURL(word)
		}
		return word
	})
	var all []string
	for _, u := range urls {
		_, s, _ := cutBlanks(u)
		for _, p := range secrets(s) {
			raw := s[p.start:p.end]
			decoded := decoded(raw)
			all = append(all, raw, decoded, escape(decoded))
			if form, err := url.QueryUnescape(raw); err == nil { // which decodes + to a blank
				all = append(all, form)
			}
		}
	}
	// A secret may be a part of another.
	slices.SortFunc(all, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), strings.Compare(a, b)) })
	for _, secret := range slices.Compact(all) {
		text = replaceSecret(text, secret)
	}
	return text
}

// MaskWords replaces each word of a text by the result of f. A word ends at a blank or
// quotation mark, and does not include punctuation around it, so that a URL is one
// word.
func MaskWords(text string, f func(word string) string) string {
	const between = " \t\r\n\"'`<>"
	var b strings.Builder
	for text != "" {
		word := text[:until(text, 0, between)]
		text = text[len(word):]
		bare := strings.TrimRight(strings.TrimLeft(word, "([{"), ")]},.;:!?")
		before, after, _ := strings.Cut(word, bare)
		if bare != "" {
			bare = f(bare)
		}
		b.WriteString(before + bare + after)
		next := len(text) - len(strings.TrimLeft(text, between))
		b.WriteString(text[:next])
		text = text[next:]
	}
	return b.String()
}

// MeansURL reports whether a text is meant as a URL and not as a path: if it has a
// scheme, perhaps with other slashes, a user or a query, percent-encoded or not.
func MeansURL(s string) bool {
	s = decoded(s)
	name, rest, _ := strings.Cut(s, ":")
	_, query, _ := strings.Cut(s, "?")
	user, _, hasUser := strings.Cut(s, "@")
	return strings.Contains(s, "://") ||
		len(name) > 1 && isScheme(name) && rest != "" && isSlash(rest[0]) || // a single letter is a Windows drive
		strings.Contains(query, "=") ||
		hasUser && strings.Contains(user, ":") && !strings.ContainsAny(user, `/\`)
}

// mayBeURL reports whether a word of a tracker's message may be a URL or a part of one.
func mayBeURL(word string) bool {
	w := strings.ToLower(decoded(word))
	host, _, hasPath := strings.Cut(strings.ReplaceAll(w, `\`, "/"), "/")
	switch {
	case strings.Contains(w, ":/"), strings.Contains(w, `:\`), strings.HasPrefix(w, "//"), strings.HasPrefix(w, `\\`):
		return true
	case strings.Contains(w, "="), strings.Contains(w, ":") && strings.Contains(w, "@"):
		return true
	}
	return hasPath && (strings.Contains(w, "announce") || strings.Contains(w, "scrape") || strings.Contains(strings.TrimLeft(host, "."), "."))
}

const (
	// shortestSecret is the minimum length in bytes of a secret that is searched for in
	// a text. Shorter ones would be found everywhere.
	shortestSecret = 2

	// shortestPart is the minimum length of a secret that is searched for inside words.
	shortestPart = 4
)

// replaceSecret masks a secret in a text, in any case. It also masks the beginning of
// the secret where the text was cut.
func replaceSecret(text, secret string) string {
	if len(secret) < shortestSecret {
		return text
	}
	var b strings.Builder
	lowText, lowSecret := lowerASCII(text), lowerASCII(secret)
	done := 0
	for from := 0; ; {
		i := strings.Index(lowText[from:], lowSecret)
		if i < 0 {
			break
		}
		start := from + i
		end := start + len(secret)
		if len(secret) < shortestPart && (start > 0 && isAlnum(text[start-1]) || end < len(text) && isAlnum(text[end])) {
			from = start + 1
			continue
		}
		b.WriteString(text[done:start])
		b.WriteString(mask)
		done, from = end, end
	}
	b.WriteString(text[done:])
	return hideCut(b.String(), lowSecret)
}

// hideCut masks the beginning of a secret before an ellipsis, where a text was cut.
func hideCut(text, lowSecret string) string {
	for _, cut := range []string{"...", "…"} {
		parts := strings.Split(text, cut)
		for i, part := range parts[:len(parts)-1] { // the last part is not cut
			for n := min(len(part), len(lowSecret)-1); n >= shortestPart; n-- {
				if head := len(part) - n; lowerASCII(part[head:]) == lowSecret[:n] {
					parts[i] = part[:head] + mask
					break
				}
			}
		}
		text = strings.Join(parts, cut)
	}
	return text
}

func isAlnum(c byte) bool { return isLetter(c) || isDigit(c) }

// Masked returns the link with the secrets in its URLs masked, including unknown
// parameters. It is for quoting the link.
func (m *Magnet) Masked() *Magnet {
	masked := *m
	masked.Trackers, masked.WebSeeds = nil, nil
	for _, u := range m.Trackers {
		masked.Trackers = append(masked.Trackers, MaskURL(u))
	}
	for _, u := range m.WebSeeds {
		masked.WebSeeds = append(masked.WebSeeds, MaskURL(u))
	}
	masked.Other = nil
	for _, p := range m.Other {
		if MeansURL(p.Value) {
			p.Value = MaskURL(p.Value)
		}
		masked.Other = append(masked.Other, p)
	}
	return &masked
}

// WithoutSecrets returns the link without the URLs that contain a secret, and the
// numbers of trackers and other URLs that it leaves out. It is for sharing the link, in
// which masked URLs would be useless.
func (m *Magnet) WithoutSecrets() (public *Magnet, trackers, others int) {
	copied := *m
	public = &copied
	public.Trackers = slices.DeleteFunc(slices.Clone(m.Trackers), HasSecret)
	public.WebSeeds = slices.DeleteFunc(slices.Clone(m.WebSeeds), HasSecret)
	public.Other = slices.DeleteFunc(slices.Clone(m.Other), func(p Param) bool {
		return MeansURL(p.Value) && HasSecret(p.Value)
	})
	trackers = len(m.Trackers) - len(public.Trackers)
	others = len(m.WebSeeds) - len(public.WebSeeds) + len(m.Other) - len(public.Other)
	return public, trackers, others
}

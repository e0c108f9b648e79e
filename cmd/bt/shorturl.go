package main

import (
	"strings"
	"unicode/utf8"
)

// shortURL shortens a masked tracker URL to limit columns, as far as that is
// possible without cutting its host and port, which identify the tracker. It
// removes first the scheme, then secrets, then "/announce", then the rest of the
// path.
func shortURL(url string, limit int) string {
	for _, shorter := range []func(string) string{withoutScheme, withoutSecrets, withoutAnnounce, hostAndPort} {
		if utf8.RuneCountInString(url) <= limit {
			break
		}
		url = shorter(url)
	}
	return url
}

// shortURLs returns a shortURL for a table. It keeps the scheme of URLs that
// would otherwise be equal.
func shortURLs(urls []string) func(url string, limit int) string {
	schemes := make(map[string]string) // by trackerName; "" if there are several
	for _, u := range urls {
		scheme, _, _ := strings.Cut(u, "://")
		if other, ok := schemes[trackerName(u)]; ok && other != scheme {
			scheme = ""
		}
		schemes[trackerName(u)] = scheme
	}
	return func(url string, limit int) string {
		scheme, rest, ok := strings.Cut(url, "://")
		if !ok || schemes[trackerName(url)] != "" || utf8.RuneCountInString(url) <= limit {
			return shortURL(url, limit)
		}
		scheme += "://"
		return scheme + shortURL(rest, limit-len(scheme))
	}
}

// trackerName returns the part of a URL that shortURL never removes.
func trackerName(url string) string { return shortURL(url, 0) }

func withoutScheme(url string) string {
	if _, rest, ok := strings.Cut(url, "://"); ok {
		return rest
	}
	return url
}

// withoutSecrets removes the parts of a URL that usually hold secrets, even if
// they are not masked: the user and the query. From the path it removes masked
// segments.
func withoutSecrets(url string) string {
	url, _, _ = strings.Cut(url, "?")
	host, path, _ := strings.Cut(url, "/")
	host = host[strings.LastIndex(host, "@")+1:]
	for segment := range strings.SplitSeq(path, "/") {
		if segment != "" && !strings.Contains(segment, "****") {
			host += "/" + segment
		}
	}
	return host
}

func withoutAnnounce(url string) string {
	return strings.TrimSuffix(strings.TrimSuffix(url, "/announce"), "/announce.php")
}

func hostAndPort(url string) string {
	host, _, _ := strings.Cut(url, "/")
	return host
}

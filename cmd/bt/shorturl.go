package main

import (
	"strings"
	"unicode/utf8"
)

// shortURL makes a tracker's URL, as it may be shown, fit into limit columns, if
// that can be done without cutting its host and port: they tell trackers apart. The
// scheme is left out first, then secrets, "/announce", and the rest of the path.
func shortURL(url string, limit int) string {
	for _, shorter := range []func(string) string{withoutScheme, withoutSecrets, withoutAnnounce, hostAndPort} {
		if utf8.RuneCountInString(url) <= limit {
			break
		}
		url = shorter(url)
	}
	return url
}

// shortURLs returns shortURL for a table of trackers: of those that differ in
// nothing else that it keeps, the scheme stays.
func shortURLs(urls []string) func(url string, limit int) string {
	schemes := make(map[string]string) // by name; "" if there are several
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

// trackerName is all that shortURL keeps in any case.
func trackerName(url string) string { return shortURL(url, 0) }

func withoutScheme(url string) string {
	if _, rest, ok := strings.Cut(url, "://"); ok {
		return rest
	}
	return url
}

// withoutSecrets leaves out where secrets are, also those that are shown: the user
// and the query. Of the path it leaves out what is masked.
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

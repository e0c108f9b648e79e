package main

import (
	"context"
	"fmt"

	"bt/internal/metainfo"
	"bt/internal/webseed"
	"bt/maketorrent"
)

// problemCodes are the codes of the findings about web seeds.
var problemCodes = map[webseed.ProblemKind]metainfo.Code{
	webseed.ProblemUnreachable: metainfo.CodeWebSeedUnreachable,
	webseed.ProblemMissing:     metainfo.CodeWebSeedMissing,
	webseed.ProblemNoRanges:    metainfo.CodeWebSeedNoRanges,
	webseed.ProblemWrong:       metainfo.CodeWebSeedWrong,
	webseed.ProblemUnchecked:   metainfo.CodeWebSeedUnchecked,
}

// checkWebSeeds compares the web seeds and HTTP seeds of a new torrent with it, and adds
// what it finds to the findings.
func checkWebSeeds(ctx context.Context, u *ui, r *maketorrent.Result) error {
	t := r.Torrent
	if len(t.WebSeeds)+len(t.HTTPSeeds) == 0 {
		u.warn("--check-web-seeds: there is no web seed")
	}
	client := newWebClient(u.env)
	defer client.Close()
	for _, seed := range t.WebSeeds {
		bar := u.progress("checking " + u.shownURL(seed))
		problems, err := client.CheckWebSeed(ctx, t, seed, bar.Update)
		bar.Finish()
		if err != nil {
			return err
		}
		r.Findings = append(r.Findings, seedFindings(u, "web seed", seed, problems)...)
	}
	for _, seed := range t.HTTPSeeds {
		problems, err := client.CheckHTTPSeed(ctx, t, seed)
		if err != nil {
			return err
		}
		r.Findings = append(r.Findings, seedFindings(u, "HTTP seed", seed, problems)...)
	}
	return nil
}

func seedFindings(u *ui, what, seed string, problems []webseed.Problem) []maketorrent.Finding {
	var list []maketorrent.Finding
	for _, p := range problems {
		text := fmt.Sprintf("the %s %s: ", what, u.shownURL(seed))
		if p.File != "" {
			text += p.File + ": "
		}
		text += p.Err.Error()
		if p.More > 0 {
			text += fmt.Sprintf(" (and %s more)", count(p.More, "file"))
		}
		list = append(list, metainfo.NewFinding(problemCodes[p.Kind], "%s", text))
	}
	if len(list) == 0 {
		u.explain("the %s %s has the content", what, seed)
	}
	return list
}

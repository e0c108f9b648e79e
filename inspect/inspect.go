// Package inspect describes and compares torrents and magnet links, and checks data on
// disk against a torrent.
//
// [ReadFile] and [Parse] parse a torrent. They accept torrents with errors and list
// those as findings. [Describe] returns the content of a torrent as plain values.
// [ParseMagnet] and [DescribeMagnet] do the same for a magnet link:
//
//	torrent, err := inspect.ReadFile("release.torrent")
//	if err != nil {
//		return err
//	}
//	facts := inspect.Describe(torrent, inspect.DescribeOptions{})
//	for file := range facts.Files {
//		fmt.Println(file.Path, file.Size)
//	}
//
// [Verify] reads and hashes the data, and returns a [Verdict]: which files and pieces
// are damaged, where and why.
//
//	verdict, err := inspect.Verify(ctx, torrent, "/srv/archive", inspect.VerifyOptions{})
//
// [Diff] compares two torrents: which keys differ, and which files are the same although
// the info-hash is not.
//
// Packages maketorrent, scrape, seed and get use the same type [Torrent].
package inspect

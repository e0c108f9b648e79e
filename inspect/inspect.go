// Package inspect shows what a torrent or magnet link holds, and checks data on disk
// against a torrent.
//
// [ReadFile] and [Parse] parse a torrent. What is wrong with it does not keep it from
// being shown: it is listed as findings. [Describe] returns what it says as plain
// values; [ParseMagnet] and [DescribeMagnet] do the same for a magnet link:
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
// [Verify] reads the data, hashes it, and returns a [Verdict]: which files and pieces
// are damaged, where and why.
//
//	verdict, err := inspect.Verify(ctx, torrent, "/srv/archive", inspect.VerifyOptions{})
//
// The [Torrent] that ReadFile and Parse return is what the packages scrape and seed
// take, and what package maketorrent makes.
package inspect

package inspect_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"

	"bt/inspect"
	"bt/maketorrent"
)

const movie = "d8:announce26:http://t.example/announce/4:infod5:filesl" +
	"d6:lengthi20000e4:pathl9:movie.mkvee" +
	"d6:lengthi300e4:pathl4:subs6:en.srteee4:name5:movie12:piece lengthi16384e" +
	"6:pieces40:aaaaaaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbbbbb7:privatei1eee"

func ExampleDescribe() {
	torrent, err := inspect.Parse([]byte(movie))
	if err != nil {
		log.Fatal(err)
	}
	facts := inspect.Describe(torrent, inspect.DescribeOptions{})
	fmt.Println(facts.Name, facts.Format, facts.Size, "bytes, private:", facts.Private)
	fmt.Println(facts.InfoHashV1)
	fmt.Println(facts.Trackers)
	for file := range facts.Files {
		fmt.Println(file.Path, file.Size, "in pieces", file.FirstPiece, "to", file.LastPiece)
	}
	// Output:
	// movie v1 20300 bytes, private: true
	// 949a27dfd6224aba3e00a8cd2f8ea350195d70b7
	// [[http://t.example/announce/]]
	// movie.mkv 20000 in pieces 0 to 1
	// subs/en.srt 300 in pieces 1 to 1
}

// A torrent with errors is parsed, and its findings describe them. A file that is not a
// torrent is an error with its apparent format.
func ExampleParse() {
	torrent, err := inspect.Parse([]byte("d4:infod6:lengthi5e4:name5:a/../12:piece lengthi16384e6:pieces20:aaaaaaaaaaaaaaaaaaaaee"))
	if err != nil {
		log.Fatal(err)
	}
	for _, finding := range torrent.Findings {
		fmt.Println(finding.Severity, finding.Code)
	}
	_, err = inspect.Parse([]byte("<!DOCTYPE html><title>Not found</title>"))
	if not, ok := errors.AsType[*inspect.NotTorrentError](err); ok {
		fmt.Println("not a torrent:", not.Form)
	}
	// Output:
	// warning unsafe-name
	// not a torrent: web-page
}

func ExampleDescribeMagnet() {
	link, err := inspect.ParseMagnet("magnet:?xt=urn:btih:949a27dfd6224aba3e00a8cd2f8ea350195d70b7&dn=movie&tr=udp://t.example:6969")
	if err != nil {
		log.Fatal(err)
	}
	facts := inspect.DescribeMagnet(link)
	fmt.Println(facts.Name, facts.InfoHashV1, facts.Trackers)
	fmt.Println("the size is known:", facts.Size != inspect.Unknown)
	// Output:
	// movie 949a27dfd6224aba3e00a8cd2f8ea350195d70b7 [[udp://t.example:6969]]
	// the size is known: false
}

// Two files are published, and then a byte of one of them changes.
func ExampleVerify() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	content := filepath.Join(dir, "release")
	write := func(name string, data []byte) {
		if err := os.MkdirAll(content, 0o755); err != nil {
			log.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(content, name), data, 0o644); err != nil {
			log.Fatal(err)
		}
	}
	data := make([]byte, 40_000)
	write("data.bin", data)
	write("readme.txt", []byte("hello\n"))
	made, err := maketorrent.Make(ctx, maketorrent.Options{Path: content, PieceLength: 16 << 10})
	if err != nil {
		log.Fatal(err)
	}

	data[20_000] = 1
	write("data.bin", data)
	verdict, err := inspect.Verify(ctx, made.Torrent, dir, inspect.VerifyOptions{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("ok:", verdict.OK)
	fmt.Println(verdict.Pieces.Good, "of", verdict.Pieces.Total, "pieces are good")
	for file := range verdict.Files {
		fmt.Println(file.Path, file.Status)
		for _, bad := range file.Bad {
			fmt.Println("  bytes", bad.Offset, "to", bad.Offset+bad.Length-1, bad.Cause)
		}
	}
	// Output:
	// ok: false
	// 2 of 3 pieces are good
	// data.bin corrupt
	//   bytes 16384 to 32767 corrupt
	// readme.txt ok
}

// A release gets another source for another tracker, and its subtitles another name.
func ExampleDiff() {
	old, err := inspect.Parse([]byte(movie))
	if err != nil {
		log.Fatal(err)
	}
	edited := strings.Replace(movie, "6:en.srt", "8:en-1.srt", 1)
	edited = strings.Replace(edited, "7:privatei1e", "7:privatei1e6:source3:xyz", 1)
	new, err := inspect.Parse([]byte(edited))
	if err != nil {
		log.Fatal(err)
	}
	d := inspect.Diff(old, new, inspect.DiffOptions{})
	fmt.Println("the same info-hash:", d.InfoHashV1 == inspect.HashSame)
	for _, change := range d.Changes {
		if text, ok := change.New.Text(); ok {
			fmt.Println(change.Key, "is now", text)
		}
	}
	for file := range d.Files {
		fmt.Printf("%s in %s, same: %s %q\n", file.Path, file.In, file.Same, file.OtherPath)
	}
	// Output:
	// the same info-hash: false
	// info.source is now xyz
	// movie.mkv in both, same: pieces ""
	// subs/en.srt in a, same: pieces "subs/en-1.srt"
	// subs/en-1.srt in b, same: pieces "subs/en.srt"
}

func ExampleMaskURL() {
	fmt.Println(inspect.MaskURL("https://tracker.example/0123456789abcdef0123/announce?compact=1"))
	fmt.Println(inspect.MaskText("unknown passkey abcd", "https://tracker.example/announce?passkey=abcd"))
	// Output:
	// https://tracker.example/****/announce?compact=1
	// unknown passkey ****
}

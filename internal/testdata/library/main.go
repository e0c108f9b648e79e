// A program outside of the module that uses each of its verbs: it makes a torrent,
// shows it, checks and mends data, edits it, asks a tracker about it, seeds it, and
// downloads it.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"bt/get"
	"bt/inspect"
	"bt/maketorrent"
	"bt/repair"
	"bt/rewrite"
	"bt/scrape"
	"bt/seed"
)

func main() {
	log.SetFlags(0)
	dir, err := os.MkdirTemp("", "")
	check(err)
	defer os.RemoveAll(dir)
	content := filepath.Join(dir, "release")
	check(os.Mkdir(content, 0o755))
	check(os.WriteFile(filepath.Join(content, "a.bin"), make([]byte, 40_000), 0o644))
	check(os.WriteFile(filepath.Join(content, "b.txt"), []byte("hello\n"), 0o644))

	path := filepath.Join(dir, "release.torrent")
	check(os.WriteFile(path, makeTorrent(content), 0o644))
	torrent := show(path)
	verify(torrent, dir)
	mend(torrent, dir)
	edit(torrent)
	ask(torrent)
	serve(torrent, dir)
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func makeTorrent(content string) []byte {
	ctx := context.Background()
	_, err := maketorrent.Make(ctx, maketorrent.Options{Path: content, PieceLength: 1 << 40})
	option, ok := errors.AsType[*maketorrent.OptionError](err)
	fmt.Println("make: a piece length of 1 TiB is refused:", ok && option.Option == "piece length")

	var read maketorrent.ReadMode = maketorrent.ReadSequential
	result, err := maketorrent.Make(ctx, maketorrent.Options{
		Path:        content,
		PieceLength: 16 << 10,
		Read:        read,
		Trackers:    [][]string{{"https://t.example/announce"}},
		Nodes:       []maketorrent.Node{{Host: "dht.example", Port: 6881}},
		Comment:     "made elsewhere",
		Date:        time.Unix(1_700_000_000, 0),
	})
	check(err)
	var findings []maketorrent.Finding = result.Findings
	fmt.Println("make:", result.Torrent.Name, result.Torrent.Size(), "bytes,", len(findings), "findings")
	return result.Torrent.Bytes()
}

func show(path string) *inspect.Torrent {
	page := path + ".html"
	check(os.WriteFile(page, []byte("<!DOCTYPE html><title>404</title>"), 0o644))
	_, err := inspect.ReadFile(page)
	not, ok := errors.AsType[*inspect.NotTorrentError](err)
	fmt.Println("inspect: a web page is not a torrent:", ok && not.Form == inspect.Form("web-page"))

	torrent, err := inspect.ReadFile(path)
	check(err)
	facts := inspect.Describe(torrent, inspect.DescribeOptions{})
	var node inspect.Node = facts.Nodes[0]
	fmt.Println("inspect:", facts.Name, facts.InfoHashV1, facts.CreationDate.Format(time.DateOnly), node, facts.Comment)
	for file := range facts.Files {
		fmt.Println("inspect:", file.Path, file.Size)
	}
	link, err := inspect.ParseMagnet(facts.Magnet)
	check(err)
	fmt.Println("inspect: the link has the same info-hash:", link.V1 == torrent.InfoHashV1)
	for _, kind := range inspect.Kinds() {
		if kind.Code == "unsafe-path" {
			fmt.Println("inspect: an unsafe path is an error:", kind.Severity == inspect.SeverityError)
		}
	}
	return torrent
}

func verify(torrent *inspect.Torrent, dir string) {
	ctx := context.Background()
	verdict, err := inspect.Verify(ctx, torrent, dir, inspect.VerifyOptions{})
	check(err)
	fmt.Println("verify:", verdict.OK, verdict.Pieces.Good, "of", verdict.Pieces.Total)
	empty := filepath.Join(dir, "empty")
	check(os.Mkdir(empty, 0o755))
	verdict, err = inspect.Verify(ctx, torrent, empty, inspect.VerifyOptions{})
	check(err)
	for file := range verdict.Files {
		fmt.Println("verify:", file.Path, file.Status == inspect.StatusMissing, file.Bad[0].Cause)
	}
	bad, err := inspect.Parse([]byte("d4:infod5:filesld6:lengthi1e4:pathl2:..eee4:name1:x12:piece lengthi16384e6:pieces20:aaaaaaaaaaaaaaaaaaaaee"))
	check(err)
	_, err = inspect.Verify(ctx, bad, dir, inspect.VerifyOptions{})
	unusable, ok := errors.AsType[*inspect.UnusableError](err)
	fmt.Println("verify: a path that leads out is refused:", ok && unusable.Findings[0].Code == "unsafe-path")
}

func mend(torrent *inspect.Torrent, dir string) {
	ctx := context.Background()
	content := filepath.Join(dir, "release")
	built, err := repair.Build(ctx, torrent, map[int]string{0: filepath.Join(content, "a.bin"), 1: filepath.Join(content, "b.txt")},
		filepath.Join(dir, "copy"), repair.BuildOptions{Link: repair.LinkCopy})
	check(err)
	fmt.Println("build:", built.Made, built.Kept, built.Copied)
	damaged := filepath.Join(built.Root, "a.bin")
	check(os.WriteFile(damaged, []byte("damaged"), 0o644))
	verdict, err := inspect.Verify(ctx, torrent, built.Root, inspect.VerifyOptions{})
	check(err)
	var bad []int
	for piece := range verdict.BadPieces {
		bad = append(bad, piece.Index)
	}
	report, err := repair.Repair(ctx, torrent, built.Root, bad, []repair.Source{{Path: content}}, repair.Options{})
	check(err)
	fmt.Println("repair:", len(report.Files), report.Pieces, report.Bytes, len(report.Refused))
	b, err := os.ReadFile(damaged)
	fmt.Println("repair: the file is whole:", bytes.Equal(b, make([]byte, 40_000)), err)
}

func edit(torrent *inspect.Torrent) {
	result, err := rewrite.Apply(torrent.Bytes(), &rewrite.Edit{
		Trackers: rewrite.TrackerEdit{Set: true, Tiers: [][]string{{"https://new.example/announce"}}},
		Nodes:    []rewrite.Node{{Host: "2001:db8::1", Port: 6881}},
	})
	check(err)
	for _, change := range result.Changes {
		var text bytes.Buffer
		check(change.New.WriteJSON(&text))
		fmt.Println("rewrite:", change.Key, text.String())
	}
	_, err = rewrite.Apply(torrent.Bytes(), &rewrite.Edit{Entropy: true})
	fmt.Println("rewrite: another info-hash is refused:", errors.Is(err, rewrite.ErrInfo))
	link, unedited, err := (&rewrite.Edit{Trackers: rewrite.TrackerEdit{Passkey: "secret"}}).Magnet(torrent.Magnet())
	check(err)
	fmt.Println("rewrite:", len(unedited.None), "tracker without a passkey in", link.Name)
}

func ask(torrent *inspect.Torrent) {
	tracker := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/scrape" {
			fmt.Fprintf(w, "d5:filesd20:%sd8:completei3e10:downloadedi5e10:incompletei1eeee", r.URL.Query().Get("info_hash"))
		} else {
			fmt.Fprint(w, "d8:intervali1800e5:peers6:\x7f\x00\x00\x01\x1a\xe1e")
		}
	}))
	defer tracker.Close()
	client := &scrape.Client{Timeout: 10 * time.Second, Retries: -1}
	defer client.Close()
	target := scrape.TorrentTarget(torrent)
	target.Trackers = [][]string{{tracker.URL + "/announce"}, {"gopher://t.example/"}}
	table := scrape.Run(context.Background(), []scrape.Target{target}, scrape.Options{Client: client})
	for _, row := range table.Torrents[0].Swarms[0].Rows {
		var counts scrape.Counts = row.Counts
		fmt.Println("scrape:", row.Status, counts.Seeders, counts.Leechers, errors.Is(row.Err, scrape.ErrScheme))
	}

	u, err := scrape.ParseURL(tracker.URL + "/announce")
	check(err)
	response, err := client.Announce(context.Background(), u, scrape.AnnounceRequest{
		InfoHash: torrent.InfoHashV1, PeerID: [20]byte{1}, Port: 6881, Event: scrape.EventStarted,
	})
	check(err)
	fmt.Println("scrape: announced, again in", response.Interval, "peers", response.Peers[0].Addr)
}

func serve(torrent *inspect.Torrent, dir string) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	seeder := seed.New(seed.Options{
		Listener: listener,
		Event: func(_ time.Time, event seed.Event) {
			switch e := event.(type) {
			case seed.EventSeeding:
				fmt.Println("seed:", e.Torrent.Name(), e.Pieces, "of", e.Torrent.Pieces())
				go func() { // a peer comes
					defer stop()
					fmt.Println("seed: a peer is greeted:", handshake(listener.Addr().String(), torrent.InfoHashV1))
					download(torrent, listener.Addr().String())
				}()
			case seed.EventFailed:
				log.Fatal(e.Err)
			}
		},
	})
	// Without trackers: nothing outside of this host is asked.
	alone, err := rewrite.Apply(torrent.Bytes(), &rewrite.Edit{Trackers: rewrite.TrackerEdit{Set: true}})
	check(err)
	torrent, err = inspect.Parse(alone.Bytes)
	check(err)
	added, err := seeder.Add(seed.Input{Torrent: torrent, Path: dir})
	check(err)
	_, err = seeder.Add(seed.Input{Torrent: torrent, Path: dir})
	fmt.Println("seed: a second time is refused:", errors.Is(err, seed.ErrDuplicate), added.HexV1() == torrent.HexV1())
	if err := seeder.Serve(ctx); !errors.Is(err, context.Canceled) {
		log.Fatal(err)
	}
	fmt.Println("seed:", seeder.Status().Torrents[0].State == seed.StateSeeding)
}

// download gets a torrent by its magnet link from a seed.
func download(torrent *inspect.Torrent, addr string) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	dir, err := os.MkdirTemp("", "")
	check(err)
	defer os.RemoveAll(dir)
	getter, err := get.New(get.Options{
		Magnet: torrent.Magnet(), Listener: listener, Dir: dir, Peers: []netip.AddrPort{netip.MustParseAddrPort(addr)},
		Event: func(_ time.Time, event get.Event) {
			if e, ok := event.(get.EventComplete); ok {
				fmt.Println("get: complete:", filepath.Base(e.Path))
			}
		},
	})
	check(err)
	check(getter.Run(context.Background()))
	status := getter.Status()
	fmt.Println("get:", status.State, status.Done == status.Size, getter.Torrent().HexV1() == torrent.HexV1())
}

// handshake reports whether a seed answers a peer's handshake (BEP 3).
func handshake(addr string, infoHash [20]byte) bool {
	conn, err := net.Dial("tcp", addr)
	check(err)
	defer conn.Close()
	hello := append([]byte("\x13BitTorrent protocol\x00\x00\x00\x00\x00\x00\x00\x00"), infoHash[:]...)
	_, err = conn.Write(append(hello, "-XX0001-abcdefghijkl"...))
	check(err)
	answer := make([]byte, 68)
	_, err = io.ReadFull(conn, answer)
	check(err)
	return bytes.Equal(answer[28:48], infoHash[:])
}

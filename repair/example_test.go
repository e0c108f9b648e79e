package repair_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"bt/inspect"
	"bt/maketorrent"
	"bt/repair"
)

// Bad pieces of the data are taken from a backup.
func ExampleRepair() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	data, backup := filepath.Join(dir, "film.mkv"), filepath.Join(dir, "backup.mkv")
	for _, name := range []string{data, backup} {
		if err := os.WriteFile(name, make([]byte, 100_000), 0o644); err != nil {
			log.Fatal(err)
		}
	}
	made, err := maketorrent.Make(ctx, maketorrent.Options{Path: data, PieceLength: 16 << 10})
	if err != nil {
		log.Fatal(err)
	}
	if err := os.Truncate(data, 40_000); err != nil {
		log.Fatal(err)
	}

	verdict, err := inspect.Verify(ctx, made.Torrent, data, inspect.VerifyOptions{})
	if err != nil {
		log.Fatal(err)
	}
	var bad []int
	for piece := range verdict.BadPieces {
		bad = append(bad, piece.Index)
	}
	report, err := repair.Repair(ctx, made.Torrent, verdict.Content, bad, []repair.Source{{Path: backup}}, repair.Options{})
	if err != nil {
		log.Fatal(err)
	}
	for _, file := range report.Files {
		fmt.Println(filepath.Base(file.Path), file.Pieces, "pieces,", file.Bytes, "bytes")
	}
	// Output:
	// film.mkv 5 pieces, 67232 bytes
}

package rewrite_test

import (
	"errors"
	"fmt"
	"log"

	"bt/rewrite"
)

const old = "d8:announce30:http://old.example/1/announce/7:comment4:test4:infod6:lengthi3e4:name5:a.txt" +
	"12:piece lengthi16384e6:pieces20:aaaaaaaaaaaaaaaaaaaae5:x-key5:valuee"

// The tracker moves to another host, and the comment is removed. Everything else,
// including the info-hash, is unchanged.
func ExampleApply() {
	result, err := rewrite.Apply([]byte(old), &rewrite.Edit{
		Trackers: rewrite.TrackerEdit{
			Replace: []rewrite.Replacement{{How: rewrite.HowHost, Old: "old.example", New: "new.example"}},
			Add:     []rewrite.Addition{{URLs: []string{"udp://t.example:6969"}}},
		},
		Keys: []rewrite.KeyEdit{{Key: "comment"}},
	})
	if err != nil {
		log.Fatal(err)
	}
	for _, change := range result.Changes {
		fmt.Println("changed:", change.Key)
	}
	fmt.Printf("%.80s...\n", result.Bytes)
	fmt.Println("same info-hash:", result.Old.HexV1() == result.New.HexV1())
	// Output:
	// changed: announce
	// changed: announce-list
	// changed: comment
	// d8:announce30:http://new.example/1/announce/13:announce-listll30:http://new.exam...
	// same info-hash: true
}

// An edit of the info dict changes the info-hash, and is refused unless that is
// allowed.
func ExampleApply_info() {
	edit := rewrite.Edit{Info: []rewrite.KeyEdit{{Key: "private", Value: rewrite.Integer(1)}}}
	_, err := rewrite.Apply([]byte(old), &edit)
	fmt.Println(errors.Is(err, rewrite.ErrInfo))

	edit.NewInfoHash = true
	result, err := rewrite.Apply([]byte(old), &edit)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(result.Old.HexV1())
	fmt.Println(result.New.HexV1())
	// Output:
	// true
	// 8238f6572dfb2346b81f44f374e0e2b74b2d1e81
	// 143f11c00e65958e1575237ad4d8e0abbc3f8d0a
}

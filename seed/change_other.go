//go:build !linux

package seed

import "io/fs"

// changeTime returns 0, because the change time is not available here.
func changeTime(fs.FileInfo) int64 { return 0 }

//go:build !unix

package piece

import "io/fs"

// addInode adds nothing: an Identity has only size and modification time here.
func (id *Identity) addInode(fs.FileInfo) {}

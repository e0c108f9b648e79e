//go:build !linux && !darwin

package placefile

import "os"

// Clone returns ErrNoClone: this system has no clones.
func (f *File) Clone(*os.File) error { return ErrNoClone }

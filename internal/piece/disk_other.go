//go:build !linux

package piece

// On other systems the kind of disk is unknown, and ReadAuto always means ReadParallel.

func (t *Tree) isRemote() bool { return false }
func (r *run) survey() *survey { return new(survey) }

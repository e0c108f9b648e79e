//go:build unix && !linux

package piece

const populate = 0

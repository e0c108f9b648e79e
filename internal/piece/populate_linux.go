package piece

import "golang.org/x/sys/unix"

// populate has the kernel fill in the pages of a map at once: a page fault each
// (or each 16) costs more than hashing them.
const populate = unix.MAP_POPULATE

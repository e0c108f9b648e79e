package pool

// BlockLength is the length in bytes of all blocks of a torrent but the last ones of its
// pieces and files.
const BlockLength = 16 << 10

// Blocks are memory for blocks of torrents. The packages that receive, keep and write a block
// pass its memory on, so that it is not copied.
var Blocks Pool[[BlockLength]byte]

package pool

// BlockLength is the length in bytes of all blocks of a torrent but the last ones of its
// pieces and files.
const BlockLength = 16 << 10

// Blocks are memory for blocks of torrents. Who reads a block, keeps it and writes it hand
// its memory on.
var Blocks Pool[[BlockLength]byte]

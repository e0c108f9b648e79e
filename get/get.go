// Package get downloads a torrent from peers, and from web seeds over HTTP (BEP 17, 19).
//
// A [Getter] downloads one torrent, and writes each piece when its hash proves it to be
// right:
//
//	torrent, err := inspect.ReadFile("release.torrent")
//	if err != nil {
//		return err
//	}
//	listener, err := net.Listen("tcp", ":6881")
//	if err != nil {
//		return err
//	}
//	getter, err := get.New(get.Options{Torrent: torrent, Listener: listener, Dir: "downloads"})
//	if err != nil {
//		return err
//	}
//	return getter.Run(ctx)
//
// A file that is not complete has a name that ends in ".part". What an earlier run has
// downloaded is used, however that run ended.
package get

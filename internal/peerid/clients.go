package peerid

// The tables below are from BEP 20, wiki.theory.org, libtorrent, Transmission, BiglyBT,
// rTorrent, ruTorrent and webtorrent. If they disagree about a code, BEP 20 takes
// precedence, then a client that is still in use.

// A client is the client for a code, with a parser of its version, or nil if its ids
// don't contain one.
type client struct {
	name    string
	version version
}

// Codes of Azureus style, which are case sensitive.
var codes = map[string]client{
	code: {"bt", four},

	"7T": {"aTorrent", four},
	"AB": {"AnyEvent::BitTorrent", four},
	"AD": {"Advanced Download Manager", three},
	"AG": {"Ares", threeOrFour},
	"AN": {"Ares", four},
	"AR": {"Arctic", four}, // BiglyBT: also Ares
	"AT": {"Artemis", four},
	"AV": {"Avicora", four},
	"AX": {"BitPump", hundredths},
	"AZ": {"Azureus (Vuze)", four},
	"A~": {"Ares", threeOrFour},
	"BB": {"BitBuddy", pick("1.234")},
	"BC": {"BitComet", hundredths},
	"BE": {"BitTorrent SDK", four}, // or Baretorrent
	"BF": {"Bitflu", nil},
	"BG": {"BTG", four}, // or BTGetit
	"BH": {"BitZilla", four},
	"BI": {"BiglyBT", four},
	"BL": {"BitBlinder", four}, // BitLord has no dash after it
	"BM": {"BitMagnet", four},
	"BN": {"Baidu Netdisk", nil},
	"BP": {"BitTorrent Pro", four},
	"BR": {"BitRocket", pick("1.2 (34)")},
	"BS": {"BTSlave", four},
	"BT": {"BitTorrent", bitTorrent}, // from 7.9 on; Mainline before
	"Bt": {"Bt (Java)", four},
	"BU": {"BigUp", four},
	"BW": {"BitTorrent Web", utorrent}, // formerly BitWombat
	"BX": {"BittorrentX", four},
	"CB": {"Shareaza Plus", four},
	"CD": {"Enhanced CTorrent", hundredths},
	"CS": {"SpywareTerminator", nil},
	"CT": {"CTorrent", pick("1.2.34")},
	"DE": {"Deluge", deluge},
	"DP": {"Propagate Data Client", four},
	"EB": {"EBit", four},
	"ES": {"Electric Sheep", three},
	"FC": {"FileCroc", four},
	"FD": {"Free Download Manager", twoOrThree},
	"FL": {"Folx or Flud", nil}, // they have different forms of versions
	"FT": {"FoxTorrent", four},
	"FW": {"FrostWire", three},
	"FX": {"Freebox BitTorrent", four},
	"GP": {"Gopeed", four},
	"GR": {"GetRight", pick("1.2")},
	"GS": {"GSTorrent", four},
	"GT": {"anacrolix/torrent", four},
	"HK": {"Hekate", four},
	"HL": {"Halite", three},
	"HM": {"hMule", four},
	"HN": {"Hydranode", four},
	"IL": {"iLivid", three},
	"JS": {"JSTorrent", four}, // formerly Justseed.it
	"JT": {"JavaTorrent", four},
	"KC": {"Koinonein", four},
	"KG": {"KGet", four},
	"KT": {"KTorrent", ktorrent},
	"LC": {"LeechCraft", four},
	"LH": {"LH-ABC", four},
	"LK": {"Linkage", three},
	"LP": {"Lphant", hundredths},
	"LR": {"LibreTorrent", three},
	"LT": {"libtorrent (Rasterbar)", threeOrFour},
	"LW": {"LimeWire", nil}, // its digits are the version of the protocol
	"Lr": {"LibreTorrent", three},
	"MG": {"MediaGet", pick("1.2")},
	"MK": {"Meerkat", four},
	"MO": {"MonoTorrent", four},
	"MP": {"MooPolice", three},
	"MR": {"Miro", four},
	"MT": {"MoonlightTorrent", four},
	"NB": {"Net::BitTorrent", four},
	"NE": {"BT Next Evolution", three},
	"NX": {"Net Transport", four},
	"OS": {"OneSwarm", four},
	"OT": {"OmegaTorrent", four},
	"PB": {"Protocol::BitTorrent", four},
	"PD": {"Pando", four},
	"PE": {"PeerProject", four},
	"PI": {"PicoTorrent", pick("1.23.4")},
	"PT": {"Popcorn Time", four}, // or PHPTracker
	"QD": {"QQDownload", four},
	"QT": {"Qt 4 Torrent example", four},
	"RM": {"RUM Torrent", four},
	"RS": {"Rufus", four},
	"RT": {"Retriever", four},
	"RZ": {"RezTorrent", four},
	"SB": {"Swiftbit", four},
	"SD": {"Xunlei", four},
	"SG": {"GS Torrent", four},
	"SK": {"Spark", four},
	"SM": {"SoMud", three},
	"SN": {"ShareNET", four},
	"SP": {"BitSpirit", three},
	"SS": {"SwarmScope", four},
	"ST": {"SymTorrent", pick("2.34")},
	"SZ": {"Shareaza", four},
	"S~": {"Shareaza alpha/beta", four},
	"TB": {"Torch", nil}, // its digits are the end of a longer number
	"TE": {"terasaur Seed Bank", four},
	"TG": {"Torrent GO", four},
	"TL": {"Tribler", threeOrFour}, // from 6.1 on
	"TN": {"Torrent.NET", four},
	"TR": {"Transmission", transmission},
	"TS": {"TorrentStorm", four},
	"TT": {"TuoTu", three},
	"TX": {"Tixati", four},
	"UE": {"µTorrent Embedded", utorrent},
	"UL": {"uLeecher!", four},
	"UM": {"µTorrent Mac", utorrent},
	"UT": {"µTorrent", utorrent},
	"UW": {"µTorrent Web", utorrent},
	"VG": {"Vagaa", four},
	"WD": {"WebTorrent Desktop", pairs},
	"WS": {"HTTP seed", nil},
	"WT": {"BitLet", four},
	"WW": {"WebTorrent", pairs},
	"WY": {"FireTorrent", four},
	"XC": {"Xtorrent", pick("1.2.34")},
	"XF": {"Xfplay", xfplay},
	"XL": {"Xunlei", four},
	"XS": {"XSwifter", four},
	"XT": {"XanTorrent", four},
	"XX": {"Xtorrent", pick("1.2.34")},
	"ZO": {"Zona", four},
	"ZT": {"ZipTorrent", four},
	"bk": {"BitKitten", four},
	"cT": {"CuteTorrent", four},
	"eM": {"eMule", nil}, // its 1004 is not a version
	"jT": {"jTorrent", pick("1.2")},
	"lt": {"libTorrent (rTorrent)", three},
	"pX": {"pHoeniX", four},
	"pb": {"pbTorrent", three},
	"qB": {"qBittorrent", threeOrFour},
	"rQ": {"rqbit", threeOrFour},
	"st": {"SharkTorrent", four},
	"tT": {"tTorrent", four},
}

// Letters of Shadow style.
var letters = map[byte]string{
	'A': "ABC",
	'O': "Osprey Permaseed",
	'Q': "BTQueue",
	'R': "Tribler", // before 6.1
	'S': "Shadow's client",
	'T': "BitTornado",
	'U': "UPnP NAT BitTorrent",
}

// Marks of all other clients, in the order in which they are tried. Opera's single
// letter is after the marks that begin with it. All are tried before Shadow style,
// which some resemble. The version follows the mark.
var marks = []struct {
	at         int // offset in the id
	text, name string
	version    version
}{
	// Azureus style, except for the first or last dash.
	{0, "-BL", "BitLord", pick("1.2.3-456")},
	{0, "-BT", "BitTorrent", bitTorrent},
	{0, "-BW", "BitTorrent Web", utorrent},
	{0, "-FG", "FlashGet", hundredths},
	{0, "-FL", "Folx or Flud", nil},
	{0, "-G3", "G3 Torrent", nil}, // followed by a nickname
	{0, "-KT", "KTorrent", ktorrent},
	{0, "-LH", "LH-ABC", four},
	{0, "-NE", "BT Next Evolution", three},
	{0, "-SP", "BitSpirit", three},
	{0, "-UE", "µTorrent Embedded", utorrent},
	{0, "-UM", "µTorrent Mac", utorrent},
	{0, "-UT", "µTorrent", utorrent},
	{0, "-UW", "µTorrent Web", utorrent},

	// A dash, but not a code of two letters.
	{0, "-BOW", "Bits on Wheels", bitsOnWheels},
	{0, "-ML", "MLdonkey", spelled},
	{0, "-Qt-", "Qt 4 Torrent example", nil},
	{0, "-RN", "Rain", spelled},
	{0, "-WT-", "BitLet", nil},
	{0, "-aria2-", "aria2", nil},

	// Mainline style.
	{0, "A2-", "aria2", dashed},
	{0, "M", "Mainline", dashed},
	{0, "Q", "Queen Bee", dashed},
	{0, "S3-", "Amazon S3", dashed},

	// BitComet before 0.59, and patched versions.
	{0, "exbc", "BitLord", lord},
	{0, "exbc", "BitComet", twoBytes},
	{0, "FUTB", "BitComet (Solidox mod)", twoBytes},
	{0, "xUTB", "BitComet (mod 2)", twoBytes},

	{0, "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x03\x03\x03", "I2PSnark", nil},
	{0, "10-------", "JVtorrent", nil},
	{0, "271-", "GreedBT 2.7.1", nil},
	{0, "346-", "TorrenTopia", nil},
	{0, "AP", "AllPeers", spelled},
	{0, "AZ2500BT", "BitTyrant", nil},
	{0, "Azureus", "Azureus 1", nil},
	{5, "Azureus", "Azureus 2.0.3.2", nil},
	{0, "BLZ", "Blizzard Downloader", nil},
	{0, "BTDWV-", "Deadman Walking", nil},
	{0, "BTM", "BTuga Revolution", pick("1.2")},
	{5, "BTuga", "BTugaXP", nil},
	{0, "BitLet", "BitLet", pick("1.2")},
	{0, "DNA", "BitTorrent DNA", threePairs},
	{0, "DansClient", "XanTorrent", nil},
	{0, "Deadman Walking-", "Deadman", nil},
	{0, "Ext", "External Webseed", nil},
	{0, "FD6", "Free Download Manager 6", nil},
	{0, "LIME", "LimeWire", nil},
	{0, "MG-3", "MediaGet 3", nil},
	{0, "Mbrst", "burst!", pick("1.3.5")},
	{0, "OP", "Opera", pick("(build 1234)")},
	{0, "O", "Opera", pick("(build 12345)")},
	{0, "P87.P---", "BitTorrent Plus!", nil},
	{0, "PEERAPP", "PeerApp", nil},
	{0, "PRC.P---", "BitTorrent Plus! II", nil},
	{0, "Pando", "Pando", nil},
	{0, "Plus", "Plus!", nil},
	{0, "QVOD", "Qvod", pick("(build 1234)")},
	{0, "S587Plus", "BitTorrent Plus!", nil},
	{0, "T00---0", "Teeweety", nil},
	{0, "TB", "Top-BT", pick("1.2.3")},
	{0, "TIX", "Tixati", hundredths},
	{0, "XBT", "XBT Client", xbt},
	{0, "a00---0", "Swarmy", nil},
	{0, "a02---0", "Swarmy", nil},
	{0, "arclight", "Hurricane Electric", nil},
	{0, "aria2-", "aria2", nil},
	{4, "btfans", "SimpleBT", nil},
	{0, "btpd", "BT Protocol Daemon", nil},
	{0, "btuga", "BTugaXP", nil},
	{0, "martini", "Martini Man", nil},
	{0, "oernu", "BTugaXP", nil},
	{0, "turbobt", "TurboBT", nil},
}

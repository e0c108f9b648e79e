package main

import (
	"slices"
	"strings"
)

// Users of other tools type the names of their commands and flags. These tables
// map those of mktorrent, transmission-create, -edit and -show, mkbrr,
// torrenttools, torf, intermodal (imdl), py3createtorrent, aria2 and curl to
// hints with bt's names. Names of more than one letter are in lower case with
// dashes; see spelling.

// otherWords holds names, separated by blanks, that share a hint.
type otherWords struct{ words, hint string }

var otherCommands = []otherWords{
	{"create new mk mktorrent transmission-create build generate gen", "bt make PATH makes a torrent"},
	{"show inspect print display view see details describe metainfo stat transmission-show", "bt info TORRENT shows a torrent"},
	{"dump decode bdecode raw json cat", "bt info --raw TORRENT prints a whole torrent as JSON"},
	{"list ls files contents", "bt info --files TORRENT lists the files of a torrent"},
	{"magnet link", "bt info --magnet TORRENT prints the magnet link"},
	{"infohash info-hash", "bt info --field info_hash_v1,info_hash_v2 TORRENT prints the info-hashes"},
	{"lint audit", "bt info --strict TORRENT exits with 1 if there are findings"},
	{"hash", "bt verify TORRENT checks data by its hashes; bt info TORRENT shows the info-hashes"},
	{"validate", "bt verify TORRENT checks data; bt info --strict TORRENT looks for faults in the torrent itself"},
	{"check recheck hashcheck hash-check rehash test compare", "bt verify TORRENT [PATH] checks data against a torrent"},
	{"repair fix mend heal patch", "bt verify TORRENT [PATH] --repair --from SOURCE mends data from another copy"},
	{"edit modify change set replace rewrite update announce transmission-edit", "bt retracker edits torrents: bt retracker TORRENT --announce URL replaces the trackers"},
	{"add append", "bt retracker TORRENT --add URL adds a tracker"},
	{"remove delete rm del", "bt retracker TORRENT --remove URL removes a tracker"},
	{"tracker trackers", "bt retracker edits the trackers of a torrent; bt scrape asks them for numbers"},
	{"ask swarm seeders leechers peers", "bt scrape TORRENT asks its trackers"},
	{"share", "bt make PATH --seed makes a torrent and seeds it; bt seed TORRENT seeds one that is there"},
	{"upload serve start run", "bt seed TORRENT [PATH] serves the data of a torrent to peers"},
	{"download dl leech fetch pull aria2c wget curl", "bt get TORRENT|MAGNET|URL downloads a torrent"},
	{"diff", "bt info --diff A B compares two torrents; bt retracker --dry-run shows what an edit would change"},
	{"torrent mkbrr torf torrenttools imdl intermodal", "leave the word out: bt make, bt info, bt verify, bt retracker, bt scrape, bt seed, bt get"},
	{"version", "bt --version prints the version"},
	{"complete autocomplete autocompletion completion-script gen-completion", "bt completion bash|zsh|fish|powershell prints the script of a shell"},
	{"man manpage man-pages", "bt help lists the commands; bt help --man DIR writes the man pages"},
	{"usage commands", "bt help lists the commands"},
}

// everywhereWords holds flags that are valid for every command and before the
// command.
var everywhereWords = []otherWords{
	{"silent no-output no-progress hide-progress", "use --quiet"},
	{"debug loglevel log-level", "use --verbose"},
	{"no-color no-colour nocolor nocolour monochrome", "use --color never"},
	{"V version", "bt --version prints the version"},
	{"yes y assume-yes noconfirm no-confirm non-interactive noninteractive no-input no-prompt", "leave it out: bt never prompts"},
	{"interactive ask prompt confirm", "bt never prompts: it refuses, and names the flag that allows the action"},
}

var (
	announceWords = otherWords{"trackers tracker-url tracker-list trackerlist announce-url announce-urls announceurl announce-list announces", "use --announce"}
	seedWords     = []otherWords{
		{"webseed webseeds web-seeds web-seed-url url-list urllist url-seed", "use --web-seed"},
		{"httpseed httpseeds http-seeds", "use --http-seed"},
		{"dht-nodes nodes", "use --node"},
	}
	textWords = []otherWords{
		{"c comments description desc", "use --comment"},
		{"creator createdby", "use --created-by"},
		{"no-creator nocreator no-createdby nocreatedby", "use --no-created-by"},
		{"creation-date creationdate set-creation-date timestamp created-at", "use --date"},
		{"no-creation-date nocreationdate nodate without-date no-timestamp", "use --no-date"},
	}
	infoWords = []otherWords{
		{"source-tag source-string sourcetag", "use --source"},
		{"torrent-name display-name title", "use --name"},
		{"random randomize randomise randomize-infohash salt unique", "use --entropy"},
	}
	// peerWords and seedingWords are for the flags that bt seed and bt get share.
	peerWords = []otherWords{
		{"p listen-port listen bt-port ports", "use --port"},
		{"i interface listen-address bind-address address", "use --bind"},
		{"ipv4-only disable-ipv6 inet4 v4", "use --ipv4"},
		{"ipv6-only disable-ipv4 inet6 v6", "use --ipv6"},
		{"external-ip bt-external-ip announce-ip public-ip", "use --ip"},
		{"u upload-limit uplimit upload-rate max-upload-limit max-overall-upload-limit upload", "use --max-upload-rate"},
		{"max-upload", "use --max-upload-rate for bytes a second, --max-uploads for peers"},
		{"max-connections connections bt-max-peers peer-limit peerlimit", "use --max-peers"},
		{"slots upload-slots max-upload-slots", "use --max-uploads"},
		{"encrypt crypto require-crypto bt-require-crypto encryption-required", "use --encryption require"},
		{"no-encryption noencryption", "use --encryption off"},
		{"nodht disable-dht", "use --no-dht"},
		{"enable-dht dht", "the DHT is used without a flag, and --no-dht turns it off"},
		{"dht-entry-point dht-bootstrap bootstrap dht-nodes", "use --dht-node"},
		{"nopex disable-pex", "use --no-pex"},
		{"enable-peer-exchange pex", "peers are exchanged without a flag, and --no-pex turns it off"},
		{"nolsd no-lpd disable-lpd nolpd", "use --no-lsd"},
		{"bt-enable-lpd lsd lpd", "local discovery is used without a flag, and --no-lsd turns it off"},
		{"no-upnp noupnp no-natpmp no-portmap no-port-mapping disable-upnp upnp natpmp", "there is no port mapping; --no-port-map is accepted"},
	}
	seedingWords = []otherWords{
		{"ratio seed-ratio seedratio share-ratio", "use --until-ratio"},
		{"seed-time seedtime duration time", "use --for with a unit, such as --for 30m"},
		{"superseed super-seeding superseeding initial-seed initial-seeding", "use --super-seed"},
		{"http web web-ui rpc-port metrics prometheus status-port", "use --status"},
	}
	outputWords  = otherWords{"out outfile out-file output-file outputfile output-path output-dir output-directory target dest destination save-as", "use --output"}
	jsonWords    = otherWords{"print-json output-json as-json to-json machine-readable", "use --json"}
	jobsWords    = otherWords{"threads thread workers num-threads cpus concurrency", "use --jobs"}
	revealWords  = otherWords{"show-secrets show-passkeys unmask no-mask", "use --reveal"}
	recurseWords = otherWords{"recurse recursively subdirectories subdirs", "use --recursive"}
)

// otherFlags holds the flags by command.
var otherFlags = map[string][]otherWords{
	"make": slices.Concat([]otherWords{
		announceWords, outputWords, jsonWords, jobsWords, revealWords,
		{"n", "use --name"},
		{"t", "use --announce for a tracker, --jobs for the number of workers"},
		{"s", "use --source for the source, --piece-length for the length of pieces"},
		{"p", "use --private for a private torrent, --piece-length for the length of pieces"},
		{"d", "use --no-date for none, --date for another"},
		{"e", "use --exclude to leave files out, --entropy for another info-hash"},
		{"P", "use --private for a private torrent, --preset for a preset"},
		{"private-torrent privatetorrent set-private", "use --private"},
		{"no-private noprivate public", "leave it out: a torrent is public without --private; --private=false overrides a preset"},
		{"profile presets profiles", "use --preset"},
		{"preset-file presets-file preset-config config-file configfile", "use --config"},
		{"no-config noconfig no-profile no-presets", "use --no-preset"},
		{"print-config dump-config list-presets", "use --show-config"},
		{"piece-size piecesize pieces-size piece-len piecelen piecelength chunk-size chunksize block-size", "use --piece-length"},
		{"m max-piece-size maxpiecesize max-piecelength piece-length-max", "use --max-piece-length"},
		{"overwrite replace clobber allow-overwrite force-overwrite", "use --force to replace an existing output"},
		{"protocol torrent-version meta-version bittorrent-version hybrid v1 v2 v2-only", "use --format v1, v2 or hybrid"},
		{"g glob includes include-pattern include-glob only", "use --include"},
		{"x excludes exclude-pattern exclude-glob ignore skip", "use --exclude"},
		{"include-regex exclude-regex regex", "use --include or --exclude, which take globs and no regular expressions"},
		{"no-follow nofollow skip-symlinks ignore-symlinks no-symlinks no-follow-symlinks", "use --symlinks skip"},
		{"L follow follow-symlinks follow-links dereference", "leave it out: links are followed, unless --symlinks skip"},
		{"store-symlinks keep-symlinks preserve-symlinks symlink links", "use --symlinks store"},
		{"hidden exclude-hidden ignore-hidden skip-hidden no-dotfiles", "use --no-hidden"},
		{"H include-hidden with-hidden dotfiles", "leave it out: hidden files are taken, unless --no-hidden"},
		{"include-junk with-junk junk no-junk skip-junk", "junk such as .DS_Store is left out, unless --keep-junk"},
		{"T from-file file-list filelist list files", "use --files-from"},
		{"z zero print0 null-data", "use --null, or -0"},
		{"pad pads padding pad-files padfiles padded aligned align-files", "use --align"},
		{"attr attrs executable executables", "use --attributes"},
		{"i input content path", "name the content without a flag: bt make PATH"},
		{"share start-seeding", "use --seed"},
		{"md5 md5sum md5sums", "leave it out: bt writes no MD5 sums"},
		{"dryrun test simulate preview what-if", "use --dry-run"},
		{"separate separately individual individually foreach one-each per-file", "use --each"},
		{"nocache no-hash-cache fresh rehash ignore-cache", "use --no-cache"},
	}, seedWords, textWords, infoWords),
	"info": {
		jsonWords, revealWords,
		{"m magnet-link magnetlink link", "use --magnet"},
		{"s scrape", "bt scrape TORRENT asks its trackers"},
		{"S list-files file-list filelist show-files ls list", "use --files"},
		{"t", "use --tree"},
		{"nofiles hide-files", "use --no-files"},
		{"fields key keys", "use --field"},
		{"hash infohash info-hash hashes", "use --field info_hash_v1,info_hash_v2"},
		{"piece-hashes pieces-hashes", "use --pieces"},
		{"dump", "use --bencode, or --raw for JSON"},
		{"pad-files padding show-pads padfiles", "use --pads"},
		{"check validate lint", "use --strict for faults of the torrent; bt verify TORRENT checks its data"},
		{"i input torrent metainfo", "name the torrent without a flag: bt info TORRENT"},
	},
	"verify": {
		jsonWords, jobsWords,
		{"c d content path dir directory save-path download-dir", "name the data after the torrent: bt verify TORRENT PATH; of several torrents use --data"},
		{"i t input torrent metainfo", "name the torrent without a flag: bt verify TORRENT [PATH]"},
		{"extra-files surplus unexpected", "use --extra"},
		{"bad-only failed only-failed bad", "use --only-bad"},
		{"picture pieces pieces-map piece-map graph visual", "use --map"},
		{"html csv txt log export", "use --report FILE.html, FILE.csv or FILE.txt"},
		{"fix mend heal", "use --repair --from SOURCE"},
		{"n dryrun simulate preview what-if", "use --dry-run, with --repair or --link"},
		{"source mirror web-seed backup", "use --repair --from SOURCE"},
		{"hardlink hard-link symlink reflink clone", "use --link hard|sym|reflink|copy --into DIR"},
	},
	"retracker": slices.Concat([]otherWords{
		outputWords, jsonWords, revealWords, recurseWords,
		{"tracker t set-tracker set-trackers set-announce settracker " + announceWords.words, "use --add URL to add a tracker, --announce URL to replace all of them"},
		{"add-tracker add-trackers add-announce append append-tracker addtracker", "use --add"},
		{"d delete del rm delete-tracker remove-tracker removetracker remove-announce", "use --remove"},
		{"no-tracker no-announce clear clear-trackers remove-trackers remove-all-trackers delete-trackers", "use --no-trackers"},
		{"r", "use --replace OLD --with NEW for a text in trackers, --recursive for what is below a directory"},
		{"replace-tracker substitute", "use --replace OLD --with NEW"},
		{"by to", "use --with"},
		{"dht-node", "use --node"},
		{"regex regexp replace-regexp", "use --replace-regex RE --with NEW"},
		{"hostname domain replace-host", "use --host OLD --with NEW"},
		{"remove-dead dead remove-dead-trackers drop-dead-trackers", "use --drop-dead"},
		{"remove-duplicates no-duplicates unique-trackers deduplicate", "use --dedupe"},
		{"s", "use --source"},
		{"p", "use --private"},
		{"no-private noprivate unset-private unprivate not-private remove-private", "use --public"},
		{"set-source", "use --source"},
		{"set-comment", "use --comment"},
		{"set-name rename", "use --name"},
		{"new-info-hash newinfohash change-infohash change-info-hash allow-new-infohash", "use --new-infohash"},
		{"remove-comment delete-comment clear-comment", "use --no-comment"},
		{"remove-source delete-source clear-source", "use --no-source"},
		{"remove-date delete-date remove-creation-date", "use --no-date"},
		{"remove-web-seeds clear-web-seeds no-webseeds no-webseed", "use --no-web-seeds"},
		{"i in-place inplace", "leave it out: without --output a torrent is edited in place"},
		{"overwrite clobber allow-overwrite force-overwrite", "use --force to replace an existing --output; without --output a torrent is edited in place"},
		{"n dryrun test simulate preview what-if", "use --dry-run"},
		{"backup-suffix suffix keep-original", "use --backup, or --backup=.SUFFIX"},
		{"rules-file rule", "use --rules"},
	}, seedWords, textWords, infoWords),
	"scrape": {
		jsonWords, revealWords,
		{"t u url trackers tracker-url announce-url announce-list only", "use --tracker"},
		{"n interval every repeat loop", "use --watch"},
		{"m deadline max-duration", "use --max-time"},
		{"connect-timeout wait", "use --timeout"},
		{"retry tries max-tries attempts", "use --retries"},
		{"jsonl json-lines ndjson", "use --json, which with --watch prints one document per line"},
		{"x all-proxy http-proxy https-proxy socks5 socks", "use --proxy"},
		{"k no-verify no-check-certificate skip-verify check-certificate", "--insecure accepts any certificate"},
		{"ipv4-only disable-ipv6 inet4 v4", "use --ipv4"},
		{"ipv6-only disable-ipv4 inet6 v6", "use --ipv6"},
		{"list-peers show-peers get-peers", "leave it out: bt scrape counts seeders and leechers; --peers lists them, but registers with the trackers, and leaves again"},
	},
	"seed": slices.Concat([]otherWords{
		announceWords, jsonWords, revealWords, recurseWords,
		{"limit-rate rate-limit speed-limit max-rate rate limit speed", "use --max-upload-rate"},
		{"d dir directory content path data-dir download-dir save-path save-to", "name the data after the torrent: bt seed TORRENT PATH; of a directory of torrents use --data"},
		{"check-integrity bt-hash-check-seed hash-check verify recheck", "leave it out: data is checked, unless --check says otherwise"},
		{"no-check nocheck skip-check skip-hash-check no-verify seed-mode bt-seed-unverified", "use --check none"},
		{"max-download-rate max-download-limit download-limit", "leave it out: bt seed downloads nothing"},
	}, peerWords, seedingWords),
	"get": slices.Concat([]otherWords{
		announceWords, outputWords, jsonWords, revealWords,
		{"d P dir directory download-dir save-path save-to path directory-prefix", "use --output DIR"},
		{"O stdout", "use --output -"},
		{"select-file file only include select index-out", "use --files GLOB; --list shows the files"},
		{"S show-files ls", "use --list"},
		{"order stream streaming in-order download-in-order", "use --sequential"},
		{"bt-metadata-only magnet-only torrent-only bt-save-metadata", "use --metadata-only"},
		{"download-limit max-download-limit max-overall-download-limit downlimit download-rate max-download", "use --max-download-rate"},
		{"limit-rate rate-limit speed-limit max-rate rate limit speed", "use --max-download-rate or --max-upload-rate"},
		{"peers connect add-peer", "use --peer HOST:PORT, again for more"},
		{"check check-integrity hash-check verify force-recheck", "use --recheck; data that is there is checked anyway, unless an earlier run has checked it"},
		{"c continue resume", "leave it out: the same command goes on where an earlier one stopped"},
		{"overwrite replace allow-overwrite", "use --force"},
		{"file-allocation prealloc preallocate", "use --allocate full"},
		{"bt-stop-timeout max-time wait give-up", "use --timeout"},
		{"no-seed seed-none", "leave it out: bt get ends when the download is complete, unless --seed is given"},
		{"local private-addresses", "use --allow-local"},
	}, peerWords, seedingWords),
}

// lookUp returns the hint for a word, or "".
func lookUp(word string, table []otherWords) string {
	for _, row := range table {
		if slices.Contains(strings.Fields(row.words), word) {
			return row.hint
		}
	}
	return ""
}

// otherFlag returns the hint for a flag of another tool, or "". command is ""
// before the command.
func otherFlag(command, name string) string {
	if hint := lookUp(name, otherFlags[command]); hint != "" {
		return hint
	}
	return lookUp(name, everywhereWords)
}

// The status page of bt seed. It fetches JSON every second and shows it. All text
// in it is untrusted, so it is only set by textContent.

const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

const pageSize = 50;
const shownFor = 5 * 60e3; // length of the graph
const stateNames = {
	seeding: "Seeding", "super-seeding": "Super-seeding", checking: "Checking",
	queued: "Queued", waiting: "Waiting", done: "Done", error: "Error",
};

// --- the state of the page, kept in its URL

const view = {sort: "-uploaded", q: "", show: "", page: 0};
for (const [key, value] of new URLSearchParams(location.search)) {
	if (key === "q") view.q = value;
	if (key === "page") view.page = Math.max(0, Math.trunc(value) - 1) || 0;
	if (key === "show" && (value === "trouble" || Object.hasOwn(stateNames, value))) view.show = value;
	if (key === "sort" && /^-?(name|state|size|uploaded|ratio|rate|peers|tracker)$/.test(value)) view.sort = value;
}

function setView(change) {
	Object.assign(view, {page: 0}, change);
	const query = new URLSearchParams();
	if (view.q) query.set("q", view.q);
	if (view.show) query.set("show", view.show);
	if (view.sort !== "-uploaded") query.set("sort", view.sort);
	if (view.page) query.set("page", view.page + 1);
	history.replaceState(null, "", (query.size ? "?" + query : location.pathname) + location.hash);
	showView();
	poll();
}

function showView() {
	const [key, descending] = view.sort.startsWith("-") ? [view.sort.slice(1), true] : [view.sort, false];
	for (const th of $$("#torrents th")) {
		const sorted = th.classList.contains(key);
		if (sorted) th.setAttribute("aria-sort", descending ? "descending" : "ascending");
		else th.removeAttribute("aria-sort");
	}
	const select = $("#order select");
	select.value = view.sort;
	if (select.selectedIndex < 0) { // the order is that of a reversed column
		const option = new Option(`${key}, ${descending ? "falling" : "rising"}`, view.sort);
		select.add(option);
		option.selected = true;
	}
}

// --- text

// shown escapes characters that move, reorder or hide text, as bt does on a terminal.
function shown(text) {
	return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Noncharacter_Code_Point}]/gu, (c) => {
		if (c === "\u200c" || c === "\u200d") return c;
		const n = c.codePointAt(0);
		const simple = {9: "\\t", 10: "\\n", 13: "\\r"}[n];
		if (simple) return simple;
		const hex = n.toString(16);
		return n < 0x80 ? "\\x" + hex.padStart(2, "0") : n < 0x10000 ? "\\u" + hex.padStart(4, "0") : "\\U" + hex.padStart(8, "0");
	});
}

const counts = new Intl.NumberFormat("en");
const count = (n) => counts.format(n);

function size(n) {
	if (n < 1024) return `${n} B`;
	let unit = -1;
	do {
		n /= 1024;
		unit++;
	} while (n >= 1023.95 && unit < 5);
	return `${n.toFixed(1)} ${"KMGTPE"[unit]}iB`;
}

const rate = (n) => size(n) + "/s";
const rateOrNone = (n) => (n > 0 ? rate(n) : "–");
const ratio = (n) => (n === undefined ? "–" : n.toFixed(n < 100 ? 2 : 0));
const part = (done, total) => (total > 0 ? Math.floor((100 * done) / total) : 0);

function duration(ms) {
	const s = Math.max(0, Math.round(ms / 1000));
	const two = (n) => String(n).padStart(2, "0");
	if (s < 60) return `${s}s`;
	if (s < 3600) return `${Math.floor(s / 60)}m${two(s % 60)}s`;
	if (s < 86400) return `${Math.floor(s / 3600)}h${two(Math.floor(s / 60) % 60)}m`;
	return `${Math.floor(s / 86400)}d${two(Math.floor(s / 3600) % 24)}h`;
}

// --- elements: only changed values are set, to preserve the selection and the focus

function put(node, text) {
	if (node.textContent !== text) node.textContent = text;
}

function attribute(node, name, value) {
	if (value === null) node.removeAttribute(name);
	else if (node.getAttribute(name) !== value) node.setAttribute(name, value);
}

function make(tag, className, ...children) {
	const node = document.createElement(tag);
	if (className) node.className = className;
	node.append(...children);
	return node;
}

function cell(className, label, ...children) {
	const td = make("td", className, ...children);
	td.setAttribute("role", "cell");
	if (label) td.dataset.label = label;
	return td;
}

function row(...cells) {
	const tr = make("tr", "", ...cells);
	tr.setAttribute("role", "row");
	return tr;
}

// list gives a body one child per item. It reuses the child that has the item's
// key, if there is one.
function list(body, items, key, create, update) {
	const had = new Map([...body.children].map((node) => [node.dataset.key, node]));
	const focused = body.contains(document.activeElement) ? document.activeElement : null;
	items.forEach((item, i) => {
		const k = key(item, i);
		let node = had.get(k);
		if (node) had.delete(k);
		else {
			node = create();
			node.dataset.key = k;
		}
		update(node, item);
		if (body.children[i] !== node) body.insertBefore(node, body.children[i] ?? null);
	});
	for (const node of had.values()) node.remove();
	if (focused?.isConnected && focused !== document.activeElement) focused.focus({preventScroll: true});
}

// --- totals

function showTotals(s) {
	put($("#rate"), rate(s.rate));
	put($("#peers"), count(s.peers));
	put($("#uploaded"), size(s.uploaded));
	put($("#total"), count(s.total));
	put($("#size"), size(s.size));
	put($("#since"), `running for ${duration(new Date(s.time) - new Date(s.since))}`);
	put($("#version"), s.version ? `bt ${shown(s.version)}` : "");
	put($("#masked"), s.revealed ? "Passkeys and addresses are shown" : "Passkeys and addresses are masked");
	document.title = s.rate > 0 ? `↑ ${rate(s.rate)} · bt seed` : "bt seed";

	const choices = [["", "All", s.total]];
	for (const [state, name] of Object.entries(stateNames)) choices.push([state, name, s.states[state]]);
	choices.push(["trouble", "Trouble", s.trouble]);
	list($("#states"), choices.filter(([key, , n]) => key === "" || n > 0 || key === view.show), ([key]) => key,
		() => {
			const button = make("button", "", make("span"), " ", make("b"));
			button.type = "button";
			button.addEventListener("click", () => setView({show: button.dataset.key}));
			return button;
		},
		(button, [key, name, n]) => {
			attribute(button, "aria-pressed", String(key === view.show));
			put(button.children[0], name);
			put(button.children[1], count(n));
		});
}

// --- the graph

let points = []; // [time, rate], by the clock of the seed

function addPoints(s) {
	if (s.history) points = s.history.map((h) => [Date.parse(h.time), h.rate]);
	const now = Date.parse(s.time);
	points = points.filter(([t]) => t < now);
	points.push([now, s.rate]);
	while (points.length > 2 && points[1][0] < now - shownFor) points.shift();
}

// ceiling returns the next 2^n or 3·2^n, whose halves have few digits.
function ceiling(n) {
	let top = 1024;
	while (top < n) top *= 2;
	return top > 1024 && (top * 3) / 4 >= n ? (top * 3) / 4 : top;
}

let graphTop = 1024;
const graphX = (t) => 300 * (1 - (points.at(-1)[0] - t) / shownFor);
const graphY = (r) => 100 * (1 - r / graphTop);

function showGraph() {
	graphTop = ceiling(Math.max(...points.map(([, r]) => r)));
	const line = points.map(([t, r]) => `${graphX(t).toFixed(2)} ${graphY(r).toFixed(2)}`).join("L");
	attribute($("#graph .line"), "d", "M" + line);
	attribute($("#graph .area"), "d", `M${graphX(points[0][0]).toFixed(2)} 100L${line}L300 100Z`);
	put($("#graph .top"), rate(graphTop));
	showPoint();
}

let pointAt = null; // position of the pointer, 0 to 1

function showPoint() {
	const cursor = $("#graph .cursor");
	if (pointAt === null || !points.length) {
		attribute(cursor, "d", "");
		put($("#graph .point"), "");
		return;
	}
	const at = points.at(-1)[0] - (1 - pointAt) * shownFor;
	const nearest = points.reduce((a, b) => (Math.abs(b[0] - at) < Math.abs(a[0] - at) ? b : a));
	attribute(cursor, "d", `M${graphX(nearest[0]).toFixed(2)} 0V100`);
	put($("#graph .point"), `${rate(nearest[1])} at ${new Date(nearest[0]).toLocaleTimeString("en-GB")}`);
}

$("#graph svg").addEventListener("pointermove", (event) => {
	const box = event.currentTarget.getBoundingClientRect();
	pointAt = (event.clientX - box.left) / box.width;
	showPoint();
});
$("#graph svg").addEventListener("pointerleave", () => {
	pointAt = null;
	showPoint();
});

// --- the table of torrents

const hashOf = (t) => t.info_hash_v1 ?? t.info_hash_v2 ?? "";

function createTorrent() {
	const tr = row(
		cell("name", "", make("a", "", make("bdi")), make("small")),
		cell("state", "", make("span")),
		cell("number size", ""), cell("number uploaded", ""), cell("number ratio", ""),
		cell("number rate", ""), cell("number peers", ""), cell("tracker", ""));
	tr.addEventListener("click", (event) => {
		if (event.target.closest("a") || String(getSelection())) return;
		$("a", tr).click();
	});
	return tr;
}

function stateText(t) {
	const name = stateNames[t.state] ?? t.state;
	return t.state === "checking" ? `${name} ${part(t.checked, t.to_check)}%` : name;
}

function updateTorrent(tr, t) {
	const [name, state, bytes, uploaded, ratioCell, rateCell, peers, tracker] = tr.children;
	const link = name.firstChild;
	put(link.firstChild, shown(t.name));
	attribute(link, "href", hashOf(t) ? "#" + hashOf(t) : null);
	attribute(link, "title", shown(t.name));
	put(name.lastChild, shown(t.message ?? ""));
	attribute(tr, "data-state", t.state);
	attribute(tr, "data-trouble", String(t.trouble));
	put(state.firstChild, stateText(t));
	put(bytes, size(t.size));
	put(uploaded, size(t.uploaded));
	put(ratioCell, ratio(t.ratio));
	put(rateCell, rateOrNone(t.rate));
	put(peers, count(t.peers));
	attribute(peers, "data-label", t.peers === 1 ? "peer" : "peers");
	attribute(tr, "data-active", String(t.rate > 0));
	const text = trackerText(t.tracker);
	put(tracker, text);
	attribute(tracker, "title", text);
	tracker.classList.toggle("failed", !!t.tracker?.failed);
	tracker.classList.toggle("says", !!t.tracker?.message);
}

function trackerText(tracker) {
	if (!tracker) return "–";
	const answered = tracker.next || tracker.seeders !== undefined || tracker.leechers !== undefined;
	return shown(tracker.message ?? (tracker.failed ? "does not answer" : answered ? "ok" : "not asked yet"));
}

function showTorrents(s) {
	list($("#torrents tbody"), s.torrents, (t, i) => hashOf(t) || String(i), createTorrent, updateTorrent);
	const none = $("#none");
	none.hidden = s.torrents.length > 0;
	put(none, s.total === 0 ? "No torrents yet." : "No torrent is like that.");
	const pager = $("#pager");
	pager.hidden = s.matches <= pageSize;
	put($("span", pager), `${count(s.offset + 1)}–${count(s.offset + s.torrents.length)} of ${count(s.matches)}`);
	const [previous, next] = $$("button", pager);
	previous.disabled = s.offset === 0;
	next.disabled = s.offset + s.torrents.length >= s.matches;
}

// --- one torrent

const dialog = $("#torrent");
const openHash = () => location.hash.match(/^#([0-9a-f]{40,64})$/)?.[1] ?? "";

function showDialog() {
	if (!openHash()) {
		dialog.close();
		return;
	}
	for (const node of $$("tbody, .facts, .message, h2", dialog)) node.replaceChildren();
	if (!dialog.open) dialog.showModal();
	$(".body", dialog).scrollTop = 0;
	poll();
}

dialog.addEventListener("close", () => {
	if (openHash()) history.replaceState(null, "", location.pathname + location.search);
});
dialog.addEventListener("click", (event) => {
	if (event.target === dialog) dialog.close(); // a click outside
});
addEventListener("hashchange", showDialog);

function showTorrent(t) {
	const now = Date.parse(t.time);
	put($("h2", dialog), shown(t.name));
	put($(".message", dialog), shown(t.message ?? ""));
	attribute(dialog, "data-trouble", String(t.trouble));
	const facts = [
		["State", stateText(t)],
		["Rate", rateOrNone(t.rate)],
		["Uploaded", size(t.uploaded)],
		["Ratio", ratio(t.ratio)],
		["Size", size(t.size)],
		["Missing", t.left > 0 ? size(t.left) : ""],
		["Info-hash v1", t.info_hash_v1 ?? ""],
		["Info-hash v2", t.info_hash_v2 ?? ""],
		["Name, in hex", t.name_bytes ?? ""],
	];
	list($(".facts", dialog), facts.filter(([, value]) => value), ([name]) => name,
		() => make("div", "", make("dt"), make("dd")),
		(div, [name, value]) => {
			div.classList.toggle("long", value.length >= 40);
			put(div.firstChild, name);
			put(div.lastChild, value);
		});
	list($(".trackers tbody", dialog), t.trackers, (_, i) => String(i),
		() => row(cell("", "", make("bdi", "address"), make("small")),
			cell("number", "seeders"), cell("number", "leechers"), cell("number", "next in")),
		(tr, tracker) => {
			const [url, seeders, leechers, next] = tr.children;
			put(url.firstChild, shown(tracker.url));
			put(url.lastChild, trackerText(tracker));
			url.lastChild.className = tracker.failed ? "failed" : "";
			put(seeders, tracker.seeders === undefined ? "–" : count(tracker.seeders));
			put(leechers, tracker.leechers === undefined ? "–" : count(tracker.leechers));
			put(next, tracker.next ? duration(Date.parse(tracker.next) - now) : "–");
		});
	list($(".peers tbody", dialog), t.peer_list, (_, i) => String(i),
		() => {
			const meter = make("progress");
			meter.setAttribute("aria-hidden", "true");
			return row(cell("", "", make("span", "address"), make("small")),
				cell("has", "", meter, make("span")), cell("number", ""), cell("number", "sent"));
		},
		(tr, peer) => {
			const [who, has, rateCell, sent] = tr.children;
			put(who.firstChild, peer.addr);
			put(who.lastChild, shown(peer.client ?? "unknown client"));
			has.firstChild.value = peer.progress;
			put(has.lastChild, `${part(peer.progress, 1)}%`);
			put(rateCell, peer.rate > 0 ? rate(peer.rate) : peer.choked ? "choked" : "–");
			put(sent, size(peer.uploaded));
		});
	for (const [name, items, none] of [["trackers", t.trackers, "None."], ["peers", t.peer_list, "None is connected."]]) {
		attribute($("." + name, dialog), "data-none", items.length ? "" : none);
	}
}

// --- polling: one request at a time; an action of the user aborts the current one

let timer, round, lastTime;
let failures = 0;

async function ask(path, signal) {
	const response = await fetch(path, {signal, cache: "no-store", credentials: "same-origin"});
	if (response.ok) return response.json();
	if (response.status === 404) return null;
	throw new Error(`it answers ${response.status}`);
}

async function poll() {
	clearTimeout(timer);
	round?.abort();
	const mine = (round = new AbortController());
	const late = setTimeout(() => mine.abort(), 10e3);
	const query = new URLSearchParams({sort: view.sort, offset: view.page * pageSize, limit: pageSize});
	if (view.q) query.set("q", view.q);
	if (view.show === "trouble") query.set("trouble", "1");
	else if (view.show) query.set("state", view.show);
	if (!points.length || Date.now() - lastTime > 3e3) query.set("history", "1");
	const hash = openHash();
	let wait = 1e3;
	try {
		const [status, torrent] = await Promise.all([
			ask("status.json?" + query, mine.signal),
			hash && ask("torrent.json?info_hash=" + hash, mine.signal),
		]);
		if (mine !== round) return;
		if (status.torrents.length === 0 && status.matches > 0) {
			setView({page: Math.floor((status.matches - 1) / pageSize)});
			return;
		}
		failures = 0;
		lastTime = Date.now();
		showTotals(status);
		addPoints(status);
		showGraph();
		showTorrents(status);
		if (torrent) showTorrent(torrent);
		else if (hash) put($(".message", dialog), "This torrent is not seeded here.");
		showAway("");
	} catch (error) {
		if (mine !== round) return;
		failures++;
		wait = Math.min(15e3, 500 * 2 ** failures);
		const since = lastTime ? ` The figures are of ${new Date(lastTime).toLocaleTimeString("en-GB")}.` : "";
		if (failures > 1) showAway(`The seed does not answer.${since}`);
		if (!(error instanceof TypeError) && error.name !== "AbortError") console.error(error);
	} finally {
		clearTimeout(late);
		if (mine === round) timer = setTimeout(poll, document.hidden ? Math.max(wait, 10e3) : wait);
	}
}

function showAway(text) {
	put($("#away"), text);
	document.body.classList.toggle("away", text !== "");
}

// --- actions of the user

for (const button of $$("#torrents th button")) {
	button.type = "button";
	button.addEventListener("click", () => {
		const first = button.dataset.sort;
		const other = first.startsWith("-") ? first.slice(1) : "-" + first;
		setView({sort: view.sort === first ? other : first});
	});
}
for (const button of $$("#pager button")) {
	button.addEventListener("click", () => {
		setView({page: view.page + Number(button.dataset.step)});
		$("#tools").scrollIntoView();
	});
}
$("#order select").addEventListener("change", (event) => setView({sort: event.target.value}));
$("#tools").addEventListener("submit", (event) => event.preventDefault());
const search = $("#tools input");
search.value = view.q;
let typing;
search.addEventListener("input", () => {
	clearTimeout(typing);
	typing = setTimeout(() => setView({q: search.value.trim()}), 150);
});
document.addEventListener("visibilitychange", () => {
	if (!document.hidden) poll();
});

showView();
if (openHash()) showDialog();
else poll();

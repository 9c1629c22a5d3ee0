// SPDX-License-Identifier: MIT
// The page of a daemon: its objects, forms that call them, the names of a name server, live numbers. What it shows comes
// from the daemon's own HTTP, and nothing else. All text is set as text: none of it is markup.
"use strict";

const SHOWN = 200; // rows of a list; the rest is found by searching
const OBJECTS = 10000; // that are loaded at most
const NAMES = 100000; // likewise
const ITEMS = 500; // of a stream, the newest
const FIELDS = 1000; // of a form that are there at once; what is beyond is entered as JSON
const NAME_SERVER = "Pyrite.NameServer";

const $ = (id) => document.getElementById(id);

/** An element. Attributes that are functions are listeners; children are elements or texts. */
function make(tag, attributes = {}, ...children) {
	const element = document.createElement(tag);
	for (const [name, value] of Object.entries(attributes)) {
		if (typeof value === "function") element.addEventListener(name, value);
		else if (value !== false && value !== undefined) element.setAttribute(name, value === true ? "" : value);
	}
	element.append(...children.filter((child) => child !== null && child !== undefined));
	return element;
}

// ---- talking to the daemon ----

class Failure extends Error {
	constructor(told) {
		super(told.message);
		this.told = told;
	}
}

async function fail(answer) {
	const text = await answer.text();
	let told;
	try {
		told = JSON.parse(text);
	} catch {
		told = { status: String(answer.status), message: text || answer.statusText, trace: [] };
	}
	throw new Failure(told);
}

async function get(path) {
	const answer = await fetch(path);
	if (!answer.ok) await fail(answer);
	return answer;
}

const getJSON = async (path) => (await get(path)).json();

function post(object, operation, body, options = {}) {
	const path = `/v1/objects/${encodeURIComponent(object)}/${encodeURIComponent(operation)}`;
	const headers = { "Content-Type": "application/json", ...options.headers };
	return fetch(path, { method: "POST", headers, body: JSON.stringify(body), signal: options.signal });
}

async function call(object, operation, body) {
	const answer = await post(object, operation, body);
	if (!answer.ok) await fail(answer);
	return answer.json();
}

/** Each event of a stream: its name and its data, as text. */
async function* events(answer) {
	const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
	let text = "";
	for (;;) {
		const { value, done } = await reader.read();
		if (done) return;
		text += value;
		for (let end; (end = text.indexOf("\n\n")) >= 0; text = text.slice(end + 2)) {
			const event = { name: "item", data: "" };
			for (const line of text.slice(0, end).split("\n")) {
				if (line.startsWith("event: ")) event.name = line.slice(7);
				else if (line.startsWith("data: ")) event.data += line.slice(6);
			}
			if (event.data) yield event;
		}
	}
}

function say(text, isBad = false) {
	$("state").textContent = text;
	$("state").classList.toggle("bad", isBad);
}

// ---- forms, of JSON Schema ----

const lastPart = (name) => name.slice(name.lastIndexOf(".") + 1);
const kindOf = (schema) => (Array.isArray(schema.type) ? schema.type[0] : schema.type);

let fields = 0; // of all forms

/** What is entered for a type: { element, read() }. read() gives a value of JSON, or throws. */
class Forms {
	constructor(types) {
		this.types = types;
		this.made = 0;
	}

	resolve(schema) {
		return schema.$ref ? this.types[schema.$ref.slice("#/types/".length)] : schema;
	}

	hint(schema) {
		if (schema.$ref) return lastPart(schema.$ref);
		return schema.contentEncoding || schema.format || kindOf(schema) || "";
	}

	/** With its default, if it has one. */
	entry(schema, depth = 0) {
		const entry = this.empty(schema, depth);
		const { element } = entry;
		if (schema.default === undefined) return entry;
		if (element.type === "checkbox") element.checked = schema.default;
		else if (/^(INPUT|SELECT)$/.test(element.tagName)) element.value = String(schema.default);
		return entry;
	}

	empty(schema, depth) {
		const known = this.resolve(schema);
		if (!known || depth > 8 || ++this.made > FIELDS) return this.json();
		if (known.enum) return this.choice(known.enum);
		switch (kindOf(known)) {
		case "boolean": return this.checkbox();
		case "array": return this.list(known, depth);
		case "object": return this.object(known, depth);
		case "integer": return this.number(known);
		case "number": return this.text("double", (text) => (isNaN(text) ? text : Number(text)));
		default: return this.text(known.format, (text) => (text === "" && known.format === "uri" ? null : text),
			known.pattern);
		}
	}

	text(hint, read, pattern) {
		const wide = hint === "int64" || hint === "uint64" || hint === "double";
		const element = make("input", { type: "text", id: this.id(), autocomplete: "off", spellcheck: "false",
			pattern: pattern, placeholder: wide ? "0" : undefined, inputmode: wide ? "numeric" : undefined });
		return { element, read: () => read(wide && element.value === "" ? "0" : element.value) };
	}

	number(schema) {
		const element = make("input", { type: "number", id: this.id(), step: "1", placeholder: "0", min: schema.minimum,
			max: schema.maximum });
		return { element, read: () => (element.value === "" ? 0 : Number(element.value)) };
	}

	checkbox() {
		const element = make("input", { type: "checkbox", id: this.id() });
		return { element, read: () => element.checked };
	}

	choice(names) {
		const element = make("select", { id: this.id() }, ...names.map((name) => make("option", {}, name)));
		return { element, read: () => element.value };
	}

	json() {
		const element = make("textarea", { id: this.id(), placeholder: "JSON", spellcheck: "false" });
		return { element, read: () => JSON.parse(element.value || "null") };
	}

	id() {
		return `field-${++fields}`;
	}

	row(name, schema, entry, optional) {
		const label = make("label", { for: entry.element.id }, name, make("small", {}, this.hint(schema)));
		if (!optional) return { element: make("div", { class: "field" }, label, entry.element), has: () => true };
		const box = make("input", { type: "checkbox", "aria-label": `set ${name}` });
		const element = make("div", { class: "field" }, label, make("div", { class: "item" }, entry.element, box));
		const show = () => { entry.element.disabled = !box.checked; };
		box.addEventListener("change", show);
		show();
		return { element, has: () => box.checked };
	}

	object(schema, depth) {
		if (!schema.properties) return schema.additionalProperties ? this.map(schema, depth) : this.json();
		if (schema.maxProperties) return this.union(schema, depth);
		if (schema.properties["@type"]) return this.json();
		const optional = new Set(schema["x-optional"] || []);
		const members = Object.entries(schema.properties).map(([name, type]) => {
			const entry = this.entry(type, depth + 1);
			return { name, entry, ...this.row(name, type, entry, optional.has(name)) };
		});
		return {
			element: make("fieldset", { id: this.id() }, ...members.map((member) => member.element)),
			read: () => Object.fromEntries(members.filter((m) => m.has()).map((m) => [m.name, m.entry.read()])),
		};
	}

	/** One member; its discriminator follows from it. */
	union(schema, depth) {
		const members = Object.entries(schema.properties).slice(schema.maxProperties === 2 ? 1 : 0);
		const select = make("select", { id: this.id(), "aria-label": "member" }, ...members.map(([name]) => make("option", {}, name)));
		const place = make("div");
		let entry;
		const show = () => {
			entry = this.entry(members[select.selectedIndex][1], depth + 1);
			place.replaceChildren(entry.element);
		};
		select.addEventListener("change", show);
		show();
		return {
			element: make("fieldset", { id: this.id() }, select, place),
			read: () => ({ [select.value]: entry.read() }),
		};
	}

	rows(what, makeRow) {
		const entries = new Set();
		const place = make("div");
		const add = () => {
			const entry = makeRow();
			const remove = make("button", { type: "button", class: "small", "aria-label": `remove ${what}`,
				click: () => { entries.delete(entry); row.remove(); } }, "\u2212");
			const row = make("div", { class: "item" }, entry.element, remove);
			entries.add(entry);
			place.append(row);
		};
		const button = make("button", { type: "button", class: "small", click: () => { this.made = 0; add(); } },
			`+ ${what}`);
		return { element: make("fieldset", { id: this.id() }, place, button), entries, add };
	}

	list(schema, depth) {
		const rows = this.rows("item", () => this.entry(schema.items, depth + 1));
		for (let i = 0; i < Math.min(schema.minItems || 0, 32); i++) rows.add();
		return { element: rows.element, read: () => [...rows.entries].map((entry) => entry.read()) };
	}

	map(schema, depth) {
		const rows = this.rows("entry", () => {
			const key = make("input", { type: "text", "aria-label": "key", placeholder: "key" });
			const value = this.entry(schema.additionalProperties, depth + 1);
			return { element: make("div", {}, key, value.element), read: () => [key.value, value.read()] };
		});
		return { element: rows.element, read: () => Object.fromEntries([...rows.entries].map((entry) => entry.read())) };
	}
}

// ---- one object ----

const pretty = (value) => JSON.stringify(value, null, 2);

function showFailure(place, failure, took) {
	const told = failure.told || { status: failure.name, message: failure.message, trace: [] };
	const trace = told.trace && told.trace.length > 0 ? make("ol", { class: "trace" }, ...told.trace.map((line) => make("li", {}, line))) : null;
	place.className = "result bad";
	place.append(make("h3", {}, `${told.status}${took}`), make("pre", {}, told.message),
		told.exception ? make("pre", {}, pretty(told.exception)) : null, trace ? make("h3", {}, "Trace") : "", trace || "");
}

class Operation {
	constructor(object, told, types) {
		this.object = object;
		this.told = told;
		this.form = new Forms(types).object(told.parameters, 0);
		this.result = make("div", { class: "result", "aria-live": "polite" });
		this.raw = make("textarea", { "aria-label": "Arguments as JSON", hidden: true, spellcheck: "false" });
		this.timeout = make("input", { type: "number", min: "1", placeholder: "none", "aria-label": "Deadline in milliseconds" });
		this.button = make("button", { class: "main", type: "submit" }, told.reads_stream ? "Open" : "Call");
		this.stop = make("button", { type: "button", hidden: true, click: () => this.controller.abort() }, "Stop");
		this.toggle = make("button", { type: "button", class: "small", click: () => this.switchToRaw() }, "as JSON");
		this.element = this.draw();
	}

	draw() {
		const { told } = this;
		const badges = [["oneway", told.oneway], ["idempotent", told.idempotent], ["writes a stream", told.writes_stream],
			["reads a stream", told.reads_stream]].filter(([, is]) => is).map(([name]) => make("span", { class: "badge" }, name));
		const form = make("form", { submit: (event) => { event.preventDefault(); this.call(); } }, this.form.element, this.raw,
			make("div", { class: "actions" }, this.button, this.stop, make("label", {}, "Deadline (ms) ", this.timeout), this.toggle));
		const inside = make("div", { class: "inside" }, told.doc ? make("p", { class: "doc" }, told.doc) : null,
			told.exceptions.length ? make("p", { class: "soft" }, `raises ${told.exceptions.join(", ")}`) : null,
			form, this.result);
		return make("details", { class: "operation", "data-name": told.name },
			make("summary", {}, make("b", {}, lastPart(told.name)), " ", make("span", { class: "mono" }, told.signature), ...badges), inside);
	}

	switchToRaw() {
		if (this.raw.hidden) {
			try {
				this.raw.value = pretty(this.form.read());
			} catch (error) {
				this.raw.value = "{}";
			}
		}
		this.raw.hidden = !this.raw.hidden;
		this.form.element.hidden = !this.raw.hidden;
		this.toggle.textContent = this.raw.hidden ? "as JSON" : "as a form";
	}

	async call() {
		const begun = performance.now();
		const took = () => `, ${(performance.now() - begun).toFixed(1)} ms`;
		this.controller = new AbortController();
		this.button.disabled = true;
		this.stop.hidden = false;
		this.result.replaceChildren();
		this.result.className = "result";
		try {
			const headers = this.timeout.value ? { "Pyrite-Timeout": this.timeout.value } : {};
			const body = this.raw.hidden ? this.form.read() : JSON.parse(this.raw.value);
			const answer = await post(this.object, this.told.name, body, { headers, signal: this.controller.signal });
			if (!answer.ok) await fail(answer);
			if (this.told.reads_stream) await this.showStream(answer, took);
			else this.show(await answer.json(), took());
		} catch (error) {
			if (error.name === "AbortError") this.result.append(make("h3", {}, `stopped${took()}`));
			else showFailure(this.result, error, took());
		}
		this.button.disabled = false;
		this.stop.hidden = true;
	}

	show(value, took) {
		this.result.classList.add("good");
		this.result.append(make("h3", {}, `OK${took}`), make("pre", {}, pretty(value)));
	}

	async showStream(answer, took) {
		const head = make("h3", {}, "open");
		const items = make("pre", { class: "stream" });
		let n = 0;
		this.result.append(head, items);
		for await (const event of events(answer)) {
			if (event.name === "error") throw new Failure(JSON.parse(event.data));
			if (event.name === "end") {
				this.result.classList.add("good");
				head.textContent = `${many(n, "item")}${took()}`;
				return;
			}
			items.append(`${event.data}\n`);
			if (++n > ITEMS) items.firstChild.remove();
			head.textContent = `open, ${many(n, "item")}${took()}`;
			items.scrollTop = items.scrollHeight;
		}
	}
}

async function showObject(id) {
	const place = $("object");
	let told;
	try {
		told = await getJSON(`/v1/objects/${encodeURIComponent(id)}`);
	} catch (error) {
		place.replaceChildren(make("h2", {}, id), make("pre", { class: "error" }, error.message));
		return;
	}
	const back = make("a", { class: "back", href: "#/objects" }, "\u2190 all objects");
	const idl = make("details", {}, make("summary", {}, "IDL"), make("div", { class: "inside" }, make("pre", {}, told.idl)));
	place.replaceChildren(back, make("h2", {}, told.id), make("p", { class: "facts mono" }, `${told.interface} \u00b7 ${told.uri}`),
		told.doc ? make("p", { class: "doc" }, told.doc) : "", ...told.operations.map((op) => new Operation(id, op, told.types).element), idl);
}

// ---- lists ----

const objects = [];
const names = [];

async function loadObjects() {
	let page, after = "";
	objects.length = 0;
	do {
		page = await getJSON(`/v1/objects?after=${encodeURIComponent(after)}`);
		objects.push(...page.objects);
		after = page.next;
	} while (after && objects.length < OBJECTS);
	if (after) say(`there are more than ${objects.length} objects: the others are not shown`);
}

function words(text) {
	return text.toLowerCase().split(/\s+/).filter(Boolean);
}

function found(all, search, textOf) {
	const wanted = words(search);
	return all.filter((one) => { const text = textOf(one); return wanted.every((word) => text.includes(word)); });
}

function countText(hits, all, what) {
	const more = hits > SHOWN ? `, the first ${SHOWN} shown` : "";
	return hits === all ? `${all} ${what}${more}` : `${hits} of ${all} ${what}${more}`;
}

function drawObjects() {
	const hits = found(objects, $("object-search").value, (o) => `${o.id} ${o.interface} ${o.names.join(" ")}`.toLowerCase());
	$("object-count").textContent = countText(hits.length, objects.length, "objects");
	$("object-list").replaceChildren(...hits.slice(0, SHOWN).map((o) => make("li", {},
		make("a", { href: `#/object/${encodeURIComponent(o.id)}`, "aria-current": o.id === current.id ? "true" : undefined }, o.id,
			make("small", {}, [o.interface, ...o.names.filter((name) => name !== o.id)].join(" \u00b7 "))))));
}

async function loadNames() {
	let page, after = "";
	names.length = 0;
	do {
		page = await call(NAME_SERVER, "list", { prefix: "", after });
		for (const entry of page.entries) {
			entry.search = [entry.name, entry.uri, ...entry.tags, entry.owner || ""].join(" ").toLowerCase();
			names.push(entry);
		}
		after = page.next;
	} while (after && names.length < NAMES);
	if (after) say(`there are more than ${names.length} names: the others are not shown`);
}

/** To the page of the daemon that it leads to, which may not have one. */
function linkOf(uri) {
	const parts = /^PYRO:([^@]+)@([^@/]+:\d+)$/.exec(uri);
	if (!parts || uri.includes("@./u:")) return make("span", { class: "mono" }, uri);
	return make("a", { class: "mono", rel: "noreferrer", href: `http://${parts[2]}/#/object/${encodeURIComponent(parts[1])}` }, uri);
}

function drawNames() {
	const hits = found(names, $("name-search").value, (entry) => entry.search);
	$("name-count").textContent = countText(hits.length, names.length, "names");
	$("name-rows").replaceChildren(...hits.slice(0, SHOWN).map((entry) => make("tr", {}, make("td", {}, make("b", {}, entry.name)),
		make("td", {}, ...[entry, ...(entry.others || [])].map((share) => make("div", {}, linkOf(share.uri)))),
		make("td", { "data-name": "tags" }, entry.tags.join(", ")), make("td", { "data-name": "owner" }, entry.owner || "\u2013"),
		make("td", { "data-name": "lease" }, entry.ttl_ms ? `${entry.ttl_ms / 1000} s` : "persistent"))));
}

// ---- live numbers ----

const PERIOD = 2000; // ms between two looks
const KEPT = 60; // looks
const looks = []; // { time, gauges, operations: Map of name -> { begun, ended, failed, buckets } }

function parseMetrics(text) {
	const look = { time: performance.now(), gauges: {}, operations: new Map() };
	for (const line of text.split("\n")) {
		const parts = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line);
		if (!parts || line.startsWith("#")) continue;
		const [, name, labelText, value] = parts;
		const labels = Object.fromEntries([...(labelText || "").matchAll(/(\w+)="([^"]*)"/g)].map((m) => [m[1], m[2]]));
		if (!labels.grpc_method) {
			look.gauges[name] = labels.version || Number(value);
			continue;
		}
		const key = `${labels.grpc_service}.${labels.grpc_method}`;
		const op = look.operations.get(key) || { ended: 0, failed: 0, buckets: [] };
		look.operations.set(key, op);
		if (name === "grpc_server_handling_seconds_bucket") op.buckets.push([labels.le === "+Inf" ? Infinity : Number(labels.le), Number(value)]);
		else if (name === "grpc_server_handling_seconds_count") op.ended = Number(value);
		else if (name === "grpc_server_handled_total" && labels.grpc_code !== "OK") op.failed += Number(value);
	}
	return look;
}

/** The time that this part of the calls between two looks took at most, in seconds; undefined: there were none. */
function quantile(part, before, after) {
	const counts = after.map(([bound, n], i) => [bound, n - (before[i] ? before[i][1] : 0)]);
	const all = counts.length ? counts[counts.length - 1][1] : 0;
	let [lastBound, last] = [0, 0];
	if (all <= 0) return undefined;
	for (const [bound, n] of counts) {
		if (n >= part * all) {
			if (bound === Infinity) return lastBound;
			return lastBound + (bound - lastBound) * ((part * all - last) / Math.max(n - last, 1));
		}
		[lastBound, last] = [bound, n];
	}
	return lastBound;
}

function between(a, b) {
	const seconds = (b.time - a.time) / 1000;
	const all = { calls: 0, errors: 0, before: [], after: [] };
	const operations = [];
	for (const [name, op] of b.operations) {
		const was = a.operations.get(name) || { ended: 0, failed: 0, buckets: op.buckets.map(([bound]) => [bound, 0]) };
		const one = { name, total: op.ended, calls: (op.ended - was.ended) / seconds, errors: (op.failed - was.failed) / seconds,
			p50: quantile(0.5, was.buckets, op.buckets), p99: quantile(0.99, was.buckets, op.buckets) };
		operations.push(one);
		if (name.startsWith("pyrite.Daemon.")) continue; // this page's own
		all.calls += one.calls;
		all.errors += one.errors;
		op.buckets.forEach(([bound, n], i) => {
			all.after[i] = [bound, n + (all.after[i] ? all.after[i][1] : 0)];
			all.before[i] = [bound, was.buckets[i][1] + (all.before[i] ? all.before[i][1] : 0)];
		});
	}
	return { ...all, operations, p50: quantile(0.5, all.before, all.after), p99: quantile(0.99, all.before, all.after) };
}

function timeText(seconds) {
	if (seconds === undefined) return "\u2013";
	if (seconds < 0.001) return `${(seconds * 1e6).toPrecision(3)} \u00b5s`;
	return seconds < 1 ? `${(seconds * 1e3).toPrecision(3)} ms` : `${seconds.toPrecision(3)} s`;
}

function numberText(value) {
	if (value === undefined) return "\u2013";
	return value >= 100 ? Math.round(value).toLocaleString("en") : String(Number(value.toPrecision(3)));
}

const bytesText = (n) => `${(n / 1048576).toFixed(1)} MiB`;

function plot(title, text, ...series) {
	const NS = "http://www.w3.org/2000/svg";
	const most = Math.max(...series.flat().filter((value) => value !== undefined), 0) || 1;
	const svg = document.createElementNS(NS, "svg");
	const path = (d, kind) => {
		const element = document.createElementNS(NS, "path");
		element.setAttribute("d", d);
		if (kind) element.setAttribute("class", kind);
		svg.append(element);
	};
	svg.setAttribute("viewBox", `0 0 ${KEPT} 100`);
	svg.setAttribute("preserveAspectRatio", "none");
	svg.setAttribute("role", "img");
	svg.setAttribute("aria-label", `${title}: ${text}`);
	series.forEach((values, i) => {
		const points = values.map((value, at) => [KEPT - values.length + at, value]).filter(([, value]) => value !== undefined)
			.map(([x, value]) => `${x} ${(96 - 92 * value / most).toFixed(1)}`);
		if (points.length === 0) return;
		if (i === 0 && points.length > 1)
			path(`M${points[0].split(" ")[0]} 98 L${points.join(" L")} L${points[points.length - 1].split(" ")[0]} 98 Z`, "area");
		path(`M${points.join(" L")}`, i > 0 ? "second" : "");
	});
	return make("figure", {}, make("figcaption", {}, title, make("b", {}, text)), svg);
}

function drawNumbers() {
	const steps = looks.slice(1).map((look, i) => between(looks[i], look));
	const last = steps[steps.length - 1] || { calls: 0, errors: 0 };
	const gauge = (name) => looks.map((look) => look.gauges[name]);
	const now = looks[looks.length - 1].gauges;
	$("plots").replaceChildren(
		plot("Calls a second", numberText(last.calls), steps.map((step) => step.calls)),
		plot("Errors a second", numberText(last.errors), steps.map((step) => step.errors)),
		plot("p50, p99", `${timeText(last.p50)}, ${timeText(last.p99)}`, steps.map((step) => step.p99), steps.map((step) => step.p50)),
		plot("Links", numberText(now.pyrite_links), gauge("pyrite_links")),
		plot("Calls that wait or run", numberText(now.pyrite_calls_pending), gauge("pyrite_calls_pending")),
		plot("Memory", bytesText(now.process_resident_memory_bytes), gauge("process_resident_memory_bytes")));
	const first = looks[Math.max(0, looks.length - 1 - 60000 / PERIOD)];
	const rows = between(first, looks[looks.length - 1]).operations.sort((a, b) => b.calls - a.calls || b.total - a.total);
	$("operation-rows").replaceChildren(...rows.slice(0, SHOWN).map((op) => make("tr", {}, make("td", { class: "mono" }, op.name),
		make("td", { "data-name": "calls" }, String(op.total)), make("td", { "data-name": "calls/s" }, numberText(op.calls)),
		make("td", { "data-name": "errors/s" }, numberText(op.errors)), make("td", { "data-name": "p50" }, timeText(op.p50)),
		make("td", { "data-name": "p99" }, timeText(op.p99)))));
}

const many = (n, what) => `${n} ${what}${n === 1 ? "" : "s"}`;

async function look() {
	try {
		looks.push(parseMetrics(await (await get("/metrics")).text()));
		if (looks.length > KEPT + 1) looks.shift();
		const now = looks[looks.length - 1].gauges;
		say(`Pyrite ${now.pyrite_info}, ${many(now.pyrite_objects, "object")}, ${many(now.pyrite_links, "link")}`);
		if (current.page === "numbers") drawNumbers();
	} catch (error) {
		say(error.told ? error.message : "the daemon does not answer", true);
	}
}

// ---- pages ----

const current = { page: "", id: "" };

function choose(page) {
	current.page = page;
	for (const section of ["objects", "names", "numbers"]) $(section).hidden = section !== page;
	for (const link of document.querySelectorAll("nav a")) {
		if (link.dataset.page === page) link.setAttribute("aria-current", "page");
		else link.removeAttribute("aria-current");
	}
}

async function go() {
	const [page, id] = location.hash.replace(/^#\//, "").split("/");
	try {
		if (page === "names") {
			choose("names");
			await loadNames();
			drawNames();
		} else if (page === "numbers") {
			choose("numbers");
			if (looks.length > 0) drawNumbers();
		} else {
			choose("objects");
			current.id = page === "object" ? decodeURIComponent(id || "") : "";
			$("objects").classList.toggle("has-object", current.id !== "");
			drawObjects();
			if (current.id) await showObject(current.id);
			else $("object").replaceChildren(make("p", { class: "soft" }, "Choose an object to see what it does, and to call it."));
		}
	} catch (error) {
		say(error.message, true);
	}
}

function keys(event) {
	const search = $(current.page === "names" ? "name-search" : "object-search");
	if (event.key === "/" && !/^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement.tagName)) {
		event.preventDefault();
		search.focus();
	} else if (event.key === "Escape" && document.activeElement === search) {
		search.value = "";
		search.dispatchEvent(new Event("input"));
	}
}

async function start() {
	$("address").textContent = location.host;
	document.title = `Pyrite ${location.host}`;
	$("object-search").addEventListener("input", drawObjects);
	$("name-search").addEventListener("input", drawNames);
	document.addEventListener("keydown", keys);
	window.addEventListener("hashchange", go);
	try {
		await loadObjects();
	} catch (error) {
		say(error.message, true);
	}
	document.querySelector("nav [data-page=names]").hidden = !objects.some((object) => object.id === NAME_SERVER);
	await go();
	await look();
	setInterval(() => { if (!document.hidden) look(); }, PERIOD);
}

start();

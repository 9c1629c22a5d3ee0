// SPDX-License-Identifier: MIT
// Search, the switch between light and dark, the menu on narrow screens, and buttons that copy code.
(function () {
	"use strict";

	const root = document.documentElement;
	const base = document.body.dataset.base;
	const input = document.getElementById("search");
	const found = document.getElementById("found");
	const MOST = 30; // results that are shown
	const ASIDE = /^(changelog|performance|scale|pyro|internals\/)/; // pages with the word that explain something else

	// Light and dark.

	const shade = document.getElementById("shade");
	const system = window.matchMedia("(prefers-color-scheme: dark)");

	function isDark() {
		return root.dataset.shade ? root.dataset.shade === "dark" : system.matches;
	}

	function tellShade() {
		shade.setAttribute("aria-pressed", String(isDark()));
	}

	shade.addEventListener("click", function () {
		root.dataset.shade = isDark() ? "light" : "dark";
		try {
			localStorage.setItem("pyrite-shade", root.dataset.shade);
		} catch (error) {
			// Not remembered where the browser keeps nothing for this page.
		}
		tellShade();
	});
	system.addEventListener("change", tellShade);
	tellShade();

	// The menu.

	const menu = document.getElementById("menu");
	const sidebar = document.getElementById("sidebar");

	menu.addEventListener("click", function () {
		menu.setAttribute("aria-expanded", String(sidebar.classList.toggle("open")));
	});
	const current = sidebar.querySelector("[aria-current]");
	if (current)
		sidebar.scrollTop = current.offsetTop - sidebar.offsetTop - sidebar.clientHeight / 3;

	// "On this page", which is folded on narrow screens.

	const here = document.getElementById("here");

	if (here)
		here.addEventListener("click", function () {
			here.setAttribute("aria-expanded", String(here.closest("nav").classList.toggle("opened")));
		});

	// Buttons that copy.

	function copied(button, text) {
		button.textContent = text;
		setTimeout(function () { button.textContent = "Copy"; }, 1500);
	}

	document.querySelectorAll(".code:not(.decl)").forEach(function (block) {
		const button = document.createElement("button");
		button.type = "button";
		button.className = "copy";
		button.textContent = "Copy";
		button.addEventListener("click", function () {
			const code = block.querySelector("code");
			if (!navigator.clipboard) {
				getSelection().selectAllChildren(code);
				copied(button, "Selected");
				return;
			}
			navigator.clipboard.writeText(code.textContent + "\n").then(
				function () { copied(button, "Copied"); },
				function () { copied(button, "Failed"); });
		});
		block.appendChild(button);
	});

	// Which heading is in view.

	const links = new Map();
	document.querySelectorAll(".contents a").forEach(function (link) {
		links.set(decodeURIComponent(link.hash.slice(1)), link);
	});
	function showHere() {
		let here = null;
		for (const [id, link] of links) {
			const heading = document.getElementById(id);
			if (heading && heading.getBoundingClientRect().top < 120)
				here = link;
			link.classList.remove("here");
		}
		if (here)
			here.classList.add("here");
	}
	if (links.size > 0) {
		let asked = false;
		addEventListener("scroll", function () {
			if (asked)
				return;
			asked = true;
			requestAnimationFrame(function () { asked = false; showHere(); });
		}, { passive: true });
		showHere();
	}

	// Search. The index is a script, as pages that are opened from files may load nothing else.

	let records = null;
	let asked = false;
	let chosen = -1;

	window.pyriteSearch = function (rows) {
		records = rows.map(function (row) {
			return { title: row[0], url: row[1], page: row[2], kind: row[3], text: row[4],
				low: row[0].toLowerCase(), lowPage: row[2].toLowerCase(), lowText: row[4].toLowerCase() };
		});
		search();
	};

	function load() {
		if (asked)
			return;
		asked = true;
		const script = document.createElement("script");
		script.src = base + "search-index.js";
		script.onerror = function () { say("The search index could not be loaded."); };
		document.head.appendChild(script);
	}

	// How well a record fits one word: 0 not at all.
	function points(record, word) {
		let sum = 0;
		if (record.low === word)
			sum += 400;
		else if (record.low.startsWith(word))
			sum += 120;
		else if (record.low.includes(word))
			sum += /[a-z0-9]/.test(record.low[record.low.indexOf(word) - 1]) ? 15 : 60;
		if (record.lowPage === word)
			sum += 40;
		else if (record.lowPage.includes(word))
			sum += 15;
		const times = record.lowText.split(word).length - 1;
		if (times > 0)
			sum += 4 + 4 * Math.min(times, 6);
		return sum;
	}

	function fits(query) {
		const words = query.replace(/\(\)/g, "").split(/\s+/);
		const result = [];
		records.forEach(function (record, i) {
			let sum = 0;
			for (const word of words) {
				const one = points(record, word);
				if (one === 0)
					return;
				sum += one;
			}
			if (words.length > 1 && (record.low.includes(query) || record.lowText.includes(query)))
				sum += 50;
			if (record.kind === 1 && !/^pyr/.test(words[0]) && record.low !== words[0])
				sum *= 0.7; // pages first, unless a name is asked for
			if (ASIDE.test(record.url))
				sum *= 0.5;
			sum += 10 * (1 - i / records.length); // in the order of the sidebar
			result.push({ record: record, sum: sum, i: i });
		});
		result.sort(function (a, b) { return b.sum - a.sum || a.i - b.i; });
		return { rows: result.slice(0, MOST).map(function (one) { return one.record; }), words: words };
	}

	// Adds text to an element, with the words marked.
	function marked(element, text, words) {
		const escaped = words.map(function (word) { return word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"); });
		text.split(new RegExp("(" + escaped.join("|") + ")", "i")).forEach(function (part, i) {
			const piece = document.createElement(i % 2 ? "mark" : "span");
			piece.textContent = part;
			element.appendChild(i % 2 ? piece : document.createTextNode(part));
		});
	}

	function excerpt(record, words) {
		const at = Math.max(0, Math.min.apply(null, words.map(function (word) {
			const one = record.lowText.indexOf(word);
			return one < 0 ? Infinity : one;
		})));
		const start = at === Infinity || at < 60 ? 0 : record.text.lastIndexOf(" ", at - 40) + 1;
		return (start > 0 ? "… " : "") + record.text.slice(start, start + 180) +
			(record.text.length > start + 180 ? " …" : "");
	}

	function say(text) {
		const line = document.createElement("p");
		line.textContent = text;
		found.replaceChildren(line);
	}

	function choose(i) {
		const rows = found.querySelectorAll("a");
		rows.forEach(function (row, n) { row.setAttribute("aria-selected", String(n === i)); });
		chosen = i;
		if (rows[i]) {
			rows[i].scrollIntoView({ block: "nearest" });
			input.setAttribute("aria-activedescendant", rows[i].id);
		}
	}

	function show(result) {
		found.replaceChildren();
		result.rows.forEach(function (record, i) {
			const row = document.createElement("a");
			const where = document.createElement("small");
			const title = document.createElement("b");
			const text = document.createElement("span");
			row.id = "found-" + i;
			row.href = base + record.url;
			row.setAttribute("role", "option");
			where.textContent = record.page === record.title ? "" : record.page;
			marked(title, record.title, result.words);
			marked(text, excerpt(record, result.words), result.words);
			row.append(where, title, text);
			row.addEventListener("click", hide);
			found.appendChild(row);
		});
		if (result.rows.length === 0)
			say("Nothing found.");
		choose(result.rows.length > 0 ? 0 : -1);
	}

	function search() {
		const query = input.value.trim().toLowerCase();
		if (!query) {
			hide();
			return;
		}
		found.hidden = false;
		input.setAttribute("aria-expanded", "true");
		if (records)
			show(fits(query));
		else
			say("Loading …");
	}

	function hide() {
		found.hidden = true;
		input.setAttribute("aria-expanded", "false");
		input.removeAttribute("aria-activedescendant");
	}

	input.addEventListener("focus", function () { load(); search(); });
	input.addEventListener("input", search);
	input.addEventListener("keydown", function (event) {
		const rows = found.querySelectorAll("a");
		if (event.key === "ArrowDown" || event.key === "ArrowUp") {
			event.preventDefault();
			if (rows.length > 0)
				choose((chosen + (event.key === "ArrowDown" ? 1 : rows.length - 1)) % rows.length);
		} else if (event.key === "Enter" && rows[chosen] && !found.hidden) {
			event.preventDefault();
			rows[chosen].click();
			input.blur();
		} else if (event.key === "Escape") {
			input.value = "";
			hide();
			input.blur();
		}
	});
	document.addEventListener("click", function (event) {
		if (!event.target.closest(".search"))
			hide();
	});
	document.addEventListener("keydown", function (event) {
		const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName);
		if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
			event.preventDefault();
			input.focus();
			input.select();
		}
	});
}());

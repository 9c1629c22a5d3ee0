// SPDX-License-Identifier: MIT
// The tokenizer of Visual Studio Code reads sample.idl by the grammar, and finds the scopes that tokens.txt has.
"use strict";
const fs = require("fs");
const path = require("path");
const oniguruma = require("vscode-oniguruma");
const textmate = require("vscode-textmate");

const grammarFile = path.join(__dirname, "../../editors/vscode/syntaxes/pyrite-idl.tmLanguage.json");
const wasm = path.join(path.dirname(require.resolve("vscode-oniguruma")), "onig.wasm");

async function grammar() {
	await oniguruma.loadWASM(fs.readFileSync(wasm));
	const registry = new textmate.Registry({
		onigLib: Promise.resolve({
			createOnigScanner: (patterns) => new oniguruma.OnigScanner(patterns),
			createOnigString: (text) => new oniguruma.OnigString(text),
		}),
		loadGrammar: async () => textmate.parseRawGrammar(fs.readFileSync(grammarFile, "utf8"), grammarFile),
	});
	return registry.loadGrammar("source.pyrite-idl");
}

function tokens(by, lines) {
	let stack = textmate.INITIAL;
	return lines.map((line) => {
		const result = by.tokenizeLine(line, stack);
		stack = result.ruleStack;
		return result.tokens;
	});
}

// Where a word stands, and not as a part of another; else where the text does.
function place(line, text) {
	const whole = /^[A-Za-z]\w*$/.test(text) ? line.search(new RegExp(`(?<!\\w)${text}(?!\\w)`)) : -1;
	return whole >= 0 ? whole : line.indexOf(text);
}

async function main() {
	const lines = fs.readFileSync(path.join(__dirname, "sample.idl"), "utf8").split("\n");
	const found = tokens(await grammar(), lines);
	const expected = fs.readFileSync(path.join(__dirname, "tokens.txt"), "utf8").split("\n").filter((l) => l && l[0] !== "#");
	let failed = 0;
	for (const row of expected) {
		const [number, text, , scope] = row.split(" ");
		const at = place(lines[number - 1], text);
		const token = found[number - 1].find((one) => one.startIndex <= at && at < one.endIndex);
		const scopes = token ? token.scopes.slice(1) : ["absent"];
		const right = scope === "-" ? scopes.length === 0 : scopes.includes(`${scope}.pyrite-idl`);
		if (!right) {
			console.log(`${number} ${text}: ${scopes.join(" ") || "-"}, not ${scope}`);
			failed++;
		}
	}
	console.log(`${expected.length} tokens`);
	process.exit(failed || expected.length < 50 ? 1 : 0);
}

main();

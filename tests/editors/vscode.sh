#!/bin/bash
# SPDX-License-Identifier: MIT
# The files for Visual Studio Code: its tokenizer reads the sample by the grammar, and the snippets are IDL. Needs node and
# npm, and the network for two modules.
# shellcheck disable=SC2317
set -u
# shellcheck source=tests/script.bash
. "$PYRITE_SOURCE/tests/script.bash"
here=$PYRITE_SOURCE/tests/editors
extension=$PYRITE_SOURCE/editors/vscode

modules_are_there() {
	command -v node npm >/dev/null || { echo "node and npm are wanted: apt-get install nodejs npm"; return 1; }
	cp "$here/package.json" "$run_dir/" &&
		timeout 120 npm --prefix "$run_dir" install --no-audit --no-fund --ignore-scripts --loglevel=error
}

# Every file that package.json names is there, and is JSON.
files_are_there() {
	node -e '
		const fs = require("fs"), path = require("path"), folder = process.argv[1];
		const read = (name) => JSON.parse(fs.readFileSync(path.join(folder, name), "utf8"));
		const { contributes } = read("package.json");
		const names = [...contributes.languages.map((l) => l.configuration), ...contributes.grammars.map((g) => g.path),
			...contributes.snippets.map((s) => s.path)];
		names.forEach(read);
		process.exit(names.length === 3 ? 0 : 1);' "$extension"
}

# Each snippet, with its placeholders as they stand, is accepted by pyrite-idl.
snippets_are_idl() {
	node -e '
		const fs = require("fs");
		const snippets = JSON.parse(fs.readFileSync(process.argv[1], "utf8"));
		const bare = (text) => text.replace(/\$\{\d+:([^}]*)\}/g, "$1").replace(/\$\d/g, "");
		const known = "enum Kind { FIRST };\n";
		for (const [name, { body }] of Object.entries(snippets)) {
			const text = bare(body.join("\n"));
			const isOperation = /^(oneway|stream)/.test(text);
			fs.writeFileSync(`${process.argv[2]}/${name.replace(/ /g, "_")}.idl`, text.startsWith("module") ?
				text.replace("{", "{ const long X = 1;") : isOperation ? `interface I { ${text} };` :
				text.startsWith("union") ? known + text : text);
		}' "$extension/snippets.json" "$run_dir" && [ "$(find "$run_dir" -name '*.idl' | wc -l)" -ge 8 ] &&
		"$PYRITE_BIN/pyrite-idl" --check "$run_dir"/*.idl
}

check the_modules_of_node_are_there modules_are_there
[ "$tests_failed" -eq 0 ] || tests_end
check the_extension_is_whole files_are_there
check tokens_have_their_scopes env NODE_PATH="$run_dir/node_modules" node "$here/textmate.js"
check snippets_are_idl snippets_are_idl
tests_end

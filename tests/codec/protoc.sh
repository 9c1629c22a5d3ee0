#!/bin/bash
# SPDX-License-Identifier: MIT
# The codec and protoc read what the other has written, with the same result; by tables written by hand and generated.
# shellcheck source=tests/script.bash
. "$PYRITE_SOURCE/tests/script.bash"
here=$PYRITE_SOURCE/tests/codec
wire=$PYRITE_BIN/codec-wire
sample=$(grep -v '^#' "$here/shapes.txt")

decode() {
	protoc -I "$here" --decode=shapes.All "$here/shapes.proto"
}

read_by_protoc() {
	"$wire" write | decode
}

written_by_protoc() {
	protoc -I "$here" --encode=shapes.All "$here/shapes.proto" <"$here/shapes.txt" | "$wire" repack | decode
}

generated_tables() {
	"$wire" write >"$run_dir/sample" && "$PYRITE_BIN/codec-generated" <"$run_dir/sample" | cmp - "$run_dir/sample"
}

check "what the codec packs protoc reads" same "$sample" read_by_protoc
check "what protoc packs the codec reads" same "$sample" written_by_protoc
check "generated tables give the same bytes" generated_tables
tests_end

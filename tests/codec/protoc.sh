#!/bin/bash
# SPDX-License-Identifier: MIT
# The codec and protoc read what the other has written, with the same result.
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

check "what the codec packs protoc reads" same "$sample" read_by_protoc
check "what protoc packs the codec reads" same "$sample" written_by_protoc
tests_end

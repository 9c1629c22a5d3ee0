#!/bin/sh
# SPDX-License-Identifier: MIT
# Prints the manual page of a program: man.sh PAGE VERSION DATE "SEE ALSO" PROGRAM [COMMAND]
set -eu
page=$1 version=$2 date=$3 also=$4
shift 4
help=$(ARGP_HELP_FMT=rmargin=10000 "$@" --help)
printf '%s\n' "$help" | awk -f "${0%/*}/man.awk" -v page="$page" -v version="$version" -v date="$date" -v also="$also"

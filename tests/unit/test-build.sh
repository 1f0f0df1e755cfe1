#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What was built: the program has what its build was meant to harden it with, and nothing in it tells of the machine, the
# folder or the day of its build. Sanitized and fuzzing builds are left out: theirs is another program.
# shellcheck disable=SC2154 # MCPCAGE, top_srcdir and top_builddir come from make
set -u
. "$top_srcdir/tests/tap.sh"

[ -z "${MCPCAGE_SANITIZED-}" ] || tap_skip_all "not for sanitizers"
for tool in readelf strip strings; do
	command -v "$tool" >/dev/null || tap_skip_all "$tool is not installed"
done
work=$(mktemp -d /tmp/mcpcage-build-XXXXXX)
trap 'rm -rf "$work"' EXIT

header=$(readelf -hW "$MCPCAGE") segments=$(readelf -lW "$MCPCAGE") dynamic=$(readelf -dW "$MCPCAGE")
symbols=$(readelf -sW --dyn-syms "$MCPCAGE")
like "$header" "*Type: *DYN*" "it can be loaded anywhere"
like "$dynamic" "*FLAGS_1*PIE*" "as a program"
like "$segments" "*GNU_RELRO*" "what the loader has filled in is read-only"
like "$dynamic" "*BIND_NOW*" "all of it, because nothing is left for later"
is "$(awk '$1 == "GNU_STACK" { print $7 }' <<<"$segments")" RW "the stack is not executable"
is "$(grep RWE <<<"$segments")" "" "nothing is writable and executable"
is "$(grep -e RPATH -e RUNPATH -e TEXTREL <<<"$dynamic")" "" "no library is looked for in other places, no code is changed when loading"
like "$symbols" "*__stack_chk_fail*" "stacks are guarded"
if grep -q '^CFLAGS = .*-O[1-3s]' "$top_builddir/Makefile"; then
	like "$symbols" "*__*_chk@*" "libc checks sizes where it can"
fi

# Only what a package would have: debugging information names folders.
strip -o "$work/mcpcage" "$MCPCAGE"
strings -a "$work/mcpcage" >"$work/strings"
for secret in "$(cd "$top_srcdir" && pwd)" "$(cd "$top_builddir" && pwd)" "$(date +%Y-%m-%d)" "$(date '+%b %e %Y')"; do
	case $secret in
	/ | /tmp | /usr | /usr/*) continue ;; # names that it may well have
	esac
	is "$(grep -F -- "$secret" "$work/strings")" "" "it does not tell: $secret"
done
for page in "$top_builddir"/contrib/man/*.[157] "$top_builddir"/contrib/completions/*; do
	is "$(grep -F -e "$(cd "$top_builddir" && pwd)" -e "$(date +%Y-%m-%d)" "$page")" "" "nor does ${page##*/}"
done

done_testing

#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The release tarball: made twice from copies of the repository, by builders who differ in what must not matter (umask,
# locale, time zone, the folder's name and depth, the times and order of files, another build before), and a third time from
# what the first one packed. All three are the same file, and hold the repository and nothing else.
#
# A step of contrib/check: two minutes, and no part of `make check`. Speaks TAP. Needs git, autoconf, automake, GNU tar.
# shellcheck disable=SC2030,SC2031,SC2317 # each builder has an environment of its own, and is called by ok
set -uo pipefail

top_srcdir=${top_srcdir:-$(cd "$(dirname "$0")/../.." && pwd)}
# shellcheck source=tests/tap.sh disable=SC1091
. "$top_srcdir/tests/tap.sh"

repository() { git -c safe.directory='*' -C "$top_srcdir" "$@"; }
if ! [ -e "$top_srcdir/.git" ] || ! repository rev-parse HEAD >/dev/null 2>&1; then
	tap_skip_all "$top_srcdir is no git repository"
fi

work=$(mktemp -d "${TMPDIR:-/tmp}/mcpcage-dist.XXXXXX")
trap 'chmod -R u+w "$work" && rm -rf "$work"' EXIT
epoch=1700000000

# copy FOLDER: the files that git knows, as they lie here.
copy() {
	mkdir -p "$1" && repository ls-files -co --exclude-standard -z | tar -C "$top_srcdir" --null -T - -cf - | tar -C "$1" -xf - --no-same-permissions
}

# pack SOURCE BUILD: configure SOURCE in BUILD and make the tarball there.
pack() {
	mkdir -p "$2" && cd "$2" || return 1
	{ [ -x "$1/configure" ] || (cd "$1" && autoreconf -i); } && "$1/configure" --cache-file="$work/cache" && make dist
}

first() (
	umask 022
	export LC_ALL=C TZ=UTC SOURCE_DATE_EPOCH=$epoch
	copy "$work/a" && pack "$work/a" "$work/a/build"
)

second() (
	umask 077
	export LC_ALL=C.UTF-8 TZ=Asia/Kathmandu SOURCE_DATE_EPOCH=$epoch
	copy "$work/quite another/deeper" || return 1
	# Names of folders with spaces are nothing that automake takes for sources: only the way there is odd.
	ln -s "$work/quite another" "$work/b"
	find "$work/b/deeper/" -type f -exec touch -d '2001-05-06 07:08:09' {} +
	mkdir -p "$work/b/deeper/tests/escape/__pycache__"
	touch "$work/b/deeper/tests/escape/__pycache__/run.pyc" "$work/b/deeper/tests/fuzz/corpus/scan/open~"
	pack "$work/b/deeper" "$work/far/away/build"
)

third() (
	unset SOURCE_DATE_EPOCH
	mkdir "$work/c" && tar -C "$work/c" -xJf "$tarball" --no-same-owner && pack "$work"/c/mcpcage-* "$work/c/build"
)

hash_of() { sha256sum <"$1/$name"; }

ok "one builder makes the tarball" first
tarball=$(echo "$work"/a/build/mcpcage-*.tar.xz)
name=${tarball##*/}
ok "another builder makes the tarball" second
is "$(hash_of "$work/far/away/build")" "$(hash_of "$work/a/build")" "the two are the same, bit for bit"
ok "the tarball makes a tarball" third
is "$(hash_of "$work/c/build")" "$(hash_of "$work/a/build")" "that is the same again, without a repository or a given time"

is "$(tar -tvJf "$tarball" --numeric-owner | awk '{ print $2 }' | sort -u)" 0/0 "its files are nobody's"
is "$(tar -tvJf "$tarball" | cut -c 1-10 | sort -u | tr '\n' ' ')" "-rw-r--r-- -rwxr-xr-x drwxr-xr-x " "there are plain files and folders, of one mode each"
is "$(TZ=UTC tar -tvJf "$tarball" --full-time | awk '{ print $4, $5 }' | sort -u)" "2023-11-14 22:13:20" "all are of one time"
tar -tJf "$tarball" | grep -v '/$' | sed 's|^[^/]*/||' >"$work/order"
ok "they are in order" env LC_ALL=C sort -c "$work/order"

# What autoconf and automake add, and nothing else: in particular no result of a build.
made='^(Makefile\.in|aclocal\.m4|config\.h\.in|configure|build-aux/(ar-lib|compile|config\.guess|config\.sub|depcomp|install-sh|missing|tap-driver\.sh|test-driver))$'
LC_ALL=C sort "$work/order" >"$work/packed"
repository ls-files -co --exclude-standard -- . ':!.gitignore' | LC_ALL=C sort >"$work/known"
is "$(LC_ALL=C comm -13 "$work/packed" "$work/known")" "" "every file of the repository is in it"
is "$(LC_ALL=C comm -23 "$work/packed" "$work/known" | grep -Ev "$made")" "" "and no other but what the autotools make"
done_testing

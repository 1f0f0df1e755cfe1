#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# make install, and make uninstall, which leaves nothing: no file, and no folder that only mcpcage has. Run in a build folder
# (top_builddir). A step of contrib/check, no part of `make check`, which must not depend on what is built already.
# shellcheck disable=SC2317 # called by ok
set -uo pipefail

top_srcdir=${top_srcdir:-$(cd "$(dirname "$0")/../.." && pwd)}
top_builddir=${top_builddir:-$PWD}
# shellcheck source=tests/tap.sh disable=SC1091
. "$top_srcdir/tests/tap.sh"

work=$(mktemp -d "${TMPDIR:-/tmp}/mcpcage-install.XXXXXX")
trap 'rm -rf "$work"' EXIT
root=$work/root

make_() { make -s -C "$top_builddir" DESTDIR="$root" prefix=/usr sysconfdir=/etc "$@"; }
listing() { (cd "$root" && find . ! -type d -printf '%P %m %l\n' | LC_ALL=C sort); }

umask 022
mkdir -m 755 "$root"
ok "make install" make_ install
first=$(listing)
for file in usr/bin/mcpcage usr/share/mcpcage/profiles/base.json usr/share/mcpcage/profiles/rules/secrets.json \
	usr/share/mcpcage/profiles/packages/npm/@playwright/mcp.json usr/share/man/man1/mcpcage.1 usr/share/man/man5/mcpcage-policy.5 \
	usr/share/man/man5/mcpcage-rules.5 usr/share/man/man7/mcpcage-security.7 usr/share/bash-completion/completions/mcpcage \
	usr/share/zsh/site-functions/_mcpcage usr/share/fish/vendor_completions.d/mcpcage.fish; do
	ok "$file is there" test -s "$root/$file"
done
is "$(cut -d' ' -f2 <<<"$first" | sort -u | tr '\n' ' ')" "644 755 " "files are of mode 644 or 755"
is "$(awk '$2 == 755 { print $1 }' <<<"$first")" usr/bin/mcpcage "the program alone can be run"
is "$(find "$root" -type f -perm /7000)" "" "nothing is setuid, setgid or sticky"
is "$(find "$root/usr/share" -type d ! -perm 755)" "" "its folders are open to others"
is "$(grep -rlF -e "$work" "$root")" "" "no file knows of DESTDIR"
is "$(grep -rlE '@[A-Za-z_]+@' "$root/usr/share/man")" "" "the manual pages are whole"
nok "nothing of a build that is not installed comes along" grep -q uninstalled <<<"$first"
ok "make install over it" make_ install
is "$(listing)" "$first" "changes nothing"
ok "make uninstall" make_ uninstall
is "$(listing)" "" "leaves no file"
is "$(cd "$root" && find . -type d -name '*mcpcage*')" "" "and no folder of its own"
ok "make install once more" make_ install
is "$(listing)" "$first" "gives the same again"
done_testing

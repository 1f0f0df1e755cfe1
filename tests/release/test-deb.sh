#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The Debian package: built from the release tarball, looked through by lintian, installed, upgraded and purged in fresh
# systems, of which nothing may be left then.
#
#	tests/release/test-deb.sh [--autopkgtest]
#
# Run in a build folder (top_builddir), where the package lies in the folder deb afterwards. Fresh systems are made by
# mmdebstrap, as root or as a user with subordinate ids; that needs the network. --autopkgtest: the tests of contrib/debian/tests
# as well, with the escape tests on the installed program, as an ordinary user of a fresh system; not as root, with uidmap, and
# another five minutes.
# A step of contrib/check, no part of `make check`.
# shellcheck disable=SC2016,SC2317 # what other shells are to expand; called by ok
set -uo pipefail

top_srcdir=${top_srcdir:-$(cd "$(dirname "$0")/../.." && pwd)}
top_builddir=$(cd "${top_builddir:-$PWD}" && pwd)
# shellcheck source=tests/tap.sh disable=SC1091
. "$top_srcdir/tests/tap.sh"

autopkgtest=no
[ "${1-}" = --autopkgtest ] && autopkgtest=yes
for tool in dpkg-buildpackage dh dh_apparmor lintian mmdebstrap; do
	command -v "$tool" >/dev/null ||
		tap_skip_all "$tool is missing: apt-get install dpkg-dev debhelper dh-apparmor lintian mmdebstrap"
done
work=$(mktemp -d "${TMPDIR:-/tmp}/mcpcage-deb.XXXXXX")
chmod 755 "$work"
trap 'rm -rf "$work"' EXIT
# shellcheck disable=SC2016 # apt's variable
mirror=${MCPCAGE_VM_MIRROR:-$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -v security | head -n 1)}

# ---- the package --------------------------------------------------------------------------------

# check-unit of the very same tarball is run by others.
build() { DEB_BUILD_OPTIONS="nocheck parallel=$(getconf _NPROCESSORS_ONLN)" make -C "$top_builddir" deb DEB_OPTIONS=-Pnocheck; }
ok "it is built from the tarball" build || done_testing
changes=$(echo "$top_builddir"/deb/mcpcage_*.changes)
deb=$(echo "$top_builddir"/deb/mcpcage_*_"$(dpkg --print-architecture)".deb)
lint() { lintian --pedantic --display-info --fail-on error,warning,info,pedantic --allow-root "$changes"; }
ok "lintian has nothing to say, not even pedantically" lint
is "$(lintian --allow-root --tags unused-override "$changes")" "" "and is not told to overlook what is not there"

contents=$(dpkg-deb --contents "$deb")
for file in usr/bin/mcpcage usr/share/mcpcage/profiles/base.json usr/share/man/man7/mcpcage-security.7.gz \
	usr/share/bash-completion/completions/mcpcage usr/share/zsh/vendor-completions/_mcpcage \
	usr/share/fish/vendor_completions.d/mcpcage.fish usr/share/doc/mcpcage/changelog.gz usr/share/doc/mcpcage/SECURITY.md; do
	like "$contents" "*./$file*" "it has $file"
done
is "$(awk '$1 ~ /s/ || $2 != "root/root"' <<<"$contents")" "" "all is root's, and nothing has privileges"
dpkg-deb -x "$deb" "$work/x"
is "$(readelf -d "$work/x/usr/bin/mcpcage" | grep -c 'BIND_NOW\|FLAGS_1.*NOW.*PIE')" 2 "the program is position-independent, and bound at its start"
is "$(cd "$work/x" && find etc -type f 2>/dev/null | sort)" "$(dpkg-deb -I "$deb" conffiles 2>/dev/null | sed 's|^/||' | sort)" \
	"what it has in /etc, if anything, is a conffile"

# ---- in fresh systems ---------------------------------------------------------------------------

# A version that is newer, of the same content.
dpkg-deb -R "$deb" "$work/newer"
sed -i 's/^Version: .*/&+newer/' "$work/newer/DEBIAN/control"
dpkg-deb --root-owner-group -b "$work/newer" "$work/newer.deb" >/dev/null
cp "$deb" "$work/this.deb"

cat >"$work/check" <<'END'
#!/bin/bash
# In the fresh system. Each line: a word, and what it is about.
export DEBIAN_FRONTEND=noninteractive LC_ALL=C
try() { local name=$1; shift; if "$@" >/tmp/out 2>&1; then echo "ok $name"; else echo "not $name: $(tail -n 5 /tmp/out | tr '\n' ' ')"; fi; }
files() { find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /tmp -o -path /var/log -o -path /var/cache -o -path /check \
	-o -path '/*.deb' -o -path '/var/lib/dpkg/*-old' -o -path /var/lib/dpkg/lock -o -path /var/lib/apt/extended_states \
	-o -path /results -o -path /var/lib/man-db -o -path /etc/ld.so.cache \) -prune -o -printf '%p %y %m %l\n' | sort; }
files >/tmp/before
# An empty folder of AppArmor's goes with the last profile: dh_apparmor removes it.
sed -i '\|^/etc/apparmor.d/disable d |d' /tmp/before
sed -i '/^Package: mcpcage$/,/^$/d' /var/lib/dpkg/status
try "it is installed" dpkg -i /this.deb
try "no file of it is damaged" dpkg --verify mcpcage
try "mcpcage --version" sh -c 'mcpcage --version | grep -q "^mcpcage [0-9]"'
try "mcpcage explain finds the profiles" sh -c 'mcpcage explain -- /bin/true | grep -q /usr'
try "an ordinary user can run it" setpriv --reuid=65534 --regid=65534 --clear-groups sh -c 'mcpcage --help | grep -q doctor'
try "it is upgraded" dpkg -i /newer.deb
try "the newer one runs" sh -c 'mcpcage --version | grep -q "^mcpcage [0-9]"'
try "it is removed" dpkg -r mcpcage
try "the program is gone" sh -c '! command -v mcpcage'
try "it is installed again" dpkg -i /this.deb
try "it is purged" dpkg -P mcpcage
files >/tmp/after
try "nothing is left of it" diff /tmp/before /tmp/after
END

# What it depends on, without what only a version of this system has.
needs=$(dpkg-deb -f "$deb" Depends | sed 's/([^)]*)//g; s/ //g')
fresh() {
	mmdebstrap --variant=minbase --include="$needs,apparmor,diffutils" --aptopt='Apt::Install-Recommends "false"' \
		--customize-hook="upload $work/check /check" --customize-hook="upload $work/this.deb /this.deb" \
		--customize-hook="upload $work/newer.deb /newer.deb" --customize-hook='chroot "$1" bash /check >"$1/results"' \
		--customize-hook="download /results $work/results.$1" "$1" /dev/null "$mirror"
}
for suite in bookworm trixie; do
	if fresh "$suite" >"$work/log" 2>&1; then
		while read -r word name; do
			if [ "$word" = ok ]; then pass "$suite: $name"; else fail "$suite: $name"; fi
		done <"$work/results.$suite"
		is "$(wc -l <"$work/results.$suite")" 12 "$suite: all of this was tried"
	else
		fail "$suite: a fresh system is made"
		diag "$(tail -n 10 "$work/log")"
	fi
done

# ---- autopkgtest --------------------------------------------------------------------------------

# autopkgtest inside, because its own ways into a system are chroot(2), in which the kernel allows no user namespaces, or a virtual
# machine. A root of its own has them.
if [ "$autopkgtest" = yes ]; then
	testbed=$work/testbed.tar
	bed() {
		mmdebstrap --variant=apt --include=autopkgtest,build-essential,python3,procps,util-linux,mount bookworm "$testbed" "$mirror"
	}
	ok "a testbed is made" bed
	installed() {
		mkdir "$work/testbed"
		unshare --user --map-root-user --map-auto --mount --pid --fork bash -euc '
			mount --bind "$1" "$1"
			tar -C "$1" --exclude="./dev/*" -xf "$2"
			mount --rbind /dev "$1/dev"
			mount --rbind /sys "$1/sys"
			mount -t proc proc "$1/proc"
			cp "$3"/mcpcage_*.deb "$3"/mcpcage_*.dsc "$3"/mcpcage_*.tar.* "$1/root"
			cp -L /etc/resolv.conf "$1/etc/resolv.conf"
			cd "$1"
			mkdir -p mnt/host
			pivot_root . mnt/host
			umount -l /mnt/host
			cd /root
			useradd --create-home tester
			exec env -i HOME=/root USER=root LOGNAME=root PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 \
				autopkgtest --user tester --apt-upgrade --no-built-binaries ./mcpcage_*.deb ./mcpcage_*.dsc -- null
		' - "$work/testbed" "$testbed" "$top_builddir/deb" >"$work/autopkgtest.log" 2>&1
		local status=$?
		tr -d '\0' <"$work/autopkgtest.log"
		unshare --user --map-root-user --map-auto rm -rf "$work/testbed"
		# A test that leaves itself out is no success here.
		[ "$status" = 0 ] && ! grep -aq "^[a-z]* *SKIP" "$work/autopkgtest.log"
	}
	ok "autopkgtest, with the escape tests on the installed program" installed
	grep -a "^[a-z]* *PASS" "$work/autopkgtest.log" | sed "s/^/# /"
fi
done_testing

#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The recipes for RPM, Arch, Alpine and Nix: that they say one version, and as much more as the tools here can tell. The RPM is
# built from the release tarball, without asking RPM's database for what is installed, which Debian does not keep. Run in a
# build folder (top_builddir). A step of contrib/check, no part of `make check`.
# shellcheck disable=SC2317 # called by ok
set -uo pipefail

top_srcdir=${top_srcdir:-$(cd "$(dirname "$0")/../.." && pwd)}
top_builddir=${top_builddir:-$PWD}
# shellcheck source=tests/tap.sh disable=SC1091
. "$top_srcdir/tests/tap.sh"

work=$(mktemp -d "${TMPDIR:-/tmp}/mcpcage-recipes.XXXXXX")
trap 'rm -rf "$work"' EXIT
contrib=$top_srcdir/contrib
version=$(sed -n 's/^AC_INIT(\[mcpcage\], \[\([^]]*\)\].*/\1/p' "$top_srcdir/configure.ac")
have() { command -v "$1" >/dev/null; }

# ---- one version --------------------------------------------------------------------------------

version_in() { sed -n "s/$1/\\1/p" "$contrib/$2" | head -n 1; }
is "$(version_in '^\([0-9][0-9.]*\)$' NEWS)" "$version" "the version in contrib/NEWS"
is "$(version_in '^mcpcage (\([^-]*\)-.*' debian/changelog)" "$version" "in contrib/debian"
is "$(version_in '^Version: *\(.*\)' rpm/mcpcage.spec)" "$version" "in contrib/rpm"
is "$(version_in '^pkgver=\(.*\)' arch/PKGBUILD)" "$version" "in contrib/arch"
is "$(version_in '^pkgver=\(.*\)' alpine/APKBUILD)" "$version" "in contrib/alpine"
is "$(version_in '^ *version = "\(.*\)";' nix/package.nix)" "$version" "in contrib/nix"

# ---- the same libraries -------------------------------------------------------------------------

# Each library that configure insists on is a dependency in each recipe, by the name that it has there.
while read -r pc debian rpm arch alpine nix; do
	ok "configure asks for $pc" grep -q "PKG_CHECK_MODULES.*\[$pc " "$top_srcdir/configure.ac"
	ok "so does contrib/debian" grep -q "^ $debian\\b" "$contrib/debian/control"
	ok "contrib/rpm" grep -q "^BuildRequires:.*pkgconfig($rpm)" "$contrib/rpm/mcpcage.spec"
	ok "contrib/arch" grep -q "^depends=.*\\b$arch\\b" "$contrib/arch/PKGBUILD"
	ok "contrib/alpine" grep -qx "	$alpine" "$contrib/alpine/APKBUILD"
	ok "contrib/nix" grep -qx "    $nix" "$contrib/nix/package.nix"
done <<'END'
jansson libjansson-dev jansson jansson jansson-dev jansson
libnl-3.0 libnl-3-dev libnl-3.0 libnl libnl3-dev libnl
libapparmor libapparmor-dev libapparmor apparmor libapparmor-dev libapparmor
libcap libcap-dev libcap libcap libcap-dev libcap
libpcre2-8 libpcre2-dev libpcre2-8 pcre2 pcre2-dev pcre2
libsodium libsodium-dev libsodium libsodium libsodium-dev libsodium
END
is "$(grep -c '^PKG_CHECK_MODULES' "$top_srcdir/configure.ac")" 6 "and there is no other that it insists on"

# ---- what can read them -------------------------------------------------------------------------

ok "PKGBUILD is a script" bash -n "$contrib/arch/PKGBUILD"
ok "APKBUILD is a script" sh -n "$contrib/alpine/APKBUILD"
if have shellcheck; then
	ok "shellcheck has nothing to say about them" shellcheck "$contrib/arch/PKGBUILD" "$contrib/alpine/APKBUILD"
else
	tap_skip "shellcheck is missing: apt-get install shellcheck"
fi
if have nix-instantiate; then
	ok "the expression of Nix can be read" nix-instantiate --parse "$contrib/nix/package.nix"
	# Its arguments stubbed, so that what it asks of them is evaluated as well.
	cat >"$work/evaluate.nix" <<END
let
  lib = {
    optional = condition: x: if condition then [ x ] else [ ];
    withFeature = condition: name: (if condition then "--with-" else "--without-") + name;
    licenses.lgpl21Plus = "LGPL-2.1-or-later";
  };
  f = import $contrib/nix/package.nix;
  made = f ((builtins.mapAttrs (name: _: name) (builtins.functionArgs f)) // {
    inherit lib;
    withSystemd = false;
    stdenv = { mkDerivation = x: x; buildPlatform.canExecute = _: true; hostPlatform = { }; };
  });
in made.pname + " " + made.version + " " + toString made.configureFlags + " " + toString made.buildInputs
END
	evaluated=$(NIX_STATE_DIR=$work/nix NIX_STORE_DIR=$work/store nix-instantiate --eval --readonly-mode "$work/evaluate.nix" 2>"$work/nix.err")
	like "$evaluated" "*mcpcage $version --sysconfdir=/etc --without-systemd jansson*" "and evaluated" || diag "$(cat "$work/nix.err")"
else
	tap_skip "nix-instantiate is missing: apt-get install nix-bin"
fi

tarball() { make -s -C "$top_builddir" dist; }
ok "make dist" tarball
tarball=$top_builddir/mcpcage-$version.tar.xz

if have makepkg && have pacman; then
	cp "$contrib/arch/PKGBUILD" "$tarball" "$work/"
	chmod -R a+rX "$work"
	# makepkg does not run as root, and needs no more than to read the recipe for this.
	as=()
	[ "$(id -u)" != 0 ] || { chown -R nobody "$work"; as=(runuser -u nobody -- env -i PATH="$PATH" HOME="$work"); }
	info=$(cd "$work" && "${as[@]}" makepkg --printsrcinfo 2>"$work/makepkg.err")
	like "$info" "*pkgbase = mcpcage*pkgver = $version*source = mcpcage-$version.tar.xz*pkgname = mcpcage*" "makepkg reads the PKGBUILD" ||
		diag "$(cat "$work/makepkg.err")"
	[ "$(id -u)" != 0 ] || chown -R 0:0 "$work"
else
	tap_skip "makepkg is missing: apt-get install makepkg pacman-package-manager"
fi

# ---- RPM ----------------------------------------------------------------------------------------

if have rpmlint; then
	ok "rpmlint has nothing to say about the spec file" rpmlint -c "$contrib/rpm/rpmlint.toml" "$contrib/rpm/mcpcage.spec"
else
	tap_skip "rpmlint is missing: apt-get install rpmlint"
fi
if ! have rpmbuild; then
	tap_skip "rpmbuild is missing: apt-get install rpm"
	done_testing
fi
mkdir -p "$work/rpm/SOURCES"
cp "$tarball" "$work/rpm/SOURCES/"
# nocheck: the very same tests run where the tarball is tested.
rpm() {
	rpmbuild --define "_topdir $work/rpm" --define "_smp_mflags -j$(getconf _NPROCESSORS_ONLN)" --nodeps --nocheck -ba "$contrib/rpm/mcpcage.spec"
}
if ok "rpmbuild builds it" rpm; then
	built=$(find "$work/rpm/RPMS" -name "mcpcage-$version-*.rpm" ! -name '*debug*')
	listed=$(command rpm -qlp "$built" 2>/dev/null)
	for file in /usr/bin/mcpcage /usr/share/mcpcage/profiles/base.json /usr/share/man/man7/mcpcage-security.7 \
		/usr/share/bash-completion/completions/mcpcage; do
		like "$listed" "*$file*" "the package has $file"
	done
	is "$(command rpm -qp --qf '%{VERSION} %{LICENSE}' "$built" 2>/dev/null)" "$version LGPL-2.1-or-later" "its version and licence"
	is "$(command rpm -qp --scripts "$built" 2>/dev/null)" "" "it runs nothing when it is installed"
	is "$(command rpm -qp --qf '[%{FILEMODES:perms} %{FILECAPS} %{FILENAMES}\n]' "$built" 2>/dev/null | grep -E '^...s|^......s|cap_')" "" \
		"nothing in it has privileges"
	if have rpmlint; then
		ok "rpmlint finds no error in the package" rpmlint -c "$contrib/rpm/rpmlint.toml" "$built"
	fi
fi
done_testing

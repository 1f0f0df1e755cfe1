# SPDX-License-Identifier: LGPL-2.1-or-later
#
# mcpcage for nixpkgs:
#
#	nix-build -E 'with import <nixpkgs> { }; callPackage ./package.nix { src = ./mcpcage-0.1.0.tar.xz; }'
#
# Of NixOS the cage needs no more than of other systems: /nix/store is what policy has to grant instead of /usr, by the key
# files.system of /etc/mcpcage/policy.json; see mcpcage-policy(5).
{
  lib,
  stdenv,
  src,
  pkg-config,
  jansson,
  libapparmor,
  libcap,
  libnl,
  libseccomp,
  libsodium,
  pcre2,
  python3,
  systemd,
  withSystemd ? true,
}:

stdenv.mkDerivation {
  pname = "mcpcage";
  version = "0.1.0";
  inherit src;

  nativeBuildInputs = [ pkg-config ];
  buildInputs = [
    jansson
    libapparmor
    libcap
    libnl
    libseccomp
    libsodium
    pcre2
  ]
  ++ lib.optional withSystemd systemd;

  configureFlags = [
    "--sysconfdir=/etc"
    (lib.withFeature withSystemd "systemd")
  ];
  # Nothing is installed below /etc; the program reads the machine's.
  installFlags = [ "sysconfdir=${placeholder "out"}/etc" ];

  enableParallelBuilding = true;
  doCheck = stdenv.buildPlatform.canExecute stdenv.hostPlatform;
  # What needs no cage: the sandbox of a build allows no user namespaces.
  checkTarget = "check-unit";
  nativeCheckInputs = [ python3 ];

  meta = {
    description = "Run MCP servers in a cage and check what they say";
    license = lib.licenses.lgpl21Plus;
    platforms = [
      "x86_64-linux"
      "aarch64-linux"
    ];
    mainProgram = "mcpcage";
  };
}

#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Install the real servers and clients that tests/real runs into a folder, once: npm packages without their install
# scripts, PyPI packages in a virtual environment. Usage: install.sh FOLDER. Does nothing when FOLDER has what the lock
# files ask for. `make real-servers` and contrib/check call it; `make check` never does, so it needs no network.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
folder=${1:?usage: install.sh FOLDER}
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
wanted=$(cat "$here/package.json" "$here/package-lock.json" "$here/requirements.txt" | sha256sum | cut -d' ' -f1)

if [ "$(cat "$folder/stamp" 2>/dev/null)" = "$wanted" ]; then
	echo "real servers: already installed in $folder"
	exit 0
fi
rm -f "$folder/stamp"

# A Python that ordinary users may run, too: not one below somebody's home folder.
python=
for candidate in /usr/bin/python3 /usr/local/bin/python3 python3; do
	if command -v "$candidate" >/dev/null && "$candidate" -c 'import venv, ensurepip' 2>/dev/null; then
		python=$candidate
		break
	fi
done
command -v npm >/dev/null || { echo "real servers: npm is missing" >&2; exit 1; }
[ -n "$python" ] || { echo "real servers: python3 with venv is missing" >&2; exit 1; }

echo "real servers: installing into $folder"
umask 022
# What is installed is world-readable, so that the tests can run as an ordinary user, too.
cp "$here/package.json" "$here/package-lock.json" "$folder/"
(cd "$folder" && npm install --ignore-scripts --omit-lockfile-registry-resolved --no-audit --no-fund --no-update-notifier --loglevel=error)
rm -rf "$folder/venv"
"$python" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$here/requirements.txt"
chmod -R a+rX "$folder/node_modules" "$folder/venv"
echo "$wanted" >"$folder/stamp"
echo "real servers: installed"

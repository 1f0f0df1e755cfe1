# SPDX-License-Identifier: LGPL-2.1-or-later
"""The package tools that are on this machine, and how they are told of a registry: by files in a home folder, as users do."""

import functools
import os
import shutil
import subprocess

PLACES = "/usr/local/bin:/usr/bin:/bin"
PYTHON = "/usr/bin/python3"


@functools.lru_cache(None)
def uv_folder():
	"""Where uv is: in the PATH, or among the installed servers of tests/real. None: nowhere."""
	real = os.environ.get("MCPCAGE_REAL") or os.path.join(os.environ.get("top_builddir", "."), "tests", "real", "installed")
	for folder in [os.path.join(real, "venv", "bin"), *os.environ.get("PATH", "").split(":"), *PLACES.split(":")]:
		if folder and os.access(os.path.join(folder, "uv"), os.X_OK):
			return folder
	return None


def path(uv=False):
	"""PATH for an ordinary user."""
	folder = uv_folder() if uv else None
	return PLACES if folder is None or folder in PLACES.split(":") else f"{folder}:{PLACES}"


def have(tool):
	return shutil.which(tool, path=path(uv=tool == "uv")) is not None


@functools.lru_cache(None)
def have_venv():
	return os.path.exists(PYTHON) and subprocess.run([PYTHON, "-c", "import venv, ensurepip"], capture_output=True).returncode == 0


def configure(home, registry):
	"""npm, pip and uv ask REGISTRY. Returns the files."""
	files = {".npmrc": f"registry={registry.npm}\nfetch-retries=1\nfetch-retry-mintimeout=100\nfetch-retry-maxtimeout=200\n",
		 ".config/pip/pip.conf": f"[global]\nindex-url = {registry.pypi}\nretries = 1\n",
		 ".config/uv/uv.toml": f'[[index]]\nurl = "{registry.pypi}"\ndefault = true\n'}
	for name, text in files.items():
		full = os.path.join(home, name)
		os.makedirs(os.path.dirname(full), exist_ok=True)
		with open(full, "w") as f:
			f.write(text)
	return [os.path.join(home, name) for name in files]

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Packages for tests, made of dictionaries: npm tarballs, wheels and source distributions, proper ones and hostile ones.

	npm("name", "1.0.0", {"index.js": "..."}, bin={"name": "index.js"}, dependencies={...}, scripts={...})
	wheel("name", "1.0.0", {"name/__init__.py": "..."}, commands={"name": "name:main"}, requires=["other>=1"])
	sdist("name", "1.0.0", {...}, commands={...}, build="python that runs while it is built")

The hostile part is MORE: entries that are written into the archive as they are, with any name, type, mode and link. Archives are
written by hand as far as the libraries are too careful for that.
"""

import base64
import gzip
import hashlib
import io
import json
import os
import stat
import warnings
import zipfile
from dataclasses import dataclass, field, replace

HERE = os.path.dirname(os.path.abspath(__file__))
EPOCH = 499162500  # npm's own, 1985-10-26


@dataclass
class NpmPackage:
	name: str
	version: str
	manifest: dict
	tarball: bytes
	dist: dict = field(default_factory=dict)  # what the registry is to say of the tarball other than the truth
	ecosystem = "npm"


@dataclass
class PyFile:
	name: str
	version: str
	filename: str
	data: bytes
	metadata: bytes | None = None
	requires_python: str = ""
	sha256: str = ""
	ecosystem = "pypi"

	def __post_init__(self):
		self.sha256 = self.sha256 or hashlib.sha256(self.data).hexdigest()

	def with_hash_of(self, other):
		return replace(self, sha256=other.sha256)


def raw(text):
	return text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text


# ---- tar -------------------------------------------------------------------------------------------------------------

@dataclass
class Entry:
	"""One of an archive. DATA as a number means so many zero bytes."""
	name: bytes | str
	data: bytes | str | int = b""
	kind: str = "0"  # 0 file, 1 hard link, 2 symlink, 3, 4 devices, 5 folder, 6 FIFO
	link: bytes | str = b""
	mode: int = 0o644
	device: tuple = (0, 0)


def symlink(name, to):
	return Entry(name, kind="2", link=to, mode=0o777)


def hard_link(name, to):
	return Entry(name, kind="1", link=to)


def folder(name, mode=0o755):
	return Entry(name, kind="5", mode=mode)


def device(name, major=1, minor=3):
	return Entry(name, kind="3", device=(major, minor))


def fifo(name):
	return Entry(name, kind="6")


def _tar_header(name, size, kind, mode, link, dev):
	h = bytearray(512)

	def put(at, value):
		h[at:at + len(value)] = value
	put(0, name[:100])
	put(100, b"%07o\0" % (mode & 0o7777))
	put(108, b"0000000\0")
	put(116, b"0000000\0")
	put(124, b"%011o\0" % size)
	put(136, b"%011o\0" % EPOCH)
	put(148, b" " * 8)
	put(156, kind.encode())
	put(157, link[:100])
	put(257, b"ustar\x0000")
	put(329, b"%07o\0" % dev[0])
	put(337, b"%07o\0" % dev[1])
	put(148, b"%06o\0 " % sum(h))
	return bytes(h)


def _padded(data):
	return data + b"\0" * (-len(data) % 512)


def _pax(key, value):
	"""One record of a pax header, whose length counts itself."""
	rest = b" " + key + b"=" + value + b"\n"
	n = len(rest)
	while n != len(str(n)) + len(rest):
		n = len(str(n)) + len(rest)
	return str(n).encode() + rest


def tgz(entries):
	out = io.BytesIO()
	with gzip.GzipFile(fileobj=out, mode="wb", mtime=0, compresslevel=6) as z:
		for e in entries:
			name, link = raw(e.name), raw(e.link)
			long = b"".join(_pax(k, v) for k, v in ((b"path", name), (b"linkpath", link)) if len(v) > 100)
			if long:
				z.write(_tar_header(b"pax", len(long), "x", 0o644, b"", (0, 0)) + _padded(long))
			size = e.data if isinstance(e.data, int) else len(raw(e.data))
			z.write(_tar_header(name, size if e.kind == "0" else 0, e.kind, e.mode, link, e.device))
			if e.kind != "0":
				continue
			if isinstance(e.data, int):
				block = b"\0" * (1 << 20)
				left = size + -size % 512
				while left:
					left -= z.write(block[:min(left, len(block))])
			else:
				z.write(_padded(raw(e.data)))
		z.write(b"\0" * 1024)
	return out.getvalue()


# ---- npm -------------------------------------------------------------------------------------------------------------

def npm(name, version="1.0.0", files=None, bin=None, dependencies=None, scripts=None, more=(), told=None, package_json=None,
	dist=None, **keys):
	"""
	FILES: {path: content}, executable where BIN names them or the content has a first line for it. KEYS go into package.json.
	TOLD: what the registry's metadata say instead, PACKAGE_JSON: the bytes in the tarball instead.
	"""
	manifest = {"name": name, "version": version, **keys}
	for key, value in (("bin", bin), ("dependencies", dependencies), ("scripts", scripts)):
		if value is not None:
			manifest[key] = value
	text = json.dumps(manifest, indent=2).encode() if package_json is None else raw(package_json)
	entries = [Entry("package/package.json", text)]
	for path, content in (files or {}).items():
		entries.append(Entry("package/" + path, content,
				     mode=0o755 if not isinstance(content, int) and raw(content).startswith(b"#!") else 0o644))
	return NpmPackage(name, version, {**manifest, **(told or {})}, tgz([*entries, *more]), dist or {})


def source(file):
	with open(os.path.join(HERE, file)) as f:
		return f.read()


def npm_server(name, version="1.0.0", bin=None, files=None, **more):
	"""A small MCP server, see server.js. It tells VERSION and the versions of its dependencies."""
	return npm(name, version, {"server.js": source("server.js"), **(files or {})},
		   bin={name.rpartition("/")[2]: "server.js"} if bin is None else bin, **more)


def npm_library(name, version="1.0.0", text=None, **more):
	"""A dependency: what it exports tells its version."""
	return npm(name, version, {"index.js": text or f"module.exports = {json.dumps(f'{name} {version}')};\n"}, main="index.js", **more)


# ---- wheels and source distributions -----------------------------------------------------------------------------------

def module_name(name):
	return name.replace("-", "_").replace(".", "_").lower()


def _metadata(name, version, requires, requires_python, more=b""):
	lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
	if requires_python:
		lines.append(f"Requires-Python: {requires_python}")
	lines += [f"Requires-Dist: {r}" for r in requires]
	return raw("\n".join(lines) + "\n") + more + b"\n"


def zip_entry(name, data=b"", mode=stat.S_IFREG | 0o644):
	return (name, raw(data), mode)


def zip_symlink(name, to):
	return (name, raw(to), stat.S_IFLNK | 0o777)


def zipped(entries):
	"""Of (name, bytes, mode); a name may be any bytes without NUL, and may come twice."""
	out = io.BytesIO()
	names = []
	with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
		for i, (name, data, mode) in enumerate(entries):
			name = raw(name)
			stand_in = f"{i:08d}".encode().ljust(len(name), b"_")[:max(len(name), 8)] if not _plain(name) else name
			if stand_in != name:
				if len(stand_in) != len(name):
					raise ValueError("a name that needs care has eight bytes at least")
				names.append((stand_in, name))
			info = zipfile.ZipInfo(stand_in.decode(), (2020, 1, 1, 0, 0, 0))
			info.external_attr = mode << 16
			info.compress_type = zipfile.ZIP_DEFLATED
			info.create_system = 3
			if isinstance(data, int):
				with z.open(info, "w", force_zip64=True) as f:
					while data > 0:
						data -= f.write(b"\0" * min(data, 1 << 20))
			else:
				_write_quietly(z, info, data)
	whole = out.getvalue()
	for stand_in, name in names:
		whole = whole.replace(stand_in, name)
	return whole


def _plain(name):
	return all(33 <= c < 127 for c in name) and b"\\" not in name


def _write_quietly(z, info, data):
	with warnings.catch_warnings():
		warnings.simplefilter("ignore")  # that a name is there twice
		z.writestr(info, data)


def wheel(name, version="1.0.0", files=None, commands=None, requires=(), requires_python="", more=(), metadata=None, data_scripts=None,
	  entry_points=None, beside=True, record=None):
	"""
	COMMANDS: {name: "module:function"}. DATA_SCRIPTS: {name: content} of .data/scripts. BESIDE: the index shows the metadata, too.
	METADATA, ENTRY_POINTS, RECORD: bytes instead of the proper ones.
	"""
	base = f"{module_name(name)}-{version}"
	info = base + ".dist-info"
	text = _metadata(name, version, requires, requires_python) if metadata is None else raw(metadata)
	entries = [zip_entry(p, c) if not isinstance(c, int) else (p, c, stat.S_IFREG | 0o644) for p, c in (files or {}).items()]
	entries += [zip_entry(f"{base}.data/scripts/{n}", c, stat.S_IFREG | 0o755) for n, c in (data_scripts or {}).items()]
	entries.append(zip_entry(f"{info}/METADATA", text))
	entries.append(zip_entry(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"))
	if commands or entry_points is not None:
		lines = ["[console_scripts]", *(f"{c} = {f}" for c, f in (commands or {}).items())]
		entries.append(zip_entry(f"{info}/entry_points.txt", "\n".join(lines) + "\n" if entry_points is None else entry_points))
	entries += list(more)
	if record is None:
		rows = []
		for path, data, _ in entries:
			if isinstance(data, int):
				rows.append(raw(path) + b",,")
				continue
			digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=")
			quoted = raw(path) if _plain(raw(path)) and b"," not in raw(path) else b'"' + raw(path).replace(b'"', b'""') + b'"'
			rows.append(quoted + b",sha256=" + digest + b",%d" % len(data))
		record = b"\n".join(rows) + raw(f"\n{info}/RECORD,,\n")
	entries.append(zip_entry(f"{info}/RECORD", record))
	return PyFile(name, version, base + "-py3-none-any.whl", zipped(entries), text if beside else None, requires_python)


def wheel_server(name, version="1.0.0", files=None, commands=None, **more):
	"""A small MCP server, see server.py."""
	module = module_name(name)
	return wheel(name, version, {f"{module}/__init__.py": source("server.py"), **(files or {})},
		     commands={name: f"{module}:main"} if commands is None else commands, **more)


def wheel_library(name, version="1.0.0", text=None, **more):
	return wheel(name, version, {f"{module_name(name)}.py": text or f"WHO = {f'{name} {version}'!r}\n"}, **more)


# A build backend that needs nothing but Python: builds the wheel that is beside it, after BUILD has run.
BACKEND = '''\
import os, shutil

def _go(folder):
    exec(open("build_code.py").read(), {"__name__": "build_code"})
    name = [n for n in os.listdir("ready") if n.endswith(".whl")][0]
    shutil.copy(os.path.join("ready", name), os.path.join(folder, name))
    return name

def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    return _go(wheel_directory)
'''


def sdist(name, version="1.0.0", files=None, build="", more=(), **of_wheel):
	"""A source distribution that becomes wheel(name, version, files, **of_wheel) when it is built; BUILD runs while it is."""
	ready = wheel(name, version, files, **of_wheel)
	base = f"{module_name(name)}-{version}"
	entries = [Entry(f"{base}/PKG-INFO", _metadata(name, version, of_wheel.get("requires", ()), "")),
		   Entry(f"{base}/pyproject.toml", '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'),
		   Entry(f"{base}/backend.py", BACKEND), Entry(f"{base}/build_code.py", build),
		   Entry(f"{base}/ready/{ready.filename}", ready.data)]
	return PyFile(name, version, base + ".tar.gz", tgz([*entries, *more]))


def sdist_server(name, version="1.0.0", **more):
	module = module_name(name)
	return sdist(name, version, {f"{module}/__init__.py": source("server.py")}, commands={name: f"{module}:main"}, **more)

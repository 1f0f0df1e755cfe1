#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Grants to a session that runs (mcpcage ps, grant, revoke), and the control socket they go through, with real sessions.

The server is a shell that runs what it finds in a folder that is granted to it for writing, so that a test can ask what it
sees at any time.
"""

import contextlib
import ctypes
import json
import os
import random
import re
import shutil
import signal
import socket
import stat
import struct
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cagetest import ROOT, Folder, Process, own, own_mounts, personas, plain_env, tap  # noqa: E402

WAIT = 30
REQUEST = struct.Struct("=IHHIIQ4096s")
MAGIC = 0x6d636763
SESSION, NEXT, GRANT_PATH, GRANT_HOST, REVOKE = range(1, 6)

SERVER = """exec 3>&1 4>&2
n=1
while :; do
	if [ -e "$BOX/$n" ]; then
		. "$BOX/$n" >"$BOX/$n.new" 2>&1
		mv "$BOX/$n.new" "$BOX/$n.said"
		n=$((n + 1))
	else
		sleep 0.02
	fi
done
"""


class World:
	"""A user with state, configuration and a runtime folder of his own."""

	def __init__(self, folder):
		self.folder = folder
		self.user = folder.user
		self.state = folder.path("state")
		self.runtime = folder.mkdir("runtime")
		os.chmod(self.runtime, 0o700)
		self.config = folder.mkdir("config")
		self.sockets = os.path.join(self.runtime, "mcpcage")
		self.env = plain_env(self.user, XDG_STATE_HOME=self.state, XDG_CONFIG_HOME=self.config,
				     XDG_RUNTIME_DIR=self.runtime)
		self.made, self.empty = [], []

	def command(self, *words, env=None, user=None):
		p = Process([self.folder.mcpcage, *words], user or self.user, env=env or self.env)
		p.close_stdin()
		status = p.wait(60)
		out, err = p.out.decode("utf-8", "replace"), p.messages()
		p.finish()
		return status, out, err

	def ps(self):
		status, out, err = self.command("ps", "--json")
		return json.loads(out)["sessions"] if status == 0 else err

	def audit(self, event):
		with open(os.path.join(self.state, "mcpcage", "audit.jsonl")) as f:
			return [r for r in map(json.loads, f) if r["event"] == event]

	def home_folder(self, name):
		"""A folder in the user's home, removed at the end."""
		path = os.path.join(self.user.pw_dir, f"mcpcage-grants-{self.folder.token}-{name}")
		os.mkdir(path)
		own(path, self.user)
		self.made.append(path)
		return path

	def system_folder(self):
		"""A folder that is in no file system of the cage's own, and a file in it."""
		if ROOT:
			path = f"/srv/mcpcage-grants-{self.folder.token}"
			os.makedirs(path, exist_ok=True)
			os.chmod(path, 0o755)
			self.made.append(path)
			self.put("a file\n", path, "single")
			return path, os.path.join(path, "single")
		for path in ("/etc/profile.d", "/etc/default", "/etc/pam.d", "/etc/security"):
			entries = os.scandir(path) if os.path.isdir(path) else []
			files = sorted(f.path for f in entries if f.is_file(follow_symlinks=False) and os.access(f.path, os.R_OK))
			if files:
				return path, files[0]
		tap.bail_out("no folder of the system to grant")
		return None

	def put(self, text, *parts):
		with open(os.path.join(*parts), "w") as f:
			f.write(text)
		own(os.path.join(*parts), self.user)

	def remove(self):
		for path in self.made:
			shutil.rmtree(path, ignore_errors=True)
		for path in self.empty:
			with contextlib.suppress(OSError):
				os.rmdir(path)


class Server:
	def __init__(self, world, name, *options, env=None):
		self.world = world
		self.n = 0
		self.name = name
		self.box = world.folder.mkdir(f"box-{name}")
		where = world.folder.mkdir(f"at-{name}")
		script = world.folder.write(f"BOX={self.box}\n" + SERVER, where, f"{name}.sh")
		self.p = Process([world.folder.mcpcage, "--pins", "off", "--rw", self.box, *options, "--", "/bin/sh", script],
				 world.user, env=env or world.env)

	def ask(self, text, seconds=WAIT):
		"""What a piece of shell prints in the cage; None when the session has ended."""
		self.n += 1
		path = os.path.join(self.box, str(self.n))
		self.world.folder.write(text + "\n", path + ".part")
		os.rename(path + ".part", path)
		if not self.p.until(lambda: os.path.exists(path + ".said"), seconds):
			return None
		with open(path + ".said") as f:
			return f.read()

	def ready(self):
		"""It runs, and can be asked."""
		return self.ask("echo here") == "here\n" and self.p.until(lambda: self.session() is not None, WAIT)

	def session(self):
		found = self.world.ps()
		found = [s for s in found if s["server"] == f"{self.name}.sh"] if isinstance(found, list) else []
		return found[0] if found else None

	def grant(self, *words):
		return self.world.command("grant", f"{self.name}.sh", *words)

	def revoke(self, *words):
		return self.world.command("revoke", f"{self.name}.sh", *words)

	def end(self):
		self.p.close_stdin()
		status = self.p.wait(WAIT)
		said = self.p.messages()
		self.p.finish()
		return status, said


def until(condition, seconds=WAIT):
	end = time.monotonic() + seconds
	while not condition() and time.monotonic() < end:
		time.sleep(0.05)
	return condition()


# ---- what is granted -------------------------------------------------------------------------------

def paths(w, who):
	docs = w.home_folder("docs")
	other, single = w.system_folder()
	with open(single) as f:
		content = f.read()
	base, name = os.path.basename(other), os.path.basename(single)
	w.put("hello\n", docs, "f")
	os.mkdir(os.path.join(docs, "sub"))
	w.put("below\n", docs, "sub", "g")
	s = Server(w, "paths")
	tap.ok(s.ready(), f"{who}: a session is listed", s.p.messages())
	info = s.session()
	tap.ok(info and re.fullmatch("[0-9a-f]{16}", info["id"]) and info["pid"] == s.p.pid and info["grants"] == [],
	       f"{who}: with its id, its process and without grants", info)
	tap.is_eq(s.ask(f"cat {docs}/f 2>/dev/null || echo no"), "no\n", f"{who}: what was not granted is not there")

	status, out, err = s.grant("--ro", docs, "--for", "1h", "--json")
	tap.ok(status == 0 and json.loads(out)["place"] == docs, f"{who}: a folder in the home is granted at its own path", out + err)
	tap.is_eq(s.ask(f"cat {docs}/f {docs}/sub/g; ls {docs}"), "hello\nbelow\nf\nsub\n", f"{who}: the server reads it at once")
	tap.ok("no\n" in s.ask(f"(echo x >{docs}/f) 2>/dev/null || (touch {docs}/new) 2>/dev/null || rm {docs}/f 2>/dev/null || echo no"),
	       f"{who}: and cannot change it")

	status, out, err = s.grant("--ro", other)
	place = re.search(rf"sees at (/run/grants/\d+/{re.escape(base)}), and by a symlink", out)
	tap.ok(status == 0 and place, f"{who}: a folder that would be in the root is elsewhere, and linked, and both is told", out + err)
	tap.is_eq(s.ask(f"cat {single} {place and place[1]}/{name}"), content * 2, f"{who}: the server reads it by both names")
	status, out, err = s.grant("--ro", single)
	tap.ok(status == 0 and f"/run/grants/3/{name}" in out, f"{who}: a single file is granted", out + err)
	tap.is_eq(s.ask(f"cat /run/grants/3/{name}"), content, f"{who}: the server reads it")
	grants = s.session()["grants"]
	tap.ok([g["what"] for g in grants] == [docs, other, single] and all(g["until"] for g in grants),
	       f"{who}: ps lists them", grants)
	status, out, _ = w.command("ps")
	tap.ok(status == 0 and docs in out and f"/run/grants/2/{base}" in out, f"{who}: for people as well", out)

	status, out, err = s.grant("--ro", docs, "--for", "2m", "--json")
	tap.ok(status == 0 and json.loads(out)["grant"] == 1 and len(s.session()["grants"]) == 3,
	       f"{who}: granting it once more sets its time anew", out + err)

	# What the server keeps: an open file, and nothing new by way of a folder that it is in.
	landlock = "landlock" in w.audit("start")[-1]["plan"]["layers"]["active"]
	s.ask(f"cd {docs}; exec 7<f")
	status, out, err = s.revoke("1")
	tap.ok(status == 0 and "1 grant taken back" in err, f"{who}: a grant is revoked by its number", out + err)
	tap.is_eq(s.ask(f"ls {docs}/f 2>/dev/null || echo gone"), "gone\n", f"{who}: it is gone at once")
	tap.is_eq(s.ask("cat <&7"), "hello\n", f"{who}: an open file stays open, as the manual says")
	if landlock:
		tap.is_eq(s.ask("(cat f || cat sub/g || cat ./sub/../f) 2>/dev/null || echo no"), "no\n",
			  f"{who}: a server that is still in the folder can open nothing in it")
	else:
		tap.tap_skip_kernel(f"{who}: without Landlock, a server that is in the folder keeps what is below it")
	s.ask("exec 7<&-; cd /")
	status, out, err = s.revoke("--all")
	tap.ok(status == 0 and "2 grants taken back" in err and s.session()["grants"] == [], f"{who}: the others are revoked together", err)
	tap.is_eq(s.ask(f"ls -A /run/grants; cat {single} 2>/dev/null || echo gone; ls -d {other} {docs} 2>/dev/null"), "gone\n",
		  f"{who}: nothing of them is left in the cage")
	status, _, err = s.revoke("--all")
	tap.ok(status == 0 and "nothing was granted" in err, f"{who}: once more is no error", err)
	status, _, err = s.revoke("1")
	tap.ok(status == 125 and "no grant 1" in err, f"{who}: what is not there cannot be revoked", err)
	status, said = s.end()
	tap.ok(s.session() is None and os.listdir(w.sockets) == [], f"{who}: the socket goes with the session", os.listdir(w.sockets))
	tap.ok(f"granted to read {docs}" in said and "no longer granted" in said, f"{who}: standard error says it", said)
	granted, ended = w.audit("grant"), w.audit("grant ended")
	tap.ok([g["what"] for g in granted] == [docs, other, single] and
	       all(g["until"] and g["by_pid"] > 0 and g["uid"] == w.user.pw_uid for g in granted) and len(w.audit("grant prolonged")) == 1,
	       f"{who}: what was granted, by whom and until when is in the audit log", granted)
	tap.ok(sorted(e["grant"] for e in ended) == [1, 2, 3] and {e["reason"] for e in ended} == {"revoked"},
	       f"{who}: and that it ended", ended)


def expiry(w, who):
	docs, more = w.home_folder("expires"), w.home_folder("lasts")
	w.put("hello\n", docs, "f")
	s = Server(w, "expires")
	s.ready()
	start = time.monotonic()
	tap.ok(s.grant("--ro", docs, "--for", "3s")[0] == 0 and s.grant("--ro", more, "--for", "5m")[0] == 0, f"{who}: two grants")
	tap.is_eq(s.ask(f"cat {docs}/f"), "hello\n", f"{who}: it is there before its time is over")
	gone = until(lambda: s.ask(f"cat {docs}/f 2>/dev/null || echo gone") == "gone\n")
	tap.ok(gone and time.monotonic() - start >= 2.9, f"{who}: and not afterwards", time.monotonic() - start)
	tap.ok([g["what"] for g in s.session()["grants"]] == [more], f"{who}: the other one stays", s.session())
	tap.ok([e["reason"] for e in w.audit("grant ended") if e["what"] == docs] == ["expired"], f"{who}: the audit log says so")
	s.end()
	tap.ok([e["reason"] for e in w.audit("grant ended") if e["what"] == more] == ["the session ended"],
	       f"{who}: the last one ends with the session")


def evasion(w, who):
	"""A server that moves the ground under a grant in its own home."""
	docs = w.home_folder("evade")
	inner = os.path.join(docs, "a", "b")
	os.makedirs(inner)
	for path in (os.path.join(docs, "a"), inner):
		own(path, w.user)
	w.put("secret\n", inner, "f")
	s = Server(w, "evades")
	s.ready()
	tap.ok(s.grant("--ro", inner)[0] == 0, f"{who}: a folder deep in the home is granted")
	moved = os.path.join(os.path.dirname(docs), "moved-" + w.folder.token)
	tap.is_eq(s.ask(f"mv {docs} {moved} && mkdir -p {inner} && cat {moved}/a/b/f"), "secret\n", f"{who}: the server moves the folder around it")
	status, _, err = s.revoke("1")
	tap.ok(status == 0, f"{who}: it is revoked all the same", err)
	tap.is_eq(s.ask(f"cat {moved}/a/b/f {inner}/f 2>/dev/null || echo gone"), "gone\n", f"{who}: and gone wherever it was")
	s.ask(f"rm -rf {moved} {docs}; ln -s /usr {docs}")
	status, out, err = s.grant("--ro", inner, "--json")
	tap.ok(status == 0 and json.loads(out)["place"].startswith("/run/grants/"), f"{who}: a symlink in its place leads a grant nowhere", out + err)
	tap.is_eq(s.ask("cat /run/grants/2/b/f"), "secret\n", f"{who}: it is shown elsewhere")
	s.ask(f"rm {docs}; mkdir -p {inner}; echo mine >{inner}/own")
	tap.ok(s.revoke("--all")[0] == 0, f"{who}: taken back")
	status, out, err = s.grant("--ro", inner, "--json")
	tap.ok(status == 0 and json.loads(out)["place"].startswith("/run/grants/"), f"{who}: a folder of the server's that is not empty is not covered", out + err)
	tap.is_eq(s.ask(f"cat {inner}/own /run/grants/3/b/f; (mv /run/grants/3 /run/grants/4; rm -r /run/grants; umount /run/grants/3/b) 2>/dev/null; ls /run/grants"),
		  "mine\nsecret\n3\n", f"{who}: nothing of the root can be moved, removed or unmounted by it")
	s.end()


def refused(w, who):
	home = w.user.pw_dir
	keys = os.path.join(home, ".ssh")
	# Other tests of this user's may run at the same time, and have theirs in it.
	with contextlib.suppress(FileExistsError):
		os.mkdir(keys, 0o700)
		own(keys, w.user)
		w.empty.append(keys)
	docs = w.home_folder("refuse")
	s = Server(w, "refuses", "--grants", "20m")
	s.ready()
	server = socket.socket(socket.AF_UNIX)
	server.bind(os.path.join(docs, "socket"))
	os.symlink(keys, os.path.join(docs, "link"))
	os.mkfifo(os.path.join(docs, "fifo"))
	cases = [
		(("--ro", keys), "holds credentials", "a folder with keys"),
		(("--ro", os.path.join(docs, "link")), "holds credentials", "a symlink to it"),
		(("--ro", home), "home folder", "the home folder"),
		(("--ro", os.path.dirname(home)), "cannot grant", "what the home folder is in"),
		(("--ro", "/"), "whole system", "the root"),
		(("--ro", "/proc"), "own /proc", "/proc"),
		(("--ro", "/run"), "sockets of the system", "/run"),
		(("--ro", os.path.join(docs, "socket")), "it is a socket", "a socket"),
		(("--ro", os.path.join(docs, "fifo")), "neither a folder nor a file", "a fifo"),
		(("--ro", "/dev/zero"), "devices are not granted", "a device"),
		(("--ro", docs + "/nothing"), "does not exist", "what does not exist"),
		(("--ro", w.runtime), "mcpcage", "the runtime folder"),
		(("--ro", w.sockets), "mcpcage", "the folder of the sockets"),
		(("--ro", os.path.join(w.state, "mcpcage")), "mcpcage", "mcpcage's state"),
		(("--ro", "/usr/share"), "can read /usr/share already", "what it sees anyway"),
		(("--ro", docs, "--for", "1h"), "20m at most", "more time than policy has"),
		(("--ro", docs, "--for", "10"), "unit", "a time without unit"),
		(("--rw", docs), "never to write", "writing"),
		(("--ro", docs, "--host", "example.org"), "what is to be granted", "two things at once"),
		((), "what is to be granted", "nothing"),
	]
	for words, says, name in cases:
		status, out, err = s.grant(*words)
		tap.ok(status == 125 and says in err and out == "", f"{who}: refused: {name}", f"{status} {out} {err}")
	status, _, err = w.command("grant", "no-such-session", "--ro", docs)
	tap.ok(status == 125 and "no session" in err, f"{who}: refused: a session that does not run", err)
	tap.ok(s.session()["grants"] == [] and s.ask("ls /run") == "", f"{who}: nothing of that is in the cage")
	tap.ok(any(keys in r["what"] for r in w.audit("grant refused")), f"{who}: what was refused is in the audit log")
	server.close()
	s.end()

	s = Server(w, "none", "--grants", "off")
	s.ready()
	status, _, err = s.grant("--ro", docs)
	tap.ok(status == 125 and "grants nothing" in err, f"{who}: with grants off, nothing is granted", err)
	s.end()


def links(w, who):
	"""A symlink that the server made in a folder that it may write."""
	private = w.home_folder("private")
	w.put("secret\n", private, "f")
	s = Server(w, "links")
	s.ready()
	s.ask(f"ln -s {private} {s.box}/pictures")
	status, _, err = s.grant("--ro", os.path.join(s.box, "pictures"))
	tap.ok(status == 125 and "is a symlink" in err, f"{who}: a symlink that the server made grants nothing", err)
	s.end()


def ceiling(w, who):
	"""What policy files say. Locks of an administrator are tried in tests/unit/test-later.c: here is no folder for his files."""
	docs = w.home_folder("ceiling")
	w.folder.write(json.dumps({"grants": {"longest": "30s"}}), "ceiling.json")
	s = Server(w, "ceiling", "--policy", w.folder.path("ceiling.json"))
	s.ready()
	status, _, err = s.grant("--ro", docs)
	tap.ok(status == 125 and "30s at most" in err, f"{who}: a policy file sets the longest time", err)
	tap.ok(s.grant("--ro", docs, "--for", "30s")[0] == 0, f"{who}: which is granted")
	s.end()


# ---- the socket --------------------------------------------------------------------------------------

def talk(path, *packets, timeout=10):
	"""Send packets; what comes back, None for a closed connection."""
	with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as c:
		c.settimeout(timeout)
		c.connect(path)
		got = []
		for packet in packets:
			try:
				c.send(packet)
				got.append(c.recv(65536) or None)
			except (BrokenPipeError, ConnectionResetError):
				got.append(None)
		return got


def request(ask, text=b"", id_=0, time_=60000, magic=MAGIC, version=1, spare=0):
	return REQUEST.pack(magic, version, ask, id_, spare, time_, text)


def as_user(user, fn):
	"""FN's text, in a process of this user's."""
	r, w = os.pipe()
	pid = os.fork()
	if pid == 0:
		with contextlib.suppress(BaseException):
			if ROOT and user.pw_uid != 0:
				os.setgroups([])
				os.setresgid(user.pw_gid, user.pw_gid, user.pw_gid)
				os.setresuid(user.pw_uid, user.pw_uid, user.pw_uid)
				# As if it had been started by this user.
				ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)
			try:
				text = fn()
			except Exception as e:  # noqa: BLE001
				text = f"{type(e).__name__}: {e}"
			os.write(w, str(text).encode())
		os._exit(0)
	os.close(w)
	with os.fdopen(r) as f:
		text = f.read()
	os.waitpid(pid, 0)
	return text


def sockets(w, who):
	docs = w.home_folder("socket")
	s = Server(w, "socket")
	s.ready()
	path = os.path.join(w.sockets, s.session()["id"])
	folder, sock = os.stat(w.sockets), os.lstat(path)
	tap.ok(stat.S_IMODE(folder.st_mode) == 0o700 and folder.st_uid == w.user.pw_uid and
	       stat.S_ISSOCK(sock.st_mode) and not sock.st_mode & 0o077, f"{who}: folder and socket are the owner's alone",
	       f"{oct(folder.st_mode)} {oct(sock.st_mode)}")

	def good():
		got = talk(path, request(SESSION), request(NEXT))
		return all(g and g[:4] == struct.pack("=I", MAGIC) for g in got)
	tap.is_eq(as_user(w.user, good), "True", f"{who}: it answers its user")

	others = [u for u in personas() if u.pw_uid != w.user.pw_uid]
	if ROOT and others:
		os.chmod(w.runtime, 0o777)
		os.chmod(w.sockets, 0o777)
		os.chmod(path, 0o777)
		tap.is_eq(as_user(others[0], lambda: talk(path, request(SESSION))), "[None]",
			  f"{who}: even where modes let him in, another user gets no word")
		os.chmod(w.runtime, 0o700)
		os.chmod(w.sockets, 0o700)
		os.chmod(path, 0o600)
	else:
		tap.tap_skip_kernel(f"{who}: only root can be another user")

	def malformed():
		rnd = random.Random(7)
		whole = request(GRANT_PATH, docs.encode())
		bad = [b"", b"x", whole[:-1], whole + b"x", request(0), request(6), request(65535), request(NEXT, magic=1),
		       request(NEXT, version=2), request(NEXT, spare=1), request(GRANT_PATH, b"relative"), request(GRANT_PATH, b"\xff" * 4096),
		       request(GRANT_HOST, b""), b"\0" * len(whole), rnd.randbytes(len(whole)), rnd.randbytes(60000)]
		bad += [rnd.randbytes(rnd.randrange(1, 9000)) for _ in range(200)]
		for packet in bad:
			if talk(path, packet) != [None]:
				return f"answered {packet[:40]}"
		return "dropped"
	tap.is_eq(as_user(w.user, malformed), "dropped", f"{who}: what is no request ends the connection")

	def flood():
		held = []
		for _ in range(400):
			c = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK)
			held.append(c)
			with contextlib.suppress(OSError):
				c.connect(path)
				for _ in range(40):
					c.send(request(NEXT))
		return "sent"
	tap.is_eq(as_user(w.user, flood), "sent", f"{who}: many connect, ask and read nothing")
	tap.is_eq(s.ask("echo alive"), "alive\n", f"{who}: the server does not notice")
	tap.ok(until(lambda: s.session() is not None), f"{who}: and the session answers again", w.ps())

	def silent():
		held = [socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(6)]
		for c in held:
			c.connect(path)
		c = held[0]
		c.settimeout(30)
		return c.recv(10)
	tap.is_eq(as_user(w.user, silent), "b''", f"{who}: who says nothing is shut out after a while")
	tap.ok(s.grant("--ro", docs)[0] == 0, f"{who}: after all that it still grants", s.p.messages())
	s.end()


def cage(w, who):
	"""From inside, with as much as a server can be given."""
	status, _, err = w.command("--pins", "off", "--rw", w.runtime, "--", "/bin/true")
	tap.ok(status == 125 and "mcpcage" in err, f"{who}: the runtime folder is not granted for writing", err)
	top = w.folder.base
	status, _, err = w.command("--pins", "off", "--rw", top, "--", "/bin/true")
	tap.ok(status == 125, f"{who}: nor is what it lies in", err)
	w.put("seen\n", w.runtime, "other")
	python = shutil.which("python3", path="/usr/bin:/bin") or "python3"
	s = Server(w, "inside", "--ro", w.runtime, "--unix-sockets")
	s.ready()
	path = os.path.join(w.sockets, s.session()["id"])
	tap.is_eq(s.ask(f"cat {w.runtime}/other; ls -A {w.sockets}"), "seen\n", f"{who}: granted for reading, it is shown without the sockets")
	said = s.ask(f"""{python} -c '
import socket
c = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
try:
	c.connect("{path}")
	print("connected")
except OSError as e:
	print(e.strerror)
'""")
	tap.ok(said and said.strip() in ("No such file or directory", "Permission denied", "Connection refused"),
	       f"{who}: a server with sockets of its own cannot connect", said)
	s.end()

	# Were the socket in sight all the same, the server's user namespace gives it away.
	def foreign():
		libc = ctypes.CDLL(None, use_errno=True)
		if libc.unshare(0x10000000):
			return "no namespace"
		return talk(path2, request(SESSION))
	s = Server(w, "foreign")
	s.ready()
	path2 = os.path.join(w.sockets, s.session()["id"])
	got = as_user(w.user, foreign)
	if got == "no namespace":
		tap.tap_skip_kernel(f"{who}: no user namespace can be made here")
	else:
		tap.is_eq(got, "[None]", f"{who}: a process of the same user in another user namespace gets no word")
	s.end()


def without(w, who):
	"""Runtime folders that are not the user's own, or not there."""
	bad = w.folder.mkdir("bad")
	os.chmod(bad, 0o755)
	for value, name in ((bad, "open to others"), (w.folder.path("nothing"), "missing")):
		env = dict(w.env, XDG_RUNTIME_DIR=value)
		p = Process([w.folder.mcpcage, "-v", "--pins", "off", "--", "/bin/true"], w.user, env=env)
		p.close_stdin()
		status = p.wait(WAIT)
		tap.ok(status == 0 and "no control socket" in p.messages() and value in p.messages(),
		       f"{who}: a runtime folder that is {name} is not used, which -v says; the session runs", p.messages())
		p.finish()
		tap.ok(not os.path.exists(os.path.join(value, "mcpcage")), f"{who}: and nothing is made there")
	w2 = w.folder.mkdir("theirs")
	os.chmod(w2, 0o700)
	os.mkdir(os.path.join(w2, "mcpcage"), 0o755)
	own(os.path.join(w2, "mcpcage"), w.user)
	os.chmod(os.path.join(w2, "mcpcage"), 0o777)
	status, _, err = w.command("-v", "--pins", "off", "--", "/bin/true", env=dict(w.env, XDG_RUNTIME_DIR=w2))
	tap.ok(status == 0 and "open to, somebody else" in err, f"{who}: nor is a folder of that name that others may write", err)


def killed(w, who):
	s = Server(w, "killed")
	s.ready()
	docs = w.home_folder("killed")
	s.grant("--ro", docs)
	path = os.path.join(w.sockets, s.session()["id"])
	s.p.kill(signal.SIGKILL)
	s.p.wait(WAIT)
	s.p.finish()
	tap.ok(os.path.exists(path), f"{who}: a killed session leaves its socket behind")
	again = Server(w, "again")
	tap.ok(again.ready(), f"{who}: which keeps nobody from starting", again.p.messages())
	tap.ok(not os.path.exists(path), f"{who}: and is gone once somebody has looked", os.listdir(w.sockets))
	again.end()
	# A stranger's things are left alone.
	w.put("mine\n", w.sockets, "note")
	w.command("ps")
	tap.ok(os.path.exists(os.path.join(w.sockets, "note")), f"{who}: nothing else in the folder is touched")
	os.unlink(os.path.join(w.sockets, "note"))


def many(w, who):
	docs = w.home_folder("many")
	w.put("hello\n", docs, "f")
	servers = [Server(w, f"many-{i:02}") for i in range(20)]
	ready = all(s.ready() for s in servers)
	tap.ok(ready and len(w.ps()) == 20 and len({s["id"] for s in w.ps()}) == 20, f"{who}: 20 sessions at once are listed", w.ps())
	status, _, err = w.command("grant", "many", "--ro", docs)
	tap.ok(status == 125 and "several" in err, f"{who}: a name that several have is none", err)
	granted = [s.grant("--ro", docs)[0] for s in servers[::2]]
	seen = [s.ask(f"cat {docs}/f 2>/dev/null || echo no") for s in servers]
	tap.ok(granted == [0] * 10 and seen == ["hello\n", "no\n"] * 10, f"{who}: each has what was granted to it, and nothing else", seen)
	first = servers[0].session()["id"]
	status, _, err = w.command("revoke", first[:8], "--all")
	tap.ok(status == 0 and servers[0].ask(f"cat {docs}/f 2>/dev/null || echo no") == "no\n", f"{who}: the beginning of an id names it", err)
	for s in servers:
		s.p.close_stdin()
	for s in servers:
		s.end()
	tap.is_eq(os.listdir(w.sockets), [], f"{who}: all sockets are gone")


def main():
	own_mounts()
	for user in personas():
		folder = Folder(user)
		w = World(folder)
		who = user.pw_name
		try:
			for part in (paths, expiry, evasion, refused, links, ceiling, sockets, cage, without, killed, many):
				if len(sys.argv) < 2 or part.__name__ in sys.argv[1:]:
					part(w, who)
		finally:
			w.remove()
			folder.remove()
	tap.done_testing()


main()

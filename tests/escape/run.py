#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every attack of tests/escape/attack, from inside a cage, as root and as an ordinary user.

Each attack is one assertion: inside it was denied, and its control, the same code where it must succeed, succeeded: outside
the cage as the same user, as root, or as root of a new user namespace. Attacks on the network are tried once more in a
cage with the host's network, where they must succeed.
"""

import contextlib
import ctypes
import errno
import hashlib
import os
import pwd
import secrets
import selectors
import shutil
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cagetest import ROOT, Folder, Process, own, own_mounts, personas, plain_env, tap  # noqa: E402

LIBC = ctypes.CDLL(None, use_errno=True)
LACKING = {2, 6, 19, 38, 93, 94, 97, 101}  # ENOENT ENXIO ENODEV ENOSYS, families, protocols, ENETUNREACH

REFUSING = {1, 13}  # EPERM EACCES


def full_root():
	"""Whether our root has every capability: in containers and virtual machines it often has not."""
	with open("/proc/self/status") as f, open("/proc/sys/kernel/cap_last_cap") as last:
		have = next(int(line.split()[1], 16) for line in f if line.startswith("CapEff"))
		return have == (2 << int(last.read())) - 1


def host_address():
	"""An address of a real interface, or "": found by asking the kernel how it would leave."""
	with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s, contextlib.suppress(OSError):
		s.connect(("198.51.100.1", 9))
		return s.getsockname()[0]
	return ""


class Host:
	"""What the victim's machine holds: secrets, sockets, listeners, a process. One for each user."""

	def __init__(self, user):
		self.folder = Folder(user, "attack")
		self.user = user
		self.token = self.folder.token
		self.canary = "mcpcage-canary-" + secrets.token_hex(6)
		self.undo = contextlib.ExitStack()
		self.config = {}
		self._folders()
		self._canaries()
		self._listeners()
		self._process()
		self._machine()

	def _folders(self):
		f = self.folder
		for name in ("ro", "rw", "secret", "other", "rw/mnt"):
			f.mkdir(*name.split("/"))
		f.write(self.token, "secret", "token")
		f.write(self.token, "other", "token")
		if ROOT:
			os.chown(f.path("other"), 0, 0)
			os.chown(f.path("other", "token"), 0, 0)
		for name in ("granted", "victim", "moving"):
			f.write("granted\n", "ro", name)
		f.write("long content\n" * 9, "ro", "long")
		f.write("mine\n", "rw", "mine")
		f.write("victim\n", "bin", "victim", mode=0o755)
		os.symlink(f.path("secret", "token"), f.path("rw", "link"))
		os.symlink(f.path("secret"), f.path("rw", "link-folder"))
		if ROOT:
			os.mknod(f.path("rw", "null-node"), 0o020666, os.makedev(1, 3))
			os.chmod(f.path("rw", "null-node"), 0o666)
			shutil.copyfile(f.path("bin", "attack"), f.path("bin", "setuid"))
			os.chown(f.path("bin", "setuid"), 0, 0)
			os.chmod(f.path("bin", "setuid"), 0o4755)
		for key in ("base", "ro", "rw", "secret", "other", "bin"):
			self.config[key] = f.base if key == "base" else f.path(key)
		self.config.update(home=self.user.pw_dir, token=self.token, canary=self.canary, secret_name="secret")

	def _canary(self, path):
		"""A small file outside the test's own folder, gone at the end."""
		with open(path, "w") as f:
			f.write(self.token)
		os.chmod(path, 0o600)
		own(path, self.user)
		self.undo.callback(self._unlink, path)

	@staticmethod
	def _unlink(path):
		with contextlib.suppress(OSError):
			os.unlink(path)

	@staticmethod
	def _rmdir(path):
		with contextlib.suppress(OSError):
			os.rmdir(path)

	def _canaries(self):
		ssh = os.path.join(self.user.pw_dir, ".ssh")
		# Other tests of this user's may run at the same time, and have theirs in it.
		with contextlib.suppress(FileExistsError):
			os.mkdir(ssh, 0o700)
			own(ssh, self.user)
			self.undo.callback(self._rmdir, ssh)
		self._canary(os.path.join(ssh, self.canary))
		for folder in (self.user.pw_dir, "/tmp", "/var/tmp", "/dev/shm"):
			self._canary(os.path.join(folder, self.canary))

	def _listeners(self):
		"""All answer with the token, from one thread."""
		self.selector = selectors.DefaultSelector()
		self.stopping = False

		def listen(family, kind, address):
			s = socket.socket(family, kind)
			self.undo.callback(s.close)
			s.bind(address)
			if kind == socket.SOCK_STREAM:
				s.listen(64)
			s.setblocking(False)
			self.selector.register(s, selectors.EVENT_READ)
			return s

		x11 = "/tmp/.X11-unix"
		if not os.path.isdir(x11):
			os.mkdir(x11)
			os.chmod(x11, 0o1777)
		display = 100 + secrets.randbelow(800)
		self.config.update(abstract=self.canary, x11=f"{x11}/X{display}", display=f":{display}")
		for path in (self.folder.path("secret", "socket"), self.folder.path("rw", "docker.sock"),
			     self.folder.path("ro", "docker.sock"), self.config["x11"]):
			listen(socket.AF_UNIX, socket.SOCK_STREAM, path)
			os.chmod(path, 0o777)
		self.undo.callback(os.unlink, self.config["x11"])
		for name in (self.canary, self.config["x11"]):
			listen(socket.AF_UNIX, socket.SOCK_STREAM, "\0" + name)
		tcp = listen(socket.AF_INET, socket.SOCK_STREAM, ("0.0.0.0", 0))
		udp = listen(socket.AF_INET, socket.SOCK_DGRAM, ("0.0.0.0", 0))
		with socket.socket() as s:
			s.bind(("127.0.0.1", 0))
			self.serve_port = s.getsockname()[1]
		self.config.update(tcp_port=tcp.getsockname()[1], udp_port=udp.getsockname()[1],
				   serve_port=self.serve_port, address=host_address(), tcp6_port=1)
		with contextlib.suppress(OSError):
			tcp6 = listen(socket.AF_INET6, socket.SOCK_STREAM, ("::1", 0))
			self.config["tcp6_port"] = tcp6.getsockname()[1]
		self.thread = threading.Thread(target=self._answer, daemon=True)
		self.thread.start()

	def _answer(self):
		while not self.stopping:
			for key, _ in self.selector.select(0.1):
				with contextlib.suppress(OSError):
					if key.fileobj.type == socket.SOCK_DGRAM:
						_, sender = key.fileobj.recvfrom(64)
						key.fileobj.sendto(self.token.encode(), sender)
					else:
						peer = key.fileobj.accept()[0]
						peer.sendall(self.token.encode())
						peer.close()
			self._on_request()
			# The client of the attack that opens a port.
			with socket.socket() as s, contextlib.suppress(OSError):
				s.settimeout(0.2)
				s.connect(("127.0.0.1", self.serve_port))

	def _on_request(self):
		"""What others do outside while a session runs: two attacks wait for it."""
		f = self.folder
		with contextlib.suppress(OSError):
			os.rename(f.path("rw", "move-me"), f.path("secret", "moved-" + secrets.token_hex(4)))
		place = f.path("rw", "mount-here")
		if ROOT and os.path.isdir(place) and not os.path.exists(f.path("rw", "mounted")):
			LIBC.umount2(place.encode(), 2)
			if LIBC.mount(b"none", place.encode(), b"tmpfs", 0, None) == 0:
				f.write(self.token, "rw", "mount-here", "token")
				f.write("", "rw", "mounted")

	def after_session(self):
		"""Take back what was done on request."""
		place = self.folder.path("rw", "mount-here")
		LIBC.umount2(place.encode(), 2)
		with contextlib.suppress(OSError):
			os.rmdir(place)
			os.unlink(self.folder.path("rw", "mounted"))

	def _process(self):
		marker = "canary-of-" + secrets.token_hex(6)
		secret = os.open(self.folder.path("secret", "token"), os.O_RDONLY)
		p = Process([marker, "900"], self.user, program=shutil.which("sleep"), cwd=self.folder.path("secret"),
			    env=plain_env(self.user, SECRET=self.token), fds={5: secret})
		os.close(secret)
		self.undo.callback(p.finish)
		self.config.update(canary_pid=p.pid, marker=marker)

	def _machine(self):
		"""Facts of this machine that a cage must not show."""
		account = "daemon"
		with open("/etc/passwd") as f:
			names = [line.split(":")[0] for line in f]
		others = [n for n in names if n not in ("root", "nobody", self.user.pw_name)]
		self.config["account"] = (account if account in others else others[-1] if others else account) + ":"
		with contextlib.suppress(OSError):
			with open("/etc/machine-id") as f:
				self.config["machine_id"] = f.read().strip()
		for key, folder, known in (("run_entry", "/run", {"lock", "user", "shm"}), ("var_entry", "/var", {"tmp", "run", "cache"}),
					   ("root_entry", "/", {"usr", "bin", "lib", "lib64", "sbin", "etc", "dev", "proc", "tmp",
								"home", "root", "run", "var", "opt", "mnt", "srv", "nix", "lib32", "libx32"})):
			left = [n for n in sorted(os.listdir(folder)) if n not in known]
			self.config[key] = "sys" if key == "root_entry" and "sys" in left else (left or [""])[0]
		with open("/proc/self/mountinfo") as f:
			points = [line.split()[4] for line in f]
		self.config["host_mount"] = "/sys" if "/sys" in points else points[-1]
		self.config["disk"] = next((f"/dev/{n}" for n in sorted(os.listdir("/dev"))
					    if n.startswith(("sd", "vd", "nvme", "xvd")) and not n.endswith("-")), "/dev/sda")
		key = 0x6d63_0000 + secrets.randbelow(0xffff)
		shm = LIBC.shmget(key, 4096, 0o1666)
		if shm >= 0:
			self.undo.callback(LIBC.shmctl, shm, 0, None)
		self.config["shm_key"] = key
		self.config["handle"] = self._handle(self.folder.path("secret", "token"))

	@staticmethod
	def _handle(path):
		space = (ctypes.c_ubyte * 136)()
		ctypes.c_uint.from_buffer(space).value = 128
		mount = ctypes.c_int()
		if LIBC.name_to_handle_at(-100, path.encode(), space, ctypes.byref(mount), 0) < 0:
			return ""
		size = ctypes.c_uint.from_buffer(space).value
		kind = ctypes.c_int.from_buffer(space, 4).value
		return f"{kind}:{bytes(space[8:8 + size]).hex()}"

	def write_config(self):
		text = "".join(f"{k}={v}\n" for k, v in self.config.items())
		self.folder.write(text, "rw", "config")

	def environment(self):
		"""What lies about in a desktop's environment."""
		return plain_env(self.user, AWS_SECRET_ACCESS_KEY=self.token, LD_LIBRARY_PATH="/nonexistent",
				 NODE_OPTIONS="--no-warnings", DBUS_SESSION_BUS_ADDRESS="unix:path=/run/user/0/bus",
				 XDG_RUNTIME_DIR=self.folder.path("secret"), DISPLAY=self.config["display"],
				 WAYLAND_DISPLAY="wayland-0", SSH_AUTH_SOCK=self.folder.path("secret", "socket"),
				 UNRELATED="x" + self.token)

	def close(self):
		self.stopping = True
		self.thread.join()
		self.after_session()
		self.undo.close()
		self.folder.remove()


class Attack:
	def __init__(self, line):
		self.name, self.group, self.control, flags, self.what = line.split("\t")
		self.flags = flags.split()


class Outcome:
	def __init__(self, verdict, sys_errno, detail):
		self.verdict, self.errno, self.detail = verdict, int(sys_errno), detail

	def __str__(self):
		return f"{self.verdict} {errno.errorcode.get(self.errno, '')} ({self.detail})"


NOTHING = Outcome("NOTHING", 0, "no result")


def known_attacks(program):
	out = subprocess.run([program, "list"], capture_output=True, text=True, check=True).stdout
	attacks = [Attack(line) for line in out.splitlines()]
	assert len({a.name for a in attacks}) == len(attacks), "two attacks of one name"
	return attacks


class Terminal:
	"""A pseudo-terminal as the caller's controlling terminal; somebody has to read it."""

	def __init__(self, user):
		self.master, self.slave = os.openpty()
		os.fchmod(self.slave, 0o620)
		if ROOT:
			os.fchown(self.slave, user.pw_uid, user.pw_gid)
		os.set_blocking(self.master, False)
		self.text = b""

	def read(self):
		with contextlib.suppress(OSError):
			while data := os.read(self.master, 65536):
				self.text += data

	def close(self):
		os.close(self.master)
		os.close(self.slave)


def start(host, argv, user, results, terminal, seconds=240):
	"""Run ARGV with everything lying about that a careless caller leaves, and collect the results file."""
	path = host.folder.path("rw", results)
	host.folder.write("", "rw", results, mode=0o666)
	secret = os.open(host.folder.path("secret", "token"), os.O_RDONLY)
	folder = os.open(host.folder.path("secret"), os.O_RDONLY | os.O_DIRECTORY)
	p = Process(argv, user, env=host.environment(), cwd=host.folder.path("secret"), terminal=terminal.slave,
		    err="terminal", fds={3: secret, 7: secret, 8: folder, 200: secret})
	os.close(secret)
	os.close(folder)
	end = time.monotonic() + seconds
	while p.poll() is None and time.monotonic() < end:
		p.drain(0.05)
		terminal.read()
	status = p.poll()
	p.finish()
	terminal.read()
	host.after_session()
	found = {}
	whole = False
	with open(path, errors="replace") as f:
		for line in f:
			fields = line.rstrip("\n").split("\t")
			if len(fields) == 4:
				found[fields[0]] = Outcome(*fields[1:])
			whole = line == "end\n"
	return status, whole, found


def in_cage(host, options, results, names=(), before=()):
	"""BEFORE: a program that starts mcpcage, and its arguments."""
	f = host.folder
	terminal = Terminal(host.user)
	argv = [*before, f.mcpcage, "--state", f.path("state"), *options, "--ro", f.path("ro"), "--ro", f.path("bin"), "--rw", f.path("rw"), "--",
		f.path("bin", "attack"), f.path("rw"), results, *names]
	status, whole, found = start(host, argv, host.user, results, terminal)
	terminal.close()
	text = terminal.text.decode("utf-8", "replace").replace("\r", "")
	tap.ok(status == 0 and whole, f"{host.user.pw_name}: the caged run ended well",
	       f"status {status}\n{text[-3000:]}")
	return found


def controls(host, attacks):
	"""The same code outside, each attack where it has to succeed."""
	f = host.folder
	found = {}
	root = pwd.getpwuid(0)
	for control, user, extra in (("self", host.user, []), ("userns", host.user, ["--userns"]), ("root", root, [])):
		if control == "root" and not ROOT:
			continue
		names = [a.name for a in attacks if a.control == control]
		terminal = Terminal(user)
		argv = [f.path("bin", "attack"), f.path("rw"), f"control-{control}", *extra, *names]
		found.update(start(host, argv, user, f"control-{control}", terminal)[2])
		terminal.close()
	return found


def with_unix_sockets(host):
	"""
	--unix-sockets is for programs inside: it brings AF_UNIX, but no socket of the host, not even with its network and hence
	its abstract names. A socket in a granted folder is the exception that the manual tells.
	"""
	who = f"{host.user.pw_name}: --unix-sockets:"
	names = {"unix-stream": True, "socket-in-rw": True, "socket-outside": False, "socket-x11": False, "abstract-socket": False,
		 "abstract-x11": False, "unix-datagram": False, "unix-pair": False, "unix-pair-64": False, "packet": False}
	found = in_cage(host, ["--unix-sockets", "--network", "host"], "unix-sockets", list(names))
	for name, opens in names.items():
		got = found.get(name, NOTHING)
		tap.ok(got.verdict == ("SUCCEEDED" if opens else "DENIED"), f"{who} {name}: "
		       f"{'works' if opens else 'denied'}", str(got))


def granted_home(host):
	"""A whole home folder, granted by name: what holds credentials in it stays hidden."""
	found = in_cage(host, ["--ro", host.user.pw_dir], "granted-home", ["home-file", "ssh-key"])
	who = f"{host.user.pw_name}: --ro of the home folder:"
	got = found.get("home-file", NOTHING)
	tap.ok(got.verdict == "SUCCEEDED", f"{who} a file in it can be read", str(got))
	got = found.get("ssh-key", NOTHING)
	tap.ok(got.verdict == "DENIED", f"{who} a key in ~/.ssh cannot", str(got))


def next_session(host):
	"""What a server leaves in a writable folder must not widen what its next session is granted."""
	f = host.folder
	who = f"{host.user.pw_name}: a planted symlink"
	os.symlink(f.path("secret"), f.path("rw", "planted"))
	for how, options, argument in (("as an argument", [], f.path("rw", "planted")),
				       ("as a grant", ["--ro", f.path("rw", "planted")], "")):
		p = Process([f.mcpcage, "--audit", "off", "--rw", f.path("rw"), *options, "--", f.path("bin", "attack"),
			     f.path("rw"), "planted-results", "not-granted", argument], host.user, env=plain_env(host.user))
		status = p.wait(30)
		tap.ok(status == 125 and "symlink" in p.messages(), f"{who}: {how}: refused", f"{status}: {p.messages()}")
		p.finish()
	tap.ok(not os.path.exists(f.path("rw", "planted-results")), f"{who}: and no server ran")
	os.unlink(f.path("rw", "planted"))


def judge(host, attack, inside, control, who=None):
	who = f"{who or host.user.pw_name + ':'} {attack.group}: {attack.name}: {attack.what}"
	why = f"in the cage: {inside}\ncontrol ({attack.control}): {control}"
	if inside.verdict != "DENIED":
		tap.failed(who + ": denied", why)
	elif control.verdict == "SUCCEEDED":
		tap.passed(f"{who}: denied")
	elif attack.control == "root" and not ROOT:
		# Not the machine's fault, nor the tester's: the run as root has this control.
		tap.tap_skip_kernel(f"{who}: denied; its control is in the run as root")
	elif control.verdict == "DENIED" and control.errno in REFUSING and (
			"may-refuse" in attack.flags or attack.control == "root" and not full_root()):
		tap.tap_skip_kernel(f"{who}: denied; this machine refuses it to its own root too")
	elif "may-lack" in attack.flags and control.verdict == "DENIED" and control.errno in LACKING:
		tap.tap_skip_kernel(f"{who}: denied; this machine does not have it")
	else:
		tap.failed(who + ": its control succeeds", why)


def digest(path):
	with open(path, "rb") as f:
		return hashlib.sha256(f.read()).hexdigest()


def run_as(user):
	host = Host(user)
	try:
		host.write_config()
		program = host.folder.path("bin", "attack")
		attacks = [a for a in known_attacks(program) if not ("need-user" in a.flags and (user.pw_uid == 0 or not ROOT))]
		before = digest(host.folder.mcpcage)
		inside = in_cage(host, [], "inside")
		open_network = in_cage(host, ["--network", "host"], "open-network")
		kept_home = in_cage(host, ["--home", "keep"], "kept-home")
		with_unix_sockets(host)
		granted_home(host)
		next_session(host)
		outside = controls(host, attacks)
		for a in attacks:
			judge(host, a, inside.get(a.name, NOTHING), outside.get(a.name, NOTHING))
		# A home on disk opens nothing that one in memory does not.
		for a in attacks:
			got = kept_home.get(a.name, NOTHING)
			tap.ok(got.verdict == "DENIED", f"{user.pw_name}: --home keep: {a.name}: denied as before", str(got))
		for a in attacks:
			inside = open_network.get(a.name, NOTHING)
			name = f"{user.pw_name}: --network host: {a.name}"
			if "hostnet-opens" not in a.flags:
				# Sockets have their names in the network's namespace, so that /proc shows them.
				if a.name != "abstract-names":
					tap.ok(inside.verdict == "DENIED", f"{name}: denied as before", str(inside))
			elif outside.get(a.name, NOTHING).verdict == "SUCCEEDED":
				tap.ok(inside.verdict == "SUCCEEDED", f"{name}: {a.what} works", str(inside))
			else:
				tap.tap_skip_kernel(f"{name}: this machine does not have it")
		tap.is_eq(digest(host.folder.mcpcage), before, f"{user.pw_name}: mcpcage's own program is as it was")
	finally:
		host.close()


def main():
	own_mounts()  # what is mounted here on request is nothing to other tests
	for user in personas():
		run_as(user)
	tap.done_testing()


if __name__ == "__main__":
	main()

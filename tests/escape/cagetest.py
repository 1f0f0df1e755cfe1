# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests of the whole cage share: users, a victim's folders, starting mcpcage, and looking for leftovers.

Everything is made below one temporary folder that an ordinary user can reach, with copies of the programs under test,
since a build folder may be closed to others.
"""

import contextlib
import ctypes
import errno
import fcntl
import os
import pwd
import re
import secrets
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import termios
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import tap  # noqa: E402

BUILD = os.environ.get("top_builddir", ".")
MCPCAGE = os.environ.get("MCPCAGE", os.path.join(BUILD, "mcpcage"))
ROOT = os.geteuid() == 0


def ordinary_user():
	"""The user to be when one is not root: oneself, or, for root, an account made for tests."""
	if not ROOT:
		return pwd.getpwuid(os.geteuid())
	name = os.environ.get("MCPCAGE_TEST_USER", "mcpt")
	try:
		return pwd.getpwnam(name)
	except KeyError:
		subprocess.run(["useradd", "--create-home", name], check=True, stdout=subprocess.DEVNULL)
		return pwd.getpwnam(name)


def personas():
	"""Whom to run as: root and an ordinary user where we are root, else oneself."""
	return [pwd.getpwuid(0), ordinary_user()] if ROOT else [ordinary_user()]


def own(path, user):
	if ROOT:
		os.chown(path, user.pw_uid, user.pw_gid, follow_symlinks=False)


class Folder:
	"""A temporary folder with bin/, removed at the end."""

	def __init__(self, user, *programs):
		self.user = user
		self.token = secrets.token_hex(12)
		self.base = tempfile.mkdtemp(prefix="mcpcage-test-", dir="/tmp")
		os.chmod(self.base, 0o755)
		own(self.base, user)
		self.mkdir("bin")
		self._mcpcage()
		for name in programs:
			self.program(os.path.join(BUILD, "tests", "escape", name))

	def _mcpcage(self):
		"""The program, and what a build that is not installed finds by the file beside it."""
		self.mkdir("prefix")
		self.mcpcage = self.program(MCPCAGE, "prefix")
		with contextlib.suppress(FileNotFoundError):
			with open(MCPCAGE + ".uninstalled") as f:
				tree = f.read().strip()
			shutil.copytree(os.path.join(tree, "profiles"), self.path("prefix", "profiles"))
			self.write(self.path("prefix") + "\n", "prefix", os.path.basename(MCPCAGE) + ".uninstalled")
			subprocess.run(["chmod", "-R", "u=rwX,go=rX", self.path("prefix")], check=True)
			if ROOT:
				subprocess.run(["chown", "-R", f"{self.user.pw_uid}:{self.user.pw_gid}",
						self.path("prefix")], check=True)

	def path(self, *parts):
		return os.path.join(self.base, *parts)

	def mkdir(self, *parts):
		os.mkdir(self.path(*parts))
		own(self.path(*parts), self.user)
		return self.path(*parts)

	def write(self, text, *parts, mode=0o644):
		with open(self.path(*parts), "w") as f:
			f.write(text)
		os.chmod(self.path(*parts), mode)
		own(self.path(*parts), self.user)
		return self.path(*parts)

	def program(self, source, folder="bin"):
		target = self.path(folder, os.path.basename(source))
		shutil.copyfile(source, target)
		os.chmod(target, 0o755)
		own(target, self.user)
		return target

	def remove(self):
		shutil.rmtree(self.base, ignore_errors=True)


def plain_env(user, **more):
	env = {"HOME": user.pw_dir, "USER": user.pw_name, "LOGNAME": user.pw_name, "SHELL": "/bin/sh",
	       "PATH": "/usr/local/bin:/usr/bin:/bin", "TERM": "dumb"}
	env.update(more)
	return env


class Process:
	"""A child with pipes, started by plain fork and exec so that every descriptor is where the test wants it.

	PROGRAM is what is run where that is not argv[0]. FDS maps numbers to open descriptors; TERMINAL, a slave, becomes the controlling terminal, and standard error when
	ERR is "terminal".
	"""

	def __init__(self, argv, user, env=None, cwd="/", fds=None, terminal=None, err="pipe",
		     program=None):
		in_r, in_w = os.pipe()
		out_r, out_w = os.pipe()
		err_r, err_w = os.pipe()
		self.argv = argv
		self.status = None
		self.started = time.monotonic()
		self.pid = os.fork()
		if self.pid == 0:
			with contextlib.suppress(BaseException):
				self._child(program or argv[0], argv, user, env or plain_env(user), cwd, in_r, out_w,
					    terminal if err == "terminal" else err_w, terminal, fds or {})
			os._exit(120)
		for fd in (in_r, out_w, err_w):
			os.close(fd)
		self.stdin, self.stdout, self.stderr = in_w, out_r, err_r
		self.out, self.err = b"", b""

	@staticmethod
	def _child(program, argv, user, env, cwd, in_fd, out_fd, err_fd, terminal, fds):
		# Out of the way of every number that is going to be used.
		high = {n: fcntl.fcntl(fd, fcntl.F_DUPFD, 400)
			for n, fd in {0: in_fd, 1: out_fd, 2: err_fd, **fds}.items()}
		os.setsid()
		if terminal is not None:
			fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
		os.closerange(0, 400)
		for n, fd in high.items():
			os.dup2(fd, n, inheritable=True)
		os.closerange(400, 1024)
		for s in (signal.SIGPIPE, signal.SIGINT):
			signal.signal(s, signal.SIG_DFL)
		if ROOT and user.pw_uid != 0:
			os.setgroups([])
			os.setresgid(user.pw_gid, user.pw_gid, user.pw_gid)
			os.setresuid(user.pw_uid, user.pw_uid, user.pw_uid)
		os.chdir(cwd)
		os.umask(0o022)
		os.execve(program, argv, env)

	def poll(self):
		"""The exit status as a shell shows it, or None."""
		if self.status is None:
			pid, status = os.waitpid(self.pid, os.WNOHANG)
			if pid:
				self.status = os.waitstatus_to_exitcode(status)
				if self.status < 0:
					self.status = 128 - self.status
				self.ended = time.monotonic()
		return self.status

	def drain(self, seconds=0.0):
		"""Take what is there on standard output and error; wait up to SECONDS for something."""
		fds = [fd for fd in (self.stdout, self.stderr) if fd is not None]
		ready = select.select(fds, [], [], seconds)[0] if fds else []
		for fd in ready:
			data = os.read(fd, 65536)
			if not data:
				os.close(fd)
			if fd == self.stdout:
				self.out += data
				self.stdout = fd if data else None
			else:
				self.err += data
				self.stderr = fd if data else None
		return bool(ready)

	def wait(self, seconds, read=True):
		"""The exit status; None when it still runs after SECONDS. Reads output meanwhile, unless told not to."""
		end = time.monotonic() + seconds
		while self.poll() is None and time.monotonic() < end:
			if not read or not (self.stdout or self.stderr) or not self.drain(0.02):
				time.sleep(0.01)
		if self.status is not None and read:
			while self.drain(0.05):
				pass
		return self.status

	def until(self, condition, seconds):
		"""Wait, reading output, until CONDITION() is true. Returns its last value."""
		end = time.monotonic() + seconds
		while not condition() and time.monotonic() < end and self.poll() is None:
			if not self.drain(0.02):
				time.sleep(0.01)
		return condition()

	def send(self, data):
		with contextlib.suppress(BrokenPipeError):
			os.write(self.stdin, data)

	def close_stdin(self):
		if self.stdin is not None:
			os.close(self.stdin)
			self.stdin = None

	def kill(self, how=signal.SIGKILL):
		if self.poll() is None:
			os.kill(self.pid, how)

	def finish(self):
		"""Whatever happened, it is gone afterwards."""
		self.close_stdin()
		self.kill()
		self.wait(5, read=False)
		for fd in (self.stdout, self.stderr):
			if fd is not None:
				os.close(fd)
		self.stdout = self.stderr = None

	def messages(self):
		return self.err.decode("utf-8", "replace")


def processes_with(marker):
	"""Pids of all processes, of any user that we may look at, with MARKER in their arguments or environment."""
	found = []
	marker = marker.encode()
	for name in os.listdir("/proc"):
		if not name.isdigit() or int(name) == os.getpid():
			continue
		for file in ("cmdline", "environ"):
			with contextlib.suppress(OSError):
				with open(f"/proc/{name}/{file}", "rb") as f:
					if marker in f.read():
						found.append(int(name))
						break
	return found


def identity(pid):
	"""What tells a process from a later one of the same pid, or None."""
	try:
		with open(f"/proc/{pid}/stat") as f:
			fields = f.read().rpartition(")")[2].split()
		return None if fields[0] in "ZX" else (pid, fields[19])
	except OSError:
		return None


def processes_of(program):
	"""Pids of all processes that run this very file, as far as we may look."""
	found = []
	for name in os.listdir("/proc"):
		with contextlib.suppress(OSError):
			if name.isdigit() and os.readlink(f"/proc/{name}/exe") == program:
				found.append(int(name))
	return found


def state_of(pid):
	"""The letter of /proc/PID/stat, or None."""
	try:
		with open(f"/proc/{pid}/stat") as f:
			return f.read().rpartition(")")[2].split()[0]
	except OSError:
		return None


def descendants(pid):
	"""All processes below PID, oldest first."""
	children = {}
	for name in os.listdir("/proc"):
		if name.isdigit():
			with contextlib.suppress(OSError, IndexError):
				with open(f"/proc/{name}/stat") as f:
					parent = int(f.read().rpartition(")")[2].split()[1])
				children.setdefault(parent, []).append(int(name))
	found, todo = [], [pid]
	while todo:
		for child in sorted(children.get(todo.pop(0), [])):
			found.append(child)
			todo.append(child)
	return found


def own_mounts():
	"""
	As root, go where nobody else mounts anything meanwhile, with mounts that are shared: what a session mounted in the
	wrong place would arrive here. A root that may not do that mounts nothing either.
	"""
	if not ROOT:
		return
	libc = ctypes.CDLL(None, use_errno=True)
	new_ns, rec, private, shared = 0x20000, 0x4000, 1 << 18, 1 << 20
	if libc.unshare(new_ns):
		if ctypes.get_errno() == errno.EPERM:
			return
		tap.bail_out(f"no mount namespace: {os.strerror(ctypes.get_errno())}")
	if libc.mount(None, b"/", None, rec | private, None) or \
	   libc.mount(None, b"/", None, rec | shared, None):
		tap.bail_out(f"no mount namespace: {os.strerror(ctypes.get_errno())}")


class Leftovers:
	"""What a session may not leave behind: compare before and after."""

	WATCHED = ("/tmp", "/var/tmp", "/dev/shm", "/run", "/dev/mqueue")

	def __init__(self, folder):
		self.folder = folder
		self.watched = list(self.WATCHED) + [f"/run/user/{folder.user.pw_uid}"]
		self.before = self._look()

	def _look(self):
		with open("/proc/self/mountinfo") as f:
			# Where others mount at the same time, only what names the test.
			mounts = {" ".join(line.split()[3:5]) for line in f if ROOT or "mcpcage" in line}
		# Removing a folder takes what is mounted there out of every namespace: those of other tests come and go.
		mounts = {m for m in mounts if not self._another_tests(m.split()[1])}
		files, groups = set(), set()
		for folder in self.watched:
			with contextlib.suppress(OSError):
				files.update(os.path.join(folder, n) for n in os.listdir(folder) if "mcpcage" in n)
		# Folders of other tests that run at the same time, and what run.py lays out to be found.
		files = {f for f in files if not re.search("/mcpcage-canary-[0-9a-f]+$", f) and
			 not (os.path.isdir(f) and re.search("/mcpcage-[a-z]+-[^/]+$", f))}
		# The folder of control sockets stays, and so does a socket in it when its session was killed.
		files = {f for f in files if not re.fullmatch("/run/(user/[0-9]+/)?mcpcage", f)}
		for root, dirs, _ in os.walk("/sys/fs/cgroup"):
			groups.update(os.path.join(root, d) for d in dirs if "mcpcage" in d)
		return {"mounts": mounts, "files": files, "cgroups": {g for g in groups if self._abandoned(g)}}

	def _another_tests(self, path):
		return re.match("/tmp/mcpcage-[a-z]+-[^/]+/", path) and not path.startswith(self.folder.base + "/")

	@staticmethod
	def _abandoned(group):
		"""Whether a group is empty and, where its name tells whose it was, its session is gone."""
		maker = re.search("/mcpcage-([0-9]+)-[^/]*$", group)
		if maker and os.path.exists(f"/proc/{maker[1]}"):
			return False
		with contextlib.suppress(OSError):
			with open(os.path.join(group, "cgroup.procs")) as f:
				return not f.read(1)
		return False

	def new(self):
		"""
		A description of what is left, "" when nothing is: what was seen at every look in three seconds, since others make
		and remove theirs meanwhile.
		"""
		end = time.monotonic() + 3
		left = None
		while True:
			now = self._look()
			seen = {k: now[k] ^ self.before[k] if k == "mounts" else now[k] - self.before[k] for k in now}
			left = {k: seen[k] & left[k] for k in seen} if left else seen
			if not any(left.values()) or time.monotonic() > end:
				return "; ".join(f"{k}: {sorted(v)}" for k, v in left.items() if v)
			time.sleep(0.1)


@contextlib.contextmanager
def leaving_nothing(user, *programs):
	"""A Folder for tests, and at the end the test that no session in it has left anything behind."""
	folder = Folder(user, *programs)
	try:
		watch = Leftovers(folder)
		yield folder
		left = watch.new()
		tap.ok(not left, f"{user.pw_name}: no mount, cgroup or file is left", left)
	finally:
		folder.remove()


def wait_gone(marker, known, seconds):
	"""Seconds until no process carries MARKER and none of the identities KNOWN is left, or None."""
	start = time.monotonic()
	while processes_with(marker) or any(identity(i[0]) == i for i in known):
		if time.monotonic() - start > seconds:
			return None
		time.sleep(0.02)
	return time.monotonic() - start

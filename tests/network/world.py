# SPDX-License-Identifier: LGPL-2.1-or-later
"""A world for tests of the network: this process is moved to a machine that has an internet, and neither is real.

	world = World()          # skips the test, with the reason, where the kernel cannot do that
	with world.session(["--allow-host", "api.good.example"]) as s:
		s.act("get", url="https://api.good.example/")

The machine is a network and a mount namespace, and for an ordinary user a user namespace in which he has his own id: mcpcage runs
there like anywhere, without privileges. A veth pair joins it to the internet: one thread of this process in a network namespace
of its own (internet.py), with public-looking addresses, a name server, a host of the machine's LAN, and a cloud's metadata
service.
Nothing is connected to a network of the real machine: it is left before the first packet, and World() makes sure of it. All of it
goes away with the process.

	machine   192.168.77.2, 2a01:db7:77::2     its resolver: 45.60.70.53; /etc/resolv.conf, hosts and nsswitch.conf are its own
	internet  45.60.70.0/24, 2a01:db7:1::/64   every address of them answers
	LAN       192.168.77.9, 10.9.9.9, fd77::9  must not be reached unless policy says so
	metadata  169.254.169.254, fe80::a9fe on the link
"""

import atexit
import contextlib
import ctypes
import json
import os
import pwd
import resource
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(HERE)
sys.path[:0] = [HERE, os.path.join(TESTS, "escape"), os.path.join(TESTS, "mediator"), TESTS]
sys.dont_write_bytecode = True

import cagetest  # noqa: E402
import harness  # noqa: E402
import internet  # noqa: E402
import nameserver  # noqa: E402
import puppet  # noqa: E402
import tap  # noqa: E402

LIBC = ctypes.CDLL(None, use_errno=True)
NEWNS, NEWUSER, NEWNET = 0x00020000, 0x10000000, 0x40000000
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18
CAP_NET_ADMIN = 12

MACHINE, MACHINE6 = "192.168.77.2", "2a01:db7:77::2"
ROUTER, ROUTER6 = "192.168.77.1", "2a01:db7:77::1"
PUBLIC, PUBLIC6 = "45.60.70.80", "2a01:db7:1::80"
OTHER, OTHER6 = "45.60.70.99", "2a01:db7:1::99"
RESOLVER, RESOLVER6 = "45.60.70.53", "2a01:db7:1::53"
LAN, LAN_FAR, LAN6, METADATA = "192.168.77.9", "10.9.9.9", "fd77::9", "169.254.169.254"
GOOD, OTHER_NAME = "api.good.example", "api.other.example"
CERTIFIED = ["good.example", "*.good.example", "*.deep.good.example", "*.other.example", "lan.example", PUBLIC, PUBLIC6]

PUPPET = [harness.PYTHON, os.path.join(HERE, "puppet.py")]


class _CapHeader(ctypes.Structure):
	_fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]


class _CapData(ctypes.Structure):
	_fields_ = [("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32)]


def _keep_net_admin():
	"""In a child: keep CAP_NET_ADMIN of this user namespace over exec, for ip(8). capabilities(7), "Ambient"."""
	header, data = _CapHeader(0x20080522, 0), (_CapData * 2)()
	LIBC.capget(ctypes.byref(header), data)
	data[0].inheritable |= 1 << CAP_NET_ADMIN
	LIBC.capset(ctypes.byref(header), data)
	LIBC.prctl(47, 2, CAP_NET_ADMIN, 0, 0)  # PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE


class CannotBuild(Exception):
	"""What is missing, and whether it is the kernel that lacks it."""

	def __init__(self, why, kernel):
		super().__init__(why)
		self.kernel = kernel


def _check(status, what):
	if status:
		e = ctypes.get_errno()
		raise CannotBuild(f"{what}: {os.strerror(e)}", True)


def _write(path, text):
	with open(path, "w", encoding="ascii") as f:
		f.write(text)


class World:
	def __init__(self, user_namespace=False):
		"""USER_NAMESPACE: for root as well."""
		harness.require_mcpcage()
		for tool in ("ip", "openssl"):
			if not shutil.which(tool, path="/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"):
				tap.tap_skip_all(f"{tool} is not installed")
		# The program is copied: files of another user than one's own belong to nobody in the user namespace of the test.
		self.copy = cagetest.Folder(pwd.getpwuid(os.geteuid()))
		self.folder = self.copy.base
		harness.MCPCAGE = self.copy.mcpcage
		self._pid = os.getpid()
		atexit.register(self._remove)
		try:
			self._leave(user_namespace)
			self.ca, self.chain = internet.certificate(self.folder, CERTIFIED)
			os.chmod(self.ca, 0o644)
			self.zone = nameserver.Zone()
			self._names()
			self.internet = internet.Services(self.chain, True, self.zone, setup=self._far_end,
							  datagram_hosts=[RESOLVER, RESOLVER6, PUBLIC, PUBLIC6, OTHER, LAN, METADATA])
			self._join()
			self.internet.begin()
			self._files()
			with contextlib.suppress(OSError):  # so that the control of pings works for an ordinary user
				_write("/proc/sys/net/ipv4/ping_group_range", f"{os.getegid()} {os.getegid()}")
			# What the machine itself serves, which is as private as its LAN.
			self.locals = [internet.Services(self.chain, False, host=host) for host in ("127.0.0.1", "::1", MACHINE)]
			for services in self.locals:
				services.begin()
		except CannotBuild as e:
			(tap.tap_skip_all_kernel if e.kernel else tap.tap_skip_all)(str(e))

	def _remove(self):
		if os.getpid() == self._pid:
			self.copy.remove()

	@staticmethod
	def _leave(user_namespace):
		"""Into namespaces of our own. A root with every privilege stays root; anybody else gets a user namespace first."""
		before = os.readlink("/proc/self/ns/net")
		uid, gid = os.geteuid(), os.getegid()
		if uid != 0 or user_namespace or LIBC.unshare(NEWNS | NEWNET):
			_check(LIBC.unshare(NEWUSER | NEWNS | NEWNET), "no user and network namespaces for the test")
			_write("/proc/self/setgroups", "deny")
			_write("/proc/self/uid_map", f"{uid} {uid} 1")
			_write("/proc/self/gid_map", f"{gid} {gid} 1")
		_check(LIBC.mount(None, b"/", None, MS_REC | MS_PRIVATE, None), "no mount namespace for the test")
		if os.readlink("/proc/self/ns/net") == before:
			tap.bail_out("the test is still in the network of this machine")

	@staticmethod
	def ip(*lines):
		"""ip(8) with these commands, in the network namespace of the calling thread."""
		done = subprocess.run(["ip", "-batch", "-"], input="\n".join(lines), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
				      check=False, text=True, preexec_fn=_keep_net_admin,
				      env={"PATH": "/usr/sbin:/sbin:/usr/bin:/bin"})
		if done.returncode:
			raise CannotBuild(f"ip(8): {done.stdout.strip()}", "nknown device type" in done.stdout)
		return done.stdout

	def _join(self):
		"""The cable between the two, and the addresses of both ends."""
		self.ip("link set lo up",
			f"link add name up0 type veth peer name down0 netns {self.internet.tid}",
			f"address add {MACHINE}/24 dev up0", f"address add {MACHINE6}/64 dev up0 nodad", "address add fd77::2/64 dev up0 nodad",
			"link set up0 up",
			f"route add default via {ROUTER}", f"route add {METADATA} dev up0", f"route add default via {ROUTER6}")

	def _far_end(self):
		"""Called in the thread of the internet."""
		self.ip("link set lo up", "link set down0 up",
			*(f"address add {a}/24 dev down0" for a in (ROUTER, LAN)), f"address add {METADATA}/32 dev down0",
			*(f"address add {a}/64 dev down0 nodad" for a in (ROUTER6, LAN6, "fe80::a9fe")),
			"route add local 45.60.70.0/24 dev lo", f"route add local {LAN_FAR}/32 dev lo", "route add local 2a01:db7:1::/64 dev lo")

	def _names(self):
		z = self.zone
		z.set(GOOD, a=[PUBLIC], aaaa=[PUBLIC6])
		z.set("good.example", a=[PUBLIC], aaaa=[PUBLIC6])
		z.set("*.good.example", a=[PUBLIC], aaaa=[PUBLIC6])
		z.set("v4.good.example", a=[PUBLIC])
		z.set("v6.good.example", aaaa=[PUBLIC6])
		z.set(OTHER_NAME, a=[OTHER], aaaa=[OTHER6])
		z.set("lan.example", a=[LAN])

	def _files(self):
		"""Those that name the machine's resolver and hosts, over the real ones."""
		self.etc = {}
		for name, text in {"resolv.conf": f"nameserver {RESOLVER}\noptions timeout:2 attempts:2\n",
				   "hosts": f"127.0.0.1 localhost\n::1 localhost\n{LAN} printer.good.example printer\n",
				   "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n"}.items():
			self.etc[name] = os.path.join(self.folder, name)
			self.write(name, text)
			place = os.path.realpath(os.path.join("/etc", name))
			if not os.path.exists(place):
				# A link to what some service makes, which is not there: its folder becomes one of ours.
				above = os.path.dirname(place)
				while not os.path.isdir(above):
					above = os.path.dirname(above)
				if above == "/etc":
					raise CannotBuild(f"this machine has no {place} to put the test's in place of", False)
				_check(LIBC.mount(b"none", above.encode(), b"tmpfs", 0, None), f"tmpfs on {above}")
				os.makedirs(os.path.dirname(place), exist_ok=True)
				_write(place, "")
			_check(LIBC.mount(self.etc[name].encode(), place.encode(), None, MS_BIND, None), f"mount on {place}")

	def write(self, name, text):
		"""Change a file of /etc that the machine has, or lay one in the world's folder."""
		path = os.path.join(self.folder, name)
		with open(path, "w", encoding="utf-8") as f:
			f.write(text)
		os.chmod(path, 0o644)
		return path

	def administrator(self, text):
		"""Give this machine an administrator's policy, where the program looks for it. False where there is no place for it."""
		doctor = subprocess.run([harness.MCPCAGE, "doctor", "--json"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
		place = json.loads(doctor.stdout)["sysconf"]
		folder = os.path.join(self.folder, "sysconf", "mcpcage")
		os.makedirs(folder, exist_ok=True)
		_write(os.path.join(folder, "policy.json"), text)
		source, target = (folder, place) if os.path.isdir(place) else (os.path.dirname(folder), os.path.dirname(place))
		if target == "/etc" or not os.path.isdir(target):
			return False
		_check(LIBC.mount(source.encode(), target.encode(), None, MS_BIND, None), f"mount on {target}")
		return True

	# ---- sessions ---------------------------------------------------------------------------------------------------

	def session(self, options=(), command=None, **more):
		"""A caged puppet. The CA of the tests can be read in its cage."""
		return Caged(["--ro", self.ca, *options], command or PUPPET, **more)

	def bare(self):
		"""The same puppet on the machine, in no cage: the control of every attack."""
		return Bare()

	@staticmethod
	def privileged(*actions):
		"""
		The last result of ACTIONS, (name, arguments) of puppet.py, with every privilege over a new network namespace: the control
		of what needs one.
		"""
		r, w = os.pipe()
		pid = os.fork()
		if pid == 0:
			result = {"error": "no namespace"}
			with contextlib.suppress(BaseException):
				if LIBC.unshare(NEWNET) == 0:
					for name, arguments in actions:
						result = puppet.act(name, arguments)
				os.write(w, json.dumps(result).encode())
			os._exit(0)
		os.close(w)
		with os.fdopen(r, "rb") as f:
			text = f.read()
		os.waitpid(pid, 0)
		return json.loads(text or b"{}")

	@contextlib.contextmanager
	def more_files(self):
		"""This process may have as many files open as it is allowed to: not what mcpcage inherits, so only once it runs."""
		soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
		resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
		try:
			yield hard
		finally:
			resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class Actor:
	"""What a puppet does on request, in a cage or in none."""

	def act(self, action, patience=harness.DEADLINE, **arguments):
		"""What ACTION of puppet.py returned. {"error": NAME OF THE ERRNO, "text": ...} where the system said no."""
		reply = self.call("act", {"action": action, "arguments": arguments}, timeout=patience)
		if reply is None:
			raise harness.Timeout(f"the session ended; standard error: {self.stderr[-3000:]!r}")
		text = harness.text_of(reply)
		try:
			return json.loads(text)
		except ValueError:
			raise AssertionError(f"{action}: {reply!r}"[:2000]) from None

	def records(self, **wanted):
		"""Lines of the audit log that have all of WANTED."""
		return [e for e in self.audit(whole=False) if all(e.get(k) == v for k, v in wanted.items())]

	def until(self, condition, seconds=10.0):
		"""The last value of CONDITION(), once it is true or SECONDS are over."""
		end = time.monotonic() + seconds
		while not (value := condition()) and time.monotonic() < end:
			time.sleep(0.02)
		return value


class Caged(Actor, harness.Session):
	def __init__(self, options, command, **more):
		super().__init__(options=options, command=command, **more)

	def egress(self):
		"""Pids of the processes of this session that are named for the network."""
		found = []
		for pid in harness.descendants(self.process.pid):
			with contextlib.suppress(OSError):
				with open(f"/proc/{pid}/comm", encoding="ascii") as f:
					if "egress" in f.read():
						found.append(pid)
		return found


class Bare(Actor, harness.Session):
	"""The puppet without mcpcage, on the machine as its user."""

	def __init__(self):
		super().__init__(command=PUPPET)

	@staticmethod
	def command_line(_options, command):
		return command

#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reduced mode (--reduced), where no user namespace can be made: sessions work, and what the mode promises holds.

Every attack of tests/escape/attack is tried; the few that the mode does not hold back are named here, as the manual names them. What a
process could do to others of the same user without opening a file, which a cage of namespaces has no place for, is tried by a script, whose
control is the script itself outside. Then the end of sessions, and what is refused.
"""

import json
import os
import socket
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import run  # noqa: E402
from cagetest import Process, leaving_nothing, own_mounts, personas, plain_env, tap  # noqa: E402
from teardown import AT_ONCE, IN_TIME, PING, START, Session, eof, finish_and_judge, kill, term  # noqa: E402

# What mcpcage(1) says the mode does not hold back.
TOLD = {
	"passwd": "names of users", "own-proc": "which processes run", "pidfd-host": "which processes run",
	"late-mount": "what is mounted in a granted folder later", "device-in-grant": "devices in a granted folder",
}
# The attack goes by what only a pid namespace or its /proc has; tried by the script or from outside, below.
OTHERWISE = ("host-processes", "privileges", "signal-owner", "kill-init", "stop-init")

ACTS = r"""
import ctypes, fcntl, json, os, resource, signal, socket, struct, sys, tempfile, time
libc = ctypes.CDLL(None, use_errno=True)
c = json.load(open(sys.argv[1]))
victim, folder, pid = c["victim"], c["folder"], c["pid"]
def check(r):
	if r < 0:
		raise OSError(ctypes.get_errno(), "")
def sigio():
	a, b = os.pipe()
	fcntl.fcntl(a, fcntl.F_SETOWN, pid)
	fcntl.fcntl(a, fcntl.F_SETFL, fcntl.fcntl(a, fcntl.F_GETFL) | os.O_ASYNC)
	os.write(b, b"x")
acts = {
	"chmod": lambda: os.chmod(victim, 0o640),
	"fchmod": lambda: os.fchmod(os.open(c["granted"], os.O_RDONLY), 0o644),
	"chown": lambda: os.chown(victim, -1, os.getgid()),
	"utime": lambda: os.utime(victim),
	"futimens": lambda: os.utime(os.open(c["granted"], os.O_RDONLY)),
	"setxattr": lambda: os.setxattr(victim, "user.mcpcage", b"1"),
	"getxattr": lambda: os.getxattr(victim, "user.secret"),
	"inotify": lambda: check(libc.inotify_add_watch(libc.inotify_init1(0), folder.encode(), 0xfff)),
	"affinity": lambda: os.sched_setaffinity(pid, os.sched_getaffinity(0)),
	"scheduler": lambda: os.sched_setscheduler(pid, os.SCHED_OTHER, os.sched_param(0)),
	"priority": lambda: os.setpriority(os.PRIO_PROCESS, pid, 1),
	"group's priority": lambda: os.setpriority(os.PRIO_PGRP, os.getpgid(pid), 1),
	"priority of I/O": lambda: check(libc.syscall(251, 1, pid, 2 << 13 | 7)),
	"limits": lambda: resource.prlimit(pid, resource.RLIMIT_CORE, (0, 0)),
	"link": lambda: os.link(victim, os.path.join(c["rw"], "linked-" + c["who"])),
	"rename": lambda: os.rename(os.path.join(folder, "move"), os.path.join(c["rw"], "moved-" + c["who"])),
	"truncate": lambda: os.truncate(victim, 100),
	"unlink": lambda: os.unlink(os.path.join(folder, "unlink")),
	"list": lambda: os.listdir(folder),
	"others' tmp": lambda: os.listdir("/tmp"),
	"shared memory": lambda: os.listdir("/dev/shm"),
	"its parent": lambda: os.kill(os.getppid(), 0),
	"signal": lambda: os.kill(pid, signal.SIGURG),
	"pidfd signal": lambda: signal.pidfd_send_signal(os.pidfd_open(pid), signal.SIGURG),
	"queued signal": lambda: check(libc.sigqueue(pid, signal.SIGURG, None)),
	"socket": lambda: socket.socket(socket.AF_UNIX, socket.SOCK_STREAM).connect(c["socket"]),
	"its terminal": lambda: os.open("/dev/tty", os.O_RDWR),
}
needs = {
	"write home": lambda: open(os.path.expanduser("~/x"), "w").write("1"),
	"write temporary files": lambda: tempfile.NamedTemporaryFile().write(b"1"),
	"move between folders": lambda: (os.makedirs(os.path.expanduser("~/a/b")), os.rename(os.path.expanduser("~/a/b"), os.path.expanduser("~/b"))),
	"write what is granted": lambda: open(os.path.join(c["rw"], "written-" + c["who"]), "w").write("1"),
	"read what is granted": lambda: open(c["granted"]).read(),
	"run programs": lambda: os.popen("echo a | tr a b").read().index("b"),
	"threads": lambda: __import__("concurrent.futures").futures.ThreadPoolExecutor(4).submit(time.sleep, 0).result(),
	"its own name": lambda: __import__("pwd").getpwuid(os.getuid()).pw_name,
	"random": lambda: open("/dev/urandom", "rb").read(1),
	"socket pairs": lambda: socket.socketpair(),
	"events": lambda: __import__("asyncio").run(__import__("asyncio").sleep(0)),
}
out = {}
for group, table in (("acts", acts), ("needs", needs)):
	out[group] = {}
	for name, act in table.items():
		try:
			act()
			out[group][name] = "done"
		except Exception as e:
			out[group][name] = str(getattr(e, "errno", None) or repr(e))
out["home"], out["tmp"], out["cwd"] = os.environ["HOME"], os.environ.get("TMPDIR"), os.getcwd()
# Ends who gets it by default: last, and seen from outside.
sigio()
if c["who"] == "caged":
	try:
		os.kill(-1, signal.SIGUSR1)
	except OSError:
		pass
json.dump(out, open(os.path.join(c["rw"], "out-" + c["who"]), "w"))
"""


class Victims:
	"""What the script goes for, once for itself outside and once for it in the cage."""

	def __init__(self, folder, name):
		self.folder, self.name = folder, name
		self.base = folder.mkdir(name)
		folder.mkdir(name, "rw")
		folder.write("read me\n", name, "granted")
		folder.mkdir(name, "secret")
		for file in ("victim", "move", "unlink"):
			folder.write("secret\n" * 99, name, "secret", file)
		try:
			os.setxattr(self.path("secret", "victim"), "user.secret", b"1")
			self.attributes = True
		except OSError:
			self.attributes = False
		self.sleeper = Process(["/bin/sleep", "900"], folder.user, env=plain_env(folder.user))

		self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
		self.listener.bind(self.path("secret", "socket"))
		os.chmod(self.path("secret", "socket"), 0o777)
		self.listener.listen(8)
		config = {"victim": self.path("secret", "victim"), "folder": self.path("secret"), "granted": self.path("granted"), "rw": self.path("rw"),
			  "pid": self.sleeper.pid, "who": name, "socket": self.path("secret", "socket")}
		folder.write(json.dumps(config), name, "config")

	def path(self, *parts):
		return self.folder.path(self.name, *parts)

	def result(self):
		try:
			with open(self.path("rw", f"out-{self.name}"), encoding="utf-8") as f:
				return json.load(f)
		except OSError:
			return {"acts": {}, "needs": {}, "home": "", "tmp": "", "cwd": ""}

	def alive(self):
		time.sleep(0.2)
		return self.sleeper.poll() is None

	def close(self):
		self.listener.close()
		self.sleeper.finish()


def landlock_abi():
	import ctypes
	return ctypes.CDLL(None).syscall(444, None, 0, 1)


def attacks(user, no):
	host = run.Host(user)
	who = f"{user.pw_name}: --reduced:"
	try:
		host.write_config()
		known = [a for a in run.known_attacks(host.folder.path("bin", "attack"))
			 if not ("need-user" in a.flags and (user.pw_uid == 0 or not run.ROOT))]
		before = [host.folder.program(no)]
		inside = run.in_cage(host, ["--reduced"], "reduced", before=before)
		network = run.in_cage(host, ["--reduced", "--network", "host"], "reduced-network", before=before)
		outside = run.controls(host, known)
		for a in known:
			if a.name in OTHERWISE:
				continue
			got = inside.get(a.name, run.NOTHING)
			if a.name in TOLD and got.verdict == "DENIED" and not run.ROOT:
				tap.tap_skip_kernel(f"{who} {a.name}: it takes root to prepare it")
			elif a.name in TOLD:
				tap.ok(got.verdict == "SUCCEEDED", f"{who} {a.name}: not held back, and told: {TOLD[a.name]}", str(got))
			else:
				run.judge(host, a, got, outside.get(a.name, run.NOTHING), who)
			got = network.get(a.name, run.NOTHING)
			if a.name not in TOLD and "hostnet-opens" not in a.flags:
				tap.ok(got.verdict == "DENIED", f"{who} --network host: {a.name}: denied as before", str(got))
		tap.ok(set(TOLD) | set(OTHERWISE) <= {a.name for a in known}, f"{who} all that is named here is still tried")
	finally:
		host.close()


def acts(folder, no, user):
	who = f"{user.pw_name}: --reduced:"
	script = folder.write(ACTS, "acts.py")
	outside, caged = Victims(folder, "outside"), Victims(folder, "caged")
	env = plain_env(user, XDG_STATE_HOME=folder.mkdir("acts-state"))
	try:
		# A shell, so that its parent is the user's as well.
		p = Process([no, "/bin/sh", "-c", '"$@"; :', "sh", "/usr/bin/python3", script, outside.path("config")], user, env=env)
		p.wait(30)
		tap.ok(not outside.alive(), f"{who} control: SIGIO ends another process of the user's", p.messages())
		p.finish()
		p = Process([no, folder.mcpcage, "--reduced", "--ro", caged.path("granted"), "--ro", caged.path("config"), "--rw", caged.path("rw"),
			     "--", "/usr/bin/python3", script, caged.path("config")], user, env=env)
		p.wait(30)
		said = p.messages()
		tap.ok(caged.alive() and p.poll() == 0, f"{who} neither SIGIO nor a signal to everyone ends a process outside", said)
		p.finish()
		control, got = outside.result(), caged.result()
		for name, how in control["acts"].items():
			what = f"{who} {name}: denied"
			if how == "done":
				tap.ok(got["acts"].get(name, "done") in ("1", "13", "18", "22", "38", "95", "97", "6"), what, str(got["acts"].get(name)))
			elif name in ("setxattr", "getxattr") and not outside.attributes:
				tap.tap_skip_kernel(f"{what}; this file system has no attributes")
			elif name == "its terminal":  # there is none outside either
				tap.ok(got["acts"].get(name) == "13", what, str(got["acts"].get(name)))
			else:
				tap.failed(f"{what}: its control succeeds", how)
		for name in control["needs"]:
			tap.is_eq(got["needs"].get(name), "done", f"{who} a server can {name}" if " " in name else f"{who} a server has {name}")
		state = folder.path("acts-state", "mcpcage", "reduced")
		tap.ok(got["home"].startswith(state) and got["tmp"].startswith(state) and got["cwd"] == got["home"],
		       f"{who} home and temporary files are private folders", json.dumps(got))
		tap.ok(os.path.isdir(state) and not os.listdir(state), f"{who} which are gone afterwards", said)
	finally:
		outside.close()
		caged.close()


def status_of(pid):
	with open(f"/proc/{pid}/status", encoding="ascii") as f:
		return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)


def privileges(folder, no, user):
	who = f"{user.pw_name}: --reduced:"
	s = Session(folder, "serve", options=["--reduced"], before=[no])
	tap.ok(s.marked("started"), f"{who} a server runs", s.p.messages())
	s.p.send(PING)
	s.p.until(lambda: b"\n" in s.p.out, START)
	tap.is_eq(s.p.out, b'{"jsonrpc":"2.0","id":1,"result":{}}\n', f"{who} a request is answered")
	server = [pid for pid in run_by(s) if os.readlink(f"/proc/{pid}/exe") == folder.path("bin", "rogue")]
	have = status_of(server[0])
	wanted = {"CapInh": 0, "CapPrm": 0, "CapEff": 0, "CapAmb": 0, "NoNewPrivs": 1, "Seccomp": 2}
	tap.is_eq({k: int(have[k], 16) for k in wanted}, wanted, f"{who} it holds no privilege")
	finish_and_judge(s, eof, f"{who} an orderly end", IN_TIME, (0,))
	s.end()


def run_by(s):
	return [pid for pid, _ in s.known if os.path.exists(f"/proc/{pid}/exe")]


def ends(folder, no, user):
	who = f"{user.pw_name}: --reduced:"
	for how, seconds, status in ((eof, IN_TIME, (0, 137)), (term, IN_TIME, (0, 137, 143)), (kill, AT_ONCE, (137,))):
		for mode in ("serve", "daemons", "deaf", "stopped"):
			s = Session(folder, mode, options=["--reduced"], before=[no])
			tap.ok(s.marked("started" if mode == "serve" else "ready"), f"{who} {mode}: it runs", s.p.messages())
			if mode == "daemons":
				tap.ok(s.marked("daemon"), f"{who} its daemons run")
			finish_and_judge(s, how, f"{who} {mode}, {how.__name__}", seconds, status if mode != "serve" else None)
			s.end()


def ticks(work, name):
	while True:
		try:
			with open(os.path.join(work, name), encoding="ascii") as f:
				return int(f.read())
		except (OSError, ValueError):
			time.sleep(0.01)


def frozen(folder, no, user):
	"""By signals, because init has to be awake to end the rest."""
	who = f"{user.pw_name}: --reduced --freeze-idle:"
	work = folder.mkdir("ticks")
	with open(os.path.join(HERE, "..", "mediator", "ticker.py"), encoding="utf-8") as f:
		ticker = folder.write(f.read(), "ticker.py")

	def counts():
		before = [ticks(work, name) for name in ("server", "daemon")]
		time.sleep(0.4)
		return [ticks(work, name) - n for name, n in zip(("server", "daemon"), before)]

	for options, still in (([], False), (["--freeze-idle", "300ms"], True)):
		s = Session(folder, options=["--reduced", "--rw", work, *options], command=["/usr/bin/python3", ticker, work], before=[no])
		s.p.until(lambda: os.path.exists(os.path.join(work, "daemon")), START)
		end = time.monotonic() + (START if still else 1.5)
		while still and counts() != [0, 0] and time.monotonic() < end:
			pass
		got = counts()
		tap.ok((got == [0, 0]) == still, f"{who} {'server and daemon stand still' if still else 'control: without it they count'}", str(got))
		finish_and_judge(s, kill, f"{who} {'stopped' if still else 'counting'}, kill", AT_ONCE)
		s.end()


def refused(folder, no, user):
	who = f"{user.pw_name}: --reduced:"
	env = plain_env(user, XDG_STATE_HOME=folder.mkdir("refused-state"))
	folder.mkdir("tree")
	folder.mkdir("tree", "inner")

	def one(name, status, text, *words, before=(no,)):
		p = Process([*before, folder.mcpcage, *words], user, env=env)
		p.close_stdin()
		got = p.wait(START)
		tap.ok(got == status and text in p.messages(), f"{who} {name}", f"{got}: {p.messages()}")
		p.finish()

	true = ["--", "/bin/true"]
	one("not without being asked", 125, "max_user_namespaces", *true)
	one("with it, it starts", 0, "reduced mode", "--reduced", *true)
	one("where there are namespaces it changes nothing", 0, "", "--reduced", "--require", "userns", *true, before=())
	one("a required layer stays required", 125, "userns", "--reduced", "--require", "userns", *true)
	one("no network by name", 125, "network by name", "--reduced", "--allow-host", "example.org", *true)
	one("no sockets", 125, "unix_sockets", "--reduced", "--unix-sockets", *true)
	one("no package of the store", 125, "package", "--reduced", "--", "npx", "-y", "mcpcage-no-such-package")
	one("nothing that is narrower inside of what is wider", 125, "cannot be for reading only", "--reduced", "--rw", folder.path("tree"), "--ro",
	    folder.path("tree", "inner"), *true)
	one("no home with what has to be hidden in it", 125, "cannot hide", "--reduced", "--ro", user.pw_dir, *true)
	one("no place that is made", 125, "reduced mode", "--reduced", "--rw", folder.path("tree"), "--tmpfs", folder.path("tree", "inner"), *true)
	with open(os.path.join(env["XDG_STATE_HOME"], "mcpcage", "audit.jsonl"), encoding="utf-8") as f:
		starts = [x for x in map(json.loads, f) if x["event"] == "start"]
	tap.ok([x["plan"]["reduced"] for x in starts] == [True, False] and any("Landlock" in m for m in starts[0]["missing"]),
	       f"{who} the audit log has it", json.dumps(starts)[:2000])
	p = Process([no, folder.mcpcage, "doctor"], user, env=env)
	p.wait(START)
	tap.ok("except in reduced mode" in p.out.decode(), f"{who} doctor says that it is possible", p.out.decode())
	p.finish()
	p = Process([no, folder.mcpcage, "explain", "--reduced", *true], user, env=env)
	p.wait(START)
	tap.ok(p.out.decode().startswith("REDUCED MODE"), f"{who} explain says it first", p.out.decode())
	p.finish()


def kept(folder, no, user):
	who = f"{user.pw_name}: --reduced --home keep:"
	env = plain_env(user, XDG_STATE_HOME=folder.mkdir("kept-state"))
	script = folder.write("ls -A ~ >&2; echo $TMPDIR >&2; echo kept >~/file\n", "kept.sh")
	for wanted in (False, True):
		p = Process([no, folder.mcpcage, "--reduced", "--pins", "off", "--home", "keep", "--", "/bin/sh", script], user, env=env)
		p.close_stdin()
		status = p.wait(START)
		tap.ok(status == 0 and ("file" in p.messages().split()) == wanted, f"{who} {'the next session finds it' if wanted else 'it starts empty'}",
		       p.messages())
		p.finish()
	tap.is_eq(os.listdir(os.path.join(env["XDG_STATE_HOME"], "mcpcage", "reduced")), [], f"{who} and temporary files are gone")


def swept(folder, no, user):
	"""What a killed session leaves goes with a later one."""
	who = f"{user.pw_name}: --reduced:"
	env = plain_env(user, XDG_STATE_HOME=folder.mkdir("swept-state"))
	reduced = os.path.join(env["XDG_STATE_HOME"], "mcpcage", "reduced")
	s = Session(folder, "serve", options=["--reduced"], before=[no], env=env)
	tap.ok(s.marked("started"), f"{who} it runs", s.p.messages())
	held = os.listdir(reduced)
	kill(s)
	s.p.wait(START)
	s.end()
	tap.ok(len(held) == 1 and os.listdir(reduced) == held, f"{who} SIGKILL leaves its folder")
	os.utime(os.path.join(reduced, held[0]), (1, 1))
	s = Session(folder, "serve", options=["--reduced"], before=[no], env=env)
	tap.ok(s.marked("started"), f"{who} the next session runs", s.p.messages())
	tap.ok(held[0] not in os.listdir(reduced), f"{who} and has removed it")
	s.end()


def main():
	if landlock_abi() < 6:
		tap.tap_skip_all_kernel(f"Landlock of ABI {landlock_abi()}: reduced mode takes 6")
	own_mounts()
	no = os.path.join(HERE, "no-namespaces")
	for user in personas():
		attacks(user, no)
		with leaving_nothing(user, "rogue") as folder:
			mine = folder.program(no)
			acts(folder, mine, user)
			privileges(folder, mine, user)
			ends(folder, mine, user)
			frozen(folder, mine, user)
			refused(folder, mine, user)
			kept(folder, mine, user)
			swept(folder, mine, user)
	tap.done_testing()


if __name__ == "__main__":
	main()

#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The end of a session: whatever the server does, the whole cage is gone in time and leaves nothing behind.

Design: within 1.5 s of the end of input or of SIGTERM, at once when mcpcage is killed. A machine under load gets one
second more before a test fails; how long it took is shown either way.
"""

import contextlib
import os
import random
import secrets
import signal
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cagetest import (Process, descendants, identity, leaving_nothing, own_mounts,  # noqa: E402
		      personas, plain_env, processes_of, processes_with, state_of, tap, wait_gone)

IN_TIME = 1.5
SLACK = 1.0
AT_ONCE = 0.3
START = 20.0  # a bound for a start on a machine that is busy, not an expectation

PING = b'{"jsonrpc":"2.0","id":1,"method":"ping"}\n'


class Session:
	"""
	One caged rogue. Its marker stands in the arguments of mcpcage and of everything it starts, but the filter and init
	wipe theirs, so those are remembered.
	"""

	def __init__(self, folder, *mode, options=(), command=None, env=None, before=()):
		self.marker = "session-" + secrets.token_hex(8)
		self.known = set()
		self.folder = folder
		self.work = folder.mkdir("work-" + self.marker)
		argv = [*before, folder.mcpcage, "--audit", "off", "--rw", self.work, *options, "--"]
		argv += command or [folder.path("bin", "rogue"), self.work, *mode]
		argv.append(self.marker)
		self.p = Process(argv, folder.user, env=env or plain_env(folder.user))

	def marks(self):
		with contextlib.suppress(OSError):
			with open(os.path.join(self.work, "marks")) as f:
				return f.read().splitlines()
		return []

	def marked(self, text, seconds=START):
		good = self.p.until(lambda: text in self.marks(), seconds)
		self.known.update(i for i in map(identity, descendants(self.p.pid)) if i)
		return good

	def parts(self):
		"""The pids of filter and init: mcpcage's children; init is the one that is pid 1 of a namespace."""
		filter_, init = None, None
		for pid in descendants(self.p.pid):
			with contextlib.suppress(OSError):
				with open(f"/proc/{pid}/status") as f:
					status = dict(line.split(":", 1) for line in f if ":" in line)
				if int(status["PPid"]) != self.p.pid:
					continue
				if len(status["NSpid"].split()) > 1:
					init = pid
				else:
					filter_ = pid
		return filter_, init

	def server(self):
		"""The host's pid of the server."""
		init = self.parts()[1]
		return min(descendants(init), default=None) if init else None

	def gone(self, seconds):
		return wait_gone(self.marker, self.known, seconds)

	def end(self):
		self.p.finish()
		for pid in processes_with(self.marker):
			with contextlib.suppress(OSError):
				os.kill(pid, signal.SIGKILL)


def eof(s):
	s.p.close_stdin()


def term(s):
	s.p.kill(signal.SIGTERM)


def interrupt(s):
	s.p.kill(signal.SIGINT)


def hang_up(s):
	s.p.kill(signal.SIGHUP)


def kill(s):
	s.p.kill(signal.SIGKILL)


def reader_gone(s):
	os.close(s.p.stdout)
	s.p.stdout = None
	s.p.close_stdin()


def finish_and_judge(s, how, name, seconds, status=None):
	"""HOW ends the session; everything of it is gone after SECONDS. Reads no output: a client in trouble does not."""
	start = time.monotonic()
	how(s)
	s.p.wait(seconds + SLACK, read=False)
	ended = time.monotonic() - start
	left = s.gone(max(0.1, seconds + SLACK - ended))
	took = time.monotonic() - start
	ok = s.p.status is not None and left is not None
	why = f"status {s.p.status}, {took:.2f} s, still there: {processes_with(s.marker)}\n{s.p.messages()[-1500:]}"
	ok = tap.ok(ok, f"{name}: the whole cage is gone in {seconds} s", why)
	if ok and took > seconds:
		tap.diag(f"  took {took:.2f} s")
	if ok and status is not None:
		tap.ok(s.p.status in status, f"{name}: exit status {s.p.status}", f"wanted {status}")


QUIET = ("serve", "deaf", "daemons", "stopped", "closed")
LOUD = ("flood-lines", "flood-line", "flood-messages", "flood-errors")


def every_way(folder, user):
	"""Each kind of server, each way to end it. The quiet ones of a way run at the same time."""
	ways = ((eof, IN_TIME), (term, IN_TIME), (kill, AT_ONCE))
	for how, seconds in ways:
		sessions = []
		for mode in QUIET:
			s = Session(folder, mode)
			tap.ok(s.marked("started" if mode == "serve" else "ready"), f"{user}: {mode}: it runs",
			       s.p.messages())
			if mode == "daemons":
				tap.ok(s.marked("daemon"), f"{user}: {mode}: its daemons run", s.p.messages())
			parts = {i[0] for i in s.known}
			tap.ok(parts.issuperset(s.parts()) and s.server() in processes_with(s.marker),
			       f"{user}: {mode}: its processes can be found")
			sessions.append((mode, s))
		for mode, s in sessions:
			# What SIGTERM means to a server that has no handler, or to one that ignores it.
			status = {"term": (143,) if mode == "serve" else (137,), "eof": (0,) if mode == "serve" else None,
				  "kill": (137,)}[how.__name__]
			if mode == "daemons":
				status = (0, 137)
			finish_and_judge(s, how, f"{user}: {mode}, {how.__name__}", seconds, status)
			s.end()
	for mode in LOUD if user != "root" or len(personas()) == 1 else LOUD[:1]:
		for how, seconds in ways + ((reader_gone, IN_TIME),):
			s = Session(folder, mode)
			tap.ok(s.marked("ready"), f"{user}: {mode}: it runs", s.p.messages())
			time.sleep(0.2)  # every pipe is full by now: nobody reads
			finish_and_judge(s, how, f"{user}: {mode}, {how.__name__}", seconds)
			s.end()
	for how in (interrupt, hang_up):
		s = Session(folder, "serve")
		s.marked("started")
		number = {"interrupt": 130, "hang_up": 129}[how.__name__]
		finish_and_judge(s, how, f"{user}: serve, {how.__name__}", IN_TIME, (number,))
		s.end()


def statuses(folder, user):
	"""The server's own status, 128+n, and mcpcage's own: 125, 126, 127."""
	def one(name, want, *mode, **more):
		s = Session(folder, *mode, **more)
		got = s.p.wait(START)
		tap.ok(got == want, f"{user}: exit status: {name}: {want}", f"got {got}\n{s.p.messages()}")
		left = s.gone(1.0)
		tap.ok(left is not None, f"{user}: exit status: {name}: nothing runs on", str(processes_with(s.marker)))
		s.end()
		return s

	for number in (0, 1, 7, 125, 127, 255):
		one(f"the server's own {number}", number, "exit", str(number))
	for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV, signal.SIGABRT, signal.SIGUSR1):
		one(f"the server died of signal {int(number)}", 128 + number, "die", str(int(number)))
	s = one("no such command", 127, command=["/nonexistent/server"])
	tap.ok("/nonexistent/server" in s.p.messages(), f"{user}: the message names the command", s.p.messages())
	one("no such command in PATH", 127, command=["mcpcage-no-such-command"])
	plain = folder.write("no program\n", "plain-file", mode=0o644)
	one("a file that cannot be run", 126, command=[plain])
	one("a folder", 126, command=[folder.path("bin")])
	odd = folder.write("\x7fELF nonsense", "bin", "odd", mode=0o755)
	one("a file that is no program", 126, command=[odd])
	script = folder.write("#!/nonexistent/interpreter\n", "bin", "script", mode=0o755)
	s = Session(folder, command=[script])
	tap.ok(s.p.wait(START) in (126, 127), f"{user}: exit status: a script without its interpreter: {s.p.status}")
	s.end()
	one("an unknown option", 125, "exit", "0", options=["--no-such-option"])
	one("a grant that does not exist", 125, "exit", "0", options=["--ro", "/nonexistent/folder"])
	one("a layer that is required and missing", 125, "exit", "0", options=["--require", "apparmor"])
	one("the home folder as a grant of writing system files", 125, "exit", "0", options=["--rw", "/usr"])


def parts_die(folder, user):
	"""Any process of mcpcage may be killed or stopped by an accident: the session ends, or can be ended."""
	def get(mode="deaf"):
		s = Session(folder, mode)
		s.marked("ready" if mode == "deaf" else "started")
		filter_, init = s.parts()
		server = s.server()
		tap.ok(filter_ and init and server, f"{user}: filter, init and server can be told apart")
		return s, filter_, init, server

	s, filter_, init, server = get()
	finish_and_judge(s, lambda _: os.kill(filter_, signal.SIGKILL), f"{user}: the filter is killed", IN_TIME, (125,))
	s.end()
	s, filter_, init, server = get()
	finish_and_judge(s, lambda _: os.kill(init, signal.SIGKILL), f"{user}: init is killed", IN_TIME, (125, 137))
	s.end()
	s, filter_, init, server = get("serve")
	finish_and_judge(s, lambda _: os.kill(server, signal.SIGKILL), f"{user}: the server is killed", IN_TIME, (137,))
	s.end()
	for name, index in (("filter", 0), ("init", 1), ("server", 2)):
		for how, seconds in ((eof, IN_TIME), (term, IN_TIME), (kill, AT_ONCE)):
			if name == "filter" and how is eof:
				continue  # a stopped filter cannot see an end of file
			s, *pids = get()
			os.kill(pids[index], signal.SIGSTOP)
			s.p.until(lambda pid=pids[index]: state_of(pid) == "T", 2)
			finish_and_judge(s, how, f"{user}: the {name} is stopped, {how.__name__}", seconds)
			s.end()
	s, filter_, init, server = get()
	os.kill(s.p.pid, signal.SIGSTOP)
	finish_and_judge(s, kill, f"{user}: mcpcage itself is stopped, kill", AT_ONCE)
	s.end()


def random_kills(folder, user):
	"""SIGKILL, SIGTERM and an end of file at any moment of the start."""
	rng = random.Random(2)
	bad = 0
	left_over = []
	for i in range(60):
		s = Session(folder, "daemons")
		time.sleep(rng.random() * 0.02)
		(kill, term, eof)[i % 3](s)
		s.p.wait(IN_TIME + SLACK, read=False)
		if s.p.status is None or s.gone(0.5) is None:
			bad += 1
			left_over.append(processes_with(s.marker))
		s.end()
	tap.is_eq(bad, 0, f"{user}: 60 sessions ended at random moments of their start left no process")
	if bad:
		tap.diag(str(left_over))


def served_until_the_end(folder, user):
	"""The positive control of all of this: a session that nobody ends goes on, and an orderly end is orderly."""
	s = Session(folder, "serve")
	s.marked("started")
	s.p.send(PING)
	s.p.until(lambda: b"\n" in s.p.out, START)
	tap.is_eq(s.p.out, b'{"jsonrpc":"2.0","id":1,"result":{}}\n', f"{user}: a request is answered")
	time.sleep(0.3)
	tap.ok(s.p.poll() is None, f"{user}: the session goes on while its client is there")
	finish_and_judge(s, eof, f"{user}: an orderly end", IN_TIME, (0,))
	s.end()


def main():
	own_mounts()
	for user in personas():
		with leaving_nothing(user, "rogue") as folder:
			served_until_the_end(folder, user.pw_name)
			every_way(folder, user.pw_name)
			statuses(folder, user.pw_name)
			parts_die(folder, user.pw_name)
			random_kills(folder, user.pw_name)
			left = processes_of(folder.mcpcage)
			if left:
				time.sleep(1)
				left = processes_of(folder.mcpcage)
			tap.ok(not left, f"{user.pw_name}: no process of mcpcage is left", str(left))
	tap.done_testing()


if __name__ == "__main__":
	main()

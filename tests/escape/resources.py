#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A server that uses up what it can: files, names, descriptors, processes, memory, the log.

What has a bound stops at it; what the machine cannot bound (without a cgroup) is gone at the session's end. The client is
served meanwhile, and mcpcage stays as small as it was.
"""

import contextlib
import os
import re
import secrets
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cagetest import Folder, Process, descendants, personas, plain_env, processes_with, tap  # noqa: E402

START = 20.0
MiB = 1 << 20


class Session:
	def __init__(self, folder, mode, options=(), args=()):
		self.marker = "resource-" + secrets.token_hex(8)
		self.work = folder.mkdir("work-" + self.marker)
		argv = [folder.mcpcage, "--audit", "off", "--rw", self.work, *options, "--", folder.path("bin", "rogue"),
			self.work, mode, *args, self.marker]
		self.p = Process(argv, folder.user, env=plain_env(folder.user))
		self.answers = 0

	def marks(self):
		with contextlib.suppress(OSError):
			with open(os.path.join(self.work, "marks")) as f:
				return f.read().splitlines()
		return []

	def marked(self, start, seconds=START):
		"""The first mark that begins with START."""
		def found():
			return next((m for m in self.marks() if m.startswith(start)), None)
		return self.p.until(found, seconds)

	def call(self, number, seconds=START):
		"""Seconds that a request took, or None."""
		self.p.send(b'{"jsonrpc":"2.0","id":%d,"method":"ping"}\n' % number)
		start = time.monotonic()
		want = b'{"jsonrpc":"2.0","id":%d,"result":{}}' % number
		return time.monotonic() - start if self.p.until(lambda: want in self.p.out, seconds) else None

	def memory(self):
		"""KiB of memory of mcpcage's own processes that are not the cage's."""
		total = 0
		for pid in [self.p.pid] + descendants(self.p.pid):
			with contextlib.suppress(OSError):
				with open(f"/proc/{pid}/status") as f:
					status = dict(line.split(":", 1) for line in f if ":" in line)
				if len(status["NSpid"].split()) == 1:
					total += int(status["RssAnon"].split()[0])
		return total

	def end(self):
		self.p.close_stdin()
		status = self.p.wait(5)
		left = processes_with(self.marker)
		self.p.finish()
		return status, left


def bounded_files(folder, user):
	sizes = {"/tmp": 8 * MiB, "/dev/shm": 8 * MiB, "home": 4 * MiB}
	s = Session(folder, "limits", ["--tmp-size", "8M", "--home-size", "4M", "--open-files", "1024"])
	tap.ok(s.marked("files", 60), f"{user}: the server used up what it could", s.p.messages())
	marks = s.marks()
	tap.diag("\n".join(marks))
	for where, size in sizes.items():
		path = folder.user.pw_dir if where == "home" else where
		m = next((re.match(r"filled (\S+) (\d+) (.*)", x) for x in marks if x.startswith(f"filled {path} ")), None)
		tap.ok(m and "No space" in m[3] and size // 2 <= int(m[2]) <= size,
		       f"{user}: {where} holds what its limit says: {m and m[2]} of {size} bytes")
	m = next((re.match(r"names \S+ (\d+) (.*)", x) for x in marks if x.startswith("names ")), None)
	tap.ok(m and "No space" in m[2] and int(m[1]) < 500000, f"{user}: the number of files is bounded: {m and m[1]}")
	m = next((re.match(r"files (\d+) (.*)", x) for x in marks if x.startswith("files ")), None)
	tap.ok(m and "Too many open files" in m[2] and 1000 <= int(m[1]) <= 1024,
	       f"{user}: the number of descriptors is bounded: {m and m[1]}")
	status, left = s.end()
	tap.ok(status == 0 and not left, f"{user}: and the session ends well", f"{status} {left}")


def default_sizes(folder, user):
	"""Without options there are limits too: 256 MiB each."""
	s = Session(folder, "limits")
	tap.ok(s.marked("filled /dev/shm", 60), f"{user}: the server filled its folders", s.p.messages())
	for mark in s.marks():
		if mark.startswith("filled"):
			tap.ok("No space" in mark and int(mark.split()[2]) <= 256 * MiB,
			       f"{user}: by default there is a limit: {mark}")
	s.p.kill()
	s.end()


def served_under_flood(folder, user):
	"""Floods on standard error and of noise on standard output: the client gets its answers, and not the flood."""
	for mode in ("flood-serve", "noise-serve"):
		s = Session(folder, mode)
		s.marked("ready")
		times = []
		before = s.memory()
		for i in range(30):
			times.append(s.call(i))
			s.p.until(lambda: False, 0.05)
		answered = [t for t in times if t is not None]
		tap.is_eq(len(answered), 30, f"{user}: {mode}: every request is answered")
		tap.ok(answered and sorted(answered)[len(answered) // 2] < 1.0, f"{user}: {mode}: in time",
		       str([round(t, 3) for t in answered]))
		tap.is_eq(s.p.out.count(b"\n"), len(answered), f"{user}: {mode}: nothing else reaches the client")
		seconds = time.monotonic() - s.p.started
		rate = len(s.p.err) / seconds
		tap.ok(rate < 2 * MiB, f"{user}: {mode}: what reaches standard error is bounded: {rate / 1024:.0f} KiB/s")
		after = s.memory()
		tap.ok(after - before < 4096, f"{user}: {mode}: mcpcage does not grow: {before} to {after} KiB")
		s.end()


def unread_log(folder, user):
	"""A client that never reads standard error, as some do not: the flood stops nobody."""
	s = Session(folder, "flood-serve")
	s.marked("ready")
	err, s.p.stderr = s.p.stderr, None
	time.sleep(0.5)
	times = [s.call(i) for i in range(10)]
	tap.ok(None not in times, f"{user}: requests are answered while standard error is full", str(times))
	s.p.stderr = err
	s.end()


def processes(folder, user):
	"""As many as the machine lets it have; all are gone at the end."""
	s = Session(folder, "bomb", args=["300"])
	mark = s.marked("children")
	tap.ok(mark, f"{user}: a fork bomb went off: {mark}", s.p.messages())
	bounded = mark and "refused" in mark
	if "cgroup: missing" in s.p.messages():
		tap.tap_skip_kernel(f"{user}: the number of processes is bounded: there is no cgroup here to bound it")
	else:
		tap.ok(bounded, f"{user}: the number of processes is bounded by limits.tasks (256)", mark)
	start = time.monotonic()
	status, left = s.end()
	tap.ok(status is not None and not left and time.monotonic() - start < 2.5,
	       f"{user}: and all of it is gone with the session", f"{status} {left}")


def memory(folder, user):
	s = Session(folder, "serve", ["--memory", "64M"])
	s.marked("started")
	s.end()
	missing = "cgroup: missing" in s.p.messages()
	if missing:
		tap.tap_skip_kernel(f"{user}: memory is bounded: there is no cgroup here to bound it")
		return
	s = Session(folder, "memory", ["--memory", "64M"])
	s.p.wait(60)
	got = max((int(m.split()[1]) for m in s.marks() if m.startswith("memory ")), default=0)
	tap.ok(got <= 64 * MiB and s.p.status == 137, f"{user}: memory is bounded: {got} bytes, status {s.p.status}")
	s.end()


def kill_all(folder, user):
	"""kill(-1, SIGKILL) from inside: processes of the same user outside, and mcpcage, live on."""
	bystander = Process(["/bin/sleep", "60"], folder.user)
	s = Session(folder, "kill-all")
	mark = s.marked("kill-all")
	tap.ok(mark and "its own child is dead" in mark, f"{user}: kill(-1, SIGKILL): {mark}", s.p.messages())
	tap.ok(s.call(1) is not None, f"{user}: mcpcage's processes live on, and the server is served")
	tap.ok(bystander.poll() is None, f"{user}: so does another process of the user")
	bystander.kill()
	tap.is_eq(bystander.wait(5), 137, f"{user}: which can be killed")
	s.end()
	bystander.finish()


def main():
	for user in personas():
		folder = Folder(user, "rogue")
		try:
			for test in (bounded_files, default_sizes, served_under_flood, unread_log, processes, memory, kill_all):
				test(folder, user.pw_name)
		finally:
			folder.remove()
	tap.done_testing()


if __name__ == "__main__":
	main()

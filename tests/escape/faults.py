#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every system call of the set-up is made to fail, one in each session.

A good session is traced first: which calls does each process of mcpcage make until the server's execve(2)? Then each of
them fails once, with EPERM. Either the session does not start, with status 125 (126 or 127 when it was the execve itself)
and an error that says what could not be done, and no instruction of the server has run; or what failed did not matter,
and then the cage is exactly the same: its fingerprint, taken from inside, is that of the good session, or lacks a layer
that mcpcage has said is missing. For the calls that make the cage only the first will do. Nothing is left behind either
way. New code is covered by itself.
"""

import collections
import errno
import os
import re
import secrets
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cagetest import (Process, descendants, leaving_nothing, own_mounts, personas, plain_env,  # noqa: E402
		      processes_with, tap)

AT_ONCE = 4  # sessions that run at the same time
PATIENCE = 30.0
# Memory, the end, and what cannot fail: these calls have no errors, or, close(2), do their work in spite of one.
LEAVE_OUT = {"brk", "mmap", "munmap", "mprotect", "mremap", "madvise", "exit", "exit_group", "rt_sigreturn", "futex",
	     "restart_syscall", "close", "umask", "getpid", "gettid", "getppid", "getuid", "geteuid", "getgid", "getegid",
	     "rt_sigprocmask", "rt_sigaction", "set_robust_list", "rseq", "set_tid_address"}
# A call that is made this often by the monitor, which looks at many paths, is tried at some of its places.
OFTEN = 16
# Their failure has to stop the session. What makes the descriptors and namespaces is in the fingerprint.
MUST_STOP = {
	"0": {"clone3", "clone", "fork", "socketpair", "pipe2", "signalfd4"},
	"0.2": {"fsopen", "fsconfig", "fsmount", "open_tree", "move_mount", "mount_setattr", "pivot_root", "umount2",
		"sethostname", "dup2", "dup3", "write", "mkdirat", "mknodat", "symlinkat", "clone", "signalfd4"},
	"0.1": {"capset", "landlock_create_ruleset", "landlock_restrict_self", "seccomp"},
	"0.2.1": {"setsid", "capset", "prctl", "prlimit64", "landlock_create_ruleset", "landlock_add_rule",
		  "landlock_restrict_self", "seccomp", "dup2", "dup3", "execve"},
}


class Call:
	def __init__(self, role, name, number):
		self.role, self.name, self.number = role, name, int(number)
		self.late = False

	def __str__(self):
		return f"{self.name} number {self.number} of {ROLES.get(self.role, self.role)}"


ROLES = {"0": "monitor", "0.2": "init", "0.1": "filter", "0.2.1": "server before execve"}


class Run:
	"""One session under the tracer, driven by step() until it is over."""

	def __init__(self, folder, call, injection):
		self.call = call
		self.folder = folder
		self.marker = "fault-" + secrets.token_hex(8)
		self.work = folder.mkdir("work-" + self.marker)
		self.name_file = folder.write("", "name-" + self.marker)
		self.filter_state = None
		self.end = time.monotonic() + PATIENCE
		argv = [folder.path("bin", "inject"), *injection, self.name_file, folder.mcpcage, "--audit", "off",
			"--rw", self.work, "--", folder.path("bin", "rogue"), self.work, "fingerprint", self.marker]
		self.p = Process(argv, folder.user, env=plain_env(folder.user))

	def marks(self):
		try:
			with open(os.path.join(self.work, "marks")) as f:
				return f.read().splitlines()
		except OSError:
			return []

	def step(self):
		"""True when it is over."""
		while self.p.drain():
			pass
		if self.p.poll() is not None:
			while self.p.drain():
				pass
			return True
		if self.p.stdin is not None and "fingerprint-end" in self.marks():
			self.filter_state = filter_status(self.p.pid)
			self.p.close_stdin()
		if time.monotonic() > self.end:
			self.p.kill()
			self.p.wait(5)
			self.p.err += b"(no end after %d s)" % PATIENCE
			return True
		return False

	def close(self):
		left = processes_with(self.marker)
		# The init of a cage that was killed is reaped by whoever has it now.
		end = time.monotonic() + 2
		while left and time.monotonic() < end:
			time.sleep(0.02)
			left = processes_with(self.marker)
		self.left = left
		with open(self.name_file) as f:
			self.injected = f.read().strip()
		self.p.finish()


def filter_status(tracer):
	"""What the kernel says of the one process of mcpcage, other than the monitor, that is in no cage."""
	for pid in descendants(tracer):
		try:
			with open(f"/proc/{pid}/status") as f:
				status = dict(line.rstrip("\n").split(":", 1) for line in f if ":" in line)
		except OSError:
			continue
		if len(status["NSpid"].split()) == 1 and status.get("Seccomp", "").strip() == "2":
			return [f"filter {k}:{v}" for k, v in sorted(status.items())
				if k.startswith("Cap") or k in ("NoNewPrivs", "Seccomp", "Seccomp_filters", "Uid", "Gid")]
	return ["filter not found, or not confined"]


def fingerprint(run):
	"""The server's own words, without what differs from one session to the next."""
	lines = []
	for line in run.marks():
		line = line.replace(run.marker, "MARKER").replace(run.work, "WORK")
		if line.startswith("namespace "):
			_, kind, number = line.split(" ", 2)
			line = f"namespace {kind} {'the host' if number == host_namespace(kind) else 'own'}"
		lines.append(line)
	return sorted(lines) + (run.filter_state or [])


def host_namespace(kind):
	try:
		return os.readlink(f"/proc/self/ns/{kind}")
	except OSError:
		return "?"


def good_session(folder, user):
	run = Run(folder, None, ["list"])
	while not run.step():
		time.sleep(0.005)
	run.close()
	calls = []
	with open(run.name_file) as f:
		for line in f:
			calls.append(Call(*line.split()))
	print_ = fingerprint(run)
	tap.ok(run.p.status == 0 and "fingerprint-end" in run.marks(), f"{user}: a traced session is a good session",
	       f"status {run.p.status}\n{run.p.messages()}")
	# The fingerprint says something: each of these is a layer.
	for text in ("self Seccomp:\t2", "self NoNewPrivs:\t1", "self CapBnd:\t0000000000000000",
		     "init Seccomp:\t2", "init CapEff:\t0000000000000000", "filter Seccomp:\t2",
		     "filter NoNewPrivs:\t1", "namespace net own", "namespace user own", "session 1 group 1"):
		tap.ok(any(line.startswith(text) for line in print_), f"{user}: its fingerprint shows: {text}")
	tap.is_eq([line for line in print_ if line.startswith("descriptor")],
		  ["descriptor 0 flags 0", "descriptor 1 flags 1", "descriptor 2 flags 1"],
		  f"{user}: the server has three descriptors")
	return calls, print_, missing_layers(run.p.messages())


def targets_of(calls):
	"""Which calls to break: not those of the dynamic loader, which come before main()."""
	loader = next((i for i, c in enumerate(calls) if c.role == "0" and c.name == "munmap"), 0)
	started = set()
	found = []
	for c in calls[loader + 1:]:
		# After this the server may run already, and its session is ended instead. The filter's sendto(2) is its
		# word that it is confined: from there on it works, at the same time as the server starts.
		c.late = c.role in started
		if c.role == "0.2" and c.name == "clone" or c.role in ("0", "0.1") and c.name == "sendto":
			started.add(c.role)
		if c.name not in LEAVE_OUT:
			found.append(c)
	many = collections.Counter(c.name for c in found if c.role == "0")
	return [c for c in found if c.role != "0" or many[c.name] <= OFTEN or c.number % (many[c.name] // OFTEN + 1) == 0]


def missing_layers(text):
	return set(re.findall(r"^mcpcage: (\w+): missing", text, re.M))


def judge(run, good, good_missing):
	"""None, or what is wrong."""
	call = run.call
	started = "started" in run.marks()
	stopped = run.p.status in ((126, 127) if call.name == "execve" else (125, 126, 127) if call.role == "0" else (125,))
	said = re.search(r"^mcpcage: (?!\w+: missing)\S.{8,}", run.p.messages(), re.M)
	if run.left:
		return f"processes are left: {run.left}"
	if not run.injected:
		return None if fingerprint(run) == good else "the call did not come, and the session differs"
	if started:
		if stopped and call.late:
			return None if said else "no error line"
		if call.name in MUST_STOP.get(call.role, ()):
			return "the server ran"
		if fingerprint(run) != good and not missing_layers(run.p.messages()) - good_missing:
			more, less = set(fingerprint(run)) - set(good), set(good) - set(fingerprint(run))
			# A file of the system that could not be looked at is not shown: less than planned, never more.
			if not more and all(line.startswith(("mount /etc/", "mount /nix/", "mount /gnu/")) for line in less):
				return None
			change = more | less
			return f"the server ran in another cage, or ended otherwise: {sorted(change)[:8]}"
		return None
	if not stopped:
		return f"status {run.p.status}"
	if not said:
		return "no error line"
	if call.name in MUST_STOP.get(call.role, ()) and os.strerror(errno.EPERM) not in run.p.messages():
		return "the error line does not say why"
	return None


def all_faults(folder, user, calls, good, good_missing):
	targets = collections.deque(targets_of(calls))
	groups = collections.OrderedDict()
	running = []
	missed = 0
	while targets or running:
		while targets and len(running) < AT_ONCE:
			call = targets.popleft()
			running.append(Run(folder, call, [call.role, call.name, str(call.number), str(errno.EPERM)]))
		for run in [r for r in running if r.step()]:
			running.remove(run)
			run.close()
			missed += not run.injected
			wrong = judge(run, good, good_missing)
			group = groups.setdefault((run.call.role, run.call.name), [0, 0, []])
			group[0] += 1
			group[1] += "started" not in run.marks()
			if wrong:
				group[2].append(f"{run.call}: {wrong}\nstatus {run.p.status}: "
						f"{run.p.messages().strip()[-600:]}")
		time.sleep(0.002)
	for (role, name), (number, stopped, wrong) in groups.items():
		tap.ok(not wrong, f"{user}: {ROLES.get(role, role)}: {name} fails: {number} sessions, {stopped} "
		       "did not start, the others had the same cage", "\n".join(wrong[:6]))
	total = sum(g[0] for g in groups.values())
	tap.ok(missed <= total // 10, f"{user}: {total} calls made to fail, {missed} did not come")
	# The names in MUST_STOP are those of this program, not a wish.
	seen = {c.name for c in calls}
	for name in ("clone3", "move_mount", "mount_setattr", "pivot_root", "umount2", "capset", "prctl", "prlimit64", "seccomp",
		     "setsid", "close_range", "sethostname", "dup2", "pipe2", "socketpair", "execve"):
		tap.ok(name in seen, f"{user}: {name} is one of the calls that were made to fail")


def main():
	own_mounts()
	for user in personas():
		with leaving_nothing(user, "rogue", "inject") as folder:
			all_faults(folder, user.pw_name, *good_session(folder, user.pw_name))
	tap.done_testing()


if __name__ == "__main__":
	main()

#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Beginning and end: exit statuses, half-closed streams, and a whole cage that is gone in time, whatever it holds."""

import os
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import MCPCAGE, PUPPET, PYTHON, Session, descendants, require_mcpcage, still_there, text_of
from tap import done_testing, is_eq, ok

require_mcpcage()


def gone(pids, within):
	"""Seconds until none of PIDS is left, or None."""
	start = time.monotonic()
	while time.monotonic() - start < within:
		if not still_there(pids):
			return time.monotonic() - start
		time.sleep(0.01)
	return None


STUBBORN = [*PUPPET, "--ignore-term", "--ignore-eof"]


def teardown(name, end, limit, before=None, command=None):
	with Session(command=command) as s:
		if before:
			before(s)
		pids = [s.process.pid, *descendants(s.process.pid)]
		ok(len(pids) >= 4, f"{name}: monitor, filter, init and server are there", repr(pids))
		end(s)
		t = gone(pids[1:], 6)
		ok(t is not None and t <= limit, f"{name}: the whole cage is gone within {limit} s",
		   f"after {t} s: {still_there(pids)}")
		ok(s.wait(2) is not None, f"{name}: and so is mcpcage")


def daemons(s):
	s.call("daemons", {"n": 5})


def full_pipes(s):
	"""The server has written more than its pipe holds, and nobody reads."""
	s.emit_mute(b"{" + b"x" * 300000, fd=2)


ends = (
	("end of input", lambda s: s.close_stdin(), 1.5),
	("SIGTERM", lambda s: s.process.terminate(), 1.5),
	("SIGINT", lambda s: s.process.send_signal(signal.SIGINT), 1.5),
	("SIGHUP", lambda s: s.process.send_signal(signal.SIGHUP), 1.5),
	("SIGKILL", lambda s: s.process.kill(), 0.5),
)
for name, end, limit in ends:
	teardown(name, end, limit)
	teardown(f"{name}, a stubborn server with daemons", end, limit, daemons, STUBBORN)
teardown("end of input, full pipes", lambda s: s.close_stdin(), 1.5, full_pipes, STUBBORN)

# A polite server goes at once: nobody waits for a deadline.
with Session() as s:
	start = time.monotonic()
	is_eq(s.end(), 0, "a server that ends at end of input ends the session with its own status")
	t = time.monotonic() - start
	ok(t < 0.6, "at once", f"{t:.3f} s")

# The client leaves without closing its end of the input.
with Session(command=STUBBORN, handshake=False, read=False) as s:
	s.send({"jsonrpc": "2.0", "id": 0, "method": "ping"})
	os.read(s.process.stdout.fileno(), 4096)
	pids = descendants(s.process.pid)
	s.process.stdout.close()
	s.send({"jsonrpc": "2.0", "id": 1, "method": "ping"})
	t = gone(pids, 5)
	ok(t is not None and t < 2, "a client that closes its end of the output ends the session", f"{t}")

# Half-closed: the answers still on their way arrive.
with Session(handshake=False) as s:
	for i in range(50):
		s.send({"jsonrpc": "2.0", "id": i, "method": "ping"})
	s.close_stdin()
	got = [s.line() for _ in range(50)]
	ok(None not in got, "answers to what was sent before end of input arrive", f"{got.count(None)} are missing")
	is_eq(s.line(), None, "and then end of file")
	is_eq(s.end(), 0, "and the server's status")

# What nobody waited for is told, once; a client that has its answers is told nothing.
with Session() as s:
	for i in range(2):
		s.send({"jsonrpc": "2.0", "id": i, "method": "tools/call", "params": {"name": "silent", "arguments": {}}})
	s.close_stdin()
	ok(s.wait_stderr(b"2 requests were not answered: the input ended"), "requests that the end of input has cut off are told", s.stderr)
	is_eq(s.stderr.count(b"not answered"), 1, "in one line")
with Session() as s:
	s.end()
	ok(b"not answered" not in s.stderr, "and none if there are none", s.stderr)

with Session() as s:
	m = s.call("close_stdout")
	ok(m is not None, "a server that closes its output answers before that")
	is_eq(s.line(3), None, "then the client gets end of file")
	ok(s.wait(3) is not None, "and the session ends")

with Session() as s:
	s.send({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "exit", "arguments": {"status": 3}}})
	m = s.reply(1)
	ok(m is not None, "a call during which the server ends is answered", repr(m))
	is_eq(s.wait(), 3, "and its status is the session's")

for arguments, wanted in (({"status": 0}, 0), ({"status": 41}, 41), ({"signal": 9}, 137), ({"signal": 11}, 139), ({"signal": 15}, 143)):
	with Session() as s:
		s.send({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "exit", "arguments": arguments}})
		is_eq(s.wait(), wanted, f"the server's end {arguments} is the status {wanted}")


def status_of(*argv):
	return subprocess.run([MCPCAGE, *argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
			      timeout=20, check=False)


for argv, wanted, name in (
	(["--audit", "off", "--", "/usr/bin/true"], 0, "true"),
	(["--audit", "off", "--", "/usr/bin/false"], 1, "false"),
	(["--audit", "off", "--", "/nonexistent/program"], 127, "a command that is not there"),
	(["--audit", "off", "--", "no-such-command-anywhere"], 127, "a command that is not in PATH"),
	(["--audit", "off", "--", "/etc/passwd"], 126, "a file that is no program"),
	(["--no-such-option", "--", "/usr/bin/true"], 125, "an option that does not exist"),
	(["--audit", "off", "--ro", "/nonexistent/folder", "--", "/usr/bin/true"], 125, "a grant that does not exist"),
	([], 125, "no command"),
):
	r = status_of(*argv)
	is_eq(r.returncode, wanted, f"{name}: exit status {wanted}")
	ok(r.stdout == b"" or wanted in (0, 1), f"{name}: nothing on standard output", repr(r.stdout))
	if wanted > 1:
		ok(r.stderr.startswith(b"mcpcage: ") or b"mcpcage" in r.stderr, f"{name}: a line that says why", repr(r.stderr))

# Two at once, and one straight after another: no lock, no leftover.
with Session() as a, Session() as b:
	ok(a.alive() and b.alive(), "two sessions at once work")
for _ in range(5):
	with Session() as s:
		ok(s.alive(), "a start straight after an end works")

# The probe of some clients: started, and dropped before it has said anything.
for _ in range(5):
	s = Session(handshake=False)
	time.sleep(0.02)
	pids = descendants(s.process.pid)
	s.process.kill()
	s.process.wait()
	ok(gone(pids, 1) is not None, "a start that is killed half-way leaves nothing", repr(still_there(pids)))
	s.close()

# Nothing comes from the working directory or the environment that the server should not see.
with Session(env={**os.environ, "SECRET_TOKEN": "s3cr3t", "LD_PRELOAD": "", "PYTHONSTARTUP": "/x"}) as s:
	seen = text_of(s.call("environ"))
	ok("s3cr3t" not in seen and "PYTHONSTARTUP" not in seen, "the client's environment does not enter", seen)
	ok('"HOME"' in seen and '"PATH"' in seen, "what a program needs is set", seen)

ok(os.path.exists(PYTHON), "the interpreter is where it was")
done_testing()

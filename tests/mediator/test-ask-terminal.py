#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Asking on the terminal: a whole word typed after the question, on a terminal that nobody else reads from; nothing else."""

import os
import pty
import select
import stat
import sys
import termios
import time
import tty

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness
from asking import Client, Folder
from harness import PYTHON, is_tool_error, require_mcpcage, text_of
from tap import done_testing, is_eq, ok

require_mcpcage()
PROGRAM = harness.MCPCAGE


class Terminal:
	"""A terminal that sessions started within have as their controlling one. BEHIND: another process group is in front."""

	def __init__(self, folder, behind=False):
		self.master, slave = pty.openpty()
		self.slave = slave
		path = folder.at("start")
		with open(path, "w") as f:
			f.write(f"""#!{PYTHON}
import os, sys, time
os.setsid()
tty = os.open({os.ttyname(slave)!r}, os.O_RDWR)
if {behind!r} and os.fork() == 0:
	os.setpgid(0, 0)
	import signal
	signal.signal(signal.SIGTTOU, signal.SIG_IGN)
	os.tcsetpgrp(tty, os.getpid())
	for fd in range(3):
		os.close(fd)
	time.sleep(8)
	os._exit(0)
if {behind!r}:
	time.sleep(0.3)
os.close(tty)
os.execv({PROGRAM!r}, [{PROGRAM!r}, *sys.argv[1:]])
""")
		os.chmod(path, stat.S_IRWXU)
		self.shown = b""
		harness.MCPCAGE = path

	def __enter__(self):
		return self

	def __exit__(self, *_):
		harness.MCPCAGE = PROGRAM
		os.close(self.master)
		os.close(self.slave)

	def wait(self, text, timeout=10):
		"""Until TEXT is shown; what is shown up to there is taken."""
		end = time.monotonic() + timeout
		while text not in self.shown and time.monotonic() < end:
			if select.select([self.master], [], [], 0.05)[0]:
				self.shown += os.read(self.master, 4096)
		before, found, self.shown = self.shown.partition(text)
		return before + found if found else None

	def type(self, text):
		os.write(self.master, text)


ASK = ["--ask-tool", "echo"]
PROMPT = b"always or no: "

with Folder() as d, Terminal(d) as t, Client(ASK) as s:
	i = s.begin("echo", {"text": "\u202e\u001b[2J"})
	shown = t.wait(PROMPT)
	ok(shown is not None, "the question is shown", t.shown)
	shown = shown or b""
	ok(b"puppet" in shown and b"echo" in shown and b"no network" in shown and b"tools.ask" in shown,
	   "with server, tool, reach and reason", shown)
	ok(b"\\u202e" in shown and b"\\u001b[2J" in shown and b"\x1b" not in shown, "and nothing that a terminal obeys", shown)
	is_eq(s.reached("echo"), 0, "nothing has reached the server")
	t.type(b"once\n")
	ok(not is_tool_error(s.reply(i)), "once")

	i = s.begin("echo")
	t.wait(PROMPT)
	t.type(b"yes\n")
	ok(t.wait(PROMPT), "a word that is none of the four is asked again")
	is_eq(s.reached("echo"), 1, "and allows nothing")
	t.type(b"no\n")
	ok(is_tool_error(s.reply(i)), "no")

	first, second = s.begin("echo", {"n": 1}), s.begin("echo", {"n": 2})
	ok(b'"n": 1' in (t.wait(PROMPT) or b""), "of two questions the first is shown")
	ok(t.wait(PROMPT, 0.3) is None, "alone")
	t.type(b"once\n")
	is_eq(text_of(s.reply(first)), '{"n": 1}', "then its call passes")
	ok(b'"n": 2' in (t.wait(PROMPT) or b""), "and the second is shown")
	t.type(b"session\n")
	is_eq(text_of(s.reply(second)), '{"n": 2}', "session")
	is_eq(text_of(s.call("echo", {"n": 3})), '{"n": 3}', "is for the session")
	is_eq({e["through"] for e in s.events("ask", 4)}, {"terminal"}, "the audit log has the road")

with Folder() as d, Terminal(d) as t, Client(ASK + d.policy(ask={"timeout": "1s"})) as s:
	t.type(b"once\nonce\n")
	time.sleep(0.1)
	m = s.call("echo")
	ok(is_tool_error(m) and "not answered in time" in text_of(m), "what was typed before the question is no answer", m)

with Folder() as d, Terminal(d) as t, Client(ASK + d.policy(ask={"timeout": "2s"})) as s:
	tty.setraw(t.slave)
	t.type(b"once\r\n")
	m = s.call("echo")
	ok(is_tool_error(m) and "cannot be asked" in text_of(m), "a terminal that a program reads key by key is not asked on", m)
	ok(t.wait(PROMPT, 0.1) is None, "nor written to")
	mode = termios.tcgetattr(t.slave)
	mode[3] |= termios.ICANON
	termios.tcsetattr(t.slave, termios.TCSANOW, mode)
	ok("cannot be asked" in text_of(s.call("echo")), "nor one that does not show what is typed, as for a password")

with Folder() as d, Terminal(d, behind=True) as t, Client(ASK + d.policy(ask={"timeout": "2s"})) as s:
	t.type(b"once\n")
	m = s.call("echo")
	ok(is_tool_error(m) and "cannot be asked" in text_of(m), "one that has another job in front is not asked on", m)

done_testing()

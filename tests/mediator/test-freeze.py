#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Frozen between calls (--freeze-idle): no process of the server runs while nobody asks, and the next message finds it awake.

By the control group or by signals, whichever there is here; tests/vm has both. What is counted are the server's own ticks, and
that they stand still: how soon is left open, for busy machines."""

import os
import shutil
import signal
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import PYTHON, Session, descendants, require_mcpcage, still_there, text_of
from tap import done_testing, is_eq, ok

require_mcpcage()
HERE = os.path.dirname(os.path.abspath(__file__))
work = tempfile.mkdtemp(prefix="mcpcage-freeze-")
PATIENCE = 20


def ticks(name="server"):
	"""A file that is written in place may be read between two digits' writing; then it is read again."""
	while True:
		try:
			with open(os.path.join(work, name), encoding="ascii") as f:
				return int(f.read())
		except (OSError, ValueError):
			time.sleep(0.01)


def stands_still(name="server", span=0.6):
	before = ticks(name)
	time.sleep(span)
	return ticks(name) == before


def until(test, patience=PATIENCE):
	end = time.monotonic() + patience
	while not test():
		if time.monotonic() > end:
			return False
		time.sleep(0.05)
	return True


def session(*options):
	for name in ("server", "daemon"):
		if os.path.exists(os.path.join(work, name)):
			os.unlink(os.path.join(work, name))
	# The script is granted as what it is told to run, its folder by --rw.
	return Session([*options, "--rw", work], [PYTHON, os.path.join(HERE, "ticker.py"), work])


def asleep():
	return stands_still("server") and stands_still("daemon")


with session() as s:
	ok(until(lambda: ticks() > 5), "control: it counts")
	time.sleep(1.5)
	ok(not stands_still() and not stands_still("daemon"), "control: without the option it never stops")

with session("--freeze-idle", "300ms") as s:
	ok(until(asleep), "nobody asks: the server and its daemon stand still")
	ok(stands_still(span=1.5), "and stay so")
	before = ticks()
	is_eq(text_of(s.call("sleep", {"seconds": 0.2})), "done", "a call finds it awake")
	ok(until(lambda: ticks() > before), "it went on counting")
	ok(until(asleep), "and it stands still again")
	before = ticks()
	is_eq(text_of(s.call("sleep", {"seconds": 2})), "done", "a call that takes longer than the grace time comes to its end")
	ok(ticks() - before > 20, "it was awake all the while", str(ticks() - before))
	ok(until(asleep), "and then no more")
	for i in range(5):
		time.sleep(0.35)
		if text_of(s.call("sleep", {"seconds": 0})) != "done":
			break
	is_eq(i, 4, "calls that come about when it falls asleep are all answered")
	s.call("chat")
	ok(until(asleep), "what it says of its own accord does not keep it awake")
	s.send({"jsonrpc": "2.0", "method": "notifications/roots/list_changed"})
	pids = descendants(s.process.pid)
	ok(until(asleep), "asleep")
	start = time.monotonic()
	is_eq(s.end(), 0, "the end of the input wakes it, and it ends as it wants to")
	ok(until(lambda: not still_there(pids), 3), "nothing of it is left", repr(still_there(pids)))
	ok(time.monotonic() - start < 3, "within the usual time", str(time.monotonic() - start))
	audit = s.audit()
	usage = next(e["usage"] for e in audit if e["event"] == "end")
	ok(usage.get("frozen_times", 0) >= 4 and usage.get("frozen_ms", 0) >= 2000, "the audit log says how often and how long", repr(usage))
	ok(usage.get("frozen_by") in ("cgroup", "signals"), "and by what")
	ok(any(e["event"] == "frozen" for e in audit), "and when it was first")

for name, number, status in (("SIGTERM", signal.SIGTERM, None), ("SIGKILL", signal.SIGKILL, -signal.SIGKILL)):
	with session("--freeze-idle", "300ms") as s:
		ok(until(asleep), f"{name}: asleep")
		pids = descendants(s.process.pid)
		s.process.send_signal(number)
		got = s.wait(5)
		ok(got is not None and (status is None or got == status), f"{name}: mcpcage ends ({got})")
		ok(until(lambda: not still_there(pids), 3), f"{name}: and takes the frozen cage along", repr(still_there(pids)))

with session("--freeze-idle", "300ms", "--session-timeout", "3s") as s:
	ok(until(asleep), "asleep before its time is over")
	ok(s.wait(10) is not None, "the session's time ends it all the same")

with session("--freeze-idle", "300ms", "--idle-timeout", "2s") as s:
	ok(s.wait(10) is not None, "so does the time without messages")

shutil.rmtree(work, ignore_errors=True)
done_testing()

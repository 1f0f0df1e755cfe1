#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Nobody's slowness fills memory: a slow reader slows the writer, in each direction."""

import json
import os
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import MCPCAGE, Session, descendants, memory_of, require_mcpcage
from tap import diag, done_testing, is_eq, ok

require_mcpcage()

MiB = 1 << 20
BOUND = 24 * MiB


def ours(s):
	"""mcpcage's own processes: those whose executable is not the server's."""
	exe = os.path.realpath(MCPCAGE)
	pids = []
	for pid in [s.process.pid, *descendants(s.process.pid)]:
		try:
			if os.path.realpath(os.readlink(f"/proc/{pid}/exe")).removesuffix(" (deleted)") == exe:
				pids.append(pid)
		except OSError:
			# not dumpable: only our own processes are, the puppet is a plain one
			pids.append(pid)
	return pids


def watch(s, seconds):
	"""The largest memory seen within SECONDS."""
	end, peak = time.monotonic() + seconds, 0
	while time.monotonic() < end:
		peak = max(peak, memory_of(ours(s)))
		time.sleep(0.05)
	return peak


# The client does not read while the server sends 100 MiB of messages.
with Session(["--call-timeout", "none"], handshake=False, read=False) as s:
	note = b'{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"' + b"d" * 4000 + b'"}}\n'
	count = -(-100 * MiB // (len(note) * max(1, 65536 // len(note)))) * max(1, 65536 // len(note))
	s.send({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
		"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}})
	import base64
	s.list_unread()
	s.send({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "flood", "arguments": {
		"fd": 1, "bytes": 100 * MiB, "line": base64.b64encode(note).decode()}}})
	peak = watch(s, 1.5)
	ok(peak < BOUND, "a client that does not read 100 MiB costs no memory", f"{peak >> 10} KiB")
	ok(s.process.poll() is None, "the session waits for it")
	s.start_reading()
	got = 0
	while True:
		line = s.line()
		if line is None or b'"id":2,' in line.replace(b'"id": 2', b'"id":2,'):
			break
		got += line + b"\n" == note
	is_eq(got, count, "once it reads, it gets every message")
	ok(s.alive(), "and the session works on")

# The client does not read big answers, and asks for more.
with Session(handshake=False, read=False) as s:
	s.list_unread()
	for i in range(20):
		s.send({"jsonrpc": "2.0", "id": i, "method": "tools/call", "params": {"name": "big", "arguments": {"bytes": 5 * MiB}}})
	peak = watch(s, 1.5)
	ok(peak < BOUND, "20 answers of 5 MiB that nobody reads are not collected", f"{peak >> 10} KiB")
	s.start_reading()
	s.line()  # the list
	sizes = [len(s.line(60)) for _ in range(20)]
	ok(min(sizes) > 5 * MiB, "and all arrive in the end", repr(sizes))

# The server does not read while the client sends.
with Session(["--call-timeout", "none"]) as s:
	s.send({"jsonrpc": "2.0", "id": "s", "method": "tools/call", "params": {"name": "sleep", "arguments": {"ms": 2500}}})
	line = json.dumps({"jsonrpc": "2.0", "method": "notifications/initialized", "params": {
		"_meta": {"example.org/filler": "m" * 4000}}}).encode() + b"\n"
	written = 0

	def push():
		global written
		for _ in range(40 * MiB // len(line)):
			s.write(line)
			written += len(line)

	pusher = threading.Thread(target=push, daemon=True)
	pusher.start()
	peak = watch(s, 1.2)
	ok(peak < BOUND, "a server that does not read costs no memory", f"{peak >> 10} KiB")
	ok(written < 16 * MiB, "its client is slowed", f"{written} bytes written")
	ok(s.reply("s", 30) is not None, "once it reads, it answers")
	pusher.join(60)
	if not ok(not pusher.is_alive() and s.wait(0) is None, "and gets the rest"):
		diag(f"status {s.wait(0)}, {written} bytes written, standard error: {s.stderr!r}, log: {s.audit()[-3:]}")
	ok(s.alive(), "and the session works on")
	is_eq(s.seen_sizes().count(len(line) - 1), 40 * MiB // len(line), "every message of it")

# Refusals that nobody reads.
with Session(handshake=False, read=False) as s:
	bad = b"".join(b'{"jsonrpc":"2.0","id":%d,"method":"ping","method":"ping"}\n' % i for i in range(1000))
	stop = threading.Event()

	def push_bad():
		while not stop.is_set():
			try:
				s.write(bad)
			except (OSError, ValueError):
				return

	pusher = threading.Thread(target=push_bad, daemon=True)
	pusher.start()
	peak = watch(s, 1.5)
	ok(peak < BOUND, "nor do the answers to a client that sends refused lines and reads nothing", f"{peak >> 10} KiB")
	stop.set()
	s.process.kill()

# Requests without end that the server never answers.
with Session(["--call-timeout", "none"]) as s:
	requests = b"".join(b'{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"silent"}}\n' % i
			    for i in range(2000, 22000))
	s.write(requests)
	s.send({"jsonrpc": "2.0", "id": "after", "method": "ping"})
	refused = 0
	while True:
		m = json.loads(s.line())
		if m["id"] == "after":
			break
		refused += "error" in m
	ok(10000 < refused < 20000, "20 000 requests that wait do not all wait: the rest is refused", f"{refused} refused")
	ok("error" in m or "result" in m, "every one of those has its answer")
	used = memory_of(ours(s))
	ok(used < BOUND, "their memory is bounded", f"{used >> 10} KiB")

done_testing()

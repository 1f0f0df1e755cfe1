#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""`make bench`: what connections by name cost, beside the loopback itself and what else gives a namespace a network as a user.

One server, on an address of a machine that is only this test's (tests/network/world.py); one client of it outside any cage, one
in a cage with --allow-host, and one each in namespaces that slirp4netns and pasta serve. All are there at the same time and are
measured in turns; what is compared are medians. Prints a table and writes the numbers as JSON. It fails when a goal is missed,
but no test calls it.
"""

import argparse
import contextlib
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--programs", default="tests/bench", help="folder of the programs that were built for this")
parser.add_argument("--json", default="bench-network.json")
parser.add_argument("--quick", action="store_true", help="a tenth of the rounds, to see that it works")
options = parser.parse_args()

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "network"))
from world import World  # first: it knows where the others are
import harness
import internet

NAME, ADDRESS, PORT, CONTROL = "bench.good.example", "45.60.71.80", 9000, 9001
MiB = 1 << 20
ROUNDS = 3 if options.quick else 9
PEER, CLIENT, STAMP = (os.path.join(os.path.abspath(options.programs), p) for p in ("net-peer", "bench-client", "stamp"))

rows, numbers = [], {}
world = World(user_namespace=True)
world.zone.set(NAME, a=[ADDRESS])
world.ip(f"address add {ADDRESS}/32 dev lo")
undo = contextlib.ExitStack()
PEER = shutil.copy(PEER, world.folder)  # where a cage has it at the same path
HTTPS = shutil.copy(os.path.join(os.path.dirname(os.path.abspath(__file__)), "net-https.py"), world.folder)


class Gone(Exception):
	"""A client has ended: what it is measured in gave up its connection."""


def peer(who, host):
	return [PEER, "client", who, host, str(PORT), str(CONTROL)]


def https(who, host):
	return [harness.PYTHON, HTTPS, who, host, NAME, world.ca, str(CONTROL)]


class Client:
	"""A client somewhere, and its line to us: CAGE is what it is started with, PROGRAM one of the two above."""

	def __init__(self, who, cage, program, host=ADDRESS):
		self.who, self.failed = who, None
		self.err = open(os.path.join(world.folder, f"{who}.err"), "ab")
		self.process = subprocess.Popen([*cage, *program(who, host)], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
						stderr=self.err)
		undo.callback(self.end)
		control.settimeout(20)
		try:
			connection = control.accept()[0]
			connection.settimeout(300)
			self.line = connection.makefile("rw")
			if self.line.readline().strip() != who:
				raise OSError("somebody else")
		except OSError as e:
			self.failed = f"{who}: {e}: {self.said()}"

	def said(self):
		with open(self.err.name, encoding="utf-8", errors="replace") as f:
			return f.read()[-800:].strip()

	def do(self, order, n=0):
		"""Seconds."""
		self.line.write(f"{order} {n}\n")
		self.line.flush()
		answer = self.line.readline()
		if not answer:
			raise Gone(f"{self.who} is gone: {self.said()}")
		return int(answer) / 1e9

	def end(self):
		# What pasta has started does not end with it.
		for pid in [self.process.pid, *harness.descendants(self.process.pid)]:
			with contextlib.suppress(OSError):
				os.kill(pid, signal.SIGKILL)
		self.process.wait()


def row(key, what, value, unit, goal, columns, at_least=False):
	good = value >= goal if at_least else value <= goal
	rows.append(("✓" if good else "✗", what, *columns, f"{value:.3g}{unit}", f"{'≥' if at_least else '≤'} {goal:g}"))
	numbers[key] = {"value": value, "goal": goal, "met": good, "medians": columns}


def namespace():
	"""A process in a network namespace of its own, for somebody to serve."""
	p = subprocess.Popen(["unshare", "--user", "--map-root-user", "--net", "--kill-child", "sh", "-c", "echo; exec sleep 600"],
			     stdout=subprocess.PIPE)
	undo.callback(p.kill)
	p.stdout.readline()
	return p.pid


def by_mcpcage():
	return [harness.MCPCAGE, "--state", world.folder, "--allow-host", f"{NAME}:80,443,{PORT},{CONTROL}", "--ro", world.folder, "--"]


def by_slirp4netns():
	if not shutil.which("slirp4netns"):
		return "slirp4netns is not installed"
	pid = namespace()
	r, w = os.pipe()
	p = subprocess.Popen(["slirp4netns", "--configure", "--mtu=65520", f"--ready-fd={w}", str(pid), "tap0"], pass_fds=(w,),
			     stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
	undo.callback(p.kill)
	os.close(w)
	if not os.read(r, 1):
		return f"slirp4netns: {p.stderr.read().decode().strip()[-300:]}"
	return ["nsenter", "--preserve-credentials", "--user", "--net", f"--target={pid}"]


def by_pasta():
	if not shutil.which("pasta"):
		return "pasta is not installed"
	return ["pasta", "--quiet", "--config-net", "-t", "none", "-u", "none", "-T", "none", "-U", "none", "--"]


def everybody(program):
	"""Clients of PROGRAM, ours and the direct one first; who cannot be had is told."""
	clients = []
	for who, cage in {"mcpcage": by_mcpcage(), "direct": [], "slirp4netns": by_slirp4netns(), "pasta": by_pasta()}.items():
		c = None if isinstance(cage, str) else Client(who, cage, program, NAME if who == "mcpcage" else ADDRESS)
		if c and not c.failed:
			clients.append(c)
			continue
		print(f"bench: left out: {c.failed if c else cage}", file=sys.stderr)
		if who in ("mcpcage", "direct"):
			sys.exit(1)
	return clients


def each(clients, measure, rounds=ROUNDS):
	"""The medians of what MEASURE(client) says, in turns, each with another one first: nobody always comes after the same one. Of
	those beside ours, one that fails is left out from then on."""
	samples = {c.who: [] for c in clients}
	for turn in range(rounds):
		first = turn % len(clients)
		for c in clients[first:] + clients[:first]:
			try:
				samples[c.who].append(measure(c))
			except Gone as e:
				if c.who in ("mcpcage", "direct"):
					sys.exit(f"bench: {e}")
				print(f"bench: left out from here on: {e}", file=sys.stderr)
				clients.remove(c)
	return {who: statistics.median(values) for who, values in samples.items() if values}


def columns_of(medians, show):
	return tuple(show(medians[who]) if who in medians else "-" for who in ("mcpcage", "direct", "slirp4netns", "pasta"))


def throughput(clients):
	# The same for all, as a transfer starts slower than it goes on; and many that are short, since from one to the next the speed of
	# each, and of pasta most of all, may differ by more than any two of them do.
	size = (32 if options.quick else 128) * MiB
	rounds = ROUNDS if options.quick else 25
	for order, what in (("down", "throughput, to the server in the cage"), ("up", "throughput, from it")):
		speed = each(clients, lambda c, order=order: size / c.do(order, size) / MiB, rounds)
		columns = columns_of(speed, lambda v: f"{v:.0f} MiB/s")
		row(order, what + ", against direct", speed["mcpcage"] / speed["direct"], " x", 0.5, columns, at_least=True)
		for other in ("slirp4netns", "pasta"):
			if other in speed:
				row(f"{order}_{other}", f"{what}, against {other}", speed["mcpcage"] / speed[other], " x", 1, columns, at_least=True)


def latency(clients, tls_clients):
	n = 50 if options.quick else 300
	t = each(clients, lambda c: c.do("connect", n))
	row("connect", "a new connection, to its first answer, more than direct", (t["mcpcage"] - t["direct"]) * 1e3, " ms", 1,
	    columns_of(t, lambda v: f"{v * 1e6:.0f} µs"))
	t = each(tls_clients, lambda c: c.do("https", n))
	row("request", "an HTTPS request on a kept connection, against direct", t["mcpcage"] / t["direct"], " x", 1.3,
	    columns_of(t, lambda v: f"{v * 1e6:.0f} µs"))
	# Two more changes of process there and two back are more than these take at all: to be seen, without a goal.
	for order, what in (("request", "the same without TLS, by a client that does nothing else"),
			    ("echo", "64 bytes there and back")):
		t = each(clients, lambda c, order=order: c.do(order, n))
		columns = columns_of(t, lambda v: f"{v * 1e6:.0f} µs")
		rows.append((" ", what, *columns, f"{(t['mcpcage'] - t['direct']) * 1e6:.0f} µs more", ""))
		numbers["plain_" + order] = {"value": t["mcpcage"] - t["direct"], "goal": None, "met": True, "medians": columns}


def start_up():
	cage = [harness.MCPCAGE, "--state", world.folder]
	argv = [CLIENT, "start", "20" if options.quick else "300"]
	for command in ([*cage, "--allow-host", f"{NAME}:443"], cage):
		argv += [":::", *command, "--", STAMP]
	done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
	if done.returncode:
		sys.exit(f"bench: bench-client: {done.stderr.decode()[-1000:]}")
	with_names, without = [statistics.median(int(x) for x in line.split()) / 1e6 for line in done.stdout.decode().splitlines()]
	row("start", "start, with a name allowed, more than without", with_names - without, " ms", 1,
	    (f"{with_names:.2f} ms", f"{without:.2f} ms", "-", "-"))


def memory(client):
	pids = []
	for pid in harness.descendants(client.process.pid):
		with contextlib.suppress(OSError), open(f"/proc/{pid}/comm", encoding="ascii") as f:
			if "egress" in f.read():
				pids.append(pid)
	before = harness.memory_of(pids)
	count = 100 if options.quick else 900
	client.do("hold", count)
	after = harness.memory_of(pids)
	client.do("drop")
	if not before:
		print("bench: memory is left out: only root can look into the confined processes", file=sys.stderr)
		return
	row("memory", f"memory of a connection, of {count}", (after - before) / count / 1024, " KiB", 16,
	    (f"{after / MiB:.2f} MiB", f"{before / MiB:.2f} MiB without", "-", "-"))


def main():
	server = subprocess.Popen([PEER, "serve", ADDRESS, str(PORT)])
	undo.callback(server.kill)
	internet.Services(world.chain, False, host=ADDRESS).begin_on(80, 443)
	clients = everybody(peer)
	throughput(clients)
	latency(clients, everybody(https))
	memory(clients[0])
	start_up()
	head = ("", "what", "mcpcage", "direct", "slirp4netns", "pasta", "result", "wanted")
	widths = [max(len(r[i]) for r in [head, *rows]) for i in range(len(head))]
	for r in [head, *rows]:
		print("  ".join(text.ljust(w) for text, w in zip(r, widths)).rstrip())
	with open(options.json, "w", encoding="utf-8") as f:
		json.dump({"machine": {"kernel": os.uname().release, "arch": os.uname().machine, "processors": os.cpu_count(),
				       "root": os.geteuid() == 0}, "results": numbers}, f, indent="\t")
		f.write("\n")
	print(f"written to {options.json}")
	return 0 if all(n["met"] for n in numbers.values()) else 1


control = socket.create_server((ADDRESS, CONTROL))
signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
with undo:
	status = main()
sys.exit(status)

#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Connections by name: what two ends of TCP can do to each other, many at once, a lot of it, and their limits.

First without a cage, which is the control, then by name.
"""

import hashlib
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import GOOD, PUBLIC, World  # first: it knows where the others are
from harness import memory_of
from tap import diag, done_testing, is_eq, ok
from internet import BLOCK

MiB = 1 << 20
V4, V6 = "v4.good.example", "v6.good.example"
ALLOW = ["--allow-host", "*.good.example:7,22,80,443,4444,9000"]
world = World()


def sum_of(size):
	digest = hashlib.sha256()
	for _ in range(size // len(BLOCK)):
		digest.update(BLOCK)
	digest.update(BLOCK[:size % len(BLOCK)])
	return digest.hexdigest()


def ends(s, what):
	"""How connections begin and end, seen from both sides."""
	got = s.act("tcp", host=V4, port=22, read=5)
	ok(got.get("got", "").startswith(b"SSH-2.0".hex()), f"{what}: a server that speaks first", got)
	got = s.act("tcp", host=V4, port=9000, send=b"count\nabc".hex(), end=True, read=-1)
	good = bytes.fromhex(got.get("got", "")).startswith(b"3 ba7816bf") and got["how"] == "end"
	ok(good, f"{what}: our end first, then an answer", got)
	number = s.act("open", host=V4, port=9000, send=b"late\n".hex(), read=5)["number"]
	got = s.act("kept", number=number, read=-1)
	is_eq(got.get("how"), "end", f"{what}: the server's end first")
	s.act("kept", number=number, send=b"and more".hex())
	s.act("kept", number=number, end=True, close=True)
	entry = world.internet.connections[-1]
	ok(s.until(lambda: entry["first"].endswith(b"and more")), f"{what}: and what is sent after it arrives", entry)
	got = s.act("tcp", host=V4, port=9000, send=b"reset 100\nx".hex(), read=-1)
	ok(got.get("how") == "ECONNRESET", f"{what}: the server resets", got)
	before = world.internet.open
	s.act("reset", host=V4, port=9000, send=b"hold\n".hex())
	ok(s.until(lambda: world.internet.open <= before), f"{what}: we reset, and the server's side is over", world.internet.open)
	number = s.act("open", host=V4, port=9000, send=b"hold\n".hex(), read=5)["number"]
	ok(s.until(lambda: world.internet.open == before + 1), f"{what}: a connection that is held")
	s.act("kept", number=number, close=True)
	ok(s.until(lambda: world.internet.open == before), f"{what}: closed, the server's side is over")
	got = s.act("get", url=f"https://{V4}/who", ca=world.ca, count=50)
	is_eq(got.get("status"), 200, f"{what}: 50 requests over one connection of TLS")


def bulk(s, what, size):
	for name in (V4, V6):
		got = s.act("download", host=name, port=9000, size=size, patience=150)
		is_eq((got.get("size"), got.get("sha256")), (size, sum_of(size)), f"{what}: {size // MiB} MiB down by {name[:2]}")
		got = s.act("upload", host=name, port=9000, size=size, patience=150)
		is_eq(got.get("answer"), got.get("wanted", "it failed"), f"{what}: {size // MiB} MiB up by {name[:2]}")


def slow(s, what):
	"""Who reads slowly slows the writer; nothing is kept in memory, and nothing is lost."""
	got = s.act("download", host=V4, port=9000, size=24 * MiB, pause=0.05, patience=60)
	is_eq((got.get("size"), got.get("sha256")), (24 * MiB, sum_of(24 * MiB)), f"{what}: a slow reader gets everything")
	limit = 256 * MiB
	got = s.act("stuff", host=V4, port=9000, order="slow 6", limit=limit, timeout=2, patience=60)
	ok(0 < got.get("sent", 0) < limit // 2, f"{what}: a server that reads nothing stops the writer", got)
	diag(f"{what}: {got.get('sent', 0) // 1024} KiB were taken for a server that reads nothing")
	s.act("kept", number=got["number"], close=True)


def crowd(s, what, count):
	with world.more_files():
		got = s.act("many", host=V4, port=7, count=count, rounds=2, patience=120)
	is_eq(got.get("good"), count, f"{what}: {count} connections, all open at once")
	if got.get("good") != count:
		diag(got)


with world.bare() as bare:
	ends(bare, "bare")
	bulk(bare, "bare", 4 * MiB)
	slow(bare, "bare")
	crowd(bare, "bare", 1000)

with world.session(ALLOW) as s:
	ends(s, "by name")
	bulk(s, "by name", 48 * MiB)
	slow(s, "by name")
	exact = {"received": 24 * MiB, "end": "closed"}
	ok(s.until(lambda: s.records(event="connection", **exact)), "by name: what a slow reader got is counted to the byte")
	crowd(s, "by name", 1000)
	is_eq(world.internet.connections[-1]["address"], PUBLIC, "by name: they came to the address that the name has")
	ok(s.until(lambda: world.internet.open == 0), "by name: all of them are over outside", world.internet.open)
	got = s.act("flood", host=V4, port=80, count=3000, hold=False, patience=120)
	is_eq(got, {"made": 3000, "error": None}, "by name: 3,000 connections one after the other")
	got = s.act("get", url=f"http://{V4}/", patience=60)
	is_eq(got.get("status"), 200, "by name: and the next one works")

# ---- what is not there ----------------------------------------------------------------------------------------------------

world.zone.set("gone.good.example", rcode=3)
world.zone.set("broken.good.example", rcode=2)
world.zone.set("silent.good.example", drop=True)
world.zone.set("empty.good.example")
world.zone.set("half.good.example", a=[PUBLIC], aaaa=["2a01:db7:dead::1"])
world.zone.set("dead.good.example", a=["45.60.99.1"])

with world.session(ALLOW) as s:
	for name in ("gone", "broken", "empty"):
		start = time.monotonic()
		got = s.act("tcp", host=f"{name}.good.example", port=80, send=b"GET / HTTP/1.0\r\n\r\n".hex(), read=10, timeout=30,
			    patience=40)
		ok(got.get("error") or got.get("how") in ("ECONNRESET", "end") and not got.get("size"), f"{name}: the connection fails", got)
		ok(time.monotonic() - start < 20, f"{name}: and soon")
	got = s.act("tcp", host="v4.good.example", port=4444, send="00", read=1)
	how = got.get("error", got.get("how"))
	ok(how in ("ECONNREFUSED", "ECONNRESET"), "nobody listens there: refused or reset", got)
	start = time.monotonic()
	got = s.act("get", url="http://half.good.example/", timeout=15)
	is_eq(got.get("status"), 200, "IPv6 leads nowhere: IPv4 is tried meanwhile")
	ok(time.monotonic() - start < 8, "and nobody waits long for it", time.monotonic() - start)
	number = s.act("open", host="dead.good.example", port=80, send="00")
	got = s.act("get", url=f"http://{V4}/")
	is_eq(got.get("status"), 200, "a connection that leads nowhere keeps no other from working")
	s.act("tcp", host="silent.good.example", port=80, send="00", read=1, timeout=1)
	got = s.act("get", url=f"http://{V4}/")
	is_eq(got.get("status"), 200, "nor does a name server that says nothing")

# ---- limits ---------------------------------------------------------------------------------------------------------------


def limited(**keys):
	return ["--policy", world.write("limits.json", '{"network": {%s}}' % ", ".join(f'"{k}": {v}' for k, v in keys.items())), *ALLOW]


with world.session(limited(connections=20)) as s:
	got = s.act("flood", host=V4, port=9000, count=20, send=b"hold\n".hex())
	is_eq(got.get("made"), 20, "as many connections as allowed")
	got = s.act("get", url=f"http://{V4}/")
	is_eq(got.get("status"), 200, "that are over count no more")
	held = [s.act("open", host=V4, port=9000, send=b"hold\n".hex(), read=5)["number"] for _ in range(20)]
	number = s.act("open", host=V4, port=9000, send=b"hold\n".hex())["number"]
	is_eq(s.act("kept", number=number, read=1, timeout=1).get("how"), "silence", "one more waits")
	s.act("kept", number=held[0], close=True)
	is_eq(s.act("kept", number=number, read=5).get("got"), b"held\n".hex(), "until another ends")

with world.session(limited(connections_total=5)) as s:
	results = [s.act("get", url=f"http://{V4}/").get("status") for _ in range(7)]
	is_eq(results, [200] * 5 + [None] * 2, "as many connections in a session as allowed, and no more")

with world.session(limited(connection_bytes='"1MiB"')) as s:
	got = s.act("download", host=V4, port=9000, size=3 * MiB)
	ok(got.get("error") == "ECONNRESET" or 0 < got.get("size", 0) <= MiB + 65536, "a connection that carries too much is cut", got)
	is_eq(s.act("get", url=f"http://{V4}/").get("status"), 200, "and the next one is not")

with world.session(limited(session_bytes='"1MiB"')) as s:
	is_eq(s.act("get", url=f"http://{V4}/bytes/500000").get("size"), 500000, "a session below its limit of bytes")
	got = s.act("download", host=V4, port=9000, size=3 * MiB)
	ok(got.get("error") == "ECONNRESET" or 0 < got.get("size", 0) <= MiB + 65536, "its connections are cut at the limit", got)
	ok(s.act("get", url=f"http://{V4}/").get("status") != 200, "and there are no more")

with world.session(limited(idle_timeout='"1s"')) as s:
	number = s.act("open", host=V4, port=9000, send=b"echo\n".hex())["number"]
	for i in range(4):
		time.sleep(0.4)
		got = s.act("kept", number=number, send=b"x".hex(), read=1)
	is_eq(got.get("got"), b"x".hex(), "a connection that is used stays")
	got = s.act("kept", number=number, read=1, timeout=8)
	ok(got.get("how") in ("end", "ECONNRESET"), "one that is silent is cut", got)

# ---- memory ---------------------------------------------------------------------------------------------------------------

if os.geteuid() == 0:
	with world.session(ALLOW) as s:
		s.act("get", url=f"http://{V4}/")
		before = memory_of(s.egress())
		ok(before > 0, "the process of the network is found, and can be looked at", s.egress())
		got = s.act("stuff", host=V4, port=9000, order="slow 6", limit=256 * MiB, timeout=2, patience=60)
		after = memory_of(s.egress())
		ok(after - before < MiB, "nothing of what waits is in its memory", f"{before} {after}")

is_eq(GOOD in [n for n, _, _ in world.zone.log], False, "no name was asked for that nobody wanted")
done_testing()

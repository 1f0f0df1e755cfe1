#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The world of these tests itself, and what a cage without a network is in it: every control of the other files, at once."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import (  # first: it knows where the others are
	GOOD, LAN, LAN6, LAN_FAR, MACHINE, METADATA, OTHER, PUBLIC, PUBLIC6, RESOLVER, World)
import wire
from tap import done_testing, is_eq, ok

world = World()


def reaches(s, what):
	"""Everything there is in this world, by the puppet S."""
	is_eq(s.act("resolve", name="v4.good.example").get("addresses"), [PUBLIC], f"{what}: a name is resolved")
	is_eq(s.act("resolve", name="v6.good.example").get("addresses"), [PUBLIC6], f"{what}: a name that has only IPv6")
	is_eq(s.act("resolve", name="nothing.example").get("error"), "EAI_NONAME", f"{what}: a name that is not there")
	is_eq(s.act("resolve", name="printer.good.example").get("addresses"), [LAN], f"{what}: a name of the machine's hosts file")
	for scheme in ("http", "https"):
		for name in ("v4.good.example", "v6.good.example"):
			got = s.act("get", url=f"{scheme}://{name}/", ca=world.ca)
			is_eq(got.get("body"), "hello from the internet\n", f"{what}: {scheme} by {name[:2]}")
	is_eq(world.internet.connections[-1]["sni"], "v6.good.example", "the server has seen the name")
	is_eq(s.act("get", url="https://v4.good.example/", ca="/etc/passwd").get("error"), "TLS", f"{what}: another CA is refused")
	for host in (PUBLIC, OTHER, LAN, LAN6, LAN_FAR, METADATA, "127.0.0.1", "::1", MACHINE):
		got = s.act("tcp", host=host, port=80, send=b"GET / HTTP/1.0\r\n\r\n".hex(), read=15)
		is_eq(bytes.fromhex(got.get("got", ""))[:15], b"HTTP/1.1 200 OK", f"{what}: {host}", )
	ok(world.internet.to(METADATA, 80) and world.internet.to(LAN_FAR), "the internet knows who was meant")
	ok(world.locals[0].to("127.0.0.1", 80), "the machine knows it, too")
	is_eq(s.act("udp", host=PUBLIC, port=7, send="616263").get("got"), "616263", f"{what}: UDP")
	ok(s.act("dns", message=wire.question(GOOD).hex(), server=RESOLVER, tcp=True).get("answer"), f"{what}: DNS over TCP")
	got = s.act("tcp", host=PUBLIC, port=22, read=5).get("got", "")
	ok(got.startswith(b"SSH-2".hex()), f"{what}: a server that speaks first")
	got = s.act("tcp", host=PUBLIC, port=9000, send=b"count\nabc".hex(), end=True, read=-1)
	ok(bytes.fromhex(got.get("got", "")).startswith(b"3 ba7816bf"), f"{what}: a connection closed on one side", got)
	is_eq(s.act("tcp", host=PUBLIC, port=9000, send=b"reset 10\nx".hex(), read=-1).get("how"), "ECONNRESET", f"{what}: a reset")
	is_eq(s.act("tcp", host=PUBLIC, port=4444).get("error"), "ECONNREFUSED", f"{what}: nobody listens")
	got = s.act("many", host="v4.good.example", port=7, count=200, patience=60)
	is_eq(got.get("good"), 200, f"{what}: 200 connections at once")


def scripted(s):
	"""What the name server can be told."""
	world.zone.set("turns.example", a=[[PUBLIC], [LAN]])
	is_eq([s.act("resolve", name="turns.example", family=2).get("addresses") for _ in range(3)], [[PUBLIC], [LAN], [LAN]],
	      "the name server: another answer each time")
	world.zone.set("alias.example", cname="lan.example")
	is_eq(s.act("resolve", name="alias.example").get("addresses"), [LAN], "the name server: a second name")
	many = [f"45.60.70.{i}" for i in range(1, 251)]
	world.zone.set("many.example", a=many)
	is_eq(sorted(s.act("resolve", name="many.example", family=2).get("addresses", [])), sorted(many),
	      "the name server: more answers than fit a datagram")
	ok(("many.example", wire.A, True) in world.zone.log, "the name server: they were asked for over TCP")
	world.zone.set("short.example", a=[PUBLIC], truncate=True)
	is_eq(s.act("resolve", name="short.example", family=2).get("addresses"), [PUBLIC], "the name server: a truncated answer")
	world.zone.set("fail.example", rcode=wire.SERVFAIL)
	is_eq(s.act("resolve", name="fail.example").get("error"), "EAI_AGAIN", "the name server: a failure")
	world.zone.set("slow.example", a=[PUBLIC], delay=0.5)
	is_eq(s.act("resolve", name="slow.example", family=2).get("addresses"), [PUBLIC], "the name server: it takes its time")


with world.bare() as bare:
	reaches(bare, "bare")
	scripted(bare)

with world.session(["--network", "host"]) as s:
	reaches(s, "--network host")

with world.session() as s:
	before = len(world.internet.connections), len(world.zone.log), len(world.internet.datagrams)
	ok(s.act("resolve", name=GOOD).get("error"), "no network: no name is resolved")
	for host in (PUBLIC, PUBLIC6, LAN, METADATA, MACHINE):
		ok(s.act("tcp", host=host, port=80).get("error") in ("ENETUNREACH", "ECONNREFUSED"), f"no network: not {host}")
	ok(s.act("udp", host=PUBLIC, port=7).get("error"), "no network: no UDP")
	ok(s.act("dns", message=wire.question(GOOD).hex(), server=RESOLVER).get("error"), "no network: no DNS")
	is_eq((len(world.internet.connections), len(world.zone.log), len(world.internet.datagrams)), before,
	      "no network: nothing has reached the internet")
	is_eq(s.act("serve").get("got"), "own service", "no network: a server may serve itself")

done_testing()

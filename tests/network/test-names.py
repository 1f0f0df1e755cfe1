#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The resolver in the cage: what it answers, what it never asks outside, and what a hostile server can say to it.

The control is a puppet without a cage: its questions go to the name server of the internet, and so do the names that must not
leak.
"""

import ipaddress
import os
import random
import struct
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import GOOD, LAN, OTHER_NAME, PUBLIC, PUBLIC6, RESOLVER, World  # first: it knows where the others are
import wire
from harness import memory_of
from tap import done_testing, failed, is_eq, ok, passed

POOL, POOL6 = ipaddress.ip_network("198.18.0.0/15"), ipaddress.ip_network("fd6d:6370:6361:6765::/64")
world = World()
world.zone.set("api.good.example.evil.example", a=[PUBLIC])
world.zone.set("*.evil.example", a=[PUBLIC])


def ask(s, message, tcp=False, **more):
	"""The answer as a message, None for silence."""
	got = s.act("dns", message=message.hex(), tcp=tcp, **more)
	return wire.Message(bytes.fromhex(got["answer"])) if got.get("answer") else None


def addresses(reply):
	return [r[4] for r in reply.answers if r[1] in (wire.A, wire.AAAA)] if reply else []


def usual(s):
	"""What programs ask."""
	first = ask(s, wire.question(GOOD))
	ok(first and first.rcode == 0 and len(first.answers) == 1, "A of an allowed name")
	a = addresses(first)[0]
	ok(ipaddress.ip_address(a) in POOL, "it is an address of the cage's own", a)
	aaaa = addresses(ask(s, wire.question(GOOD, wire.AAAA)))[0]
	ok(ipaddress.ip_address(aaaa) in POOL6, "so is AAAA", aaaa)
	is_eq(first.ident, 0x4d43, "the id of the query")
	is_eq(first.questions[0][0], [b"api", b"good", b"example"], "and its question")
	for tcp in (False, True):
		is_eq(addresses(ask(s, wire.question(GOOD), tcp)), [a], f"the same answer again, TCP {tcp}")
	is_eq(addresses(ask(s, wire.question("API.Good.EXAMPLE"))), [a], "case does not matter")
	is_eq(ask(s, wire.question("API.Good.EXAMPLE")).questions[0][0], [b"API", b"Good", b"EXAMPLE"], "but is given back")
	is_eq(addresses(ask(s, wire.question(GOOD, edns=1232))), [a], "with EDNS")
	other = addresses(ask(s, wire.question("b.good.example")))
	ok(other and other[0] != a, "another name has another address")
	is_eq(s.act("reverse", address=a).get("name"), GOOD, "the address has the name")
	is_eq(s.act("reverse", address=aaaa).get("name"), GOOD, "so has that of IPv6")
	is_eq(sorted(s.act("resolve", name=GOOD).get("addresses", [])), sorted([a, aaaa]), "getaddrinfo(3) finds both")
	is_eq(s.act("resolve", name=GOOD + ".").get("addresses", [])[:1] != [], True, "with a dot at the end as well")
	for name in (OTHER_NAME, "good.example", "evilgood.example", "lan.example", "example", "api.good.example.evil.example"):
		reply = ask(s, wire.question(name))
		ok(reply and reply.rcode == wire.NXDOMAIN and not reply.answers, f"there is no {name}")
		is_eq(s.act("resolve", name=name).get("error"), "EAI_NONAME", f"getaddrinfo(3) says so of {name}")
	got = s.act("resolve", name="localhost")
	ok(set(got.get("addresses", [None])) <= {"127.0.0.1", "::1"}, "localhost is the cage itself", got)


def no_data(s, what, message, tcp=False):
	"""Nothing of an answer, whatever the code; and the resolver lives."""
	reply = ask(s, message, tcp, timeout=0.5)
	ok(reply is None or not reply.answers, what, reply and (reply.rcode, reply.answers))


def types(s):
	"""A name that is allowed must have nothing but addresses: each type is a channel."""
	for kind in (wire.NS, wire.CNAME, wire.SOA, wire.NULL, wire.MX, wire.TXT, wire.SRV, wire.SVCB, wire.HTTPS, wire.ANY,
		     wire.OPT, 0, 99, 250, 251, 252, 65535):
		no_data(s, f"type {kind} of an allowed name", wire.question(GOOD, kind))
	reply = ask(s, wire.question(GOOD, wire.HTTPS))
	ok(reply and reply.rcode == 0, "a type that is not there is no error, so that clients go on")
	for klass in (wire.CHAOS, wire.HESIOD, wire.NONE_CLASS, wire.ANY_CLASS, 0, 2, 65535):
		no_data(s, f"class {klass}", wire.question(GOOD, wire.A, klass))
	no_data(s, "version.bind", wire.question("version.bind", wire.TXT, wire.CHAOS))
	for flags, what in ((0x8000, "an answer"), (0x2800, "an update"), (0x2000, "a notification"), (0x1000, "a status"),
			    (0x7800, "opcode 15")):
		no_data(s, f"{what} in place of a query", wire.question(GOOD, flags=flags))


def odd_names(s):
	"""Names that some library might read as an allowed one."""
	good = [b"api", b"good", b"example"]
	for what, labels in {
		"a NUL at the end": [b"api", b"good", b"example\0"],
		"a NUL before another name": [b"api", b"good", b"example\0", b"evil", b"example"],
		"a NUL in the first label": [b"api\0", b"good", b"example"],
		"a dot inside a label": [b"api.good.example"],
		"a dot inside a label, below another": [b"api.good", b"example"],
		"a dot and another host": [b"api.good.example.evil", b"example"],
		"a backslash": [b"api\\", b"good", b"example"],
		"a backslash and a number": [b"api\\046good", b"example"],
		"a space": [b"api ", b"good", b"example"],
		"a newline": [b"api\n", b"good", b"example"],
		"an at": [b"x@api", b"good", b"example"],
		"Cyrillic letters in UTF-8": ["\u0430pi".encode(), b"good", b"example"],
		"wide letters in UTF-8": ["\uff41pi".encode(), b"good", b"example"],
		"a dotless i": ["ap\u0131".encode(), b"good", b"example"],
		"Latin-1": [b"\xe0pi", b"good", b"example"],
		"a dash in front": [b"-api", b"good", b"example"],
		"a dash behind": [b"api-", b"good", b"example"],
		"a star": [b"*", b"evil", b"example"],
		"the root": [],
		"one letter": [b"a"],
		"an address": [b"127", b"0", b"0", b"1"],
		"a number": [b"2130706433"],
		"a name that begins like it": [*good, b"evil", b"example"],
		"a name that ends like it": [b"xapi", b"xgood", b"example"],
		"punycode that looks like it": [b"xn--pi-7kc", b"good", b"example", b"evil"],
	}.items():
		no_data(s, f"a name with {what}", wire.question(labels))
	no_data(s, "a name of 63 letters a label and 255 in all", wire.question([b"x" * 63, b"y" * 63, b"z" * 63, b"w" * 61]))


def malformed(s):
	"""Bytes that are no query, over UDP and TCP."""
	plain = wire.question(GOOD)
	cases = {
		"nothing": b"", "one byte": b"\0", "half a header": plain[:6], "a header": plain[:12], "a header and one label": plain[:16],
		"no type": plain[:-4], "half a type": plain[:-3],
		"no question": plain[:4] + bytes(8), "two questions": plain[:4] + b"\0\2" + plain[6:] + plain[12:],
		"65535 questions": plain[:4] + b"\xff\xff" + plain[6:], "65535 answers": plain[:6] + b"\xff\xff" + plain[8:],
		"a pointer to itself": plain[:12] + b"\xc0\x0c" + b"\0\1\0\1", "a pointer forward": plain[:12] + b"\xc0\xff" + b"\0\1\0\1",
		"two pointers to each other": plain[:12] + b"\xc0\x0e\xc0\x0c\0\1\0\1",
		"a label of 64": plain[:12] + b"\x40" + b"a" * 64 + b"\0\0\1\0\1",
		"a label of 191": plain[:12] + b"\xbf" + b"a" * 191 + b"\0\0\1\0\1", "a label beyond the end": plain[:12] + b"\x3fabc",
		"a name of 1000": plain[:12] + (b"\x3f" + b"a" * 63) * 16 + b"\0\0\1\0\1", "rubbish behind": plain + b"rubbish" * 8,
		"an EDNS version of 255": plain[:10] + b"\0\1" + plain[12:] + b"\0\0\x29\4\0\0\xff\0\0\0\0",
		"EDNS twice": plain[:10] + b"\0\2" + plain[12:] + b"\0\0\x29\4\0\0\0\0\0\0\0" * 2,
		"a long datagram": plain + bytes(3000),
	}
	for tcp in (False, True):
		for what, data in cases.items():
			got = s.act("dns", message=data.hex(), tcp=tcp, timeout=0.3)
			answer = bytes.fromhex(got["answer"]) if got.get("answer") else b""
			reply = wire.Message(answer) if len(answer) >= 12 and "two" not in what else None
			harmless = reply is None or reply.rcode != 0 or len(reply.answers) <= 1
			if not harmless:
				failed(f"{what}, TCP {tcp}", got)
				return
		passed(f"{len(cases)} messages that are none, TCP {tcp}")
	r = random.Random(5)
	for _ in range(300):
		data = bytearray(plain if r.random() < 0.7 else r.randbytes(r.randrange(1, 300)))
		for _ in range(r.randrange(1, 4)):
			data[r.randrange(len(data))] = r.randrange(256)
		s.act("dns", message=bytes(data).hex(), tcp=r.random() < 0.3, timeout=0.005)
	is_eq(len(addresses(ask(s, wire.question(GOOD)))), 1, "after 300 messages at random it still answers")
	with_length = s.act("tcp", host=s.act("resolver")["servers"][0], port=53, send=struct.pack(">H", 60000).hex(), read=1, timeout=1)
	ok(with_length.get("how") in ("silence", "end", "ECONNRESET"), "TCP that announces much and says nothing", with_length)
	for _ in range(3):
		got = s.act("flood", host=s.act("resolver")["servers"][0], port=53, count=300, send="00")
	is_eq(len(addresses(ask(s, wire.question(GOOD), True))), 1, "900 connections to it, none with a query: it still answers")


def tunnels(s):
	"""Data in names: what is not allowed must not leave, and nothing may answer it."""
	before = len(world.zone.log)
	for i in range(20):
		s.act("resolve", name=f"{'secret' * 9}{i}.{'data' * 12}.evil.example")
		ask(s, wire.question(f"{'secret' * 9}{i}.evil.example", wire.TXT))
		ask(s, wire.question(f"{'secret' * 9}{i}.evil.example", wire.NULL))
	got = s.act("dns_flood", message=wire.question("00000000.evil.example").hex(), count=3000)
	ok(got.get("answers", 0) > 0, "a flood of queries is answered as far as it goes", got)
	is_eq([n for n, _, _ in world.zone.log[before:] if "evil" in n], [], "none of it has left")
	ok(len(s.stderr) < 200_000, "a flood of names is no flood of lines on standard error", len(s.stderr))
	ok(len(s.audit(whole=False)) < 2000, "nor of the audit log", len(s.audit(whole=False)))
	ok(b"evil.example" in s.stderr and b"--allow-host" in s.stderr, "it says what was refused, and which option would allow it")


def control(s):
	"""Without a cage."""
	before = len(world.zone.log)
	is_eq(addresses(ask(s, wire.question(GOOD))), [PUBLIC], "control: the name server of the internet says where it is")
	is_eq(addresses(ask(s, wire.question(GOOD, wire.AAAA), True)), [PUBLIC6], "control: over TCP as well")
	s.act("resolve", name="secret.evil.example")
	ok(len([n for n, _, _ in world.zone.log[before:] if "evil" in n]) > 0, "control: data in names leaves")
	is_eq(s.act("resolve", name="printer.good.example").get("addresses"), [LAN], "control: the machine's hosts file names its LAN")


def pool(s):
	"""As many names as there are below one that is allowed: addresses are never given to a second name."""
	egress = s.egress()
	before = memory_of(egress)
	first = addresses(ask(s, wire.question(GOOD)))
	seen, refusals = set(first), 0
	for i in range(6000):
		reply = ask(s, wire.question(f"x{i}.good.example"))
		got = addresses(reply)
		if not got:
			refusals += 1
			if refusals > 20:
				break
		elif got[0] in seen:
			failed("an address was given to two names", f"{i}: {got}")
			return
		seen.update(got)
	ok(len(seen) > 1000, "a thousand names and more each have an address of their own", len(seen))
	ok(refusals > 20, "and there is an end to it", refusals)
	is_eq(addresses(ask(s, wire.question(GOOD))), first, "those given first stay what they are")
	is_eq(s.act("get", url=f"https://{GOOD}/", ca=world.ca).get("status"), 200, "and work")
	ok(memory_of(egress) - before < 8 << 20, "memory stays small", memory_of(egress) - before)


with world.bare() as bare:
	control(bare)

ALLOW = ["--allow-host", "*.good.example:80,443"]
with world.session(ALLOW) as caged:
	mark = len(world.zone.log)
	usual(caged)
	types(caged)
	odd_names(caged)
	malformed(caged)
	asked = {n.lower() for n, _, _ in world.zone.log[mark:]}
	ok(asked <= {GOOD, "b.good.example"}, "outside, nobody was asked for anything else", asked)
	tunnels(caged)
	is_eq(caged.act("get", url=f"https://{GOOD}/", ca=world.ca).get("status"), 200, "after all that, connections work")
	got = caged.act("dns", message=wire.question(GOOD).hex(), server=RESOLVER)
	ok(got.get("error"), "the name server of the internet cannot be asked", got)

with world.session(ALLOW) as caged:
	pool(caged)

# A rule for one name is for no other; the star is not for the name itself.
with world.session(["--allow-host", "API.good.example.", "--allow-host", "good.example"]) as caged:
	is_eq(len(addresses(ask(caged, wire.question(GOOD)))), 1, "a rule in another spelling")
	is_eq(len(addresses(ask(caged, wire.question("good.example")))), 1, "a rule for the name above")
	for name in ("b.good.example", "x.api.good.example"):
		is_eq(addresses(ask(caged, wire.question(name))), [], f"is none for {name}")

done_testing()

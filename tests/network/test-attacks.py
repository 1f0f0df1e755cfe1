#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Ways around the list of names, from inside a cage that may reach *.good.example.

Each is tried where it works as well, which is its control: by the same puppet on the machine without a cage, or with every
privilege over a network namespace where that is what it takes. What a wrong connection would reach is asked of the internet
and of the machine, not of the cage.
"""

import os
import signal
import socket
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import (  # first: it knows where the others are
	GOOD, LAN, LAN6, LAN_FAR, MACHINE, METADATA, OTHER, OTHER6, OTHER_NAME, PUBLIC, PUBLIC6, RESOLVER, World)
import wire
from internet import mark
from tap import done_testing, is_eq, ok

GET = b"GET / HTTP/1.0\r\n\r\n".hex()
V4 = "v4.good.example"
ALLOW = ["--allow-host", "*.good.example:7,80,443,9000"]
world = World()


def reached(result):
	"""Something came back."""
	return bool(result.get("got")) or result.get("status") == 200 or bool(result.get("answer")) or bool(result.get("addresses"))


def made(result):
	"""The system did what was asked of it."""
	return "error" not in result


def attack(s, label, action, works=reached, control=None, **arguments):
	"""Denied in the cage S, and it works outside. CONTROL: another result than that of the bare puppet."""
	out = control if control is not None else bare.act(action, **arguments)
	inside = s.act(action, **arguments)
	ok(works(out) and not works(inside), label, f"outside: {str(out)[:300]}; in the cage: {str(inside)[:300]}")
	return inside


def private():
	"""Connections that reached what nobody may: the LAN, the metadata service, the machine itself."""
	return [c for a in (LAN, LAN6, LAN_FAR, METADATA, OTHER, OTHER6) for c in world.internet.to(a)] + \
		[c for services in world.locals for c in services.connections]


def untouched(since, what):
	is_eq([c for c in private() if c["order"] > since], [], what)


# ---- packets --------------------------------------------------------------------------------------------------------------

def packets(s):
	mark_udp = len(world.internet.datagrams)
	for host in (PUBLIC, PUBLIC6, OTHER, LAN, LAN6, LAN_FAR, METADATA, MACHINE, "127.0.0.1", "::1", "::ffff:" + PUBLIC):
		control = bare.act("tcp", host=host, port=80, send=GET, read=5)
		since = mark()
		attack(s, f"a connection to {host}", "tcp", control=control, host=host, port=80, send=GET, read=5)
		untouched(since, "nothing has arrived there")
	for port in (22, 8000, 8080):
		attack(s, f"port {port} of an allowed name", "tcp", host=V4, port=port, send=GET, read=5)
	attack(s, "UDP to an address", "udp", host=PUBLIC, port=7)
	for host in s.act("resolve", name=GOOD)["addresses"]:
		out = bare.act("udp", host=PUBLIC, port=443)
		attack(s, f"UDP to the address that a name has in the cage, {host}", "udp", control=out, host=host, port=443)
	out = bare.act("dns", message=wire.question(GOOD).hex(), server=RESOLVER)
	for tcp in (False, True):
		attack(s, f"DNS to a server of the internet, TCP {tcp}", "dns", control=out, message=wire.question(GOOD).hex(),
		       server=RESOLVER, tcp=tcp)
	for host in (PUBLIC, PUBLIC6):
		attack(s, f"ICMP to {host}", "ping", host=host)
	is_eq(len(world.internet.datagrams) - mark_udp, 3, "of datagrams, only those of the controls arrived")


def sockets(s):
	privileged = {"raw IPv4": (socket.AF_INET, socket.SOCK_RAW, 1), "raw UDP": (socket.AF_INET, socket.SOCK_RAW, 17),
		      "raw IPv6": (socket.AF_INET6, socket.SOCK_RAW, 58), "packets": (socket.AF_PACKET, socket.SOCK_RAW, 0),
		      "cooked packets": (socket.AF_PACKET, socket.SOCK_DGRAM, 0)}
	for what, (family, kind, protocol) in privileged.items():
		arguments = {"family": family, "kind": kind, "protocol": protocol}
		attack(s, f"a socket for {what}", "socket", works=made, control=world.privileged(("socket", arguments)), **arguments)
	others = {"pings": (2, 2, 1), "virtual machines": (40, 1, 0), "Bluetooth": (31, 3, 1), "the kernel's keys": (15, 3, 2),
		  "algorithms": (38, 5, 0), "CAN": (29, 3, 1), "SCTP": (2, 1, 132), "UDP-Lite": (2, 2, 136), "netfilter": (16, 3, 12),
		  "audit": (16, 3, 9), "uevents": (16, 3, 15)}
	for what, (family, kind, protocol) in others.items():
		got = s.act("socket", family=family, kind=kind, protocol=protocol)
		ok("error" in got, f"a socket for {what}", got)
	local = {"what": "local"}
	for what, before in {"route": [("netlink", {"what": "up"})], "local": [], "address": [], "link": [], "down": [],
			     "unlocal": [("netlink", local)]}.items():
		attack(s, f"netlink: {what}", "netlink", works=made, control=world.privileged(*before, ("netlink", {"what": what})), what=what)
	attack(s, "namespaces of its own", "namespace", works=made)
	got = s.act("routes")
	is_eq(got.get("devices"), ["lo"], "there is nothing but the loopback")
	for path in ("/proc/1/ns/net", "/proc/self/ns/net"):
		ok("error" in s.act("setns", path=path), f"setns(2) to {path}")
	is_eq(s.act("get", url=f"http://{V4}/").get("status"), 200, "and after all of it, names still work")


# ---- names that lead elsewhere --------------------------------------------------------------------------------------------

def elsewhere(s):
	z = world.zone
	since = mark()
	z.set("both.good.example", a=[LAN, PUBLIC, "127.0.0.1"])
	got = [reached(s.act("get", url="http://both.good.example/", timeout=5)) for _ in range(4)]
	ok(all(got), "a name with private addresses and a public one goes to the public one", got)
	untouched(since, "and never to the private ones")

	for what, entry in {
		"the LAN": {"a": [LAN]}, "a far LAN": {"a": [LAN_FAR]}, "the metadata service": {"a": [METADATA]},
		"the loopback": {"a": ["127.0.0.1"]}, "the rest of the loopback": {"a": ["127.99.0.1"]}, "any": {"a": ["0.0.0.0"]},
		"the machine": {"a": [MACHINE]}, "multicast": {"a": ["224.0.0.1"]}, "broadcast": {"a": ["255.255.255.255"]},
		"a provider's NAT": {"a": ["100.64.0.1"]}, "the cage's own range": {"a": ["198.18.1.0"]},
		"the LAN by CNAME": {"cname": "lan.example"}, "the LAN by two CNAMEs": {"cname": "turn1.example"},
		"IPv6 loopback": {"aaaa": ["::1"]}, "IPv6 any": {"aaaa": ["::"]}, "unique local": {"aaaa": [LAN6]},
		"link-local": {"aaaa": ["fe80::a9fe"]}, "v4-mapped": {"aaaa": ["::ffff:" + LAN]},
		"v4-mapped loopback": {"aaaa": ["::ffff:127.0.0.1"]}, "v4-compatible": {"aaaa": ["::" + LAN]},
		"NAT64": {"aaaa": ["64:ff9b::" + LAN]}, "local NAT64": {"aaaa": ["64:ff9b:1::" + LAN]},
		"6to4": {"aaaa": ["2002:c0a8:4d09::1"]}, "Teredo": {"aaaa": ["2001:0:4136:e378:8000:63bf:3fff:fdd2"]},
		"IPv6 multicast": {"aaaa": ["ff02::1"]}, "site-local": {"aaaa": ["fec0::1"]},
	}.items():
		z.set("turn1.example", cname="turn2.example")
		z.set("turn2.example", cname="lan.example")
		z.set("odd.good.example", **entry)
		got = s.act("tcp", host="odd.good.example", port=80, send=GET, read=5, timeout=4)
		ok(not reached(got), f"a name of {what}", got)
	untouched(since, "nothing arrived at any of these")
	got = s.act("tcp", host="printer.good.example", port=80, send=GET, read=5, timeout=4)
	ok(not reached(got), "a name of the LAN in the machine's hosts file", got)
	untouched(since, "nor at that")
	z.set("cdn.good.example", cname=OTHER_NAME)
	is_eq(s.act("get", url="http://cdn.good.example/").get("status"), 200, "a CNAME to another public host is followed")

	big = wire.record("x.good.example", wire.A, 60, PUBLIC)
	question = wire.name("bad.good.example") + b"\0\1\0\1"
	head = b"\x85\x80\0\1\0\1\0\0\0\0"
	for what, raw in {
		"another owner": head + question + big, "a loop of pointers": head + question + b"\xc0\x30\0\1\0\1\0\0\0\x3c\0\4" + bytes(4),
		"half a record": head + question + big[:-3], "a size too large": head + question + big[:-6] + b"\xff\xff" + bytes(4),
		"no question": b"\x85\x80\0\0\0\1\0\0\0\0" + big, "65535 answers": b"\x85\x80\0\1\xff\xff\0\0\0\0" + question + big,
		"a CNAME to itself": head + question + wire.record("bad.good.example", wire.CNAME, 60, "bad.good.example"),
		"an address of five bytes": head + question + wire.record("bad.good.example", wire.A, 60, b"\1\2\3\4\5"),
		"nothing at all": b"", "the question only": b"\x01\0\0\1\0\0\0\0\0\0" + question,
	}.items():
		z.set("bad.good.example", raw=raw)
		got = s.act("tcp", host="bad.good.example", port=80, send=GET, read=5, timeout=1)
		ok(not reached(got), f"the name server answers with {what}", got)
	z.set("loop.good.example", cname="loop2.good.example")
	z.set("loop2.good.example", cname="loop.good.example")
	ok(not reached(s.act("tcp", host="loop.good.example", port=80, send=GET, read=5, timeout=3)), "CNAMEs in a circle")
	is_eq(s.act("get", url=f"http://{V4}/", timeout=20).get("status"), 200, "after all that, names still work")


class Rebinding:
	"""A name that turns to the LAN. Addresses may be kept for half a minute, so the second look is a while after the first."""

	def __init__(self, s):
		self.s = s
		world.zone.set("turns.good.example", a=[[PUBLIC], [LAN]], ttl=0)
		is_eq([bare.act("resolve", name="turns.good.example", family=2).get("addresses") for _ in range(2)], [[PUBLIC], [LAN]],
		      "rebinding: the control: a name turns")
		world.zone.set("turns.good.example", a=[PUBLIC], ttl=0)
		ok(reached(self.again()), "rebinding: at first it is public")
		self.start = time.monotonic()
		world.zone.set("turns.good.example", a=[LAN], ttl=0)
		self.asked = world.zone.asked("turns.good.example")
		self.since = mark()

	def again(self):
		return self.s.act("tcp", host="turns.good.example", port=80, send=GET, read=5, timeout=4)

	def later(self):
		while time.monotonic() < self.start + 60 and world.zone.asked("turns.good.example") == self.asked:
			got = self.again()
			time.sleep(0.5)
		ok(world.zone.asked("turns.good.example") > self.asked, "rebinding: the name is asked for again")
		got = self.again()
		ok(not reached(got), "rebinding: turned to the LAN, it reaches nothing", got)
		is_eq([c for c in world.internet.to(LAN, 80) if c["order"] > self.since], [], "rebinding: nothing arrived there")


def addresses_in_the_cage(s):
	count = len(world.internet.connections)
	for host in ("198.18.5.5", "198.19.255.254", "fd6d:6370:6361:6765::999"):
		got = s.act("tcp", host=host, port=443, send=GET, read=5, timeout=3)
		ok(not reached(got), f"an address that no name has, {host}", got)
	resolver = s.act("resolver")["servers"][0]
	for port in (80, 443, 9000):
		got = s.act("tcp", host=resolver, port=port, send=GET, read=5, timeout=3)
		ok(not reached(got), f"port {port} of the resolver", got)
	for host in ("127.0.0.1", "::1", "0.0.0.0"):
		got = s.act("tcp", host=host, port=443, send=GET, read=5, timeout=3)
		ok(not reached(got), f"port 443 of {host}", got)
	is_eq(world.internet.connections[count:], [], "none of it led anywhere")
	for host, port in ((resolver, 53), ("0.0.0.0", 443), ("127.0.0.1", 80)):
		got = s.act("steal", address=host, port=port)
		ok("error" in got, f"bind port {port} of {host} for oneself", got)
	got = s.act("serve")
	is_eq(got.get("got"), "own service", "a server that serves itself on the loopback keeps working")
	is_eq(s.act("serve", host="::1").get("got"), "own service", "over IPv6 as well")
	is_eq(s.act("serve", host="0.0.0.0", connect="127.0.0.1").get("got"), "own service", "and on all addresses")
	is_eq(s.act("serve", port=9000).get("got"), "own service", "even at a port that a host is allowed with")


# ---- TLS ------------------------------------------------------------------------------------------------------------------

def echoed(s, data, port=7, action="tcp", **more):
	"""Whether the bytes came through to the server, which gives them back."""
	return s.act(action, host=V4, port=port, send=data.hex(), read=len(data), timeout=8, **more).get("size", 0) > 0


def tls(s):
	good, other, name = V4.encode(), OTHER_NAME.encode(), wire.server_name
	passing = {
		"the name": wire.client_hello(name(good)), "in capitals": wire.client_hello(name(good.upper())), "no name": wire.client_hello(),
		"the name, in small records": wire.client_hello(name(good), pieces=40),
		"the name, and 12 KiB of padding": wire.client_hello(name(good), pad=12000),
		"no TLS at all": b"hello\n", "no TLS, one byte": b"x",
	}
	for what, data in passing.items():
		ok(echoed(s, data), f"TLS: {what} passes")
	ok(echoed(s, passing["the name"], action="dribble", pause=0.002), "TLS: the name, byte by byte, passes")
	cut = {
		"another name": wire.client_hello(name(other)), "a name below": wire.client_hello(name(b"x." + good)),
		"the name above": wire.client_hello(name(b"good.example")), "another allowed name": wire.client_hello(name(GOOD.encode())),
		"a NUL behind": wire.client_hello(name(good + b"\0")), "a NUL and another": wire.client_hello(name(good + b"\0." + other)),
		"another, in small records": wire.client_hello(name(other), pieces=40),
		"another, a byte a record": wire.client_hello(name(other), pieces=1),
		"another, behind 12 KiB of padding": wire.client_hello(wire.extension(21, bytes(12000)), name(other)),
		"both, the right one first": wire.client_hello(name(good, other)),
		"both, the right one last": wire.client_hello(name(other, good)),
		"two extensions, the right one first": wire.client_hello(name(good), name(other)),
		"two extensions, the right one last": wire.client_hello(name(other), name(good)),
		"an empty name": wire.client_hello(name(b"")),
		"letters outside ASCII": wire.client_hello(name("v4.g\u043eod.example".encode())),
		"an address": wire.client_hello(name(OTHER.encode())),
		"an encrypted ClientHello": wire.client_hello(name(good), wire.ENCRYPTED_CLIENT_HELLO),
		"only an encrypted ClientHello": wire.client_hello(wire.ENCRYPTED_CLIENT_HELLO),
	}
	with world.bare() as outside:
		for what, data in cut.items():
			result = outside.act("tcp", host=V4, port=7, send=data.hex(), read=len(data), timeout=8)
			ok(result.get("size") == len(data) and not echoed(s, data), f"TLS: {what} is cut")
	ok(not echoed(s, cut["another name"], action="dribble", pause=0.002), "TLS: another name, byte by byte, is cut")
	ok(not echoed(s, cut["another name"], port=443), "TLS: another name, at the port of TLS, is cut")
	control = bare.act("get", url="https://" + V4, sni=OTHER_NAME, ca=world.ca)
	fronted = len([c for c in world.internet.connections if c["sni"] == OTHER_NAME])
	attack(s, "TLS: fronting: another host of the same address", "get", control=control, url="https://" + V4, sni=OTHER_NAME,
	       ca=world.ca)
	is_eq(len([c for c in world.internet.connections if c["sni"] == OTHER_NAME]) - fronted, 0, "TLS: the server has not seen it")
	is_eq(s.act("get", url=f"https://{V4}/", ca=world.ca).get("status"), 200, "TLS: the right host works")


def smuggling(s):
	since = mark()
	for what, data in {
		"CONNECT": f"CONNECT {LAN}:80 HTTP/1.1\r\nHost: {LAN}\r\n\r\nGET / HTTP/1.0\r\n\r\n".encode(),
		"an absolute URL": f"GET http://{LAN}/ HTTP/1.1\r\nHost: {LAN}\r\nConnection: close\r\n\r\n".encode(),
		"another Host": f"GET / HTTP/1.1\r\nHost: {OTHER_NAME}\r\nConnection: close\r\n\r\n".encode(),
		"SOCKS 5": b"\5\1\0\5\1\0\1" + socket.inet_aton(LAN) + b"\0\x50", "SOCKS 4": b"\4\1\0\x50" + socket.inet_aton(LAN) + b"\0",
		"the PROXY protocol": f"PROXY TCP4 {LAN} {LAN} 1 80\r\n".encode() + bytes.fromhex(GET),
	}.items():
		ok(echoed(s, data), f"{what} are bytes like any others")
		s.act("tcp", host=V4, port=80, send=data.hex(), read=-1, timeout=1, end=True)
	untouched(since, "nobody in between has understood them")


# ---- from outside, and beside the network ---------------------------------------------------------------------------------

def beside(s):
	path = os.path.join(world.folder, "listener")
	with socket.socket(socket.AF_UNIX) as by_path, socket.socket(socket.AF_UNIX) as abstract:
		by_path.bind(path)
		os.chmod(path, 0o777)
		abstract.bind("\0mcpcage-test-network")
		for listener in (by_path, abstract):
			listener.listen(8)
		got = bare.act("sockets", top=world.folder)
		ok("@mcpcage-test-network" in got["names"] and path in got["paths"], "control: sockets of the machine can be seen", got)
		ok(made(bare.act("unix", path=path)) or bare.act("unix", path=path)["error"] == "ETIMEDOUT", "control: and connected to")
		got = s.act("unix", path=path)
		ok(got.get("error") in ("ENOENT", "EACCES", "EPERM", "EAFNOSUPPORT", "EINVAL"), "a socket of the machine by its path", got)
		got = s.act("unix", abstract="mcpcage-test-network")
		ok(got.get("error") in ("ECONNREFUSED", "EPERM", "EACCES", "EAFNOSUPPORT", "EINVAL"), "an abstract socket of the machine", got)
	got = s.act("sockets")
	is_eq((got.get("paths"), got.get("names")), ([], []), "no socket with a name is in the cage")
	got = s.act("files")
	mine = [f for f in got["files"] if f[0] == got["self"]]
	ok(all(n < 3 or "/proc/" in what for _, n, what in mine), "the server has its standard streams and nothing else", mine)
	ok(not [f for f in got["files"] if "socket:" in f[2]], "no process that it can look at has a socket", got["files"])


def passed_in():
	"""A connection to where nobody may, open in whoever starts mcpcage."""
	with socket.create_connection((LAN, 9000)) as s:
		s.sendall(b"hold\n")
		s.recv(5)
		number = s.fileno()
		since = mark()
		with world.session(ALLOW, pass_fds=(number,)) as caged:
			got = caged.act("files")
			ok(not [f for f in got["files"] if "socket:" in f[2]], "a connection that mcpcage inherited is not the server's", got["files"])
			is_eq(caged.act("get", url=f"http://{V4}/").get("status"), 200, "and the session works")
		untouched(since, "nothing new went there")


def end_of_egress():
	with world.session(ALLOW) as s:
		number = s.act("open", host=V4, port=7, send="61", read=1)["number"]
		pids = s.egress()
		ok(number and pids, "the process of the network is there", pids)
		os.kill(pids[0], signal.SIGKILL)
		status = s.wait(10)
		ok(status is not None and status != 0, "it is killed, and the session ends", status)
		ok(s.until(lambda: world.internet.open == 0), "and its connections with it", world.internet.open)
		ok(s.until(lambda: b"mcpcage:" in s.stderr, 3), "and it is said", s.stderr[-300:])


def floods(s):
	"""What is refused is said once, counted, and never fills a log."""
	before = len(s.stderr)
	for _ in range(300):
		s.act("resolve", name="again.evil.example", family=2)
	ok(0 < s.stderr.count(b"again.evil.example") <= 2, "a name that is refused 300 times is told once", s.stderr[before:][:500])
	number = s.act("flood", host=V4, port=80, count=2000, send=GET, hold=False, patience=120)
	is_eq(number.get("made"), 2000, "2,000 connections")
	got = s.act("flood", host="198.18.77.77", port=80, count=1000, hold=False, patience=60)
	ok(got.get("made", 0) <= 1000, "1,000 to an address of no name", got)
	is_eq(s.act("get", url=f"http://{V4}/").get("status"), 200, "names still work")
	ok(len(s.stderr) - before < 100_000, "standard error stays short", len(s.stderr) - before)


with world.bare() as bare:
	with world.session(ALLOW) as one:
		packets(one)
		sockets(one)
		addresses_in_the_cage(one)
		smuggling(one)
		beside(one)
	with world.session(ALLOW) as one:
		rebinding = Rebinding(one)
		elsewhere(one)
		with world.session(ALLOW) as another:
			tls(another)
		with world.session(ALLOW) as another:
			floods(another)
		passed_in()
		rebinding.later()
	end_of_egress()

done_testing()

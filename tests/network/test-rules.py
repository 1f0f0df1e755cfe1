#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What can be said about the network in policy, and what is told of it: addresses and ranges, private ones, TLS, locks, explain,
the audit log, and lines on standard error.
"""

import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import GOOD, LAN, LAN_FAR, OTHER, OTHER6, OTHER_NAME, PUBLIC, PUBLIC6, World  # first: it knows where the others are
import harness
import wire
from internet import mark
from tap import done_testing, is_eq, ok, tap_skip

GET = b"GET / HTTP/1.0\r\n\r\n".hex()
V4 = "v4.good.example"
world = World()


def policy(**keys):
	return ["--policy", world.write("policy.json", json.dumps({"network": keys}))]


def run(*argv):
	done = subprocess.run([harness.MCPCAGE, *argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
			      text=True, check=False)
	return done.returncode, done.stdout, done.stderr


def get(s, host, port=80):
	got = s.act("tcp", host=host, port=port, send=GET, read=12, timeout=5)
	return bytes.fromhex(got.get("got", "")).startswith(b"HTTP/1.1 200")


# ---- addresses -----------------------------------------------------------------------------------------------------------

with world.session(["--allow-host", PUBLIC + ":80", "--allow-host", f"[{PUBLIC6}]:80", "--allow-host", LAN + ":80"]) as s:
	ok(get(s, PUBLIC), "an address that is named")
	ok(get(s, PUBLIC6), "of IPv6 as well")
	ok(get(s, LAN), "a private one, since it is named itself")
	ok(not get(s, PUBLIC, 8080), "another port of it")
	for host in (OTHER, OTHER6, LAN_FAR):
		ok(not get(s, host), f"another address, {host}")
	ok(s.act("resolve", name=GOOD).get("error"), "no name comes with an address")
	is_eq(s.act("udp", host=PUBLIC, port=7).get("got"), None, "nor does UDP")

with world.session(["--allow-host", "45.60.70.80/29:80,8000-8080"]) as s:
	for host, port, wanted in ((PUBLIC, 80, True), ("45.60.70.87", 80, True), ("45.60.70.88", 80, False), ("45.60.70.79", 80, False),
				   (PUBLIC, 8000, True), (PUBLIC, 8080, True), (PUBLIC, 443, False), (PUBLIC, 7, False)):
		is_eq(get(s, host, port), wanted, f"a range, {host} port {port}")

since = mark()
with world.session(["--allow-host", "127.0.0.1:80"]) as s:
	ok(get(s, "127.0.0.1"), "a service of this machine by its address")
	ok(not get(s, "127.0.0.1", 8080) and not get(s, PUBLIC), "and no other")
	is_eq([c["port"] for c in world.locals[0].connections if c["order"] > since], [80], "of which the machine has seen one")

# ---- names that may be private -----------------------------------------------------------------------------------------

with world.session(["--allow-host", "lan.example:80", "--allow-host", "printer.good.example:80",
		    "--allow-private", LAN + "/32"]) as s:
	ok(get(s, "lan.example"), "a name of the LAN, with its range named")
	ok(get(s, "printer.good.example"), "one of the machine's hosts file, too")
	world.zone.set("lan.example", a=[LAN_FAR])
	ok(not get(s, LAN), "its address without the name")
world.zone.set("far.example", a=[LAN_FAR])
with world.session(["--allow-host", "far.example:80", "--allow-private", "192.168.0.0/16"]) as s:
	ok(not get(s, "far.example"), "a range is for no other")

# ---- TLS ---------------------------------------------------------------------------------------------------------------

other = wire.client_hello(wire.server_name(OTHER_NAME.encode()))
hidden = wire.client_hello(wire.server_name(V4.encode()), wire.ENCRYPTED_CLIENT_HELLO)
for what, keys, passes in (("as it is", {}, (False, False)), ("sni off", {"sni": "off"}, (True, True)),
			   ("ech allow", {"ech": "allow"}, (False, True))):
	with world.session([*policy(**keys), "--allow-host", V4 + ":7"]) as s:
		for label, data, wanted in (("another name", other, passes[0]), ("an encrypted ClientHello", hidden, passes[1])):
			got = s.act("tcp", host=V4, port=7, send=data.hex(), read=len(data), timeout=8)
			is_eq(got.get("size", 0) == len(data), wanted, f"{label}, {what}")

# ---- lists, words, locks -------------------------------------------------------------------------------------------------

with world.session(policy(allow=[V4 + ":80", "*.deep.good.example:80"])) as s:
	ok(get(s, V4), "a list in a file")
	for name, wanted in (("a.deep.good.example", True), ("a.b.deep.good.example", True), ("deep.good.example", False),
			     ("v6.good.example", False)):
		reply = s.act("dns", message=wire.question(name).hex())["answer"]
		is_eq(bool(wire.Message(bytes.fromhex(reply)).answers), wanted, f"names below a name: {name}")
with world.session(policy(allow=[])) as s:
	ok(s.act("resolve", name=GOOD).get("error") and s.act("tcp", host=PUBLIC, port=80).get("error"), "an empty list is none")
with world.session(["--network", "none", "--allow-host", V4 + ":80"]) as s:
	ok(not get(s, V4), "none is none, whatever the list says")

for bad in ("", "*", "*.", "https://good.example", "good.example/x", "good.example:", "good.example:0", "good.example:65536",
	    "good.example:90-80", "good..example", "-good.example", "g\u00f6\u00f6d.example", "good.example:443:80", "1.2.3",
	    "0x7f000001", "010.0.0.1", "1.2.3.4/33", "1.2.3.4/24", "[45.60.70.80]:80", "[::1", "localhost", "a b.example",
	    "a\n.example", "x" * 64 + ".example", ".".join(["x" * 60] * 5)):
	status, _, err = run("explain", "--allow-host", bad, "--", "/bin/true")
	ok(status == 125 and err.count("mcpcage:") >= 2, f"no host: {bad[:30]!r}, and what to write is said", (status, err))

LOCKED = {"network": {"mode": "names", "allow": ["*.good.example:80,443"]}, "lock": ["network"]}
if world.administrator(json.dumps(LOCKED)):
	for more, wanted in ((["--network", "host"], 125), (["--allow-host", OTHER_NAME], 125), (["--allow-host", GOOD + ":8080"], 125),
			     (["--allow-private", "10.0.0.0/8"], 125), (["--allow-host", "45.60.70.80"], 125),
			     (["--allow-host", "*.example"], 125), (["--allow-host", GOOD], 0),
			     (["--allow-host", "*.deep.good.example:80"], 0), (["--network", "none"], 0), ([], 0)):
		status, out, err = run("explain", *more, "--", "/bin/true")
		good = status == wanted and (OTHER_NAME not in out if wanted == 0 else "locked" in err)
		ok(good, f"locked by the administrator: {' '.join(more)}", (status, err[-400:]))
	with world.session() as s:
		ok(get(s, V4), "and what he allows is there without an option")
	world.administrator("{}")
else:
	tap_skip("there is no folder for an administrator's policy")

status, out, err = run("explain", "--network", "host", "--", "/bin/true")
ok(out.startswith("WARNING:") and "THE HOST'S" in out, "the host's network is told in capitals, first", out[:200])
status, out, err = run("explain", "--allow-host", GOOD, "--allow-host", "10.0.0.0/8:80", "--", "/bin/true")
told = GOOD + ":443" in out and "10.0.0.0/8:80" in out and "WARNING" not in out
ok(told, "allowed hosts are told with their ports", out[-600:])
status, out, err = run("explain", "--json", "--allow-host", GOOD, "--", "/bin/true")
is_eq(json.loads(out)["names"]["allow"], [GOOD + ":443"], "in JSON as well")

# ---- the audit log -----------------------------------------------------------------------------------------------------

world.zone.set("lan.good.example", a=[LAN])
with world.session(["--allow-host", "*.good.example:7,80,443"]) as s:
	s.act("get", url=f"http://{V4}/bytes/100000")
	for _ in range(3):
		s.act("resolve", name=OTHER_NAME)
	s.act("tcp", host="lan.good.example", port=80, send="00", read=1)
	s.act("tcp", host=V4, port=443, send=other.hex(), read=1)
	s.act("tcp", host=V4, port=7, send="00", read=1)
	s.end()
	connections = s.records(event="connection")
	first = connections[0]
	is_eq([first.get(k) for k in ("host", "address", "port")], [V4, PUBLIC, 80], "a connection is recorded: to whom")
	much = first["received"] > 100000 and 0 < first["sent"] < 1000
	ok(much and isinstance(first["duration_ms"], int), "how much, how long", first)
	is_eq(first["end"], "closed", "and how it ended")
	is_eq([c["host"] for c in connections], [V4, "lan.good.example", V4, V4], "so are those that were refused")
	for record, what, why in ((connections[1], LAN, "the address that was not connected to"),
				  (connections[2], OTHER_NAME, "the name that TLS was for")):
		ok(what in json.dumps(record) and record["sent"] == 0, f"with {why}", record)
	refused = s.records(event="host refused", host=OTHER_NAME)
	is_eq(len(refused), 1, "a refused name is recorded once")
	totals = s.records(event="end")[0]["network"]
	ok(totals["connections"] == 4 and totals["queries_refused"] >= 3 and totals["received"] > 100000, "and counted", totals)
	start = s.records(event="start")[0]
	is_eq(start["plan"]["names"]["allow"], ["*.good.example:7,80,443"], "the start says what was allowed")
	lines = [line for line in s.stderr.decode().splitlines() if OTHER_NAME in line]
	ok(any(f"--allow-host {OTHER_NAME}" in line for line in lines), "standard error says which option would allow it", lines)
	ok(b"--allow-private" in s.stderr, "and which one the private address", s.stderr[-600:])

with world.session(["--network", "host"]) as s:
	s.end()
	is_eq(s.records(event="start")[0]["plan"]["network"], "host", "the host's network is in the audit log")

done_testing()

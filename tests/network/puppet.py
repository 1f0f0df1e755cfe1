# SPDX-License-Identifier: LGPL-2.1-or-later
"""A server that does on the network what the test tells it to, and reports what the kernel said.

One tool, "act", with the name of an action and its arguments: each do_...() below. It runs in a cage, and outside as the control:
nothing here knows which. What a call of the system refuses is {"error": NAME OF THE ERRNO, "text": ...}. Bytes are hex.
Nothing is defensive: this is the attacker's side.
"""

import asyncio
import contextlib
import ctypes
import errno
import hashlib
import http.client
import json
import os
import resource
import socket
import ssl
import stat
import struct
import subprocess
import sys
import threading
import time
import urllib.parse

kept = {}  # sockets that stay open between calls, by number


def family_of(host):
	with contextlib.suppress(OSError):
		socket.inet_pton(socket.AF_INET6, host)
		return socket.AF_INET6
	return socket.AF_INET


def do_resolve(name, family=0):
	"""All addresses that the runtime's resolver has, in its order."""
	found = []
	for item in socket.getaddrinfo(name, 0, family, socket.SOCK_STREAM):
		if item[4][0] not in found:
			found.append(item[4][0])
	return {"addresses": found}


def do_reverse(address):
	return {"name": socket.gethostbyaddr(address)[0]}


def do_resolver(**_):
	"""What the cage says its name server is."""
	with open("/etc/resolv.conf", encoding="ascii") as f:
		text = f.read()
	return {"servers": [line.split()[1] for line in text.splitlines() if line.startswith("nameserver")], "text": text}


def do_dns(message, server=None, tcp=False, timeout=5, port=53):
	"""Send bytes to the name server, as they are; the answer's bytes, or None after TIMEOUT."""
	server = server or do_resolver()["servers"][0]
	with socket.socket(family_of(server), socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM) as s:
		s.settimeout(timeout)
		s.connect((server, port))
		data = bytes.fromhex(message)
		s.sendall(struct.pack(">H", len(data)) + data if tcp else data)
		try:
			if not tcp:
				return {"answer": s.recv(65535).hex()}
			got = b""
			while len(got) < 2 or len(got) < 2 + struct.unpack(">H", got[:2])[0]:
				more = s.recv(65535)
				if not more:
					return {"answer": None, "closed": True}
				got += more
			return {"answer": got[2:].hex()}
		except TimeoutError:
			return {"answer": None}


def do_dns_flood(message, count, server=None, vary=True):
	"""COUNT queries as fast as they go, the id and, with VARY, the first letters of the name changing; how many answers came."""
	server = server or do_resolver()["servers"][0]
	data, answers = bytearray.fromhex(message), 0
	with socket.socket(family_of(server), socket.SOCK_DGRAM) as s:
		s.connect((server, 53))
		s.setblocking(False)
		for i in range(count):
			data[0:2] = struct.pack(">H", i & 0xffff)
			if vary:
				data[13:21] = f"{i:08x}".encode()
			with contextlib.suppress(BlockingIOError):
				s.send(data)
			with contextlib.suppress(BlockingIOError):
				while s.recv(4096):
					answers += 1
		s.settimeout(1)
		with contextlib.suppress(TimeoutError):
			while s.recv(4096):
				answers += 1
	return {"answers": answers}


def dial(host, port, timeout, family=0):
	"""A connection to a name or an address, by the runtime's own resolver."""
	last = None
	for item in socket.getaddrinfo(host, port, family, socket.SOCK_STREAM):
		s = socket.socket(item[0], socket.SOCK_STREAM)
		s.settimeout(timeout)
		try:
			s.connect(item[4])
			return s
		except OSError as e:
			s.close()
			last = e
	raise last


def do_tcp(host, port, send="", read=0, timeout=5, end=False, family=0):
	"""Connect, send, perhaps end our side, read up to READ bytes or, with READ -1, to the end. {"got", "how"}: how it ended."""
	with dial(host, port, timeout, family) as s:
		peer = s.getpeername()[0]
		got, how = b"", "open"
		try:
			s.sendall(bytes.fromhex(send))
			if end:
				s.shutdown(socket.SHUT_WR)
			while read < 0 or len(got) < read:
				more = s.recv(65536)
				if not more:
					how = "end"
					break
				got += more
		except TimeoutError:
			how = "silence"
		except OSError as e:
			how = errno.errorcode[e.errno]
		return {"got": got[:4096].hex(), "size": len(got), "how": how, "peer": peer}


def do_dribble(host, port, send, pause=0.02, piece=1, read=0, timeout=8):
	"""Like tcp, with what is sent in pieces and pauses between them."""
	with dial(host, port, timeout) as s:
		s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
		data, got, how = bytes.fromhex(send), b"", "open"
		try:
			for i in range(0, len(data), piece):
				s.sendall(data[i:i + piece])
				time.sleep(pause)
			while len(got) < read:
				more = s.recv(65536)
				if not more:
					how = "end"
					break
				got += more
		except TimeoutError:
			how = "silence"
		except OSError as e:
			how = errno.errorcode[e.errno]
		return {"got": got[:4096].hex(), "size": len(got), "how": how}


def do_get(url, ca=None, sni=None, timeout=10, address=None, count=1, family=0):
	"""HTTP/1.1 GETs over one connection. SNI instead of the URL's name; ADDRESS instead of resolving it."""
	parts = urllib.parse.urlsplit(url)
	port = parts.port or (443 if parts.scheme == "https" else 80)
	with dial(address or parts.hostname, port, timeout, family) as s:
		if parts.scheme == "https":
			context = ssl.create_default_context(cafile=ca)
			context.check_hostname = sni is None
			s = context.wrap_socket(s, server_hostname=sni or parts.hostname)
		connection = http.client.HTTPConnection(parts.netloc, timeout=timeout)
		connection.sock = s
		for _ in range(count):
			connection.request("GET", parts.path or "/")
			reply = connection.getresponse()
			body = reply.read()
		s.close()
	return {"status": reply.status, "size": len(body), "sha256": hashlib.sha256(body).hexdigest(),
		"body": body[:2000].decode("latin-1")}


def do_open(host, port, send="", read=0, timeout=5):
	"""A connection that stays; its number."""
	s = dial(host, port, timeout)
	s.sendall(bytes.fromhex(send))
	got = b""
	while len(got) < read:
		more = s.recv(read - len(got))
		if not more:
			break
		got += more
	kept[s.fileno()] = s
	return {"number": s.fileno(), "got": got.hex()}


def do_kept(number, send="", read=0, timeout=5, end=False, close=False):
	"""Go on with a connection of do_open."""
	s = kept[number]
	s.settimeout(timeout)
	got, how = b"", "open"
	try:
		s.sendall(bytes.fromhex(send))
		if end:
			s.shutdown(socket.SHUT_WR)
		while read < 0 or len(got) < read:
			more = s.recv(65536)
			if not more:
				how = "end"
				break
			got += more
	except TimeoutError:
		how = "silence"
	except OSError as e:
		how = errno.errorcode[e.errno]
	if close:
		kept.pop(number).close()
	return {"got": got[:4096].hex(), "size": len(got), "how": how}


def do_reset(host, port, send="", timeout=5):
	"""Connect, send, and reset the connection from our side."""
	with dial(host, port, timeout) as s:
		s.sendall(bytes.fromhex(send))
		time.sleep(0.2)
		s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
	return {}


def do_download(host, port, size, pause=0.0, timeout=120):
	"""SIZE bytes from the service "lab", with a pause after each MiB; their sum and the seconds."""
	with dial(host, port, timeout) as s:
		start = time.monotonic()
		s.sendall(f"send {size}\n".encode())
		digest, got, mark = hashlib.sha256(), 0, 1 << 20
		buffer = bytearray(1 << 18)
		while n := s.recv_into(buffer):
			digest.update(memoryview(buffer)[:n])
			got += n
			if pause and got > mark:
				mark += 1 << 20
				time.sleep(pause)
		return {"size": got, "sha256": digest.hexdigest(), "seconds": time.monotonic() - start}


def do_upload(host, port, size, timeout=120):
	"""SIZE bytes to the service "lab", then our end; what it counted."""
	block = bytes(range(256)) * 1024
	digest, left = hashlib.sha256(), size
	with dial(host, port, timeout) as s:
		s.sendall(b"count\n")
		while left:
			piece = block[:min(left, len(block))]
			digest.update(piece)
			s.sendall(piece)
			left -= len(piece)
		s.shutdown(socket.SHUT_WR)
		answer = b""
		while more := s.recv(4096):
			answer += more
	return {"answer": answer.decode(), "wanted": f"{size} {digest.hexdigest()}\n"}


def do_stuff(host, port, order, limit, timeout=3):
	"""Send an order and then bytes until nothing more is taken for TIMEOUT; how many were. The connection stays."""
	s = dial(host, port, timeout)
	s.sendall(order.encode() + b"\n")
	sent, block = 0, bytes(1 << 16)
	try:
		while sent < limit:
			sent += s.send(block)
	except TimeoutError:
		pass
	kept[s.fileno()] = s
	return {"sent": sent, "number": s.fileno()}


async def one_of_many(address, port, gate, i, rounds):
	reader, writer = await asyncio.open_connection(address, port)
	gate["open"] += 1
	try:
		while gate["open"] + gate["failed"] < gate["wanted"]:
			await asyncio.sleep(0.02)
		for r in range(rounds):
			message = f"connection {i} round {r}\n".encode() * 20
			writer.write(message)
			if await asyncio.wait_for(reader.readexactly(len(message)), 60) != message:
				return False
		return True
	finally:
		writer.close()


async def many(address, port, count, rounds):
	gate = {"open": 0, "failed": 0, "wanted": count}

	async def guarded(i):
		try:
			return await one_of_many(address, port, gate, i, rounds)
		except (OSError, EOFError, asyncio.TimeoutError) as e:
			gate["failed"] += 1
			return type(e).__name__ + ": " + (errno.errorcode.get(getattr(e, "errno", 0), "") or str(e))

	return await asyncio.gather(*(guarded(i) for i in range(count)))


def do_many(host, port, count, rounds=2):
	"""COUNT connections, all open at once before the first byte, each echoing messages of its own."""
	soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
	resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
	start = time.monotonic()
	results = asyncio.run(many(do_resolve(host)["addresses"][0], port, count, rounds))
	errors = {}
	for r in results:
		if r is not True:
			errors[str(r)] = errors.get(str(r), 0) + 1
	return {"good": results.count(True), "errors": errors, "seconds": time.monotonic() - start, "files": hard}


def do_flood(host, port, count, timeout=5, send="", hold=True):
	"""COUNT connections one after the other, kept open with HOLD; how many were made, and the first error."""
	soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
	resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
	address = do_resolve(host)["addresses"][0]
	made, error, held = 0, None, []
	try:
		for _ in range(count):
			s = socket.socket(family_of(address), socket.SOCK_STREAM)
			s.settimeout(timeout)
			held.append(s)
			s.connect((address, port))
			if send:
				s.sendall(bytes.fromhex(send))
			made += 1
			if not hold:
				held.pop().close()
	except OSError as e:
		error = errno.errorcode.get(e.errno, type(e).__name__)
	for s in held:
		s.close()
	return {"made": made, "error": error}


def do_udp(host, port, send="3f", timeout=2):
	with socket.socket(family_of(host), socket.SOCK_DGRAM) as s:
		s.settimeout(timeout)
		s.connect((host, port))
		s.send(bytes.fromhex(send))
		return {"got": s.recv(4096).hex()}


def do_socket(family, kind, protocol):
	"""Only whether the kernel makes one."""
	socket.socket(family, kind, protocol).close()
	return {}


def do_ping(host):
	"""An echo request of ICMP, by a raw socket or one for pings, whichever there is."""
	six = family_of(host) == socket.AF_INET6
	last = None
	for kind in (socket.SOCK_RAW, socket.SOCK_DGRAM):
		try:
			with socket.socket(socket.AF_INET6 if six else socket.AF_INET, kind,
					   socket.IPPROTO_ICMPV6 if six else socket.IPPROTO_ICMP) as s:
				s.settimeout(2)
				body = struct.pack(">BBHHH", 128 if six else 8, 0, 0, 1, 1) + b"mcpcage"
				total = sum(struct.unpack(">8H", body + b"\0")[:8])
				total = (total >> 16) + (total & 0xffff)
				s.sendto(body[:2] + struct.pack(">H", ~total & 0xffff) + body[4:], (host, 0))
				return {"got": len(s.recv(4096))}
		except OSError as e:
			last = e
	raise last


def do_netlink(what, prefix="198.18.0.0", bits=15):
	"""Change the network by rtnetlink: a route to everything, an address, a link; the kernel's answer as an errno."""
	# rtmsg: family, prefix lengths, tos, table, protocol, scope, type, flags
	def attribute(kind, data):
		return struct.pack("=HH", 4 + len(data), kind) + data + bytes(-len(data) % 4)

	lo = struct.pack("=I", 1)
	messages = {
		"route": (24, struct.pack("=BBBBBBBBI", socket.AF_INET, 0, 0, 0, 254, 4, 253, 1, 0) + attribute(4, lo)),
		"local": (24, struct.pack("=BBBBBBBBI", socket.AF_INET, bits, 0, 0, 255, 4, 254, 2, 0) +
			  attribute(1, socket.inet_aton(prefix)) + attribute(4, lo)),
		"unlocal": (25, struct.pack("=BBBBBBBBI", socket.AF_INET, bits, 0, 0, 255, 0, 254, 2, 0) +
			    attribute(1, socket.inet_aton(prefix)) + attribute(4, lo)),
		"address": (20, struct.pack("=BBBBI", socket.AF_INET, 32, 0, 0, 1) + attribute(2, socket.inet_aton("45.60.70.80"))),
		"link": (16, struct.pack("=BxHiII", 0, 0, 0, 0, 0) + attribute(18, attribute(1, b"veth"))),
		"down": (16, struct.pack("=BxHiII", 0, 0, 1, 0, 1)),
		"up": (16, struct.pack("=BxHiII", 0, 0, 1, 1, 1)),
	}
	kind, body = messages[what]
	flags = 1 | 4 | (0x600 if kind in (16, 20, 24) and what not in ("down", "up") else 0)
	with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as s:
		s.bind((0, 0))
		s.settimeout(2)
		s.send(struct.pack("=IHHII", 16 + len(body), kind, flags, 1, 0) + body)
		_, answer, *_ = struct.unpack_from("=IHHII", data := s.recv(8192))
		code = -struct.unpack_from("=i", data, 16)[0] if answer == 2 else 0
		if code:
			raise OSError(code, os.strerror(code))
	return {}


def do_namespace():
	"""A user and network namespace of one's own would come with every privilege over it."""
	libc = ctypes.CDLL(None, use_errno=True)
	pid = os.fork()
	if pid == 0:
		os._exit(0 if libc.unshare(0x10000000 | 0x40000000) == 0 else ctypes.get_errno())
	status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
	if status:
		raise OSError(status, os.strerror(status))
	return {}


def do_setns(path):
	libc = ctypes.CDLL(None, use_errno=True)
	fd = os.open(path, os.O_RDONLY)
	try:
		if libc.setns(fd, 0):
			raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
	finally:
		os.close(fd)
	return {}


def do_unix(path=None, abstract=None):
	with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
		s.settimeout(2)
		s.connect(path if path else "\0" + abstract)
		return {"got": s.recv(100).hex()}


def do_files():
	"""The descriptors of this process and of every other that it may look at: [pid, number, what it is]."""
	found = []
	for pid in os.listdir("/proc"):
		if pid.isdigit():
			with contextlib.suppress(OSError):
				for fd in os.listdir(f"/proc/{pid}/fd"):
					with contextlib.suppress(OSError):
						found.append([int(pid), int(fd), os.readlink(f"/proc/{pid}/fd/{fd}")])
	return {"files": found, "self": os.getpid()}


def do_sockets(top="/"):
	"""Every socket file that can be seen below TOP, and the kernel's own table of sockets with names."""
	found = []
	for top, folders, files in os.walk(top):
		folders[:] = [f for f in folders if os.path.join(top, f) not in ("/proc", "/usr", "/sys")]
		for name in files:
			with contextlib.suppress(OSError):
				if stat.S_ISSOCK(os.lstat(os.path.join(top, name)).st_mode):
					found.append(os.path.join(top, name))
	with open("/proc/net/unix", encoding="latin-1") as f:
		names = [line.split()[-1] for line in f if len(line.split()) > 7 and line.split()[-1][0] in "/@"]
	return {"paths": found, "names": names}


def do_routes():
	"""What the kernel shows of this network."""
	with open("/proc/net/route", encoding="ascii") as f, open("/proc/net/dev", encoding="ascii") as g:
		return {"routes": len(f.readlines()) - 1, "devices": [line.split(":")[0].strip() for line in g if ":" in line]}


def do_listeners():
	"""Addresses that listen or are bound here, from /proc/net."""
	found = []
	for table in ("tcp", "tcp6", "udp", "udp6"):
		with contextlib.suppress(OSError):
			with open(f"/proc/net/{table}", encoding="ascii") as f:
				for line in f.readlines()[1:]:
					fields = line.split()
					if fields[3] in ("0A", "07"):
						found.append([table, fields[1]])
	return {"listeners": found}


def do_serve(host="127.0.0.1", port=0, connect=None):
	"""Serve on a port of ours and be the client as well, by another address with CONNECT."""
	listener = socket.socket(family_of(host), socket.SOCK_STREAM)
	listener.bind((host, port))
	listener.listen(5)
	listener.settimeout(5)

	def answer():
		with contextlib.suppress(OSError):
			peer, _ = listener.accept()
			peer.sendall(b"own " + peer.recv(100))
			peer.close()

	t = threading.Thread(target=answer, daemon=True)
	t.start()
	try:
		with socket.create_connection((connect or host, listener.getsockname()[1]), 5) as s:
			s.sendall(b"service")
			return {"got": s.recv(100).decode(), "port": listener.getsockname()[1]}
	finally:
		listener.close()


def do_steal(address, port):
	"""Bind ADDRESS and PORT, which somebody else listens on: with every option that might let one."""
	s = socket.socket(family_of(address), socket.SOCK_STREAM)
	with contextlib.closing(s):
		for option in (socket.SO_REUSEADDR, socket.SO_REUSEPORT):
			s.setsockopt(socket.SOL_SOCKET, option, 1)
		s.bind((address, port))
		s.listen(1)
	return {}


def do_kill(pid):
	os.kill(pid, 9)
	return {}


def do_run(argv, env=None, timeout=60, stdin=""):
	"""Another client."""
	done = subprocess.run(argv, input=stdin.encode(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout, check=False,
			      env={**os.environ, **(env or {})})
	return {"status": done.returncode, "out": done.stdout[:20000].decode("latin-1"), "err": done.stderr[-3000:].decode("latin-1")}


def do_say(text, count=1):
	"""Lines on standard error."""
	for i in range(count):
		os.write(2, f"{text} {i}\n".encode())
	return {}


actions = {name[3:]: value for name, value in list(globals().items()) if name.startswith("do_")}


def act(action, arguments):
	try:
		return actions[action](**arguments)
	except socket.gaierror as e:
		names = {getattr(socket, n): n for n in dir(socket) if n.startswith("EAI_")}
		return {"error": names.get(e.errno, str(e.errno)), "text": str(e)}
	except TimeoutError as e:
		return {"error": "ETIMEDOUT", "text": str(e)}
	except ssl.SSLError as e:
		return {"error": "TLS", "text": str(e)}
	except (OSError, EOFError, http.client.HTTPException, subprocess.SubprocessError) as e:
		return {"error": errno.errorcode.get(getattr(e, "errno", None) or 0, type(e).__name__), "text": f"{type(e).__name__}: {e}"}


def send(message):
	data = json.dumps({"jsonrpc": "2.0", **message}, separators=(",", ":")).encode() + b"\n"
	while data:
		data = data[os.write(1, data):]


def handle(message):
	ident, method, params = message.get("id"), message.get("method"), message.get("params") or {}
	if ident is None:
		return
	if method == "initialize":
		send({"id": ident, "result": {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}},
					      "serverInfo": {"name": "network puppet", "version": "1"}}})
	elif method == "tools/list":
		send({"id": ident, "result": {"tools": [{"name": "act", "description": "Do something on the network.",
							 "inputSchema": {"type": "object"}}]}})
	elif method == "tools/call":
		arguments = params["arguments"]
		text = json.dumps(act(arguments["action"], arguments["arguments"]))
		send({"id": ident, "result": {"content": [{"type": "text", "text": text}], "isError": False}})
	else:
		send({"id": ident, "error": {"code": -32601, "message": "Method not found"}})


if __name__ == "__main__":
	for one in sys.stdin.buffer:
		handle(json.loads(one))

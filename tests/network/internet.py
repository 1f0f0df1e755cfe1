# SPDX-License-Identifier: LGPL-2.1-or-later
"""Everything that listens in the tests' world: a thread with an event loop and, for the internet, a network namespace of its own.

It says the same on every address that its namespace has, and keeps what a test has to know: each connection with the address
it came to. A service is a port:

	80 8080 8000   HTTP/1.1 with connections that are kept
	443 8443       the same in TLS
	7              echo          22  a server that speaks first          53  DNS, in the internet only
	9000           "lab": the first line says what happens, see lab()
	7 443 udp      echo

Started by world.py. It never connects to anything.
"""

import asyncio
import contextlib
import ctypes
import hashlib
import itertools
import json
import os
import socket
import ssl
import struct
import threading

import nameserver

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000
IPV6_FREEBIND = 78
BLOCK = bytes(range(256)) * 1024
order = itertools.count()


def mark():
	return next(order)


class Services:
	"""
	connections: [{"address", "port", "peer", "sni", "first", "order"}], the address being that to which the client connected. Later
	connections, to whatever, have larger numbers; so has mark() of one that comes now.
	CERTIFICATE: (certificate and key in a PEM file). OWN_NAMESPACE: whether the thread makes itself a network namespace.
	"""

	def __init__(self, certificate, own_namespace, zone=None, host=None, setup=None, datagram_hosts=()):
		self.zone = zone
		self.datagram_hosts = datagram_hosts
		self.host = host  # None: every address
		self.ports = None
		self.connections = []
		self.datagrams = []
		self.open = 0
		self._certificate = certificate
		self._own = own_namespace
		self._setup = setup
		self._ready = threading.Event()
		self._go = threading.Event()
		self.error = None
		self.tid = None
		self.loop = None
		self.thread = threading.Thread(target=self._run, daemon=True)
		self.thread.start()
		self._ready.wait()
		if self.error:
			raise self.error
		self._ready.clear()

	def begin(self):
		"""Listen, once the namespace has its addresses."""
		self._go.set()
		self._ready.wait()
		if self.error:
			raise self.error

	def begin_on(self, *ports):
		"""Only these."""
		self.ports = ports
		self.begin()

	def to(self, address, port=None):
		"""Connections that came to ADDRESS, and PORT."""
		return [c for c in self.connections if c["address"] == address and port in (None, c["port"])]

	def _run(self):
		try:
			if self._own and LIBC.unshare(CLONE_NEWNET):
				raise OSError(ctypes.get_errno(), "unshare(CLONE_NEWNET)")
			self.tid = threading.get_native_id()
			self._ready.set()
			self._go.wait()
			if self._setup:
				self._setup()
			self.loop = asyncio.new_event_loop()
			self.loop.run_until_complete(self._listen())
		except Exception as e:  # told by the thread that waits
			self.error = e
			self._ready.set()
			return
		self._ready.set()
		self.loop.run_forever()

	# ---- sockets ----------------------------------------------------------------------------------------------------

	def _sockets(self, kind, port):
		"""One for each family, so that the address a client connected to is in its own form; datagrams are answered from one."""
		for host in [self.host] if self.host else ["0.0.0.0", "::"] if kind == socket.SOCK_STREAM else self.datagram_hosts:
			family = socket.AF_INET6 if ":" in host else socket.AF_INET
			s = socket.socket(family, kind)
			s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
			if family == socket.AF_INET6:
				s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
				s.setsockopt(socket.IPPROTO_IPV6, IPV6_FREEBIND, 1)  # of a local route, not of an interface
			s.bind((host, port))
			if kind == socket.SOCK_STREAM:
				s.listen(4096)
			s.setblocking(False)
			yield s

	async def _listen(self):
		tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
		tls.load_cert_chain(self._certificate)
		tls.set_alpn_protocols(["http/1.1"])
		tls.sni_callback = self._sni
		services = [(port, self.http, None) for port in (80, 8000, 8080)] + [(port, self.http, tls) for port in (443, 8443)]
		services += [(7, self.echo, None), (22, self.banner, None), (9000, self.lab, None)]
		if self.zone:
			services.append((53, lambda r, w: nameserver.stream(self.zone, r, w), None))
		for port, handler, context in services if self.ports is None else [v for v in services if v[0] in self.ports]:
			for s in self._sockets(socket.SOCK_STREAM, port):
				await asyncio.start_server(self._counted(handler, port), sock=s, ssl=context, limit=1 << 18)
		for port in (7, 443):
			for s in self._sockets(socket.SOCK_DGRAM, port):
				await self.loop.create_datagram_endpoint(lambda p=port: UdpEcho(self.datagrams, p), sock=s)
		if self.zone:
			for s in self._sockets(socket.SOCK_DGRAM, 53):
				await self.loop.create_datagram_endpoint(lambda: nameserver.Datagrams(self.zone), sock=s)

	def _counted(self, handler, port):
		async def run(reader, writer):
			s = writer.get_extra_info("socket")
			tls = writer.get_extra_info("ssl_object")
			here = writer.get_extra_info("sockname")
			peer = writer.get_extra_info("peername")
			s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
			entry = {"address": here[0] if here else None, "port": port, "peer": peer[0] if peer else None,
				 "sni": getattr(tls, "mcpcage_sni", None), "first": b"", "order": next(order)}
			self.connections.append(entry)
			self.open += 1
			try:
				await handler(reader, writer, entry) if handler in (self.http, self.lab) else await handler(reader, writer)
			except (OSError, EOFError, ValueError, asyncio.LimitOverrunError):
				pass
			finally:
				self.open -= 1
				with contextlib.suppress(OSError, RuntimeError):
					writer.close()
		return run

	@staticmethod
	def _sni(tls, name, _context):
		tls.mcpcage_sni = name

	# ---- what they say ----------------------------------------------------------------------------------------------

	async def http(self, reader, writer, entry):
		while True:
			head = await reader.readuntil(b"\r\n\r\n")
			entry["first"] = entry["first"] or head[:300]
			request, *lines = head.decode("latin-1").split("\r\n")
			method, path, _ = request.split(" ")
			headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in lines if ": " in line)}
			body = await reader.readexactly(int(headers.get("content-length", 0)))
			await self._reply(writer, entry, method, path, headers, body)
			if headers.get("connection", "").lower() == "close":
				return

	async def _reply(self, writer, entry, method, path, headers, body):
		status, kind = "200 OK", "text/plain"
		if method == "CONNECT":
			content = b"no proxy here\n"
			status = "405 Method Not Allowed"
		elif path.startswith("/bytes/"):
			size = int(path.rpartition("/")[2])
			writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n".encode())
			await pour(writer, size)
			return
		elif path == "/count":
			content = f"{len(body)} {hashlib.sha256(body).hexdigest()}\n".encode()
		elif path == "/who":
			kind = "application/json"
			content = json.dumps({**{k: entry[k] for k in ("address", "port", "sni")}, "host": headers.get("host")}).encode()
		else:
			content = b"hello from the internet\n"
		writer.write(f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(content)}\r\n\r\n".encode() + content)
		await writer.drain()

	@staticmethod
	async def echo(reader, writer):
		while data := await reader.read(1 << 16):
			writer.write(data)
			await writer.drain()

	@staticmethod
	async def banner(reader, writer):
		writer.write(b"SSH-2.0-the_internet\r\n")
		await writer.drain()
		await reader.read(1)

	async def lab(self, reader, writer, entry):
		"""echo | count | send N | reset N | slow SECONDS | late | hold: what a peer can do to a connection."""
		line = await reader.readline()
		entry["first"] = line[:300]
		what, *args = line.decode("latin-1").split()
		if what == "echo":
			await self.echo(reader, writer)
		elif what == "count":  # all that comes until its end, then an answer the other way
			digest, size = hashlib.sha256(), 0
			while data := await reader.read(1 << 18):
				digest.update(data)
				size += len(data)
			writer.write(f"{size} {digest.hexdigest()}\n".encode())
			await writer.drain()
		elif what == "send":
			await pour(writer, int(args[0]))
		elif what == "late":  # our end first; what comes afterwards is still read, and told in "first"
			writer.write(b"done\n")
			writer.write_eof()
			while data := await reader.read(1 << 16):
				entry["first"] += data[:300]
		elif what == "reset":
			await pour(writer, int(args[0]))
			await reader.read(1)
			writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
			writer.transport.abort()
		elif what == "slow":
			entry["read"] = 0
			writer.transport.pause_reading()
			await asyncio.sleep(float(args[0]))
			writer.transport.resume_reading()
			while data := await reader.read(1 << 16):
				entry["read"] += len(data)
			writer.write(f"{entry['read']}\n".encode())
			await writer.drain()
		elif what == "hold":
			writer.write(b"held\n")
			await reader.read()


async def pour(writer, size):
	"""SIZE bytes of BLOCK over and over."""
	while size > 0:
		writer.write(BLOCK[:min(size, len(BLOCK))])
		await writer.drain()
		size -= len(BLOCK)


class UdpEcho(asyncio.DatagramProtocol):
	def __init__(self, log, port):
		self.log, self.port, self.transport = log, port, None

	def connection_made(self, transport):
		self.transport = transport

	def datagram_received(self, data, addr):
		self.log.append((self.port, data[:200]))
		self.transport.sendto(data, addr)


def certificate(folder, names):
	"""A CA and a certificate for NAMES in FOLDER, by openssl(1). Returns (the CA's file, certificate and key in one)."""
	import subprocess
	ca, key, request, chain = (os.path.join(folder, n) for n in ("ca.pem", "ca.key", "server.csr", "server.pem"))

	def openssl(*args):
		subprocess.run(["openssl", *args], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=folder)

	new = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
	openssl("req", "-x509", *new, "-keyout", key, "-out", ca, "-days", "2", "-subj", "/CN=CA of the tests",
		"-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign")
	openssl("req", *new, "-keyout", "server.key", "-out", request, "-subj", "/CN=server of the tests")
	with open(os.path.join(folder, "server.ext"), "w", encoding="ascii") as f:
		f.write("subjectAltName=" + ",".join(("IP:" if n.replace(".", "").isdigit() or ":" in n else "DNS:") + n for n in names) + "\n")
	openssl("x509", "-req", "-in", request, "-CA", ca, "-CAkey", key, "-CAcreateserial", "-out", "server.crt", "-days", "2",
		"-extfile", "server.ext")
	with open(chain, "w", encoding="ascii") as out:
		for part in ("server.crt", "server.key"):
			with open(os.path.join(folder, part), encoding="ascii") as f:
				out.write(f.read())
	return ca, chain

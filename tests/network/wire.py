# SPDX-License-Identifier: LGPL-2.1-or-later
"""DNS messages and TLS ClientHellos, byte for byte: what the tests' name server and the attacks of puppet.py say.

Nothing is checked on purpose: a name may hold any bytes, a count may lie. RFC 1035, RFC 8446 section 4.1.2.
"""

import socket
import struct

A, NS, CNAME, SOA, NULL, PTR, MX, TXT, AAAA, SRV, OPT, SVCB, HTTPS, ANY = 1, 2, 5, 6, 10, 12, 15, 16, 28, 33, 41, 64, 65, 255
IN, CHAOS, HESIOD, NONE_CLASS, ANY_CLASS = 1, 3, 4, 254, 255
NOERROR, FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED = range(6)


def name(text):
	"""A text with dots, or a list of labels of bytes, as it stands in a message."""
	labels = [label.encode("latin-1") for label in text.rstrip(".").split(".") if label] if isinstance(text, str) else text
	return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def question(what, kind=A, klass=IN, ident=0x4d43, flags=0x0100, edns=0):
	"""A query. WHAT as name() takes it. EDNS: the size of datagrams that are offered."""
	extra = b"\0" + struct.pack(">HHIH", OPT, edns, 0, 0) if edns else b""
	return struct.pack(">HHHHHH", ident, flags, 1, 0, 0, 1 if edns else 0) + name(what) + struct.pack(">HH", kind, klass) + extra


def read_name(data, at):
	"""Labels, and where the name ends."""
	labels, end, jumps = [], None, 0
	while True:
		size = data[at]
		if size >= 0xc0:
			end = end or at + 2
			at = (size & 0x3f) << 8 | data[at + 1]
			jumps += 1
			if jumps > 64:
				raise ValueError("a loop of pointers")
		elif size == 0:
			return labels, end or at + 1
		else:
			labels.append(data[at + 1:at + 1 + size])
			at += 1 + size


class Message:
	"""A message taken apart: ident, flags, rcode, questions [(labels, type, class)], answers [(name, type, class, ttl, value)]."""

	def __init__(self, data):
		self.ident, self.flags, *counts = struct.unpack_from(">HHHHHH", data)
		self.rcode = self.flags & 15
		self.truncated = bool(self.flags & 0x0200)
		self.questions, self.sections = [], [[], [], []]
		at = 12
		for _ in range(counts[0]):
			labels, at = read_name(data, at)
			self.questions.append((labels, *struct.unpack_from(">HH", data, at)))
			at += 4
		for section, count in zip(self.sections, counts[1:]):
			for _ in range(count):
				labels, at = read_name(data, at)
				kind, klass, ttl, size = struct.unpack_from(">HHIH", data, at)
				at += 10
				value = data[at:at + size]
				if kind in (A, AAAA):
					value = socket.inet_ntop(socket.AF_INET if kind == A else socket.AF_INET6, value)
				elif kind in (CNAME, PTR):
					value = text(read_name(data, at)[0])
				section.append((text(labels), kind, klass, ttl, value))
				at += size
		self.answers = self.sections[0]
		self.edns = next((r[2] for r in self.sections[2] if r[1] == OPT), 0)


def text(labels):
	return ".".join(label.decode("latin-1") for label in labels)


def record(owner, kind, ttl, value, klass=IN):
	"""OWNER as name() takes it; VALUE: an address, a name, or bytes."""
	if kind in (A, AAAA) and isinstance(value, str):
		value = socket.inet_pton(socket.AF_INET if kind == A else socket.AF_INET6, value)
	elif isinstance(value, str):
		value = name(value)
	return name(owner) + struct.pack(">HHIH", kind, klass, ttl, len(value)) + value


def extension(kind, data):
	return struct.pack(">HH", kind, len(data)) + data


def server_name(*names, kind=0):
	"""The extension server_name with NAMES, of bytes. RFC 6066 section 3."""
	entries = b"".join(struct.pack(">BH", kind, len(n)) + n for n in names)
	return extension(0, struct.pack(">H", len(entries)) + entries)


def client_hello(*extensions, pad=0, pieces=0):
	"""A ClientHello of TLS 1.3 in records. PAD: bytes of padding; PIECES: the length of each record, 0 for one."""
	more = extension(21, bytes(pad)) if pad else b""
	body = b"".join(extensions) + more
	body += extension(43, b"\x02\x03\x04") + extension(10, b"\0\x02\0\x1d") + extension(13, b"\0\x02\x04\x03")
	body += extension(51, b"\0\x24\0\x1d\0\x20" + bytes(range(32)))
	hello = b"\x03\x03" + bytes(range(32)) + b"\x20" + bytes(32) + b"\0\x02\x13\x01" + b"\x01\0"
	hello += struct.pack(">H", len(body)) + body
	message = b"\x01" + struct.pack(">I", len(hello))[1:] + hello
	step = pieces or min(len(message), 16384)
	return b"".join(b"\x16\x03\x01" + struct.pack(">H", len(message[i:i + step])) + message[i:i + step]
			for i in range(0, len(message), step))


ENCRYPTED_CLIENT_HELLO = extension(0xfe0d, b"\0" + b"\0\x01\0\x01" + b"\x2a" + b"\0\x20" + bytes(32) + b"\0\x20" + bytes(32))

#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Where the bytes are cut changes nothing: split at every byte, many messages in one write, one over many writes."""

import json
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import Session, Timeout, parsed, require_mcpcage, text_of
from tap import done_testing, is_eq, ok

require_mcpcage()

MESSAGE = ('{"jsonrpc":"2.0", "id":%d ,"method":"tools/call","params":{"name":"echo",'
	   '"arguments":{"text":"\\u00e9\\"\\\\ é€\U0001d11e","n":-1.50e+2}}}')


def split_everywhere(s):
	"""One process, one message for each place to cut it at."""
	size = len((MESSAGE % 10000).encode())
	sent = []
	for at in range(1, size + 1):
		line = (MESSAGE % (10000 + at)).encode() + b"\n"
		s.write(line[:at])
		time.sleep(0.002)  # so that the reader sees two pieces
		s.write(line[at:])
		sent.append(line[:-1])
		reply = s.reply(10000 + at)
		if reply is None or json.loads(text_of(reply))["text"] != 'é"\\ é€\U0001d11e':
			return ok(False, f"a request cut at byte {at} is answered", repr(reply))
	ok(True, f"a request cut at each of its {size} bytes is answered")
	is_eq(s.seen(), sent, "and has reached the server byte for byte")


def split_answers(s):
	text = "é€\U0001d11e".encode()
	answer = b'{"jsonrpc":"2.0", "id":@ID@ ,"result":{"content":[{"type":"text","text":"' + text + rb'\u00e9\n"}],"x":-1.50e+2}}'
	ident = s.emit_mute(answer + b"\n", step=1, pause=0.001)
	is_eq(s.line(), answer.replace(b"@ID@", b"%d" % ident), "an answer in single bytes passes byte for byte")
	lines = [b'{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"%d"}}' % i for i in range(500)]
	for step in (7, 4096, 65536):
		ident = s.emit_mute(b"\n".join(lines) + b"\n" + answer + b"\n", step=step)
		got = [s.line() for _ in range(501)]
		is_eq(got, [*lines, answer.replace(b"@ID@", b"%d" % ident)], f"501 messages in writes of {step} bytes pass byte for byte")


def many_at_once(s):
	lines = [(MESSAGE % (30000 + i)).encode() for i in range(400)]
	s.write(b"\n".join(lines) + b"\n")
	texts = [s.reply(30000 + i) for i in range(400)]
	ok(all(texts), "400 requests in one write are all answered")
	is_eq(s.seen(), lines, "in their order")


def blank_lines(s):
	s.write(b"\n\n  \n\t\n" + (MESSAGE % 40000).encode() + b"\n\n")
	ok(s.reply(40000) is not None, "blank lines between messages do no harm")
	ok(s.other == [], "and nobody is answered for them", repr(s.other))


def spaces(s):
	line = b'  { "jsonrpc" : "2.0" ,\t"id" : 41000 , "method" : "ping" }  '
	s.send(line)
	ok(s.reply(41000) is not None, "white space around tokens is accepted")
	is_eq(s.seen()[-1], line, "and kept as it was")


def numbers(s):
	"""What a tree of numbers would not give back."""
	value = b'{"a":1.0,"b":1e2,"c":0.1000000000000000055511151231257827,"d":123456789012345678901234567890,"e":-0,"f":-0.0e-0}'
	line = b'{"jsonrpc":"2.0","id":42000,"method":"tools/call","params":{"name":"echo","arguments":' + value + b"}}"
	s.send(line)
	ok(s.reply(42000) is not None, "numbers of any precision pass")
	is_eq(s.seen()[-1], line, "digit for digit")
	answer = b'{"jsonrpc":"2.0","id":@ID@,"result":{"content":[],' + value[1:] + b"}"
	ident = s.emit_mute(answer + b"\n")
	is_eq(s.line(), answer.replace(b"@ID@", b"%d" % ident), "and in answers")


def free_keys(s):
	"""Keys of the user's own data may be anything."""
	line = ('{"jsonrpc":"2.0","id":43000,"method":"tools/call","params":{"name":"echo","arguments":'
		'{"ID":1,"Method":"GET","NAME":"x","jsonRPC":"3","":0,"é":1,"Result":{"id":1.5,"Error":null},"result":[true]}}}').encode()
	s.send(line)
	ok(s.reply(43000) is not None, "arguments may have keys that look like the protocol's")
	is_eq(s.seen()[-1], line, "byte for byte")


def slow_loris(s):
	s.write(b'{"jsonrpc":"2.0","id":44000,')
	answer = b'{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"tick"}}'
	s.write(b'"method":"tools/call","params":{"name":"flood","arguments":{"bytes":1000,"fd":2}}}\n')
	ok(s.reply(44000) is not None, "a request in two pieces is answered")
	for c in (MESSAGE % 44001).encode():
		s.write(bytes([c]))
		time.sleep(0.001)
	try:
		s.line(0.2)
		ok(False, "an unfinished line is not passed on")
	except Timeout:
		ok(True, "an unfinished line is not passed on")
	s.write(b"\n")
	ok(s.reply(44001) is not None, "and is, once it is finished")
	s.emit_mute(answer[:40])
	ident = s.new_id()
	s.send({"jsonrpc": "2.0", "id": ident, "method": "tools/call", "params": {"name": "emit", "arguments": {
		"b64": __import__("base64").b64encode(answer[40:] + b"\n").decode()}}})
	is_eq(s.line(), answer, "a server's line in two pieces, too")
	is_eq(parsed(s.line()).get("id"), ident, "and the answer behind it")


with Session() as session:
	for test in (split_everywhere, split_answers, many_at_once, blank_lines, spaces, numbers, free_keys, slow_loris):
		session.seen()
		session.other = []
		test(session)

with Session() as session:
	session.write(b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{}}}')
	status = session.end()
	ok(status is not None, "input that ends inside a line ends the session", f"status {status}")
	ok(b'"id":1,' not in session.raw and b'"id": 1,' not in session.raw, "and the unfinished request was not run")

done_testing()

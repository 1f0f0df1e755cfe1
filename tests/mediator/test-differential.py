#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Lines that two parsers read differently never pass, in either direction; each with a twin that does, byte for byte.

The rows are those of the differences that were seen between real MCP servers and clients, and what JSON (RFC 8259),
UTF-8 and JSON-RPC 2.0 forbid. A row says whether its sender can be answered: yes where the id is certain.
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import Session, Timeout, error_code, is_tool_error, parsed, require_mcpcage
from tap import done_testing, is_eq, ok

require_mcpcage()

YES, NO, EITHER = "yes", "no", "either"


def call(rest=b"", name=b'"echo"', head=b'"jsonrpc":"2.0","id":@ID@,'):
	return b'{' + head + b'"method":"tools/call","params":{"name":' + name + b',"arguments":{}' + rest + b'}}'


def ping(rest=b"", head=b'"jsonrpc":"2.0","id":@ID@'):
	return b'{' + head + b',"method":"ping"' + rest + b'}'


def with_id(token):
	return b'{"jsonrpc":"2.0","id":' + token + b',"method":"ping"}'


# name, hostile line, benign twin (None: no meaningful one), whether the sender is answered
CLIENT = [
	("a second name in another case", call(b',"Name":"emit"'), call(b',"Nam":"emit"'), YES),
	("a second name in another case, first", b'{"jsonrpc":"2.0","id":@ID@,"method":"tools/call","params":{"NAME":"emit","name":"echo"}}',
	 b'{"jsonrpc":"2.0","id":@ID@,"method":"tools/call","params":{"name":"echo","arguments":{"NAME":"emit","Method":"x","ID":7}}}', YES),
	("only a name in another case", b'{"jsonrpc":"2.0","id":@ID@,"method":"tools/call","params":{"Name":"emit"}}', None, YES),
	("a second method in another case", ping(b',"METHOD":"tools/call"'), ping(b',"params":{}'), YES),
	("a second id in another case", ping(b',"ID":1'), ping(), EITHER),
	("params with U+017F", call().replace(b'"params"', b'"param\xc5\xbf"'), call(), YES),
	("params with an escaped U+017F", call().replace(b'"params"', rb'"param\u017f"'), call(), YES),
	("arguments twice, once with U+017F", call(b',"argument\xc5\xbf":{"x":1}'), call(b',"argument":{"x":1}'), YES),
	("task with U+212A", call(b',"tas\xe2\x84\xaa":{}'), call(b',"tasx":{}'), YES),
	("a full-width letter", ping(b',"\xef\xbd\x8dethod":"x"'),
	 call().replace(b'"arguments":{}', b'"arguments":{"\xef\xbd\x8dethod":"x"}'), YES),
	("a key with U+0000 at its end", ping(rb',"method\u0000":"tools/call"'), ping(rb',"other\u0020":"x"'), YES),
	("the key method twice", ping(b',"method":"tools/call"'), ping(), YES),
	("the key method twice, once escaped", ping(rb',"m\u0065thod":"tools/call"'), ping().replace(b'"method"', rb'"m\u0065thod"'), YES),
	("the key id twice", ping(b',"id":77'), ping(), NO),
	("the key id twice, alike", ping(b',"id":@ID@'), ping(), EITHER),
	("the key name twice", call(b',"name":"emit"'), call(), YES),
	("a key twice deep in the arguments", call().replace(b'"arguments":{}', b'"arguments":{"a":[{"b":1,"b":2}]}'),
	 call().replace(b'"arguments":{}', b'"arguments":{"a":[{"b":1},{"b":2}]}'), YES),
	("a lone CR between tokens", ping().replace(b',"method"', b',\r"method"'), ping().replace(b',"method"', b', \t"method"'), YES),
	("a CR that makes an inner object a line", b'{"jsonrpc":"2.0","id":@ID@,"method":"ping","params":\r' + call().replace(b"@ID@", b"99") + b'\r}',
	 b'{"jsonrpc":"2.0","id":@ID@,"method":"ping","params": ' + call().replace(b"@ID@", b"99") + b' }', EITHER),
	("id with a fraction", with_id(b"16.5"), with_id(b"16001"), NO),
	("id with a fraction of zero", with_id(b"17.0"), with_id(b"17001"), NO),
	("id with an exponent", with_id(b"1e3"), with_id(b"1003"), NO),
	("id past 2^53", with_id(b"9007199254740993"), with_id(b"9007199254740991"), NO),
	("id past 2^64", with_id(b"18446744073709551617"), with_id(b"1844674407370955"), NO),
	("id true", with_id(b"true"), with_id(b'"true"'), NO),
	("id null", with_id(b"null"), with_id(b'"null"'), NO),
	("id an object", with_id(b"{}"), with_id(b'"{}"'), NO),
	("id an array", with_id(b"[1]"), with_id(b'"[1]"'), NO),
	("id a text of 4000 bytes", with_id(b'"' + b"i" * 4000 + b'"'), with_id(b'"' + b"i" * 200 + b'"'), NO),
	("a byte order mark", b"\xef\xbb\xbf" + ping(), b" " + ping(), EITHER),
	("a batch", b"[" + ping() + b"]", ping(), NO),
	("an empty batch", b"[]", None, NO),
	("a second object behind the first", ping() + call().replace(b"@ID@", b"98"), ping() + b"  ", EITHER),
	("bytes behind the message", ping() + b"x", ping() + b"\t ", EITHER),
	("100 000 nested arrays", ping(b',"params":{"x":' + b"[" * 100000 + b"]" * 100000 + b"}"),
	 ping(b',"params":{"x":' + b"[" * 20 + b"]" * 20 + b"}"), EITHER),
	("nesting that never closes", ping(b',"params":{"x":' + b'{"a":' * 5000), None, EITHER),
	("NUL behind a number", b'{"jsonrpc":"2.0","id":@ID@\0,"method":"ping"}', ping(), EITHER),
	("NUL in a text", ping(b',"params":{"x":"a\0b"}'), ping(rb',"params":{"x":"a\tb"}'), EITHER),
	("NUL at the end", ping() + b"\0", ping(), EITHER),
	("a control byte in a text", ping(b',"params":{"x":"a\x01b"}'), ping(rb',"params":{"x":"a\u0001b"}'), EITHER),
	("a raw tab in a text", ping(b',"params":{"x":"a\tb"}'), ping(rb',"params":{"x":"a\tb"}'), EITHER),
	("a vertical tab between tokens", ping().replace(b',"method"', b',\v"method"'), ping(), EITHER),
	("a no-break space between tokens", ping().replace(b',"method"', b',\xc2\xa0"method"'), ping(), EITHER),
	("overlong UTF-8", ping(b',"params":{"x":"\xc0\xaf"}'), ping(b',"params":{"x":"\xc2\xaf"}'), EITHER),
	("a surrogate in UTF-8", ping(b',"params":{"x":"\xed\xa0\x80"}'), ping(b',"params":{"x":"\xed\x9f\xbf"}'), EITHER),
	("UTF-8 past U+10FFFF", ping(b',"params":{"x":"\xf4\x90\x80\x80"}'), ping(b',"params":{"x":"\xf4\x8f\xbf\xbf"}'), EITHER),
	("cut UTF-8", ping(b',"params":{"x":"\xe2\x82"}'), ping(b',"params":{"x":"\xe2\x82\xac"}'), EITHER),
	("Latin-1", ping(b',"params":{"x":"\xe9"}'), ping(b',"params":{"x":"\xc3\xa9"}'), EITHER),
	("half a surrogate pair", ping(rb',"params":{"x":"\ud800"}'), ping(rb',"params":{"x":"\ud83d\ude00"}'), EITHER),
	("a surrogate pair the wrong way round", ping(rb',"params":{"x":"\ude00\ud83d"}'), None, EITHER),
	("half a surrogate pair in a key", ping(rb',"params":{"\udc00":1}'), None, EITHER),
	("no jsonrpc", b'{"id":@ID@,"method":"ping"}', ping(), EITHER),
	("jsonrpc 1.0", ping(head=b'"jsonrpc":"1.0","id":@ID@'), ping(), EITHER),
	("jsonrpc a number", ping(head=b'"jsonrpc":2.0,"id":@ID@'), ping(), EITHER),
	("a method and a result", ping(b',"result":{}'), ping(), EITHER),
	("a result and an error", b'{"jsonrpc":"2.0","id":@ID@,"result":{},"error":{"code":1,"message":"x"}}', None, NO),
	("neither method nor result", b'{"jsonrpc":"2.0","id":@ID@}', ping(), EITHER),
	("a method that is no text", b'{"jsonrpc":"2.0","id":@ID@,"method":["tools/call"]}', ping(), EITHER),
	("an empty method", b'{"jsonrpc":"2.0","id":@ID@,"method":""}', ping(), EITHER),
	("a method with U+0000", rb'{"jsonrpc":"2.0","id":@ID@,"method":"tools/call\u0000"}', ping(), EITHER),
	("a method of 5000 bytes", b'{"jsonrpc":"2.0","id":@ID@,"method":"' + b"m" * 5000 + b'"}', ping(), EITHER),
	("a tool name that is no text", call(name=b'["echo"]'), call(), YES),
	("a tool name with U+0000", call(name=rb'"echo\u0000"'), call(name=rb'"ech\u006f"'), YES),
	("a trailing comma", ping(b","), ping(b" "), EITHER),
	("a comment", ping(b"/**/"), ping(b" "), EITHER),
	("apostrophes", ping(b",'x':1"), ping(b',"x":1'), EITHER),
	("NaN", ping(b',"params":{"x":NaN}'), ping(b',"params":{"x":null}'), EITHER),
	("Infinity", ping(b',"params":{"x":-Infinity}'), ping(b',"params":{"x":-1e308}'), EITHER),
	("a leading zero", ping(b',"params":{"x":01}'), ping(b',"params":{"x":10}'), EITHER),
	("a leading plus", ping(b',"params":{"x":+1}'), ping(b',"params":{"x":-1}'), EITHER),
	("a point without digits", ping(b',"params":{"x":1.}'), ping(b',"params":{"x":1.0}'), EITHER),
	("a hexadecimal number", ping(b',"params":{"x":0x10}'), ping(b',"params":{"x":16}'), EITHER),
	("an unknown escape", ping(rb',"params":{"x":"\x41"}'), ping(rb',"params":{"x":"\u0041"}'), EITHER),
	("a cut escape", ping(rb',"params":{"x":"\u004"}'), ping(rb',"params":{"x":"\u004a"}'), EITHER),
	("a request of a tool call without id", b'{"jsonrpc":"2.0","method":"tools/call","params":{"name":"echo"}}',
	 b'{"jsonrpc":"2.0","method":"notifications/initialized","params":{"_meta":{"example.org/x":1}}}', NO),
]


def result(rest=b"", head=b'"jsonrpc":"2.0","id":@ID@', body=b'{"content":[{"type":"text","text":"hi"}]}'):
	return b'{' + head + b',"result":' + body + rest + b'}'


# What the server answers to the call that has the id @ID@.
SERVER = [
	("the key result twice", result(b',"result":{"content":[]}'), result(), YES),
	("a result in another case beside it", result(b',"Result":{"content":[]}'), result(), YES),
	("the key id twice", result(b',"id":1'), result(), NO),
	("a method beside the result", result(b',"method":"sampling/createMessage"'), result(), EITHER),
	("an error beside the result", result(b',"error":{"code":1,"message":"x"}'), result(), EITHER),
	("a key twice inside", result(body=b'{"content":[{"type":"text","text":"a","text":"b"}]}'), result(), YES),
	("a lone CR", result(body=b'{"content":\r[]}'), result(body=b'{"content": []}'), EITHER),
	("an escaped key twice", result(rb',"r\u0065sult":{}'), result().replace(b'"result"', rb'"r\u0065sult"'), YES),
	("NUL", result(body=b'{"content":[{"type":"text","text":"a\0b"}]}'), result(), EITHER),
	("NUL behind a number", result(head=b'"jsonrpc":"2.0","id":@ID@\0'), result(), EITHER),
	("a byte order mark", b"\xef\xbb\xbf" + result(), result(), EITHER),
	("a batch", b"[" + result() + b"]", result(), EITHER),
	("two objects in a line", result() + result(), result() + b" ", EITHER),
	("bytes behind it", result() + b" log: done", result(), EITHER),
	("deep nesting", result(body=b"[" * 50000 + b"]" * 50000), result(body=b'{"content":[],"x":' + b"[" * 20 + b"]" * 20 + b"}"), EITHER),
	("invalid UTF-8", result(body=b'{"content":[{"type":"text","text":"\xff"}]}'), result(body='{"content":[{"type":"text","text":"ÿ"}]}'.encode()), EITHER),
	("half a surrogate pair", result(body=rb'{"content":[{"type":"text","text":"\ud800"}]}'), result(), EITHER),
	("NaN", result(body=b'{"x":NaN}'), result(body=b'{"content":[],"x":1.5e-7}'), EITHER),
	("no jsonrpc", result(head=b'"id":@ID@'), result(), EITHER),
	("an escape sequence in bytes", result(body=b'{"content":[{"type":"text","text":"\x1b[2J"}]}'), result(), EITHER),
	("a result cut short", b'{"jsonrpc":"2.0","id":@ID@,"result":{"content":[', result(), EITHER),
]


def client_row(s, name, evil, twin, answered):
	ident = s.new_id()
	evil = evil.replace(b"@ID@", b"%d" % ident)
	s.send(evil)
	seen = s.seen()
	ok(evil not in seen and not any(evil.strip() in x for x in seen), f"client: {name}: does not reach the server",
	   f"the server saw {seen!r:.300}")
	came = s.other
	s.other = []
	codes = [error_code(m) for m in came]
	refused = [m for m in came if m.get("id") is not None and (error_code(m) in (-32600, -32602, -32700) or is_tool_error(m))]
	if answered == YES:
		ok(len(came) == 1 and len(refused) == 1 and came[0]["id"] == ident, f"client: {name}: is answered with an error", f"{came!r:.300}")
	elif answered == NO:
		is_eq(came, [], f"client: {name}: nobody is answered")
	else:
		ok(len(came) <= 1 and len(refused) == len(came) and all(m["id"] == ident for m in came),
		   f"client: {name}: its sender is answered, or nobody", f"{came!r:.300} {codes}")
	if twin is None:
		return
	ident = s.new_id()
	twin = twin.replace(b"@ID@", b"%d" % ident)
	s.send(twin)
	seen = s.seen()
	ok(twin in seen, f"client: {name}: the twin passes byte for byte", f"the server saw {seen!r:.300}")
	s.other = []


def raw_lines(s, until):
	"""Raw lines up to the answer to the request UNTIL."""
	lines = []
	while True:
		line = s.line()
		if line is None:
			raise Timeout("end of file")
		m = parsed(line)
		if m.get("id") == until and "method" not in m:
			return lines
		lines.append(line)


def server_answers(s, data):
	"""The server answers a call with DATA; what the client is sent until the next call is over."""
	ident = s.emit_mute(data + b"\n")
	fence = s.new_id()
	s.send({"jsonrpc": "2.0", "id": fence, "method": "tools/call", "params": {"name": "echo", "arguments": {}}})
	return ident, raw_lines(s, fence)


def server_row(s, name, evil, twin, answered):
	ident, lines = server_answers(s, evil)
	sent = evil.replace(b"@ID@", b"%d" % ident)
	messages = [parsed(x) for x in lines]
	ok(sent not in lines and all(m.get("id") == ident and is_tool_error(m) for m in messages) and len(messages) <= 1,
	   f"server: {name}: does not reach the client", f"{lines!r:.300}")
	if answered == YES:
		is_eq(len(messages), 1, f"server: {name}: the client is told")
	elif answered == NO:
		is_eq(messages, [], f"server: {name}: nobody is told")
	ident, lines = server_answers(s, twin)
	is_eq(lines, [twin.replace(b"@ID@", b"%d" % ident)], f"server: {name}: the twin passes byte for byte")


with Session() as session:
	for row in CLIENT:
		client_row(session, *row)
	ok(session.alive(), "the session works after all that its client did")
	ok(session.wait_stderr(b"refused"), "refusals are told on standard error")

with Session() as session:
	for row in SERVER:
		server_row(session, *row)
	ok(session.alive(), "the session works after all that its server did")

done_testing()

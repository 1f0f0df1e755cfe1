#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A small MCP server whose tools show the layers it runs under."""
import json
import os
import signal
import sys
import time


def eat(n):
    pid = os.fork()
    if pid == 0:
        held = bytearray(n)
        for i in range(0, n, 4096):
            held[i] = 1
        os._exit(0)
    return str(os.waitpid(pid, 0)[1])


def forks(n):
    pids = []
    try:
        while len(pids) < n:
            pid = os.fork()
            if pid == 0:
                signal.pause()
            pids.append(pid)
    except OSError:
        pass
    for pid in pids:
        os.kill(pid, 9)
        os.waitpid(pid, 0)
    return str(len(pids))


def read(path, line=""):
    """The file, or what starts with LINE in it."""
    try:
        with open(path, encoding="utf-8") as file:
            return "\n".join(found for found in file.read().strip().split("\n") if found.startswith(line))
    except OSError as error:
        return error.strerror


def eat_here(n):
    held = bytearray(n)
    for i in range(0, n, 4096):
        held[i] = 1
    return str(len(held))


def burn(n):
    """N busy processes, left behind; one more that has left our session and ignores SIGTERM."""
    for _ in range(n):
        if os.fork() == 0:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            os.setsid()
            if os.fork() > 0:
                os._exit(0)
            while True:
                pass
    return "burning"


def hang():
    burn(3)
    while True:
        signal.pause()


def write(path, n):
    """How many milliseconds N bytes take to the disk. They are not in memory any more then."""
    start = time.monotonic()
    with open(path, "wb") as file:
        for _ in range(n >> 16):
            file.write(os.urandom(1 << 16))
        file.flush()
        os.fsync(file.fileno())
        took = time.monotonic() - start
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    return str(int(took * 1000))


def load(path):
    """And back."""
    start = time.monotonic()
    with open(path, "rb") as file:
        while file.read(1 << 16):
            pass
    return str(int((time.monotonic() - start) * 1000))


TOOLS = {
    "write": lambda a: write(a["path"], a["bytes"]),
    "load": lambda a: load(a["path"]),
    "eat_here": lambda a: eat_here(a["bytes"]),
    "burn": lambda a: burn(a["count"]),
    "hang": lambda a: hang(),
    "eat": lambda a: eat(a["bytes"]),
    "forks": lambda a: forks(a["count"]),
    "read": lambda a: read(**a),
}


def answer(message):
    method = message["method"]
    if method == "initialize":
        return {"protocolVersion": message["params"]["protocolVersion"], "capabilities": {"tools": {}},
                "serverInfo": {"name": "vm", "version": "1"}}
    if method == "tools/list":
        return {"tools": [{"name": name, "inputSchema": {"type": "object"}} for name in TOOLS]}
    if method == "tools/call":
        params = message["params"]
        text = TOOLS[params["name"]](params.get("arguments", {}))
        return {"content": [{"type": "text", "text": text}]}
    return {}


for line in sys.stdin:
    request = json.loads(line)
    if "id" in request:
        print(json.dumps({"jsonrpc": "2.0", "id": request["id"], "result": answer(request)}), flush=True)

#!/usr/bin/python3 -IS
# SPDX-License-Identifier: LGPL-2.1-or-later
"""One session of server.py behind mcpcage.

    session.py [--kill] [OPTION...] -- [TOOL=JSON|labels=|sleep=SECONDS|group=FILE|grant=PATH|outside=]

Prints NAME: TEXT for each call, what mcpcage said on standard error as "said: ...", its exit status, and what is left of
its group. --kill ends it with SIGKILL instead of an end of file.
"""
import json
import os
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))


def groups():
    found = set()
    for folder, names, _ in os.walk("/sys/fs/cgroup"):
        found.update(os.path.join(folder, name) for name in names if name.startswith("mcpcage-"))
    return found


def share():
    """Percent of a processor that a busy process outside the cage gets in a second; the best of a few, on a busy machine."""
    best = 0
    for _ in range(5):
        start, used = time.monotonic(), time.process_time()
        while time.monotonic() - start < 1:
            pass
        best = max(best, int((time.process_time() - used) * 100 / (time.monotonic() - start)))
        if best >= 60:
            break
    return best


def labels(pid):
    """The AppArmor labels of mcpcage's own processes: PID and its children."""
    pids = [str(pid)]
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as file:
            pids += file.read().split()
    found = []
    for one in pids:
        with open(f"/proc/{one}/attr/apparmor/current", encoding="ascii") as file:
            found.append(file.read().strip())
    return found


def main():
    arguments = sys.argv[1:]
    kill = arguments[0] == "--kill"
    split = arguments.index("--")
    options, calls = arguments[1 if kill else 0:split], arguments[split + 1:]
    before = groups()
    home = tempfile.mkdtemp()
    with open(os.path.join(home, "err"), "w+b") as errors:
        # A pipe, as clients have it.
        hear, say = os.pipe()
        child = subprocess.Popen(["mcpcage", "--audit", f"{home}/audit", *options, "--", "/usr/bin/python3", "-IS",
                                  f"{HERE}/server.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=say)
        os.close(say)

        def keep():
            for data in iter(lambda: os.read(hear, 4096), b""):
                errors.write(data)

        keeper = threading.Thread(target=keep, daemon=True)
        keeper.start()

        def ask(identity, method, params):
            message = {"jsonrpc": "2.0", "id": identity, "method": method, "params": params}
            child.stdin.write(json.dumps(message).encode() + b"\n")
            child.stdin.flush()
            line = child.stdout.readline()
            return json.loads(line) if line else {}

        try:
            ask(0, "initialize", {"protocolVersion": "2025-06-18", "capabilities": {},
                                  "clientInfo": {"name": "vm", "version": "1"}})
            child.stdin.write(b'{"jsonrpc":"2.0","method":"notifications/initialized"}\n')
            ask("l", "tools/list", {})
            print("groups:", len(groups() - before))
            for number, call in enumerate(calls):
                name, _, text = call.partition("=")
                if name == "labels":
                    print("labels:", ", ".join(labels(child.pid)))
                    continue
                if name == "sleep":
                    time.sleep(float(text))
                    continue
                if name == "group":
                    print("at:", int(time.monotonic() * 1e6))
                    for group in groups() - before:
                        with open(os.path.join(group, text), encoding="ascii") as file:
                            print(f"{text}:", file.read().replace("\n", " ").strip())
                    continue
                if name == "grant":
                    done = subprocess.run(["mcpcage", "grant", "server.py", "--ro", text], stdin=subprocess.DEVNULL,
                                          capture_output=True, text=True)
                    print("grant:", done.returncode, done.stderr.strip())
                    continue
                if name == "outside":
                    print("outside:", share())
                    continue
                reply = ask(number + 1, "tools/call", {"name": name, "arguments": json.loads(text)})
                content = reply.get("result", {}).get("content", [{}])
                print(f"{name}:", content[0].get("text", json.dumps(reply)))
        except BrokenPipeError:
            print("broken: the session ended")
        start = time.monotonic()
        if kill:
            child.kill()
        else:
            try:
                child.stdin.close()
            except BrokenPipeError:
                pass
        status = child.wait(20)
        while groups() - before and time.monotonic() - start < 10:
            time.sleep(0.05)
        print("status:", status)
        print("left:", len(groups() - before))
        keeper.join(5)
        errors.seek(0)
        for line in errors:
            print("said:", line.decode(errors="replace").rstrip())
    try:
        with open(f"{home}/audit", encoding="utf-8") as audit:
            for line in audit:
                record = json.loads(line)
                for key in ("cgroup", "cgroup_limits", "usage", "layers"):
                    if key in record:
                        print(f"{key}:", json.dumps(record[key]))
                if record.get("event") == "call":
                    print("call:", json.dumps({k: record[k] for k in ("end", "cpu_us", "oom_kills") if k in record}))
                if "plan" in record:
                    print("apparmor:", json.dumps(record["plan"]["layers"]["apparmor"]))
    except OSError:
        pass


main()

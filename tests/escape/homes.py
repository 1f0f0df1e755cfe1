#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Kept homes (files.home) in real sessions: what stays and what does not, two sessions at once, what a server may leave
behind for its own next session, and wiping.

Servers are shell scripts, which say what they see on standard error.
"""

import json
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cagetest import Folder, Process, own, own_mounts, personas, plain_env, tap  # noqa: E402

WAIT = 30


class Homes:
	def __init__(self, folder):
		self.folder = folder
		self.user = folder.user
		self.state = folder.path("state")
		self.env = plain_env(self.user, XDG_STATE_HOME=self.state, XDG_CONFIG_HOME=folder.mkdir("config"))
		self.home = self.user.pw_dir

	def command(self, *words):
		p = Process([self.folder.mcpcage, *words], self.user, env=self.env)
		p.close_stdin()
		status = p.wait(WAIT)
		out, err = p.out.decode("utf-8", "replace"), p.messages()
		p.finish()
		return status, out, err

	def list(self):
		return json.loads(self.command("state", "list", "--json")[1])["homes"]

	def files(self, name):
		return os.path.join(self.state, "mcpcage", "homes", name, "files")


class Server:
	"""One configured server: a folder with its script, which is granted because it is the command."""

	def __init__(self, h, name):
		self.h = h
		self.path = h.folder.mkdir(name)
		self.script = os.path.join(self.path, "server.sh")

	def argv(self, *options):
		return [self.h.folder.mcpcage, "--pins", "off", *options, "--", "/bin/sh", self.script]

	def start(self, text, *options):
		self.h.folder.write(f"exec >&2 2>&1\n{text}\n", self.script)
		return Process(self.argv(*options), self.h.user, env=self.h.env)

	def run(self, text, *options):
		p = self.start(text, *options)
		p.close_stdin()
		status = p.wait(WAIT)
		said = p.messages()
		p.finish()
		return status, said


def keeps(h, who):
	s = Server(h, "keeps")
	command = s.argv("--home", "keep")
	h.folder.write("", s.script)
	p = Process([command[0], "--dry-run", *command[1:]], h.user, env=h.env)
	p.wait(WAIT)
	tap.ok(f"bind-rw {h.home} from {h.state}/mcpcage/homes/keeps-" in p.out.decode()
	       and not os.path.exists(os.path.join(h.state, "mcpcage", "homes")), f"{who}: --dry-run shows the home and makes none",
	       p.out.decode() + p.messages())
	p.finish()

	status, said = s.run("echo one >~/remembered; mkdir -p ~/.cache/x; echo ran", "--home", "keep")
	tap.ok(status == 0 and "ran" in said, f"{who}: a session writes into its home", said)
	status, said = s.run("cat ~/remembered; ls -d ~/.cache/x; touch ~/again && echo written", "--home", "keep")
	tap.ok("one" in said and f"{h.home}/.cache/x" in said and "written" in said, f"{who}: the next one finds it", said)
	status, said = s.run("ls -A ~; echo two >~/other", "--home", "session")
	tap.ok(status == 0 and "remembered" not in said, f"{who}: one without a kept home does not", said)
	status, said = s.run("ls -A ~", "--home", "keep")
	tap.ok("remembered" in said and "other" not in said, f"{who}: and leaves nothing in it", said)
	status, said = Server(h, "another").run("ls -A ~; ls -A ~/..; ls ../..; cat ~/remembered", "--home", "keep")
	tap.ok(status != 0 and "again" not in said and "record" not in said, f"{who}: another server has another home", said)
	homes = h.list()
	names = [x["name"].rsplit("-", 1)[0] for x in homes]
	tap.ok(sorted(names) == ["another", "keeps"] and all(x["keep"] == "keep" and not x["in_use"] for x in homes),
	       f"{who}: both are listed", json.dumps(homes))
	tap.ok(os.stat(h.files(homes[1]["name"])).st_mode & 0o777 == 0o700, f"{who}: and closed to others")

	status, said = s.run("echo '#!/bin/sh\necho \"as $(id -u)\"' >~/tool; chmod 4755 ~/tool; ~/tool; mount | grep \" $HOME \"; "
			     "mknod ~/node c 1 3 || echo no node", "--home", "keep")
	line = next((x for x in said.splitlines() if " on " + h.home + " " in x), "")
	tap.ok("nosuid" in line and "nodev" in line and "no node" in said, f"{who}: it is nosuid and nodev", said)
	status, said = s.run("head -c 3000000 /dev/zero >~/big; chmod 777 ~", "--home", "keep", "--home-size", "1M")
	status, said = s.run("echo still runs", "--home", "keep", "--home-size", "1M")
	tap.ok("more than 1M" in said and "still runs" in said, f"{who}: one that has grown too large is told", said)
	tap.ok(os.stat(h.files(homes[1]["name"])).st_mode & 0o777 == 0o700, f"{who}: one that its server opened is closed again")
	with open(os.path.join(h.state, "mcpcage", "audit.jsonl")) as f:
		starts = [x for x in map(json.loads, f) if x["event"] == "start"]
	tap.ok(any(x["plan"]["home_folder"] and any("holds" in n for n in x["plan"]["notes"]) for x in starts),
	       f"{who}: the audit log has the home and the note")


def mounts(h, who):
	"""What is granted below the home is shown in a kept home, too, whatever the server has done to it."""
	s = Server(h, "mounts")
	docs = os.path.join(h.home, f"docs-{h.folder.token}")
	secret = h.folder.mkdir("secret")
	h.folder.write("untouched", secret, "file")
	os.makedirs(os.path.join(docs, "deep", "er"))
	for path in (docs, os.path.join(docs, "deep"), os.path.join(docs, "deep", "er")):
		own(path, h.user)
	h.folder.write("granted", docs, "deep", "er", "file")
	link = os.path.join(h.home, f"link-{h.folder.token}")
	os.symlink(docs, link)
	own(link, h.user)
	grant = os.path.join(docs, "deep", "er")
	options = ("--home", "keep", "--ro", grant)
	try:
		status, said = s.run(f"cat {grant}/file; touch {grant}/new || echo read-only; ls -A ~", *options)
		tap.ok("granted" in said and "read-only" in said, f"{who}: a folder below the home is shown in a kept home", said)
		status, said = s.run(f"cat {grant}/file; cat {link}/deep/er/file", "--home", "keep", "--ro", link)
		tap.ok(said.count("granted") == 2, f"{who}: and a symlink", said)
		status, said = s.run(f"cat {grant}/file; cat {link}/deep/er/file; rm {link}; ln -s /etc {link}", "--home", "keep", "--ro", link)
		tap.ok(said.count("granted") == 2, f"{who}: again", said)
		status, said = s.run(f"cat {link}/deep/er/file", "--home", "keep", "--ro", link)
		tap.ok("granted" in said, f"{who}: one that the server had turned is turned back", said)

		# Traps for the next session: a symlink in the place of a folder on the way, or of the last one, or a file.
		traps = {
			"a symlink to a folder outside on the way": f"mv {docs} ~/away; ln -s {secret} {docs}",
			"a symlink to the cage's own": f"rm -f {docs}; ln -s /tmp {docs}",
			"a symlink in the last place": f"rm -f {docs}; mkdir -p {docs}/deep; ln -s {secret} {grant}",
			"a file": f"rm -rf {docs}; echo >{docs}",
			"a closed folder": f"rm -rf {docs}; mkdir {docs}; chmod 0 {docs}",
		}
		for what, trap in traps.items():
			status, said = s.run(f"{trap}; echo trapped", "--home", "keep")
			tap.ok("trapped" in said, f"{who}: the server leaves {what}", said)
			status, said = s.run(f"cat {grant}/file", *options)
			# What is closed can be mounted on, and not be entered.
			good = status == 125 and "state reset" in said or status != 0 and what == "a closed folder"
			tap.ok(good, f"{who}: the next session does not start, and says what to do", f"{status} {said}")
			tap.ok(os.listdir(secret) == ["file"], f"{who}: and nothing was made where it leads")
		status, _, err = h.command("state", "reset", "mounts")
		tap.ok(status == 0 and "empty now" in err, f"{who}: wiped", err)
		status, said = s.run(f"cat {grant}/file", *options)
		tap.ok(status == 0 and "granted" in said, f"{who}: it starts again", said)
		with open(os.path.join(secret, "file")) as f:
			tap.is_eq(f.read(), "untouched", f"{who}: what the symlinks led to is untouched")
	finally:
		os.unlink(link)
		for root, folders, names in os.walk(docs, topdown=False):
			for name in names:
				os.unlink(os.path.join(root, name))
			for name in folders:
				os.rmdir(os.path.join(root, name))
		os.rmdir(docs)


def at_once(h, who):
	s = Server(h, "at-once")
	options = ("--home", "keep")
	script = 'echo here >~/$$.$1; while :; do ls ~; sleep 0.1; [ -e ~/stop ] && exit; done'
	first = s.start(script, *options)
	tap.ok(first.until(lambda: b"." in first.err, WAIT), f"{who}: a session runs", first.messages())
	home = next(x for x in h.list() if x["name"].startswith("at-once"))
	tap.ok(home["in_use"], f"{who}: its home is in use")
	status, _, err = h.command("state", "reset", "at-once")
	tap.ok(status == 125 and "in use" in err, f"{who}: it is not wiped meanwhile", err)
	status, _, err = h.command("state", "reset", "--all")
	tap.ok(status == 125 and "in use" in err and os.listdir(h.files(home["name"])), f"{who}: nor with the others", err)
	second = Process(s.argv(*options), h.user, env=h.env)
	tap.ok(second.until(lambda: b"." in second.err, WAIT), f"{who}: a second session runs", second.messages())
	h.folder.write("", h.files(home["name"]), "stop")
	done = [p.wait(WAIT) for p in (first, second)]
	tap.ok(done == [0, 0], f"{who}: and both see the same home", f"{done} {first.messages()} {second.messages()}")
	first.finish()
	second.finish()
	status, out, err = h.command("state", "reset", "--", "/bin/sh", s.script)
	tap.ok(status == 0 and "at-once" in err and not os.path.exists(h.files(home["name"])),
	       f"{who}: afterwards it is wiped by its command", err)
	# A session that is killed gives its home back.
	third = s.start("echo ready; sleep 60", *options)
	third.until(lambda: b"ready" in third.err, WAIT)
	third.kill()
	third.wait(5)
	third.finish()
	status, _, err = h.command("state", "reset", "at-once")
	tap.ok(status == 0, f"{who}: a killed session does not keep its home locked", err)


def time_to_live(h, who):
	s = Server(h, "ttl")
	Server(h, "for-good").run("echo >~/mark", "--home", "keep")
	s.run("echo >~/mark", "--home", "2d")
	name = next(x["name"] for x in h.list() if x["name"].startswith("ttl"))
	record = os.path.join(h.state, "mcpcage", "homes", name, "record")
	old = time.time() - 3 * 86400
	os.utime(record, (old, old))
	home = next(x for x in h.list() if x["name"] == name)
	tap.ok(home["expired"] and home["keep"] == "2d" and home["entries"] == 1, f"{who}: it shows when its time is over", json.dumps(home))
	status, said = s.run("ls -A ~; echo >~/mark", "--home", "2d")
	tap.ok("has been wiped" in said and "mark" not in said.replace("marked", ""), f"{who}: and starts empty then", said)
	os.utime(record, (old, old))
	status, _, err = h.command("state", "expire")
	tap.ok(status == 0 and name in err and not any(x["name"] == name for x in h.list()), f"{who}: or is wiped by \"state expire\"", err)
	tap.ok(any(x["name"].startswith("for-good") for x in h.list()), f"{who}: which leaves those that are kept for good")


def usage(h, who):
	for words, why in ((("state", "forget"), "does not know"), (("state", "reset"), "which home"),
			   (("state", "reset", "--all", "x"), "which home"), (("state", "list", "x"), "too many"),
			   (("state", "reset", "nothing-like-it"), "no home"), (("state", "reset", "../keeps"), "no home"),
			   (("--all", "--", "true"), "state reset")):
		status, _, err = h.command(*words)
		tap.ok(status == 125 and why in err, f"{who}: mcpcage {' '.join(words)}: {why}", err)
	odd = os.path.join(h.state, "mcpcage", "homes", "odd\x1b[31m\nname")
	os.mkdir(odd, 0o700)
	os.mkdir(os.path.join(odd, "files"), 0o700)
	own(odd, h.user)
	own(os.path.join(odd, "files"), h.user)
	status, out, err = h.command("state", "list")
	tap.ok(status == 0 and "\x1b" not in out and "odd\\x1b[31m\\x0aname" in out, f"{who}: odd names are shown escaped", out)
	status, out, err = h.command("state", "reset", "--all")
	tap.ok(status == 0 and "\x1b" not in err and h.list() == [], f"{who}: all are wiped", err)


def main():
	own_mounts()
	for user in personas():
		folder = Folder(user)
		try:
			h = Homes(folder)
			who = user.pw_name
			keeps(h, who)
			mounts(h, who)
			at_once(h, who)
			time_to_live(h, who)
			usage(h, who)
		finally:
			folder.remove()
	tap.done_testing()


if __name__ == "__main__":
	main()

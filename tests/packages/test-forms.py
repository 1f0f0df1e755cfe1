#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The commands that people have in their configurations: each form starts the right program, and explain says which. What cannot work in a
cage is refused, with the alternative."""

import os
import stat
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import builder as b
import tools
from caged import World, require
from tap import diag, done_testing, is_eq, ok

require("npm", "pip")


def explained(w, name, words, *command):
	r = w.run("explain", "--", *command)
	missing = [x for x in words if x not in r.stdout]
	ok(r.returncode == 0 and not missing, f"{name}: explain says what it was turned into", f"not said: {missing}\n{r.stdout}\n{r.stderr}")


def npm_forms():
	with World() as w:
		w.registry.publish(b.npm_server("@scope/some-server", "1.2.3", bin={"some-server": "server.js", "other-command": "other.js"},
						files={"other.js": "#!/usr/bin/env node\nrequire('./server.js');\n"}))
		w.registry.publish(b.npm_server("beside", "3.0.0"))
		forms = [("npx", "-y", "@scope/some-server"), ("npx", "@scope/some-server@latest"), ("npm", "exec", "-y", "@scope/some-server", "--"),
			 ("npm", "exec", "--package=@scope/some-server", "--", "some-server"), ("npm", "x", "@scope/some-server", "--"),
			 ("bunx", "@scope/some-server"), ("bun", "x", "@scope/some-server"), ("pnpm", "dlx", "@scope/some-server"),
			 ("pnpx", "@scope/some-server"), ("yarn", "dlx", "@scope/some-server"), ("yarn", "dlx", "-p", "@scope/some-server", "some-server")]
		for form in forms:
			t = w.tell(*form, "-y", "an argument")
			is_eq((t.get("version"), t.get("argv", [])[1:]),
			      ("1.2.3", ["/opt/package/node_modules/@scope/some-server/server.js", "-y", "an argument"]), " ".join(form))
			name = next(n for n in ("npm exec", "bun x", "pnpm dlx", "yarn dlx", form[0]) if " ".join(form[:2]).replace("npm x", "npm exec").startswith(n))
			explained(w, " ".join(form), [f"{name}: @scope/some-server 1.2.3", "from the store of packages", "/opt/package/node_modules/@scope/some-server/server.js",
						      f"without {name}"], *form)
		is_eq((len(w.names("trees")), w.registry.asked(r"\.tgz$")), (1, 1), "all of them are one package in the store")
		t = w.tell("npx", "-y", "-p", "beside", "-p", "@scope/some-server", "other-command")
		is_eq(t.get("argv", [])[1:], ["/opt/package/node_modules/@scope/some-server/other.js"], "npx with two packages and a command")
		w.settled("npm's forms", trees=2)
		for command, words in ((("npx", "-c", "some-server"), ["as a shell", "as words"]),
				       (("npx", "--registry=http://127.0.0.1:9/", "x"), ["where packages come from", "configuration"]),
				       (("npx", "-y", "github:a/b"), ["no package of a registry", "node FILE"]),
				       (("npx", "-y", "file:../x"), ["no package of a registry", "node FILE"]),
				       (("npx", "-y", "./x"), ["no package of a registry", "node FILE"]),
				       (("npm", "start"), ["by way of a shell", "node FILE"]),
				       (("yarn", "start"), ["by way of a shell", "node FILE"])):
			w.fails(" ".join(command), words, *command, status=126)


def python_forms():
	with World() as w:
		w.registry.publish(b.wheel_server("some-server", "1.2.3"))
		for form in (("uvx", "some-server"), ("uvx", "some-server@latest"), ("uv", "tool", "run", "some-server"), ("pipx", "run", "some-server"),
			     ("uvx", "--from", "some-server", "some-server"), ("pipx", "run", "--spec", "some-server", "some-server"),
			     ("uv", "run", "--with", "some-server", "some-server")):
			t = w.tell(*form, "--from", "an argument")
			is_eq((t.get("version"), t.get("argv")), ("1.2.3", ["/opt/package/bin/some-server", "--from", "an argument"]), " ".join(form))
			name = " ".join(form[:3] if form[1] == "tool" else form[:2] if form[1] == "run" else form[:1])
			explained(w, " ".join(form), [f"{name}: some-server 1.2.3", "from the store of packages", "/opt/package/bin/some-server", f"without {name}"], *form)
		is_eq((len(w.names("trees")), w.registry.asked(r"\.whl$")), (1, 1), "all of them are one package in the store")
		for command, words in ((("uvx", "git+http://127.0.0.1:9/x"), ["no package of a registry", "python FILE"]),
				       (("uvx", "--index-url", "http://127.0.0.1:9/", "x"), ["where packages come from", "configuration"]),
				       (("uv", "run", "--with", "some-server", "x.py"), ["not a command of the packages", "uv run --directory"]),
				       (("uv", "pip", "install", "x"), ["uv may fetch", "uv sync"])):
			w.fails(" ".join(command), words, *command, status=126)


SERVER = "{}\n\nif __name__ == '__main__':\n\tmain()\n"


def plain_server():
	"""The small server as a file of its own, without a package around it."""
	return SERVER.format(b.source("server.py").replace('importlib.metadata.version(__name__.replace("_", "-"))', '"of a file"')
			     .replace('importlib.metadata.requires(__name__.replace("_", "-")) or ()', "()"))


def projects():
	"""uv run: the project's environment as it is."""
	with World() as w:
		project = w.path("work", "project")
		w.write("work/project/pyproject.toml", '[project]\nname = "project"\nversion = "1"\n', 0o644)
		w.write("work/project/server.py", plain_server(), 0o644)
		w.write("work/project/pack/__init__.py", plain_server(), 0o644)
		w.write("work/project/pack/__main__.py", "from pack import main\nmain()\n", 0o644)
		w.write("work/project/data.txt", "of the project\n", 0o644)
		r = w.fails("uv run before uv sync", [project, "no environment (.venv)", "uv sync"], "uv", "run", "--directory", project, "server.py", status=126)
		ok(not os.path.exists(os.path.join(project, ".venv")), "uv run: nothing is made", r.stderr)
		is_eq(w.bare(tools.PYTHON, "-m", "venv", "--without-pip", os.path.join(project, ".venv")).returncode, 0, "an environment is made")
		python = os.path.join(project, ".venv", "bin", "python")
		tool = w.write("work/project/.venv/bin/project-server", f"#!{python}\nfrom pack import main\nimport sys\nsys.path\nmain()\n", 0o755)
		w.write("work/project/.venv/lib/marker.pth", "", 0o644)
		site = [os.path.join(r, "site-packages") for r, d, _ in os.walk(os.path.join(project, ".venv", "lib")) if "site-packages" in d][0]
		w.write(os.path.relpath(os.path.join(site, "project.pth"), w.home), project + "\n", 0o644)
		script = os.path.join(project, "server.py")
		for form, argv in ((("uv", "run", "--directory", project, "server.py"), [script]),
				   (("uv", "--directory", project, "run", "server.py"), [script]),
				   (("uv", "run", "--directory", project, "--frozen", "--python", "3", script), [script]),
				   (("uv", "run", "--directory", project, "python", "server.py"), [script]),
				   (("uv", "run", "--directory", project, "python", "-m", "pack"), [os.path.join(project, "pack/__main__.py")]),
				   (("uv", "run", "--directory", project, "-m", "pack"), [os.path.join(project, "pack/__main__.py")]),
				   (("uv", "run", "--directory", project, "project-server"), [tool]),
				   (("uv", "run", "--project", project, "project-server"), [tool])):
			name = " ".join(x.replace(w.home, "~") for x in form)
			t = w.tell(*form, "an argument")
			is_eq((t.get("argv"), t.get("execPath"), t.get("ppid")), ([*argv, "an argument"], python, 1), name)
			ok((t.get("cwd") == project) == ("--project" not in form), f"{name}: where it runs", t.get("cwd"))
			explained(w, name, ["uv run: ", f"of the environment {project}/.venv, as it is, without uv"], *form)
		t = w.tell("uv", "run", "--directory", project, "server.py", tool="read", path="data.txt")
		is_eq(t.get("text"), "of the project\n", "uv run: it finds the project's files where it expects them")
		t = w.tell("uv", "run", "--directory", project, "server.py", tool="write", path=os.path.join(project, "new.txt"), text="x")
		ok("Read-only" in t.get("error", ""), "uv run: and cannot change them", t)
		t = w.tell("uv", "run", "--directory", project, "server.py", tool="read", path=w.path("notes.txt"))
		ok("No such file" in t.get("error", ""), "uv run: nor read the user's", t)
		is_eq(w.run("explain", "--", "uv", "run", "server.py", cwd=project).returncode, 0, "uv run: the working directory's project")
		os.makedirs(os.path.join(project, "member"))
		w.write("work/project/member/pyproject.toml", '[project]\nname = "member"\nversion = "1"\n', 0o644)
		explained(w, "uv run in a member of a workspace", [f"environment {project}/.venv"], "uv", "run", "--directory", os.path.join(project, "member"), "project-server")
		w.fails("uv run of what is not there", ['no command "nobody"', "uv sync"], "uv", "run", "--directory", project, "nobody", status=127)
		w.fails("uv run in no folder", ["cannot find the project's folder"], "uv", "run", "--directory", w.path("nowhere"), "x.py", status=127)
		w.fails("uv run in no project", ["is in no project", "--directory"], "uv", "run", "--directory", w.path("documents"), "x.py", status=127)
		w.fails("uv run --with in a project", ["adds to a project", "uv add"], "uv", "run", "--directory", project, "--with", "x", "y", status=126)
		w.fails("fetch of a project", ["no package runner"], "uv", "run", "--directory", project, "server.py", verb=("fetch",), status=125)
		is_eq(w.names("trees"), [], "the store has nothing of it")


def installed():
	"""What is installed by other means: nothing of the store takes part."""
	with World() as w:
		w.write("app/server.js", b.source("server.js"), 0o644)
		w.write("app/package.json", '{"name": "app", "version": "5.0.0"}\n', 0o644)
		t = w.tell("node", w.path("app", "server.js"), "x")
		is_eq((t.get("version"), t.get("argv", [])[1:]), ("5.0.0", [w.path("app", "server.js"), "x"]), "node FILE")
		w.write("lib/one/server.py", plain_server(), 0o644)
		t = w.tell(tools.PYTHON, w.path("lib", "one", "server.py"), "x")
		is_eq(t.get("argv"), [w.path("lib", "one", "server.py"), "x"], "python FILE")
		is_eq(w.bare(tools.PYTHON, "-m", "venv", "--without-pip", w.path("venv")).returncode, 0, "an environment is made")
		site = [os.path.join(r, "site-packages") for r, d, _ in os.walk(w.path("venv", "lib")) if "site-packages" in d][0]
		w.write(os.path.relpath(os.path.join(site, "pack", "__init__.py"), w.home), plain_server(), 0o644)
		w.write(os.path.relpath(os.path.join(site, "pack", "__main__.py"), w.home), "from pack import main\nmain()\n", 0o644)
		t = w.tell(w.path("venv", "bin", "python"), "-m", "pack", "x")
		is_eq((t.get("argv", [])[1:], t.get("execPath")), (["x"], w.path("venv", "bin", "python")), "a venv's python -m")
		tool = w.write("venv/bin/pack-server", f"#!{w.path('venv', 'bin', 'python')}\nfrom pack import main\nmain()\n", 0o755)
		is_eq(w.tell(tool, "x").get("argv"), [tool, "x"], "a command of a venv")
		is_eq((w.names("trees"), w.registry.asked()), ([], 0), "the store and the registry have no part in it")


def refused():
	with World() as w:
		cases = [(("docker", "run", "-i", "--rm", "image"), ["docker works through a service outside", "installed on this machine, instead"]),
			 (("podman", "run", "-i", "image"), ["podman works through a service outside", "installed on this machine, instead"]),
			 (("nerdctl", "run", "image"), ["service outside"]), (("flatpak", "run", "x"), ["service outside"]),
			 (("deno", "run", "-A", "npm:some-server@1"), ["deno fetches what it runs", "npx -y some-server@1"]),
			 (("deno", "run", "-A", w.path("main.ts")), ["deno fetches what it runs", "deno compile"]),
			 (("go", "run", "host.invalid/x/server@latest"), ["go fetches and compiles", "go install host.invalid/x/server@latest"]),
			 (("go", "run", "."), ["go fetches and compiles", "go build"]),
			 (("sudo", "npx", "x"), ["no privileges"])]
		for command, words in cases:
			w.fails(" ".join(command[:2]), words, *command, status=126)
			# Under another name, too.
			link = w.path("link-" + command[0])
			if not os.path.lexists(link):
				w.write("bin/" + command[0], "#!/bin/sh\n", 0o755)
				os.symlink(w.path("bin", command[0]), link)
			w.fails(f"{command[0]} by a link", words[:1], link, *command[1:], status=126)
		w.write("script", "#!/usr/bin/env -S deno run -A\n", 0o755)
		w.fails("a script for deno", ["deno fetches"], w.path("script"), status=126)


def version_managers():
	"""npx of a version manager runs on that version's node, and is installed by that version's npm."""
	with World() as w:
		w.registry.publish(b.npm_server("some-server", "1.2.3"))
		node = os.path.realpath(w.bare("sh", "-c", "command -v node").stdout.strip())
		npm = os.path.realpath(w.bare("sh", "-c", "command -v npm").stdout.strip())
		root = w.path(".nvm", "versions", "node", "v77.0.0")
		os.makedirs(os.path.join(root, "bin"))
		os.makedirs(os.path.join(root, "include", "node"))
		w.bare("cp", node, os.path.join(root, "bin", "node"))
		os.chmod(os.path.join(root, "bin", "node"), stat.S_IRWXU)
		for name in ("npm", "npx"):
			os.symlink(npm if name == "npm" else os.path.join(os.path.dirname(npm), "npx-cli.js"), os.path.join(root, "bin", name))
		t = w.tell(os.path.join(root, "bin", "npx"), "-y", "some-server")
		is_eq((t.get("version"), t.get("execPath")), ("1.2.3", os.path.join(root, "bin", "node")), "nvm's npx: its own node runs the server")


for part in (npm_forms, python_forms, projects, installed, refused, version_managers):
	if len(sys.argv) < 2 or part.__name__ in sys.argv[1:]:
		diag(part.__name__)
		part()
done_testing()

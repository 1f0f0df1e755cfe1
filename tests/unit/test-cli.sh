#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The command line: its grammar, its exit statuses, and that every option of the table is told everywhere.
# shellcheck disable=SC2154 # MCPCAGE, top_srcdir and top_builddir come from make
set -u
. "$top_srcdir/tests/tap.sh"

work=$(mktemp -d /tmp/mcpcage-cli-XXXXXX)
chmod 755 "$work"
trap 'rm -rf "$work"' EXIT
export HOME=$work/home
mkdir -p "$HOME"
unset XDG_CONFIG_HOME XDG_STATE_HOME XDG_DATA_HOME
cd "$work" || exit 99

# run ARG...: status, out and err are set.
run() {
	status=0
	"$MCPCAGE" "$@" >"$work/out" 2>"$work/err" </dev/null || status=$?
	out=$(cat "$work/out")
	err=$(cat "$work/err")
}

# refused STATUS GLOB ARG...
refused() {
	local want=$1 glob=$2
	shift 2
	run "$@"
	is "$status" "$want" "status of: mcpcage $*"
	like "$err" "$glob" "what it says"
	is "$out" "" "nothing on standard output"
}

# ---- grammar ----
refused 125 '*unknown option --netwrok*did you mean --network?*' --netwrok none true
refused 125 '*unknown option --zzzzzzzz*--help*' --zzzzzzzz true
refused 125 '*unknown option -x*' -vx true
refused 125 '*--memory needs a value*' --memory
refused 125 '*--dry-run takes no value*' --dry-run=yes true
refused 125 '*no command was given*'
refused 125 '*no command was given*' --
refused 125 '*--json is for*' --json true
refused 125 '*doctor takes no*' doctor true
refused 125 '*which session?*mcpcage grant*' grant
refused 125 '*what is to be granted?*' grant some
refused 125 '*what is to be granted?*' grant some --ro /srv --host example.org
refused 125 '*never to write*' grant some --rw /srv
refused 125 '*--for*unit*' grant some --ro /srv --for 10
refused 125 '*--for*least is 1s*' grant some --ro /srv --for 1ms
refused 125 '*--for was given twice*' grant some --ro /srv --for 1m --for 2m
refused 125 '*--for is for grant*' --for 1m true
refused 125 '*--host is for grant*--allow-host*' --host example.org true
refused 125 '*which session?*mcpcage revoke*' revoke
refused 125 '*which grant?*' revoke some
refused 125 '*which grant?*' revoke some 1 --all
refused 125 '*by its number*' revoke some 0
refused 125 '*by its number*' revoke some 1x
refused 125 '*ps takes no words*' ps some
refused 125 '*--memory*' --memory lots -- true
refused 125 '*--network*' --network=everything -- true
refused 125 '*no-such-profile*' --profile no-such-profile -- true
refused 127 '*command not found*' no-such-command-anywhere
refused 127 '*command not found*' -- explain-no-such-command
refused 127 '*No such file*' /no/such/file
refused 126 '*is a folder*' /usr
refused 126 '*@x/server is not in the store*mcpcage fetch*' --fetch never npx -y @x/server
refused 126 '*server is not in the store*mcpcage fetch*' --fetch never uvx server

run -- explain
is "$status" 127 '"explain" behind -- is a command to run'

# ---- help, version ----
run --help
is "$status" 0 "--help"
is "$err" "" "--help says nothing on standard error"
is "$(awk 'length > 100' "$work/out")" "" "--help fits 100 columns"
help=$out
run help
is "$out" "$help" "help is --help"
run -h
is "$out" "$help" "-h is --help"
run --version
like "$out" "mcpcage [0-9]*built with *" "--version"
run -V
is "$status" 0 "-V"
status=0
"$MCPCAGE" --help >/dev/full 2>"$work/err" || status=$?
is "$status" 125 "--help into a full device fails"

# ---- the table is told everywhere ----
man=$top_builddir/contrib/man/mcpcage.1
completions=$top_builddir/contrib/completions
options=$(grep -o '\.option = "--[a-z-]*"' "$top_srcdir/src/policy/keys.c" | cut -d'"' -f2)
count=$(wc -l <<<"$options")
ok "the table has options ($count)" test "$count" -gt 25
for option in $options; do
	name=${option#--}
	missing=
	grep -q -- " $option\( \|$\)" <<<"$help" || missing+=" --help"
	grep -qF -- "\\fB\\-\\-${name//-/\\-}\\fR" "$man" || missing+=" mcpcage(1)"
	grep -q -- "[' ]${option}[' ]" "$completions/mcpcage" || missing+=" bash"
	grep -q -- "$option\(=\|\[\|}\)" "$completions/_mcpcage" || missing+=" zsh"
	grep -q -- " -l $name\( \|$\)" "$completions/mcpcage.fish" || missing+=" fish"
	is "$missing" "" "$option is told everywhere"
done
words=$(sed -n 's/^\t{ COMMAND_[A-Z_]*, "\([a-z]*\)".*/\1/p' "$top_srcdir/src/cli/commands.c")
ok "the table has commands ($(wc -l <<<"$words"))" test "$(wc -l <<<"$words")" -gt 8
for word in $words; do
	missing=
	grep -q "^ *mcpcage $word\( \|$\)" <<<"$help" || missing+=" --help"
	grep -qF "\\fBmcpcage $word\\fR" "$man" || missing+=" mcpcage(1)"
	grep -A100000 '^\.SH COMMANDS' "$man" | grep -q "^\.\(BI\?R\?\|TP\) \"\?\(mcpcage \)\?$word" || missing+=" mcpcage(1), COMMANDS"
	for completion in mcpcage _mcpcage mcpcage.fish; do
		grep -q "[ '(|]${word}[ ':|)]" "$completions/$completion" || missing+=" $completion"
	done
	is "$missing" "" "the command $word is told everywhere"
done
ok "bash completion is a script" bash -n "$completions/mcpcage"
if command -v zsh >/dev/null; then
	ok "zsh completion is a script" zsh -n "$completions/_mcpcage"
fi
if command -v fish >/dev/null; then
	ok "fish completion is a script" fish -n "$completions/mcpcage.fish"
fi
if command -v mandoc >/dev/null; then
	for page in "$top_builddir"/contrib/man/*.[157]; do
		is "$(mandoc -Tlint -Wwarning "$page" 2>&1)" "" "mandoc has nothing to say about ${page##*/}"
	done
fi
for mode in help man-synopsis man-options man-keys bash zsh fish; do
	is "$(LC_ALL=C "$top_builddir/src/tools/gen-docs" $mode | cksum)" \
		"$("$top_builddir/src/tools/gen-docs" $mode | cksum)" "gen-docs $mode is the same twice"
done

# ---- doctor ----
run doctor
is "$status" 0 "doctor: sessions can start"
like "$out" "*user namespaces*seccomp*Landlock*Sessions can start*" "doctor shows the layers"
run doctor --json
ok "doctor --json is JSON" python3 -c 'import json, sys; d = json.load(open(sys.argv[1])); assert d["can_start"] and d["layers"]' \
	"$work/out"

# ---- policy test ----
cat >"$work/rules.json" <<'EOF'
{"tools": {"deny": ["delete_*"], "rules": [
  {"tool": "read_*", "verdict": "allow", "rate": "30/min",
   "arguments": {"required": ["path"], "properties": {"path": {"within": "~/docs"}}}},
  {"tool": "write_file", "verdict": "ask", "timeout": "10s", "reason": "it writes"}],
  "default": "deny"}}
EOF
chmod 644 "$work/rules.json"
# verdict STATUS WORD GLOB ARG...
verdict() {
	local want=$1 word=$2 glob=$3
	shift 3
	run policy test --policy "$work/rules.json" "$@"
	is "$status" "$want" "status of: policy test $*"
	like "$out" "$word *$glob*" "what it says"
	is "$err" "" "nothing on standard error"
}
verdict 0 allow '*rules.json, rule 1*satisfy the schema of policy*30/min*' read_file "{\"path\":\"$HOME/docs/x\"}"
verdict 0 allow '*not given*' read_file
verdict 1 deny '*do not satisfy*/path*rules.json, rule 1*' read_file "{\"path\":\"$HOME/docs/../x\"}"
verdict 1 deny '*path*' read_file '{}'
verdict 1 deny '*tools.deny: "delete_\*"*' delete_file '{"path":"x"}'
verdict 1 deny '*tools.default*' other
verdict 2 ask '*rules.json, rule 2*it writes*deadline*10s*' write_file '{"path":"/anywhere"}'
verdict 2 ask '*tools.ask: "read_x"*' --ask-tool read_x read_x
verdict 2 ask '*never used before*' --ask-first-use read_x
verdict 0 allow '*' read_file "$(printf '{\n\t"path":\r\n"%s/docs/a b"}' "$HOME")"
verdict 0 allow '*' read_file "{\"path\":\"$HOME/docs\"}" -- true
status=0
out=$(printf '{"path":\n"%s/docs"}\n' "$HOME" |
	"$MCPCAGE" policy test --json --policy "$work/rules.json" read_file - 2>"$work/err") || status=$?
is "$status" 0 "arguments from standard input"
ok "policy test --json is JSON" python3 -c 'import json, sys
d = json.loads(sys.argv[1])
assert d["verdict"] == "allow" and d["rules"][0]["number"] == 1 and d["arguments"]["policy"] == "satisfied", d' "$out"
run policy test --json --policy "$work/rules.json" read_file '{"path": 7}'
is "$status" 1 "status of a failing one with --json"
ok "which says where" python3 -c 'import json, sys
d = json.load(open(sys.argv[1]))
assert d["verdict"] == "deny" and d["policy"] == "allow" and d["arguments"]["pointer"] == "/path", d' "$work/out"
refused 125 '*one JSON object*' policy test x '[1]'
refused 125 '*one JSON object*' policy test x '{}},"id":2,"params":{"name":"y"'
refused 125 '*not acceptable*' policy test x '{"a":1,"a":2}'
refused 125 '*not acceptable*' policy test x '{} {}'
refused 125 '*not acceptable*' policy test x "$(printf '{"a":"\\xff"}')"
refused 125 '*what of policy*' policy
refused 125 '*no tool was given*' policy test
refused 125 '*what is "c"*' policy test a '{}' c
refused 125 '*no name that a tool can have*' policy test "$(printf 'x%.0s' {1..300})"
refused 127 '*command not found*' policy test a -- no-such-command-anywhere
# A schema that cannot be compiled stops everything, with the place.
echo '{"tools":{"rules":[{"tool":"a","verdict":"allow"},{"tool":"b","verdict":"ask","arguments":{"type":"strin"}}]}}' >"$work/bad.json"
chmod 644 "$work/bad.json"
refused 125 '*bad.json: tools.rules, rule 2*type*' policy test --policy "$work/bad.json" a
refused 125 '*bad.json: tools.rules, rule 2*type*' explain --policy "$work/bad.json" -- true
refused 125 '*bad.json: tools.rules, rule 2*type*' --dry-run --policy "$work/bad.json" -- true
# Programs that run outside the cage.
mkdir -p "$work/bin"
printf '#!/bin/sh\n' >"$work/bin/asker"
chmod 755 "$work/bin/asker"
echo '{"text":{"rules":["/nonexistent/rules.json"]}}' >"$work/no-rules.json"
refused 125 '*file of rules /nonexistent/rules.json*' explain --policy "$work/no-rules.json" -- true
refused 125 '*file of rules /nonexistent/rules.json*' --dry-run --policy "$work/no-rules.json" -- true
refused 125 '*ask.with: asker: command not found*' explain --ask-with asker -- true
refused 125 '*ask.with: cannot run*' explain --ask-with "$work/rules.json" -- true
PATH=$work/bin:$PATH run explain --ask-with 'asker -x' -- true
like "$out" "*OUTSIDE THE CAGE*$work/bin/asker -x*" "a program is found in PATH, and shown"
refused 125 "*$work/bin*the program $work/bin/asker is in it*" explain --rw "$work/bin" --ask-with "$work/bin/asker" -- true
ln -s bin/asker "$work/link"
refused 125 "*the program $work/link is in it*" explain --rw "$work/bin" --ask-with "$work/link" -- true

# ---- the working directory and the environment decide nothing ----
mkdir -p "$work/plain" "$work/seeded"/{profiles,mcpcage,.mcpcage,.config/mcpcage,etc/mcpcage}
for name in policy.json mcpcage.json .mcpcage.json .mcpcage mcpcage profiles/base.json mcpcage/policy.json .mcpcage/policy.json \
	.config/mcpcage/policy.json etc/mcpcage/policy.json package.json; do
	[ -d "$work/seeded/$name" ] || printf '{"network": {"mode": "host"}, "mcpcage": {"network": {"mode": "host"}}}' >"$work/seeded/$name"
done
explained() { (cd "$1" && shift && env "$@" "$MCPCAGE" explain --json -- /bin/true) | sed "s|$1|FOLDER|g"; }
plain=$(explained "$work/plain" X=)
like "$plain" '*"network"*"none"*' "control: a plan without a network"
is "$(explained "$work/seeded" MCPCAGE_NETWORK=host MCPCAGE_POLICY="$work/seeded/policy.json" MCPCAGE_OPTIONS=--network=host \
	MCPCAGE_PROFILE=browser MCPCAGE_CONFIG="$work/seeded" XDG_CONFIG_DIRS="$work/seeded" XDG_DATA_DIRS="$work/seeded")" "$plain" \
	"policy comes from no working directory and no variable"
mkdir -p "$work/xdg/mcpcage"
printf '{"network": {"mode": "host"}}' >"$work/xdg/mcpcage/policy.json"
nok "control: it does come from the user's own folder" test "$(explained "$work/plain" XDG_CONFIG_HOME="$work/xdg")" = "$plain"

# ---- explain and --dry-run start nothing and write nothing ----
mkdir -p "$work/project"
printf '#!/bin/sh\ntouch %s/started\n' "$work" >"$work/project/server"
chmod 755 "$work/project/server"
run explain --ro "$work/project" -- "$work/project/server" --memory 5
is "$status" 0 "explain"
like "$out" "*$work/project*" "explain names the grant"
run explain --json -- "$work/project/server"
ok "explain --json is JSON" python3 -c 'import json, sys; assert json.load(open(sys.argv[1]))' "$work/out"
is "$(wc -l <"$work/out")" 1 "explain --json is one line"
run --dry-run -- "$work/project/server" --no-such-option
is "$status" 0 "--dry-run; what is behind COMMAND is not mcpcage's"
like "$out" "*$work/project/server*" "--dry-run prints the plan"
first=$out
run --dry-run -- "$work/project/server" --no-such-option
is "$out" "$first" "the plan is the same twice"
run --memory 1G --memory=2G --dry-run -- "$work/project/server"
second=$out
run --memory 2G --dry-run -- "$work/project/server"
is "$out" "$second" "the last --memory counts"

# ---- the names of pins ----
mkdir -p "$work/one/dist" "$work/two/dist"
for folder in one two; do
	printf '#!/bin/sh\nexit 0\n' >"$work/$folder/dist/server"
	chmod 755 "$work/$folder/dist/server"
done
pins_of() {
	"$MCPCAGE" explain --json "$@" 2>/dev/null </dev/null |
		python3 -c 'import json, os, sys; print(os.path.basename(json.load(sys.stdin)["pins_folder"]))'
}
name=$(pins_of -- "$work/one/dist/server" a)
like "$name" "one-????????????" "pins are named after the command, by a word that tells something"
is "$(cd "$work/one" && pins_of -- dist/server a)" "$name" "a relative path is the file it names"
is "$(cd "$work/one" && pins_of -- ./dist/server a)" "$name" "however it is written"
nok "in another folder it is another server" test "$(cd "$work/two" && pins_of -- dist/server a)" = "$name"
nok "with other arguments, too" test "$(pins_of -- "$work/one/dist/server" b)" = "$name"
nok "two arguments are not one" test "$(pins_of -- "$work/one/dist/server" a b)" = "$(pins_of -- "$work/one/dist/server" "a b")"
is "$(X=1 pins_of --env Y=2 -- "$work/one/dist/server" a)" "$name" "options and variables are no part of it"
is "$(pins_of --pins-name mine -- "$work/one/dist/server" a)" mine "--pins-name names them"
like "$(pins_of --profile node -- "$work/one/dist/server" a)" "node-one-*" "a profile that was asked for is part of the name"
is "$(find "$HOME" -mindepth 1)" "" "explain makes no folder"
refused 125 '*of which server?*' diff
refused 125 '*there are no pins with the name nobody*pins list*' diff nobody
refused 125 '*pins does not know*' pins frobnicate
refused 125 '*a word is missing*' pins show
refused 125 '*--yes and --accept are for*' --yes true
rm -rf "$HOME/.local"

nok "nothing was started" test -e "$work/started"
is "$(find "$HOME" -mindepth 1)" "" "nothing was written"

# ---- borrowed privileges ----
# A sanitizer's run-time wants to look into its own process, which such a copy may not.
if [ "$(id -u)" -eq 0 ] && command -v setpriv >/dev/null && [ -z "${MCPCAGE_SANITIZED-}" ]; then
	as_nobody() {
		status=0
		err=$(setpriv --reuid 65534 --regid 65534 --clear-groups "$@" 2>&1 >/dev/null) || status=$?
	}
	cp "$MCPCAGE" "$work/copy"
	chmod 755 "$work/copy"
	as_nobody "$work/copy" --version
	is "$status" 0 "a plain copy runs as an ordinary user"
	for mode in 4755 2755; do
		chmod $mode "$work/copy"
		as_nobody "$work/copy" --version
		is "$status" 125 "a copy of mode $mode refuses"
		like "$err" "mcpcage: *" "and says why"
	done
	chmod 755 "$work/copy"
	if command -v setcap >/dev/null; then
		setcap cap_net_raw+ep "$work/copy"
		as_nobody "$work/copy" --version
		is "$status" 125 "a copy with file capabilities refuses"
	else
		tap_skip "setcap is not installed"
	fi
else
	tap_skip_kernel "only root can make a program setuid root"
fi

done_testing

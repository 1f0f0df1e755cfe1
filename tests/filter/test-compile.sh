#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The language of profiles/seccomp: what seccomp-compile takes, what it refuses and with which line, and that the same rules
# always give the same bytes.
set -u
# shellcheck source=tests/tap.sh
. "${top_srcdir:?}/tests/tap.sh"

compile=${top_builddir:?}/src/tools/seccomp-compile
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT

# stdin: rules. $1: architecture, then further options.
try() {
	cat >"$dir/t.rules"
	"$compile" "--arch=$1" --name=list "${@:2}" "$dir/t.rules" >"$dir/out" 2>"$dir/err"
}

# refuses NAME ARCH MESSAGE: the rules on stdin fail with MESSAGE, which starts with the line's number.
refuses() {
	if try "$2"; then
		fail "$1: taken"
	elif grep -qF ".rules:$3" "$dir/err"; then
		pass "$1"
	else
		fail "$1"
		diag "$(cat "$dir/err")"
	fi
}

takes() {
	if try "${@:2}"; then pass "$1"; else fail "$1"; diag "$(cat "$dir/err")"; fi
}

good='define ENOSYS 38
default errno ENOSYS'

takes "a short list" x86_64 <<E1
$good
allow read write # comment
call ioctl
	allow if arg1:32 in 1 2 \\
		3
	else errno ENOSYS
end
E1
first=$(cat "$dir/out")
cp "$dir/t.rules" "$dir/again"
try x86_64 <"$dir/again"
is "$(cat "$dir/out")" "$first" "the same rules give the same bytes"
case $first in
*"$dir"*) fail "no path of this machine is written" ;;
*) pass "no path of this machine is written" ;;
esac

refuses "a misspelt call" x86_64 "3: no system call is named 'raed'" <<E1
$good
allow raed
E1
refuses "a call that the architecture lacks" aarch64 "3: aarch64 has no system call 'open'" <<E1
$good
allow open
E1
takes "the same in an if" aarch64 <<E1
$good
if x86_64
allow open
endif
E1
refuses "a call decided twice" x86_64 "4: read was decided before, at $dir/t.rules:3" <<E1
$good
allow read
errno ENOSYS read
E1
refuses "an undefined constant" x86_64 "3: 'EWHAT' is not defined" <<E1
$good
errno EWHAT read
E1
refuses "a constant defined twice" x86_64 "3: ENOSYS is defined already" <<E1
$good
define ENOSYS 39
E1
refuses "an action without a name" x86_64 "3: a name is missing" <<E1
$good
allow
E1
refuses "an unknown action" x86_64 "3: 'permit': allow, kill or errno" <<E1
$good
permit read
E1
refuses "an errno that is none" x86_64 "4: not an errno" <<E1
$good
define BIG 5000
errno BIG read
E1
refuses "a width left out" x86_64 "4: a condition starts with argN:32 or argN:64" <<E1
$good
call read
allow if arg1 == 3
else kill
end
E1
refuses "another width" x86_64 "4: a condition starts with" <<E1
$good
call read
allow if arg1:16 == 3
else kill
end
E1
refuses "an argument that no call has" x86_64 "4: a condition starts with" <<E1
$good
call read
allow if arg6:32 == 3
else kill
end
E1
refuses "a condition that cannot hold" x86_64 "4: 0x10: the value has bits that are not compared" <<E1
$good
call read
allow if arg1:32 & 0xf == 0x10
else kill
end
E1
refuses "a value wider than what is compared" x86_64 "4: 0x100000000: the value has bits" <<E1
$good
call read
allow if arg1:32 == 0x100000000
else kill
end
E1
refuses "a condition without a value" x86_64 "4: a value is missing" <<E1
$good
call read
allow if arg1:32 ==
else kill
end
E1
refuses "several values after ==" x86_64 "4: only argN:32 in takes several values" <<E1
$good
call read
allow if arg1:32 == 1 2
else kill
end
E1
refuses "a block without else" x86_64 "5: a call block ends with else" <<E1
$good
call read
allow if arg1:32 == 1
end
E1
refuses "a clause after else" x86_64 "5: nothing can follow else" <<E1
$good
call read
else kill
allow if arg1:32 == 1
end
E1
refuses "a block that is not closed" x86_64 "4: end of file inside a call block" <<E1
$good
call read
else kill
E1
refuses "an if that is not closed" x86_64 "3: end of file inside if" <<E1
$good
if x86_64
E1
refuses "endif alone" x86_64 "3: endif without if" <<E1
$good
endif
E1
refuses "a number that contradicts libseccomp" x86_64 "3: read is 0 on x86_64, not 7" <<E1
$good
number read 7
E1
takes "a number that libseccomp may not know" x86_64 <<E1
$good
number mseal 462
allow mseal
E1
if try x86_64 <<E1; then
$good
complete
allow read
E1
	fail "complete: calls left to the default are taken"
else
	ok "complete: calls left to the default are named" grep -qF 't.rules: write (1 on x86_64) is not decided' "$dir/err"
fi
if try x86_64 <<E1; then
allow read
E1
	fail "no default: taken"
else
	ok "no default is refused" grep -qF 't.rules: no default' "$dir/err"
fi
printf 'include gone.rules\n' >"$dir/i.rules"
nok "an include that is not there" "$compile" --arch=x86_64 --name=x "$dir/i.rules"
printf 'include i.rules\n' >"$dir/i.rules"
nok "an include of itself" "$compile" --arch=x86_64 --name=x "$dir/i.rules"
nok "an architecture without a table" "$compile" --arch=riscv64 --name=x "$dir/t.rules"

# A feature changes what it is asked to change.
rules() {
	printf '%s\nif unix\nallow read\nelse\nkill read\nendif\n' "$good"
}
rules | try x86_64
without=$(cat "$dir/out")
rules | try x86_64 --with=unix
if [ "$(cat "$dir/out")" != "$without" ]; then pass "a feature is seen"; else fail "a feature is seen"; fi

for arch in x86_64 aarch64; do
	for list in server filter init; do
		ok "$list.rules for $arch" "$compile" "--arch=$arch" --name=x "$top_srcdir/profiles/seccomp/$list.rules"
	done
done
done_testing

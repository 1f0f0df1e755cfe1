# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# The Test Anything Protocol for tests in bash: sourced, same words as tests/tap.h.
#
#	. "$top_srcdir/tests/tap.sh"
#	ok "grep finds it" grep -q x file       # a name, then a command that must succeed
#	nok "grep does not" grep -q y file      # ... that must fail
#	is "$got" "$wanted" "a name"
#	done_testing                            # prints the plan and exits

tap_run=0
tap_failed=0
tap_planned=

plan() {
	tap_planned=$1
	printf '1..%d\n' "$1"
}

diag() {
	printf '%s\n' "$*" | sed 's/^/# /'
}

bail_out() {
	printf 'Bail out! %s\n' "$*"
	exit 255
}

pass() {
	tap_run=$((tap_run + 1))
	printf 'ok %d - %s\n' "$tap_run" "${*//\#/ }"
}

fail() {
	tap_run=$((tap_run + 1))
	tap_failed=$((tap_failed + 1))
	printf 'not ok %d - %s\n' "$tap_run" "${*//\#/ }"
	diag "  failed at ${BASH_SOURCE[${tap_depth:-1}]}:${BASH_LINENO[$((${tap_depth:-1} - 1))]}"
	return 1
}

# ok NAME COMMAND [ARG...]: the command's output becomes a diagnosis when it fails.
ok() {
	local name=$1 output status=0
	shift
	output=$("$@" 2>&1) || status=$?
	if [ "$status" -eq 0 ]; then
		pass "$name"
	else
		tap_depth=2 fail "$name"
		diag "  status $status: $*"
		[ -z "$output" ] || diag "$output"
		return 1
	fi
}

nok() {
	local name=$1 output status=0
	shift
	output=$("$@" 2>&1) || status=$?
	if [ "$status" -ne 0 ]; then
		pass "$name"
	else
		tap_depth=2 fail "$name"
		diag "  succeeded, but must not: $*"
		[ -z "$output" ] || diag "$output"
		return 1
	fi
}

# is GOT WANTED NAME
is() {
	if [ "$1" = "$2" ]; then
		pass "$3"
	else
		tap_depth=2 fail "$3"
		diag "       got: '$1'"
		diag "  expected: '$2'"
		return 1
	fi
}

# like TEXT GLOB NAME
like() {
	# shellcheck disable=SC2254
	case $1 in
	$2) pass "$3" ;;
	*)
		tap_depth=2 fail "$3"
		diag "       got: '$1'"
		diag "  does not match: '$2'"
		return 1
		;;
	esac
}

# For what the tester can repair: a failure under MCPCAGE_MUST_WORK=1.
tap_skip() {
	if [ "${MCPCAGE_MUST_WORK:-}" = 1 ]; then
		tap_run=$((tap_run + 1))
		tap_failed=$((tap_failed + 1))
		printf 'not ok %d - must not be skipped: %s\n' "$tap_run" "$*"
	else
		tap_skip_kernel "$@"
	fi
}

# For what this kernel cannot do.
tap_skip_kernel() {
	tap_run=$((tap_run + 1))
	printf 'ok %d # SKIP %s\n' "$tap_run" "$*"
}

# The whole test is not run.
tap_skip_all() {
	if [ "${MCPCAGE_MUST_WORK:-}" = 1 ]; then
		printf '1..1\nnot ok 1 - must not be skipped: %s\n' "$*"
		exit 1
	fi
	tap_skip_all_kernel "$@"
}

tap_skip_all_kernel() {
	printf '1..0 # SKIP %s\n' "$*"
	exit 0
}

done_testing() {
	[ -n "$tap_planned" ] || plan "$tap_run"
	if [ "$tap_planned" -ne "$tap_run" ]; then
		diag "planned $tap_planned assertions, made $tap_run"
		exit 1
	fi
	if [ "$tap_failed" -ne 0 ]; then
		diag "$tap_failed of $tap_run assertions failed"
		exit 1
	fi
	exit 0
}

# SPDX-License-Identifier: LGPL-2.1-or-later
"""The Test Anything Protocol for tests in Python: same words as tests/tap.h.

	import os, sys
	sys.path.insert(0, os.path.join(os.environ["top_srcdir"], "tests"))
	from tap import ok, is_eq, done_testing

	ok(1 + 1 == 2, "addition")
	done_testing()          # prints the plan and exits

Only the process that imported this prints results. An exception that nobody caught is a failed assertion that shows
where it came from, and makes the run fail in any case, because the plan is then missing.
"""

import os
import sys
import traceback

_run = 0
_failed = 0
_planned = None

MUST_WORK = os.environ.get("MCPCAGE_MUST_WORK") == "1"


def _uncaught(kind, error, trace):
	if os.getpid() == _process and not issubclass(kind, KeyboardInterrupt):
		failed(f"ended by {kind.__name__}", "".join(traceback.format_exception(kind, error, trace, limit=-3)).rstrip())
	else:
		sys.__excepthook__(kind, error, trace)


_process = os.getpid()
sys.excepthook = _uncaught


def _line(text):
	sys.stdout.write(text + "\n")
	sys.stdout.flush()


def _name(name):
	return str(name).replace("#", " ").replace("\n", " ")


def plan(n):
	global _planned
	_planned = n
	_line(f"1..{n}")


def diag(text):
	for line in str(text).split("\n"):
		_line(f"# {line}")


def bail_out(text):
	_line(f"Bail out! {_name(text)}")
	os._exit(255)


def ok(condition, name, why=None):
	"""One assertion. WHY, a text, is shown when it fails. Returns the condition."""
	global _run, _failed
	_run += 1
	if not condition:
		_failed += 1
	_line(f"{'ok' if condition else 'not ok'} {_run} - {_name(name)}")
	if not condition:
		frame = sys._getframe(1)
		while frame.f_back and frame.f_code.co_filename == __file__:
			frame = frame.f_back
		diag(f"  failed at {frame.f_code.co_filename}:{frame.f_lineno}")
		if why is not None:
			diag(f"  {why}")
	return bool(condition)


def passed(name):
	return ok(True, name)


def failed(name, why=None):
	return ok(False, name, why)


def is_eq(got, want, name):
	"""Any two values: numbers, strings, bytes, lists."""
	return ok(got == want, name, None if got == want else f"     got: {got!r}\nexpected: {want!r}")


is_int = is_str = is_eq


def tap_skip(reason):
	"""For what the tester can repair: a failure under MCPCAGE_MUST_WORK=1."""
	global _run, _failed
	if MUST_WORK:
		_run += 1
		_failed += 1
		_line(f"not ok {_run} - must not be skipped: {_name(reason)}")
	else:
		tap_skip_kernel(reason)


def tap_skip_kernel(reason):
	"""For what this kernel cannot do."""
	global _run
	_run += 1
	_line(f"ok {_run} # SKIP {_name(reason)}")


def tap_skip_all(reason):
	if MUST_WORK:
		_line("1..1")
		_line(f"not ok 1 - must not be skipped: {_name(reason)}")
		sys.exit(1)
	tap_skip_all_kernel(reason)


def tap_skip_all_kernel(reason):
	_line(f"1..0 # SKIP {_name(reason)}")
	sys.exit(0)


def done_testing():
	if _planned is None:
		plan(_run)
	if _planned != _run:
		diag(f"planned {_planned} assertions, made {_run}")
		sys.exit(1)
	if _failed:
		diag(f"{_failed} of {_run} assertions failed")
	sys.exit(1 if _failed else 0)

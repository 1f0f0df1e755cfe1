/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The Test Anything Protocol for tests in C: one header, included by one file of each test program.
 *
 *	#include "tests/tap.h"
 *	int main(void)
 *	{
 *		ok(1 + 1 == 2, "addition");
 *		is_int(read_it(), 7, "what %s holds", "it");
 *		return done_testing();
 *	}
 *
 * plan(n) first is optional; done_testing() prints the plan when it was not given, and returns the exit status
 * (0 when every assertion held and their number was the planned one). Every line is one write(2), so nothing is
 * left in a buffer that fork(2) would duplicate. In a child process assertions print nothing but a diagnosis of
 * those that fail; the child ends with tap_child_exit() and the parent asserts its success with tap_wait().
 *
 * A skip states its reason. tap_skip() is for what the tester can repair (a missing program, not being root): it
 * is a failure when MCPCAGE_MUST_WORK=1. tap_skip_kernel() is for what this machine's kernel cannot do.
 */
#pragma once

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct {
	pid_t pid;      /* the process that prints; 0: nothing printed yet */
	int run;
	int failed;
	int planned;    /* -1: no plan yet */
	int child_failed;
} tap_ = { 0, 0, 0, -1, 0 };

#define TAP_PRINTF_(a, b) __attribute__((format(printf, a, b), unused))

static inline bool tap_is_child_(void)
{
	if (tap_.pid == 0)
		tap_.pid = getpid();
	return tap_.pid != getpid();
}

/* One line with PREFIX in front; a newline inside would break the protocol, so each starts a new comment. */
TAP_PRINTF_(2, 0) static inline void tap_vline_(const char *prefix, const char *format, va_list ap)
{
	char text[4096], line[8192];
	size_t n = 0;

	if (vsnprintf(text, sizeof(text), format, ap) < 0)
		text[0] = '\0';
	for (const char *p = prefix; *p && n < sizeof(line) - 4; p++)
		line[n++] = *p;
	for (const char *p = text; *p && n < sizeof(line) - 4; p++) {
		line[n++] = *p;
		if (*p == '\n' && p[1]) {
			line[n++] = '#';
			line[n++] = ' ';
		}
	}
	if (n == 0 || line[n - 1] != '\n')
		line[n++] = '\n';
	for (size_t done = 0; done < n;) {
		ssize_t w = write(STDOUT_FILENO, line + done, n - done);

		if (w < 0 && errno == EINTR)
			continue;
		if (w <= 0)
			_exit(255);
		done += (size_t)w;
	}
}

TAP_PRINTF_(2, 3) static inline void tap_line_(const char *prefix, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	tap_vline_(prefix, format, ap);
	va_end(ap);
}

/* A comment line. */
TAP_PRINTF_(1, 2) static inline void diag(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	tap_vline_("# ", format, ap);
	va_end(ap);
}

static inline void plan(int n)
{
	if (tap_is_child_())
		return;
	tap_.planned = n;
	tap_line_("", "1..%d", n);
}

/* The whole test program does not apply: prints the plan "1..0 # SKIP reason" and exits. */
TAP_PRINTF_(1, 2) static inline void tap_skip_all_kernel(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	tap_vline_("1..0 # SKIP ", format, ap);
	va_end(ap);
	exit(0);
}

/* The test environment itself is broken: stops everything. */
TAP_PRINTF_(1, 2) static inline void bail_out(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	tap_vline_("Bail out! ", format, ap);
	va_end(ap);
	_exit(255);
}

TAP_PRINTF_(4, 0)
static inline bool tap_vresult_(bool good, const char *file, int line, const char *format, va_list ap)
{
	char name[2048], prefix[32];

	if (vsnprintf(name, sizeof(name), format, ap) < 0)
		name[0] = '\0';
	for (char *p = name; *p; p++)
		if (*p == '#' || *p == '\n') /* "# SKIP" and "# TODO" in a name would be directives */
			*p = ' ';
	if (tap_is_child_()) {
		if (!good) {
			tap_.child_failed++;
			diag("  failed in a child process: %s (%s:%d)", name, file, line);
		}
		return good;
	}
	tap_.run++;
	if (!good)
		tap_.failed++;
	snprintf(prefix, sizeof(prefix), "%sok %d - ", good ? "" : "not ", tap_.run);
	tap_line_(prefix, "%s", name);
	if (!good)
		diag("  failed at %s:%d", file, line);
	return good;
}

TAP_PRINTF_(4, 5)
static inline bool tap_result_(bool good, const char *file, int line, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	good = tap_vresult_(good, file, line, format, ap);
	va_end(ap);
	return good;
}

/* ok(condition, name...): the value is the condition's. */
#define ok(cond, ...) tap_result_(!!(cond), __FILE__, __LINE__, __VA_ARGS__)
#define pass(...) tap_result_(true, __FILE__, __LINE__, __VA_ARGS__)
#define fail(...) tap_result_(false, __FILE__, __LINE__, __VA_ARGS__)

TAP_PRINTF_(5, 6)
static inline bool tap_is_int_(intmax_t got, intmax_t want, const char *file, int line, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	tap_vresult_(got == want, file, line, format, ap);
	va_end(ap);
	if (got != want)
		diag("       got: %jd\n  expected: %jd", got, want);
	return got == want;
}

TAP_PRINTF_(5, 6)
static inline bool tap_is_str_(const char *got, const char *want, const char *file, int line, const char *format, ...)
{
	bool good = (!got && !want) || (got && want && strcmp(got, want) == 0);
	va_list ap;

	va_start(ap, format);
	tap_vresult_(good, file, line, format, ap);
	va_end(ap);
	if (!good)
		diag("       got: %s%s%s\n  expected: %s%s%s", got ? "'" : "", got ? got : "NULL", got ? "'" : "",
		     want ? "'" : "", want ? want : "NULL", want ? "'" : "");
	return good;
}

TAP_PRINTF_(7, 8)
static inline bool tap_is_mem_(const void *got, size_t got_n, const void *want, size_t want_n, const char *file,
			       int line, const char *format, ...)
{
	const unsigned char *g = (const unsigned char *)got, *w = (const unsigned char *)want;
	bool good = got_n == want_n && (got_n == 0 || memcmp(got, want, got_n) == 0);
	size_t at = 0;
	va_list ap;

	va_start(ap, format);
	tap_vresult_(good, file, line, format, ap);
	va_end(ap);
	if (good)
		return true;
	while (at < got_n && at < want_n && g[at] == w[at])
		at++;
	diag("       got: %zu bytes\n  expected: %zu bytes\n    differ: from byte %zu on", got_n, want_n, at);
	diag("       got there: '%.*s'\n  expected there: '%.*s'", (int)(got_n - at < 120 ? got_n - at : 120),
	     got_n ? (const char *)got + at : "", (int)(want_n - at < 120 ? want_n - at : 120),
	     want_n ? (const char *)want + at : "");
	return false;
}

/* Integers of any type, strings (NULL equals NULL only), and runs of bytes: got, wanted, name... */
#define is_int(got, want, ...) tap_is_int_((intmax_t)(got), (intmax_t)(want), __FILE__, __LINE__, __VA_ARGS__)
#define is_str(got, want, ...) tap_is_str_((got), (want), __FILE__, __LINE__, __VA_ARGS__)
#define is_mem(got, got_n, want, want_n, ...) \
	tap_is_mem_((got), (got_n), (want), (want_n), __FILE__, __LINE__, __VA_ARGS__)
/* A struct span against a C string. */
#define is_span(got, want, ...)                                                                            \
	({                                                                                                 \
		__typeof__(got) tap_span_ = (got);                                                         \
		const char *tap_want_ = (want);                                                            \
		tap_is_mem_(tap_span_.p, tap_span_.n, tap_want_, strlen(tap_want_), __FILE__, __LINE__,    \
			    __VA_ARGS__);                                                                  \
	})

static inline bool tap_must_work_(void)
{
	const char *v = getenv("MCPCAGE_MUST_WORK");

	return v && strcmp(v, "1") == 0;
}

TAP_PRINTF_(2, 0) static inline void tap_vskip_(bool allowed, const char *format, va_list ap)
{
	char prefix[40];

	if (tap_is_child_())
		return;
	tap_.run++;
	if (!allowed)
		tap_.failed++;
	snprintf(prefix, sizeof(prefix), allowed ? "ok %d # SKIP " : "not ok %d - must not be skipped: ", tap_.run);
	tap_vline_(prefix, format, ap);
}

/* One assertion is not made, for a reason that the tester can repair. */
TAP_PRINTF_(1, 2) static inline void tap_skip(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	tap_vskip_(!tap_must_work_(), format, ap);
	va_end(ap);
}

/* One assertion is not made, because this kernel lacks what it is about. */
TAP_PRINTF_(1, 2) static inline void tap_skip_kernel(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	tap_vskip_(true, format, ap);
	va_end(ap);
}

/* The whole test program is not run, for a reason that the tester can repair. */
TAP_PRINTF_(1, 2) static inline void tap_skip_all(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	if (tap_must_work_())
		tap_vline_("1..1\nnot ok 1 - must not be skipped: ", format, ap);
	else
		tap_vline_("1..0 # SKIP ", format, ap);
	va_end(ap);
	exit(tap_must_work_() ? 1 : 0);
}

/* Prints the plan if there was none. The exit status of the test program. */
static inline int done_testing(void)
{
	if (tap_is_child_())
		return tap_.child_failed ? 1 : 0;
	if (tap_.planned < 0)
		plan(tap_.run);
	if (tap_.planned != tap_.run) {
		diag("planned %d assertions, made %d", tap_.planned, tap_.run);
		return 1;
	}
	if (tap_.failed)
		diag("%d of %d assertions failed", tap_.failed, tap_.run);
	return tap_.failed ? 1 : 0;
}

/* fork(2) for tests: bails out instead of failing. */
static inline pid_t tap_fork(void)
{
	pid_t pid;

	tap_is_child_(); /* remember who prints */
	fflush(NULL);
	pid = fork();
	if (pid < 0)
		bail_out("fork: %s", strerror(errno));
	if (pid == 0)
		tap_.child_failed = 0;
	return pid;
}

/* In the child: leave, successfully if its assertions held; nothing of the parent's atexit or stdio runs. */
__attribute__((noreturn)) static inline void tap_child_exit(void)
{
	fflush(NULL);
	_exit(tap_.child_failed ? 1 : 0);
}

/* In the parent: the child's wait status. */
static inline int tap_wait_status(pid_t pid)
{
	int status = -1;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			bail_out("waitpid: %s", strerror(errno));
	return status;
}

/* In the parent: assert that the child exited with status 0. */
#define tap_wait(pid, ...)                                                                                 \
	({                                                                                                 \
		int tap_st_ = tap_wait_status(pid);                                                        \
		bool tap_good_ = ok(tap_st_ == 0, __VA_ARGS__);                                            \
		if (!tap_good_)                                                                            \
			diag("  the child %s %d", WIFSIGNALED(tap_st_) ? "was killed by signal" : "exited with", \
			     WIFSIGNALED(tap_st_) ? WTERMSIG(tap_st_) : WEXITSTATUS(tap_st_));              \
		tap_good_;                                                                                 \
	})

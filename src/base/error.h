/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One error: what failed, on which object, and what the user can do about it.
 *
 * A function that can fail returns 0 or -1 and takes a `struct error *` last, which it fills before it
 * returns -1. The caller owns the object; it holds no pointers, so it can be copied, sent in a
 * fixed-size record and thrown away. Messages start in lower case and end without a full stop.
 */
#pragma once

enum error_kind {
	ERROR_SETUP = 0,  /* exit status 125: mcpcage could not set up */
	ERROR_CANNOT_RUN, /* 126: the command was found and cannot be run */
	ERROR_NOT_FOUND,  /* 127: the command was not found */
	ERROR_USAGE,      /* 125: the command line or a policy file is wrong */
};

struct error {
	enum error_kind kind;
	int sys;        /* the errno behind it, or 0 */
	char what[512]; /* "cannot open /etc/mcpcage/policy.json: Permission denied" */
	char hint[512]; /* what the user can do, or "" */
};

/*
 * Fill ERR with the formatted text, followed by ": " and strerror(SYS) when SYS is not 0.
 * Clears the hint. Text that does not fit is cut and ends in "...". ERR may be NULL. Always returns -1,
 * so that `return error_set(err, errno, "cannot open %s", path);` reads well.
 */
int error_set(struct error *err, int sys, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Add what the user can do. Returns -1. */
int error_hint(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Put "FORMATTED: " in front of what is there. Returns -1. */
int error_prefix(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Set the kind, which decides the exit status. Returns -1. */
int error_kind(struct error *err, enum error_kind kind);

/* 125, 126 or 127. */
int error_exit_status(const struct error *err);

/* Out of memory. Returns -1. */
int error_oom(struct error *err);

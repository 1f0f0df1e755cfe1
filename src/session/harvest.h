/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading what an installer wrote and said: lock files, reports, lists of files, output. All of it is hostile, so it is read in a process
 * that is confined first (session/job.h), and what comes out are records of one fixed layout, whose strings are bounded, terminated and
 * free of control characters. Whoever receives them checks that again, since the process may have been taken over.
 *
 * The functions here are pure: bytes in, records out.
 */
#pragma once

#include "base/error.h"
#include "base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Far beyond what real trees have (a large one: 1,500 packages). */
#define HARVEST_RECORDS_MAX 20000
#define HARVEST_FILE_MAX ((size_t)64 << 20)

enum harvest_kind {
	HARVEST_PART = 1, /* an installed package: name, version, integrity, path */
	HARVEST_COMMAND,  /* a command: name, path */
	HARVEST_FILE,     /* how a file is started: flags is an enum package_start, or HARVEST_NO_START */
	HARVEST_FAILURE,  /* why a tool failed: flags is an enum harvest_failure, name what it was about, path its own words */
	HARVEST_LINE,     /* path: a line that it printed */
	HARVEST_KINDS_
};

/* HARVEST_PART */
#define HARVEST_HAS_SCRIPTS 1u
/* HARVEST_FILE */
#define HARVEST_NO_START 255u

enum harvest_failure {
	FAILED_UNKNOWN,
	FAILED_OFFLINE,
	FAILED_NO_PACKAGE,
	FAILED_NO_VERSION,
	FAILED_INTEGRITY,
	FAILED_DISK,
	FAILED_SCRIPT,   /* an install script or a build ended badly */
	FAILED_BUILD,    /* there are only sources, and building is not allowed */
	FAILED_VERSION,  /* the interpreter is too old or too new */
	FAILED_PLATFORM, /* not for this machine */
	FAILED_CONFLICT, /* its dependencies contradict each other */
	FAILED_DENIED,   /* the registry wants credentials */
	FAILED_TLS,
	FAILED_REGISTRY, /* it answers nonsense, or that it is broken */
	FAILED_ARCHIVE,  /* an archive that cannot be unpacked, or that wants to lie elsewhere */
	FAILED_COUNT_
};

struct harvest_record {
	uint32_t kind, flags;
	char name[256];
	char version[128];
	char integrity[256];
	char path[1024];
};

/* One record; -1 ends it. */
struct harvest_sink {
	int (*put)(void *context, const struct harvest_record *record);
	void *context;
};

/* Printable: no control characters, and neither empty nor longer than fits where EMPTY is false. For names of any kind. */
bool harvest_text_ok(const char *text, size_t size, bool empty);
/* A relative path without "", "." and ".." components, printable. */
bool harvest_path_ok(const char *path);
/* Whether RECORD, as it came through a pipe, is what it has to be. */
bool harvest_record_ok(const struct harvest_record *record);

/* node_modules/.package-lock.json: a HARVEST_PART for each package that is there, and a HARVEST_COMMAND for each of their commands. */
int harvest_npm_lock(struct span text, const struct harvest_sink *sink);
/* pip's --report: a HARVEST_PART for each package, without a path. */
int harvest_pip_report(struct span text, const struct harvest_sink *sink);
/* pylock.toml (PEP 751) as uv writes it: likewise; `integrity` only where there is one archive. */
int harvest_pylock(struct span text, const struct harvest_sink *sink);
/* RECORD of a .dist-info folder: a HARVEST_COMMAND for each file in the environment's bin. */
int harvest_dist_record(struct span text, const struct harvest_sink *sink);
/* COUNT heads of files of HARVEST_HEAD bytes each, padded with NULs: a HARVEST_FILE for each, in their order. */
#define HARVEST_HEAD 256
int harvest_heads(struct span heads, const struct harvest_sink *sink);
/* What npm printed although it succeeded: a HARVEST_LINE for each package that says it is not for this node (EBADENGINE). */
int harvest_remarks_npm(struct span text, const struct harvest_sink *sink);
/* What a tool printed before it failed: one HARVEST_FAILURE, then HARVEST_LINEs, the last that say something. */
int harvest_output_npm(struct span text, const struct harvest_sink *sink);
int harvest_output_python(struct span text, const struct harvest_sink *sink); /* pip and uv */

/*
 * In a confined process: read all of FD, run FN over it, and write its records to OUT as they are. 0 or -1. The other end checks them with
 * harvest_record_ok().
 */
int harvest_serve(int (*fn)(struct span text, const struct harvest_sink *sink), int fd, int out);

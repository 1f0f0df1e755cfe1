/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Shared by the files that install packages: fetch.c (the steps, and what the result is made of), fetch-cage.c (the cage), fetch-npm.c and
 * fetch-python*.c (the tools). Nobody else includes it.
 */
#pragma once

#include "base/buf.h"
#include "base/strlist.h"
#include "session/fetch.h"
#include "session/harvest.h"
#include "session/job.h"

/* Where the installer's own files are in the cage: caches, settings, temporary files. */
#define FETCH_WORK "/opt/work"

#define FETCH_TIMEOUT 1200000u /* milliseconds, for one step; registries and disks can be slow */
#define FETCH_ASK_TIMEOUT 20000u /* for a tool that is asked about its configuration */
#define FETCH_SPACE_MAX ((uint64_t)16 << 30) /* bytes that one package may take while it is installed */
#define FETCH_SAID 65536 /* bytes of the last output that are looked at after a failure */

struct fetching {
	const struct fetch *fetch;
	struct stage *stage;
	struct package *package;
	struct interrupt interrupt;
	uint64_t started, told; /* milliseconds */
	const char *tool;       /* "npm", for messages */
	char *said;             /* what the tool printed last, at most FETCH_SAID: hostile */
	size_t said_n;
	struct strlist proxies_told;
	uint64_t space;         /* bytes that were free before the first command; 0: not looked yet */
};

/* What a command in the cage gets beside what every one gets. */
struct fetch_command {
	struct strlist argv;
	struct strlist env;  /* NAME=VALUE */
	struct strlist show; /* absolute paths that it may read */
	struct strlist hosts; /* that it may reach, with their ports */
};
void fetch_command_free(struct fetch_command *command);

/* ---- fetch-hosts.c ---- */

/* The hosts of all addresses in TEXT, which is WHERE's ("npm's setting registry"). */
int fetch_add_hosts(struct fetch_command *command, const char *where, struct span text, struct error *err);
/* VALUE is a proxy, with or without a scheme; the person is told. */
int fetch_add_proxy(struct fetching *f, struct fetch_command *command, const char *where, const char *value, struct error *err);
/* Let POLICY's network be that. */
int fetch_use_hosts(const struct fetching *f, const struct fetch_command *command, struct policy *policy, struct error *err);

/* ---- fetch-cage.c ---- */

/* Run it in the cage and keep what it prints. 0 with *STATUS as from waitpid(2). */
int fetch_run(struct fetching *f, const struct fetch_command *command, int *status, struct error *err);
/* Let COMMAND see what the program EXE (real) needs: its installation. */
int fetch_show_program(struct fetching *f, struct fetch_command *command, const char *exe, struct error *err);

/* ---- fetch.c ---- */

/* A program outside, asked about itself. Its environment is the user's. */
int fetch_ask(struct fetching *f, const struct strlist *argv, struct buf *out, struct error *err);
/* What it said last, as an error of ours; STATUS is the tool's. */
int fetch_failed(struct fetching *f, int status, struct error *err);
/* What it remarked and a person should know, although it succeeded. */
int fetch_remarks(struct fetching *f, struct error *err);
/* Where the tool NAME is. */
char *fetch_tool(struct fetching *f, const char *name, struct error *err);
/* The folder of the runner that the user named, or NULL. The caller frees. */
char *fetch_beside(const struct fetching *f);
/* The value of NAME in the user's environment, or NULL when it is unset or empty. */
const char *fetch_env(const struct fetching *f, const char *name);
/* Pass NAME of the user's environment on, if it is set. */
int fetch_pass(struct fetching *f, struct fetch_command *command, const char *name, struct error *err);
/* The same for one that names a file or folder, which is then shown. */
int fetch_pass_file(struct fetching *f, struct fetch_command *command, const char *name, struct error *err);
/* Folders and files among the words of TEXT, as far as they are there: COMMAND may read them. */
int fetch_show_paths(struct fetching *f, struct fetch_command *command, const char *text, struct error *err);
/* The same as fetch_pass() for one that holds addresses: refused when there are credentials in it. */
int fetch_pass_address(struct fetching *f, struct fetch_command *command, const char *name, struct error *err);
/* Proxies and certificates that all tools know. */
int fetch_pass_common(struct fetching *f, struct fetch_command *command, struct error *err);
/* TEXT of WHERE ("npm's setting registry") has addresses in it: refuse one with credentials. */
int fetch_check_address(const char *where, struct span text, struct error *err);
/* printf into LIST. */
int fetch_add(struct strlist *list, struct error *err, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* A file below the stage. */
int fetch_write(const char *folder, const char *name, struct span content, struct error *err);
/* Open PATH below FOLDER, which hostile programs have written to: a regular file reached without symlinks; -1 with errno. */
int fetch_open(const char *folder, const char *path);

/* FN in a confined process with FD; RECORDS gets what it found, checked. WHAT is for messages. */
int fetch_harvest(struct fetching *f, job_function *fn, void *context, int fd, const char *what, struct buf *records, struct error *err);
static inline size_t harvest_count(const struct buf *records)
{
	return records->n / sizeof(struct harvest_record);
}
const struct harvest_record *harvest_at(const struct buf *records, size_t i);

/* What the package consists of. Strings are copied and have to be good: see harvest_text_ok(). */
int fetch_add_part(struct package *package, const struct harvest_record *part, bool asked, struct error *err);
int fetch_add_command(struct package *package, const char *name, const char *path, bool asked, struct error *err);
bool fetch_has_command(const struct package *package, const char *name);
/* Find out how each command is started, drop those that cannot be, and sort everything. */
int fetch_finish(struct fetching *f, struct error *err);
/* FILE (real), its version and hash, as the interpreter. */
int fetch_set_interpreter(struct package *package, const char *file, const char *version, struct error *err);

/* ---- the tools ---- */
int fetch_npm(struct fetching *f, struct error *err);
int fetch_python(struct fetching *f, struct error *err);

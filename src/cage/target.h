/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Shared by the files that resolve a command: target.c (the steps), target-path.c (PATH and symlinks),
 * target-shim.c (version managers), target-script.c (#! lines and interpreters' options), target-package.c
 * (what a package runner's command stands for), target-project.c (uv run) and target-grant.c (what follows from the result). Nobody else includes it.
 *
 * Everything here runs before there is a cage, as the user, and only looks: it starts no program, and what it
 * reads of other programs' files decides at most which installed version is meant, never what is granted.
 */
#pragma once

#include "base/error.h"
#include "base/strlist.h"
#include "policy/facts.h"

#include <stdbool.h>
#include <stddef.h>

#define TARGET_HEAD_BYTES 2048

struct resolver {
	struct facts *facts; /* home, home_env and protect are read; target is filled */
	char *const *environ_;
	const char *home;                 /* where version managers keep their configuration: $HOME */
	struct strlist argv;              /* as it is rewritten, step by step */
	char *found;                      /* argv[0] as PATH or the user named it, absolute */
	char *real;                       /* the same without symlinks */
	char head[TARGET_HEAD_BYTES + 1]; /* the beginning of `real`, NUL-terminated */
	size_t head_n;
	/*
	 * What a file says (its #! line, a launcher's text) is not what the user says: such a file may be the server's
	 * and widen its own cage. It names an interpreter, of which the program itself is granted, and nothing else.
	 */
	char *script; /* the script whose #! line was read last, real */
	bool nested;  /* it was itself named by the #! line of another */
	bool by_file; /* argv[0] is an absolute path that a file named */
};

/* ---- target-path.c ---- */

/* The value of NAME, or NULL when it is unset or empty. */
const char *target_env(const struct resolver *r, const char *name);
/*
 * Where NAME is found in PATH (relative and empty entries are passed over, SKIP as well), or NAME made
 * absolute when it has a slash. The caller frees.
 */
char *target_find(const struct resolver *r, const char *name, const char *skip, struct error *err);
/*
 * PATH without symlinks, like realpath(3); each symlink on the way is appended to LINKS (may be NULL) as it
 * lies on disk: its own path, then its text. NULL with errno set.
 */
char *target_walk(const char *path, struct strlist *links);
/* The folder PATH lies in. The caller frees; NULL when out of memory. */
char *target_dir(const char *path);
bool target_is_dir(const char *path);
bool target_is_file(const char *path);
bool target_runs(const char *path); /* a regular file that may be executed */
/* Up to SIZE - 1 bytes of a regular file, NUL-terminated. How many, or -1 with errno set. */
ssize_t target_read(const char *path, char *out, size_t size);

/* ---- target-shim.c ---- */

/* 1: *NEXT is the program that the shim r->found stands for; 0: it is no shim; -1. */
int target_shim(struct resolver *r, char **next, struct error *err);

/* ---- target-script.c ---- */

struct interpreter; /* opaque: a row of its table */

/* The interpreter that a program of this NAME is, or NULL. */
const struct interpreter *target_interpreter(const char *name);
enum target_kind target_interpreter_kind(const struct interpreter *interpreter);

struct script_place {
	size_t script;    /* index in argv, 0: none (code or a module on the command line) */
	size_t named;     /* index of the script, or of python's module; 0: code on the command line, or nothing */
	size_t args_from; /* where the server's own arguments start */
};
/* Find the script among an interpreter's arguments; files that its options load are appended to LOADS. */
int target_script_place(const struct interpreter *interpreter, const struct strlist *argv,
			struct script_place *place, struct strlist *loads, struct error *err);

/* r->head starts with "#!": replace argv[0] by the interpreter, its argument and the script. */
int target_shebang(struct resolver *r, struct error *err);
/* argv[0] is env(1): take it and its options away. */
int target_strip_env(struct resolver *r, struct error *err);

/* ---- target-package.c ---- */

/*
 * facts->package instead of a command: its interpreter and the file it starts, at PACKAGE_PLACE. Fills the target but for argv, which is
 * r->argv.
 */
int target_package(struct resolver *r, struct error *err);

/* ---- target-project.c ---- */

/* facts->runner without a package, "uv run" in a project: put what it would start into r->argv. */
int target_project(struct resolver *r, struct error *err);

/* ---- target.c ---- */

/* r->argv is a command: take shims, env(1) and #! lines away until r->real is a program. */
int target_strip(struct resolver *r, struct error *err);
/* Put WITH in place of r->argv.v[0]. */
int target_replace(struct resolver *r, const char *with, struct error *err);
/* The symlinks that the virtual environment's interpreter BIN (VENV/bin/python, as it lies on disk) leads through to REAL. */
int target_venv_links(struct resolver *r, const char *venv, const char *bin, const char *real, struct error *err);

/* ---- target-grant.c ---- */

/* Grant PATH (real) unless the system's folders or an earlier grant hold it. */
int target_grant(struct resolver *r, const char *path, const char *why, struct error *err);
/* What node, python or a plain program needs beside its own file. EXE is real. */
int target_grant_node(struct resolver *r, const char *exe, struct error *err);
int target_grant_python(struct resolver *r, const char *exe, const char *venv, struct error *err);
int target_grant_binary(struct resolver *r, const char *exe, struct error *err);
/* The script PATH (real): its project, or itself. */
int target_grant_script(struct resolver *r, const char *path, enum target_kind kind, struct error *err);
/*
 * The root of the virtual environment that the interpreter at FOUND belongs to, real, or NULL. The caller
 * frees.
 */
char *target_venv(const char *found);
/*
 * Remember the symlinks of LINKS (pairs of path and text) that no grant holds, so that they exist in the
 * cage.
 */
int target_keep_links(struct resolver *r, const struct strlist *links, struct error *err);

/* A line for explain. */
int target_note(struct resolver *r, struct error *err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

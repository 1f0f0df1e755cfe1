/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A package of npm or PyPI: what is asked for, and what it was resolved to. Data only; policy/runner.h reads requests out of
 * command lines, session/fetch.h resolves them, store/packages.h keeps them, and cage/target.c starts them.
 *
 * The tree of a package is always shown at PACKAGE_PLACE, when it is installed and when it runs: what an installer writes into it
 * (the first lines of scripts, pyvenv.cfg) is true in both, nothing of it tells where the store is, and its content does not depend
 * on whose home it lies in.
 */
#pragma once

#include "base/error.h"
#include "base/strlist.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PACKAGE_PLACE "/opt/package"
#define PACKAGE_HASH 32 /* BLAKE2b-256 */

enum ecosystem { ECOSYSTEM_NPM, ECOSYSTEM_PYPI };
/* "npm", "pypi". */
const char *ecosystem_name(enum ecosystem ecosystem);

struct package_request {
	enum ecosystem ecosystem;
	/*
	 * In the ecosystem's own grammar ("NAME", "NAME@1.2", "NAME>=2,<3"), only what a registry answers: no URL, path or git
	 * reference. The first one is the server's, the others come with it; sorted from the second on, without repetition.
	 */
	struct strlist specs;
	char *python; /* PYPI: the version that is asked for ("3.12"), or NULL */
	bool scripts; /* install scripts (npm) and builds from source (PyPI) may run, in the fetch cage */
};
void package_request_free(struct package_request *request);
int package_request_copy(struct package_request *to, const struct package_request *from, struct error *err);
/* The name of the package that SPEC is of, with its scope and without version and extras. The caller frees; NULL: no memory. */
char *package_spec_name(enum ecosystem ecosystem, const char *spec);
/* What a person calls the request: its first spec. Never NULL; REQUEST's. */
const char *package_request_first(const struct package_request *request);
/* One line that two requests share exactly when they ask for the same: the key of the store. The caller frees; NULL: no memory. */
char *package_request_text(const struct package_request *request);
/* Whether every spec names one version ("NAME@1.2.3", "NAME==1.2.3"): it can never mean another. */
bool package_request_pinned(const struct package_request *request);

/* One resolved package of the tree. */
struct package_part {
	char *name;
	char *version;
	char *integrity;  /* the registry's: "sha512-..." (npm), "sha256:..." (PyPI); "" when it gave none */
	char *path;       /* in the tree, npm: "node_modules/a/node_modules/b"; PyPI: "" */
	bool scripts;     /* it has install scripts, or was built from source */
	bool asked;       /* it is one of the request's specs */
};

enum package_start {
	PACKAGE_NODE,   /* a file for node */
	PACKAGE_PYTHON, /* a file for the tree's own interpreter, PACKAGE_PLACE/bin/python */
	PACKAGE_BINARY, /* an ELF program */
	PACKAGE_SCRIPT, /* any other #! line */
	PACKAGE_STARTS_
};

/* Something in the tree that can be started. */
struct package_command {
	char *name; /* as the user names it */
	char *path; /* in the tree */
	enum package_start start;
	bool asked; /* of a package that the request names, not of one of its dependencies */
};

struct package {
	struct package_request request;
	struct package_part *parts; /* sorted by path, then name */
	size_t parts_n;
	struct package_command *commands; /* sorted by name */
	size_t commands_n;
	bool scripts_ran;
	char *tool;        /* what installed it: "npm 11.1.0" */
	char *interpreter; /* real path of the node or python it was installed for */
	char *interpreter_version;
	uint8_t interpreter_hash[PACKAGE_HASH];
	int64_t time;               /* of the installation, seconds since the epoch */
	uint8_t tree[PACKAGE_HASH]; /* Merkle hash of the tree */
	uint64_t files, bytes;
	char *folder; /* where the tree lies on this machine, absolute; NULL before it is in the store. Not recorded */
};
void package_free(struct package *package);
/*
 * The command to start: NAME, or for NULL the one that the first spec's package names by its own name (npm's rule: the only one, or the
 * one called as the package without its scope; uvx: the one called as the package). NULL with ERR that lists what there is.
 */
const struct package_command *package_command(const struct package *package, const char *name, struct error *err);

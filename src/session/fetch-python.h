/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Shared by fetch-python.c (the interpreter, the environment, what came of it), fetch-uv.c and fetch-pip.c. Nobody else includes it. */
#pragma once

#include "session/fetch-impl.h"

struct python {
	struct fetching *f;
	char *exe;     /* real path of the interpreter */
	char *version; /* "3.12.1" */
	char *minor;   /* "3.12" */
	char *uv;      /* real path, or NULL: pip */
	char *pip_python; /* the interpreter that has pip, for pip */
	char *tool_version;
	struct buf records; /* struct harvest_record: names, versions and hashes of what was installed */
};

/* The interpreter of the tree, as an installer names it. */
#define PYTHON_INSIDE PACKAGE_PLACE "/bin/python"

/* fetch-uv.c: 1 when it is on this machine; its version is found out. */
int uv_find(struct python *p, struct error *err);
/* The interpreter that uv would take. The caller frees; NULL: it knows none that runs. */
char *uv_python(struct python *p, const char *version);
/* Install; fills records. */
int uv_install(struct python *p, struct error *err);
/* fetch-pip.c: likewise. */
int pip_find(struct python *p, struct error *err);
int pip_install(struct python *p, struct error *err);

/* The hosts of the index that pip takes by default, as the pip of the interpreter EXE says, or the one that came with it. 1: none does. */
int python_default_hosts(struct python *p, const char *exe, struct fetch_command *command, struct error *err);
/* FETCH_WORK/requirements.in: the specs, a line each. */
int python_requirements(struct python *p, struct error *err);
/* What every python in the cage is told. */
int python_environment(struct python *p, struct fetch_command *command, struct error *err);

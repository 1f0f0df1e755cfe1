/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Package runners: the commands that published client configurations start servers with, npx and uvx and their like. Their command
 * lines are read by their own grammar, so that they work unchanged; what they would do (fetch, install, run by way of a shell) is
 * done by mcpcage's own store instead, and nothing of the runner itself is started.
 *
 * Pure: looks at words only. Called by cage/target.c and the command line.
 */
#pragma once

#include "policy/package.h"

struct runner {
	char *form;       /* what it was taken for: "npx", "uv tool run" */
	bool project;     /* uv run in a project, see cage/target-project.c: nothing is fetched, and `request` is empty */
	char *directory;  /* of the project, as written; NULL: the working directory */
	bool inside;      /* `directory` is where it is to run as well (--directory, not --project) */
	bool module;      /* `command` is a module of python's */
	struct package_request request; /* `scripts` is false: policy says */
	char *command;      /* which command of the package, or NULL: package_command() finds it */
	struct strlist args; /* the server's own */
};
void runner_free(struct runner *runner);

/*
 * 1: ARGV (NULL-terminated) is a package runner's, *RUNNER is filled; 0: it is none; -1: it is, and is refused (ERROR_CANNOT_RUN, with
 * the alternative as the hint): an option that would defeat the cage (--call, --shell), a spec that is no registry's, no package at all.
 */
int runner_parse(char *const argv[], struct runner *runner, struct error *err);

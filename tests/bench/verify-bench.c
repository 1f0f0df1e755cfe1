/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What it costs at each start that a package of the store is what was installed: trees of FILES files are installed into a store in
 * FOLDER, and found and verified as a session does it. Prints, for each size, the number of files and the time of each of ROUNDS in nanoseconds.
 *
 *	verify-bench FOLDER ROUNDS FILES...
 */
#include "store/packages.h"
#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define IN_A_FOLDER 12 /* as in node_modules */

static _Noreturn void die(const char *what, const char *why)
{
	fprintf(stderr, "verify-bench: %s: %s\n", what, why);
	exit(1);
}

static long long now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (long long)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static void write_file(const char *path, unsigned i)
{
	char text[2048];
	CLEANUP_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	memset(text, 'a' + (int)(i % 26), sizeof text);
	if (fd < 0 || write(fd, text, sizeof text) != (ssize_t)sizeof text)
		die(path, strerror(errno));
}

static void make_files(const char *folder, unsigned files)
{
	char path[4096];

	for (unsigned i = 0; i < files; i++) {
		int n = snprintf(path, sizeof path, "%s/module-%u", folder, i / IN_A_FOLDER);
		if (i % IN_A_FOLDER == 0 && mkdir(path, 0755) < 0)
			die(path, strerror(errno));
		snprintf(path + n, sizeof path - (size_t)n, "/a-file-of-it-%u.js", i);
		write_file(path, i);
	}
}

/* What an installer would have found out. */
static void describe(struct package *package, const struct package_request *request)
{
	struct error err;

	if (package_request_copy(&package->request, request, &err) < 0)
		die("request", err.what);
	package->parts = calloc(1, sizeof *package->parts);
	package->commands = calloc(1, sizeof *package->commands);
	if (!package->parts || !package->commands)
		die("request", "out of memory");
	package->parts_n = package->commands_n = 1;
	package->parts[0] = (struct package_part){
		.name = strdup("bench"), .version = strdup("1.0.0"), .integrity = strdup("sha512-x"), .path = strdup("module-0"), .asked = true,
	};
	package->commands[0] = (struct package_command){
		.name = strdup("bench"), .path = strdup("module-0/a-file-of-it-0.js"), .start = PACKAGE_NODE, .asked = true,
	};
	package->tool = strdup("bench 1");
	package->interpreter = strdup("/usr/bin/node");
	package->interpreter_version = strdup("v1");
	package->time = 1700000000;
}

static void install(struct store *store, const struct package_request *request, unsigned files)
{
	CLEANUP(stage_end) struct stage stage = { .lock = -1 };
	CLEANUP(package_free) struct package package = { 0 };
	struct error err;

	if (stage_begin(store, &stage, &err) < 0)
		die("stage", err.what);
	make_files(stage.files, files);
	describe(&package, request);
	if (stage_publish(&stage, &package, &err) < 0)
		die("publish", err.what);
}

static long long start(const char *folder, const struct package_request *request)
{
	CLEANUP(package_free) struct package package = { 0 };
	struct store *store;
	struct error err;
	long long begin = now();

	if (store_open(folder, &store, &err) < 0)
		die(folder, err.what);
	if (store_find(store, request, &package, &err) != 1 || store_verify(store, &package, &err) < 0)
		die("verify", err.what);
	store_close(store);
	return now() - begin;
}

int main(int argc, char **argv)
{
	struct store *store;
	struct error err;
	int rounds = argc > 3 ? atoi(argv[2]) : 0;

	if (rounds <= 0)
		return 2;
	if (store_open(argv[1], &store, &err) < 0)
		die(argv[1], err.what);
	for (int i = 3; i < argc; i++) {
		CLEANUP(package_request_free) struct package_request request = { .ecosystem = ECOSYSTEM_NPM };
		unsigned files = (unsigned)strtoul(argv[i], NULL, 10);
		if (strlist_add(&request.specs, argv[i]) < 0)
			die("request", "out of memory");
		install(store, &request, files);
		start(argv[1], &request);
		printf("%u", files);
		for (int k = 0; k < rounds; k++)
			printf(" %lld", start(argv[1], &request));
		putchar('\n');
	}
	store_close(store);
	return 0;
}

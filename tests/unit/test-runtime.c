/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The runtime folder: whose it has to be, and what is done when there is none. */
#include "store/runtime.h"

#include "base/path.h"
#include "tests/tap.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char base[] = "/tmp/mcpcage-runtime-XXXXXX";

/* $XDG_RUNTIME_DIR is VALUE; the folder, or NULL with ERR. The caller frees. */
static char *find(const char *value, struct error *err)
{
	char variable[256];
	char *const env[] = { (char *)"A=1", variable, NULL };

	snprintf(variable, sizeof variable, "XDG_RUNTIME_DIR=%s", value);
	*err = (struct error){ 0 };
	return runtime_find(env, geteuid(), err);
}

static void found(void)
{
	char own[64], open[64], none[64], file[64], want[80];
	struct error err;
	struct strlist list = { 0 };

	snprintf(own, sizeof own, "%s/own", base);
	snprintf(open, sizeof open, "%s/open", base);
	snprintf(none, sizeof none, "%s/none", base);
	snprintf(file, sizeof file, "%s/file", base);
	snprintf(want, sizeof want, "%s/mcpcage", own);
	if (mkdir(own, 0700) < 0 || mkdir(open, 0700) < 0 || chmod(open, 0710) < 0)
		bail_out("%s: %s", base, strerror(errno));
	fclose(fopen(file, "we"));

	char *folder = find(own, &err);
	is_str(folder, want, "a folder of one's own");
	free(folder);
	folder = find(open, &err);
	ok(!folder && strstr(err.what, "somebody else"), "one that others may enter: %s", err.what);
	folder = find(none, &err);
	ok(!folder && strstr(err.what, none), "one that is not there: %s", err.what);
	folder = find(file, &err);
	ok(!folder, "a file: %s", err.what);
	if (geteuid() == 0 && chown(own, 12345, 0) == 0) {
		folder = find(own, &err);
		ok(!folder && strstr(err.what, "somebody else"), "another's: %s", err.what);
		if (chown(own, 0, 0) < 0)
			bail_out("%s", strerror(errno));
	}
	/* Relative ones do not count: what is found then is not in the working directory. */
	folder = find("own", &err);
	ok(!folder || folder[0] == '/', "a relative one");
	free(folder);

	char variable[128];
	snprintf(variable, sizeof variable, "XDG_RUNTIME_DIR=%s", own);
	char *const env[] = { variable, NULL };
	is_int(runtime_list(env, geteuid(), &list, &err), 0, "the list");
	ok(list.n >= 1 && strcmp(list.v[0], want) == 0, "has the folder of the variable first");
	strlist_free(&list);
	char *const empty[] = { NULL };
	folder = runtime_find(empty, 54321, &err);
	ok(!folder && strstr(err.what, "/run/user/54321") && err.hint[0], "a user who has none: %s", err.what);
	folder = runtime_find(empty, 0, &err);
	ok(folder ? strncmp(folder, "/run/", 5) == 0 : err.what[0] != '\0', "root's");
	free(folder);
}

static void opened(void)
{
	char folder[64], link[64];
	struct error err;
	struct stat st;

	snprintf(folder, sizeof folder, "%s/own/mcpcage", base);
	snprintf(link, sizeof link, "%s/own/link", base);
	ok(runtime_open(folder, &err) < 0 && err.sys == ENOENT, "not made yet: %s", err.what);
	umask(0);
	is_int(runtime_make(folder, &err), 0, "made");
	ok(stat(folder, &st) == 0 && (st.st_mode & 07777) == 0700, "for the owner alone, whatever the umask");
	is_int(runtime_make(folder, &err), 0, "made again");
	int fd = runtime_open(folder, &err);
	ok(fd >= 0, "opened");
	close(fd);
	if (symlink(folder, link) < 0 || chmod(folder, 0701) < 0)
		bail_out("%s", strerror(errno));
	ok(runtime_open(folder, &err) < 0 && strstr(err.what, "somebody else"), "open to others: %s", err.what);
	chmod(folder, 0700);
	ok(runtime_open(link, &err) < 0, "a symlink: %s", err.what);
	unlink(link);
	rmdir(folder);
}

int main(void)
{
	char command[64];

	if (!mkdtemp(base))
		bail_out("%s: %s", base, strerror(errno));
	found();
	opened();
	snprintf(command, sizeof command, "rm -r %s", base);
	return done_testing() | (system(command) != 0);
}

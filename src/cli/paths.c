/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where mcpcage's own files are: PKGDATADIR and SYSCONFDIR as configured, and the user's folders by the XDG
 * Base Directory Specification, which wants relative values to be ignored.
 *
 * A program that was built but not installed has no PKGDATADIR yet. The build writes the source tree's path
 * into the file mcpcage.uninstalled beside it, which is never installed. Whoever could write that file could
 * replace the program as well; it is taken all the same only when it is root's or the user's own.
 */
#include "cli/cli.h"

#include "base/cleanup.h"
#include "base/env.h"
#include "base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* $VARIABLE/mcpcage, or HOME/FALLBACK/mcpcage. The caller frees. */
static char *xdg(char *const *environ_, const char *variable, const char *home, const char *fallback)
{
	const char *value = env_value(environ_, variable);
	char raw[PATH_MAX];

	int n = value && value[0] == '/' ? snprintf(raw, sizeof raw, "%s/mcpcage", value)
					 : snprintf(raw, sizeof raw, "%s/%s/mcpcage", home, fallback);
	return n > 0 && (size_t)n < sizeof raw ? path_normalize(raw) : NULL;
}

/*
 * The source tree that MARKER, the file beside an uninstalled program, names. The caller frees; NULL for
 * none.
 */
static char *source_tree(const char *marker)
{
	CLEANUP_CLOSE int fd = open(marker, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	char text[PATH_MAX];

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	    (st.st_uid != 0 && st.st_uid != geteuid()) || (st.st_mode & 022))
		return NULL;
	ssize_t n = read(fd, text, sizeof text - 1);
	if (n <= 0)
		return NULL;
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return path_normalize(text);
}

static char *data_folder(void)
{
	char exe[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - sizeof ".uninstalled");

	if (n > 0) {
		memcpy(exe + n, ".uninstalled", sizeof ".uninstalled");
		char *tree = source_tree(exe);
		if (tree)
			return tree;
	}
	return strdup(PKGDATADIR);
}

int paths_find(const struct facts *facts, char *const *environ_, struct paths *paths, struct error *err)
{
	const char *home = facts->home_env ? facts->home_env : facts->home;
	char cwd[PATH_MAX];

	*paths = (struct paths){
		.pkgdata = data_folder(),
		.sysconf = strdup(SYSCONFDIR "/mcpcage"),
		.user_config = xdg(environ_, "XDG_CONFIG_HOME", home, ".config"),
		.user_data = xdg(environ_, "XDG_DATA_HOME", home, ".local/share"),
		.state = xdg(environ_, "XDG_STATE_HOME", home, ".local/state"),
		.cwd = getcwd(cwd, sizeof cwd) ? strdup(cwd) : NULL,
	};
	if (!paths->pkgdata || !paths->sysconf || !paths->user_config || !paths->user_data || !paths->state) {
		paths_free(paths);
		return error_oom(err);
	}
	return 0;
}

void paths_free(struct paths *paths)
{
	free(paths->pkgdata);
	free(paths->sysconf);
	free(paths->user_config);
	free(paths->user_data);
	free(paths->state);
	free(paths->cwd);
	*paths = (struct paths){ 0 };
}

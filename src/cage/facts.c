/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Looking at this machine on behalf of the plan: who the user is, which layers there are, and what each path that policy, the
 * command and its arguments name really is.
 *
 * It runs at every start, so it is frugal: a path costs open(2) with O_PATH, fstat(2) and a readlink(2) in /proc, which
 * gives the name without symlinks at once; a missing one costs the open alone. /etc/passwd is read directly before
 * getpwuid(3) is asked, which would load modules of the name service. Nothing is changed and nothing is started.
 * Called by the command line.
 */
#include "cage/cage.h"
#include "cage/target.h"

#include "base/path.h"
#include "policy/protect.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- the user ---- */

/* Fill name and home from the entry of UID. */
static int take_entry(const struct passwd *entry, struct facts *facts)
{
	facts->user = strdup(entry->pw_name && *entry->pw_name ? entry->pw_name : "user");
	facts->home = strdup(entry->pw_dir ? entry->pw_dir : "");
	return facts->user && facts->home ? 0 : -1;
}

static int from_passwd(struct facts *facts)
{
	CLEANUP_FCLOSE FILE *file = fopen("/etc/passwd", "re");
	struct passwd *entry;

	while (file && (entry = fgetpwent(file)))
		if (entry->pw_uid == facts->uid)
			return take_entry(entry, facts);
	entry = getpwuid(facts->uid);
	if (entry)
		return take_entry(entry, facts);
	facts->user = strdup("user");
	facts->home = strdup("");
	return facts->user && facts->home ? 0 : -1;
}

/* PATH without symlinks where it exists; NULL when it is not absolute. The caller frees. */
static char *real_or_named(const char *path)
{
	char *real = path[0] == '/' ? target_walk(path, NULL) : NULL;
	return real ? real : path_normalize(path);
}

/* A home that a cage can have an empty folder at: not "/", and not a part of the system, as of service users. */
static bool usable_home(const char *home)
{
	static const char *const system[] = {
		"/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc", "/dev", "/proc", "/sys", "/run", "/tmp",
	};
	if (!home || !home[1])
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(system); i++)
		if (strcmp(home, system[i]) == 0 || (i != ARRAY_SIZE(system) - 1 && path_within(home, system[i])))
			return false;
	return true;
}

int facts_user(struct facts *facts, char **environ_, struct error *err)
{
	const struct resolver r = { .environ_ = environ_ };
	const char *variable = target_env(&r, "HOME");

	facts->uid = getuid();
	facts->gid = getgid();
	facts->environ_ = environ_;
	if (from_passwd(facts) < 0)
		return error_oom(err);
	char *home = real_or_named(facts->home);
	free(facts->home);
	facts->home = home;
	if (!usable_home(home)) {
		free(facts->home);
		facts->home = target_format("/home/%s", facts->user);
		if (!facts->home)
			return error_oom(err);
	}
	facts->home_env = variable ? real_or_named(variable) : NULL;
	if (facts->home_env && (strcmp(facts->home_env, facts->home) == 0 || !facts->home_env[1])) {
		free(facts->home_env);
		facts->home_env = NULL;
	}
	return 0;
}

/* ---- paths ---- */

static enum path_type type_of(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFDIR:
		return PATH_DIR;
	case S_IFREG:
		return PATH_FILE;
	case S_IFSOCK:
		return PATH_SOCKET;
	case S_IFCHR:
	case S_IFBLK:
		return PATH_DEVICE;
	default:
		return PATH_OTHER;
	}
}

/* The name of what FD is open on. The caller frees; NULL when out of memory. */
static char *name_of(int fd, const char *path)
{
	char link[64], text[PATH_MAX];

	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	ssize_t n = readlink(link, text, sizeof text - 1);
	if (n > 0 && text[0] == '/') {
		text[n] = '\0';
		return strdup(text);
	}
	return target_walk(path, NULL);
}

static int look_at(struct path_fact *fact, struct error *err)
{
	CLEANUP_CLOSE int fd = open(fact->asked, O_PATH | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0) {
		switch (errno) {
		case ENOENT:
		case ENOTDIR:
			fact->type = PATH_MISSING;
			return 0;
		case EACCES:
		case ELOOP:
		case ENAMETOOLONG:
			fact->type = PATH_DENIED;
			return 0;
		default:
			return error_set(err, errno, "cannot look at %s", fact->asked);
		}
	}
	fact->type = type_of(st.st_mode);
	fact->dev = st.st_dev;
	fact->ino = st.st_ino;
	fact->real = name_of(fd, fact->asked);
	return fact->real ? 0 : error_set(err, errno, "cannot tell where %s lies", fact->asked);
}

struct paths_list {
	struct facts *facts;
	size_t room;
};

/* ASKED is taken over. */
static int add_path(struct paths_list *list, char *asked, struct error *err)
{
	struct facts *f = list->facts;

	if (!asked)
		return error_oom(err);
	if (f->paths_n == list->room) {
		size_t room = list->room ? list->room * 2 : 512;
		struct path_fact *grown = reallocarray(f->paths, room, sizeof *grown);
		if (!grown) {
			free(asked);
			return error_oom(err);
		}
		f->paths = grown;
		list->room = room;
	}
	f->paths[f->paths_n++] = (struct path_fact){ .asked = asked };
	return 0;
}

static int add_copy(struct paths_list *list, const char *path, struct error *err)
{
	return add_path(list, strdup(path), err);
}

static int add_all(struct paths_list *list, const struct strlist *paths, struct error *err)
{
	for (size_t i = 0; i < paths->n; i++)
		if (add_copy(list, paths->v[i], err) < 0)
			return -1;
	return 0;
}

/* What the policy, the command and its arguments name. */
static int add_named(struct paths_list *list, const struct policy *policy, struct error *err)
{
	const struct target *t = &list->facts->target;

	if (add_all(list, &policy->system, err) < 0)
		return -1;
	for (size_t i = 0; i < policy->grants_n; i++)
		if (add_copy(list, policy->grants[i].source, err) < 0)
			return -1;
	for (size_t i = 0; i < t->grants_n; i++)
		if (add_copy(list, t->grants[i].path, err) < 0)
			return -1;
	if (add_all(list, &policy->tmpfs, err) < 0 || add_copy(list, t->exe, err) < 0)
		return -1;
	/* With the host's network its names are resolved as on the host. */
	if (policy->network == NETWORK_HOST &&
	    (add_copy(list, "/etc/hosts", err) < 0 || add_copy(list, "/etc/resolv.conf", err) < 0))
		return -1;
	for (size_t i = t->args_from; policy->args != ARGS_OFF && i < t->argv.n; i++) {
		char *path = plan_arg_path(t->argv.v[i]);
		if (path && add_path(list, path, err) < 0)
			return -1;
	}
	return 0;
}

static int add_protected(struct paths_list *list, struct error *err)
{
	const struct facts *f = list->facts;
	CLEANUP_STRLIST struct strlist paths = { 0 };

	if (protect_list(f->home, &paths) < 0 || (f->home_env && protect_list(f->home_env, &paths) < 0))
		return error_oom(err);
	for (size_t i = 0; i < paths.n; i++) {
		if (add_path(list, TAKE_PTR(paths.v[i]), err) < 0)
			return -1;
	}
	return add_all(list, &f->protect, err);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct path_fact *)a)->asked, ((const struct path_fact *)b)->asked);
}

/* Sort, drop what is named twice, and look at each. */
static int look_at_all(struct facts *f, struct error *err)
{
	size_t kept = 0;

	qsort(f->paths, f->paths_n, sizeof *f->paths, by_name);
	for (size_t i = 0; i < f->paths_n; i++) {
		if (kept > 0 && strcmp(f->paths[i].asked, f->paths[kept - 1].asked) == 0)
			free(f->paths[i].asked);
		else
			f->paths[kept++] = f->paths[i];
	}
	f->paths_n = kept;
	f->paths_sorted = true;
	for (size_t i = 0; i < f->paths_n; i++)
		if (look_at(&f->paths[i], err) < 0)
			return -1;
	return 0;
}

int facts_gather(const struct policy *policy, char *const command[], char **environ_, struct facts *facts,
		 struct error *err)
{
	struct paths_list list = { .facts = facts };

	if (!facts->home && facts_user(facts, environ_, err) < 0)
		return -1;
	if (!facts->target.exe && target_resolve(command, environ_, facts, err) < 0)
		return -1;
	facts->layers |= probe_layers(&facts->landlock_abi);
	if (add_named(&list, policy, err) < 0 || add_protected(&list, err) < 0)
		return -1;
	return look_at_all(facts, err);
}

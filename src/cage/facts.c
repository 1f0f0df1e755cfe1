/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Looking at this machine on behalf of the plan: who the user is, which layers there are, and what each path
 * that policy, the command and its arguments name really is.
 *
 * It runs at every start, and there are several hundred paths, so it is frugal: each folder is followed once,
 * and a path in it costs one lstat(2), or nothing where the folder was listed. What is found is only compared
 * later: the cage opens each source anew and refuses it when it is another object. /etc/passwd is read
 * directly before getpwuid(3) is asked, which would load modules of the name service. Nothing is changed and
 * nothing is started. Called by the command line.
 */
#include "cage/cage.h"
#include "cage/target.h"

#include "base/format.h"
#include "base/path.h"
#include "policy/protect.h"
#include "policy/reduced.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A folder in which so many paths are asked for is listed, unless it has more than so many entries. */
#define LIST_FROM 64
#define LIST_MOST 1024

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

/*
 * A home that a cage can have an empty folder at: not "/", and not a part of the system, as of service users.
 */
static bool usable_home(const char *home)
{
	static const char *const system[] = {
		"/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc", "/dev", "/proc", "/sys", "/run", "/tmp",
	};
	if (!home || !home[1])
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(system); i++)
		if (strcmp(home, system[i]) == 0 ||
		    (i != ARRAY_SIZE(system) - 1 && path_within(home, system[i])))
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
		facts->home = format_text("/home/%s", facts->user);
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

/* What the errno of a path that cannot be looked at makes of it; PATH_OTHER for an error that is ours. */
static enum path_type type_of_error(int sys)
{
	switch (sys) {
	case ENOENT:
	case ENOTDIR:
		return PATH_MISSING;
	case EACCES:
	case ELOOP:
	case ENAMETOOLONG:
		return PATH_DENIED;
	default:
		return PATH_OTHER;
	}
}

/* A folder that paths lie in, looked at once for all of them. */
struct folder {
	char *path;
	size_t n;            /* its length */
	char *real;          /* NULL: missing or denied */
	enum path_type type; /* why `real` is NULL */
	size_t asked;        /* how many paths lie directly in it */
	bool listed;         /* what is in it was marked in `there` */
};

struct look {
	struct facts *facts;
	struct folder *folders;
	size_t folders_n, room;
	struct at {
		size_t folder; /* index in folders */
		bool there;    /* the folder was listed, and it is in it */
	} *at; /* for each path */
};

static void look_free(struct look *l)
{
	for (size_t i = 0; i < l->folders_n; i++) {
		free(l->folders[i].path);
		free(l->folders[i].real);
	}
	free(l->folders);
	free(l->at);
}

static struct folder *find_folder(struct look *l, const char *path, size_t n)
{
	/* backwards: neighbours in the sorted list tend to share their folder */
	for (size_t i = l->folders_n; i-- > 0;)
		if (l->folders[i].n == n && memcmp(l->folders[i].path, path, n) == 0)
			return &l->folders[i];
	return NULL;
}

/* The folder that PATH lies in, looked at; its own folder is looked at first. NULL with ERR. */
static struct folder *folder_of(struct look *l, const char *path, struct error *err)
{
	const char *slash = strrchr(path, '/');
	size_t n = slash == path ? 1 : (size_t)(slash - path);
	struct folder *known = find_folder(l, path, n);
	struct folder new = { .n = n, .type = PATH_DIR };
	struct stat st;

	if (known)
		return known;
	new.path = strndup(path, n);
	if (!new.path)
		return error_oom(err), NULL;
	struct folder *up = n > 1 ? folder_of(l, new.path, err) : NULL;
	if (n > 1 && !up) {
		free(new.path);
		return NULL;
	}
	if (n == 1) {
		new.real = strdup("/");
	} else if (!up->real) {
		new.type = up->type;
	} else if (strcmp(up->real, up->path) != 0) {
		new.real = target_walk(new.path, NULL);
		new.type = new.real ? PATH_DIR : type_of_error(errno);
	} else if (lstat(new.path, &st) < 0) {
		new.type = type_of_error(errno);
	} else {
		new.real = S_ISLNK(st.st_mode) ? target_walk(new.path, NULL) : strdup(new.path);
		new.type = new.real ? PATH_DIR : type_of_error(errno);
	}
	if (l->folders_n == l->room) {
		size_t room = l->room ? l->room * 2 : 32;
		struct folder *grown = reallocarray(l->folders, room, sizeof *grown);
		if (!grown) {
			free(new.path);
			free(new.real);
			return error_oom(err), NULL;
		}
		l->folders = grown;
		l->room = room;
	}
	l->folders[l->folders_n] = new;
	return &l->folders[l->folders_n++];
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct path_fact *)a)->asked, ((const struct path_fact *)b)->asked);
}

/*
 * Of the many places that are protected few exist, and most lie in two folders: reading those once is cheaper
 * than asking for each name. Not for a folder that turns out to be full of other things.
 */
static void list_folder(struct look *l, struct folder *folder)
{
	char asked[PATH_MAX];
	struct path_fact key = { .asked = asked };
	DIR *dir = opendir(folder->real);
	struct dirent *entry;
	size_t n = 0;

	while (dir && n <= LIST_MOST && (entry = readdir(dir))) {
		n++;
		int length = snprintf(asked, sizeof asked, "%s/%s", folder->path, entry->d_name);
		if (length < 0 || (size_t)length >= sizeof asked)
			continue;
		const struct path_fact *fact =
			bsearch(&key, l->facts->paths, l->facts->paths_n, sizeof key, by_name);
		if (fact)
			l->at[fact - l->facts->paths].there = true;
	}
	folder->listed = dir && n <= LIST_MOST;
	if (dir)
		closedir(dir);
}

/* A symlink, or something in a folder behind one: where does it lead? */
static int look_through(struct path_fact *fact, struct error *err)
{
	struct stat st;

	fact->real = target_walk(fact->asked, &fact->links);
	if (!fact->real || lstat(fact->real, &st) < 0) {
		fact->type = type_of_error(errno);
		free(fact->real);
		fact->real = NULL;
		return fact->type == PATH_OTHER ? error_set(err, errno, "cannot look at %s", fact->asked) : 0;
	}
	fact->type = type_of(st.st_mode);
	fact->dev = st.st_dev;
	fact->ino = st.st_ino;
	return 0;
}

/* The path with index I, whose folder is known. */
static int look_at(struct look *l, size_t i, struct error *err)
{
	struct path_fact *fact = &l->facts->paths[i];
	struct folder *folder = &l->folders[l->at[i].folder];
	struct stat st;

	fact->type = PATH_MISSING;
	if (!folder->real) {
		fact->type = folder->type;
		return 0;
	}
	if (folder->asked >= LIST_FROM && !folder->listed) {
		list_folder(l, folder);
		folder->asked = 0;
	}
	if (folder->listed && !l->at[i].there)
		return 0;
	if (strcmp(folder->real, folder->path) != 0)
		return look_through(fact, err);
	if (lstat(fact->asked, &st) < 0) {
		fact->type = type_of_error(errno);
		return fact->type == PATH_OTHER ? error_set(err, errno, "cannot look at %s", fact->asked) : 0;
	}
	if (S_ISLNK(st.st_mode))
		return look_through(fact, err);
	fact->type = type_of(st.st_mode);
	fact->dev = st.st_dev;
	fact->ino = st.st_ino;
	fact->real = strdup(fact->asked);
	return fact->real ? 0 : error_oom(err);
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

/* A program that policy names, and what is named by its arguments. */
static int add_command(struct paths_list *list, const struct strlist *command, struct error *err)
{
	for (size_t i = 0; i < command->n; i++) {
		char *path = plan_arg_path(command->v[i]);
		if (path && add_path(list, path, err) < 0)
			return -1;
	}
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
	if (add_all(list, &policy->mediation.rule_files, err) < 0 ||
	    add_command(list, &policy->mediation.text_command, err) < 0 ||
	    add_command(list, &policy->mediation.ask_with, err) < 0 ||
	    add_command(list, &policy->mediation.alarm_command, err) < 0)
		return -1;
	if (add_all(list, &policy->tmpfs, err) < 0 || add_all(list, &policy->layers, err) < 0 ||
	    add_copy(list, t->exe, err) < 0)
		return -1;
	for (size_t i = 0; list->facts->reduced_why && i < reduced_paths_n; i++)
		if (add_copy(list, reduced_paths[i].path, err) < 0)
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

/* Sort, drop what is named twice, and look at each. */
static int look_at_all(struct facts *f, struct error *err)
{
	CLEANUP(look_free) struct look l = { .facts = f };
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
	l.at = calloc(kept + 1, sizeof *l.at);
	if (!l.at)
		return error_oom(err);
	for (size_t i = 0; i < kept; i++) {
		struct folder *folder = folder_of(&l, f->paths[i].asked, err);
		if (!folder)
			return -1;
		folder->asked++;
		l.at[i].folder = (size_t)(folder - l.folders);
	}
	for (size_t i = 0; i < kept; i++)
		if (look_at(&l, i, err) < 0)
			return -1;
	return 0;
}

int facts_look(struct facts *facts, const char *path, struct error *err)
{
	struct paths_list list = { .facts = facts };

	if (add_copy(&list, path, err) < 0 || add_protected(&list, err) < 0)
		return -1;
	return look_at_all(facts, err);
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
	if (facts->reduced_why)
		facts->layers &= ~(unsigned)LAYER_USERNS;
	if (facts->layers & LAYER_APPARMOR)
		apparmor_shipped(&facts->apparmor_server, &facts->apparmor_own);
	if (add_named(&list, policy, err) < 0 || add_protected(&list, err) < 0)
		return -1;
	return look_at_all(facts, err);
}

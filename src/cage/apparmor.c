/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * AppArmor: at the server's execve(2) a profile is stacked onto the label that mcpcage runs under, so that the result is never
 * more than either allows. A plain change of profile could mean more than before, and under no_new_privs, which the server's process
 * sets before its execve(2), the kernel takes nothing but a stack. Processes of mcpcage that read hostile bytes stack profiles of
 * their own onto theirs, in the same sense.
 *
 * Written to the task's own attribute files, not by aa_stack_onexec(2): libapparmor 3 names the file by the number that gettid(2)
 * returns, which in a new pid namespace with the host's /proc is another process. /proc/thread-self is right in both. It is opened
 * before the pivot and has to be a file of proc: where somebody mounted something else over /proc, a write would look like success.
 * What is set for execve(2) is read back; a label that is in force may not let us. (It also saves the 70 us that loading the library takes.) The setting is inherited by fork(2).
 *
 * Called before Landlock and seccomp. See apparmor(7), aa_stack_profile(2), profiles/apparmor, and the kernel's
 * security/apparmor/lsm.c and domain.c.
 */
#include "cage/cage.h"

#include "base/cleanup.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOADED "/sys/kernel/security/apparmor/policy/profiles"
#define OWN    "mcpcage" /* the profile that is attached to mcpcage, in profiles/apparmor/mcpcage.in */

bool apparmor_enabled(void)
{
	/* What aa_is_enabled(2) reads first; the rest of it looks for securityfs, which stacking does not need. */
	CLEANUP_CLOSE int fd = open("/sys/module/apparmor/parameters/enabled", O_RDONLY | O_CLOEXEC);
	char answer = 0;

	return fd >= 0 && read(fd, &answer, 1) == 1 && answer == 'Y';
}

/* ---- the attribute files ------------------------------------------------------------------------------ */

static int open_attribute(const char *name, int mode, struct error *err)
{
	char path[64];

	snprintf(path, sizeof path, "/proc/thread-self/attr/apparmor/%s", name);
	CLEANUP_CLOSE int fd = open(path, mode | O_CLOEXEC | O_NOCTTY);
	/* Before Linux 5.8 there is only the file that all security modules share. */
	if (fd < 0 && errno == ENOENT) {
		snprintf(path, sizeof path, "/proc/thread-self/attr/%s", name);
		fd = open(path, mode | O_CLOEXEC | O_NOCTTY);
	}
	if (fd < 0)
		return error_set(err, errno, "cannot open %s", path);
	struct statfs fs;
	if (fstatfs(fd, &fs) < 0)
		return error_set(err, errno, "cannot examine %s", path);
	if (fs.f_type != PROC_SUPER_MAGIC)
		return error_set(err, 0, "%s is no file of proc: something is mounted over it", path);
	return TAKE_FD(&fd);
}

/* What the attribute FD says, without its mode; "" when nothing is set. */
static void read_attribute(int fd, char *out, size_t size)
{
	ssize_t n = pread(fd, out, size - 1, 0);

	out[n < 0 ? 0 : n] = '\0';
	out[strcspn(out, " \n")] = '\0';
}

/* Whether PROFILE is one of those that LABEL, "a//&b", is stacked from. */
static bool is_in_label(const char *label, const char *profile)
{
	const size_t n = strlen(profile);

	for (const char *at = label;; at += 3) {
		const char *end = strstr(at, "//&");
		size_t length = end ? (size_t)(end - at) : strlen(at);
		if (length == n && memcmp(at, profile, n) == 0)
			return true;
		if (!end)
			return false;
		at = end;
	}
}

static int refused(int sys, const char *profile, struct error *err)
{
	error_set(err, sys, "cannot stack the AppArmor profile %s", profile);
	if (!apparmor_enabled())
		return error_hint(err, "AppArmor is not enabled in this kernel; leave out \"apparmor\" in the policy");
	if (sys == ENOENT)
		return error_hint(err, "load the profile with apparmor_parser -r");
	return error_hint(err, "the profile that mcpcage itself runs under has to allow it (change_profile)");
}

static int stack(int fd, const char *profile, struct error *err)
{
	char command[1024];
	int n = snprintf(command, sizeof(command), "stack %s", profile);

	if (profile[0] == '\0' || strpbrk(profile, "\n\r") || n < 0 || (size_t)n >= sizeof(command))
		return error_set(err, EINVAL, "'%s' is no name of an AppArmor profile", profile);
	/* One write: the kernel takes the whole command or nothing. */
	return write(fd, command, (size_t)n) == n ? 0 : refused(errno, profile, err);
}

int apparmor_stack_onexec(const char *profile, struct error *err)
{
	struct error problem = { 0 };
	CLEANUP_CLOSE int fd = open_attribute("exec", O_RDWR, &problem);

	if (fd >= 0) {
		char now[1024];
		if (stack(fd, profile, err) < 0)
			return -1;
		/* "unconfined" adds nothing to a label. */
		read_attribute(fd, now, sizeof now);
		if (strcmp(profile, "unconfined") != 0 && !is_in_label(now, profile))
			return error_set(err, 0, "the AppArmor profile %s is not in the label for execve(2): \"%s\"", profile, now);
		return 0;
	}
	if (profile[0] == '\0' || strpbrk(profile, "\n\r"))
		return stack(-1, profile, err);
	if (problem.sys)
		return refused(problem.sys, profile, err);
	if (err)
		*err = problem;
	return -1;
}

int apparmor_open_label(struct error *err)
{
	return open_attribute("current", O_RDWR, err);
}

int apparmor_stack_label(int fd, const char *profile, struct error *err)
{
	return stack(fd, profile, err);
}

void apparmor_leave_onexec(void)
{
	static const char command[] = "exec unconfined";
	CLEANUP_CLOSE int label = open_attribute("current", O_RDONLY, NULL);
	char now[256] = "";

	if (label >= 0)
		read_attribute(label, now, sizeof now);
	/* Any other label is somebody's decision about this whole process. */
	if (strcmp(now, OWN) != 0)
		return;
	CLEANUP_CLOSE int fd = open_attribute("exec", O_WRONLY, NULL);
	/* When it fails the program stays confined. */
	if (fd >= 0)
		(void)!write(fd, command, sizeof command - 1);
}

/* ---- what is loaded ------------------------------------------------------------------------------------- */

/* The entry of FOLDER that is called NAME, a dot and a number, opened; -1: none. *BLIND: nobody lets us look. */
static int open_loaded(int folder, const char *path, const char *name, bool *blind)
{
	int fd = openat(folder, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	int found = -1;

	*blind = !dir;
	if (!dir && fd >= 0)
		close(fd);
	for (struct dirent *e; dir && found < 0 && (e = readdir(dir));) {
		const size_t n = strlen(name);
		if (strncmp(e->d_name, name, n) != 0 || e->d_name[n] != '.' || !isdigit((unsigned char)e->d_name[n + 1]))
			continue;
		if (e->d_name[n + 1 + strspn(e->d_name + n + 1, "0123456789")] == '\0')
			found = openat(dirfd(dir), e->d_name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	}
	if (dir)
		closedir(dir);
	return found;
}

/* In a process of its own, because what is set cannot be taken back. */
static bool may_stack(const char *profile)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(apparmor_stack_onexec(profile, NULL) < 0);
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

void apparmor_shipped(bool *server, bool *own)
{
	char label[256] = "";
	bool blind, unsure;

	*server = *own = false;
	CLEANUP_CLOSE int at = apparmor_open_label(NULL);
	if (at < 0)
		return;
	read_attribute(at, label, sizeof label);
	/* These two allow it for sure; another is asked. */
	unsure = strcmp(label, "unconfined") != 0 && strcmp(label, OWN) != 0;
	CLEANUP_CLOSE int profile = open_loaded(AT_FDCWD, LOADED, APPARMOR_SERVER, &blind);
	if (profile >= 0 || blind)
		*server = (unsure || blind) ? may_stack(APPARMOR_SERVER) : true;
	/* An administrator's own profile of this name may have no children. */
	CLEANUP_CLOSE int ours = open_loaded(AT_FDCWD, LOADED, OWN, &blind);
	CLEANUP_CLOSE int filter = ours >= 0 ? open_loaded(ours, "profiles", "filter", &blind) : -1;
	CLEANUP_CLOSE int init = ours >= 0 ? open_loaded(ours, "profiles", "init", &blind) : -1;
	CLEANUP_CLOSE int egress = ours >= 0 ? open_loaded(ours, "profiles", "egress", &blind) : -1;
	*own = filter >= 0 && init >= 0 && egress >= 0 && (!unsure || may_stack(APPARMOR_FILTER));
}

bool apparmor_own(void)
{
	bool server, own;

	apparmor_shipped(&server, &own);
	return own;
}

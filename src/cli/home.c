/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The folders of the host that are a session's own: the kept home (files.home), and in reduced mode the one for its temporary files, which
 * takes the place of the file systems in memory that there are otherwise. Taken into use before there is a cage, given back or removed at the
 * end. The plan says where they are; here they are made, and the plan learns what they are. Called by whoever starts a session; explain and
 * --dry-run make nothing.
 */
#include "cli/cli.h"

#include "base/cleanup.h"
#include "base/path.h"
#include "policy/keys.h"
#include "policy/show.h"
#include "policy/value.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

/* Entries that are looked at when a session starts: a bounded delay. A home in memory could have as many at its usual size. */
#define MEASURE_START 20000

/* The command for people, as it was given, without what looks like a secret. */
static char *command_text(char *const *argv)
{
	CLEANUP_BUF struct buf out = BUF_INIT(2000);
	CLEANUP_STRLIST struct strlist words = { 0 };

	for (size_t i = 0; argv[i]; i++)
		if (strlist_add(&words, argv[i]) < 0)
			return NULL;
	for (size_t i = 0; i < words.n && !out.full; i++) {
		CLEANUP_FREE char *shown = show_argument(&words, i);
		if (i)
			buf_putc(&out, ' ');
		show_word(&out, shown ? shown : "");
	}
	if (out.n > 500)
		out.n = 500;
	out.full = false;
	const char *text = buf_str(&out);
	return text ? strdup(text) : NULL;
}

/* A line now, and in the audit log with the rest of the plan. */
static int tell(struct plan *plan, const struct log *log, char *text, struct error *err)
{
	if (!text)
		return error_oom(err);
	log_line(log, "%s", text);
	return strlist_take(&plan->notes, text) < 0 ? error_oom(err) : 0;
}

static int tell_usage(struct plan *plan, const struct log *log, const struct home *home, struct error *err)
{
	const struct policy_key *key = &policy_keys[KEY_FILES_HOME_SIZE];
	struct tree_usage usage;
	char limit[32], *text = NULL;

	home_measure(home->folder, MEASURE_START, &usage);
	if (usage.bytes <= plan->home_size)
		return 0;
	value_number_text(key, plan->home_size, limit);
	if (asprintf(&text, "the kept home %s holds %s%llu MiB, more than %s (%s); \"mcpcage state reset\" wipes it", home->folder,
		     usage.more ? "at least " : "", (unsigned long long)(usage.bytes >> 20), limit, key->path) < 0)
		text = NULL;
	return tell(plan, log, text, err);
}

static int tell_wiped(struct plan *plan, const struct log *log, const struct home *home, struct error *err)
{
	char time[32], *text = NULL;

	if (!home->wiped)
		return 0;
	value_number_text(&policy_keys[KEY_FILES_HOME], plan->home_keep, time);
	if (asprintf(&text, "the kept home %s was not used for %s and has been wiped", home->folder, time) < 0)
		text = NULL;
	return tell(plan, log, text, err);
}

static int begin_kept(const struct log *log, const char *command, struct plan *plan, struct home *home, struct error *err)
{
	if (home_open(plan->home_folder, plan->home_keep, command, home, err) < 0 ||
	    plan_home_is(plan, home->files, home->dev, home->ino, err) < 0)
		return -1;
	return tell_wiped(plan, log, home, err) < 0 || tell_usage(plan, log, home, err) < 0 ? -1 : 0;
}

/* ---- the scratch folder ------------------------------------------------------------------------- */

/* Seconds in which a session has certainly locked the folder that it made. */
#define SWEEP_AGE 60
/* Entries of what killed sessions left that a start removes. */
#define SWEEP_REMOVES 5000

/* Sessions that were killed with SIGKILL left theirs. What cannot be removed is no reason not to start. */
static void sweep(const char *folder)
{
	CLEANUP_STRLIST struct strlist names = { 0 };
	CLEANUP_FREE char *above = strdup(folder);
	char *slash = above ? strrchr(above, '/') : NULL;
	struct error err;

	if (!slash)
		return;
	*slash = '\0';
	if (homes_list(above, &names, &err) < 0)
		return;
	for (size_t i = 0; i < names.n; i++) {
		CLEANUP_FREE char *path = path_join(above, names.v[i]);
		struct stat st;
		if (path && lstat(path, &st) == 0 && time(NULL) - st.st_mtime > SWEEP_AGE)
			(void)home_discard(path, SWEEP_REMOVES, &err);
	}
}

static int make_in(const struct home *home, const char *name, struct error *err)
{
	CLEANUP_FREE char *path = path_join(home->files, name);

	if (!path)
		return error_oom(err);
	return mkdir(path, 0700) < 0 ? error_set(err, errno, "cannot make the folder %s", path) : 0;
}

static int begin_scratch(const char *command, struct plan *plan, struct home *home, struct error *err)
{
	sweep(plan->scratch);
	if (home_open(plan->scratch, UINT64_MAX, command, home, err) < 0 || make_in(home, "tmp", err) < 0)
		return -1;
	if (!plan->home_folder && make_in(home, "home", err) < 0)
		return -1;
	return plan_scratch_is(plan, home->files, home->dev, home->ino, err);
}

/* ---- both ------------------------------------------------------------------------------------------ */

int own_folders_begin(const struct invocation *inv, struct plan *plan, struct own_folders *own, struct error *err)
{
	*own = (struct own_folders)OWN_FOLDERS_NONE;
	if (!plan->home_folder && !plan->scratch)
		return 0;
	CLEANUP_FREE char *command = command_text(inv->argv);
	if (!command)
		return error_oom(err);
	if (plan->home_folder && begin_kept(&inv->log, command, plan, &own->kept, err) < 0)
		return -1;
	return plan->scratch ? begin_scratch(command, plan, &own->scratch, err) : 0;
}

void own_folders_end(struct own_folders *own)
{
	CLEANUP_FREE char *folder = own->scratch.folder;
	struct error err;

	own->scratch.folder = NULL;
	home_close(&own->scratch);
	/* What is left of it goes with the next session's start. */
	if (folder)
		(void)home_discard(folder, UINT64_MAX, &err);
	home_close(&own->kept);
}

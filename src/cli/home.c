/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The kept home of a session (files.home): taken into use before there is a cage, given back at the end. The plan says where it is; here it
 * is made, and the plan learns what it is. Called by whoever starts a session; explain and --dry-run make nothing.
 */
#include "cli/cli.h"

#include "base/cleanup.h"
#include "policy/keys.h"
#include "policy/show.h"
#include "policy/value.h"

#include <stdlib.h>

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

int home_begin(const struct invocation *inv, struct plan *plan, struct home *home, struct error *err)
{
	const struct log *log = &inv->log;

	*home = (struct home)HOME_NONE;
	if (!plan->home_folder)
		return 0;
	CLEANUP_FREE char *command = command_text(inv->argv);
	if (!command)
		return error_oom(err);
	if (home_open(plan->home_folder, plan->home_keep, command, home, err) < 0 ||
	    plan_home_is(plan, home->files, home->dev, home->ino, err) < 0)
		return -1;
	return tell_wiped(plan, log, home, err) < 0 || tell_usage(plan, log, home, err) < 0 ? -1 : 0;
}

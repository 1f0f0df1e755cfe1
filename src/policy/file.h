/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One policy file: opened with distrust, parsed, and merged key by key. Internal to policy/.
 */
#pragma once

#include "base/buf.h"
#include "base/error.h"
#include "base/strlist.h"
#include "policy/merge.h"
#include "policy/value.h"

#include <jansson.h>
#include <stdbool.h>
#include <sys/types.h>

#define POLICY_FILE_MAX ((size_t)1 << 20)

struct policy_file {
	const char *name; /* for messages; borrowed */
	struct buf text;
	json_t *root;
};

/*
 * Read NAME into FILE->text. 0, -1, or 1 when there is no such file. Unless TRUSTED, the file and its
 * folder have to be owned by root or UID and writable by nobody else.
 */
int policy_file_open(struct policy_file *file, const char *name, uid_t uid, bool trusted, struct error *err);

/* Likewise for the folders of PATH below its first N bytes, but for the last: who could exchange one chooses the file. 0, -1, or 1. */
int policy_folders_check(const char *path, size_t n, uid_t uid, struct error *err);

/* Parse FILE->text, which is NAME's content. */
int policy_file_parse(struct policy_file *file, struct error *err);

/* The names in its "extends", in their order. */
int policy_file_extends(const struct policy_file *file, struct strlist *names, struct error *err);

/* Merge all its keys; with MAY_LOCK its locks afterwards, otherwise a "lock" is an error. */
int policy_file_merge(const struct policy_file *file, const struct value_source *source, bool may_lock,
		      struct merge *merge, struct error *err);

/* Put the position of the file's "extends" before the message. */
int policy_file_blame_extends(const struct policy_file *file, struct error *err);

void policy_file_close(struct policy_file *file);

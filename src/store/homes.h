/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Private homes that are kept (files.home): for each server a folder of its own below the state folder's "homes", with
 *
 *	files        the home itself; the server writes here, and nowhere else
 *	record       for people and for the clock: policy and command of the last session; its time is that of the last use
 *	lock         flock(2)ed, shared by each session that uses the home, alone by who wipes it
 *	gone-*       what is being wiped: was "files" until it was renamed
 *
 * All but what is in "files" is mcpcage's own; the folder is the user's and open to nobody else. What is in "files" is the server's:
 * hostile names, types and modes, of any number and depth. It is measured and removed, and never opened, parsed or run.
 */
#pragma once

#include "base/error.h"
#include "base/strlist.h"

#include <stdbool.h>
#include <stdint.h>

struct home {
	char *folder;
	char *files;       /* without symlinks */
	uint64_t dev, ino; /* of it */
	int lock;          /* shared */
	bool wiped;        /* it had not been used for too long */
};
#define HOME_NONE { .lock = -1 }

/*
 * Take FOLDER into use: made when it is not there, wiped before when it was not used for KEEP milliseconds. COMMAND is for people. Sessions may
 * hold it at the same time. To be closed with home_close(), also at HOME_NONE.
 */
int home_open(const char *folder, uint64_t keep, const char *command, struct home *home, struct error *err);
/* The use ends now. */
void home_close(struct home *home);

/* Names of the homes in HOMES (the state folder's "homes"), sorted. */
int homes_list(const char *homes, struct strlist *names, struct error *err);

struct home_info {
	int64_t used;  /* seconds since the epoch */
	uint64_t keep; /* as files.home was; UINT64_MAX: for good */
	char *command;
	bool in_use;
};
void home_info_free(struct home_info *info);
/* 1, 0: there is no home in FOLDER, -1. */
int home_info(const char *folder, struct home_info *info, struct error *err);
/* Whether it was not used for longer than it is kept. */
bool home_expired(const struct home_info *info);

/* Wipe it: 1; 0: there is none; -1, when it is in use as well. Killed in between, it is wiped all the same and the rest removed next time. */
int home_reset(const char *folder, struct error *err);

/*
 * Remove all of FOLDER with what is ours in it, LIMIT entries of old trees at most. 1: it is gone, or never was; 0: more is left; -1, when it is in
 * use as well.
 */
int home_discard(const char *folder, uint64_t limit, struct error *err);

/* ---- homes-tree.c: trees that somebody hostile made --------------------------------------------- */

struct tree_usage {
	uint64_t bytes; /* on disk */
	uint64_t entries;
	bool more; /* not all of it was looked at: LIMIT, too deep, or closed folders */
};
/* What the folder FD holds, as far as LIMIT entries; the folders in it are opened, nothing else. */
void tree_measure(int fd, uint64_t limit, struct tree_usage *usage);
/* As above, of the home in FOLDER; nothing when there is none. */
void home_measure(const char *folder, uint64_t limit, struct tree_usage *usage);

/* rename(2) to a name that nobody else uses. -1 with errno, EEXIST when it is there. */
int tree_rename(int from_at, const char *from, int to_at, const char *to);
/*
 * Remove the folder NAME in AT with all that is in it, LIMIT entries at most. 1: it is gone; 0: there is more left; -1 with errno. Follows
 * no symlink, takes two descriptors whatever the depth, and changes modes that keep the owner out.
 */
int tree_remove(int at, const char *name, uint64_t limit);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The runtime folder: where the control sockets of running sessions are. It is mcpcage's own folder in the user's runtime folder
 * ($XDG_RUNTIME_DIR), and open to nobody else.
 *
 * Clients often start servers without that variable, so that /run/user/UID counts when it is not set, and for root, who has no such
 * folder without having logged in, /run. A folder that is not the user's alone is never used: then there is none.
 */
#pragma once

#include "base/error.h"
#include "base/strlist.h"

#include <sys/types.h>

/* The folder's path, whether it exists or not. The caller frees; NULL with why there is none. */
char *runtime_find(char *const *environ_, uid_t uid, struct error *err);
/* Every folder in which a session of this user may have its socket: that, and the one of sessions without the variable. */
int runtime_list(char *const *environ_, uid_t uid, struct strlist *folders, struct error *err);

/* Make it where it is missing. */
int runtime_make(const char *folder, struct error *err);
/* An O_PATH descriptor of it, checked. -1 with ERR; `sys` is ENOENT when it does not exist. */
int runtime_open(const char *folder, struct error *err);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sessions that run, and the one that a person means. For ps, grant and revoke. */
#pragma once

#include "base/buf.h"
#include "base/error.h"
#include "session/control.h"

/* All sessions of this user. */
int instances_find(struct control_list *list, struct error *err);
/* The one whose id starts with NAME, or whose server's name is NAME or has it in it, if there is only one. NULL with ERR. */
const struct control_instance *instance_named(const struct control_list *list, const char *name, struct error *err);

/* "2026-01-31T12:00:00Z" */
void put_time(struct buf *out, int64_t seconds);
void json_member_time(struct buf *out, const char *key, int64_t seconds);
/* G as members of an object, and as a line for people. */
void grant_json(struct buf *out, const struct control_grant *g);
void grant_line(struct buf *out, const struct control_grant *g);

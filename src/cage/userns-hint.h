/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Why a user namespace, or its capabilities, may be refused here, and what to do. Private to cage/. */
#pragma once

#include "base/error.h"

/* For an EPERM from writing the map of uid 0. */
#define USERNS_ROOT_HINT                                                                                                                 \
	"uid 0 can be mapped only by a process with CAP_SETFCAP: run as an ordinary user, or give the container that capability "        \
	"(docker, podman: --cap-add=SETFCAP)"

/*
 * For an EPERM or EACCES from the first calls that need a user namespace: add to ERR the remedy that fits what
 * the machine's switches say. Reads /proc/sys only. Returns -1.
 */
int userns_hint(struct error *err);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Telling base64 (RFC 4648, section 4) from text at memory speed: images and sound are the largest messages there are. Pure. */
#pragma once

#include "base/span.h"

/* Whether S is letters of base64 and nothing else, but for two '=' at the most at its end. True for nothing. */
bool base64_is(struct span s);

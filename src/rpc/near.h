/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Names like one that is not there, for the answer to a model that mistyped it. Pure.
 */
#pragma once

#include "base/buf.h"
#include "rpc/manifest.h"

/*
 * Append up to three names of KIND that may be used now and are close to NAME, as "\"a\", \"b\""; nothing when there
 * are none. Only names of plain letters, digits and "_-.:/" are given. Returns how many.
 */
size_t near_names(const struct manifest *m, enum item_kind kind, struct span name, struct buf *out);

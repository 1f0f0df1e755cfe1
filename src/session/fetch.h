/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Installing a package: npm, pip or uv run in a cage of their own, with an empty home, no files of the user, no credentials and
 * install scripts off, and write into a stage of the store. What they wrote is read by a confined process of ours, which reports it in
 * records of a fixed layout: names, versions and hashes are hostile bytes as well.
 */
#pragma once

#include "base/error.h"
#include "base/log.h"
#include "policy/facts.h"
#include "policy/package.h"
#include "policy/policy.h"
#include "store/packages.h"

struct fetch {
	const struct package_request *request;
	const struct facts *user;     /* facts_user(): who, home, environ_ */
	const struct policy *policy;  /* limits (memory, tasks), required layers and AppArmor profile are taken from it */
	const char *pkgdata;          /* where profiles/fetch.json is */
	const struct log *log;        /* progress: one line a step */
};

/*
 * Fill STAGE->files and *PACKAGE (without tree, files, bytes and folder). -1: nothing is lost; the error says which of these it was: no
 * installer on this machine, offline, no such package or version, an integrity value that does not fit, disk full, scripts needed.
 */
int fetch_package(const struct fetch *fetch, struct stage *stage, struct package *package, struct error *err);

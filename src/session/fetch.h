/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Installing a package: npm, pip or uv run in a cage of their own, with an empty home, no files of the user, no credentials and
 * install scripts off, and write into a stage of the store. What they wrote is read by a confined process of ours, which reports it in
 * records of a fixed layout: names, versions and hashes are hostile bytes as well.
 *
 * Where packages come from is what the user's own npm, pip or uv says when it is asked outside; when that is the tool's default, nothing
 * is said inside either. An address with credentials in it does not enter: that is refused.
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
	/*
	 * Required layers and the AppArmor profile are taken from it. Limits are those of profiles/fetch.json, or these where they are
	 * higher: what is enough for a server may be too little to install it.
	 */
	const struct policy *policy;
	const char *pkgdata;          /* where profiles/fetch.json is */
	const char *runner;           /* the runner as the user named it: tools that lie beside it come first. May be NULL */
	const struct log *log;        /* progress: one line a step, never on standard output */
};

/*
 * Fill STAGE->files and *PACKAGE (without tree, files, bytes and folder). Takes over SIGTERM, SIGINT, SIGHUP and SIGQUIT while it runs: they
 * end it with err->sys EINTR. -1: nothing is lost, the stage is litter; the error says which of these it was: no installer on this machine,
 * offline, no such package or version, an integrity value that does not fit, disk full, scripts needed, and so on.
 */
int fetch_package(const struct fetch *fetch, struct stage *stage, struct package *package, struct error *err);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the user, the administrator and the shipped profiles ask for, after all layers are merged.
 *
 * A policy is built once (policy/builder.h) and is const from then on. It says nothing about this
 * machine: that is `struct facts`, and both together make the `struct plan`. mcpcage-policy(5) documents
 * each key.
 */
#pragma once

#include "base/error.h"
#include "base/strlist.h"
#include "policy/mediation.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum network_mode { NETWORK_NONE, NETWORK_NAMES, NETWORK_HOST };

enum unknown_mode { UNKNOWN_DENY, UNKNOWN_ASK };
enum sni_mode { SNI_CHECK, SNI_OFF };
enum ech_mode { ECH_DENY, ECH_ALLOW };

/* Network by name. */
struct network_names {
	struct strlist allow;  /* as host_rule_text() spells them */
	struct strlist ranges; /* as ip_range_text() does: special addresses that names may resolve to */
	enum unknown_mode unknown;
	enum sni_mode sni;
	enum ech_mode ech;
	uint64_t connections; /* at the same time */
	uint64_t connections_total, connection_bytes, session_bytes; /* 0: no limit */
	uint64_t idle_timeout; /* milliseconds, 0: none */
};
int network_names_copy(struct network_names *to, const struct network_names *from);
void network_names_free(struct network_names *names);

/* What to do with existing absolute paths among the server's arguments. */
enum args_mode { ARGS_OFF, ARGS_RO, ARGS_RW };

/* Whether a session may install a package that is not in the store. */
enum fetch_mode { FETCH_NEVER, FETCH_MISSING };

/* Layers of the cage, as bits: for `require`, for facts, and for the audit record. */
enum layer {
	LAYER_USERNS = 1 << 0,     /* user, mount, pid, net, ipc, uts, cgroup namespaces */
	LAYER_SECCOMP = 1 << 1,
	LAYER_LANDLOCK = 1 << 2,
	LAYER_APPARMOR = 1 << 3,
	LAYER_CGROUP = 1 << 4,     /* cgroup v2 limits and cgroup.kill */
	LAYER_TIMENS = 1 << 5,
	LAYER_AUDIT = 1 << 6,      /* the audit log can be written */
};
#define LAYERS_ALWAYS (LAYER_USERNS | LAYER_SECCOMP)

/* "landlock" and so on; NULL for an unknown bit. layer_parse returns 0 for an unknown name. */
const char *layer_name(enum layer layer);
unsigned layer_parse(const char *name);

/* A path to show in the cage: SOURCE[:DEST] on the command line. */
struct grant {
	char *source; /* absolute, normalized; a leading "~/" is resolved while parsing */
	char *dest;   /* absolute; equal to source unless the user named another */
	bool write;
	char *origin; /* "--ro", "/etc/mcpcage/policy.json", "profile node": for messages and explain */
	bool own;     /* made by mcpcage, a folder of its own: no file and no option can say so */
};

/* A file that exists in the cage only. */
struct made_file {
	char *dest;
	char *text;
	char *origin;
};
#define MADE_FILE_MAX ((size_t)64 << 10)
#define MADE_FILES_MAX 64

struct env_entry {
	char *name;
	char *value; /* NULL: pass the value that mcpcage itself was started with, if it has one */
	bool home;   /* it is a path below the private home */
};

struct policy {
	/* files */
	struct strlist system; /* read-only where they exist: /usr, files of /etc a runtime needs */
	struct grant *grants;
	size_t grants_n;
	struct made_file *made;
	size_t made_n;
	struct strlist tmpfs;  /* fresh, empty, writable, size-limited */
	enum args_mode args;
	bool read_locked;  /* an administrator locked files.read: arguments may open nothing new */
	bool write_locked; /* likewise files.write */
	bool hosts_locked; /* likewise network.allow */
	uint64_t home_keep; /* milliseconds without use after which the private home is wiped; 0: it ends with the session */
	uint64_t home_size; /* bytes; ceiling of the private home */
	uint64_t tmp_size;  /* bytes; ceiling of the private /tmp, /dev/shm and each --tmpfs */

	/* environment: nothing else enters */
	struct env_entry *env;
	size_t env_n;

	enum network_mode network; /* NETWORK_NAMES: there is something in `names` */
	struct network_names names;

	/* limits; 0 means no limit */
	uint64_t memory;     /* bytes, cgroup memory.max */
	uint64_t swap;       /* bytes, cgroup memory.swap.max; 0 is none at all */
	uint64_t tasks;      /* cgroup pids.max */
	uint64_t cpu;        /* percent of one processor, cgroup cpu.max */
	uint64_t io;         /* bytes a second of a disk, each way, cgroup io.max */
	uint64_t open_files; /* RLIMIT_NOFILE, never below 1024 */
	uint64_t file_size;  /* bytes, RLIMIT_FSIZE */
	uint64_t message_size; /* bytes, largest JSON-RPC message in either direction */
	uint64_t call_timeout; /* milliseconds */
	uint64_t idle_timeout;
	uint64_t freeze_idle; /* the server is frozen when nothing was asked for so long */
	uint64_t session_timeout;

	/* confinement */
	unsigned require;  /* bits of enum layer beside LAYERS_ALWAYS */
	char *apparmor;    /* profile to stack, "off", or NULL: APPARMOR_SERVER where it is loaded */
	bool unix_sockets; /* may the server make AF_UNIX sockets (within its own files) */
	bool reduced;      /* may it be started without namespaces where there are none */

	/* packages */
	enum fetch_mode packages_fetch;
	struct strlist packages_hosts; /* as names.allow: for installers */
	bool packages_scripts; /* may install scripts and builds run when a package is installed */

	struct mediation mediation;

	/* grants to the running session */
	uint64_t grants_longest; /* milliseconds; 0: none */
	bool grants_hosts; /* names can be granted where `names` has none */

	/* records */
	char *audit; /* file, "off", or NULL for the default in the state folder */
	char *state; /* folder, or NULL for the default */

	/* how it came about: the files that were read, in their order, for explain and the audit log */
	struct strlist layers;
};

/* Append a copy, or replace the one with the same path. 0, or -1 when out of memory. */
int made_file_set(struct made_file **files, size_t *n, const struct made_file *file);
void made_files_free(struct made_file *files, size_t n);

void policy_free(struct policy *policy);

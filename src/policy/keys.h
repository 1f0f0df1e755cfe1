/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The one table of keys. A row is a thing that can be said in a policy file, on the command line, or in
 * both. The same rows drive the parsing of policy files (builder.c), the command line (cli/), --help, the
 * OPTIONS of mcpcage(1), the keys of mcpcage-policy(5) and the shell completions, so none of them can
 * disagree with another.
 *
 * Data only, no libraries: the table is compiled once more into the generator that runs during the build.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum value_type {
	VALUE_NONE,     /* a switch of the command line */
	VALUE_GRANTS,   /* "PATH" or "PATH:DEST"; a list in files */
	VALUE_PATHS,    /* absolute paths; a list in files */
	VALUE_SIZE,     /* bytes: 4096, "512M", "2G" */
	VALUE_COUNT,    /* a whole number */
	VALUE_PERCENT,  /* "150%" */
	VALUE_DURATION, /* "500ms", "30s", "5m", "1h", "2d" */
	VALUE_ENUM,     /* one of `words`, strictest first */
	VALUE_BOOL,     /* true or false; a switch that means true on the command line */
	VALUE_STRING,
	VALUE_FILE,     /* an absolute path or one of `words` */
	VALUE_NAMES,    /* names of profiles: a string or a list */
	VALUE_KEYS,     /* paths of keys in this table; a list */
	VALUE_GLOBS,    /* patterns as in fnmatch(3); a list in files */
	VALUE_ENV,      /* "NAME" or "NAME=VALUE"; an object in files */
	VALUE_LAYERS,   /* names of layers of the cage, from `words`; a list in files */
	VALUE_RATE,     /* how many a minute: 30, "30/min", "2/s" */
	VALUE_RULES,    /* rules on calls; a list of objects, only in files */
	VALUE_ACTIONS,  /* "NAME=WORD", WORD one of `words`; an object in files */
	VALUE_FILES,    /* paths in the cage, each with a text; an object, only in files */
	VALUE_HOSTS,    /* hosts and ports (host.h); a list in files */
	VALUE_RANGES,   /* ranges of addresses (host.h); a list in files */
	VALUE_COMMAND,  /* a program to run outside the cage, and its arguments; a string or a list in files */
};

/* What a later layer may still do to a key that an administrator locked. */
enum tighten_rule {
	TIGHTEN_FIXED,  /* nothing: it has to be the same value */
	TIGHTEN_LOWER,  /* a lower number; "unlimited" is the highest */
	TIGHTEN_FEWER,  /* a list that names nothing new */
	TIGHTEN_MORE,   /* add to the list */
	TIGHTEN_STRICT, /* an earlier one of `words`; for booleans: false */
	TIGHTEN_TRUE,   /* for booleans: true */
	TIGHTEN_STAGE,  /* rules are added, and the strictest of both counts */
	TIGHTEN_BLOCK,  /* only the first of `words` may be added */
};

/* Headings of --help and of the manual pages, in this order. */
enum key_group {
	GROUP_FILES,
	GROUP_ENVIRONMENT,
	GROUP_NETWORK,
	GROUP_LIMITS,
	GROUP_CONFINE,
	GROUP_PACKAGES,
	GROUP_TOOLS,
	GROUP_PINS,
	GROUP_TEXT,
	GROUP_CLIENT,
	GROUP_ASK,
	GROUP_GRANTS,
	GROUP_ALARMS,
	GROUP_RECORDS,
	GROUP_POLICY,
	GROUP_GENERAL,
	GROUPS_N,
};

enum key_id {
	KEY_FILES_READ,
	KEY_FILES_WRITE,
	KEY_FILES_TMPFS,
	KEY_FILES_MADE,
	KEY_FILES_ARGS,
	KEY_FILES_HOME,
	KEY_FILES_HOME_SIZE,
	KEY_FILES_TMP_SIZE,
	KEY_FILES_SYSTEM,
	KEY_ENV,
	KEY_NETWORK_MODE,
	KEY_NETWORK_ALLOW,
	KEY_NETWORK_PRIVATE,
	KEY_NETWORK_DEFAULT,
	KEY_NETWORK_SNI,
	KEY_NETWORK_ECH,
	KEY_NETWORK_CONNECTIONS,
	KEY_NETWORK_CONNECTIONS_TOTAL,
	KEY_NETWORK_CONNECTION_BYTES,
	KEY_NETWORK_SESSION_BYTES,
	KEY_NETWORK_IDLE_TIMEOUT,
	KEY_LIMITS_MEMORY,
	KEY_LIMITS_SWAP,
	KEY_LIMITS_TASKS,
	KEY_LIMITS_CPU,
	KEY_LIMITS_IO,
	KEY_LIMITS_OPEN_FILES,
	KEY_LIMITS_FILE_SIZE,
	KEY_LIMITS_MESSAGE_SIZE,
	KEY_LIMITS_CALL_TIMEOUT,
	KEY_LIMITS_IDLE_TIMEOUT,
	KEY_LIMITS_FREEZE_IDLE,
	KEY_LIMITS_SESSION_TIMEOUT,
	KEY_CONFINE_REQUIRE,
	KEY_CONFINE_APPARMOR,
	KEY_CONFINE_UNIX_SOCKETS,
	KEY_CONFINE_REDUCED,
	KEY_PACKAGES_FETCH,
	KEY_PACKAGES_SCRIPTS,
	KEY_PACKAGES_HOSTS,
	KEY_TOOLS_ALLOW,
	KEY_TOOLS_DENY,
	KEY_TOOLS_ASK,
	KEY_TOOLS_RULES,
	KEY_TOOLS_DEFAULT,
	KEY_TOOLS_ASK_FIRST_USE,
	KEY_SCHEMA_FORMATS,
	KEY_SCHEMA_UNCHECKED,
	KEY_METHODS_FORWARD,
	KEY_PINS_MODE,
	KEY_PINS_NAME,
	KEY_TEXT_CLEAN,
	KEY_TEXT_RULES,
	KEY_TEXT_ACTIONS,
	KEY_TEXT_COMMAND,
	KEY_TEXT_TIMEOUT,
	KEY_CLIENT_SAMPLING,
	KEY_CLIENT_SAMPLING_TOKENS,
	KEY_CLIENT_ELICITATION,
	KEY_CLIENT_ELICITATION_URL,
	KEY_CLIENT_ROOTS,
	KEY_CLIENT_ROOTS_LIST,
	KEY_CLIENT_TASKS,
	KEY_CLIENT_TTL,
	KEY_ASK_WITH,
	KEY_ASK_TIMEOUT,
	KEY_ASK_REMEMBER,
	KEY_GRANTS_LONGEST,
	KEY_GRANTS_HOSTS,
	KEY_ALARMS_CALLS,
	KEY_ALARMS_BYTES,
	KEY_ALARMS_CONCURRENCY,
	KEY_ALARMS_DENIALS,
	KEY_ALARMS_RESULT_GROWTH,
	KEY_ALARMS_ACTION,
	KEY_ALARMS_COMMAND,
	KEY_AUDIT_FILE,
	KEY_STATE_DIR,
	KEY_DESCRIPTION,
	KEY_EXTENDS,
	KEY_LOCK,
	/* options without a key; --profile and --policy go to the policy builder all the same */
	KEY_PROFILE,
	KEY_POLICY,
	KEY_DRY_RUN,
	KEY_JSON,
	KEY_ACCEPT,
	KEY_YES,
	KEY_ALL,
	KEY_GRANT_HOST,
	KEY_GRANT_FOR,
	KEY_VERBOSE,
	KEY_QUIET,
	KEY_HELP,
	KEY_VERSION,
	KEYS_N,
};

struct policy_key {
	enum key_id id;
	enum key_group group;
	const char *path;     /* in policy files, "files.read"; NULL: only an option */
	const char *option;   /* "--ro"; NULL: only in policy files */
	char letter;          /* 'v' for -v, or 0 */
	const char *argument; /* placeholder, "PATH[:DEST]"; NULL: the option takes no value */
	enum value_type type;
	enum tighten_rule tighten;
	const char *const *words; /* NULL-terminated, or NULL. VALUE_DURATION: the first one stands for 0 */
	uint64_t low, high;       /* numbers: the range that is accepted */
	const char *unlimited;    /* the word for "no limit", or NULL; see policy_key_no_limit() */
	size_t offset;            /* of the member of struct policy; unused for grants and env */
	const char *fallback;     /* the default as text for the manual, or NULL */
	const char *help;         /* one line for --help; no full stop */
	const char *man;          /* plain text; an empty line separates paragraphs */
};

/* Row I has id I. */
extern const struct policy_key policy_keys[KEYS_N];
extern const char *const policy_group_titles[GROUPS_N];

/* The number that stands for "no limit": 0, or UINT64_MAX where 0 means none at all. */
static inline uint64_t policy_key_no_limit(const struct policy_key *key)
{
	return key->low == 0 ? UINT64_MAX : 0;
}

/* The row of a key of policy files, of an option ("--ro"), or NULL. */
const struct policy_key *policy_key_by_path(const char *path);
const struct policy_key *policy_key_by_option(const char *option);

/*
 * The word of a list that WORD was probably meant to be: call it with each CANDIDATE; *BEST and *BEST_COST
 * start as NULL and 0. Only near ones are taken.
 */
void policy_suggest(const char *word, const char *candidate, const char **best, unsigned *best_cost);

/* Whether the option has to be handed to policy_builder_option(). */
static inline int policy_key_builds(const struct policy_key *key)
{
	return key->path || key->id == KEY_PROFILE || key->id == KEY_POLICY;
}

/* Whether the option may be repeated and adds to what is there. */
static inline int policy_key_adds(const struct policy_key *key)
{
	return key->type == VALUE_GRANTS || key->type == VALUE_PATHS || key->type == VALUE_GLOBS ||
	       key->type == VALUE_ENV || key->type == VALUE_LAYERS || key->type == VALUE_NAMES ||
	       key->type == VALUE_RULES || key->type == VALUE_ACTIONS || key->type == VALUE_FILES ||
	       key->type == VALUE_HOSTS || key->type == VALUE_RANGES;
}

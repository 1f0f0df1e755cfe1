/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The name under which a server's pins are kept, where policy gives none: [PROFILE-]WORD-HASH. The hash is over the command and its
 * arguments as they were given, so that each configured server has its own and an update of a package does not make it another
 * one; values of environment variables have no part in it. A file that was named relative to the working folder stands for
 * itself, not for another of the same name elsewhere. The word is for people.
 */
#include "cli/cli.h"

#include "base/cleanup.h"
#include "base/path.h"

#include <sodium/crypto_hash_sha256.h>
#include <stdio.h>
#include <string.h>

#define WORD_MAX 40

static bool one_of(const char *word, const char *const *list)
{
	for (; *list; list++)
		if (strcmp(word, *list) == 0)
			return true;
	return false;
}

/* Programs that start another one, and the words by which they are told to. */
static const char *const launchers[] = { "npx",  "npm",    "node", "bun", "bunx", "deno", "uv",     "uvx",
					 "pipx", "python", "env",  "sh",  "bash", "pnpm", "yarn",   "dlx",
					 "run",  "exec",   "x",    "tool", "nodejs", "python3", "ruby", NULL };
/* Names that say nothing about what is in them. */
static const char *const generic[] = { "index", "main", "server", "cli", "app", "start", "dist", "build", "src",
				       "bin",   "lib",  "out",    "__main__", "mcp", NULL };

/* The part of PATH's component before END that tells something: without version and suffix. */
static void component(const char *path, const char *end, char *word)
{
	const char *from = end;

	while (from > path && from[-1] != '/')
		from--;
	size_t n = (size_t)(end - from), at = 0;
	const char *version = n > 1 ? memchr(from + 1, '@', n - 1) : NULL;
	if (version)
		n = (size_t)(version - from);
	for (size_t i = 0; i < n && at < WORD_MAX; i++) {
		char c = from[i];
		bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
		if (c == '.')
			break;
		if (plain)
			word[at++] = c;
		else if (at > 0 && word[at - 1] != '-')
			word[at++] = '-';
	}
	while (at > 0 && word[at - 1] == '-')
		at--;
	word[at] = '\0';
}

static void word_of(const char *path, char *word)
{
	const char *end = path + strlen(path);

	for (;;) {
		while (end > path && end[-1] == '/')
			end--;
		component(path, end, word);
		if (word[0] && !one_of(word, generic))
			return;
		while (end > path && end[-1] != '/')
			end--;
		if (end == path)
			break;
	}
	component(path, path + strlen(path), word);
	if (!word[0])
		snprintf(word, WORD_MAX, "server");
}

static void slug(const struct strlist *words, char *word)
{
	snprintf(word, WORD_MAX, "server");
	for (size_t i = 0; i < words->n; i++) {
		const char *text = words->v[i];
		/* Options of what starts it, and variables of env(1). */
		if (i > 0 && (text[0] == '-' || strchr(text, '=')))
			continue;
		word_of(text, word);
		if (!one_of(word, launchers) && (i > 0 || strncmp(word, "python", 6) != 0))
			return;
	}
}

/* The absolute path of WORD where it is a file of the working folder that the command resolved to; else NULL. */
static char *own_file(const char *word, const struct target *target, const char *cwd)
{
	if (word[0] == '/' || word[0] == '-' || !cwd || !strpbrk(word, "/."))
		return NULL;
	CLEANUP_FREE char *joined = path_join(cwd, word);
	CLEANUP_FREE char *real = joined ? realpath(joined, NULL) : NULL;
	if (!real || (!strlist_has(&target->argv, real) && strcmp(real, target->exe ? target->exe : "") != 0))
		return NULL;
	return path_normalize(joined);
}

char *pins_key(char *const *argv, const char *profile, const struct target *target, const char *cwd)
{
	CLEANUP_STRLIST struct strlist words = { 0 };
	uint8_t hash[crypto_hash_sha256_BYTES];
	crypto_hash_sha256_state state;
	char word[WORD_MAX + 1], name[WORD_MAX + 1] = "", *key = NULL;

	crypto_hash_sha256_init(&state);
	for (size_t i = 0; argv[i]; i++) {
		CLEANUP_FREE char *file = own_file(argv[i], target, cwd);
		const char *text = file ? file : argv[i];
		if (strlist_add(&words, text) < 0)
			return NULL;
		crypto_hash_sha256_update(&state, (const unsigned char *)text, strlen(text) + 1);
	}
	crypto_hash_sha256_final(&state, hash);
	slug(&words, word);
	if (profile)
		component(profile, profile + strlen(profile), name);
	if (asprintf(&key, "%s%s%s-%02x%02x%02x%02x%02x%02x", name, name[0] ? "-" : "", word, hash[0], hash[1], hash[2],
		     hash[3], hash[4], hash[5]) < 0)
		return NULL;
	return key;
}

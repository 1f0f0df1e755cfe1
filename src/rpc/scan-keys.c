/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Keys: none twice in an object, and none that only looks like a key of the protocol.
 *
 * Twice: of each key of every open object a 64-bit hash of its decoded bytes is kept. Equal keys have equal hashes, so no
 * duplicate gets past; different keys with the same hash would refuse a good message, and since the hash is keyed with
 * bytes the peers do not know, nobody can arrange that. Few keys are compared in pairs as they come, many are sorted
 * when the object closes.
 *
 * Lookalikes: servers exist that match keys without regard to case, in some cases by full Unicode folding, or stop at a NUL.
 * So in the objects whose keys the protocol defines every key is printable ASCII, and one that differs
 * from a key of the protocol in case only is refused. What lies deeper is the tool's business.
 *
 * Part of the scanner: called by scan.c and scan-string.c alone.
 */
#include "rpc/scan.h"

#include "base/cleanup.h"

#include <stdlib.h>
#include <sys/auxv.h>

enum {
	TOP = 1 << LEVEL_TOP,
	PARAMS = 1 << LEVEL_PARAMS,
	PMETA = 1 << LEVEL_PARAMS_META,
	RESULT = 1 << LEVEL_RESULT,
	RMETA = 1 << LEVEL_RESULT_META,
	ERR = 1 << LEVEL_ERROR,
};

/* The keys of all versions of the MCP schema from 2024-11-05 to 2026-07-28, with the levels where they stand. */
static const struct {
	const char *name;
	uint8_t length;
	uint8_t levels;
	uint8_t key;
} known[] = {
#define K(name, levels, key) { name, sizeof(name) - 1, levels, key }
	{ "", 0, 0, KEY_OTHER },
	K("_meta", PARAMS | RESULT, KEY_META),
	K("action", RESULT, KEY_KNOWN),
	K("argument", PARAMS, KEY_KNOWN),
	K("arguments", PARAMS, KEY_ARGUMENTS),
	K("cacheScope", RESULT, KEY_KNOWN),
	K("capabilities", PARAMS | RESULT, KEY_KNOWN),
	K("clientInfo", PARAMS, KEY_KNOWN),
	K("code", ERR, KEY_KNOWN),
	K("completion", RESULT, KEY_KNOWN),
	K("content", RESULT, KEY_KNOWN),
	K("contents", RESULT, KEY_KNOWN),
	K("context", PARAMS, KEY_KNOWN),
	K("createdAt", PARAMS | RESULT, KEY_KNOWN),
	K("cursor", PARAMS, KEY_KNOWN),
	K("data", PARAMS | ERR, KEY_KNOWN),
	K("description", RESULT, KEY_KNOWN),
	K("elicitationId", PARAMS, KEY_KNOWN),
	K("error", TOP, KEY_ERROR),
	K("id", TOP, KEY_ID),
	K("includeContext", PARAMS, KEY_KNOWN),
	K("inputRequests", RESULT, KEY_KNOWN),
	K("inputResponses", PARAMS, KEY_KNOWN),
	K("instructions", RESULT, KEY_KNOWN),
	K("io.modelcontextprotocol/clientCapabilities", PMETA, KEY_KNOWN),
	K("io.modelcontextprotocol/clientInfo", PMETA, KEY_KNOWN),
	K("io.modelcontextprotocol/logLevel", PMETA, KEY_KNOWN),
	K("io.modelcontextprotocol/protocolVersion", PMETA, KEY_PROTOCOL_VERSION),
	K("io.modelcontextprotocol/related-task", PMETA | RMETA, KEY_KNOWN),
	K("io.modelcontextprotocol/serverInfo", RMETA, KEY_KNOWN),
	K("io.modelcontextprotocol/subscriptionId", PMETA | RMETA, KEY_KNOWN),
	K("isError", RESULT, KEY_KNOWN),
	K("jsonrpc", TOP, KEY_JSONRPC),
	K("lastUpdatedAt", PARAMS | RESULT, KEY_KNOWN),
	K("level", PARAMS, KEY_KNOWN),
	K("logger", PARAMS, KEY_KNOWN),
	K("maxTokens", PARAMS, KEY_KNOWN),
	K("message", PARAMS | ERR, KEY_KNOWN),
	K("messages", PARAMS | RESULT, KEY_KNOWN),
	K("metadata", PARAMS, KEY_KNOWN),
	K("method", TOP, KEY_METHOD),
	K("mode", PARAMS, KEY_KNOWN),
	K("model", RESULT, KEY_KNOWN),
	K("modelPreferences", PARAMS, KEY_KNOWN),
	K("name", PARAMS, KEY_NAME),
	K("nextCursor", RESULT, KEY_KNOWN),
	K("notifications", PARAMS, KEY_KNOWN),
	K("params", TOP, KEY_PARAMS),
	K("pollInterval", PARAMS | RESULT, KEY_KNOWN),
	K("progress", PARAMS, KEY_KNOWN),
	K("progressToken", PARAMS | PMETA, KEY_KNOWN),
	K("prompts", RESULT, KEY_KNOWN),
	K("protocolVersion", PARAMS | RESULT, KEY_KNOWN),
	K("reason", PARAMS, KEY_KNOWN),
	K("ref", PARAMS, KEY_KNOWN),
	K("requestId", PARAMS, KEY_REQUEST_ID),
	K("requestState", PARAMS | RESULT, KEY_KNOWN),
	K("requestedSchema", PARAMS, KEY_KNOWN),
	K("resourceTemplates", RESULT, KEY_KNOWN),
	K("resources", RESULT, KEY_KNOWN),
	K("result", TOP, KEY_RESULT),
	K("resultType", RESULT, KEY_KNOWN),
	K("role", RESULT, KEY_KNOWN),
	K("roots", RESULT, KEY_KNOWN),
	K("serverInfo", RESULT, KEY_KNOWN),
	K("status", PARAMS | RESULT, KEY_KNOWN),
	K("statusMessage", PARAMS | RESULT, KEY_KNOWN),
	K("stopReason", RESULT, KEY_KNOWN),
	K("stopSequences", PARAMS, KEY_KNOWN),
	K("structuredContent", RESULT, KEY_KNOWN),
	K("supportedVersions", RESULT, KEY_KNOWN),
	K("systemPrompt", PARAMS, KEY_KNOWN),
	K("task", PARAMS | RESULT, KEY_KNOWN),
	K("taskId", PARAMS | RESULT, KEY_KNOWN),
	K("tasks", RESULT, KEY_KNOWN),
	K("temperature", PARAMS, KEY_KNOWN),
	K("toolChoice", PARAMS, KEY_KNOWN),
	K("tools", PARAMS | RESULT, KEY_KNOWN),
	K("total", PARAMS, KEY_KNOWN),
	K("ttl", PARAMS | RESULT, KEY_KNOWN),
	K("ttlMs", RESULT, KEY_KNOWN),
	K("uri", PARAMS, KEY_KNOWN),
	K("url", PARAMS, KEY_KNOWN),
#undef K
};

enum { KNOWN_LENGTH_MAX = 63 };

/* N < 8 bytes at P, the first in the lowest byte, without a loop. */
static inline uint64_t short_word(const uint8_t *p, size_t n)
{
	if (n >= 4) {
		uint32_t low, high;
		memcpy(&low, p, 4);
		memcpy(&high, p + n - 4, 4);
		return low | (uint64_t)high << ((n - 4) * 8);
	}
	if (n == 0)
		return 0;
	return p[0] | (uint64_t)p[n / 2] << (n / 2 * 8) | (uint64_t)p[n - 1] << ((n - 1) * 8);
}

/* The place of a key in the index; the same for all spellings that differ in case only. */
static uint8_t index_of(const char *text, size_t n)
{
	unsigned a = (uint8_t)text[0] | 0x20u, b = (uint8_t)text[n / 2] | 0x20u, c = (uint8_t)text[n - 1] | 0x20u;

	return (uint8_t)(n * 13 + a * 5 + b * 29 + c * 71);
}

/*
 * Equal but for case. The keys of the table hold letters and "_./-" only, and of all printable characters the bit 0x20 tells
 * apart, only letters pair with what the table holds.
 */
static bool same_folded(const char *a, const char *b, size_t n)
{
	uint64_t x, y, different = 0;

	for (; n >= 8; n -= 8, a += 8, b += 8) {
		memcpy(&x, a, 8);
		memcpy(&y, b, 8);
		different |= x ^ y;
	}
	different |= short_word((const uint8_t *)a, n) ^ short_word((const uint8_t *)b, n);
	return (different & 0xdfdfdfdfdfdfdfdfu) == 0;
}

static uint64_t mix(uint64_t a, uint64_t b)
{
	__extension__ typedef unsigned __int128 wide;
	wide product = (wide)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

void scan_keys_init(struct scan *s)
{
	for (size_t i = 1; i < ARRAY_SIZE(known); i++) {
		uint8_t at = index_of(known[i].name, known[i].length);
		while (s->key_index[at])
			at++;
		s->key_index[at] = (uint8_t)i;
	}

	/* Sixteen random bytes from the kernel, without a system call: getauxval(3). */
	const void *random = (const void *)getauxval(AT_RANDOM);
	uint64_t seed[2] = { 0x243f6a8885a308d3u, 0x13198a2e03707344u };
	if (random)
		memcpy(seed, random, sizeof(seed));
	s->seed[0] = mix(seed[0] ^ 0xa4093822299f31d0u, seed[1] ^ 0x082efa98ec4e6c89u);
	s->seed[1] = mix(seed[1] ^ 0x452821e638d01377u, s->seed[0] ^ 0xbe5466cf34e90c6cu) | 1;
}

/* ---- hashes ---- */

uint64_t scan_hash_whole(const struct scan *s, const uint8_t *p, size_t n)
{
	uint64_t state = s->seed[0], word;
	size_t left = n;

	for (; left >= 8; left -= 8, p += 8) {
		memcpy(&word, p, 8);
		state = mix(state ^ word, s->seed[1]);
	}
	word = short_word(p, left);
	return mix(state ^ word, s->seed[1] ^ (n << 1));
}

void scan_hash_begin(const struct scan *s, struct scan_hash *h)
{
	*h = (struct scan_hash){ .state = s->seed[0] };
}

void scan_hash_add(const struct scan *s, struct scan_hash *h, const uint8_t *p, size_t n)
{
	h->length += n;
	for (size_t i = 0; i < n; i++) {
		((uint8_t *)&h->word)[h->fill++] = p[i];
		if (h->fill == 8) {
			h->state = mix(h->state ^ h->word, s->seed[1]);
			h->word = 0;
			h->fill = 0;
		}
	}
}

uint64_t scan_hash_end(const struct scan *s, const struct scan_hash *h)
{
	return mix(h->state ^ h->word, s->seed[1] ^ (h->length << 1));
}

/* ---- twice ---- */

__attribute__((cold, noinline)) static void duplicate(struct scan *s, const char *text, size_t n, uint64_t at)
{
	char shown[80];

	scan_printable(shown, sizeof(shown), text, n < SCAN_TEXT ? n : SCAN_TEXT);
	scan_refuse(s, REFUSE_DUPLICATE_KEY, at, "\"%s\"", shown);
}

static void remember(struct scan *s, const char *text, size_t n, uint64_t hash)
{
	size_t first = s->stack[s->depth];
	size_t count = s->keys_n - first;

	if (s->keys_n == s->keys_cap) {
		if (s->keys_n >= s->max_keys) {
			scan_refuse(s, REFUSE_TOO_MANY_KEYS, s->token_at, "more than %zu keys", s->max_keys);
			return;
		}
		size_t cap = s->keys_cap ? s->keys_cap * 2 : 128;
		if (cap > s->max_keys)
			cap = s->max_keys;
		uint64_t *keys = realloc(s->keys, cap * sizeof(*keys));
		if (!keys) {
			scan_refuse(s, REFUSE_TOO_MANY_KEYS, s->token_at, "out of memory");
			return;
		}
		s->keys = keys;
		s->keys_cap = cap;
	}
	if (count < SCAN_PAIRWISE) {
		for (size_t i = first; i < s->keys_n; i++) {
			if (s->keys[i] == hash) {
				duplicate(s, text, n, s->token_at);
				break;
			}
		}
	}
	s->keys[s->keys_n++] = hash;
}

/*
 * Sort V by the bits below 1 << BIT: exchange by one bit at a time. The hashes are random, so that this goes about
 * log2(n) levels deep; equal ones are found when the bits are used up. In place, because qsort(3) may allocate and ask the
 * system for its memory size.
 */
static bool has_twice(uint64_t *v, size_t n, int bit)
{
	while (n > SCAN_PAIRWISE && bit >= 0) {
		size_t low = 0;
		/* Every element is swapped with the first of those with the bit, so that there is no branch to guess. */
		for (size_t i = 0; i < n; i++) {
			uint64_t moved = v[i];
			v[i] = v[low];
			v[low] = moved;
			low += !(moved >> bit & 1);
		}
		bit--;
		if (has_twice(v + low, n - low, bit))
			return true;
		n = low;
	}
	if (bit < 0)
		return n > 1;
	for (size_t i = 1; i < n; i++) {
		for (size_t k = 0; k < i; k++) {
			if (v[i] == v[k])
				return true;
		}
	}
	return false;
}

void scan_keys_close(struct scan *s, uint64_t end)
{
	size_t first = s->stack[s->depth];
	size_t count = s->keys_n - first;

	/* The first SCAN_PAIRWISE were compared with each other when they came. */
	if (count > SCAN_PAIRWISE && s->why == REFUSE_NONE && has_twice(s->keys + first, count, 63))
		scan_refuse(s, REFUSE_DUPLICATE_KEY, end, "in an object of %zu keys that ends here", count);
	s->keys_n = first;
}

/* ---- lookalikes ---- */

static bool graphic(const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if ((uint8_t)text[i] < 0x20 || (uint8_t)text[i] > 0x7e)
			return false;
	}
	return true;
}

/* The key of the table that TEXT is, but for case, or 0. */
static size_t look_up(const struct scan *s, const char *text, size_t n)
{
	if (n == 0 || n > KNOWN_LENGTH_MAX)
		return 0;
	for (uint8_t at = index_of(text, n); s->key_index[at]; at++) {
		size_t i = s->key_index[at];
		if (known[i].length == n && (known[i].levels >> s->level & 1) && same_folded(text, known[i].name, n))
			return i;
	}
	return 0;
}

__attribute__((cold, noinline)) static void lookalike(struct scan *s, const char *text, size_t n, const char *name)
{
	char shown[80];

	scan_printable(shown, sizeof(shown), text, n < SCAN_TEXT ? n : SCAN_TEXT);
	if (name)
		scan_refuse(s, REFUSE_LOOKALIKE_KEY, s->token_at, "\"%s\" is not \"%s\"", shown, name);
	else
		scan_refuse(s, REFUSE_LOOKALIKE_KEY, s->token_at, "\"%s\" is not plain ASCII, or too long", shown);
}

/* A key at one of the protocol's levels. */
static enum scan_key identify(struct scan *s, const char *text, size_t n)
{
	size_t found = look_up(s, text, n);

	if (found && memcmp(text, known[found].name, n) == 0)
		return (enum scan_key)known[found].key;
	if (n >= SCAN_TEXT || !graphic(text, n))
		lookalike(s, text, n, NULL);
	else if (found)
		lookalike(s, text, n, known[found].name);
	return KEY_OTHER;
}

void scan_key(struct scan *s, const char *text, size_t n, uint64_t hash)
{
	remember(s, text, n, hash);
	if (s->level == LEVEL_USER)
		return;

	enum scan_key key = identify(s, text, n);
	s->key_at[s->depth] = (uint8_t)key;
	if (s->level == LEVEL_TOP) {
		s->top_seen |= 1u << key;
		if (key == KEY_ID)
			s->ids++;
	} else if (s->level == LEVEL_PARAMS_META && key == KEY_PROTOCOL_VERSION) {
		s->modern = true;
	}
}

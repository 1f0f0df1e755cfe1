/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The scanner of one line, fed in pieces of any size. It is a state machine that looks at each byte once and never looks
 * back: what it must remember of the past (the value of an id, the hashes of the keys of open objects) it keeps
 * itself, so that the bytes of a line that is refused or too long need not be held and its end can still be followed.
 *
 * Private to rpc/: frame.c drives it, scan*.c are its parts. Everybody else uses rpc/frame.h. RFC 8259; JSON-RPC 2.0.
 *
 * After the first fault the line is refused whatever follows. Where the structure is still clear (a duplicate key, a
 * bad string), scanning goes on, only to find the id; where it is not, the rest of the line is skipped.
 */
#pragma once

#include "rpc/frame.h"

enum scan_state {
	SCAN_START,      /* before the object */
	SCAN_FIRST_KEY,  /* after '{' */
	SCAN_KEY,        /* after ',' in an object */
	SCAN_COLON,
	SCAN_VALUE,
	SCAN_FIRST_ITEM, /* after '[' */
	SCAN_AFTER,      /* after a value inside an object or array */
	SCAN_END,        /* after the object */
	SCAN_STRING,
	SCAN_NUMBER,
	SCAN_WORD,
	SCAN_DEEP,       /* below the depth limit: only brackets and strings are followed */
	SCAN_NOISE,      /* no JSON object: to the end of the line */
	SCAN_DEAD,       /* refused and lost: to the end of the line */
};

/* The objects whose keys mean something to MCP. */
enum scan_level {
	LEVEL_USER, /* everything else */
	LEVEL_TOP,
	LEVEL_PARAMS,
	LEVEL_PARAMS_META,
	LEVEL_RESULT,
	LEVEL_RESULT_META,
	LEVEL_ERROR,
};

/* Keys that the scanner acts on; all others of the protocol are KEY_KNOWN. */
enum scan_key {
	KEY_OTHER,
	KEY_KNOWN,
	KEY_JSONRPC,
	KEY_ID,
	KEY_METHOD,
	KEY_PARAMS,
	KEY_RESULT,
	KEY_ERROR,
	KEY_META,
	KEY_NAME,
	KEY_ARGUMENTS,
	KEY_REQUEST_ID,
	KEY_PROTOCOL_VERSION,
};

/* What a string or number that is being read is kept for. */
enum scan_slot { SLOT_NONE, SLOT_KEY, SLOT_JSONRPC, SLOT_ID, SLOT_METHOD, SLOT_NAME, SLOT_REQUEST_ID };

/* Value of a slot once it was seen. */
enum scan_seen { SEEN_NOT, SEEN_GOOD, SEEN_BAD };

enum scan_escape { ESCAPE_NONE, ESCAPE_BACKSLASH, ESCAPE_HEX };

enum { SCAN_TEXT = 256, SCAN_NUMBER_MAX = 1024, SCAN_PAIRWISE = 16 };

struct scan_range {
	uint64_t start, end; /* offsets in the line */
};

/* A keyed hash of a decoded key, byte by byte or at once; see scan-keys.c. */
struct scan_hash {
	uint64_t state, word, length;
	unsigned fill;
};

struct scan {
	/* where: the piece being scanned, and its offset in the line */
	const uint8_t *chunk;
	uint64_t chunk_at;

	uint8_t state; /* enum scan_state */
	uint8_t level; /* of the innermost container */
	bool in_object;
	bool complete; /* the line's '\n' was taken */
	bool has_avx2;
	unsigned depth;
	uint64_t over; /* containers open below the limit; a line that is refused has no length limit */

	/* the token being read */
	uint8_t slot;   /* enum scan_slot */
	uint8_t escape; /* enum scan_escape */
	uint8_t hex_left;
	uint8_t utf8_left; /* continuation bytes due */
	uint8_t utf8_low, utf8_high; /* bounds of the next one */
	uint8_t number; /* state of the number */
	uint8_t word_at;
	const char *word;
	bool text_bad;      /* a fault inside this string */
	bool deep_string, deep_escape;
	uint32_t hex, high; /* code unit being read; high surrogate waiting for its other half */
	uint64_t token_at;
	size_t text_n;      /* decoded bytes so far, also those that did not fit */
	char text[SCAN_TEXT];
	struct scan_hash hash;

	/* the envelope */
	uint8_t level_at[4];
	uint8_t key_at[4];
	uint8_t bom;
	bool modern;
	uint32_t top_seen; /* bit for each enum scan_key at the top level */
	unsigned ids;      /* how many times a key "id" came at the top level */
	uint64_t cr_at;    /* offset of the last '\r' between tokens, or UINT64_MAX */
	uint8_t id_seen, method_seen, name_seen; /* enum scan_seen */
	uint16_t method_n, name_n;
	struct scan_range id_raw, params, result, error, arguments;
	struct rpc_id id, request_id;
	char method[128];
	char name[256];

	/* the verdict */
	enum refusal why;
	uint64_t why_at;
	char detail[160];

	/* made once */
	unsigned max_depth;
	size_t max_keys, keys_n, keys_cap;
	uint64_t *keys;  /* hashes of the keys of all open objects */
	uint32_t *stack; /* for each depth: index of the object's first key, or SCAN_ARRAY */
	uint64_t seed[2];
	uint8_t key_index[256]; /* hash table over the protocol's keys */
};

#define SCAN_ARRAY UINT32_MAX

/* 0, or -1 when out of memory (scan_fini is then not needed). */
int scan_init(struct scan *s, const struct frame_limits *limits);
void scan_fini(struct scan *s);
/* A new line. */
void scan_begin(struct scan *s);
/* Scan up to and with the '\n'. Returns how many bytes were taken; all of them unless `complete`. */
size_t scan_feed(struct scan *s, const char *p, size_t n);
/*
 * The line is over. LENGTH is its length without '\n'; TOO_LONG tells that it was over the limit, at offset LIMIT.
 * FRAME_MESSAGE: scan_message() may be called. FRAME_REFUSED: scan_refusal().
 */
enum frame_event scan_finish(struct scan *s, uint64_t length, bool too_long, uint64_t limit);
/* Fill M, whose line begins at LINE. All but `line` itself. */
void scan_message(const struct scan *s, const char *line, struct message *m);
/* Fill R, all but `text` and `length`. */
void scan_refusal(const struct scan *s, struct frame_refusal *r);
/* Give memory of past messages back. Between lines only. */
void scan_trim(struct scan *s);

/* ---- between scan.c, scan-string.c, scan-keys.c and scan-envelope.c ---- */

static inline uint64_t scan_offset(const struct scan *s, const uint8_t *p)
{
	return s->chunk_at + (uint64_t)(p - s->chunk);
}

/* The first fault decides. */
void scan_refuse(struct scan *s, enum refusal why, uint64_t offset, const char *format, ...)
	__attribute__((format(printf, 4, 5), cold));
/* Refuse, and lose the structure. */
void scan_unexpected(struct scan *s, const uint8_t *p, const char *expected) __attribute__((cold));
/* TEXT as printable ASCII, NUL-terminated, cut to fit N. */
void scan_printable(char *to, size_t n, const char *text, size_t text_n);

/* In a string: take bytes up to its end. Returns where it stopped. */
const uint8_t *scan_string(struct scan *s, const uint8_t *p, const uint8_t *end);
void scan_string_begin(struct scan *s, enum scan_slot slot);
/* A string ended; the slot has its text. */
void scan_string_done(struct scan *s, uint64_t end);

/* A key was read. N is its decoded length, TEXT at least its first SCAN_TEXT bytes. */
void scan_key(struct scan *s, const char *text, size_t n, uint64_t hash);
/* An object closes: no key twice. */
void scan_keys_close(struct scan *s, uint64_t end);
uint64_t scan_hash_whole(const struct scan *s, const uint8_t *p, size_t n);
void scan_hash_begin(const struct scan *s, struct scan_hash *h);
void scan_hash_add(const struct scan *s, struct scan_hash *h, const uint8_t *p, size_t n);
uint64_t scan_hash_end(const struct scan *s, const struct scan_hash *h);
void scan_keys_init(struct scan *s);

/* A value begins in an object of the protocol. Returns the slot that wants it. */
enum scan_slot scan_value_begins(struct scan *s, uint8_t first, uint64_t at);
/* It ended. */
void scan_value_ends(struct scan *s, uint64_t end);
/* The level of a container that opens as the value of the current key. */
enum scan_level scan_child_level(const struct scan *s, bool object);
/*
 * The value of a slot is there: a string, decoded, or the token of a number. N is its length, TEXT at least its first
 * SCAN_TEXT bytes.
 */
void scan_slot_done(struct scan *s, enum scan_slot slot, const char *text, size_t n, bool string);

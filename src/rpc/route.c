/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Requests that wait for their answer: a hash table by id, a heap by deadline, and two lists by age: those that wait, and
 * those that are only remembered (cancelled, or answered by us) and make room when the table is full.
 *
 * An id is hashed with random bytes of the process, because the peers choose ids. Everything is bounded by the number of
 * entries given to route_new(); each entry is allocated when it comes. Called by the session's filter.
 */
#include "rpc/route.h"

#include <stdlib.h>
#include <sys/auxv.h>

struct entry {
	struct pending pending;
	uint64_t hash;
	struct entry *next;           /* in its bucket */
	struct entry *older, *newer;  /* in its list */
	size_t heap_at;               /* NOT_IN_HEAP, or its index */
};

#define NOT_IN_HEAP SIZE_MAX

struct list {
	struct entry *oldest, *newest;
	size_t n;
};

struct route {
	size_t max;
	size_t n;
	size_t mask; /* buckets - 1 */
	struct entry **buckets;
	struct entry **heap; /* the earliest deadline first */
	size_t heap_n, heap_cap;
	struct list waiting, remembered;
	uint64_t seed[2];
};

enum { BUCKETS_FIRST = 64 };

static uint64_t mix(uint64_t a, uint64_t b)
{
	__extension__ typedef unsigned __int128 wide;
	wide product = (wide)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t hash_text(const struct route *r, uint64_t h, const char *text, size_t n)
{
	for (size_t i = 0; i < n; i += 8) {
		uint64_t word = 0;
		memcpy(&word, text + i, n - i < 8 ? n - i : 8);
		h = mix(h ^ word, r->seed[1]);
	}
	return mix(h ^ n, r->seed[1]);
}

static uint64_t hash_id(const struct route *r, const struct rpc_id *id)
{
	uint64_t h = mix(r->seed[0] ^ (uint64_t)id->type, r->seed[1]);

	if (id->type == ID_INTEGER)
		return mix(h ^ (uint64_t)id->integer, r->seed[1]);
	return hash_text(r, h, id->text, id->length);
}

struct route *route_new(size_t max_pending)
{
	struct route *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->max = max_pending ? max_pending : 4096;
	r->mask = BUCKETS_FIRST - 1;
	r->buckets = calloc(BUCKETS_FIRST, sizeof(struct entry *));
	if (!r->buckets) {
		free(r);
		return NULL;
	}
	const void *random = (const void *)getauxval(AT_RANDOM);
	uint64_t seed[2] = { 0x9216d5d98979fb1bu, 0xd1310ba698dfb5acu };
	if (random)
		memcpy(seed, random, sizeof(seed));
	r->seed[0] = mix(seed[0] ^ 0x2ffd72dbd01adfb7u, seed[1] ^ 0xb8e1afed6a267e96u);
	r->seed[1] = mix(seed[1] ^ 0xba7c9045f12c7f99u, r->seed[0] ^ 0x24a19947b3916cf7u) | 1;
	return r;
}

void pending_clear(struct pending *p)
{
	free(p->id_raw);
	p->id_raw = NULL;
}

/* ---- lists ---- */

static void list_add(struct list *list, struct entry *e)
{
	e->older = list->newest;
	e->newer = NULL;
	if (list->newest)
		list->newest->newer = e;
	else
		list->oldest = e;
	list->newest = e;
	list->n++;
}

static void list_remove(struct list *list, struct entry *e)
{
	if (e->older)
		e->older->newer = e->newer;
	else
		list->oldest = e->newer;
	if (e->newer)
		e->newer->older = e->older;
	else
		list->newest = e->older;
	list->n--;
}

/* ---- heap ---- */

static void heap_put(struct route *r, size_t at, struct entry *e)
{
	r->heap[at] = e;
	e->heap_at = at;
}

static void heap_up(struct route *r, size_t at, struct entry *e)
{
	while (at > 0 && e->pending.deadline < r->heap[(at - 1) / 2]->pending.deadline) {
		heap_put(r, at, r->heap[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	heap_put(r, at, e);
}

static void heap_down(struct route *r, size_t at, struct entry *e)
{
	for (;;) {
		size_t child = at * 2 + 1;
		if (child >= r->heap_n)
			break;
		if (child + 1 < r->heap_n && r->heap[child + 1]->pending.deadline < r->heap[child]->pending.deadline)
			child++;
		if (e->pending.deadline <= r->heap[child]->pending.deadline)
			break;
		heap_put(r, at, r->heap[child]);
		at = child;
	}
	heap_put(r, at, e);
}

static int heap_room(struct route *r)
{
	if (r->heap_n < r->heap_cap)
		return 0;
	size_t cap = r->heap_cap ? r->heap_cap * 2 : 32;
	struct entry **heap = realloc(r->heap, cap * sizeof(struct entry *));
	if (!heap)
		return -1;
	r->heap = heap;
	r->heap_cap = cap;
	return 0;
}

static void heap_remove(struct route *r, struct entry *e)
{
	size_t at = e->heap_at;

	if (at == NOT_IN_HEAP)
		return;
	e->heap_at = NOT_IN_HEAP;
	struct entry *last = r->heap[--r->heap_n];
	if (last == e)
		return;
	if (at > 0 && last->pending.deadline < r->heap[(at - 1) / 2]->pending.deadline)
		heap_up(r, at, last);
	else
		heap_down(r, at, last);
}

/* ---- table ---- */

static struct entry **find(const struct route *r, const struct rpc_id *id, uint64_t hash)
{
	struct entry **at = &r->buckets[hash & r->mask];

	while (*at && ((*at)->hash != hash || !rpc_id_eq(&(*at)->pending.id, id)))
		at = &(*at)->next;
	return at;
}

/* More buckets. Without memory for them the table goes on with those it has. */
static void grow(struct route *r)
{
	size_t count = (r->mask + 1) * 2;
	struct entry **buckets = calloc(count, sizeof(struct entry *));

	if (!buckets)
		return;
	for (size_t i = 0; i <= r->mask; i++) {
		struct entry *next;
		for (struct entry *e = r->buckets[i]; e; e = next) {
			next = e->next;
			e->next = buckets[e->hash & (count - 1)];
			buckets[e->hash & (count - 1)] = e;
		}
	}
	free(r->buckets);
	r->buckets = buckets;
	r->mask = count - 1;
}

static bool is_waiting(const struct entry *e)
{
	return e->pending.state == PENDING_WAITING && !e->pending.cancelled;
}

/* Take it out of everything. */
static void detach(struct route *r, struct entry *e)
{
	struct entry **at = &r->buckets[e->hash & r->mask];

	while (*at != e)
		at = &(*at)->next;
	*at = e->next;
	list_remove(is_waiting(e) ? &r->waiting : &r->remembered, e);
	heap_remove(r, e);
	r->n--;
}

static void drop(struct route *r, struct entry *e)
{
	detach(r, e);
	pending_clear(&e->pending);
	free(e);
}

/* It waits no longer, but stays known. The caller changes its state right after. */
static void demote(struct route *r, struct entry *e)
{
	list_remove(&r->waiting, e);
	heap_remove(r, e);
	list_add(&r->remembered, e);
}

void route_free(struct route *r)
{
	if (!r)
		return;
	while (r->waiting.oldest)
		drop(r, r->waiting.oldest);
	while (r->remembered.oldest)
		drop(r, r->remembered.oldest);
	free(r->buckets);
	free(r->heap);
	free(r);
}

enum route_status route_request(struct route *r, const struct pending *request)
{
	uint64_t hash = hash_id(r, &request->id);

	if (request->id.type == ID_NONE)
		return ROUTE_UNKNOWN;
	if (*find(r, &request->id, hash))
		return ROUTE_ID_IN_USE;
	if (r->n >= r->max) {
		if (!r->remembered.oldest)
			return ROUTE_FULL;
		drop(r, r->remembered.oldest);
	}
	struct entry *e = malloc(sizeof(*e));
	char *id_raw = request->id_raw ? strdup(request->id_raw) : NULL;
	if (!e || (request->id_raw && !id_raw) || heap_room(r) < 0) {
		free(e);
		free(id_raw);
		return ROUTE_NO_MEMORY;
	}
	if (r->n > r->mask)
		grow(r);
	e->pending = *request;
	e->pending.id_raw = id_raw;
	e->pending.state = PENDING_WAITING;
	e->pending.cancelled = false;
	e->hash = hash;
	e->next = r->buckets[hash & r->mask];
	r->buckets[hash & r->mask] = e;
	list_add(&r->waiting, e);
	e->heap_at = NOT_IN_HEAP;
	if (e->pending.deadline)
		heap_up(r, r->heap_n++, e);
	r->n++;
	return ROUTE_OK;
}

enum route_status route_answer(struct route *r, const struct rpc_id *id, struct pending *out)
{
	struct entry *e = id->type == ID_NONE ? NULL : *find(r, id, hash_id(r, id));

	if (!e)
		return ROUTE_UNKNOWN;
	if (!is_waiting(e)) {
		drop(r, e);
		return ROUTE_LATE;
	}
	detach(r, e);
	*out = e->pending;
	free(e);
	return ROUTE_OK;
}

bool route_known(const struct route *r, const struct rpc_id *id)
{
	return id->type != ID_NONE && *find(r, id, hash_id(r, id));
}

struct pending *route_get(struct route *r, const struct rpc_id *id)
{
	struct entry *e = id->type == ID_NONE ? NULL : *find(r, id, hash_id(r, id));

	return e && is_waiting(e) ? &e->pending : NULL;
}

struct pending *route_find(struct route *r, bool (*match)(const struct pending *p, const void *context), const void *context)
{
	for (struct entry *e = r->waiting.newest; e; e = e->older)
		if (match(&e->pending, context))
			return &e->pending;
	return NULL;
}

uint64_t route_key(const struct route *r, const struct rpc_id *id)
{
	return hash_id(r, id) | 1;
}

uint64_t route_key_text(const struct route *r, struct span text)
{
	return hash_text(r, mix(r->seed[1], r->seed[0]), text.p, text.n) | 1;
}

void route_deadline(struct route *r, const struct rpc_id *id, uint64_t deadline)
{
	struct entry *e = id->type == ID_NONE ? NULL : *find(r, id, hash_id(r, id));

	if (!e || !is_waiting(e))
		return;
	heap_remove(r, e);
	e->pending.deadline = 0;
	if (deadline == 0 || heap_room(r) < 0)
		return;
	e->pending.deadline = deadline;
	heap_up(r, r->heap_n++, e);
}

enum route_status route_forget(struct route *r, const struct rpc_id *id, struct pending *out)
{
	struct entry *e = id->type == ID_NONE ? NULL : *find(r, id, hash_id(r, id));

	if (!e)
		return ROUTE_UNKNOWN;
	detach(r, e);
	*out = e->pending;
	free(e);
	return ROUTE_OK;
}

enum route_status route_cancel(struct route *r, const struct rpc_id *id)
{
	struct entry *e = id->type == ID_NONE ? NULL : *find(r, id, hash_id(r, id));

	if (!e)
		return ROUTE_UNKNOWN;
	if (!is_waiting(e))
		return ROUTE_LATE;
	demote(r, e);
	e->pending.cancelled = true;
	return ROUTE_OK;
}

uint64_t route_next_deadline(const struct route *r)
{
	return r->heap_n ? r->heap[0]->pending.deadline : 0;
}

bool route_expire(struct route *r, uint64_t now, struct pending *out)
{
	if (r->heap_n == 0 || r->heap[0]->pending.deadline > now)
		return false;
	struct entry *e = r->heap[0];
	demote(r, e);
	e->pending.state = PENDING_ANSWERED_BY_US;
	/* The token is needed for the answer, not for remembering: it moves. */
	*out = e->pending;
	e->pending.id_raw = NULL;
	return true;
}

size_t route_waiting(const struct route *r)
{
	return r->waiting.n;
}

bool route_drain(struct route *r, struct pending *out)
{
	struct entry *e = r->waiting.oldest;

	if (!e)
		return false;
	detach(r, e);
	*out = e->pending;
	free(e);
	return true;
}

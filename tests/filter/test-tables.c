/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Asks every list, compiled for every architecture, what table.c expects: each row, each row with rubbish in the halves of the
 * arguments that the kernel does not look at, each call without conditions, each number that has no call, x32 and foreign
 * architectures.
 */
#include "base/cleanup.h"
#include "tests/filter/bpf.h"
#include "tests/filter/lists.h"
#include "tests/tap.h"

#include <linux/audit.h>

#include "tests/filter/compiled.h"

#define X32_BIT 0x40000000U

struct compiled {
	const char *name;
	unsigned list, arch;
	const struct sock_filter *program;
	size_t n;
};

#define COMPILED(name, list)                                                                     \
	{ #name "/x86_64", list, X86_64, name##_x86_64, ARRAY_SIZE(name##_x86_64) }, {           \
		#name "/aarch64", list, AARCH64, name##_aarch64, ARRAY_SIZE(name##_aarch64)      \
	}

static const struct compiled COMPILED[] = {
	COMPILED(server, SERVER),
	COMPILED(server_unix, UNIX),
	COMPILED(reduced, REDUCED),
	COMPILED(reduced_net, REDUCED_NET),
	COMPILED(filter, FILTER),
	COMPILED(init, INIT),
};

static uint32_t audit_arch(unsigned arch)
{
	return arch == X86_64 ? AUDIT_ARCH_X86_64 : AUDIT_ARCH_AARCH64;
}

static int call_number(unsigned arch, const char *name)
{
	const struct call_name *calls = arch == X86_64 ? calls_x86_64 : calls_aarch64;
	size_t n = arch == X86_64 ? ARRAY_SIZE(calls_x86_64) : ARRAY_SIZE(calls_aarch64);
	/* Calls that may be newer than libseccomp's table. */
	static const struct call_name newer[] = {
		{ "cachestat", 451 }, { "fchmodat2", 452 }, { "map_shadow_stack", 453 }, { "futex_wake", 454 },
		{ "futex_wait", 455 }, { "futex_requeue", 456 }, { "statmount", 457 }, { "listmount", 458 },
		{ "lsm_get_self_attr", 459 }, { "lsm_set_self_attr", 460 }, { "lsm_list_modules", 461 }, { "mseal", 462 },
		{ "setxattrat", 463 }, { "getxattrat", 464 }, { "listxattrat", 465 }, { "removexattrat", 466 },
		{ "open_tree_attr", 467 }, { "file_getattr", 468 }, { "file_setattr", 469 },
		{ "listns", 470 }, { "rseq_slice_yield", 471 }, { "uretprobe", 335 }, { "uprobe", 336 },
	};

	for (size_t i = 0; i < n; i++)
		if (strcmp(calls[i].name, name) == 0)
			return calls[i].nr;
	for (size_t i = 0; i < ARRAY_SIZE(newer); i++)
		if (strcmp(newer[i].name, name) == 0)
			return newer[i].nr;
	return -1;
}

static uint32_t ask(const struct compiled *c, uint32_t arch, uint32_t nr, const uint64_t args[6])
{
	struct seccomp_data data = { .nr = (int)nr, .arch = arch, .instruction_pointer = 0x1122334455667788 };
	unsigned steps;

	for (int i = 0; args && i < 6; i++)
		data.args[i] = args[i];
	return bpf_run(c->program, c->n, &data, &steps);
}

static const char *say(uint32_t action)
{
	static char text[2][32];
	static int which;

	which = !which;
	if (action == ALLOW)
		return "allow";
	if (action == KILL)
		return "kill";
	if ((action & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO)
		snprintf(text[which], sizeof(text[which]), "errno %u", action & SECCOMP_RET_DATA);
	else
		snprintf(text[which], sizeof(text[which]), "0x%08x", action);
	return text[which];
}

/* One row on one list; false and a diagnosis when the answer is another. */
static bool row_holds(const struct compiled *c, const struct row *row)
{
	int nr = call_number(c->arch, row->call);
	uint64_t args[6];
	uint32_t got;

	if (nr < 0) {
		diag("%s: no call %s", c->name, row->call);
		return false;
	}
	got = ask(c, audit_arch(c->arch), (uint32_t)nr, row->args);
	if (got != row->want) {
		diag("%s: %s(0x%" PRIx64 ", 0x%" PRIx64 ", 0x%" PRIx64 ", 0x%" PRIx64 "): %s, want %s", c->name, row->call,
		     row->args[0], row->args[1], row->args[2], row->args[3], say(got), say(row->want));
		return false;
	}
	/* An address is 64 bits wide; everything else that the lists look at is an int. */
	if (strcmp(row->call, "sendto") == 0 || strcmp(row->call, "prlimit64") == 0)
		return true;
	for (int bit = 32; bit < 64; bit++) {
		for (int i = 0; i < 6; i++)
			args[i] = row->args[i] | 1ULL << bit;
		got = ask(c, audit_arch(c->arch), (uint32_t)nr, args);
		if (got != row->want) {
			diag("%s: %s with bit %d set: %s, want %s", c->name, row->call, bit, say(got), say(row->want));
			return false;
		}
	}
	return true;
}

static void test_rows(const struct compiled *c)
{
	int rows = 0, bad = 0;

	for (size_t i = 0; i < ROWS_N; i++) {
		if (!(ROWS[i].lists & c->list) || !(ROWS[i].archs & c->arch))
			continue;
		rows++;
		bad += !row_holds(c, &ROWS[i]);
	}
	ok(rows > 10 && bad == 0, "%s: %d calls with arguments, also with high bits set", c->name, rows);
}

/* Marks the calls that a group or a row names: 1 whatever the arguments, 2 depending on them. */
static void test_groups(const struct compiled *c, unsigned char named[1024])
{
	static const uint64_t zeroes[6], ones[6] = { ~0ULL, ~0ULL, ~0ULL, ~0ULL, ~0ULL, ~0ULL };
	int calls = 0, bad = 0;

	for (size_t i = 0; i < GROUPS_N; i++) {
		if (!(GROUPS[i].lists & c->list) || !(GROUPS[i].archs & c->arch))
			continue;
		char words[512], *save = NULL;
		snprintf(words, sizeof(words), "%s", GROUPS[i].calls);
		for (char *w = strtok_r(words, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
			int nr = call_number(c->arch, w);
			calls++;
			if (nr < 0 || nr >= 1024 || named[nr]) {
				diag("%s: %s is unknown here, or named twice", c->name, w);
				bad++;
				continue;
			}
			named[nr] = 1;
			uint32_t a = ask(c, audit_arch(c->arch), (uint32_t)nr, zeroes);
			uint32_t b = ask(c, audit_arch(c->arch), (uint32_t)nr, ones);
			if (a == GROUPS[i].want && b == GROUPS[i].want)
				continue;
			diag("%s: %s: %s and %s, want %s", c->name, w, say(a), say(b), say(GROUPS[i].want));
			bad++;
		}
	}
	for (size_t i = 0; i < ROWS_N; i++)
		if ((ROWS[i].lists & c->list) && (ROWS[i].archs & c->arch) && call_number(c->arch, ROWS[i].call) >= 0)
			named[call_number(c->arch, ROWS[i].call)] = 2;
	ok(calls > 20 && bad == 0, "%s: %d calls without conditions", c->name, calls);
}

/* What nobody named: the default, and on the server's list only numbers without a call. */
static void test_default(const struct compiled *c, const unsigned char named[1024])
{
	uint32_t want = c->list & SERVERS ? ERRNO(ENOSYS) : KILL;
	const struct call_name *calls = c->arch == X86_64 ? calls_x86_64 : calls_aarch64;
	size_t n = c->arch == X86_64 ? ARRAY_SIZE(calls_x86_64) : ARRAY_SIZE(calls_aarch64);
	int bad = 0, asked = 0;

	for (uint32_t nr = 0; nr < 70000; nr++) {
		if (nr < 1024 && named[nr])
			continue;
		asked++;
		if (ask(c, audit_arch(c->arch), nr, NULL) != want && bad++ < 5)
			diag("%s: number %u: %s", c->name, nr, say(ask(c, audit_arch(c->arch), nr, NULL)));
	}
	ok(asked > 69000 && bad == 0, "%s: %d numbers that no line names: %s", c->name, asked, say(want));
	if (!(c->list & SERVERS))
		return;
	bad = 0;
	for (size_t i = 0; i < n; i++)
		if (!named[calls[i].nr]) {
			diag("%s: nothing is expected of %s", c->name, calls[i].name);
			bad++;
		}
	is_int(bad, 0, "%s: every call of %zu has an expectation", c->name, n);
}

static void test_foreign(const struct compiled *c)
{
	static const uint32_t archs[] = { AUDIT_ARCH_I386, AUDIT_ARCH_ARM, AUDIT_ARCH_X86_64, AUDIT_ARCH_AARCH64,
					  AUDIT_ARCH_RISCV64, AUDIT_ARCH_S390X, 0, 0xffffffff,
					  AUDIT_ARCH_X86_64 & ~__AUDIT_ARCH_64BIT, AUDIT_ARCH_AARCH64 & ~__AUDIT_ARCH_LE };
	static const uint32_t high[] = { X32_BIT, X32_BIT | 1, X32_BIT | 59, X32_BIT | 512, X32_BIT | 547, 0x7fffffff,
					 0x80000000, 0xc0000000, 0xfffffffe, 0xffffffff };
	int bad = 0;

	for (size_t i = 0; i < ARRAY_SIZE(archs); i++)
		for (uint32_t nr = 0; archs[i] != audit_arch(c->arch) && nr < 1024; nr++)
			bad += ask(c, archs[i], nr, NULL) != KILL;
	is_int(bad, 0, "%s: every call of another architecture kills", c->name);
	/* aarch64 has no second table behind a bit: these are numbers without a call. */
	uint32_t want = c->arch == X86_64 || c->list & OWN ? KILL : ERRNO(ENOSYS);
	bad = 0;
	for (size_t i = 0; i < ARRAY_SIZE(high); i++)
		bad += ask(c, audit_arch(c->arch), high[i], NULL) != want;
	for (uint32_t nr = 0; nr < 1024; nr++)
		bad += ask(c, audit_arch(c->arch), nr | X32_BIT, NULL) != want;
	is_int(bad, 0, "%s: numbers with the x32 bit, and higher ones: %s", c->name, say(want));
}

/* The kernel asks the filter at every call that depends on arguments. */
static void test_steps(const struct compiled *c)
{
	unsigned most = 0;

	for (uint32_t nr = 0; nr < 600; nr++) {
		struct seccomp_data data = { .nr = (int)nr, .arch = audit_arch(c->arch) };
		unsigned steps;
		bpf_run(c->program, c->n, &data, &steps);
		if (steps > most)
			most = steps;
	}
	ok(most < 100 && c->n < 1000, "%s: %zu instructions, at most %u of them for a call", c->name, c->n, most);
}

int main(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(COMPILED); i++) {
		unsigned char named[1024] = { 0 };
		test_rows(&COMPILED[i]);
		test_groups(&COMPILED[i], named);
		test_default(&COMPILED[i], named);
		test_foreign(&COMPILED[i]);
		test_steps(&COMPILED[i]);
	}
	return done_testing();
}

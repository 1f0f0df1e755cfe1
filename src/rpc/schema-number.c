/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See schema-number.h. A is a multiple of B when, written as A = a * 10^i and B = b * 10^j with whole numbers a
 * and b that do not end in 0, b divides a * 10^(i - j). For i < j it cannot, since 10 would divide a; else the
 * remainder is taken digit by digit, and of the zeroes that 10^(i - j) adds only as many matter as b can have
 * factors of 2 or 5.
 */
#include "rpc/schema-number.h"

#define EXPONENT_MAX ((int64_t)100000000000000000)
#define LIMB 1000000000u
#define LIMBS (DECIMAL_DIVISOR_MAX / 9 + 2)

void decimal_parse(struct span token, struct decimal *d)
{
	const char *p = token.p, *end = token.p + token.n, *first = NULL;
	int64_t whole = 0, at = 0, first_at = 0, last_at = 0, exponent = 0;
	bool point = false;

	*d = (struct decimal){ .p = token.p };
	if (p < end && *p == '-') {
		d->negative = true;
		p++;
	}
	for (; p < end && *p != 'e' && *p != 'E'; p++) {
		if (*p == '.') {
			point = true;
			continue;
		}
		if (!point)
			whole++;
		if (*p != '0') {
			if (!first) {
				first = p;
				first_at = at;
			}
			last_at = at;
		}
		at++;
	}
	if (!first) {
		d->negative = false; /* -0 is 0 */
		return;
	}
	if (p < end) {
		bool minus = ++p < end && *p == '-';
		if (p < end && (*p == '-' || *p == '+'))
			p++;
		for (; p < end && exponent < EXPONENT_MAX; p++)
			exponent = exponent * 10 + (*p - '0');
		d->vast = exponent >= EXPONENT_MAX;
		if (d->vast)
			exponent = INT64_MAX / 2;
		if (minus)
			exponent = -exponent;
	}
	d->p = first;
	d->n = (uint32_t)(last_at - first_at + 1);
	d->point = whole - first_at + exponent;
}

static inline unsigned next_digit(const char **p)
{
	if (**p == '.')
		(*p)++;
	return (unsigned)(*(*p)++ - '0');
}

static int compare_magnitude(const struct decimal *a, const struct decimal *b)
{
	const char *p = a->p, *q = b->p;

	if (a->point != b->point)
		return a->point < b->point ? -1 : 1;
	for (uint32_t i = 0; i < a->n && i < b->n; i++) {
		unsigned x = next_digit(&p), y = next_digit(&q);
		if (x != y)
			return x < y ? -1 : 1;
	}
	return a->n == b->n ? 0 : a->n < b->n ? -1 : 1;
}

int decimal_compare(const struct decimal *a, const struct decimal *b)
{
	int sign_a = a->n == 0 ? 0 : a->negative ? -1 : 1, sign_b = b->n == 0 ? 0 : b->negative ? -1 : 1;
	if (sign_a != sign_b)
		return sign_a < sign_b ? -1 : 1;
	if (sign_a == 0)
		return 0;
	if (a->vast && b->vast && (a->point < 0) == (b->point < 0))
		return 2;
	int order = compare_magnitude(a, b);
	return sign_a < 0 ? -order : order;
}

bool decimal_integer(const struct decimal *d)
{
	return d->n == 0 || d->point >= (int64_t)d->n;
}

/* ---- remainders ------------------------------------------------------------------------------- */

/* How many zeroes behind A's digits matter for B. */
static uint32_t zeroes(const struct decimal *a, const struct decimal *b)
{
	int64_t more = (a->point - a->n) - (b->point - b->n), enough = (int64_t)b->n * 4;

	return (uint32_t)(more < enough ? more : enough);
}

static int multiple_small(const struct decimal *a, const struct decimal *b)
{
	uint64_t divisor = 0, rest = 0;
	const char *p = b->p;

	for (uint32_t i = 0; i < b->n; i++)
		divisor = divisor * 10 + next_digit(&p);
	p = a->p;
	for (uint32_t i = 0; i < a->n; i++)
		rest = (rest * 10 + next_digit(&p)) % divisor;
	for (uint32_t i = zeroes(a, b); i > 0 && rest != 0; i--)
		rest = rest * 10 % divisor;
	return rest == 0;
}

struct big {
	uint32_t v[LIMBS]; /* base 10^9, lowest first */
	uint32_t n;
};

/* REST = REST * 10 + DIGIT, reduced by DIVISOR. Both have the same number of limbs, the top one with room for a digit. */
static void big_step(struct big *rest, const struct big *divisor, unsigned digit)
{
	uint64_t carry = digit;

	for (uint32_t i = 0; i < rest->n; i++) {
		carry += (uint64_t)rest->v[i] * 10;
		rest->v[i] = (uint32_t)(carry % LIMB);
		carry /= LIMB;
	}
	for (;;) {
		uint32_t i = rest->n;
		while (i > 0 && rest->v[i - 1] == divisor->v[i - 1])
			i--;
		if (i > 0 && rest->v[i - 1] < divisor->v[i - 1])
			return;
		uint32_t borrow = 0;
		for (i = 0; i < rest->n; i++) {
			uint32_t take = divisor->v[i] + borrow;
			borrow = rest->v[i] < take;
			rest->v[i] = rest->v[i] + (borrow ? LIMB : 0) - take;
		}
	}
}

static int multiple_big(const struct decimal *a, const struct decimal *b)
{
	struct big divisor = { .n = b->n / 9 + 2 }, rest = { .n = b->n / 9 + 2 };
	const char *p = b->p;

	for (uint32_t i = 0; i < b->n; i++) {
		uint64_t carry = next_digit(&p);
		for (uint32_t j = 0; j < divisor.n; j++) {
			carry += (uint64_t)divisor.v[j] * 10;
			divisor.v[j] = (uint32_t)(carry % LIMB);
			carry /= LIMB;
		}
	}
	p = a->p;
	for (uint32_t i = 0; i < a->n; i++)
		big_step(&rest, &divisor, next_digit(&p));
	for (uint32_t i = zeroes(a, b); i > 0; i--)
		big_step(&rest, &divisor, 0);
	for (uint32_t i = 0; i < rest.n; i++)
		if (rest.v[i] != 0)
			return 0;
	return 1;
}

int decimal_multiple(const struct decimal *a, const struct decimal *b)
{
	if (a->n == 0)
		return 1;
	if (a->vast || b->vast || b->n == 0 || b->n > DECIMAL_DIVISOR_MAX)
		return -1;
	if (a->point - a->n < b->point - b->n)
		return 0;
	return b->n <= 17 ? multiple_small(a, b) : multiple_big(a, b);
}

uint64_t decimal_multiple_work(const struct decimal *a, const struct decimal *b)
{
	uint64_t each = b->n <= 17 ? 1 : 8 * ((uint64_t)b->n / 9 + 2);

	return ((uint64_t)a->n + 4 * (uint64_t)b->n) * each;
}

uint64_t decimal_hash(const struct decimal *d)
{
	uint64_t h = (uint64_t)d->point * 0x9e3779b97f4a7c15u + d->negative;
	const char *p = d->p;

	for (uint32_t i = 0; i < d->n; i++)
		h = (h ^ next_digit(&p)) * 0x100000001b3u;
	return h ^ (h >> 29);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Numbers as the decimal text they are: comparing and dividing JSON's number tokens without rounding, in work
 * that is linear in their digits and does not depend on their exponents. Pure. For rpc/schema*.c.
 */
#pragma once

#include "base/span.h"

#include <stdint.h>

/* The value is 0.DIGITS times ten to the power POINT, DIGITS without zeroes at either end. */
struct decimal {
	const char *p; /* the first digit that is not 0; a '.' may stand between digits */
	uint32_t n;    /* digits */
	bool negative;
	bool vast;     /* the exponent is beyond 10^17 either way: not kept */
	int64_t point; /* 0 when n is 0, which is zero */
};

/* Digits of a "multipleOf". */
#define DECIMAL_DIVISOR_MAX 540

/* TOKEN follows the grammar of JSON. */
void decimal_parse(struct span token, struct decimal *d);
/* -1, 0, 1, or 2: both are vast and it cannot be told. */
int decimal_compare(const struct decimal *a, const struct decimal *b);
/* No fraction: 1.0 and 1e3 are integers. */
bool decimal_integer(const struct decimal *d);
/*
 * Whether A is a multiple of B, which is greater than 0: 1, 0, or -1: one of them is vast or B has too many digits.
 * Takes about decimal_multiple_work() additions.
 */
int decimal_multiple(const struct decimal *a, const struct decimal *b);
uint64_t decimal_multiple_work(const struct decimal *a, const struct decimal *b);
/* Equal numbers have equal hashes. */
uint64_t decimal_hash(const struct decimal *d);

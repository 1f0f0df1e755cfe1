/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Two tables of sixteen, one for each half of a byte, have a bit in common exactly where the byte is no letter of base64: one
 * shuffle instruction looks sixteen or more bytes up at once. (W. Muła and D. Lemire, "Faster Base64 Encoding and Decoding using
 * AVX2 Instructions".) The same tables serve the processors that have no such instruction.
 */
#include "rpc/base64.h"

#include <stdint.h>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__) && defined(__ARM_NEON)
#include <arm_neon.h>
#endif

static const uint8_t low_half[16] = {
	0x15, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x13, 0x1a, 0x1b, 0x1b, 0x1b, 0x1a,
};
static const uint8_t high_half[16] = {
	0x10, 0x10, 0x01, 0x02, 0x04, 0x08, 0x04, 0x08, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10,
};

#if defined(__x86_64__)
#define WIDE
/* How many bytes from P on are letters, in whole blocks; what is left is looked at one by one. */
__attribute__((target("avx2"))) static size_t blocks(const uint8_t *p, size_t n)
{
	const __m256i low = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)low_half));
	const __m256i high = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)high_half));
	const __m256i half = _mm256_set1_epi8(0x0f);
	size_t i = 0;

	for (; n - i >= 64; i += 64) {
		__m256i a = _mm256_loadu_si256((const __m256i *)(const void *)(p + i));
		__m256i b = _mm256_loadu_si256((const __m256i *)(const void *)(p + i + 32));
		__m256i x = _mm256_and_si256(_mm256_shuffle_epi8(low, _mm256_and_si256(a, half)),
					     _mm256_shuffle_epi8(high, _mm256_and_si256(_mm256_srli_epi32(a, 4), half)));
		__m256i y = _mm256_and_si256(_mm256_shuffle_epi8(low, _mm256_and_si256(b, half)),
					     _mm256_shuffle_epi8(high, _mm256_and_si256(_mm256_srli_epi32(b, 4), half)));
		x = _mm256_or_si256(x, y);
		if (!_mm256_testz_si256(x, x))
			break;
	}
	return i;
}

static bool has_blocks(void)
{
	return __builtin_cpu_supports("avx2");
}
#elif defined(__aarch64__) && defined(__ARM_NEON)
#define WIDE
static size_t blocks(const uint8_t *p, size_t n)
{
	const uint8x16_t low = vld1q_u8(low_half), high = vld1q_u8(high_half);
	size_t i = 0;

	for (; n - i >= 16; i += 16) {
		uint8x16_t a = vld1q_u8(p + i);
		uint8x16_t x = vandq_u8(vqtbl1q_u8(low, vandq_u8(a, vdupq_n_u8(0x0f))), vqtbl1q_u8(high, vshrq_n_u8(a, 4)));
		if (vmaxvq_u8(x))
			break;
	}
	return i;
}

static bool has_blocks(void)
{
	return true;
}
#endif

bool base64_is(struct span s)
{
	const uint8_t *p = (const uint8_t *)s.p;
	size_t n = s.n, i = 0;

	for (int k = 0; k < 2 && n > 0 && p[n - 1] == '='; k++)
		n--;
#ifdef WIDE
	if (n >= 64 && has_blocks())
		i = blocks(p, n);
#endif
	for (; i < n; i++)
		if (low_half[p[i] & 0x0f] & high_half[p[i] >> 4])
			return false;
	return true;
}

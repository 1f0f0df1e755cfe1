/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How far a JSON string goes on plainly: the one loop of the mediator that has to run at memory speed. A byte is plain
 * when it is ASCII, no control character, no quote and no backslash; one signed comparison with 0x20 finds both
 * the control characters and the bytes from 0x80 on.
 *
 * SSE2 is part of x86_64 and Advanced SIMD of aarch64; long runs use AVX2 where the processor has it (the caller asked
 * once and passes the answer). No byte outside [p, end) is read. Called by rpc/scan*.c alone.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__SSE2__)
#include <immintrin.h>
#elif defined(__aarch64__) && defined(__ARM_NEON)
#include <arm_neon.h>
#endif

static inline bool byte_is_plain(uint8_t c)
{
	return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

/* A bit in each byte of the result (0x80) that is not plain in WORD; bytes above the lowest one may be false alarms. */
static inline uint64_t plain_word(uint64_t word)
{
	const uint64_t ones = 0x0101010101010101u, tops = 0x8080808080808080u;
	uint64_t quote = word ^ (ones * '"'), slash = word ^ (ones * '\\');

	return ((word - ones * 0x20) | (quote - ones) | (slash - ones) | word) & tops;
}

static inline const uint8_t *plain_tail(const uint8_t *p, const uint8_t *end)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	while (end - p >= 8) {
		uint64_t word;
		memcpy(&word, p, sizeof(word));
		uint64_t stop = plain_word(word);
		if (stop)
			return p + (__builtin_ctzll(stop) >> 3);
		p += 8;
	}
#endif
	while (p < end && byte_is_plain(*p))
		p++;
	return p;
}

#if defined(__SSE2__)
static inline __m128i stops_16(const uint8_t *p)
{
	__m128i x = _mm_loadu_si128((const __m128i *)(const void *)p);
	__m128i low = _mm_cmplt_epi8(x, _mm_set1_epi8(0x20));
	__m128i quote = _mm_cmpeq_epi8(x, _mm_set1_epi8('"'));
	__m128i slash = _mm_cmpeq_epi8(x, _mm_set1_epi8('\\'));

	return _mm_or_si128(low, _mm_or_si128(quote, slash));
}

/* The first byte of [p, end) that is not plain, or end. */
static inline const uint8_t *plain_run(const uint8_t *p, const uint8_t *end)
{
	while (end - p >= 16) {
		unsigned stops = (unsigned)_mm_movemask_epi8(stops_16(p));
		if (stops)
			return p + __builtin_ctz(stops);
		p += 16;
	}
	return plain_tail(p, end);
}

__attribute__((target("avx2"))) static inline __m256i stops_32(const uint8_t *p)
{
	__m256i x = _mm256_loadu_si256((const __m256i *)(const void *)p);
	__m256i low = _mm256_cmpgt_epi8(_mm256_set1_epi8(0x20), x);
	__m256i quote = _mm256_cmpeq_epi8(x, _mm256_set1_epi8('"'));
	__m256i slash = _mm256_cmpeq_epi8(x, _mm256_set1_epi8('\\'));

	return _mm256_or_si256(low, _mm256_or_si256(quote, slash));
}

/* Whole blocks of 128 bytes only: where the first block begins that has a stop in it, or fewer are left. */
__attribute__((target("avx2"))) static inline const uint8_t *plain_blocks_avx2(const uint8_t *p, const uint8_t *end)
{
	while (end - p >= 128) {
		__m256i a = _mm256_or_si256(stops_32(p), stops_32(p + 32));
		__m256i b = _mm256_or_si256(stops_32(p + 64), stops_32(p + 96));
		if (_mm256_movemask_epi8(_mm256_or_si256(a, b)))
			break;
		p += 128;
	}
	return p;
}

static inline const uint8_t *plain_blocks(const uint8_t *p, const uint8_t *end)
{
	while (end - p >= 64) {
		__m128i a = _mm_or_si128(stops_16(p), stops_16(p + 16));
		__m128i b = _mm_or_si128(stops_16(p + 32), stops_16(p + 48));
		if (_mm_movemask_epi8(_mm_or_si128(a, b)))
			break;
		p += 64;
	}
	return p;
}

static inline bool plain_has_avx2(void)
{
	return __builtin_cpu_supports("avx2");
}

#elif defined(__aarch64__) && defined(__ARM_NEON)
static inline uint64_t stops_16(const uint8_t *p)
{
	uint8x16_t x = vld1q_u8(p);
	uint8x16_t low = vcltq_s8(vreinterpretq_s8_u8(x), vdupq_n_s8(0x20));
	uint8x16_t stop = vorrq_u8(low, vorrq_u8(vceqq_u8(x, vdupq_n_u8('"')), vceqq_u8(x, vdupq_n_u8('\\'))));

	/* Four bits for each byte: the usual stand-in for movemask. */
	return vget_lane_u64(vreinterpret_u64_u8(vshrn_n_u16(vreinterpretq_u16_u8(stop), 4)), 0);
}

static inline const uint8_t *plain_run(const uint8_t *p, const uint8_t *end)
{
	while (end - p >= 16) {
		uint64_t stops = stops_16(p);
		if (stops)
			return p + (__builtin_ctzll(stops) >> 2);
		p += 16;
	}
	return plain_tail(p, end);
}

static inline const uint8_t *plain_blocks(const uint8_t *p, const uint8_t *end)
{
	while (end - p >= 64 && !(stops_16(p) | stops_16(p + 16) | stops_16(p + 32) | stops_16(p + 48)))
		p += 64;
	return p;
}

#else
static inline const uint8_t *plain_run(const uint8_t *p, const uint8_t *end)
{
	return plain_tail(p, end);
}

static inline const uint8_t *plain_blocks(const uint8_t *p, const uint8_t *end)
{
	(void)end;
	return p;
}
#endif

#if !defined(__SSE2__)
static inline const uint8_t *plain_blocks_avx2(const uint8_t *p, const uint8_t *end)
{
	(void)end;
	return p;
}

static inline bool plain_has_avx2(void)
{
	return false;
}
#endif
